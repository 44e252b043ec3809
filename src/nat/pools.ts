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
import { inNetworks, networkSets } from "./tracking.ts";

type WithPorts = "udp" | "tcp";
const WITH_PORTS: readonly WithPorts[] = ["udp", "tcp"];

/**
 * New flows of private sources. Where all find their address and their ports in one way, TCP and UDP have rules of their
 * own; what asks for the protocol first costs the other one next to nothing.
 */
export function toPools(table: NatTable, kept: Kept | undefined): readonly string[] {
  // Another network would have all of these rules once more.
  const [ofPrivate = "ip saddr @private"] = inNetworks("ip saddr", "private", networkSets(table).private, {
    kept,
    most: 1,
  });
  return [
    ...WITH_PORTS.flatMap((protocol) => {
      const way = onlyWay(protocol, table, kept);
      return way === undefined ? [] : [`meta l4proto ${protocol} ${ofPrivate} ${way}`];
    }),
    `${ofPrivate} goto pools`,
  ];
}

/** What all new flows of a protocol do that leave by a pool; undefined: they differ. */
function onlyWay(protocol: WithPorts, table: NatTable, kept: Kept | undefined): string | undefined {
  const address = onlyAddress(table, kept, "ip saddr");
  const pool = onlyChoice(table, kept);
  if (address === undefined || pool === undefined || table.blocks !== undefined) return undefined;
  if (isIndependent(pool)) return `goto pools_${protocol}`;
  // Of one that is drained mappings may be alive.
  if (table.pools.some(isIndependent) || table.grants) return undefined;
  return `${setTimer(protocol, table)} ${byChance(pool, address)}`;
}

/** With endpoint-independent mapping: the one that there is, or a port for a new one. */
export function poolRulesOf(protocol: WithPorts, table: NatTable, kept: Kept | undefined): readonly string[] {
  const pool = onlyChoice(table, kept);
  const address = onlyAddress(table, kept, "ip saddr");
  if (pool === undefined || !onlyWay(protocol, table, kept)?.startsWith("goto")) return [];
  return [
    `meta l4proto ${protocol} ${setTimer(protocol, table)}`,
    ...asGranted(table),
    ...toMapped(table),
    `ip saddr set ${address} ${toPortChain(pool)}`,
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
