/** ORIGIN, AS_PATH and AGGREGATOR, and the last two in four octets for speakers that know two (RFC 6793). */

import type { EncodeContext } from "../context.ts";
import type { Cursor } from "../cursor.ts";
import { OctetWriter } from "../octet-writer.ts";
import type { Aggregator, AsPathSegment, Origin } from "../path-attributes.ts";
import { type AttributeRow, isWrong, OPTIONAL, SUBCODE, TRANSITIVE, type Wrong } from "./row.ts";

/** Stands for an AS number that does not fit in two octets (RFC 6793 §9). */
export const AS_TRANS = 23456;
const MOST_TWO_OCTET_ASN = 65535;
/** A segment counts its AS numbers in one octet. */
const MOST_IN_SEGMENT = 255;

/** Segment types of RFC 4271 §4.3 and RFC 5065 §3, by number. */
const SEGMENT_TYPES: readonly (AsPathSegment["type"] | undefined)[] = [
  undefined,
  "set",
  "sequence",
  "confed-sequence",
  "confed-set",
];

/** RFC 4271 §5.1.1; errors: RFC 7606 §7.1. */
export const origin: AttributeRow = {
  code: 1,
  name: "ORIGIN",
  flags: TRANSITIVE,
  length: 1,
  malformed: "treat-as-withdraw",
  errors: "RFC 7606 section 7.1",
  subcode: SUBCODE.invalidOrigin,
  isSound: (octets, start) => octets[start]! <= 2,
  decode: (value, draft) => {
    const octet = value.u8();
    if (octet > 2) return `origin ${octet}`;
    draft.origin = octet as Origin;
    return undefined;
  },
  encode: (attributes) => Uint8Array.of(attributes.origin),
};

/** RFC 4271 §5.1.2; errors: RFC 7606 §7.2. */
export const asPath: AttributeRow = {
  code: 2,
  name: "AS_PATH",
  flags: TRANSITIVE,
  length: "any",
  malformed: "treat-as-withdraw",
  errors: "RFC 7606 section 7.2",
  subcode: SUBCODE.malformedAsPath,
  isSound: (octets, start, end, { as4 }) => areSequences(octets, start, end, as4 ? 4 : 2),
  decode: (value, draft, context) => {
    const segments = decodeSegments(value, context.as4 ? 4 : 2);
    if (isWrong(segments)) return segments;
    // RFC 5065 §5: confederation segments are an error from a neighbour that is not of our confederation.
    if (context.external && segments.some(isConfederation)) return CONFEDERATION;
    draft.asPath = segments;
    return undefined;
  },
  encode: (attributes, context) => encodeSegments(attributes.asPath, context.as4 ? 4 : 2),
};

/** RFC 4271 §5.1.7; errors: RFC 7606 §7.7. */
export const aggregator: AttributeRow = {
  code: 7,
  name: "AGGREGATOR",
  flags: OPTIONAL | TRANSITIVE,
  length: "any",
  malformed: "attribute-discard",
  errors: "RFC 7606 section 7.7",
  subcode: SUBCODE.optionalAttribute,
  isSound: (octets, start, end, { as4 }) =>
    end - start === (as4 ? 8 : 6) && !isAsZero(octets, start, as4 ? 4 : 2),
  decode: (value, draft, context) => {
    const decoded = decodeAggregator(value, context.as4 ? 4 : 2);
    if (isWrong(decoded)) return decoded;
    draft.aggregator = decoded;
    return undefined;
  },
  encode: (attributes, context) => attributes.aggregator && encodeAggregator(attributes.aggregator, context),
};

/** RFC 6793 §3; errors: its §6. */
export const as4Path: AttributeRow = {
  code: 17,
  name: "AS4_PATH",
  flags: OPTIONAL | TRANSITIVE,
  length: "any",
  oldSpeakerOnly: true,
  malformed: "attribute-discard",
  errors: "RFC 6793 section 6",
  subcode: SUBCODE.optionalAttribute,
  decode: (value, draft) => {
    if (value.left < 6) return `length ${value.left}`;
    const segments = decodeSegments(value, 4);
    if (isWrong(segments)) return segments;
    // RFC 6793 §6: confederation segments are taken out, the others used.
    draft.as4Path = segments.filter((segment) => !isConfederation(segment));
    return undefined;
  },
  encode: (attributes) => {
    const segments = attributes.asPath.filter((segment) => !isConfederation(segment));
    // RFC 6793 §4.2.2: only when the path has a number that AS_PATH cannot tell.
    const needed = segments.some(({ asns }) => asns.some((asn) => asn > MOST_TWO_OCTET_ASN));
    return needed ? encodeSegments(segments, 4) : undefined;
  },
};

