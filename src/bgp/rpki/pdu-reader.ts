/** Splits the octets of a connection into PDUs, however they are cut. It holds one PDU at most, which is 4096 octets. */

import { Cursor } from "../wire/cursor.ts";
import { decodePdu, HEADER_OCTETS, type Pdu, type PduFault, pduOctets } from "./pdu.ts";

/** `octets` are those of the PDU, valid until this returns. False: no more are wanted. */
export type PduTaker = (pdu: Pdu | PduFault, octets: Uint8Array) => boolean;

const NOTHING: Uint8Array = new Uint8Array(0);

export class PduReader {
  #rest: Uint8Array = NOTHING;

  /** Hands every PDU that `octets` complete to `take`. After one that is wrong nothing may be pushed any more. */
  push(octets: Uint8Array, take: PduTaker): void {
    const all = this.#rest.length === 0 ? octets : joined(this.#rest, octets);
    let at = 0;
    while (all.length - at >= HEADER_OCTETS) {
      const header = all.subarray(at, at + HEADER_OCTETS);
      const length = pduOctets(new Cursor(header));
      if (typeof length !== "number") {
        take(length, header);
        return;
      }
      if (all.length - at < length) break;
      const pdu = all.subarray(at, at + length);
      if (!take(decodePdu(pdu), pdu)) return;
      at += length;
    }
    this.#rest = at === all.length ? NOTHING : all.slice(at);
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const all = new Uint8Array(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  return all;
}
