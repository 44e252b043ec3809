/** What the reconciler tells of itself. */

import type { Prefix } from "../bgp/net/address.ts";
import type { Announcement, Intent, KernelRoute, LearnedRoute, Problem } from "./intent.ts";

/** What is in force. It holds no copy of any table: it is true until the next change. */
export interface Snapshot {
  /** Everything has been looked at; what is not in force is in `problems`. */
  readonly synced: boolean;
  /** What the model's own objects want. */
  readonly intent: Intent | undefined;
  /** By prefix text: what this speaker originates now. */
  readonly announced: ReadonlyMap<string, Announcement>;
  /** How many routes in the kernel bear our mark. */
  readonly installed: number;
  readonly isInstalled: (prefix: Prefix) => boolean;
  /** What the kernel is to do with a prefix, of our own or learned. */
  readonly targetOf: (prefix: Prefix) => KernelRoute["target"] | undefined;
  /** What peers tell of this very prefix. */
  readonly learnedAt: (prefix: Prefix) => LearnedRoute | undefined;
  /** True when the kernel holds the NAT table of `intent`. */
  readonly natProgrammed: boolean;
  /** What was refused and why, by prefix text; "nat" for the NAT table. */
  readonly failures: ReadonlyMap<string, string>;
  readonly problems: readonly Problem[];
  /** Things that somebody else had changed, and that were put right. */
  readonly driftRepairs: number;
}
