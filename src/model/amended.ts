/** Long sorted lists that change a little: a change costs a copy of the list, and no look at what it holds. */

/**
 * A sorted list without what is gone, and with what has come.
 * @param list - ascending by `compare`, none equal to another
 * @param gone - what is equal to one of these goes; what is not there is no error
 * @param come - in place of what is equal to it
 */
export function amended<T>(
  list: readonly T[],
  compare: (a: T, b: T) => number,
  gone: readonly T[],
  come: readonly T[],
): readonly T[] {
  if (gone.length + come.length === 0) return list;
  const copy = list.slice();
  for (const item of gone) {
    const at = firstNotBelow(copy, item, compare);
    if (at < copy.length && compare(copy[at]!, item) === 0) copy.splice(at, 1);
  }
  for (const item of come) {
    const at = firstNotBelow(copy, item, compare);
    const isThere = at < copy.length && compare(copy[at]!, item) === 0;
    copy.splice(at, isThere ? 1 : 0, item);
  }
  return copy;
}

function firstNotBelow<T>(list: readonly T[], item: T, compare: (a: T, b: T) => number): number {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compare(list[middle]!, item) < 0) low = middle + 1;
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
