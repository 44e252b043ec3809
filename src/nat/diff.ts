/**
 * The nftables transaction that turns what is there into what is wanted; "" when nothing differs.
 *
 * Elements are added and deleted one by one: one change among a million is a transaction of a few lines. Rules are
 * compared as text, chain by chain; one that differs is flushed and written anew in the same transaction, so that no
 * packet sees it half done. A table whose sets or chains are not declared as ours is replaced whole, likewise at once.
 */

import { type Prefix, sameAddress, samePrefix } from "../bgp/net/address.ts";
import { type AddressKey, addressKey } from "../bgp/net/text.ts";
import { withoutComputed } from "../model/blocks.ts";
import { BLOCK_SETS, sameBlocks } from "./blocks.ts";
import { isHost } from "./elements.ts";
import { matchableIn } from "./filled.ts";
import { floatingSets } from "./floating.ts";
import { forwardsOnlyIn } from "./forwards.ts";
import {
  CHAIN_NAMES,
  CHAINS,
  type ChainName,
  type Contents,
  type CtObjects,
  declarationOf,
  type Elements,
  type PortChains,
  SET_NAMES,
  SETS,
  type SetContents,
  type SetName,
  TABLE,
} from "./layout.ts";

import { parseListing } from "./listing.ts";
import { independentBlocks } from "./members.ts";
import { type Marked, METERS } from "./meters.ts";
import { MARKED_IN } from "./overflow.ts";
import { render } from "./render.ts";
import { statelessSets } from "./stateless.ts";
import {
  EMPTY_NAT,
  type FloatingMapping,
  type NatTable,
  type TranslatedPart,
  type Translations,
} from "./table.ts";
import { trackingSets } from "./tracking.ts";
import { writtenRule } from "./written-rule.ts";

export interface DiffOptions {
  /**
   * True while not all that is wanted is known yet: elements that are not wanted stay. One whose value changed is
   * replaced all the same.
   */
  readonly keep: boolean;
}

/** @param listing - what `nft -s list table inet gatewayd` printed; undefined: there is no such table */
export function diff(wanted: NatTable, listing: string | undefined, options?: DiffOptions): string {
  const contents = render(wanted);
  const found = listing === undefined ? undefined : parseListing(listing);
  if (found === undefined) return textOf(contents);
  if (options?.keep !== true) return transaction(changes(found, contents, false));
  const kept = leftOf(found.sets, contents.sets);
  return transaction(changes(found, render(wanted, matchableIn(wanted, kept), kept), true));
}

/** What stays in the sets when `table` is put in the place of what was listed, and nothing removed that need not be. */
export function keptBeside(table: NatTable, listing: string | undefined): SetContents | undefined {
  const found = listing === undefined ? undefined : parseListing(listing);
  return found && leftOf(found.sets, render(table).sets);
}

/**
 * The same from one table to the next, when the kernel is known to hold `previous`. Walks both, but writes out only
 * the floating IPs and forwards that share an address with something that changed.
 * @param kept - what the kernel may hold besides, and has rules for
 */
export function diffTables(previous: NatTable, wanted: NatTable, kept?: SetContents): string {
  const [before, after] = [narrowed(previous, wanted), narrowed(wanted, previous)];
  const touched = touchedBetween(previous, wanted);
  return transaction(
    changes(
      render({ ...before, ...touchedOf(previous, touched) }, matchableIn(previous, kept), kept),
      render({ ...after, ...touchedOf(wanted, touched) }, matchableIn(wanted, kept), kept),
      false,
    ),
  );
}

/**
 * The same where nothing else differs, and the rules are the same: looks at these alone. `exempt` and `untracked` are of
 * hosts.
 */
export function diffParts(before: TranslatedPart, after: TranslatedPart): string {
  const [found, wanted] = [before, after].map((part) => {
    const table = { ...EMPTY_NAT, ...part };
    return { ...floatingSets(table), ...statelessSets(table), ...trackingSets(table) };
  });
  const names = SET_NAMES.filter((name): name is keyof typeof found & SetName => name in found!);
  return transaction(names.flatMap((name) => setChanges(name, found![name], wanted![name], NO_KEY)));
}

