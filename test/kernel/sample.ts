/** Routes to try, and how to compare them. */

import { type Prefix, prefixOf } from "../../src/bgp/net/address.ts";
import { formatPrefix, parseAddress, parsePrefix } from "../../src/bgp/net/text.ts";
import type { KernelRoute, Target } from "../../src/kernel/commands.ts";

export function prefix(text: string): Prefix {
  const parsed = parsePrefix(text);
  if (parsed === undefined) throw new Error(text);
  return parsed;
}

export const route = (text: string, target: Target): KernelRoute => ({ prefix: prefix(text), target });

/** Next hops as "10.0.0.2 d0", or with a weight "10.0.0.2 d0 3". */
export function via(...hops: readonly string[]): Target & { to: "via" } {
  const nextHops = hops.map((hop) => {
    const [address, name, weight] = hop.split(" ");
    const parsed = parseAddress(address ?? "");
    if (parsed === undefined || name === undefined) throw new Error(hop);
    const plain = { address: parsed, interface: name };
    return weight === undefined ? plain : { ...plain, weight: Number(weight) };
  });
  return { to: "via", nextHops, resilient: false };
}

export const resilient = (...hops: readonly string[]): Target => ({ ...via(...hops), resilient: true });
export const link = (name: string): Target => ({ to: "link", interface: name });
export const links = (...interfaces: readonly string[]): Target => ({ to: "links", interfaces });
export const blackhole: Target = { to: "discard", how: "blackhole" };
export const unreachable: Target = { to: "discard", how: "unreachable" };

export const TARGETS4: readonly Target[] = [
  link("d0"),
  link("d1"),
  blackhole,
  unreachable,
  via("10.0.0.2 d0"),
  via("10.0.1.2 d1"),
  via("10.0.0.2 d0", "10.0.1.2 d1"),
  via("10.0.1.2 d1", "10.0.0.2 d0", "10.0.0.3 d0"),
  via("10.0.0.2 d0 3", "10.0.1.2 d1 256"),
  via("10.0.0.2 d0 3", "10.0.1.2 d1"),
  via("2001:db8:0::2 d0"),
  resilient("10.0.0.2 d0"),
  resilient("10.0.0.2 d0", "10.0.1.2 d1"),
  resilient("10.0.1.2 d1", "10.0.0.3 d0"),
  resilient("10.0.0.2 d0 2", "10.0.1.2 d1 5"),
  links("d0"),
  links("d0", "d1"),
  links("d1", "d0"),
];

export const TARGETS6: readonly Target[] = [
  link("d0"),
  link("d1"),
  blackhole,
  unreachable,
  via("2001:db8:0::2 d0"),
  via("2001:db8:0::2 d0", "2001:db8:1::2 d1"),
  via("2001:db8:0::2 d0 7", "2001:db8:1::2 d1 2"),
  resilient("2001:db8:0::2 d0"),
  resilient("2001:db8:0::3 d0", "2001:db8:1::2 d1"),
  links("d1"),
  links("d0", "d1"),
];

/** A route for each kind of target in each family. */
export const EVERY_KIND: readonly KernelRoute[] = [
  ...TARGETS4.map((target, i) => route(`198.51.100.${i}/32`, target)),
  ...TARGETS6.map((target, i) => route(`2001:db8:f::${i}/128`, target)),
  route("203.0.113.0/24", blackhole),
  route("0.0.0.0/0", via("10.0.0.2 d0")),
  route("::/0", via("2001:db8::2 d0")),
];

/** Routes as text, in order: equal lists are equal sets. */
export const textOf = (routes: readonly KernelRoute[]): string[] =>
  routes.map(({ prefix: at, target }) => `${formatPrefix(at)} ${JSON.stringify(target)}`).sort();

/** `count` distinct prefixes of length 24. */
export const manyPrefixes = (count: number): Prefix[] =>
  Array.from({ length: count }, (_, i) =>
    prefixOf({ family: 4, w0: (0x14000000 + i * 256) >>> 0, w1: 0, w2: 0, w3: 0 }, 24),
  );
