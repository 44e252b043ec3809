/**
 * UPDATE (RFC 4271 §4.3), step 1 of decoding: the message is split into windows, all NLRI go into columns, and the
 * path attributes stay raw octets. Most blocks of attributes have been seen before, from the same peer a moment ago:
 * whoever keeps the parsed ones by their octets parses only what is new (`decodeAttributes`).
 *
 * Costs nothing per prefix but its row, and little per message: where MP attributes cut the block, a copy of the rest.
 */

import type { Family } from "../net/address.ts";
import { type AttributeBlock, AttributeHeader, decodeAttributes } from "./attribute-block.ts";
import { AFI_SAFI_OCTETS, MP_UNREACH_CODE, mpReach, nextHopFits } from "./attributes/next-hop.ts";
import {
  EXTENDED_LENGTH,
  MOST_DATA_OCTETS,
  OPTIONAL,
  SUBCODE,
  TRANSITIVE,
  updateFault,
} from "./attributes/row.ts";
import { attributeName } from "./attributes/table.ts";
import type { DecodeContext } from "./context.ts";
import { Fault, isUsable, type Reaction, strongest } from "./fault.ts";
import { HEADER_OCTETS } from "./header.ts";
import { familyOf } from "./messages.ts";
import { decodeNlri } from "./nlri.ts";
import { PrefixBatch } from "./prefix-batch.ts";

/** Prefixes that are announced, and the attributes that they have; the block counts only when there are prefixes. */
export interface Announced {
  readonly prefixes: PrefixBatch;
  readonly block: AttributeBlock;
}

/** One UPDATE, decoded. Made once and used again: what it holds is valid until the next {@link decodeUpdate}. */
export class Update {
  /** Of the body, and of MP_UNREACH_NLRI. To be handled before `announced`. */
  readonly withdrawn: readonly [PrefixBatch, PrefixBatch] = [new PrefixBatch(), new PrefixBatch()];
  /** Of the body, and of MP_REACH_NLRI. */
  readonly announced: readonly [Announced, Announced] = [
    { prefixes: new PrefixBatch(), block: { octets: new Uint8Array(0), start: 0, end: 0, of: "body" } },
    { prefixes: new PrefixBatch(), block: { octets: new Uint8Array(0), start: 0, end: 0, of: "mp" } },
  ];
  /** The family that this End-of-RIB is for (RFC 4724 §2). */
  endOfRib: Family | undefined = undefined;
  readonly faults: Fault[] = [];
  #room = new Uint8Array(0);

