/** Capabilities of an OPEN (RFC 5492): one row per capability that we know. */

import { Cursor } from "./cursor.ts";
import type { AddPathFamily, Capability } from "./messages.ts";
import { OctetWriter } from "./octet-writer.ts";
import { parseUtf8, utf8Within } from "./utf8.ts";

type Is = Capability["is"];
type Of<K extends Is> = Extract<Capability, { is: K }>;

interface CapabilityRow<K extends Is> {
  readonly code: number;
  /** Undefined when the octets cannot be one: the capability is then carried as unknown, and not used. */
  decode(value: Cursor): Of<K> | undefined;
  encode(capability: Of<K>, out: OctetWriter): void;
}

/** Reads one capability value of `code`. A known one that is malformed comes back as "unknown" with its octets. */
export function decodeCapability(code: number, octets: Uint8Array): Capability {
  const row = rows.find((each) => each.code === code);
  const value = new Cursor(octets);
  const decoded = row?.decode(value);
  return decoded === undefined || value.left > 0 ? { is: "unknown", code, value: octets } : decoded;
}

/** Code, length and value. @throws RangeError when the value is longer than 255 octets */
export function encodeCapability(capability: Capability): Uint8Array {
  const value = new OctetWriter();
  let code: number;
  if (capability.is === "unknown") {
    code = capability.code;
    value.bytes(capability.value);
  } else {
    const row = ROWS[capability.is] as CapabilityRow<typeof capability.is>;
    code = row.code;
    row.encode(capability as never, value);
  }
  if (value.count > 255) throw new RangeError(`capability ${code} of ${value.count} octets`);
  return new OctetWriter().u8(code).u8(value.count).bytes(value.done()).done();
}

const MODES: readonly AddPathFamily["mode"][] = ["receive", "send", "both"];

const ROWS: { readonly [K in Exclude<Is, "unknown">]: CapabilityRow<K> } = {
  /** RFC 4760 §8. */
  multiprotocol: {
    code: 1,
    decode: (v) => {
      if (v.left !== 4) return undefined;
      const afi = v.u16();
      v.u8();
      return { is: "multiprotocol", afi, safi: v.u8() };
    },
    encode: (c, out) => out.u16(c.afi).u8(0).u8(c.safi),
  },
  /** RFC 2918 §2. */
  "route-refresh": empty(2, { is: "route-refresh" }),
  /** RFC 8950 §4. The SAFI has two octets here. */
  "extended-next-hop": {
    code: 5,
    decode: (v) => {
      const tuples = each(v, 6, () => ({ afi: v.u16(), safi: v.u16(), nextHopAfi: v.u16() }));
      return tuples && { is: "extended-next-hop", tuples };
    },
    encode: (c, out) => {
      for (const tuple of c.tuples) out.u16(tuple.afi).u16(tuple.safi).u16(tuple.nextHopAfi);
    },
  },
  /** RFC 8654 §3. */
  "extended-message": empty(6, { is: "extended-message" }),
  /** RFC 9234 §4.1. */
  role: {
    code: 9,
    decode: (v) => (v.left === 1 ? { is: "role", role: v.u8() } : undefined),
    encode: (c, out) => out.u8(c.role),
  },
  /** RFC 4724 §3; the N bit is of RFC 8538 §2. */
  "graceful-restart": {
    code: 64,
    decode: (v) => {
      if (v.left < 2) return undefined;
      const head = v.u16();
      const families = each(v, 4, () => ({ afi: v.u16(), safi: v.u8(), forwarding: (v.u8() & 0x80) !== 0 }));
      return (
        families && {
          is: "graceful-restart",
          restarting: (head & 0x8000) !== 0,
          notification: (head & 0x4000) !== 0,
          restartSeconds: head & 0x0fff,
          families,
        }
      );
    },
    encode: (c, out) => {
      out.u16((c.restarting ? 0x8000 : 0) | (c.notification ? 0x4000 : 0) | (c.restartSeconds & 0x0fff));
      for (const family of c.families) {
        out
          .u16(family.afi)
          .u8(family.safi)
          .u8(family.forwarding ? 0x80 : 0);
      }
    },
  },
  /** RFC 6793 §3. */
  "four-octet-as": {
    code: 65,
    decode: (v) => (v.left === 4 ? { is: "four-octet-as", asn: v.u32() } : undefined),
    encode: (c, out) => out.u32(c.asn),
  },
  /** RFC 7911 §4. A Send/Receive value that is none of the three means that the family is not offered. */
  "add-path": {
    code: 69,
    decode: (v) => {
      const offers = each(v, 4, () => ({ afi: v.u16(), safi: v.u8(), mode: MODES[v.u8() - 1] }));
      const families = offers?.filter((offer): offer is AddPathFamily => offer.mode !== undefined);
      return families && { is: "add-path", families };
    },
    encode: (c, out) => {
      for (const { afi, safi, mode } of c.families)
        out
          .u16(afi)
          .u8(safi)
          .u8(MODES.indexOf(mode) + 1);
    },
  },
  /** RFC 7313 §3.1. */
  "enhanced-route-refresh": empty(70, { is: "enhanced-route-refresh" }),
  /** RFC 9494 §3.1. */
  "long-lived-graceful-restart": {
    code: 71,
    decode: (v) => {
      const families = each(v, 7, () => ({
        afi: v.u16(),
        safi: v.u8(),
        forwarding: (v.u8() & 0x80) !== 0,
        staleSeconds: v.u24(),
      }));
      return families && { is: "long-lived-graceful-restart", families };
    },
    encode: (c, out) => {
      for (const family of c.families) {
        out
          .u16(family.afi)
          .u8(family.safi)
          .u8(family.forwarding ? 0x80 : 0);
        out.u24(family.staleSeconds);
      }
    },
  },
  /** draft-walton-bgp-hostname-capability: two counted strings. */
  fqdn: {
    code: 73,
    decode: (v) => {
      const hostname = countedText(v);
      const domain = hostname === undefined ? undefined : countedText(v);
      return hostname === undefined || domain === undefined ? undefined : { is: "fqdn", hostname, domain };
    },
    encode: (c, out) => {
      for (const text of [c.hostname, c.domain]) {
        const octets = utf8Within(text, 255);
        out.u8(octets.length).bytes(octets);
      }
    },
  },
};

const rows: readonly CapabilityRow<Is>[] = Object.values(ROWS) as unknown as CapabilityRow<Is>[];

/** A capability that says all by being there. Octets in it make it malformed: {@link decodeCapability} sees them left. */
function empty<K extends Is>(code: number, capability: Of<K>): CapabilityRow<K> {
  return { code, decode: () => capability, encode: () => undefined };
}

/** Reads entries of `octets` each until the window is empty; undefined when it does not hold whole ones. */
function each<T>(value: Cursor, octets: number, entry: () => T): T[] | undefined {
  if (value.left % octets !== 0) return undefined;
  const entries: T[] = [];
  while (value.left > 0) entries.push(entry());
  return entries;
}

function countedText(value: Cursor): string | undefined {
  if (value.left < 1) return undefined;
  const count = value.u8();
  return count > value.left ? undefined : parseUtf8(value.copy(count));
}
