/**
 * Which public address a private one without a port block leaves with, in two looks into maps.
 *
 * `homes` leads from the private address to the pool's address or, of a pool with several, to the lowest of them. That one
 * stands for its pool in the second map, `slots_N`, together with a hash of the private address: there stands the
 * address that it really is (slots.ts). What the first look found is in the packet's own header by then, which is what
 * the language of nft can look up. Pools that serve what no other names are one.
 *
 * RFC 6888 REQ-2, RFC 4787 REQ-2: paired. All flows of a private address leave from one public address.
 */

import { type Address, compareAddresses, ipv4, type Prefix } from "../bgp/net/address.ts";
import { formatAddress, formatPrefix } from "../bgp/net/text.ts";
import { innermost, type Stretch } from "../model/innermost.ts";
import { isIpv4 } from "./elements.ts";
import type { Elements } from "./layout.ts";
import { sharedPools } from "./members.ts";
import { SLOT_COUNTS, type SlotCount, slotsFor, slotTable } from "./slots.ts";
import type { NatTable, PoolMapping } from "./table.ts";

/** Addresses that are spread over the same sources. */
interface Home {
  readonly addresses: readonly Address[];
  readonly ranges: readonly Prefix[];
}

/** Those that get new mappings. */
const open = (table: NatTable): readonly PoolMapping[] => sharedPools(table).filter((pool) => !pool.draining);

function homesOf(table: NatTable): readonly Home[] {
  const pools = open(table);
  const common = pools.filter((pool) => pool.private.length === 0);
  const addresses = common.flatMap((pool) => pool.addresses);
  const own = pools.flatMap((pool) =>
    pool.private.length === 0 ? [] : [{ addresses: pool.addresses, ranges: pool.private.filter(isIpv4) }],
  );
  return addresses.length === 0 ? own : [{ addresses, ranges: table.private.filter(isIpv4) }, ...own];
}

/** What stands for the pools that serve what no other names; undefined: there are none. */
export function commonHome(table: NatTable): Address | undefined {
  return lowest(open(table).flatMap((pool) => (pool.private.length === 0 ? pool.addresses : [])));
}

const lowest = (addresses: readonly Address[]): Address | undefined =>
  addresses.reduce<Address | undefined>(
    (least, address) => (least !== undefined && compareAddresses(least, address) <= 0 ? least : address),
    undefined,
  );

/** Private addresses to what stands for their pool, in intervals that do not overlap. */
export const homeElements = (table: NatTable): Elements =>
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

/** The elements of each `slots_N`. */
export function slotElements(table: NatTable): ReadonlyMap<SlotCount, Elements> {
  const bySize = new Map(SLOT_COUNTS.map((count) => [count, new Map<string, string>()]));
  for (const [home, slots] of slotsByHome(table)) {
    const elements = bySize.get(slots.length as SlotCount)!;
    for (const [slot, address] of slots.entries())
      elements.set(`${formatAddress(ipv4(home))} . ${slot}`, formatAddress(address));
  }
  return bySize;
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

export const TO_HOME = "ip saddr set ip saddr map @homes goto leave";

/** From what stands for a pool to the address, one rule for each size of table that there is. */
export function toSlots(table: NatTable): readonly string[] {
  const sizes = new Set(
    homesOf(table)
      .filter(isSpread)
      .map(({ addresses }) => slotsFor(addresses.length)),
  );
  return SLOT_COUNTS.filter((count) => sizes.has(count)).map(
    (count) =>
      `ip saddr set ip saddr . jhash ct original ip saddr mod ${count} seed 0x${SLOT_SEED.toString(16)} map @slots_${count}`,
  );
}
