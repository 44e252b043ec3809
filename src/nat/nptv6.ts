/**
 * NPTv6 (RFC 6296): prefixes of IPv6 that are others outside, without conntrack and without a change of any checksum.
 *
 * What the new prefix adds to the sum of an address, one word of 16 bits behind it takes away again (section 3.1). So
 * nothing else of a packet changes: not the checksums of what it carries, whatever protocol that is, not fragments, and
 * within an ICMPv6 error the addresses of the packet that it is about are written likewise.
 *
 * nftables cannot add. But a byte of a packet can be looked up together with another one, and a constant can be written
 * where the old prefix stood, which goes anyway: `sums` has the sums of all bytes with those constants. A word is added to
 * byte by byte; whether there is a carry, and which constant it has to be for one's complement, decides which rule it is.
 *
 * Destinations become internal when a packet comes, sources external when it goes, so that the errors of this machine's
 * own, in between, are about what their receivers know.
 */

import { type Address, contains, ipv6, type Prefix } from "../bgp/net/address.ts";
import { formatPrefix } from "../bgp/net/text.ts";
import type { PrefixPair } from "../model/prefix-pair.ts";
import { intervals } from "./elements.ts";
import type { ChainContents, Elements, SetContents } from "./layout.ts";
import type { NatTable } from "./table.ts";

/** One direction of a pair. */
interface Mapping {
  readonly from: Prefix;
  /** As long as `from`. */
  readonly to: Prefix;
}

const outwards = ({ internal, external }: PrefixPair): Mapping => ({ from: internal, to: external });
const inwards = ({ internal, external }: PrefixPair): Mapping => ({ from: external, to: internal });

const WORDS: readonly number[] = [0, 1, 2, 3, 4, 5, 6, 7];
/** Section 2.6: all ones and all zeros are the same number, of which only zero is used. */
const ONES = 0xffff;

const wordOf = ({ w0, w1, w2, w3 }: Address, index: number): number =>
  (([w0, w1, w2, w3][index >> 1] ?? 0) >>> (index % 2 === 0 ? 16 : 0)) & ONES;

const sumOf = (prefix: Prefix): number => WORDS.reduce((sum, i) => sum + wordOf(prefix, i), 0) % ONES;

/** What makes up for the change of the prefix, in one's complement. 0..65534 */
export const adjustmentOf = ({ from, to }: Mapping): number => (sumOf(from) - sumOf(to) + ONES) % ONES;

/** Words that may make up for it: the subnet's (section 3.4), else the first that is not all ones (3.5). */
const candidates = ({ length }: Prefix): readonly number[] => (length <= 48 ? [3] : [4, 5, 6, 7]);

/** What becomes of an address within `from`; undefined: it cannot be translated. */
function translated(address: Address, { from, to }: Mapping): Address | undefined {
  const index = candidates(from).find((i) => wordOf(address, i) !== ONES);
  if (index === undefined) return undefined;
  const words = WORDS.map((i) => {
    const bits = Math.min(16, Math.max(0, from.length - 16 * i));
    const mask = ONES >>> bits;
    return (wordOf(to, i) & ~mask) | (wordOf(address, i) & mask);
  });
  words[index] = (wordOf(address, index) + adjustmentOf({ from, to })) % ONES;
  const [w0, w1, w2, w3] = [0, 2, 4, 6].map((i) => ((words[i]! << 16) | words[i + 1]!) >>> 0);
  return ipv6(w0!, w1!, w2!, w3!);
}

/** Where an address stands: in the header of the packet, or of the one that an error is about. */
interface Place {
  readonly header: "@nh" | "@th";
  readonly bit: number;
}
const SOURCE: Place = { header: "@nh", bit: 64 };
const DESTINATION: Place = { header: "@nh", bit: 192 };
const SOURCE_WITHIN: Place = { header: "@th", bit: 128 };
const DESTINATION_WITHIN: Place = { header: "@th", bit: 256 };

const field = ({ header, bit }: Place, from: number, length: number): string =>
  `${header},${bit + from},${length}`;
const hex = (value: number | bigint): string => `0x${value.toString(16)}`;

/** A sum that a rule makes: when, and of what with the upper and the lower byte of the word. */
interface Case {
  readonly when: string;
  readonly upper: number;
  readonly lower: number;
}

