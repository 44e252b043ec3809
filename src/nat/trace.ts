/** What becomes of a packet by our own rules, and why: in the rules, and in words. */

import { type Address, sameAddress } from "../bgp/net/address.ts";
import { addressKey, formatAddress } from "../bgp/net/text.ts";
import { homeOf, spareCount, withoutComputed } from "../model/blocks.ts";
import { blockSets } from "./blocks.ts";
import { matchableIn } from "./filled.ts";
import { type Grant, grantElements } from "./granted.ts";
import type { ChainContents, Contents } from "./layout.ts";
import { arrivesAs, leavesAs } from "./nptv6.ts";
import { render } from "./render.ts";
import { beginWalk, type Header, type Step, type Translated, type Walk, walkChain } from "./rule-walk.ts";
import type { NatTable } from "./table.ts";

/** A packet that would open a flow, from one of our interfaces to another. Both addresses are of one family. */
export interface TracedPacket {
  readonly source: Address;
  readonly destination: Address;
  /** As nft has it: tcp, udp, icmp, or a number. */
  readonly protocol: string;
  readonly sourcePort: number | undefined;
  readonly destinationPort: number | undefined;
}

export interface NatTrace {
  readonly verdict: "translated" | "untranslated" | "untracked" | "dropped";
  /** What decided, in words. */
  readonly why: string;
  /** What the destination becomes; undefined: it stays. */
  readonly destination: Translated | undefined;
  /** What the source becomes. Without an address: that of the interface that the packet leaves by. */
  readonly source: Translated | undefined;
  /** Of a source of a pool: its name. */
  readonly pool: string | undefined;
  readonly steps: readonly (Step & { readonly says: string })[];
}

/** Whether a packet goes on behind a hook. */
type Hook = (walk: Walk) => boolean;

const passes =
  (chain: string): Hook =>
  (walk) => {
    const verdict = walkChain(walk, chain);
    return verdict !== "drop" && verdict !== "refuse";
  };

/** The chains of a packet that is forwarded, in order. What is not tracked is not translated either. */
const HOOKS: readonly Hook[] = [
  passes("stateless_in"),
  passes("raw_prerouting"),
  (walk) => !walk.tracked || passes("dstnat")(walk),
  (walk) => !isOfPool(walk),
  (walk) => walk.destination !== undefined || passes("untranslated")(walk),
  passes("limited"),
  (walk) => !walk.tracked || passes("srcnat")(walk),
  passes("stateless_out"),
];

/** @param grants - mappings that hosts asked for, which stand in no table */
export function tracePacket(table: NatTable, packet: TracedPacket, grants: readonly Grant[] = []): NatTrace {
  const header: Header = {
    source: formatAddress(packet.source),
    destination: formatAddress(packet.destination),
    protocol: packet.protocol,
    sourcePort: packet.sourcePort?.toString(),
    destinationPort: packet.destinationPort?.toString(),
  };
  const walk = beginWalk(contentsFor(table, packet, grants), header);
  const passed = HOOKS.every((hook) => hook(walk));
  const steps = walk.steps.map((step) => ({ ...step, says: sayingOf(step) }));
  const awaited = passed ? undefined : awaitedPlace(table, packet.source, steps.at(-1));
  const { header: became } = walk;
  const source = walk.source ?? rewritten(header.source, became.source);
  const destination = walk.destination ?? rewritten(header.destination, became.destination);
  return {
    verdict: passed ? verdictOf(walk.tracked, source ?? destination) : "dropped",
    why:
      (passed ? whyTranslated(steps) : whyAwaited(table, awaited)) ??
      lastSaid(steps) ??
      whyNothing(table, walk),
    destination,
    source,
    pool: poolOf(table, source ?? awaited),
    steps,
  };
}

