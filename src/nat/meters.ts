/** Sets of private addresses that the packets fill: what each has used up, and who was refused or wants more. */

/** Private addresses that a limit is kept for at once; when there are more, those above it have none. */
const LIMITED_ADDRESSES = 262_144;

/** Addresses that are remembered as refused, of each limit. When there are more, those are refused all the same. */
const REFUSED_ADDRESSES = 4096;
const REFUSED = [`size ${REFUSED_ADDRESSES}`, "flags dynamic,timeout", "timeout 1m"];

/** Who asks for a block, or found none of its ports free, is taken at its word for so long. */
const SOON = [`size ${REFUSED_ADDRESSES}`, "flags dynamic,timeout", "timeout 1s"];

/** Private addresses with flows, and destinations of theirs. When there are more, none of those above asks for a block. */
const MARKED_FLOWS = 262_144;
const MARKED = [`size ${MARKED_FLOWS}`, "flags dynamic"];

/** Sets that count how full blocks are (overflow.ts). */
export type Marked = `toward_${0 | 1 | 2 | 3}` | `opened_${0 | 1 | 2}`;

export type Limit = "sessions" | "rate" | "ports";

/** The set of those whom a limit refused; a minute later they are in it no longer. */
export const refusedSet = (limit: Limit): `over_${Limit}` => `over_${limit}`;

/** Declarations behind the type of a set, as nft lists them. */
export const METERS: Readonly<
  Record<
    "sessions" | "session_rate" | "ports" | "asking" | "full" | ReturnType<typeof refusedSet> | Marked,
    readonly string[]
  >
> = {
  sessions: [`size ${LIMITED_ADDRESSES}`, "flags dynamic"],
  ports: [`size ${LIMITED_ADDRESSES}`, "flags dynamic"],
  // An address that opens nothing for as long as its bucket takes to fill needs none.
  session_rate: [`size ${LIMITED_ADDRESSES}`, "flags dynamic,timeout", "timeout 10s"],
  over_sessions: REFUSED,
  over_rate: REFUSED,
  over_ports: REFUSED,
  asking: SOON,
  full: SOON,
  toward_0: MARKED,
  toward_1: MARKED,
  toward_2: MARKED,
  toward_3: MARKED,
  opened_0: MARKED,
  opened_1: MARKED,
  opened_2: MARKED,
};
