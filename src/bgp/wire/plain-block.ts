/**
 * Blocks of attributes in which nothing is wrong, told from the others without making a value. Nearly all that come are
 * of this kind, and need not be parsed before somebody looks at them.
 */

import { type Address, ipv4 } from "../net/address.ts";
import { type AttributeBlock, AttributeHeader, fits } from "./attribute-block.ts";
import { mpNextHops, mpReach } from "./attributes/next-hop.ts";
import { type AttributeRow, OPTIONAL, TRANSITIVE } from "./attributes/row.ts";
import { ROW_BY_CODE } from "./attributes/table.ts";
import type { DecodeContext } from "./context.ts";
import { Cursor } from "./cursor.ts";

const AS_PATH = 2;
const NEXT_HOP = 3;
const MP_REACH = 14;

/**
 * True: `decodeAttributes` finds nothing wrong, leaves nothing out and merges nothing, and but for MP_REACH_NLRI, which
 * comes first, the attributes are in order of their codes. False: ask it.
 */
export function isPlain({ octets, start, end, of }: AttributeBlock, context: DecodeContext): boolean {
  const header = new AttributeHeader();
  if (of === "body") return isInOrder(octets, start, end, NEXT_HOP, context);
  if (!header.read(octets, start, end) || header.code !== MP_REACH) return false;
  return isRight(mpReach, header, octets, context) && isInOrder(octets, header.end, end, AS_PATH, context);
}

/** @param mandatory - ORIGIN, AS_PATH and NEXT_HOP up to this one; in order, they come one after the other */
function isInOrder(
  octets: Uint8Array,
  start: number,
  end: number,
  mandatory: number,
  context: DecodeContext,
): boolean {
  const header = new AttributeHeader();
  let last = 0;
  let found = 0;
  for (let at = start; at < end; at = header.end) {
    if (!header.read(octets, at, end) || header.code <= last || header.code === MP_REACH) return false;
    last = header.code;
    if (found < mandatory && last !== ++found) return false;
    // RFC 4760 §3: NEXT_HOP is ignored for what MP_REACH_NLRI announces, be it what it may.
    if (last === NEXT_HOP && mandatory === AS_PATH) continue;
    const row = ROW_BY_CODE[last];
    if (row === undefined ? (header.flags & OPTIONAL) === 0 : !isRight(row, header, octets, context))
      return false;
  }
  return found === mandatory;
}

function isRight(
  row: AttributeRow,
  { flags, start, end }: AttributeHeader,
  octets: Uint8Array,
  context: DecodeContext,
): boolean {
  if ((flags & (OPTIONAL | TRANSITIVE)) !== row.flags) return false;
  if (row.oldSpeakerOnly === true || (row.ibgpOnly === true && context.external)) return false;
  return fits(end - start, row.length) && (row.isSound?.(octets, start, end, context) ?? true);
}

/** The next hop of a block in which nothing is wrong. @param zone - see {@link DecodeContext} */
export function nextHopIn({ octets, start, end, of }: AttributeBlock, zone: string | undefined): Address {
  const code = of === "mp" ? MP_REACH : NEXT_HOP;
  const header = new AttributeHeader();
  for (let at = start; at < end && header.read(octets, at, end); at = header.end) {
    if (header.code !== code) continue;
    const value = header.start;
    if (of === "mp") return mpNextHops(new Cursor(octets, value, header.end), zone)[0];
    return ipv4(
      (octets[value]! << 24) | (octets[value + 1]! << 16) | (octets[value + 2]! << 8) | octets[value + 3]!,
    );
  }
  throw new RangeError("a block without a next hop");
}
