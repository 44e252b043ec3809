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
import { addresses, elements, intervals, isIpv4, isIpv6 } from "./elements.ts";
import { floatingSets, HAIRPIN6, hairpin, TO_EGRESS, TO_FIXED, TO_ITSELF, toHairpin } from "./floating.ts";
import { forwardSets, TO_TARGET } from "./forwards.ts";
import { dropsGranted, toGranted } from "./granted.ts";
import { homeElements, slotElements } from "./homes.ts";
import type { ChainContents, Contents, Elements, SetContents } from "./layout.ts";
import { limitRules, refuseRules } from "./limits.ts";
import { answeredRules, mappedRules, mappingSets, toEndpoints, toMappings } from "./mapping.ts";
import { toMetadata, trackMetadata } from "./metadata.ts";
import { prefixChains, prefixSets } from "./nptv6.ts";
import { leaveRules, poolRules, portChains, portChoices } from "./pools.ts";
import { statelessChains, statelessSets } from "./stateless.ts";
import type { NatTable } from "./table.ts";
import { TO_TIMERS, timerRules, timers } from "./timers.ts";
import { EXEMPT, TO_UNTRACK, trackingSets, UNTRACK, untrack6 } from "./tracking.ts";
import { INVALID, OBSOLETE, UNTRANSLATED } from "./untranslated.ts";

export function render(table: NatTable): Contents {
  return {
    timers: timers(table),
    helpers: helpers(table),
    sets: renderSets(table),
    chains: renderChains(table),
    portChains: portChains(table),
  };
}

const NONE: Elements = new Map();

function renderSets(table: NatTable): SetContents {
  const slots = slotElements(table);
  return {
    ...floatingSets(table),
    ...statelessSets(table),
    ...prefixSets(table),
    ...forwardSets(table),
    ...trackingSets(table),
    ...blockSets(table),
    asking: NONE,
    full: NONE,
    sessions: NONE,
    session_rate: NONE,
    ports: NONE,
    over_sessions: NONE,
    over_rate: NONE,
    over_ports: NONE,
    pooled: addresses(table.pools.flatMap((pool) => pool.addresses)),
    homes: homeElements(table),
    slots_256: slots.get(256) ?? NONE,
    slots_4096: slots.get(4096) ?? NONE,
    slots_65536: slots.get(65_536) ?? NONE,
    port_choice: portChoices(table),
    private: intervals(table.private.filter(isIpv4)),
    inside: intervals(table.inside.filter(isIpv4)),
    inside6: intervals(table.inside.filter(isIpv6)),
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

const renderChains = (table: NatTable): ChainContents => ({
  ...statelessChains(table),
  untrack: UNTRACK,
  ...prefixChains(table),
  untrack6: untrack6(table),
  raw: [...trackMetadata(table), ...TO_UNTRACK],
  leave: leaveRules(table),
  scarce: scarceRules(table),
  blocks: ownBlockRules(table),
  pools: poolRules(table),
  hairpin: hairpin(table),
  hairpin6: HAIRPIN6,
  timers: timerRules(table),
  helpers: helperRules(table),
  mapped: mappedRules(table),
  answered: answeredRules(table),
  over_sessions: refuseRules("sessions"),
  over_rate: refuseRules("rate"),
  over_ports: refuseRules("ports"),
  raw_prerouting: ["jump raw"],
  raw_output: ["jump raw"],
  dstnat: [
    ...toHelpers(table),
    ...TO_FIXED,
    TO_TARGET,
    ...toGranted(table),
    ...toEndpoints(table),
    ...toMetadata(table),
  ],
  dstnat_output: [...TO_FIXED, TO_TARGET],
  srcnat: [...TO_ITSELF, ...toHairpin(table), ...EXEMPT, ...TO_EGRESS, "ip saddr @private goto pools"],
  limited: limitRules(table),
  translated: [...dropsGranted(table), ...toMappings(table), ...TO_TIMERS],
  invalid: INVALID,
  obsolete: OBSOLETE,
  untranslated: UNTRANSLATED,
});