/** Of a source that has no port block yet: where it will be. */
function awaitedPlace({ blocks }: NatTable, source: Address, last: Step | undefined): Awaited | undefined {
  if (blocks === undefined || last?.chain !== "pools" || last.rule !== "drop") return undefined;
  const home = homeOf(blocks, source);
  return home && { address: formatAddress(home.address), spare: spareCount(blocks, home.pool) };
}

interface Awaited {
  readonly address: string;
  /** Blocks of the address that can be given. */
  readonly spare: number;
}

function whyAwaited(table: NatTable, awaited: Awaited | undefined): string | undefined {
  if (awaited === undefined) return undefined;
  const { address, spare } = awaited;
  const given = table.givenBlocks.filter(({ block }) => formatAddress(block.address) === address).length;
  return given < spare
    ? `the source has no port block yet: this packet asks for one of ${address} and is lost, one that comes a moment later leaves by it`
    : `the source has no port block, and all ${spare} of ${address} are given: it is not let out until one is taken back`;
}

/** What a rule wrote in place of an address without conntrack. */
const rewritten = (was: string, is: string): Translated | undefined =>
  was === is ? undefined : { address: is, ports: undefined };

function verdictOf(tracked: boolean, changed: Translated | undefined): NatTrace["verdict"] {
  if (changed !== undefined) return "translated";
  return tracked ? "untranslated" : "untracked";
}

type Steps = NatTrace["steps"];

/** Rules that write an address, as far as they say so: one for each side at most. */
function whyTranslated(steps: Steps): string | undefined {
  const said = steps.filter(({ rule, says }) => says !== "" && TRANSLATES.test(rule)).map(({ says }) => says);
  return said.length === 0 ? undefined : [...new Set(said)].join("; ");
}

const TRANSLATES = /\b[ds]nat ip6? to\b|\bmasquerade$|\bip6? [ds]addr set\b/;

const lastSaid = (steps: Steps): string | undefined => steps.findLast(({ says }) => says !== "")?.says;

/** Behind an address of a pool there is a blackhole route. */
const isOfPool = ({ contents, header }: Walk): boolean => contents.sets.pooled.has(header.destination);

function whyNothing(table: NatTable, walk: Walk): string {
  const { header } = walk;
  if (isOfPool(walk))
    return `${header.destination} is an address of a pool: it is silent, but for answers and for mappings that packets have made`;
  return table.private.length === 0
    ? "there is no pool here, and neither address is a floating IP"
    : `${header.source} is in no private range of a pool, and neither address is a floating IP`;
}

const poolOf = (
  table: NatTable,
  at: { readonly address: string | undefined } | undefined,
): string | undefined =>
  table.pools.find(({ addresses }) => addresses.some((a) => formatAddress(a) === at?.address))?.name;

/** The table as far as this packet can meet it: there may be a million floating IPs. */
function contentsFor(
  table: NatTable,
  { source, destination }: TracedPacket,
  grants: readonly Grant[],
): Contents {
  const concerns = (address: Address): boolean =>
    sameAddress(address, source) || sameAddress(address, destination);
  const { blocks } = table;
  const floating = table.floating.filter((m) => concerns(m.floating) || concerns(m.fixed));
  const forwards = table.forwards.filter((m) => concerns(m.floating) || concerns(m.to));
  // What the destination becomes is met too.
  const inner = new Set([
    ...floating.map((m) => addressKey(m.fixed)),
    ...forwards.map((m) => addressKey(m.to)),
  ]);
  const met = {
    ...table,
    floating: table.floating.filter(
      (m) => concerns(m.floating) || concerns(m.fixed) || inner.has(addressKey(m.fixed)),
    ),
    forwards,
    blocks: blocks && withoutComputed(blocks),
    givenBlocks: [],
  };
  const contents = render(met, matchableIn(table));
  const granted = grants.filter((grant) => concerns(grant.private.address) || concerns(grant.public.address));
  const sets = { ...contents.sets, ...grantElements(granted), ...blockSets(table, source) };
  return { ...contents, sets, chains: { ...contents.chains, ...prefixesTold(table, source, destination) } };
}

