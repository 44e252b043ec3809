/**
 * UPDATEs into the RIB. One prefix costs a row in a batch; attributes are parsed only when their octets were not seen
 * before. What is wrong with a message costs what RFC 7606 says and no more.
 */

import type { Address, Family } from "../net/address.ts";
import { AS_SETS, type AttributeColumns } from "../rib/attribute-columns.ts";
import { type AttrId, NO_ATTRIBUTES } from "../rib/attribute-pool.ts";
import type { NextHops } from "../rib/next-hops.ts";
import type { PeerId } from "../rib/peer-table.ts";
import type { Rib } from "../rib/rib.ts";
import type { Negotiated } from "../session/negotiation.ts";
import { decodeAttributes } from "../wire/attribute-block.ts";
import { SUBCODE, updateFault } from "../wire/attributes/row.ts";
import { type Fault, isUsable, strongest } from "../wire/fault.ts";
import { type Announced, decodeUpdate, Update } from "../wire/update.ts";

/** The peer that a message came from. */
export interface Source {
  readonly peer: PeerId;
  readonly negotiated: Negotiated;
  /** Our own address on the session, as the RIB numbers next hops; -1 when it is not known. */
  readonly ownNextHop: number;
  /** Paths with AS_SETs are believed, against RFC 9774. */
  readonly acceptsAsSets: boolean;
  /** What its paths must begin with; 0: that is not looked at. */
  readonly firstAs: number;
}

/** Of a session that begins; its next hop is held until {@link closeSource}. */
export function openSource(
  nextHops: NextHops,
  peer: PeerId,
  negotiated: Negotiated,
  rules: Pick<Source, "firstAs" | "acceptsAsSets">,
  local: Address | undefined,
): Source {
  return { peer, negotiated, ...rules, ownNextHop: local === undefined ? -1 : nextHops.take(local) };
}

export function closeSource(nextHops: NextHops, source: Source | undefined): void {
  if (source !== undefined && source.ownNextHop >= 0) nextHops.give(source.ownNextHop);
}

export interface Outcome {
  /** All that was wrong. */
  readonly faults: readonly Fault[];
  /** The one that decides (RFC 7606 §3(h)); undefined: nothing was wrong. */
  readonly worst: Fault | undefined;
  readonly endOfRib: Family | undefined;
}

const FINE: Outcome = outcomeOf([], undefined);

export class Inbound {
  readonly #rib: Rib;
  readonly #update: Update = new Update();
  /** Of the message that is being taken: what is wrong with it, and the attributes of its two parts. */
  readonly #faults: Fault[] = [];
  readonly #attrs: [AttrId, AttrId] = [NO_ATTRIBUTES, NO_ATTRIBUTES];

  constructor(rib: Rib) {
    this.#rib = rib;
  }

  take(message: Uint8Array, source: Source): Outcome {
    const update = this.#update;
    const reaction = decodeUpdate(message, source.negotiated.decode, update);
    if (reaction === "session-reset") return outcomeOf(update.faults, undefined);
    const faults = this.#faults;
    if (faults.length > 0) faults.length = 0;
    for (const fault of update.faults) faults.push(fault);
    for (const batch of update.withdrawn) {
      if (batch.count > 0 && source.negotiated.families.includes(batch.family)) {
        this.#rib.of(batch.family).received.withdraw(source.peer, batch);
      }
    }
    if (isUsable(reaction)) this.#judge(source);
    this.#apply(source);
    if (faults.length === 0 && update.endOfRib === undefined) return FINE;
    return outcomeOf(faults, update.endOfRib);
  }

