/** What the API tells as events: the lines of the log, and the changes of what we announce, of which the log has none. */

import type { EventFeed } from "../../api/events.ts";
import type { Prefix } from "../../bgp/net/address.ts";
import { formatPrefix } from "../../bgp/net/text.ts";
import { kindOf } from "../../gateway/kinds.ts";

interface Line {
  readonly event: string;
  readonly level: string;
  readonly time: string;
  readonly msg?: string;
  readonly [fact: string]: unknown;
}

/** Stacks of our own bugs are for the log alone. */
export function hearLog(feed: EventFeed, line: string): void {
  const { err: _, ...facts } = JSON.parse(line) as Line;
  feed.add(facts as Line);
}

/** What became of one prefix of ours. @param tag - of what is announced; undefined: it is withdrawn */
export interface Change {
  readonly prefix: Prefix;
  readonly tag: number | undefined;
}

export function hearChange(feed: EventFeed, { prefix, tag }: Change): void {
  feed.addRoute(formatPrefix(prefix), tag === undefined ? undefined : kindOf(tag), new Date().toISOString());
}
