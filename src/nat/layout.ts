/**
 * What our table is made of: its sets, maps and chains, as they are declared and as nft 1.0.6 lists them. What stands in
 * them is the business of the parts (floating, pools, tracking, metadata).
 */

import { METERS } from "./meters.ts";

export const TABLE = "gatewayd";

export const SET_NAMES = [
  "floating",
  "self",
  "own",
  "egress",
  "floating6",
  "self6",
  "own6",
  "egress6",
  "stateless",
  "stateless_own",
  "errors_to",
  "errors_from",
  "stateless6",
  "stateless_own6",
  "errors_to6",
  "errors_from6",
  "internal6",
  "external6",
  "sums",
  "forwards",
  "forwarded",
  "targets",
  "blocks",
  "block_homes",
  "block_ports",
  "overflow_1",
  "overflow_2",
  "overflow_3",
  "blocks_1",
  "blocks_2",
  "blocks_3",
  "toward_0",
  "toward_1",
  "toward_2",
  "toward_3",
  "opened_0",
  "opened_1",
  "opened_2",
  "asking",
  "full",
  "sessions",
  "session_rate",
  "ports",
  "over_sessions",
  "over_rate",
  "over_ports",
  "pooled",
  "homes",
  "slots",
  "slots_256",
  "slots_4096",
  "slots_65536",
  "port_choice",
  "private",
  "inside",
  "exempt",
  "exempt_hosts",
  "inside6",
  "exempt6",
  "exempt6_hosts",
  "untracked",
  "untracked_hosts",
  "untracked6",
  "untracked6_hosts",
  "taps",
  "eim",
  "open",
  "open_to",
  "mapping",
  "endpoints",
  "contacts",
  "shared",
  "granted",
  "granted_out",
] as const;
/**
 * floating: floating IP to fixed. self: fixed . floating to floating, each pair once. own: fixed to its lowest
 * floating IP. egress: the same among those whose new flows leave as the floating IP. forwards: port of a floating IP to
 * one of a private address; forwarded, targets: those addresses, each once. blocks, block_homes, block_ports, overflow_N,
 * asking, full: see blocks.ts. blocks_N, toward_N, opened_N: see overflow.ts. homes, slots, slots_N: see homes.ts.
 * port_choice: pool address to the chain that chooses a port.
 * sessions, session_rate, ports, over_sessions, over_rate, over_ports: see limits.ts. eim, open, open_to, mapping,
 * endpoints, contacts, shared: see mapping.ts. stateless, stateless_own, errors_to, errors_from: see stateless.ts.
 * granted, granted_out: see granted.ts. internal6, external6, sums: see nptv6.ts. What ends with 6 is the same for IPv6.
 */
export type SetName = (typeof SET_NAMES)[number];

export interface SetDeclaration {
  readonly is: "map" | "set";
  readonly type: string;
  /** The type is given by expressions that have it. */
  readonly byExpression?: true;
  readonly interval: boolean;
  /** What else is declared of a set that others fill: packets, or who asked. What they put there is no part of a table's contents. */
  readonly filled?: readonly string[];
}

/** Private endpoints that can have a mapping at a time. */
export const MAPPINGS = 1_048_576;
const MAPPED = [`size ${MAPPINGS}`, "flags dynamic,timeout"];

/** Mappings that hosts asked for. */
export const GRANTS = 65_536;
/** The maps have an element more than that: the one that says since when none was lost. */
const GRANTED = [`size ${2 * GRANTS}`, "flags timeout"];

/** What stands in a set's braces, line by line. */
export function declarationOf(name: SetName): readonly string[] {
  const { type, byExpression, interval, filled = [] } = SETS[name];
  return [`${byExpression ? "typeof" : "type"} ${type}`, ...(interval ? ["flags interval"] : []), ...filled];
}

/** nft 1.0.6 has no name for the type of a hash or a number by chance, and takes them for one another. */
const SLOTS: SetDeclaration = {
  is: "map",
  type: "ip saddr . numgen inc mod 2 : ip saddr",
  byExpression: true,
  interval: false,
};

/** Of octets at a place in a packet. */
const withOctets = (type: string): SetDeclaration => ({
  ...{ is: "set", type, byExpression: true, interval: false },
});

/** Private address to the chain that tries a port of a block. */
const BLOCK_PORTS: SetDeclaration = { is: "map", type: "ipv4_addr : verdict", interval: false };

/** Private address to a pool address and the ports of a block. */
const BLOCKS: SetDeclaration = {
  is: "map",
  type: "ipv4_addr : interval ipv4_addr . inet_service",
  interval: false,
};

const counted = (type: string, filled: readonly string[]): SetDeclaration => ({
  ...{ is: "set", type, interval: false, filled },
});
const TOWARD = "ipv4_addr . ipv4_addr . inet_proto . inet_service";

