/** Addresses put together into as few prefixes as can be: what policies compare routes with. */

import { type Address, compareAddresses, type Prefix, prefixOf, widthOf } from "../bgp/net/address.ts";

/** The fewest prefixes that hold exactly these IPv4 addresses; of IPv6 ones, each its /128. Sorted. */
export function aggregated(addresses: readonly Address[]): Prefix[] {
  const stack: Prefix[] = [];
  let last: Address | undefined;
  for (const address of addresses.toSorted(compareAddresses)) {
    if (last !== undefined && compareAddresses(last, address) === 0) continue;
    last = address;
    let prefix = prefixOf(address, widthOf(address.family));
    for (let left = stack.at(-1); left !== undefined && areHalves(left, prefix); left = stack.at(-1)) {
      prefix = prefixOf(left, left.length - 1);
      stack.pop();
    }
    stack.push(prefix);
  }
  return stack;
}

const areHalves = (left: Prefix, right: Prefix): boolean =>
  left.family === 4 &&
  right.family === 4 &&
  left.length === right.length &&
  left.length > 0 &&
  left.w0 !== right.w0 &&
  prefixOf(left, left.length - 1).w0 === prefixOf(right, left.length - 1).w0;
