import type { Link } from "../gateway/intent.ts";

/** The names of links that came, went, or are not as they were. */
export function changedLinks(before: readonly Link[], after: readonly Link[]): string[] {
  const old = new Map(before.map((link) => [link.name, link]));
  const changed = after.filter((link) => !isAsBefore(old.get(link.name), link)).map(({ name }) => name);
  const now = new Set(after.map(({ name }) => name));
  return [...changed, ...before.filter(({ name }) => !now.has(name)).map(({ name }) => name)];
}

const isAsBefore = (before: Link | undefined, after: Link): boolean =>
  before !== undefined && JSON.stringify(before) === JSON.stringify(after);