/** The cases of one word. Together they are all that it can be but all ones. */
function casesOf(mapping: Mapping, place: Place, index: number): readonly Case[] {
  const adjustment = adjustmentOf(mapping);
  const word = field(place, 16 * index, 16);
  if (adjustment === 0) return [{ when: `${word} != ${hex(ONES)}`, upper: 0, lower: 0 }];
  const turn = ONES - adjustment;
  return [
    ...carries(place, index, `${word} < ${hex(turn)}`, adjustment),
    // What is carried out of the word is added to it again.
    ...carries(place, index, `${word} >= ${hex(turn)} ${word} != ${hex(ONES)}`, adjustment + 1),
  ];
}

function carries(place: Place, index: number, when: string, added: number): readonly Case[] {
  const [upper, lower] = [added >> 8, added & 0xff];
  if (lower === 0) return [{ when, upper, lower }];
  const byte = field(place, 16 * index + 8, 8);
  return [
    { when: `${when} ${byte} < ${hex(256 - lower)}`, upper, lower },
    { when: `${when} ${byte} >= ${hex(256 - lower)}`, upper: (upper + 1) & 0xff, lower },
  ];
}

/**
 * Rules that rewrite an address which is in `from`. That words are all ones is asked by `>=`: nft lists what is to be equal,
 * and stands side by side, as one.
 */
function rewriting(mapping: Mapping, place: Place, verdict: string): string[] {
  return candidates(mapping.from).flatMap((index) =>
    casesOf(mapping, place, index).map(({ when, upper, lower }) =>
      [
        isIn(place, mapping.from),
        ...(index > 4 ? [`${field(place, 64, 16 * (index - 4))} >= ${hex(ones(16 * (index - 4)))}`] : []),
        when,
        ...added(place, 16 * index, upper),
        ...added(place, 16 * index + 8, lower),
        written(place, mapping.to),
        ...(verdict === "" ? [] : [verdict]),
      ].join(" "),
    ),
  );
}

/** Adds to a byte, by way of the first one of the prefix. */
const added = (place: Place, byte: number, value: number): readonly string[] => {
  if (value === 0) return [];
  const [by, sum] = [field(place, 0, 8), field(place, byte, 8)];
  return [`${by} set ${hex(value)} ${sum} set ${by} . ${sum} map @sums`];
};

const ones = (bits: number): bigint => (1n << BigInt(bits)) - 1n;

/** The first bits of a prefix up to a whole number of bytes, and how many of those are not the prefix's. */
function leading(prefix: Prefix): { readonly bits: number; readonly value: bigint; readonly rest: number } {
  const bits = Math.ceil(prefix.length / 8) * 8;
  const value = ((BigInt(prefix.w0) << 32n) | BigInt(prefix.w1)) >> BigInt(64 - bits);
  return { bits, value, rest: bits - prefix.length };
}

/** Spelled as nft lists it. */
function isIn(place: Place, prefix: Prefix): string {
  if (place === SOURCE) return `ip6 saddr ${formatPrefix(prefix)}`;
  if (place === DESTINATION) return `ip6 daddr ${formatPrefix(prefix)}`;
  const { bits, value, rest } = leading(prefix);
  const octets = field(place, 0, bits);
  return rest === 0
    ? `${octets} ${hex(value)}`
    : `${octets} & ${hex(ones(bits) - ones(rest))} == ${hex(value)}`;
}

function written(place: Place, prefix: Prefix): string {
  const { bits, value, rest } = leading(prefix);
  const octets = field(place, 0, bits);
  const kept = rest === 0 ? "" : `${octets} & ${hex(value | ones(rest))} | `;
  return `${octets} set ${kept}${hex(value)}`;
}

export const PREFIX_SETS = ["internal6", "external6", "sums"] as const;
type PrefixSet = (typeof PREFIX_SETS)[number];

export const prefixSets = ({ prefixes }: Pick<NatTable, "prefixes">): Pick<SetContents, PrefixSet> => ({
  internal6: intervals(prefixes.map(({ internal }) => internal)),
  external6: intervals(prefixes.map(({ external }) => external)),
  sums: sumElements(prefixes),
});

/** The sums with each constant that some rule adds. */
function sumElements(prefixes: readonly PrefixPair[]): Elements {
  const constants = new Set(
    prefixes.flatMap((pair) =>
      [outwards(pair), inwards(pair)].flatMap((mapping) =>
        casesOf(mapping, SOURCE, 3).flatMap(({ upper, lower }) => [upper, lower]),
      ),
    ),
  );
  constants.delete(0);
  const sums = new Map<string, string>();
  for (const constant of constants)
    for (let byte = 0; byte < 256; byte++)
      sums.set(`${hex(constant)} . ${hex(byte)}`, hex((constant + byte) & 0xff));
  return sums;
}

