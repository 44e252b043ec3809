/**
 * Pools: which address and which ports a private source leaves with.
 *
 * The chains do not depend on how many pools, addresses or private ranges there are; only for each way to choose a port
 * (its range, and whether by endpoint) there is one. The address is found in maps, and stands in the packet's header
 * before the kernel is asked to translate to it; translation then finds what it would have written.
 */

import { formatAddress } from "../bgp/net/text.ts";
import { askForBlock, blockChains, toOwnBlock } from "./blocks.ts";
import { asGranted } from "./granted.ts";
import { commonHome, type Kept, onlyAddress, openPools, toHome, toSlots } from "./homes.ts";
import type { Elements } from "./layout.ts";
import { byChance, choiceRules, toMapped } from "./mapping.ts";
import { isIndependent, portText, sharedPools } from "./members.ts";
import { toSharedBlock } from "./overflow.ts";
import type { NatTable, PoolMapping } from "./table.ts";
import { setTimer, WITH_TIMERS } from "./timers.ts";

/**
 * New flows of private sources. Where all that there is to find of one is its address, TCP and UDP have a rule each that
 * does everything; it asks for the protocol first, which costs the other one next to nothing.
 */
export function toPools(table: NatTable, kept: Kept | undefined): readonly string[] {
  const address = onlyAddress(table, kept, "ip saddr");
  const pool = onlyChoice(table, kept);
  const isAllThereIs =
    pool !== undefined && !table.pools.some(isIndependent) && table.blocks === undefined && !table.grants;
  return [
    ...(address === undefined || !isAllThereIs
      ? []
      : (["udp", "tcp"] as const).map(
          (protocol) =>
            `meta l4proto ${protocol} ip saddr @private ${setTimer(protocol, table)} ${byChance(pool, address)}`,
        )),
    "ip saddr @private goto pools",
  ];
}

/** What was granted comes first. Whoever has a block leaves with it, also when there is a mapping of a time when it had none. */
export function poolRules(table: NatTable, kept: Kept | undefined): readonly string[] {
  if (table.pools.length === 0) return [];
  return [
    WITH_TIMERS,
    ...asGranted(table),
    ...toSharedBlock(table),
    ...toMapped(table),
    ...toOwnBlock(table),
    ...(openPools(table).length === 0 ? [] : [toHome(table, kept)]),
    ...askForBlock(table),
    "drop",
  ];
}

/** Sources that are not private, but have to be seen from outside: by the pools that serve what no other names. */
export function hairpinRules(table: NatTable, kept: Kept | undefined): readonly string[] {
  const home = commonHome(table);
  return [
    ...(table.pools.length === 0 ? [] : ["ip saddr @private goto pools"]),
    ...(home === undefined
      ? ["masquerade"]
      : [`ip saddr set ${onlyAddress(table, kept, "ip saddr") ?? formatAddress(home)} goto leave`]),
  ];
}

/**
 * The source is what stands for a pool. A checksum of DCCP covers addresses and is not brought up to date with them. Only
 * protocols with ports get the port range of their pool: an ICMP identifier is not a port.
 */
export function leaveRules(table: NatTable, kept: Kept | undefined): readonly string[] {
  if (openPools(table).length === 0) return [];
  const choice = onlyChoice(table, kept);
  return [
    "meta l4proto dccp drop",
    ...toSlots(table, kept),
    `meta l4proto { tcp, udp } ${choice === undefined ? "ip saddr vmap @port_choice" : toPortChain(choice)}`,
    "snat ip to ip saddr",
  ];
}

/** A pool that stands for all that get new mappings, as they choose ports in the same way; undefined: they do not. */
function onlyChoice(table: NatTable, kept: Kept | undefined): PoolMapping | undefined {
  const pools = openPools(table);
  const wanted = portChoices(table);
  const others = [...(kept?.port_choice ?? [])].flatMap(([key, chain]) => (wanted.has(key) ? [] : chain));
  const choices = new Set([...pools.map(toPortChain), ...others]);
  return choices.size === 1 ? pools[0] : undefined;
}

/** Pool addresses to the chain that chooses a port of theirs. */
export const portChoices = (table: NatTable): Elements =>
  new Map(
    sharedPools(table).flatMap((pool) =>
      pool.addresses.map((address) => [formatAddress(address), toPortChain(pool)] as const),
    ),
  );

/** The chains that choose a port, by name. */
export const portChains = (table: NatTable): ReadonlyMap<string, readonly string[]> =>
  new Map([
    ...sharedPools(table).map((pool) => [portChainOf(pool), choiceRules(pool, table.grants)] as const),
    ...blockChains(table),
  ]);

const toPortChain = (pool: PoolMapping): string => `goto ${portChainOf(pool)}`;

const portChainOf = (pool: PoolMapping): string =>
  `${isIndependent(pool) ? "endpoint" : "random"}_${portText(pool.ports).replace("-", "_")}`;
