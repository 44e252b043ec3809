/** Which of several nested prefixes an address belongs to: the longest one, for whole stretches of addresses at once. */

import { comparePrefixes, type Prefix } from "../bgp/net/address.ts";

/** Addresses that follow each other and have the same innermost prefix. */
export interface Stretch<T> {
  /** IPv4 addresses as their word; both ends belong to it. */
  readonly first: number;
  readonly last: number;
  readonly of: T;
}

/**
 * The addresses that any of the prefixes holds, in order, cut wherever another prefix is the longest. Of two equal ones
 * the later counts. IPv4 only.
 */
export function innermost<T extends { readonly prefix: Prefix }>(list: readonly T[]): Stretch<T>[] {
  const stretches: Stretch<T>[] = [];
  const around: T[] = [];
  let at = 0;
  const upTo = (last: number): void => {
    const of = around.at(-1);
    if (of !== undefined && at <= last) stretches.push({ first: at, last, of });
    at = Math.max(at, last + 1);
  };
  const leave = (): void => {
    upTo(endOf(around));
    around.pop();
  };
  // The sort is stable, and a prefix comes before those that it holds.
  for (const entry of list.toSorted((a, b) => comparePrefixes(a.prefix, b.prefix))) {
    const first = entry.prefix.w0;
    while (around.length > 0 && endOf(around) < first) leave();
    upTo(first - 1);
    at = first;
    around.push(entry);
  }
  while (around.length > 0) leave();
  return stretches;
}

/** The last address of the innermost prefix. */
function endOf(around: readonly { readonly prefix: Prefix }[]): number {
  const { w0, length } = around.at(-1)!.prefix;
  return w0 + 2 ** (32 - length) - 1;
}
