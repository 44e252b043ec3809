/** ROUTE-REFRESH (RFC 2918), with the subtypes of RFC 7313. */

import { Cursor } from "./cursor.ts";
import { Refusal } from "./fault.ts";
import { framed, HEADER_OCTETS } from "./header.ts";
import { MESSAGE_TYPE, type RouteRefresh } from "./messages.ts";
import { OctetWriter } from "./octet-writer.ts";

const REFRESH_ERROR = 7;
const INVALID_LENGTH = 1;
const SUBTYPES = ["request", "begin", "end"] as const;

/**
 * Decodes a whole message whose header was checked. What follows in a request (an ORF, RFC 5291) is not looked at: we
 * do not offer that capability.
 * @param enhanced - RFC 7313 was negotiated; else the subtype is a reserved octet (RFC 2918 §3)
 */
export function decodeRouteRefresh(message: Uint8Array, enhanced: boolean): RouteRefresh | Refusal {
  const body = new Cursor(message, HEADER_OCTETS);
  const afi = body.u16();
  const octet = body.u8();
  const safi = body.u8();
  const subtype = enhanced ? (SUBTYPES[octet] ?? "unknown") : "request";
  if ((subtype === "begin" || subtype === "end") && body.left > 0) {
    // RFC 7313 §5: the data field is the whole message.
    return new Refusal(
      `${subtype} of ${message.length} octets`,
      REFRESH_ERROR,
      INVALID_LENGTH,
      message.slice(0, MOST_DATA_OCTETS),
    );
  }
  return { afi, safi, subtype };
}

/** So that the NOTIFICATION stays within 4096 octets. */
const MOST_DATA_OCTETS = 4096 - 21;

/** Encodes a whole message. @throws RangeError for subtype "unknown": nobody can send that */
export function encodeRouteRefresh({ afi, safi, subtype }: RouteRefresh): Uint8Array {
  if (subtype === "unknown") throw new RangeError("ROUTE-REFRESH of an unknown subtype");
  const body = new OctetWriter().u16(afi).u8(SUBTYPES.indexOf(subtype)).u8(safi).done();
  return framed(MESSAGE_TYPE.routeRefresh, body);
}
