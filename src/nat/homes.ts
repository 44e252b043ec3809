/**
 * Which public address a private one without a port block leaves with.
 *
 * Where all share the same addresses, a hash of the private address is the number of a slot, and what stands there in
 * `slots` is its public address (slots.ts): one look into a map.
 *
 * Where pools serve ranges of their own, it takes two. `homes` leads from the private address to the pool's address or, of a pool with several, to the lowest of them. That one
 * stands for its pool in the second map, `slots_N`, together with the number of the slot. What the first look found is in the packet's own header by then, which is what
 * the language of nft can look up. Pools that serve what no other names are one.
 *
 * RFC 6888 REQ-2, RFC 4787 REQ-2: paired. All flows of a private address leave from one public address.
 */

import { type Address, compareAddresses, contains, ipv4, type Prefix } from "../bgp/net/address.ts";
import { formatAddress, formatPrefix } from "../bgp/net/text.ts";
import { innermost, type Stretch } from "../model/innermost.ts";
import { isIpv4 } from "./elements.ts";
import type { Elements, SetContents } from "./layout.ts";
import { sharedPools } from "./members.ts";
import { SLOT_COUNTS, type SlotCount, slotsFor, slotTable } from "./slots.ts";
import type { NatTable, PoolMapping } from "./table.ts";

/** Addresses that are spread over the same sources. */
interface Home {
  readonly addresses: readonly Address[];
  readonly ranges: readonly Prefix[];
}

/** Those that get new mappings. */
export const openPools = (table: NatTable): readonly PoolMapping[] =>
  sharedPools(table).filter((pool) => !pool.draining);

function homesOf(table: NatTable): readonly Home[] {
  const pools = openPools(table);
  const common = pools.filter((pool) => pool.private.length === 0);
  const addresses = common.flatMap((pool) => pool.addresses);
  const own = pools.flatMap((pool) =>
    pool.private.length === 0 ? [] : [{ addresses: pool.addresses, ranges: pool.private.filter(isIpv4) }],
  );
  return addresses.length === 0 ? own : [{ addresses, ranges: table.private.filter(isIpv4) }, ...own];
}

/** What stands for the pools that serve what no other names; undefined: there are none. */
export function commonHome(table: NatTable): Address | undefined {
  return lowest(openPools(table).flatMap((pool) => (pool.private.length === 0 ? pool.addresses : [])));
}

const lowest = (addresses: readonly Address[]): Address | undefined =>
  addresses.reduce<Address | undefined>(
    (least, address) => (least !== undefined && compareAddresses(least, address) <= 0 ? least : address),
    undefined,
  );

/** Private addresses to what stands for their pool, in intervals that do not overlap. */
const homeElements = (table: NatTable): Elements =>
  new Map(
    homeStretches(table).map((stretch) => [intervalText(stretch), formatAddress(stretch.of.home)] as const),
  );

/** The same as numbers. */
export function homeStretches(table: NatTable): readonly Stretch<{ readonly home: Address }>[] {
  const list = homesOf(table).flatMap(({ addresses, ranges }) => {
    const home = lowest(addresses);
    return home === undefined ? [] : ranges.map((prefix) => ({ prefix, home }));
  });
  return innermost(list)
    .map((stretch) => ({ ...stretch, last: Math.min(stretch.last, LAST_SOURCE) }))
    .filter(({ first, last }) => first <= last);
}

/** What is above is no unicast address, and nft 1.0.6 misreads intervals of a map that end with the last of all. */
const LAST_SOURCE = 0xdfff_ffff;

/** As nft lists it: a prefix where it is one. */
export function intervalText({ first, last }: Pick<Stretch<unknown>, "first" | "last">): string {
  const bits = Math.log2(last - first + 1);
  if (first === last) return formatAddress(ipv4(first));
  if (Number.isInteger(bits) && first % 2 ** bits === 0)
    return formatPrefix({ ...ipv4(first), length: 32 - bits });
  return `${formatAddress(ipv4(first))}-${formatAddress(ipv4(last))}`;
}

const isSpread = ({ addresses }: Home): boolean => addresses.length > 1;

/** What a kernel holds besides what a table says: networks and homes that nobody has spoken of yet. */
export type Kept = Pick<SetContents, "homes" | "port_choice" | "private" | "exempt">;

/** The one that all private sources share; undefined: they have several. */
function onlyHome(table: NatTable, kept: Kept | undefined): Home | undefined {
  const [home, ...others] = homesOf(table);
  if (home === undefined || others.length > 0) return undefined;
  const servesAll = table.private
    .filter(isIpv4)
    .every((source) => home.ranges.some((range) => contains(range, source)));
  const wanted = homeElements(table);
  const isAlone = [...(kept?.homes.keys() ?? [])].every((key) => wanted.has(key));
  return servesAll && isAlone ? home : undefined;
}

type SpreadSet = "homes" | "slots" | `slots_${SlotCount}`;

export function homeSets(table: NatTable, kept: Kept | undefined): Pick<SetContents, SpreadSet> {
  const only = onlyHome(table, kept);
  const slots = new Map<string, string>();
  const [small, middle, large] = SLOT_COUNTS.map(() => new Map<string, string>());
  const bySize = { slots_256: small!, slots_4096: middle!, slots_65536: large! };
  for (const [home, held] of slotsByHome(table)) {
    const elements = only === undefined ? bySize[`slots_${held.length as SlotCount}`] : slots;
    const before = only === undefined ? `${formatAddress(ipv4(home))} . ` : "";
    for (const [slot, address] of held.entries()) elements.set(`${before}${slot}`, formatAddress(address));
  }
  return { homes: homeElements(table), slots, ...bySize };
}

/** What stands in the slots of those that have several addresses, by the word of what stands for them. */
export const slotsByHome = (table: NatTable): ReadonlyMap<number, readonly Address[]> =>
  new Map(
    homesOf(table)
      .filter(isSpread)
      .map(({ addresses }) => [lowest(addresses)!.w0, slotTable(addresses)] as const),
  );

/** The seed of the hash is fixed: a private address keeps its pool address over restarts and on every gateway. */
export const SLOT_SEED = 0x86;

const slotOf = (source: string, count: SlotCount): string =>
  `jhash ${source} mod ${count} seed 0x${SLOT_SEED.toString(16)}`;

/**
 * The public address of a private one where one expression says it; undefined: two looks are needed.
 * @param source - the private one, as an expression
 */
export function onlyAddress(table: NatTable, kept: Kept | undefined, source: string): string | undefined {
  const home = onlyHome(table, kept);
  if (home === undefined) return undefined;
  return isSpread(home)
    ? `${slotOf(source, slotsFor(home.addresses.length))} map @slots`
    : formatAddress(home.addresses[0]!);
}

/** Writes the public address into the header, or what {@link toSlots} makes one of. */
export const toHome = (table: NatTable, kept: Kept | undefined): string =>
  `ip saddr set ${onlyAddress(table, kept, "ip saddr") ?? "ip saddr map @homes"} goto leave`;

/** From what stands for a pool to the address, one rule for each size of table that there is. */
export function toSlots(table: NatTable, kept: Kept | undefined): readonly string[] {
  if (onlyHome(table, kept) !== undefined) return [];
  const sizes = new Set(
    homesOf(table)
      .filter(isSpread)
      .map(({ addresses }) => slotsFor(addresses.length)),
  );
  return SLOT_COUNTS.filter((count) => sizes.has(count)).map(
    (count) => `ip saddr set ip saddr . ${slotOf("ct original ip saddr", count)} map @slots_${count}`,
  );
}