/** The whole table; replaces one that is there. */
function textOf(contents: Contents): string {
  const lines = [`add table inet ${TABLE}`, `delete table inet ${TABLE}`, `add table inet ${TABLE}`];
  for (const name of SET_NAMES) {
    lines.push(`add ${SETS[name].is} inet ${TABLE} ${name} { ${declarationOf(name).join("; ")}; }`);
  }
  for (const kind of CT_KINDS) lines.push(...objectLines(kind, contents[kind.of]));
  lines.push(...chainLines(contents.portChains));
  for (const name of CHAIN_NAMES) if (isThere(name, contents.chains[name])) lines.push(chainLine(name));
  for (const name of SET_NAMES) lines.push(...elementLines("add", name, contents.sets[name]));
  for (const name of CHAIN_NAMES) lines.push(...ruleLines(name, contents.chains[name]));
  return transaction(lines);
}

function changes(found: Contents, wanted: Contents, keep: boolean): string[] {
  const lines = chainLines(differingChains(wanted.portChains, found.portChains));
  for (const name of SET_NAMES)
    lines.push(
      ...setChanges(name, found.sets[name], wanted.sets[name], keep ? keepsIn(name, wanted.sets) : NO_KEY),
    );
  if (!sameElements(found.sets.block_homes, wanted.sets.block_homes)) lines.push(...FORGET_MAPPINGS);
  // Without the rules that would take one to another address (mapping.ts), mappings would lie there until their time is over.
  else if (!keep && found.sets.eim.size > 0 && wanted.sets.eim.size === 0) lines.push(...FORGET_MAPPINGS);
  lines.push(...ruleChanges(found, wanted));
  // Elements that are kept lead there.
  if (!keep) lines.push(...goneChains(found.portChains, wanted.portChains));
  return lines;
}

function ruleChanges(found: Contents, wanted: Contents): string[] {
  const emptied = CHAIN_NAMES.filter((name) => holdsGone(found.chains[name], found, wanted));
  const lines = emptied.map(flushLine);
  for (const kind of CT_KINDS) lines.push(...objectChanges(kind, found[kind.of], wanted[kind.of]));
  for (const name of CHAIN_NAMES) {
    const [before, after] = [found.chains[name], wanted.chains[name]];
    const isEmptied = emptied.includes(name);
    if (!isEmptied && sameRules(before, after)) continue;
    if (!isEmptied) lines.push(isThere(name, before) ? flushLine(name) : chainLine(name));
    lines.push(...writtenIn(name, after));
    // What the kernel counted, it counts against the limit that was there then.
    lines.push(...metersOf(name).map((meter) => `flush set inet ${TABLE} ${meter}`));
  }
  return lines;
}

/** One that is hooked is so for its rules' sake. */
const isThere = (name: ChainName, rules: readonly string[]): boolean =>
  CHAINS[name] === undefined || rules.length > 0;

function chainLine(name: ChainName): string {
  const hook = CHAINS[name];
  return `add chain inet ${TABLE} ${name}${hook === undefined ? "" : ` { ${hook} }`}`;
}

const flushLine = (name: ChainName): string => `flush chain inet ${TABLE} ${name}`;

/** Of a chain that is empty by then. */
const writtenIn = (name: ChainName, rules: readonly string[]): string[] =>
  isThere(name, rules) ? ruleLines(name, rules) : [`delete chain inet ${TABLE} ${name}`];

/** Of the first, those that the second has not, or has otherwise. */
const differingChains = (a: PortChains, b: PortChains): PortChains =>
  new Map([...a].filter(([name, rules]) => !sameRules(b.get(name) ?? [], rules)));

/** Makes them, or makes them anew. */
const chainLines = (chains: PortChains): string[] =>
  [...chains].flatMap(([name, rules]) => [
    `add chain inet ${TABLE} ${name}`,
    `flush chain inet ${TABLE} ${name}`,
    ...ruleLines(name, rules),
  ]);

const goneChains = (found: PortChains, wanted: PortChains): string[] =>
  [...found.keys()]
    .filter((name) => !wanted.has(name))
    .flatMap((name) => [`flush chain inet ${TABLE} ${name}`, `delete chain inet ${TABLE} ${name}`]);

/** Sets that count what the rules of a chain give the limit of. */
const metersOf = (chain: ChainName): string[] =>
  Object.keys(METERS).filter((meter) => (MARKED_IN[meter as Marked] ?? "limited") === chain);

