/**
 * A NatTable as the contents of one nftables table: named sets and maps with their elements, chains with their rules.
 *
 * What a packet costs does not depend on how many floating IPs, pool addresses or hosts there are: each of them is an
 * element of a hash, and the rules are the same few for all. Only networks stand in interval sets, of which there are
 * few. Rules and elements are spelled as nft 1.0.6 lists them, so that what is read back compares equal as text.
 *
 * Map keys are used as sets too (`ip daddr @floating`): one copy serves translation and exceptions.
 */

import { type Address, comparePrefixes, contains, type Prefix } from "../bgp/net/address.ts";
import { formatAddress, formatPrefix } from "../bgp/net/text.ts";
import { BLOCK_RULES, blockElements, portText } from "./blocks.ts";
import type { NatTable } from "./table.ts";

export const TABLE = "gatewayd";

/** Name and declaration of every set and map, in the order in which they are made. */
export const SETS: Readonly<Record<SetName, SetDeclaration>> = {
  floating: { is: "map", type: "ipv4_addr : ipv4_addr", interval: false },
  self: { is: "map", type: "ipv4_addr . ipv4_addr : ipv4_addr", interval: false },
  own: { is: "map", type: "ipv4_addr : ipv4_addr", interval: false },
  egress: { is: "map", type: "ipv4_addr : ipv4_addr", interval: false },
  blocks: { is: "map", type: "ipv4_addr : interval ipv4_addr . inet_service", interval: false },
  pooled: { is: "set", type: "ipv4_addr", interval: false },
  private: { is: "set", type: "ipv4_addr", interval: true },
  inside: { is: "set", type: "ipv4_addr", interval: true },
  exempt: { is: "set", type: "ipv4_addr", interval: true },
  exempt_hosts: { is: "set", type: "ipv4_addr", interval: false },
  untracked: { is: "set", type: "ipv4_addr", interval: true },
  untracked_hosts: { is: "set", type: "ipv4_addr", interval: false },
  untracked6: { is: "set", type: "ipv6_addr", interval: true },
  untracked6_hosts: { is: "set", type: "ipv6_addr", interval: false },
  taps: { is: "set", type: "ifname", interval: false },
};

export const SET_NAMES = [
  "floating",
  "self",
  "own",
  "egress",
  "blocks",
  "pooled",
  "private",
  "inside",
  "exempt",
  "exempt_hosts",
  "untracked",
  "untracked_hosts",
  "untracked6",
  "untracked6_hosts",
  "taps",
] as const;
/**
 * floating: floating IP to fixed. self: fixed . floating to floating, each pair once. own: fixed to its lowest
 * floating IP. egress: the same among those whose new flows leave as the floating IP. blocks: private address to pool address and ports.
 */
export type SetName = (typeof SET_NAMES)[number];

export interface SetDeclaration {
  readonly is: "map" | "set";
  readonly type: string;
  readonly interval: boolean;
}

/** Every chain with the hook that it hangs on, in an order in which nothing refers to what comes later. */
export const CHAINS: Readonly<Record<ChainName, string | undefined>> = {
  untrack: undefined,
  raw: undefined,
  pools: undefined,
  hairpin: undefined,
  raw_prerouting: "type filter hook prerouting priority -300; policy accept;",
  raw_output: "type filter hook output priority -300; policy accept;",
  dstnat: "type nat hook prerouting priority -100; policy accept;",
  dstnat_output: "type nat hook output priority -100; policy accept;",
  srcnat: "type nat hook postrouting priority 100; policy accept;",
  untranslated: "type filter hook forward priority 0; policy accept;",
};

export const CHAIN_NAMES = [
  "untrack",
  "raw",
  "pools",
  "hairpin",
  "raw_prerouting",
  "raw_output",
  "dstnat",
  "dstnat_output",
  "srcnat",
  "untranslated",
] as const;
export type ChainName = (typeof CHAIN_NAMES)[number];