/** RFC 6793 §3; errors: its §6. */
export const as4Aggregator: AttributeRow = {
  code: 18,
  name: "AS4_AGGREGATOR",
  flags: OPTIONAL | TRANSITIVE,
  length: 8,
  oldSpeakerOnly: true,
  malformed: "attribute-discard",
  errors: "RFC 6793 section 6",
  subcode: SUBCODE.optionalAttribute,
  decode: (value, draft) => {
    const decoded = decodeAggregator(value, 4);
    if (isWrong(decoded)) return decoded;
    draft.as4Aggregator = decoded;
    return undefined;
  },
  encode: ({ aggregator: known }) =>
    known && known.asn > MOST_TWO_OCTET_ASN ? encodeAggregator(known, { as4: true }) : undefined,
};

const CONFEDERATION: Wrong = { why: "confederation segment", rfc: "RFC 5065 section 5" };
const AS_ZERO: Wrong = { why: "AS 0", rfc: "RFC 7607 section 2" };

const isConfederation = ({ type }: AsPathSegment): boolean =>
  type === "confed-sequence" || type === "confed-set";

const SEQUENCE = SEGMENT_TYPES.indexOf("sequence");

/** Whole segments of AS numbers in order, which all but a few paths consist of. */
function areSequences(octets: Uint8Array, start: number, end: number, asnOctets: 2 | 4): boolean {
  let at = start;
  while (at + 2 <= end) {
    const count = octets[at + 1]!;
    const next = at + 2 + count * asnOctets;
    if (octets[at] !== SEQUENCE || count === 0 || next > end) return false;
    for (at += 2; at < next; at += asnOctets) if (isAsZero(octets, at, asnOctets)) return false;
  }
  return at === end;
}

function isAsZero(octets: Uint8Array, at: number, asnOctets: 2 | 4): boolean {
  const low = octets[at]! | octets[at + 1]!;
  return asnOctets === 2 ? low === 0 : (low | octets[at + 2]! | octets[at + 3]!) === 0;
}

function decodeSegments(value: Cursor, asnOctets: 2 | 4): AsPathSegment[] | Wrong {
  const segments: AsPathSegment[] = [];
  while (value.left > 0) {
    const segment = decodeSegment(value, asnOctets);
    if (isWrong(segment)) return segment;
    segments.push(segment);
  }
  return segments;
}

function decodeSegment(value: Cursor, asnOctets: 2 | 4): AsPathSegment | Wrong {
  if (value.left < 2) return "segment header is cut";
  const number = value.u8();
  const count = value.u8();
  const type = SEGMENT_TYPES[number];
  if (type === undefined) return `segment type ${number}`;
  if (count === 0) return "empty segment";
  if (count * asnOctets > value.left) return `segment of ${count} AS numbers`;
  const asns: number[] = [];
  for (let i = 0; i < count; i++) asns.push(asnOctets === 4 ? value.u32() : value.u16());
  return asns.includes(0) ? AS_ZERO : { type, asns };
}

function encodeSegments(segments: readonly AsPathSegment[], asnOctets: 2 | 4): Uint8Array {
  const out = new OctetWriter();
  for (const { type, asns } of segments) {
    for (let from = 0; from < asns.length; from += MOST_IN_SEGMENT) {
      const part = asns.slice(from, from + MOST_IN_SEGMENT);
      out.u8(SEGMENT_TYPES.indexOf(type)).u8(part.length);
      for (const asn of part) {
        if (asnOctets === 4) out.u32(asn);
        else out.u16(twoOctets(asn));
      }
    }
  }
  return out.done();
}

function decodeAggregator(value: Cursor, asnOctets: 2 | 4): Aggregator | Wrong {
  if (value.left !== asnOctets + 4) return `length ${value.left}`;
  const asn = asnOctets === 4 ? value.u32() : value.u16();
  return asn === 0 ? AS_ZERO : { asn, address: value.u32() };
}

function encodeAggregator({ asn, address }: Aggregator, { as4 }: Pick<EncodeContext, "as4">): Uint8Array {
  const out = new OctetWriter();
  return (as4 ? out.u32(asn) : out.u16(twoOctets(asn))).u32(address).done();
}

const twoOctets = (asn: number): number => (asn > MOST_TWO_OCTET_ASN ? AS_TRANS : asn);
