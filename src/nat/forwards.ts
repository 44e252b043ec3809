/** Port forwarding: each port of a floating IP is an element of a hash, so that a packet costs one look into it. */

import { type Address, compareAddresses } from "../bgp/net/address.ts";
import { formatAddress, parseAddress } from "../bgp/net/text.ts";
import type { Forward, PortRange } from "../model/model.ts";
import { addresses } from "./elements.ts";
import type { Elements, SetContents } from "./layout.ts";
import type { ForwardMapping, NatTable } from "./table.ts";
import { WITH_TIMERS } from "./timers.ts";

export function forwardSets({ forwards }: NatTable): Pick<SetContents, "forwards" | "forwarded" | "targets"> {
  return {
    forwards: forwardElements(forwards),
    forwarded: addresses(forwards.map((forward) => forward.floating)),
    targets: addresses(forwards.map((forward) => forward.to)),
  };
}

/** "172.16.1.3 . tcp . 443" to "10.65.0.13 . 8443". */
export function forwardElements(forwards: readonly ForwardMapping[]): Elements {
  const elements = new Map<string, string>();
  for (const { floating, protocol, ports, to, toPorts } of forwards) {
    const from = `${formatAddress(floating)} . ${protocol}`;
    const target = formatAddress(to);
    const step = toPorts.first === toPorts.last ? 0 : 1;
    for (let i = 0; i <= ports.last - ports.first; i++)
      elements.set(`${from} . ${ports.first + i}`, `${target} . ${toPorts.first + i * step}`);
  }
  return elements;
}

export const TO_TARGET: readonly string[] = [
  `ip daddr @forwarded ${WITH_TIMERS}`,
  "meta l4proto { tcp, udp } dnat ip to ip daddr . meta l4proto . th dport map @forwards",
];

/** Some ports of a floating IP that led to a private address. */
export interface ForwardedPorts {
  readonly public: Address;
  readonly private: Address;
  readonly ports: { readonly protocol: Forward["protocol"]; readonly first: number; readonly last: number };
}

/**
 * What `before` had and `after` has not, ports beside each other in one.
 * @param keep - only what leads elsewhere counts
 */
export function goneForwards(
  before: readonly ForwardMapping[],
  after: readonly ForwardMapping[],
  keep: boolean,
): ForwardedPorts[] {
  const now = forwardElements(forwardsOnlyIn(after, before));
  const gone = [...forwardElements(forwardsOnlyIn(before, after))].filter(([key, value]) => {
    const to = now.get(key);
    return to === undefined ? !keep : to !== value;
  });
  return inRanges(gone.flatMap(([key, value]) => forwardAt(key, value) ?? []));
}

/** Those of `list` that `other` does not have. */
export function forwardsOnlyIn(
  list: readonly ForwardMapping[],
  other: readonly ForwardMapping[],
): readonly ForwardMapping[] {
  if (list === other) return [];
  const keys = new Set(other.map(keyOf));
  return list.filter((forward) => !keys.has(keyOf(forward)));
}

const keyOf = ({ floating, protocol, ports, to, toPorts }: ForwardMapping): string =>
  [floating.w0, protocol, ports.first, ports.last, to.w0, toPorts.first, toPorts.last].join(" ");

/** The port that an element forwards; undefined when it is none of ours. */
export function forwardAt(key: string, value: string): ForwardMapping | undefined {
  const [from = "", protocol, port] = key.split(" . ");
  const [target = "", toPort] = value.split(" . ");
  const [floating, to] = [parseAddress(from), parseAddress(target)];
  if (floating === undefined || to === undefined || (protocol !== "tcp" && protocol !== "udp"))
    return undefined;
  return { floating, protocol, ports: only(Number(port)), to, toPorts: only(Number(toPort)) };
}

const only = (port: number): PortRange => ({ first: port, last: port });

function inRanges(single: readonly ForwardMapping[]): ForwardedPorts[] {
  const ranges: ForwardedPorts[] = [];
  for (const { floating, protocol, ports, to } of single.toSorted(compareForwards)) {
    const last = ranges.at(-1);
    const isBeside =
      last !== undefined &&
      last.public.w0 === floating.w0 &&
      last.private.w0 === to.w0 &&
      last.ports.protocol === protocol &&
      last.ports.last + 1 === ports.first;
    if (isBeside) ranges[ranges.length - 1] = { ...last, ports: { ...last.ports, last: ports.last } };
    else ranges.push({ public: floating, private: to, ports: { protocol, ...ports } });
  }
  return ranges;
}

/** By where they come in, then by port. */
export const compareForwards = (a: ForwardMapping, b: ForwardMapping): number =>
  compareAddresses(a.floating, b.floating) ||
  Number(a.protocol > b.protocol) - Number(a.protocol < b.protocol) ||
  a.ports.first - b.ports.first;