/** Name and declaration of every set and map, in the order in which they are made. */
export const SETS: Readonly<Record<SetName, SetDeclaration>> = {
  floating: { is: "map", type: "ipv4_addr : ipv4_addr", interval: false },
  self: { is: "map", type: "ipv4_addr . ipv4_addr : ipv4_addr", interval: false },
  own: { is: "map", type: "ipv4_addr : ipv4_addr", interval: false },
  egress: { is: "map", type: "ipv4_addr : ipv4_addr", interval: false },
  floating6: { is: "map", type: "ipv6_addr : ipv6_addr", interval: false },
  self6: { is: "map", type: "ipv6_addr . ipv6_addr : ipv6_addr", interval: false },
  own6: { is: "map", type: "ipv6_addr : ipv6_addr", interval: false },
  egress6: { is: "map", type: "ipv6_addr : ipv6_addr", interval: false },
  stateless: { is: "map", type: "ipv4_addr : ipv4_addr", interval: false },
  stateless_own: { is: "map", type: "ipv4_addr : ipv4_addr", interval: false },
  errors_to: withOctets("ip daddr . @th,160,32"),
  errors_from: withOctets("meta l4proto . @th,192,32"),
  stateless6: { is: "map", type: "ipv6_addr : ipv6_addr", interval: false },
  stateless_own6: { is: "map", type: "ipv6_addr : ipv6_addr", interval: false },
  errors_to6: withOctets("ip6 daddr . @th,128,128"),
  errors_from6: withOctets("meta l4proto . @th,256,128"),
  internal6: { is: "set", type: "ipv6_addr", interval: true },
  external6: { is: "set", type: "ipv6_addr", interval: true },
  sums: { is: "map", type: "@nh,64,8 . @nh,72,8 : @nh,80,8", byExpression: true, interval: false },
  forwards: {
    is: "map",
    type: "ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service",
    interval: false,
  },
  forwarded: { is: "set", type: "ipv4_addr", interval: false },
  targets: { is: "set", type: "ipv4_addr", interval: false },
  blocks: BLOCKS,
  block_homes: { is: "map", type: "ipv4_addr : ipv4_addr", interval: true },
  block_ports: BLOCK_PORTS,
  overflow_1: BLOCK_PORTS,
  overflow_2: BLOCK_PORTS,
  overflow_3: BLOCK_PORTS,
  blocks_1: BLOCKS,
  blocks_2: BLOCKS,
  blocks_3: BLOCKS,
  toward_0: counted(TOWARD, METERS.toward_0),
  toward_1: counted(TOWARD, METERS.toward_1),
  toward_2: counted(TOWARD, METERS.toward_2),
  toward_3: counted(TOWARD, METERS.toward_3),
  opened_0: counted("ipv4_addr", METERS.opened_0),
  opened_1: counted("ipv4_addr", METERS.opened_1),
  opened_2: counted("ipv4_addr", METERS.opened_2),
  asking: { is: "set", type: "ipv4_addr", interval: false, filled: METERS.asking },
  full: { is: "set", type: "ipv4_addr", interval: false, filled: METERS.full },
  sessions: { is: "set", type: "ipv4_addr", interval: false, filled: METERS.sessions },
  session_rate: { is: "set", type: "ipv4_addr", interval: false, filled: METERS.session_rate },
  ports: { is: "set", type: "ipv4_addr", interval: false, filled: METERS.ports },
  over_sessions: { is: "set", type: "ipv4_addr", interval: false, filled: METERS.over_sessions },
  over_rate: { is: "set", type: "ipv4_addr", interval: false, filled: METERS.over_rate },
  over_ports: { is: "set", type: "ipv4_addr", interval: false, filled: METERS.over_ports },
  pooled: { is: "set", type: "ipv4_addr", interval: false },
  homes: { is: "map", type: "ipv4_addr : ipv4_addr", interval: true },
  slots: { is: "map", type: "numgen inc mod 2 : ip saddr", byExpression: true, interval: false },
  slots_256: SLOTS,
  slots_4096: SLOTS,
  slots_65536: SLOTS,
  port_choice: { is: "map", type: "ipv4_addr : verdict", interval: false },
  private: { is: "set", type: "ipv4_addr", interval: true },
  inside: { is: "set", type: "ipv4_addr", interval: true },
  exempt: { is: "set", type: "ipv4_addr", interval: true },
  exempt_hosts: { is: "set", type: "ipv4_addr", interval: false },
  inside6: { is: "set", type: "ipv6_addr", interval: true },
  exempt6: { is: "set", type: "ipv6_addr", interval: true },
  exempt6_hosts: { is: "set", type: "ipv6_addr", interval: false },
  untracked: { is: "set", type: "ipv4_addr", interval: true },
  untracked_hosts: { is: "set", type: "ipv4_addr", interval: false },
  untracked6: { is: "set", type: "ipv6_addr", interval: true },
  untracked6_hosts: { is: "set", type: "ipv6_addr", interval: false },
  taps: { is: "set", type: "ifname", interval: false },
  eim: { is: "set", type: "ipv4_addr", interval: false },
  open: { is: "set", type: "ipv4_addr", interval: false },
  open_to: { is: "set", type: "ipv4_addr", interval: false },
  mapping: {
    is: "map",
    type: "inet_proto . ipv4_addr . inet_service : ipv4_addr . inet_service",
    interval: false,
    filled: MAPPED,
  },
  endpoints: {
    is: "map",
    type: "ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service",
    interval: false,
    filled: MAPPED,
  },
  contacts: {
    is: "set",
    type: "ipv4_addr . inet_proto . inet_service . ipv4_addr",
    interval: false,
    filled: MAPPED,
  },
  shared: { is: "set", type: "ipv4_addr . inet_service", interval: false, filled: MAPPED },
  granted: {
    is: "map",
    type: "ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service",
    interval: false,
    filled: GRANTED,
  },
  granted_out: {
    is: "map",
    type: "inet_proto . ipv4_addr . inet_service : ipv4_addr . inet_service",
    interval: false,
    filled: GRANTED,
  },
};