export const PREFIX_CHAINS = [
  "prefix_arrives",
  "prefix_leaves",
  "prefix_within",
  "prefix_out",
  "prefix_departs",
] as const;
type PrefixChain = (typeof PREFIX_CHAINS)[number];

const ERROR = "icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem }";
/** Neighbours speak of addresses of the link. */
const OF_THE_LINK =
  "icmpv6 type { mld-listener-query, mld-listener-report, mld-listener-done, nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, nd-redirect, mld2-listener-report }";

/** Destinations that see the true source. */
const PEERS = ["exempt6", "exempt6_hosts", "inside6", "floating6"].map((set) => `ip6 daddr @${set}`);

/** Packets to an external prefix, before whatever is done by their source. */
export const toArrives = ({ prefixes }: NatTable): readonly string[] =>
  prefixes.length === 0 ? [] : ["ip6 daddr @external6 goto prefix_arrives"];

export const toLeaves = ({ prefixes }: NatTable): readonly string[] =>
  prefixes.length === 0 ? [] : ["ip6 saddr @internal6 goto prefix_leaves"];

export const toDeparts = ({ prefixes }: NatTable): readonly string[] =>
  prefixes.length === 0 ? [] : [`${ERROR} jump prefix_within`, "ip6 saddr @internal6 goto prefix_departs"];

/** What is not tracked of an internal address is what is translated here. */
export const trackedPrefixes = ({ prefixes }: NatTable): readonly string[] =>
  prefixes.length === 0 ? [] : ["ip6 daddr @internal6 accept", "ip6 saddr @internal6 accept"];

export function prefixChains({ prefixes }: NatTable): Pick<ChainContents, PrefixChain> {
  if (prefixes.length === 0)
    return { prefix_arrives: [], prefix_leaves: [], prefix_within: [], prefix_out: [], prefix_departs: [] };
  return {
    prefix_arrives: [
      ...prefixes.flatMap((pair) =>
        rewriting(inwards(pair), SOURCE_WITHIN, "").map((rule) => `${ERROR} ${rule}`),
      ),
      ...prefixes.flatMap((pair) => rewriting(inwards(pair), DESTINATION, "notrack accept")),
      "drop",
    ],
    prefix_leaves: [
      ...PEERS.map((peer) => `${peer} accept`),
      "fib daddr type local accept",
      ...prefixes.map(refused),
      "notrack accept",
    ],
    prefix_within: [
      // To a destination that sees true sources; one that came by an external address does not.
      ...PEERS.map((peer) => `ct state != untracked ${peer} return`),
      ...prefixes.flatMap((pair) => rewriting(outwards(pair), DESTINATION_WITHIN, "")),
    ],
    prefix_out: [...prefixes.flatMap((pair) => rewriting(outwards(pair), SOURCE, "accept")), "drop"],
    prefix_departs: [
      `${OF_THE_LINK} accept`,
      "ct state untracked goto prefix_out",
      ...PEERS.map((peer) => `${peer} accept`),
      // Errors of this machine's own, and new flows of who has a floating IP and does not leave as it.
      `${ERROR} goto prefix_out`,
      "ip6 saddr @own6 goto prefix_out",
    ],
  };
}

/** Section 3.4, 3.5: a source that cannot be translated is told so. */
function refused({ internal }: PrefixPair): string {
  const [index = 0] = candidates(internal);
  const bits = 16 * candidates(internal).length;
  return `${isIn(SOURCE, internal)} ${field(SOURCE, 16 * index, bits)} ${hex(ones(bits))} reject with icmpv6 addr-unreachable`;
}

/** What becomes of the address of a packet that comes, or goes; undefined: it is in no prefix, or cannot be translated. */
export const arrivesAs = ({ prefixes }: NatTable, address: Address): Address | undefined =>
  throughFirst(prefixes.map(inwards), address);
export const leavesAs = ({ prefixes }: NatTable, address: Address): Address | undefined =>
  throughFirst(prefixes.map(outwards), address);

function throughFirst(mappings: readonly Mapping[], address: Address): Address | undefined {
  const mapping = mappings.find(({ from }) => contains(from, address));
  return mapping && translated(address, mapping);
}
