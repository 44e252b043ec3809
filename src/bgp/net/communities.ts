/** Communities from and to text. Inside, one of RFC 1997 is an unsigned 32-bit number, a large one three of them. */

import { bandwidthIn, linkBandwidthPattern } from "./link-bandwidth.ts";

/** RFC 8092: global administrator, local data 1, local data 2; unsigned 32-bit each. */
export type LargeCommunity = readonly [number, number, number];

/** RFC 4360: the eight octets as two unsigned 32-bit words. */
export type ExtendedCommunity = readonly [number, number];

/** Communities of one kind, by their 32-bit words: one is standard (RFC 1997), two extended, three large. */
export interface CommunityPattern {
  readonly words: readonly number[];
  /** Bits that must be as in `words`. */
  readonly masks: readonly number[];
}

/** Whether a community, as words, fits any of the patterns. */
export const includesPattern = (patterns: readonly CommunityPattern[], words: readonly number[]): boolean =>
  patterns.some(
    (pattern) =>
      pattern.words.length === words.length &&
      pattern.words.every((word, i) => ((word ^ words[i]!) & pattern.masks[i]!) === 0),
  );

export const sameLarge = (a: LargeCommunity, b: LargeCommunity): boolean =>
  a[0] === b[0] && a[1] === b[1] && a[2] === b[2];

/** Names of the registry of well-known communities (IANA), as routers spell them. */
export const WELL_KNOWN_COMMUNITIES = {
  /** RFC 8326 §5. */
  "graceful-shutdown": 0xffff_0000,
  /** RFC 7611 §4. */
  "accept-own": 0xffff_0001,
  /** RFC 9494 §3.3. */
  "llgr-stale": 0xffff_0006,
  /** RFC 9494 §3.4. */
  "no-llgr": 0xffff_0007,
  /** RFC 7999 §5. */
  blackhole: 0xffff_029a,
  /** RFC 1997, as are the next two. */
  "no-export": 0xffff_ff01,
  "no-advertise": 0xffff_ff02,
  "no-export-subconfed": 0xffff_ff03,
  /** RFC 3765 §2. */
  "no-peer": 0xffff_ff04,
} as const;

const VALUE_BY_NAME: ReadonlyMap<string, number> = new Map(Object.entries(WELL_KNOWN_COMMUNITIES));
const NAME_BY_VALUE: ReadonlyMap<number, string> = new Map(
  Object.entries(WELL_KNOWN_COMMUNITIES).map(([name, value]) => [value, name]),
);

/** Parses "64512:100", each half 0..65535, or a well-known name such as "no-export". Undefined when it is neither. */
export function parseCommunity(text: string): number | undefined {
  const known = VALUE_BY_NAME.get(text);
  if (known !== undefined) return known;
  const parts = numbersOf(text, 0xffff);
  return parts?.length === 2 ? parts[0]! * 0x10000 + parts[1]! : undefined;
}

/** The well-known name where there is one, else "64512:100". */
export const formatCommunity = (community: number): string =>
  NAME_BY_VALUE.get(community) ?? `${community >>> 16}:${community & 0xffff}`;

/** Parses "64512:1:2", each part 0..4294967295 (RFC 8092 §5). */
export function parseLargeCommunity(text: string): LargeCommunity | undefined {
  const parts = numbersOf(text, 0xffff_ffff);
  return parts?.length === 3 ? [parts[0]!, parts[1]!, parts[2]!] : undefined;
}

export const formatLargeCommunity = (community: LargeCommunity): string => community.join(":");

/** RFC 4360 §4, §5: sub-types that have a name, and the types that their administrator makes. */
const SUB_TYPES: Readonly<Record<string, number>> = { rt: 0x02, soo: 0x03 };
const TWO_OCTET_AS = 0x00;
const FOUR_OCTET_AS = 0x02;

/**
 * A pattern of communities of any kind: "64512:100", "64512:*", "*:666", "no-export"; "64512:1:2", "64512:*:*" (large);
 * "rt:64512:100", "soo:64512:*", "lb:64512:1250000" (extended). Undefined when it is none.
 */
