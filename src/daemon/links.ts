/** What changed between two looks at the links of this machine. */

import { type Prefix, prefixOf } from "../bgp/net/address.ts";
import type { Link } from "../gateway/intent.ts";

/** The names of links that came, went, or are not as they were. */
export function changedLinks(before: readonly Link[], after: readonly Link[]): string[] {
  const old = new Map(before.map((link) => [link.name, link]));
  const changed = after.filter((link) => !isAsBefore(old.get(link.name), link)).map(({ name }) => name);
  const now = new Set(after.map(({ name }) => name));
  return [...changed, ...before.filter(({ name }) => !now.has(name)).map(({ name }) => name)];
}

/** A link that came up or went down, with the networks that it was or is on. */
interface Turned {
  readonly name: string;
  readonly networks: readonly Prefix[];
  readonly up: boolean;
}

export function turnedLinks(before: readonly Link[], after: readonly Link[]): Turned[] {
  const was = new Map(before.map((link) => [link.name, link]));
  const is = new Map(after.map((link) => [link.name, link]));
  const fell = before.filter(({ name, up }) => up && is.get(name)?.up !== true);
  const rose = after.filter(({ name, up }) => up && was.get(name)?.up !== true);
  return [...fell.map((link) => turned(link, false)), ...rose.map((link) => turned(link, true))];
}

const turned = ({ name, addresses }: Link, up: boolean): Turned => ({
  name,
  networks: addresses.map(({ address, length }) => prefixOf(address, length)),
  up,
});

const isAsBefore = (before: Link | undefined, after: Link): boolean =>
  before !== undefined && JSON.stringify(before) === JSON.stringify(after);
