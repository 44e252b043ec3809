/**
 * Much change as several transactions, each of which nft has the memory for: it takes some kilobytes for an element, and a
 * floating IP is three.
 *
 * What lies between is a table like any other: first the old one without what goes, then the new one without what is yet
 * to come. So whatever is there of a floating IP is all of it, and rules are never without what they look into.
 */

import { type AddressKey, addressKey } from "../bgp/net/text.ts";
import type { FloatingMapping, NatTable } from "./table.ts";

/** Floating IPs that one transaction brings, or takes away: so many, or a part of a table that is larger. */
const STEP_FLOATING = 16_384;
/** Each step looks at all that there are: with more of them for more floating IPs the time would grow by their square. */
const MOST_STEPS = 16;

interface Held {
  readonly floating: readonly FloatingMapping[];
  /** All of the table that holds them; undefined: nothing of it may go before the last step. */
  readonly table: NatTable | undefined;
}

/** The last one is `wanted`. @param most - floating IPs that one step brings, or takes away */
export function* stepsTo(
  wanted: NatTable,
  { floating: held, table }: Held,
  most: number = Math.max(
    STEP_FLOATING,
    Math.ceil(Math.max(held.length, wanted.floating.length) / MOST_STEPS),
  ),
): Generator<NatTable> {
  const isShort = held.length <= most && wanted.floating.length <= most;
  if (held === wanted.floating || isShort) {
    yield wanted;
    return;
  }
  const going = table === undefined ? [] : only(held, wanted.floating);
  for (let i = most; table !== undefined && i < going.length; i += most) {
    yield { ...table, floating: without(held, going.slice(0, i)) };
  }
  const coming = only(wanted.floating, held);
  for (let i = most; i < coming.length; i += most) {
    yield { ...wanted, floating: without(wanted.floating, coming.slice(i)) };
  }
  yield wanted;
}

const keysOf = (list: readonly FloatingMapping[]): ReadonlySet<AddressKey> =>
  new Set(list.map(({ floating }) => addressKey(floating)));

/** Those whose floating IPs the others have not. */
function only(list: readonly FloatingMapping[], others: readonly FloatingMapping[]): FloatingMapping[] {
  const known = keysOf(others);
  return list.filter(({ floating }) => !known.has(addressKey(floating)));
}

function without(
  list: readonly FloatingMapping[],
  some: readonly FloatingMapping[],
): readonly FloatingMapping[] {
  const gone = new Set(some);
  return list.filter((mapping) => !gone.has(mapping));
}
