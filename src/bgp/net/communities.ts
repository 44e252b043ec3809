/** Communities from and to text. Inside, one of RFC 1997 is an unsigned 32-bit number, a large one three of them. */

/** RFC 8092: global administrator, local data 1, local data 2; unsigned 32-bit each. */
export type LargeCommunity = readonly [number, number, number];

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

/** Numbers between colons; leading zeros are refused (RFC 8092 §5). */
function numbersOf(text: string, most: number): number[] | undefined {
  const parts = text.split(":");
  if (!parts.every((part) => /^(?:0|[1-9]\d{0,9})$/.test(part))) return undefined;
  const numbers = parts.map(Number);
  return numbers.every((number) => number <= most) ? numbers : undefined;
}
