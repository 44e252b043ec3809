/** {@link PathAttributes} to the octets that an UPDATE carries: once per path and update group, then packed many times. */

import type { Family } from "../net/address.ts";
import { mpNextHopOctets, nextHop } from "./attributes/next-hop.ts";
import { type AttributeRow, EXTENDED_LENGTH, PARTIAL } from "./attributes/row.ts";
import { ATTRIBUTE_ROWS } from "./attributes/table.ts";
import type { EncodeContext } from "./context.ts";
import { OctetWriter } from "./octet-writer.ts";
import type { PathAttributes, RawAttribute } from "./path-attributes.ts";

export interface EncodedAttributes {
  /** Of the prefixes that they are for. */
  readonly family: Family;
  /** All but MP_REACH_NLRI, ordered by code (RFC 4271 §5). More than 65535: of no use, since no message holds them. */
  readonly octets: Uint8Array;
  /** The next hop field of MP_REACH_NLRI; undefined when NEXT_HOP is in `octets`. */
  readonly mpNextHop: Uint8Array | undefined;
}

/**
 * Encodes for prefixes of `family`. AS numbers of more than two octets go to AS4_PATH and AS4_AGGREGATOR where the
 * context says so; what only iBGP may carry is left out to external peers.
 * @throws RangeError when IPv6 prefixes have an IPv4 next hop
 */
export function encodeAttributes(
  attributes: PathAttributes,
  family: Family,
  context: EncodeContext,
): EncodedAttributes {
  const mpNextHop = mpNextHopOctets(attributes, family);
  const all: RawAttribute[] = [...attributes.unknown];
  for (const row of ATTRIBUTE_ROWS) {
    if (isLeftOut(row, context)) continue;
    if (row === nextHop && mpNextHop !== undefined) continue;
    const value = row.encode(attributes, context);
    if (value === undefined) continue;
    const partial = attributes.partial.includes(row.code) ? PARTIAL : 0;
    all.push({ code: row.code, flags: row.flags | partial, value });
  }
  all.sort((a, b) => a.code - b.code);
  const out = new OctetWriter();
  for (const each of all) writeAttribute(out, each);
  return { family, octets: out.done(), mpNextHop };
}

const isLeftOut = (row: AttributeRow, { as4, external }: EncodeContext): boolean =>
  (row.ibgpOnly === true && external) || (row.oldSpeakerOnly === true && as4);

function writeAttribute(out: OctetWriter, { code, flags, value }: RawAttribute): void {
  if (value.length > 255)
    out
      .u8(flags | EXTENDED_LENGTH)
      .u8(code)
      .u16(value.length);
  else out.u8(flags).u8(code).u8(value.length);
  out.bytes(value);
}
