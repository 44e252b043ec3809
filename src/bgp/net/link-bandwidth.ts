/**
 * The link bandwidth extended community (draft-ietf-idr-link-bandwidth): how much the link behind a path takes, as a
 * 32-bit float of octets a second beside an AS number of two octets. Its type is 0x40 (non-transitive), or 0x00 from
 * some speakers.
 */

/** As in communities.ts, which builds on this. */
type ExtendedCommunity = readonly [number, number];

const NON_TRANSITIVE = 0x4000_0000;
const SUB_TYPE = 0x0004_0000;
const ALL_BITS = 0xffff_ffff;

/** Octets a second; undefined when it is no such community, or says nothing that can be. */
export function bandwidthIn([high, low]: ExtendedCommunity): number | undefined {
  if (((high & ~NON_TRANSITIVE) >>> 16) << 16 !== SUB_TYPE) return undefined;
  const octetsPerSecond = floatOf(low);
  return octetsPerSecond > 0 && Number.isFinite(octetsPerSecond) ? octetsPerSecond : undefined;
}

/** Of several the least: more is not promised by all of them. */
export function linkBandwidthOf(communities: readonly ExtendedCommunity[]): number | undefined {
  let least: number | undefined;
  for (const community of communities) {
    const bandwidth = bandwidthIn(community);
    if (bandwidth !== undefined && (least === undefined || bandwidth < least)) least = bandwidth;
  }
  return least;
}

/** Of "lb:64512:1250000000", or with "*" for any bandwidth: what stands behind "lb:". Fits both types. */
export function linkBandwidthPattern(
  asn: string,
  octetsPerSecond: string,
): { readonly words: readonly number[]; readonly masks: readonly number[] } | undefined {
  if (!/^\d{1,5}$/.test(asn) || Number(asn) > 0xffff) return undefined;
  const words = NON_TRANSITIVE + SUB_TYPE + Number(asn);
  if (octetsPerSecond === "*") return { words: [words, 0], masks: [ALL_BITS - NON_TRANSITIVE, 0] };
  if (!/^[1-9]\d{0,14}$/.test(octetsPerSecond)) return undefined;
  return { words: [words, bitsOf(Number(octetsPerSecond))], masks: [ALL_BITS - NON_TRANSITIVE, ALL_BITS] };
}

const scratch = new DataView(new ArrayBuffer(4));

function floatOf(bits: number): number {
  scratch.setUint32(0, bits);
  return scratch.getFloat32(0);
}

function bitsOf(float: number): number {
  scratch.setFloat32(0, float);
  return scratch.getUint32(0);
}
