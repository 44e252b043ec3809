/** Kernel routes compared. */

import { sameAddress } from "../bgp/net/address.ts";
import { formatAddress } from "../bgp/net/text.ts";
import type { KernelRoute, NextHop } from "./intent.ts";

type Target = KernelRoute["target"];

/** True when the kernel would forward by both alike. The prefixes are the caller's to compare. */
export function sameTarget(a: Target, b: Target): boolean {
  if (a === b) return true;
  switch (a.to) {
    case "link":
      return b.to === "link" && a.interface === b.interface;
    case "discard":
      return b.to === "discard" && a.how === b.how;
    case "links":
      return b.to === "links" && sameSets(a.interfaces, b.interfaces, (x, y) => x === y);
    case "via":
      return (
        b.to === "via" &&
        // A single next hop has no flows to keep apart, and the kernel has no group to say so.
        (a.resilient === b.resilient || a.nextHops.length === 1) &&
        sameSets(a.nextHops, b.nextHops, sameNextHop)
      );
    default:
      return a satisfies never;
  }
}

/** One text for all targets that are the same. */
export function keyOf(target: Target): string {
  switch (target.to) {
    case "link":
      return `link ${target.interface}`;
    case "discard":
      return target.how;
    case "links":
      return `links ${target.interfaces.toSorted().join(" ")}`;
    case "via": {
      const hops = target.nextHops.map(
        ({ address, interface: name, weight = 1 }) => `${formatAddress(address)} ${name} ${weight}`,
      );
      return `${target.resilient ? "resilient" : "via"} ${hops.sort().join(", ")}`;
    }
    default:
      return target satisfies never;
  }
}

/** Interfaces that packets leave by; the kernel drops the route when they go away. */
export function interfacesOf(target: Target): readonly string[] {
  switch (target.to) {
    case "link":
      return [target.interface];
    case "links":
      return target.interfaces;
    case "via":
      return target.nextHops.map((hop) => hop.interface);
    case "discard":
      return [];
    default:
      return target satisfies never;
  }
}

const sameNextHop = (a: NextHop, b: NextHop): boolean =>
  a.interface === b.interface && sameAddress(a.address, b.address) && (a.weight ?? 1) === (b.weight ?? 1);

/** Members of a group come back from the kernel in an order of its own. */
function sameSets<T>(a: readonly T[], b: readonly T[], same: (x: T, y: T) => boolean): boolean {
  return a.length === b.length && a.every((x) => b.some((y) => same(x, y)));
}