/** Elements by key; the value of a set's element is "". */
export type Elements = ReadonlyMap<string, string>;

export interface Contents {
  readonly sets: Readonly<Record<SetName, Elements>>;
  readonly chains: Readonly<Record<ChainName, readonly string[]>>;
}

export function render(table: NatTable): Contents {
  return { sets: renderSets(table), chains: renderChains(table) };
}

function renderSets(table: NatTable): Contents["sets"] {
  const { exempt, untracked } = table;
  return {
    ...renderFloating(table),
    blocks: blockElements(table.blocks),
    pooled: elements(table.pools.flatMap((pool) => pool.addresses.map(formatAddress))),
    private: intervals(table.private.filter(isIpv4)),
    inside: intervals(table.inside.filter(isIpv4)),
    exempt: intervals(exempt.filter((p) => isIpv4(p) && !isHost(p))),
    exempt_hosts: elements(exempt.filter((p) => isIpv4(p) && isHost(p)).map(formatAddress)),
    untracked: intervals(untracked.filter((p) => isIpv4(p) && !isHost(p))),
    untracked_hosts: elements(untracked.filter((p) => isIpv4(p) && isHost(p)).map(formatAddress)),
    untracked6: intervals(untracked.filter((p) => !(isIpv4(p) || isHost(p)))),
    untracked6_hosts: elements(untracked.filter((p) => !isIpv4(p) && isHost(p)).map(formatAddress)),
    taps: elements((table.metadata?.interfaces ?? []).map((name) => `"${name}"`)),
  };
}

type FloatingSets = Pick<Contents["sets"], "floating" | "self" | "own" | "egress">;

function renderFloating(table: NatTable): FloatingSets {
  const floating = new Map<string, string>();
  const self = new Map<string, string>();
  const own = new Map<string, Address>();
  const egress = new Map<string, Address>();
  for (const mapping of table.floating) {
    const from = formatAddress(mapping.floating);
    const to = formatAddress(mapping.fixed);
    floating.set(from, to);
    self.set(`${to} . ${from}`, from);
    keepLowest(own, to, mapping.floating);
    if (mapping.egress === "floating") keepLowest(egress, to, mapping.floating);
  }
  return { floating, self, own: values(own), egress: values(egress) };
}

function keepLowest(lowest: Map<string, Address>, key: string, candidate: Address): void {
  const held = lowest.get(key);
  if (held === undefined || candidate.w0 < held.w0) lowest.set(key, candidate);
}

const values = (map: ReadonlyMap<string, Address>): Elements =>
  new Map([...map].map(([key, address]) => [key, formatAddress(address)]));

const elements = (keys: readonly string[]): Elements => new Map(keys.map((key) => [key, ""]));

/** nftables refuses intervals that overlap: what lies within another one is left out. */
function intervals(prefixes: readonly Prefix[]): Elements {
  const outer: Prefix[] = [];
  for (const prefix of prefixes.toSorted(comparePrefixes)) {
    // Sorted, a prefix comes right after the one that holds it and what else that one holds.
    const last = outer.at(-1);
    if (last === undefined || !contains(last, prefix)) outer.push(prefix);
  }
  return elements(outer.map((p) => (isHost(p) ? formatAddress(p) : formatPrefix(p))));
}

const isIpv4 = (prefix: Prefix): boolean => prefix.family === 4;
const isHost = (prefix: Prefix): boolean => prefix.length === (prefix.family === 4 ? 32 : 128);