  /** Finds the attributes of both parts, and what is wrong with either, before any of it is used. */
  #judge(source: Source): void {
    const [body, mp] = this.#update.announced;
    if (isConcerned(body, source)) this.#attrs[0] = this.#attributesOf(body, source);
    if (isConcerned(mp, source)) this.#attrs[1] = this.#attributesOf(mp, source);
  }

  /** Takes one reference; NO_ATTRIBUTES: they cannot be used. */
  #attributesOf({ block }: Announced, source: Source): AttrId {
    const { pool } = this.#rib;
    const { decode } = source.negotiated;
    let attrs = pool.take(block, decode);
    if (attrs === NO_ATTRIBUTES) {
      const { attributes, literal, faults } = decodeAttributes(block, decode);
      for (const fault of faults) this.#faults.push(fault);
      if (attributes === undefined) return NO_ATTRIBUTES;
      // A block with a fault is parsed every time, so that every message that has it is counted.
      attrs = literal ? pool.add(block, decode, attributes) : pool.intern(attributes);
      if (attrs === NO_ATTRIBUTES) {
        this.#faults.push(TOO_LONG);
        return attrs;
      }
    }
    const unfit = faultOfPath(pool.columns, attrs, source);
    if (unfit !== undefined) this.#faults.push(unfit);
    return attrs;
  }

  /** RFC 7606 §2: all routes of an UPDATE are announced, or all are withdrawn; those of the other family too. */
  #apply(source: Source): void {
    const { pool } = this.#rib;
    const usable = this.#faults.length === 0 || isUsable(strongest(this.#faults)?.reaction);
    for (let part = 0; part < this.#attrs.length; part++) {
      const attrs = this.#attrs[part]!;
      const announced = this.#update.announced[part]!;
      this.#attrs[part] = NO_ATTRIBUTES;
      if (!isConcerned(announced, source)) continue;
      const { prefixes } = announced;
      const { received } = this.#rib.of(prefixes.family);
      if (usable) received.announce(source.peer, attrs, prefixes);
      else received.withdraw(source.peer, prefixes);
      if (attrs !== NO_ATTRIBUTES) pool.release(attrs);
    }
  }
}

const isConcerned = ({ prefixes }: Announced, { negotiated }: Source): boolean =>
  prefixes.count > 0 && negotiated.families.includes(prefixes.family);

/** Checks that depend on the session rather than on the octets; on columns, since they are made for every message. */
function faultOfPath(columns: AttributeColumns, attrs: AttrId, source: Source): Fault | undefined {
  const { firstAs, ownNextHop, acceptsAsSets } = source;
  if (columns.nextHop[attrs] === ownNextHop) return OWN_NEXT_HOP;
  if (firstAs !== 0 && columns.neighbourAs[attrs] !== firstAs) {
    return firstAsFault(firstAs);
  }
  if (!acceptsAsSets && (columns.flags[attrs]! & AS_SETS) !== 0) return AS_SET;
  return undefined;
}

/** RFC 4271 §5.1.3 too: a next hop that is the receiver's own address is not to be used. */
const OWN_NEXT_HOP: Fault = updateFault({
  reaction: "treat-as-withdraw",
  why: "NEXT_HOP: our own address",
  rfc: "RFC 4271 section 6.3",
  subcode: SUBCODE.invalidNextHop,
  attribute: 3,
});

/** Of a block with another fault, which is written anew, AS numbers in four octets (RFC 6793). */
const TOO_LONG: Fault = updateFault({
  reaction: "treat-as-withdraw",
  why: "attributes longer than any message in AS numbers of four octets",
  rfc: "RFC 7606 section 3",
  subcode: SUBCODE.malformedAttributeList,
});

const AS_SET: Fault = updateFault({
  reaction: "treat-as-withdraw",
  why: "AS_PATH: AS_SET",
  rfc: "RFC 9774 section 3",
  subcode: SUBCODE.malformedAsPath,
  attribute: 2,
});

/** The leftmost AS of what an external peer sends is its own. */
const firstAsFault = (remoteAsn: number): Fault =>
  updateFault({
    reaction: "treat-as-withdraw",
    why: `AS_PATH: first AS is not ${remoteAsn}`,
    rfc: "RFC 4271 section 6.3",
    subcode: SUBCODE.malformedAsPath,
    attribute: 2,
  });

function outcomeOf(faults: readonly Fault[], endOfRib: Family | undefined): Outcome {
  return { faults: [...faults], worst: strongest(faults), endOfRib };
}
