/** A stream of octets, however it is cut, to the records of an MRT file. */

import { decodeRecord } from "./decode.ts";
import { MRT_HEADER_OCTETS, type MrtFault, type MrtRecord } from "./record.ts";

/** A record that says it is longer is not waited for: what follows a wrong length means nothing. */
export const MOST_RECORD_OCTETS: number = 1 << 24;

export class MrtReader {
  #rest: Uint8Array = new Uint8Array(0);
  #broken = false;

  /** The records that are whole now. After a length that cannot be, nothing more comes. */
  *push(octets: Uint8Array): Generator<MrtRecord | MrtFault> {
    if (this.#broken) return;
    const all = this.#rest.length === 0 ? octets : joined(this.#rest, octets);
    let at = 0;
    for (let end = endOf(all, at); end <= all.length; end = endOf(all, at)) {
      yield decodeRecord(all.subarray(at, end));
      at = end;
    }
    this.#broken = endOf(all, at) === Number.POSITIVE_INFINITY && all.length - at >= MRT_HEADER_OCTETS;
    this.#rest = this.#broken ? new Uint8Array(0) : all.slice(at);
    if (this.#broken) {
      const why = `a record of more than ${MOST_RECORD_OCTETS} octets`;
      yield { is: "malformed", seconds: 0, microseconds: undefined, why };
    }
  }

  /** What is wrong with the end of the file, if anything. */
  end(): MrtFault | undefined {
    if (this.#rest.length === 0) return undefined;
    const why = `the last ${this.#rest.length} octets are no whole record`;
    return { is: "malformed", seconds: 0, microseconds: undefined, why };
  }
}

/** Where the record at `at` ends; infinite while that is not known, or when it is too long. */
function endOf(octets: Uint8Array, at: number): number {
  if (octets.length - at < MRT_HEADER_OCTETS) return Number.POSITIVE_INFINITY;
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  const length = view.getUint32(at + 8);
  return length > MOST_RECORD_OCTETS ? Number.POSITIVE_INFINITY : at + MRT_HEADER_OCTETS + length;
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