export function parseCommunityPattern(text: string): CommunityPattern | undefined {
  const known = VALUE_BY_NAME.get(text);
  if (known !== undefined) return { words: [known], masks: [ALL_BITS] };
  const parts = text.split(":");
  if (parts.length === 3 && parts[0] === "lb") return linkBandwidthPattern(parts[1]!, parts[2]!);
  const subType =
    parts.length === 3 && Object.hasOwn(SUB_TYPES, parts[0]!) ? SUB_TYPES[parts[0]!] : undefined;
  if (subType !== undefined) return extendedPattern(subType, parts[1]!, parts[2]!);
  if (parts.length !== 2 && parts.length !== 3) return undefined;
  const most = parts.length === 2 ? 0xffff : ALL_BITS;
  const numbers = parts.map((part) => (part === "*" ? -1 : (numbersOf(part, most)?.[0] ?? Number.NaN)));
  if (numbers.some(Number.isNaN)) return undefined;
  const values = numbers.map((number) => Math.max(number, 0));
  const masks = numbers.map((number) => (number < 0 ? 0 : most));
  if (parts.length === 3) return { words: values, masks };
  return { words: [values[0]! * 0x10000 + values[1]!], masks: [masks[0]! * 0x10000 + masks[1]!] };
}

const ALL_BITS = 0xffff_ffff;

function extendedPattern(
  subType: number,
  administrator: string,
  value: string,
): CommunityPattern | undefined {
  const asn = numbersOf(administrator, ALL_BITS)?.[0];
  if (asn === undefined) return undefined;
  const wide = asn > 0xffff;
  const local = value === "*" ? -1 : numbersOf(value, wide ? 0xffff : ALL_BITS)?.[0];
  if (local === undefined) return undefined;
  const number = Math.max(local, 0);
  if (wide) {
    // RFC 5668 §2: four octets of AS number, two of the value.
    const words = [
      FOUR_OCTET_AS * 0x100_0000 + subType * 0x10000 + (asn >>> 16),
      (asn & 0xffff) * 0x10000 + number,
    ];
    return { words, masks: [ALL_BITS, local < 0 ? 0xffff_0000 : ALL_BITS] };
  }
  const words = [TWO_OCTET_AS * 0x100_0000 + subType * 0x10000 + asn, number];
  return { words, masks: [ALL_BITS, local < 0 ? 0 : ALL_BITS] };
}

/** One community of any kind, as words, in the spelling of {@link parseCommunityPattern} but without wildcards. */
export function parseAnyCommunity(text: string): readonly number[] | undefined {
  return text.includes("*") ? undefined : parseCommunityPattern(text)?.words;
}

/** "rt:64512:100" where it has such a name ("lb" with octets a second), else its eight octets in hexadecimal. */
export function formatExtendedCommunity([high, low]: ExtendedCommunity): string {
  const type = high >>> 24;
  const bandwidth = bandwidthIn([high, low]);
  if (bandwidth !== undefined) return `lb:${high & 0xffff}:${bandwidth}`;
  const name = Object.keys(SUB_TYPES).find((each) => SUB_TYPES[each] === ((high >>> 16) & 0xff));
  if (name !== undefined && type === TWO_OCTET_AS) return `${name}:${high & 0xffff}:${low}`;
  if (name !== undefined && type === FOUR_OCTET_AS) {
    return `${name}:${(high & 0xffff) * 0x10000 + (low >>> 16)}:${low & 0xffff}`;
  }
  return `0x${[high, low].map((word) => word.toString(16).padStart(8, "0")).join("")}`;
}

/** Numbers between colons; leading zeros are refused (RFC 8092 §5). */
function numbersOf(text: string, most: number): number[] | undefined {
  const parts = text.split(":");
  if (!parts.every((part) => /^(?:0|[1-9]\d{0,9})$/.test(part))) return undefined;
  const numbers = parts.map(Number);
  return numbers.every((number) => number <= most) ? numbers : undefined;
}
