/** The attributes of a path in a table dump (RFC 6396 §4.3.4): as in an UPDATE, but for AS numbers and MP_REACH_NLRI. */

import type { Family } from "../net/address.ts";
import { AttributeHeader, decodeAttributes } from "../wire/attribute-block.ts";
import { encodeAttributes } from "../wire/attribute-encode.ts";
import { mpReach } from "../wire/attributes/next-hop.ts";
import { OPTIONAL, TRANSITIVE } from "../wire/attributes/row.ts";
import { ROW_BY_CODE } from "../wire/attributes/table.ts";
import { type DecodeContext, NOTHING_NEGOTIATED } from "../wire/context.ts";
import { afiSafiOf } from "../wire/messages.ts";
import { OctetWriter } from "../wire/octet-writer.ts";
import type { PathAttributes } from "../wire/path-attributes.ts";

/** AS numbers always have four octets here, and what only iBGP carries is there. */
const CONTEXT: DecodeContext = { ...NOTHING_NEGOTIATED, as4: true, external: false };

/** A record counts them in two octets. */
const MOST_OCTETS = 65_535;

/**
 * Undefined when they are longer than a record can say: AS numbers of a session with two octets have four here.
 * @throws RangeError when IPv6 prefixes have an IPv4 next hop
 */
export function ribAttributeOctets(attributes: PathAttributes, family: Family): Uint8Array | undefined {
  const { octets, mpNextHop } = encodeAttributes(attributes, family, CONTEXT);
  if (octets.length > MOST_OCTETS) return undefined;
  if (mpNextHop === undefined) return octets;
  const out = new OctetWriter().bytes(octets);
  // AFI, SAFI and NLRI are in the record already and left out here.
  out.u8(OPTIONAL).u8(mpReach.code);
  return out
    .u8(mpNextHop.length + 1)
    .u8(mpNextHop.length)
    .bytes(mpNextHop)
    .done();
}

/** Undefined when they are malformed, or not a path's. Never throws for what a file holds. */
export function ribAttributes(octets: Uint8Array, family: Family): PathAttributes | undefined {
  const out = new OctetWriter();
  const header = new AttributeHeader();
  let mp = false;
  let at = 0;
  for (; at < octets.length && header.read(octets, at, octets.length); at = header.end) {
    if (header.code !== mpReach.code) {
      // BIRD writes LOCAL_PREF without the Transitive bit; a file is no session that could be at fault.
      const { flags = header.flags & (OPTIONAL | TRANSITIVE) } = ROW_BY_CODE[header.code] ?? {};
      out.u8((header.flags & ~(OPTIONAL | TRANSITIVE)) | flags).bytes(octets.subarray(at + 1, header.end));
    } else {
      const nextHop = nextHopOf(octets.subarray(header.start, header.end));
      if (nextHop === undefined || mp) return undefined;
      const { afi, safi } = afiSafiOf(family);
      out
        .u8(OPTIONAL)
        .u8(mpReach.code)
        .u8(nextHop.length + 4);
      out.u16(afi).u8(safi).u8(nextHop.length).bytes(nextHop);
      mp = true;
    }
  }
  if (at !== octets.length) return undefined;
  const whole = out.done();
  return decodeAttributes({ octets: whole, start: 0, end: whole.length, of: mp ? "mp" : "body" }, CONTEXT)
    .attributes;
}

/** The next hop alone, or, as some writers have it, within a whole MP_REACH_NLRI: that begins with AFI, so with 0. */
function nextHopOf(value: Uint8Array): Uint8Array | undefined {
  const lengthAt = value[0] === 0 ? 3 : 0;
  const octets = value[lengthAt];
  if (octets !== 4 && octets !== 16 && octets !== 32) return undefined;
  const nextHop = value.subarray(lengthAt + 1, lengthAt + 1 + octets);
  return nextHop.length === octets ? nextHop : undefined;
}
