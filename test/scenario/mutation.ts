/** Messages as a hostile or broken peer sends them: good ones, changed a little. */

import { malformed, octetsOf, valid } from "../vectors/vectors.ts";
import type { Chance } from "./chance.ts";

/** All messages that are written down, good and bad. */
export const CORPUS: readonly Uint8Array[] = [...valid, ...malformed].map(({ hex }) => octetsOf(hex));

const HEADER_OCTETS = 19;
const MOST_OCTETS = 65_535;
/** Numbers at which length and count fields break. */
const EDGES = [0, 1, 2, 3, 4, 7, 8, 15, 16, 23, 31, 32, 33, 64, 127, 128, 129, 254, 255] as const;

/** One message of the corpus with 1 to 4 changes. The length field is right again, mostly. */
export function mutated(chance: Chance): Uint8Array {
  let octets = Uint8Array.from(chance.pick(CORPUS));
  for (let changes = 1 + chance.below(4); changes > 0; changes--) octets = changed(octets, chance);
  return chance.holds(0.95) ? relabelled(octets) : octets;
}

function changed(octets: Uint8Array<ArrayBuffer>, chance: Chance): Uint8Array<ArrayBuffer> {
  const at = chance.below(octets.length + 1);
  const count = 1 + chance.below(8);
  switch (chance.below(7)) {
    case 0: // one octet
    case 1:
      octets[at] = chance.below(256);
      return octets;
    case 2:
      octets[at] = chance.pick(EDGES);
      return octets;
    case 3: // one bit
      octets[at] = (octets[at] ?? 0) ^ (1 << chance.below(8));
      return octets;
    case 4: // some octets less
      return joined(octets.subarray(0, at), octets.subarray(Math.min(octets.length, at + count)));
    case 5: // some octets twice
      return joined(octets.subarray(0, at), octets.subarray(Math.max(0, at - count)));
    default: {
      // the end of another message
      const other = chance.pick(CORPUS);
      return joined(octets.subarray(0, at), other.subarray(Math.min(other.length, at)));
    }
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both.slice(0, MOST_OCTETS);
}

/** With a header that is right, so that what is behind it is looked at. */
function relabelled(octets: Uint8Array): Uint8Array {
  const message =
    octets.length >= HEADER_OCTETS ? octets : joined(octets, new Uint8Array(HEADER_OCTETS - octets.length));
  message.fill(0xff, 0, 16);
  message[16] = message.length >>> 8;
  message[17] = message.length;
  return message;
}