/** They are of blocks that may be somebody else's. Those of flows that go on come back with their next packet. */
const FORGET_MAPPINGS = ["mapping", "endpoints"].map((name) => `flush map inet ${TABLE} ${name}`);

const sameElements = (a: Elements, b: Elements): boolean =>
  a.size === b.size && [...a].every(([key, value]) => b.get(key) === value);

const CT_KINDS = [
  { object: "ct timeout", of: "timers" },
  { object: "ct helper", of: "helpers" },
] as const;
type CtKind = (typeof CT_KINDS)[number];

/** Of the first, those that the second has not, or has otherwise. */
const differingObjects = (a: CtObjects, b: CtObjects): CtObjects =>
  new Map([...a].filter(([name, body]) => b.get(name) !== body));

/** An object cannot be changed, nor deleted, while a rule holds it. */
const holdsGone = (rules: readonly string[], found: Contents, wanted: Contents): boolean =>
  CT_KINDS.some(({ object, of }) =>
    [...differingObjects(found[of], wanted[of]).keys()].some((name) =>
      rules.some((rule) => rule.includes(`${object} set "${name}"`)),
    ),
  );

const objectChanges = (kind: CtKind, found: CtObjects, wanted: CtObjects): string[] => [
  ...[...differingObjects(found, wanted).keys()].map((name) => `delete ${kind.object} inet ${TABLE} ${name}`),
  ...objectLines(kind, differingObjects(wanted, found)),
];

const objectLines = ({ object }: CtKind, wanted: CtObjects): string[] =>
  [...wanted].map(([name, body]) => `add ${object} inet ${TABLE} ${name} { ${body} }`);

const sameRules = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((rule, i) => rule === b[i]);

/** Elements that stay though they are not wanted. */
type Keeps = (key: string) => boolean;

const NO_KEY: Keeps = () => false;

/** A floating IP that leads somewhere as a whole would hide where its ports lead. */
const keepsIn =
  (name: SetName, { forwarded }: SetContents): Keeps =>
  (key) =>
    !(name === "floating" && forwarded.has(key));

function leftOf(found: SetContents, wanted: SetContents): SetContents {
  const left = (name: SetName): Elements => {
    const gone = deletedOf(name, found[name], wanted[name], keepsIn(name, wanted));
    return new Map([...found[name]].filter(([key]) => !gone.has(key)));
  };
  return Object.fromEntries(SET_NAMES.map((name): [string, Elements] => [name, left(name)])) as SetContents;
}

const setChanges = (name: SetName, found: Elements, wanted: Elements, keeps: Keeps): string[] => [
  ...elementLines("delete", name, deletedOf(name, found, wanted, keeps)),
  ...elementLines("add", name, addedTo(found, wanted)),
];

const addedTo = (found: Elements, wanted: Elements): Elements =>
  new Map([...wanted].filter(([key, value]) => found.get(key) !== value));

function deletedOf(name: SetName, found: Elements, wanted: Elements, keeps: Keeps): Elements {
  // A new interval may overlap an old one, and then only one of them can stay. Nobody but the configuration gives
  // blocks, and one that it gives to another must not stay with two.
  const replaces = isBlockSet(name) || (SETS[name].interval && addedTo(found, wanted).size > 0);
  return new Map(
    [...found].filter(([key, value]) =>
      wanted.has(key) ? wanted.get(key) !== value : replaces || !keeps(key),
    ),
  );
}

const isBlockSet = (name: SetName): boolean => BLOCK_SETS.some((of) => of === name);

/** Elements on one line: long enough that a line costs nothing, short enough to read. */
const PER_LINE = 64;

function elementLines(verb: "add" | "delete", name: SetName, elements: Elements): string[] {
  const all = [...elements].map(([key, value]) => (value === "" ? key : `${key} : ${value}`));
  const lines: string[] = [];
  for (let i = 0; i < all.length; i += PER_LINE) {
    const some = all.slice(i, i + PER_LINE).join(", ");
    lines.push(`${verb} element inet ${TABLE} ${name} { ${some} }`);
  }
  return lines;
}

const ruleLines = (chain: string, rules: readonly string[]): string[] =>
  rules.map((rule) => `add rule inet ${TABLE} ${chain} ${writtenRule(rule)}`);

