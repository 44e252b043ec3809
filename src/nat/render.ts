/**
 * A NatTable as the contents of one nftables table: named sets and maps with their elements, chains with their rules.
 *
 * What a packet costs does not depend on how many floating IPs, pool addresses or hosts there are: each of them is an
 * element of a hash, and the rules are the same few for all. Only networks stand in interval sets, of which there are
 * few. Rules and elements are spelled as nft 1.0.6 lists them, so that what is read back compares equal as text.
 *
 * Map keys are used as sets too (`ip daddr @floating`): one copy serves translation and exceptions.
 */

import { helperRules, helpers, toHelpers } from "./algs.ts";
import { blockSets, ownBlockRules, scarceRules } from "./blocks.ts";
import { elements } from "./elements.ts";
import { type Matchable, matchableIn } from "./filled.ts";
import { floatingSets, HAIRPIN6, hairpin, TO_EGRESS, TO_FIXED, TO_ITSELF, toHairpin } from "./floating.ts";
import { forwardSets, TO_TARGET } from "./forwards.ts";
import { dropsGranted, toGranted } from "./granted.ts";
import { homeSets, type Kept } from "./homes.ts";
import type { ChainContents, Contents, Elements, SetContents } from "./layout.ts";
import { limitRules, refuseRules } from "./limits.ts";
import {
  answeredRules,
  begunRules,
  claimRules,
  mappedRules,
  mappingSets,
  repliedRules,
  toEndpoints,
  toMappings,
} from "./mapping.ts";
import { toMetadata, trackMetadata } from "./metadata.ts";
import { prefixChains, prefixSets } from "./nptv6.ts";
import { crowdedRules, fillingRules, spreadRules } from "./overflow.ts";
import { leaveRules, poolRules, poolRulesOf, portChains, portChoices, toPools } from "./pools.ts";
import { statelessChains, statelessSets } from "./stateless.ts";
import type { NatTable } from "./table.ts";
import { timerRules, timers, WITH_TIMERS } from "./timers.ts";
import { exemptRules, networkSets, TO_UNTRACK, trackingSets, UNTRACK, untrack6 } from "./tracking.ts";
import { untranslatedChains } from "./untranslated.ts";

/**
 * @param canMatch - of a table that this one is a part of
 * @param kept - what the kernel may hold besides
 */
export function render(
  table: NatTable,
  canMatch: Matchable = matchableIn(table),
  kept: Kept | undefined = undefined,
): Contents {
  return {
    timers: timers(table),
    helpers: helpers(table),
    sets: renderSets(table, kept),
    chains: renderChains(table, canMatch, kept),
    portChains: portChains(table),
  };
}

const NONE: Elements = new Map();

function renderSets(table: NatTable, kept: Kept | undefined): SetContents {
  return {
    ...floatingSets(table),
    ...statelessSets(table),
    ...prefixSets(table),
    ...forwardSets(table),
    ...trackingSets(table),
    ...networkSets(table),
    ...blockSets(table),
    toward_0: NONE,
    toward_1: NONE,
    toward_2: NONE,
    toward_3: NONE,
    opened_0: NONE,
    opened_1: NONE,
    opened_2: NONE,
    asking: NONE,
    full: NONE,
    sessions: NONE,
    session_rate: NONE,
    ports: NONE,
    over_sessions: NONE,
    over_rate: NONE,
    over_ports: NONE,
    ...homeSets(table, kept),
    port_choice: portChoices(table),
    ...mappingSets(table),
    mapping: NONE,
    endpoints: NONE,
    contacts: NONE,
    shared: NONE,
    granted: NONE,
    granted_out: NONE,
    taps: elements((table.metadata?.interfaces ?? []).map((name) => `"${name}"`)),
  };
}

export function renderChains(table: NatTable, canMatch: Matchable, kept: Kept | undefined): ChainContents {
  const raw = TO_UNTRACK.filter(canMatch);
  const pooled = pooledRules(table);
  const toPooled = pooled.length === 0 ? [] : ["ip daddr @pooled jump to_pooled"];
  const chains: ChainContents = {
    ...statelessChains(table),
    ...untranslatedChains(canMatch),
    untrack: UNTRACK,
    ...prefixChains(table),
    untrack6: untrack6(table),
    raw: raw.length === 0 ? [] : [...trackMetadata(table), ...raw],
    leave: leaveRules(table, kept),
    scarce: scarceRules(table),
    filling: fillingRules(table),
    blocks: ownBlockRules(table),
    crowded: crowdedRules(table),
    spread: spreadRules(table),
    pools: poolRules(table, kept),
    pools_udp: poolRulesOf("udp", table, kept),
    pools_tcp: poolRulesOf("tcp", table, kept),
    hairpin: hairpin(table, kept),
    hairpin6: HAIRPIN6,
    timers: timerRules(table),
    to_pooled: pooled,
    helpers: helperRules(table),
    claims: claimRules(table),
    begun: begunRules(table),
    mapped: mappedRules(table),
    replied: repliedRules(table),
    answered: answeredRules(table),
    over_sessions: refuseRules("sessions"),
    over_rate: refuseRules("rate"),
    over_ports: refuseRules("ports"),
    raw_prerouting: raw.length === 0 ? [] : ["jump raw"],
    raw_output: raw.length === 0 ? [] : ["jump raw"],
    dstnat: [...toHelpers(table), ...TO_FIXED, ...TO_TARGET, ...toPooled, ...toMetadata(table)],
    dstnat_output: [...TO_FIXED, ...TO_TARGET],
    srcnat: [
      ...TO_ITSELF,
      ...toHairpin(table),
      ...exemptRules(table, kept),
      ...TO_EGRESS,
      ...toPools(table, kept),
    ],
    limited: limitRules(table),
    translated: [...dropsGranted(table), ...toMappings(table)],
  };
  return Object.fromEntries(
    Object.entries(chains).map(([name, rules]): [string, readonly string[]] => [
      name,
      rules.filter(canMatch),
    ]),
  ) as ChainContents;
}

/** External endpoints of pools that lead somewhere. */
function pooledRules(table: NatTable): readonly string[] {
  const rules = [...toGranted(table), ...toEndpoints(table)];
  return rules.length === 0 ? [] : [WITH_TIMERS, ...rules];
}
