/**
 * Spreads the private addresses of a pool over its public ones by a table of slots: a hash of the private address is the
 * number of a slot, and what stands there is its public address.
 *
 * The table is filled as Maglev's is (Eisenbud et al., NSDI 2016, section 3.4): each address has its own order of the
 * slots, by its number alone, and takes in turn the next one that is free. So all have equally many, and one that is
 * added or taken away moves its own share and little more.
 */

import { type Address, compareAddresses } from "../bgp/net/address.ts";

/** How many slots a table may have, with the most addresses that it is for: 16 slots each, and one where they are many. */
const SIZES = [
  { slots: 256, upTo: 16 },
  { slots: 4096, upTo: 256 },
  { slots: 65_536, upTo: 65_536 },
] as const;
export type SlotCount = (typeof SIZES)[number]["slots"];
export const SLOT_COUNTS: readonly SlotCount[] = SIZES.map(({ slots }) => slots);

/** @param count - addresses, 65536 at most */
export const slotsFor = (count: number): SlotCount =>
  SIZES.find(({ upTo }) => count <= upTo)?.slots ?? SIZES[2].slots;

/** What stands in each slot. @param addresses - in any order, each once, 1..65536 */
export function slotTable(addresses: readonly Address[]): Address[] {
  const slots = slotsFor(addresses.length);
  const sorted = addresses.toSorted(compareAddresses);
  const next = Uint32Array.from(sorted, ({ w0 }) => mixed(w0) & (slots - 1));
  // An odd step passes every slot of a power of two before it comes back.
  const steps = Uint32Array.from(sorted, ({ w0 }) => mixed(~w0) | 1);
  const table = new Array<Address | undefined>(slots).fill(undefined);
  for (let filled = 0; filled < slots; filled++) {
    const turn = filled % sorted.length;
    let slot = next[turn]!;
    while (table[slot] !== undefined) slot = (slot + steps[turn]!) & (slots - 1);
    table[slot] = sorted[turn];
    next[turn] = (slot + steps[turn]!) & (slots - 1);
  }
  return table as Address[];
}

/** The finalizer of MurmurHash3: each bit of the result depends on every bit of `word`. */
function mixed(word: number): number {
  let h = word >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