const transaction = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join("");

/** Addresses that something which is not the same in both leads to, or that some port of leads elsewhere. */
interface Touched {
  readonly inner: ReadonlySet<AddressKey>;
  readonly forwarded: ReadonlySet<AddressKey>;
}

function touchedBetween(a: NatTable, b: NatTable): Touched {
  const inner = touchedFixed(a.floating, b.floating);
  const forwarded = new Set<AddressKey>();
  const differing = [...forwardsOnlyIn(a.forwards, b.forwards), ...forwardsOnlyIn(b.forwards, a.forwards)];
  for (const { floating, to } of differing) {
    inner.add(addressKey(to));
    forwarded.add(addressKey(floating));
  }
  return { inner, forwarded };
}

const touchedOf = (table: NatTable, { inner, forwarded }: Touched): Translations => ({
  floating: table.floating.filter(({ fixed }) => inner.has(addressKey(fixed))),
  forwards: table.forwards.filter(
    ({ floating, to }) => inner.has(addressKey(to)) || forwarded.has(addressKey(floating)),
  ),
});

/** The fixed addresses some of whose floating IPs are not the same in both. */
function touchedFixed(a: readonly FloatingMapping[], b: readonly FloatingMapping[]): Set<AddressKey> {
  const touched = new Set<AddressKey>();
  const { from, endOfA, endOfB } = differing(a, b, sameMapping);
  const before = new Map(a.slice(from, endOfA).map((m) => [addressKey(m.floating), m]));
  for (const m of b.slice(from, endOfB)) {
    const key = addressKey(m.floating);
    const held = before.get(key);
    before.delete(key);
    if (held !== undefined && sameMapping(held, m)) continue;
    touched.add(addressKey(m.fixed));
    if (held !== undefined) touched.add(addressKey(held.fixed));
  }
  for (const gone of before.values()) touched.add(addressKey(gone.fixed));
  return touched;
}

export const sameMapping = (a: FloatingMapping, b: FloatingMapping): boolean =>
  sameAddress(a.floating, b.floating) &&
  sameAddress(a.fixed, b.fixed) &&
  a.egress === b.egress &&
  a.stateless === b.stateless;

/**
 * Where two lists differ: before and behind that they are alike. With 1 000 000 floating IPs one change takes 0.08 s of
 * CPU so, and 1.3 s by a map of all of them.
 */
function differing<T>(
  a: readonly T[],
  b: readonly T[],
  same: (a: T, b: T) => boolean,
): { readonly from: number; readonly endOfA: number; readonly endOfB: number } {
  const shorter = Math.min(a.length, b.length);
  let from = a === b ? shorter : 0;
  while (from < shorter && same(a[from]!, b[from]!)) from++;
  let behind = 0;
  while (behind < shorter - from && same(a.at(-1 - behind)!, b.at(-1 - behind)!)) behind++;
  return { from, endOfA: a.length - behind, endOfB: b.length - behind };
}

/** `table` without the host prefixes and blocks that `other` has too; of those there may be as many as floating IPs. */
function narrowed(table: NatTable, other: NatTable): NatTable {
  return {
    ...table,
    exempt: withoutCommonHosts(table.exempt, other.exempt),
    untracked: withoutCommonHosts(table.untracked, other.untracked),
    // There are blocks, and none of them differs.
    blocks: table.blocks && alikeBlocks(table, other) ? withoutComputed(table.blocks) : table.blocks,
  };
}

/** What stands in the maps for a block is of another kind with another mapping. */
const alikeBlocks = (a: NatTable, b: NatTable): boolean =>
  sameBlocks(a.blocks, b.blocks) && sameAddresses(independentBlocks(a), independentBlocks(b));

const sameAddresses = (a: ReadonlySet<number>, b: ReadonlySet<number>): boolean =>
  a.size === b.size && [...a].every((word) => b.has(word));

function withoutCommonHosts(list: readonly Prefix[], other: readonly Prefix[]): readonly Prefix[] {
  const alike = list.length === other.length && list.every((prefix, i) => samePrefix(prefix, other[i]!));
  if (alike) return list.filter((prefix) => !isHost(prefix));
  const common = new Set(other.filter(isHost).map(addressKey));
  return list.filter((p) => !(isHost(p) && common.has(addressKey(p))));
}