  /** A place for blocks that are put together, of at least so many octets. */
  room(octets: number): Uint8Array {
    if (octets > this.#room.length) this.#room = new Uint8Array(Math.max(octets, 4096));
    return this.#room;
  }
}

/**
 * Decodes one message whose header was checked. Returns the strongest reaction that needs no attribute to be parsed:
 * "session-reset": nothing of it may be used, send `strongest(into.faults).notification`; "treat-as-withdraw": what is
 * announced is withdrawn. So it is when either block, once parsed, has that reaction: it is the whole UPDATE's (RFC 7606
 * §2). Families other than IPv4 and IPv6 unicast are skipped.
 */
export function decodeUpdate(
  message: Uint8Array,
  context: DecodeContext,
  into: Update,
): Reaction | undefined {
  into.endOfRib = undefined;
  // Cutting an array off costs more than looking, even when there is nothing to cut.
  if (into.faults.length > 0) into.faults.length = 0;
  for (const prefixes of into.withdrawn) prefixes.count = 0;
  for (const { prefixes } of into.announced) prefixes.count = 0;
  const fault = split(message, context, into);
  if (fault !== undefined) into.faults.push(fault);
  return strongest(into.faults)?.reaction;
}

/** What a walk over the headers of all attributes found. */
interface Walk {
  /** MP_REACH_NLRI and MP_UNREACH_NLRI. */
  reach: MpWindow | undefined;
  unreach: MpWindow | undefined;
  /** Both, in the order of the message. */
  readonly cuts: MpWindow[];
  /** There are other attributes. */
  others: boolean;
  /** The last attribute ends where the block does. */
  whole: boolean;
}

interface MpWindow {
  readonly flags: number;
  /** Octets of the whole attribute from `at`, of its value from `start`, up to `end`. */
  readonly at: number;
  readonly start: number;
  readonly end: number;
}

/** Returns the fault that decides, if any; weaker ones are in `into.faults`. */
function split(message: Uint8Array, context: DecodeContext, into: Update): Fault | undefined {
  const withdrawnAt = HEADER_OCTETS + 2;
  const withdrawnEnd = withdrawnAt + u16(message, HEADER_OCTETS);
  const start = withdrawnEnd + 2;
  if (start > message.length) {
    return listFault("session-reset", "withdrawn routes exceed the message", "RFC 4271 section 6.3");
  }
  const end = start + u16(message, withdrawnEnd);
  if (end > message.length) {
    return listFault("session-reset", "attributes exceed the message", "RFC 4271 section 6.3");
  }

  const addPath = context.addPath.includes(4);
  if (!decodeNlri(message, withdrawnAt, withdrawnEnd, addPath, into.withdrawn[0])) {
    return networkFault("withdrawn routes");
  }
  if (!decodeNlri(message, end, message.length, addPath, into.announced[0].prefixes)) {
    return networkFault("NLRI");
  }
  const walk = walkAttributes(message, start, end);
  if (walk instanceof Fault) return walk;
  const fault =
    (walk.unreach && decodeUnreach(message, walk.unreach, context, into.withdrawn[1])) ??
    (walk.reach && decodeReach(message, walk.reach, context, into.announced[1].prefixes));
  if (fault !== undefined) return fault;
  cutBlocks(message, start, end, walk, into);
  if (message.length === end) into.endOfRib = endOfRibOf(message, walk, into);
  return judge(message, walk, context, into);
}

function walkAttributes(message: Uint8Array, start: number, end: number): Walk | Fault {
  const walk: Walk = { reach: undefined, unreach: undefined, cuts: [], others: false, whole: true };
  const header = new AttributeHeader();
  for (let at = start; at < end; at = header.end) {
    const whole = header.read(message, at, end);
    const code = at + 1 < end ? message[at + 1]! : 0;
    const isMp = code === mpReach.code || code === MP_UNREACH_CODE;
    if (!whole) {
      // Prefixes that cannot be found cannot be withdrawn either.
      if (isMp) {
        return listFault(
          "session-reset",
          `${attributeName(code)} exceeds the attributes`,
          "RFC 7606 section 3(j)",
        );
      }
      walk.whole = false;
      return walk;
    }
    if (!isMp) {
      walk.others = true;
      continue;
    }
    const which = code === mpReach.code ? "reach" : "unreach";
    if (walk[which] !== undefined) {
      return listFault("session-reset", `${attributeName(code)} repeated`, "RFC 7606 section 3(g)");
    }
    const window = { flags: header.flags, at, start: header.start, end: header.end };
    walk[which] = window;
    walk.cuts.push(window);
  }
  return walk;
}

function decodeUnreach(
  message: Uint8Array,
  window: MpWindow,
  context: DecodeContext,
  into: PrefixBatch,
): Fault | undefined {
  if (!isOptional(window.flags)) return mpFault("MP_UNREACH_NLRI: flags", SUBCODE.flags, message, window);
  const nlri = window.start + AFI_SAFI_OCTETS;
  if (nlri > window.end)
    return mpFault("MP_UNREACH_NLRI: length", SUBCODE.optionalAttribute, message, window, "7.12");
  const family = familyAt(message, window.start);
  if (family === undefined) return undefined;
  into.reset(family);
  return decodeNlri(message, nlri, window.end, context.addPath.includes(family), into)
    ? undefined
    : mpFault("MP_UNREACH_NLRI: prefix", SUBCODE.optionalAttribute, message, window);
}

function decodeReach(
  message: Uint8Array,
  window: MpWindow,
  context: DecodeContext,
  into: PrefixBatch,
): Fault | undefined {
  if (!isOptional(window.flags)) return mpFault("MP_REACH_NLRI: flags", SUBCODE.flags, message, window);
  const nlri = nlriAt(message, window);
  if (nlri > window.end)
    return mpFault("MP_REACH_NLRI: length", SUBCODE.optionalAttribute, message, window, "7.11");
  const family = familyAt(message, window.start);
  if (family === undefined) return undefined;
  const nextHopOctets = message[window.start + AFI_SAFI_OCTETS]!;
  if (!nextHopFits(family, nextHopOctets, context.extendedNextHop)) {
    const why = `MP_REACH_NLRI: next hop of ${nextHopOctets} octets`;
    return mpFault(why, SUBCODE.optionalAttribute, message, window, "7.11");
  }
  into.reset(family);
  return decodeNlri(message, nlri, window.end, context.addPath.includes(family), into)
    ? undefined
    : mpFault("MP_REACH_NLRI: prefix", SUBCODE.optionalAttribute, message, window);
}

/** Where the NLRI of MP_REACH_NLRI begin: after AFI, SAFI, next hop with its length, and a reserved octet. */
function nlriAt(message: Uint8Array, { start, end }: MpWindow): number {
  const fixed = start + AFI_SAFI_OCTETS + 1;
  return fixed > end ? Number.POSITIVE_INFINITY : fixed + message[fixed - 1]! + 1;
}

/**
 * Finds the octets that tell the attributes apart. Without MP attributes that is the block as it stands in the
 * message. Else the MP attributes are cut out of a copy, and MP_REACH_NLRI goes before it without its NLRI:
 * the prefixes of the body have what is behind it, those of MP_REACH_NLRI all.
 */
function cutBlocks(message: Uint8Array, start: number, end: number, walk: Walk, into: Update): void {
  const body = into.announced[0].block;
  const mp = into.announced[1].block;
  const { reach } = walk;
  if (walk.cuts.length === 0) {
    body.octets = message;
    body.start = start;
    body.end = end;
    return;
  }
  const octets = into.room(end - start + REACH_HEADER_OCTETS);
  let at = 0;
  if (reach !== undefined) {
    const valueOctets = nlriAt(message, reach) - 1 - reach.start;
    octets[0] = OPTIONAL | EXTENDED_LENGTH;
    octets[1] = mpReach.code;
    octets[2] = valueOctets >>> 8;
    octets[3] = valueOctets;
    at = copy(message, reach.start, reach.start + valueOctets, octets, REACH_HEADER_OCTETS);
  }
  body.octets = octets;
  mp.octets = octets;
  mp.start = 0;
  body.start = at;
  let from = start;
  for (const cut of walk.cuts) {
    at = copy(message, from, cut.at, octets, at);
    from = cut.end;
  }
  at = copy(message, from, end, octets, at);
  body.end = at;
  mp.end = at;
}

/** Flags, code and a length of two octets. */
const REACH_HEADER_OCTETS = 4;

function copy(from: Uint8Array, start: number, end: number, to: Uint8Array, at: number): number {
  for (let i = start; i < end; i++) to[at + i - start] = from[i]!;
  return at + end - start;
}

/** RFC 4724 §2: an UPDATE with nothing in it, or with nothing but an empty MP_UNREACH_NLRI. */
function endOfRibOf(message: Uint8Array, walk: Walk, into: Update): Family | undefined {
  const { reach, unreach, others, whole } = walk;
  if (reach !== undefined || others || !whole || into.withdrawn[0].count > 0) return undefined;
  if (unreach === undefined) return 4;
  const isEmpty = unreach.end === unreach.start + AFI_SAFI_OCTETS;
  return isEmpty ? familyAt(message, unreach.start) : undefined;
}

/** What is left to judge once all prefixes are known. */
function judge(message: Uint8Array, walk: Walk, context: DecodeContext, into: Update): Fault | undefined {
  const { reach } = walk;
  const [body, mp] = into.announced;
  const ignored = reach !== undefined && familyAt(message, reach.start) === undefined;
  const announces = body.prefixes.count > 0 || mp.prefixes.count > 0 || ignored;
  if (!walk.whole) {
    return announces
      ? listFault("treat-as-withdraw", "an attribute exceeds the attributes", "RFC 7606 section 4")
      : listFault("session-reset", "an attribute exceeds the attributes", "RFC 7606 section 5.2");
  }
  if (announces || !walk.others) return undefined;
  const { faults, reaction } = decodeAttributes({ ...body.block, of: "nothing" }, context);
  into.faults.push(...faults);
  // An error that discarding does not cure, and nothing to treat as withdrawn.
  return isUsable(reaction) ? undefined : strongest(faults)?.as("session-reset", "RFC 7606 section 5.2");
}

const familyAt = (octets: Uint8Array, at: number): Family | undefined =>
  familyOf(u16(octets, at), octets[at + 2]!);

const isOptional = (flags: number): boolean => (flags & (OPTIONAL | TRANSITIVE)) === OPTIONAL;

const u16 = (octets: Uint8Array, at: number): number => octets[at]! * 0x100 + octets[at + 1]!;

/** The structure of the message itself is wrong: Malformed Attribute List (RFC 4271 §6.3). */
const listFault = (reaction: Reaction, why: string, rfc: string): Fault =>
  updateFault({ reaction, why, rfc, subcode: SUBCODE.malformedAttributeList });

/** Prefixes that cannot be told apart: what they withdraw or announce is unknown. */
const networkFault = (field: string): Fault =>
  updateFault({
    reaction: "session-reset",
    why: `${field}: not whole prefixes`,
    rfc: "RFC 7606 section 5.3",
    subcode: SUBCODE.invalidNetwork,
  });

/**
 * An MP attribute that cannot be read. Of the two reactions that RFC 7606 §5.3 allows, a reset and not the silent end
 * of one family: a gateway that hears nothing more of a family would go on attracting packets for it.
 */
function mpFault(
  why: string,
  subcode: number,
  message: Uint8Array,
  { at, end }: MpWindow,
  section = "5.3",
): Fault {
  const data = message.slice(at, Math.min(end, at + MOST_DATA_OCTETS));
  const rfc = `RFC 7606 section ${section}`;
  return updateFault({ reaction: "session-reset", why, rfc, subcode, data, attribute: message[at + 1]! });
}
