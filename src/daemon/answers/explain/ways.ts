/** How packets to an address leave this machine, as far as the gateway knows: by its own routes and by its links. */

import type { ExplainAnswer } from "../../../api/explain-schema.ts";
import { type Address, contains, type Prefix, prefixOf, widthOf } from "../../../bgp/net/address.ts";
import { formatPrefix } from "../../../bgp/net/text.ts";
import { connectedOf } from "../../../gateway/connected.ts";
import type { KernelRoute } from "../../../gateway/intent.ts";
import { pathsOf } from "../gateway-answers.ts";
import type { ExplainSource } from "./source.ts";

type Looked = Pick<ExplainSource, "now" | "links" | "model">;

export interface WayOut {
  readonly prefix: Prefix;
  readonly origin: "ours" | "link";
  readonly via: readonly string[];
  readonly discards: boolean;
  readonly installed: boolean;
}

/** The longest route that holds all of a prefix, or network of a link that is up; of equal ones the link's. */
export function wayOut({ now, links, model }: Looked, to: Prefix): WayOut | undefined {
  const [link] = connectedOf(links)
    .filter(({ prefix }) => contains(prefix, to))
    .toSorted((a, b) => b.prefix.length - a.prefix.length);
  const least = link === undefined ? 0 : link.prefix.length + 1;
  for (let { length } = to; length >= least; length--) {
    const prefix = prefixOf(to, length);
    const target = now.targetOf(prefix);
    if (target === undefined) continue;
    const installed = model.kernel.type === "none" || now.isInstalled(prefix);
    return { prefix, origin: "ours", ...viaOf(target), installed };
  }
  return (
    link && { prefix: link.prefix, origin: "link", via: [link.interface], discards: false, installed: true }
  );
}

const viaOf = (target: KernelRoute["target"]): Pick<WayOut, "via" | "discards"> =>
  target.to === "discard" ? { via: [target.how], discards: true } : { via: pathsOf(target), discards: false };

export const wayAnswer = ({
  prefix,
  origin,
  via,
  installed,
}: WayOut): NonNullable<ExplainAnswer["kernel"]> => ({
  prefix: formatPrefix(prefix),
  origin,
  via,
  installed,
});

/** "10.65.0.13/32 by 10.0.0.2 dev eth0". */
export const wayText = ({ prefix, via }: WayOut): string => `${formatPrefix(prefix)} by ${via.join(", ")}`;

/** Whatever leads there but a default route, which says of no address that it is there, and what throws packets away. */
export function realWay(source: Looked, to: Address): WayOut | undefined {
  const way = wayOut(source, prefixOf(to, widthOf(to.family)));
  return way === undefined || way.discards || way.prefix.length === 0 ? undefined : way;
}
