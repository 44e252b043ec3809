/**
 * UPDATEs into the RIB. One prefix costs a row in a batch; attributes are parsed only when their octets were not seen
 * before. What is wrong with a message costs what RFC 7606 says and no more.
 */

import type { Address, Family } from "../net/address.ts";
import type { AttributeColumns } from "../rib/attribute-columns.ts";
import type { AttrId } from "../rib/attribute-pool.ts";
import { NO_ATTRIBUTES } from "../rib/attribute-pool.ts";
import type { NextHops } from "../rib/next-hops.ts";
import type { PeerId } from "../rib/peer-table.ts";
import type { Rib } from "../rib/rib.ts";
import type { Negotiated } from "../session/negotiation.ts";
import { decodeAttributes } from "../wire/attribute-block.ts";
import { Fault, type Reaction, strongest } from "../wire/fault.ts";
import type { Notification } from "../wire/messages.ts";
import { type Announced, decodeUpdate, Update } from "../wire/update.ts";

/** The peer that a message came from. */
export interface Source {
  readonly peer: PeerId;
  readonly negotiated: Negotiated;
  /** Our own address on the session, as the RIB numbers next hops; -1 when it is not known. */
  readonly ownNextHop: number;
  /** What its paths must begin with; 0: that is not looked at. */
  readonly firstAs: number;
}

/** Of a session that begins; its next hop is held until {@link closeSource}. */
export function openSource(
  nextHops: NextHops,
  peer: PeerId,
  negotiated: Negotiated,
  firstAs: number,
  local: Address | undefined,
): Source {
  return { peer, negotiated, firstAs, ownNextHop: local === undefined ? -1 : nextHops.take(local) };
}

export function closeSource(nextHops: NextHops, source: Source | undefined): void {
  if (source !== undefined && source.ownNextHop >= 0) nextHops.give(source.ownNextHop);
}

export interface Outcome {
  /** All that was wrong, in words. */
  readonly why: string;
  /** The strongest reaction; undefined: nothing was wrong. */
  readonly reaction: Reaction | undefined;
  /** Code of the attribute that called for it, where it was one. */
  readonly attribute: number | undefined;
  readonly endOfRib: Family | undefined;
  /** Set when the session must end. */
  readonly reset: Notification | undefined;
}

const FINE: Outcome = outcomeOf([], undefined);

/** UPDATE Message Error (RFC 4271 §6.3) and the subcodes of the checks that are made here. */
const UPDATE_ERROR = 3;
const INVALID_NEXT_HOP = 8;
const MALFORMED_AS_PATH = 11;

export class Inbound {
  readonly #rib: Rib;
  readonly #update: Update = new Update();

  constructor(rib: Rib) {
    this.#rib = rib;
  }

  take(message: Uint8Array, source: Source): Outcome {
    const update = this.#update;
    const reaction = decodeUpdate(message, source.negotiated.decode, update);
    if (reaction === "session-reset") return outcomeOf(update.faults, undefined);
    const faults: Fault[] = update.faults.length === 0 ? NO_FAULTS : [...update.faults];
    const withdraws = reaction === "treat-as-withdraw";
    for (const batch of update.withdrawn) {
      if (batch.count > 0 && source.negotiated.families.includes(batch.family)) {
        this.#rib.of(batch.family).received.withdraw(source.peer, batch);
      }
    }
    let all = faults;
    for (const announced of update.announced) {
      if (announced.prefixes.count === 0) continue;
      if (!source.negotiated.families.includes(announced.prefixes.family)) continue;
      const more = this.#announce(announced, source, withdraws);
      if (more.length > 0) all = [...all, ...more];
    }
    if (all.length === 0 && update.endOfRib === undefined) return FINE;
    return outcomeOf(all, update.endOfRib);
  }

  /** Returns what is wrong with the attributes. */
  #announce(announced: Announced, source: Source, withdraws: boolean): readonly Fault[] {
    const { prefixes, block } = announced;
    const { received } = this.#rib.of(prefixes.family);
    const { pool } = this.#rib;
    if (withdraws) {
      received.withdraw(source.peer, prefixes);
      return NO_FAULTS;
    }
    let faults: readonly Fault[] = NO_FAULTS;
    let attrs: AttrId = pool.find(block, source.negotiated.decode);
    if (attrs === NO_ATTRIBUTES) {
      const decoded = decodeAttributes(block, source.negotiated.decode);
      faults = decoded.faults;
      if (decoded.attributes === undefined) {
        received.withdraw(source.peer, prefixes);
        return faults;
      }
      // A block with a fault is parsed every time, so that every message that has it is counted.
      attrs =
        faults.length > 0
          ? pool.intern(decoded.attributes)
          : pool.add(block, source.negotiated.decode, decoded.attributes);
    }
    const unfit = faultOfPath(pool.columns, attrs, source);
    if (unfit === undefined) received.announce(source.peer, attrs, prefixes);
    else received.withdraw(source.peer, prefixes);
    pool.release(attrs);
    return unfit === undefined ? faults : [...faults, unfit];
  }
}

const NO_FAULTS: Fault[] = [];

/** Checks that depend on the session rather than on the octets; on columns, since they are made for every message. */
function faultOfPath(columns: AttributeColumns, attrs: AttrId, source: Source): Fault | undefined {
  const { firstAs, ownNextHop } = source;
  // RFC 4271 §5.1.3, §6.3: a next hop that is the receiver's own address is not to be used.
  if (columns.nextHop[attrs] === ownNextHop) {
    return withdrawal("next hop is our own address", INVALID_NEXT_HOP, 3);
  }
  // RFC 4271 §6.3: the leftmost AS of what an external peer sends is its own.
  if (firstAs !== 0 && columns.neighbourAs[attrs] !== firstAs) {
    return withdrawal(`first AS is not ${firstAs}`, MALFORMED_AS_PATH, 2);
  }
  return undefined;
}

/** RFC 7606 §7.2, §7.3 for errors in what the attribute means. */
const withdrawal = (why: string, subcode: number, attribute: number): Fault =>
  new Fault("treat-as-withdraw", why, { code: UPDATE_ERROR, subcode, data: new Uint8Array(0) }, attribute);

function outcomeOf(faults: readonly Fault[], endOfRib: Family | undefined): Outcome {
  const worst = strongest(faults);
  const ends = worst?.reaction === "session-reset" || worst?.reaction === "afi-safi-disable";
  return {
    why: faults.map((fault) => fault.why).join("; "),
    reaction: worst?.reaction,
    attribute: worst?.attribute,
    endOfRib,
    // Deviates: RFC 7606 §2 lets a single family be disabled; a session that carries less than was agreed on is
    // harder to run than one that is down, so that it is reset.
    reset: ends ? worst.notification : undefined,
  };
}