/** The chains that rewrite prefixes, by what they come to: their rules add up bytes. */
const prefixesTold = (
  table: NatTable,
  source: Address,
  destination: Address,
): Pick<ChainContents, "prefix_arrives" | "prefix_out"> => ({
  prefix_arrives: rewrittenTo("ip6 daddr", arrivesAs(table, destination)),
  prefix_out: rewrittenTo("ip6 saddr", leavesAs(table, source)),
});

const rewrittenTo = (field: string, address: Address | undefined): readonly string[] =>
  address === undefined ? ["drop"] : [`${field} set ${formatAddress(address)} notrack accept`];

/** Rules in words, by what they are made of; of a rule that leads to another chain, that chain's say it. */
const SAYINGS: readonly (readonly [chain: RegExp, rule: RegExp, says: string])[] = [
  [
    /^arrives6?$/,
    /map @stateless/,
    "the destination is a stateless floating IP: it becomes the fixed address",
  ],
  [/^stateless_out$/, /map @stateless/, "the source becomes its stateless floating IP"],
  [
    /^prefix_arrives$/,
    /set/,
    "the destination is in an external prefix: it becomes the address within that it stands for",
  ],
  [/^prefix_out$/, /set/, "the source is in an internal prefix: it becomes the address that it has outside"],
  [/^prefix_(arrives|out)$/, /drop/, "the address has no counterpart in the other prefix"],
  [/^untrack6?$/, /notrack/, "one of its sides is routed and never translated: conntrack does not see it"],
  [/^dstnat$/, /map @floating6?$/, "the destination is a floating IP: it becomes the fixed address"],
  [/^dstnat$/, /map @forwards$/, "the destination is a port of a floating IP that is forwarded"],
  [/^dstnat$/, /dnat ip to \d/, "the metadata service"],
  [/./, /map @self6?$/, "a host that speaks to its own floating IP has that one as its source"],
  [
    /./,
    /@\w+ goto hairpin6?$/,
    "hairpin: a source of ours has an external address, so that answers pass here",
  ],
  [/^hairpin6?$/, /map @own6?$/, "the source becomes its own floating IP"],
  [/./, /^masquerade$/, "the source becomes the address of the interface that the packet leaves by"],
  [/^srcnat$/, /^ip6? daddr \S+ accept$/, "the destination is exempt from translation"],
  [/^srcnat$/, /map @egress6?$/, "the source becomes its floating IP"],
  [
    /^(blocks|scarce)$/,
    /th sport != @endpoints/,
    "the source becomes a port of its block that it has not taken yet",
  ],
  [
    /^block_/,
    / snat ip to ip saddr:/,
    "the source becomes its block: ports of a pool's address that are its own",
  ],
  [/^to_pooled$/, /map @granted$/, "the destination is a mapping that a private host asked for"],
  [/^pools/, /map @granted_out$/, "the source becomes the mapping that it asked for"],
  [
    /^(pools|spread)$/,
    /map @blocks$/,
    "the source becomes its block: ports of a pool's address that are its own",
  ],
  [/^pools$/, /^drop$/, "there is no address of a pool for it: it is not let out"],
  [/^endpoint_/, /th sport != @endpoints/, "the source becomes an endpoint of its pool that nobody else has"],
  [/^(srcnat$|endpoint_|random_)/, /fully-random$/, "the source becomes a port of its pool by chance"],
  [/^endpoint_/, /checksum 0/, "the source becomes a port of its pool"],
  [/^leave$/, /^snat ip to ip saddr$/, "the source becomes its address of the pool"],
  [/^leave$/, /dccp drop$/, "DCCP is let out of blocks alone"],
  [/^untranslated$/, /@(floating6?|forwarded) drop$/, "nothing is behind that port of the floating IP"],
];

const sayingOf = ({ chain, rule }: Step): string =>
  SAYINGS.find(([inChain, inRule]) => inChain.test(chain) && inRule.test(rule))?.[2] ?? "";
