/** Long sorted lists that change a little: a change costs a copy of the list, and no look at what it holds. */

/**
 * A sorted list without what is gone, and with what has come.
 * @param list - ascending by `compare` behind `from`, none equal to another
 * @param gone - what is equal to one of these goes; what is not there is no error
 * @param come - in place of what is equal to it
 * @param from - what stands before is in no order, and stays
 */
export function amended<T>(
  list: readonly T[],
  compare: (a: T, b: T) => number,
  gone: readonly T[],
  come: readonly T[],
  from = 0,
): readonly T[] {
  if (gone.length + come.length === 0) return list;
  const [only] = come;
  if (only !== undefined && come.length === 1 && gone.every((item) => compare(item, only) === 0))
    return withItem(list, only, compare, from);
  const copy = list.slice();
  for (const item of gone) {
    const at = firstNotBelow(copy, (each) => compare(each, item), from);
    if (at < copy.length && compare(copy[at]!, item) === 0) copy.splice(at, 1);
  }
  for (const item of come) put(copy, item, compare, from);
  return copy;
}

/** In one copy of the right size: one that has to grow is copied twice. */
function withItem<T>(list: readonly T[], item: T, compare: (a: T, b: T) => number, from: number): T[] {
  const at = firstNotBelow(list, (each) => compare(each, item), from);
  const isThere = at < list.length && compare(list[at]!, item) === 0;
  return list.toSpliced(at, Number(isThere), item);
}

/** Puts an item into a sorted list, in place of what is equal to it. */
export function put<T>(list: T[], item: T, compare: (a: T, b: T) => number, from = 0): void {
  const at = firstNotBelow(list, (each) => compare(each, item), from);
  const isThere = at < list.length && compare(list[at]!, item) === 0;
  list.splice(at, isThere ? 1 : 0, item);
}

/** @param order - of an item beside what is looked for: below 0 when it stands before it. Undefined: it is not there */
export function found<T>(list: readonly T[], order: (item: T) => number): T | undefined {
  const item = list[firstNotBelow(list, order)];
  return item !== undefined && order(item) === 0 ? item : undefined;
}

/** Where in a sorted list the first item stands, at `from` or behind, that is not below what is looked for. */
export function firstNotBelow<T>(list: readonly T[], order: (item: T) => number, from = 0): number {
  let [low, high] = [from, list.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (order(list[middle]!) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** What only the first of two lists has, and what only the second, where most items are the same object in both. */
export function differing<T>(a: readonly T[], b: readonly T[]): { readonly gone: T[]; readonly come: T[] } {
  const shorter = Math.min(a.length, b.length);
  let from = a === b ? shorter : 0;
  while (from < shorter && a[from] === b[from]) from++;
  let behind = 0;
  while (behind < shorter - from && a[a.length - 1 - behind] === b[b.length - 1 - behind]) behind++;
  const [before, after] = [a.slice(from, a.length - behind), b.slice(from, b.length - behind)];
  const [inBefore, inAfter] = [new Set(before), new Set(after)];
  return {
    gone: before.filter((item) => !inAfter.has(item)),
    come: after.filter((item) => !inBefore.has(item)),
  };
}