/** In an order in which nothing refers to what comes later. */
export const CHAIN_NAMES = [
  "untrack",
  "untrack6",
  "raw",
  "leave",
  "scarce",
  "filling",
  "blocks",
  "crowded",
  "spread",
  "pools",
  "pools_udp",
  "pools_tcp",
  "hairpin",
  "hairpin6",
  "timers",
  "to_pooled",
  "helpers",
  "claims",
  "begun",
  "mapped",
  "replied",
  "answered",
  "over_sessions",
  "over_rate",
  "over_ports",
  "errors_to",
  "error_arrives",
  "error_arrives6",
  "arrives",
  "arrives6",
  "leaves",
  "leaves6",
  "error_leaves",
  "error_leaves6",
  "errors_from",
  "errors_from6",
  "prefix_arrives",
  "prefix_leaves",
  "prefix_within",
  "prefix_out",
  "prefix_departs",
  "disguise_in",
  "stateless_in",
  "raw_prerouting",
  "raw_output",
  "dstnat",
  "dstnat_output",
  "srcnat",
  "limited",
  "translated",
  "disguise_out",
  "stateless_out",
  "invalid",
  "obsolete",
  "untranslated",
] as const;
export type ChainName = (typeof CHAIN_NAMES)[number];

/** Every chain with the hook that it hangs on while it has rules; undefined: it is always there, and other chains lead to it. */
export const CHAINS: Readonly<Record<ChainName, string | undefined>> = {
  untrack: undefined,
  untrack6: undefined,
  raw: undefined,
  leave: undefined,
  scarce: undefined,
  filling: undefined,
  blocks: undefined,
  crowded: undefined,
  spread: undefined,
  pools: undefined,
  pools_udp: undefined,
  pools_tcp: undefined,
  hairpin: undefined,
  hairpin6: undefined,
  timers: undefined,
  to_pooled: undefined,
  helpers: undefined,
  claims: undefined,
  begun: undefined,
  mapped: undefined,
  replied: undefined,
  answered: undefined,
  over_sessions: undefined,
  over_rate: undefined,
  over_ports: undefined,
  errors_to: undefined,
  error_arrives: undefined,
  error_arrives6: undefined,
  arrives: undefined,
  arrives6: undefined,
  leaves: undefined,
  leaves6: undefined,
  error_leaves: undefined,
  error_leaves6: undefined,
  errors_from: undefined,
  errors_from6: undefined,
  prefix_arrives: undefined,
  prefix_leaves: undefined,
  prefix_within: undefined,
  prefix_out: undefined,
  prefix_departs: undefined,
  // Before -400, where fragments are put together.
  disguise_in: "type filter hook prerouting priority -451; policy accept;",
  stateless_in: "type filter hook prerouting priority -450; policy accept;",
  raw_prerouting: "type filter hook prerouting priority -300; policy accept;",
  raw_output: "type filter hook output priority -300; policy accept;",
  dstnat: "type nat hook prerouting priority -100; policy accept;",
  dstnat_output: "type nat hook output priority -100; policy accept;",
  srcnat: "type nat hook postrouting priority 100; policy accept;",
  limited: "type filter hook forward priority 0; policy accept;",
  translated: "type filter hook postrouting priority 101; policy accept;",
  disguise_out: "type filter hook postrouting priority 102; policy accept;",
  stateless_out: "type filter hook postrouting priority 103; policy accept;",
  invalid: undefined,
  obsolete: undefined,
  untranslated: "type filter hook forward priority -1; policy accept;",
};

/** The name of a chain that chooses a port says all about it. */
export const PORT_CHAIN: RegExp = /^(?:endpoint|random|block)_\d+(?:_\d+)?$/;

/** Elements by key; the value of a set's element is "". */
export type Elements = ReadonlyMap<string, string>;

export type SetContents = Readonly<Record<SetName, Elements>>;
export type ChainContents = Readonly<Record<ChainName, readonly string[]>>;
/** Chains that choose a port: their rules, by name. */
export type PortChains = ReadonlyMap<string, readonly string[]>;

/** `ct timeout` and `ct helper` objects: what is in their braces, by name. */
export type CtObjects = ReadonlyMap<string, string>;

export interface Contents {
  readonly timers: CtObjects;
  readonly helpers: CtObjects;
  readonly sets: SetContents;
  readonly chains: ChainContents;
  readonly portChains: PortChains;
}