function renderChains(table: NatTable): Contents["chains"] {
  const toFloating = "dnat ip to ip daddr map @floating";
  return {
    // A flow that is translated here needs conntrack in both directions, whatever its other side is.
    untrack: [
      "ip daddr @floating accept",
      "ip daddr @own accept",
      "ip saddr @own accept",
      "ip daddr @pooled accept",
      "notrack",
    ],
    raw: [
      ...trackMetadata(table),
      "ip daddr @untracked goto untrack",
      "ip daddr @untracked_hosts goto untrack",
      "ip saddr @untracked goto untrack",
      "ip saddr @untracked_hosts goto untrack",
      "ip6 daddr @untracked6 notrack",
      "ip6 daddr @untracked6_hosts notrack",
      "ip6 saddr @untracked6 notrack",
      "ip6 saddr @untracked6_hosts notrack",
    ],
    pools: renderPools(table),
    hairpin: ["snat ip to ip saddr map @own", ...hairpinRest(table)],
    raw_prerouting: ["jump raw"],
    raw_output: ["jump raw"],
    dstnat: [toFloating, ...renderMetadata(table)],
    dstnat_output: [toFloating],
    srcnat: [
      // A VM that talks to its own floating IP must not see its own address as the source: it would drop the packet.
      "snat ip to ip saddr . ct original ip daddr map @self",
      // RFC 4787 REQ-9a: a hairpinned flow has an external source, so that its answers come back through here.
      ...(table.inside.length === 0
        ? []
        : INSIDE.map((set) => `${TO_FLOATING} ip saddr @${set} goto hairpin`)),
      "ip daddr @exempt accept",
      "ip daddr @exempt_hosts accept",
      "snat ip to ip saddr map @egress",
      "ip saddr @private goto pools",
    ],
    // What conntrack takes for no part of any flow is not translated. Sent on, it would go round and round.
    untranslated: ["ip daddr @floating drop"],
  };
}

/** Sources without a block have no right to a port of any: they leave as the machine itself. */
function hairpinRest({ blocks, pools }: NatTable): readonly string[] {
  if (blocks !== undefined) return ["ip saddr @private goto pools", "masquerade"];
  return [pools.length > 0 ? "goto pools" : "masquerade"];
}

const TO_FLOATING = "ct status dnat ct original ip daddr @floating";

/** Sources whose answers would not pass here: those of the table, and all that is routed to our own hosts. */
const INSIDE = ["inside", "untracked", "untracked_hosts"] as const;

/** The seed of the hash is fixed: a private address keeps its pool address over restarts and on every gateway. */
const SEED = "0x86";

/**
 * RFC 6888 REQ-2, RFC 4787 REQ-2: paired; all flows of a private address leave from one pool address, whichever pool
 * it is in. Only protocols with ports get the port range of their pool: an ICMP identifier is not a port.
 */
function renderPools({ pools, blocks }: NatTable): readonly string[] {
  if (blocks !== undefined) return BLOCK_RULES;
  const count = pools.reduce((sum, pool) => sum + pool.addresses.length, 0);
  if (count === 0) return [];
  const hash = `snat ip to jhash ip saddr mod ${count} seed ${SEED} map`;
  let index = 0;
  const members = pools.map((pool) =>
    pool.addresses.map((address) => `${index++} : ${formatAddress(address)}`),
  );
  const withPorts = pools.map((pool, i) => {
    const map = `{ ${members[i]?.join(", ")} }`;
    return `meta l4proto { tcp, udp } ${hash} ${map}:${portText(pool.ports)}`;
  });
  return [...withPorts, `${hash} { ${members.flat().join(", ")} }`];
}

const METADATA_ADDRESS = "169.254.169.254";

function renderMetadata({ metadata }: NatTable): readonly string[] {
  if (metadata === undefined) return [];
  const to = `${formatAddress(metadata.to.address)}:${metadata.to.port}`;
  return [`iifname @taps ip daddr ${METADATA_ADDRESS} tcp dport 80 dnat ip to ${to}`];
}

/** The metadata service is reached by translation, also from addresses that otherwise are not tracked. */
function trackMetadata({ metadata }: NatTable): readonly string[] {
  if (metadata === undefined) return [];
  return [
    `ip daddr ${METADATA_ADDRESS} accept`,
    `ip saddr ${formatAddress(metadata.to.address)} tcp sport ${metadata.to.port} accept`,
  ];
}
