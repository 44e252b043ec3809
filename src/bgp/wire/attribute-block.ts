/**
 * Raw octets of a block of path attributes to {@link PathAttributes}, and the rules that hold for every attribute
 * (RFC 7606 §3). Step 2 of decoding an UPDATE: only for a block that the caller has not seen before.
 */

import { mergeAs4 } from "./as4-merge.ts";
import {
  type AttributeRow,
  type Draft,
  EXTENDED_LENGTH,
  emptyDraft,
  MOST_DATA_OCTETS,
  OPTIONAL,
  PARTIAL,
  SUBCODE,
  TRANSITIVE,
  updateFault,
} from "./attributes/row.ts";
import { attributeName, ROW_BY_CODE } from "./attributes/table.ts";
import type { DecodeContext } from "./context.ts";
import { Cursor } from "./cursor.ts";
import { type Fault, isUsable, type Reaction, strongest } from "./fault.ts";
import type { PathAttributes } from "./path-attributes.ts";

/**
 * The attributes that some prefixes of an UPDATE have: `octets[start..end)`. NLRI are not in it, the next hop is, so
 * that equal octets with an equal context ({@link attributeContextKey}) mean equal attributes.
 */
export interface AttributeBlock {
  octets: Uint8Array;
  start: number;
  end: number;
  /**
   * What has these attributes: prefixes of the body, which need NEXT_HOP; of MP_REACH_NLRI, which is then in the
   * block; or nothing, so that nothing is mandatory.
   */
  readonly of: "body" | "mp" | "nothing";
}

export interface DecodedAttributes {
  /** Undefined when the reaction is stronger than attribute-discard, and for a block of nothing. */
  readonly attributes: PathAttributes | undefined;
  /** The strongest of the faults (RFC 7606 §3(h)). */
  readonly reaction: Reaction | undefined;
  readonly faults: readonly Fault[];
  /** False: the octets say more than the attributes, because something was discarded. */
  readonly literal: boolean;
}

/** Where one attribute is. Reused, so that walking a block makes no object per attribute. */
export class AttributeHeader {
  flags = 0;
  code = 0;
  /** Value: octets[start..end). */
  start = 0;
  end = 0;

  /** Reads the header at `at`. False when it, or the value that it announces, does not end by `end` (RFC 7606 §4). */
  read(octets: Uint8Array, at: number, end: number): boolean {
    if (at + 3 > end) return false;
    this.flags = octets[at]!;
    this.code = octets[at + 1]!;
    this.start = at + 3;
    let length = octets[at + 2]!;
    if ((this.flags & EXTENDED_LENGTH) !== 0) {
      if (at + 4 > end) return false;
      length = length * 0x100 + octets[at + 3]!;
      this.start = at + 4;
    }
    this.end = this.start + length;
    return this.end <= end;
  }
}

/** Parses a block whose structure was checked (`decodeUpdate`). Never throws for what a peer sent. */
export function decodeAttributes(block: AttributeBlock, context: DecodeContext): DecodedAttributes {
  const draft = emptyDraft();
  const faults: Fault[] = [];
  const seen = new Set<number>();
  const header = new AttributeHeader();
  for (let at = block.start; at < block.end && header.read(block.octets, at, block.end); at = header.end) {
    const fault = seen.has(header.code)
      ? attributeFault(REPEATED, block, at, header)
      : decodeOne(block, at, header, draft, context);
    seen.add(header.code);
    if (fault !== undefined) faults.push(fault);
  }
  mergeAs4(draft);
  const attributes = finished(draft, block, seen, faults);
  const reaction = strongest(faults)?.reaction;
  const literal = draft.literal && faults.length === 0;
  return { attributes: isUsable(reaction) ? attributes : undefined, reaction, faults, literal };
}

/** 0..3: contexts with an equal key decode an equal block alike. */
export const attributeContextKey = ({ as4, external }: DecodeContext): number =>
  (as4 ? 1 : 0) + (external ? 2 : 0);

function decodeOne(
  block: AttributeBlock,
  at: number,
  header: AttributeHeader,
  draft: Draft,
  context: DecodeContext,
): Fault | undefined {
  const { code, flags } = header;
  const fault = (error: AttributeError): Fault => attributeFault(error, block, at, header);
  const row = ROW_BY_CODE[code];
  if (row === undefined) return keepUnknown(block, header, draft, fault);
  // RFC 4760 §3: NEXT_HOP is ignored for what MP_REACH_NLRI announces.
  if (code === NEXT_HOP && block.of === "mp") return undefined;
  if ((flags & (OPTIONAL | TRANSITIVE)) !== row.flags) {
    const why = `flags 0x${flags.toString(16).padStart(2, "0")}`;
    return fault({
      reaction: "treat-as-withdraw",
      why,
      rfc: "RFC 7606 section 3(c)",
      subcode: SUBCODE.flags,
    });
  }
  const { malformed: reaction, subcode, errors: rfc } = row;
  if (row.ibgpOnly && context.external) {
    return fault({ reaction: "attribute-discard", why: "from an external peer", rfc, subcode });
  }
  if (row.oldSpeakerOnly && context.as4) {
    return fault({ reaction, why: "from a peer with 4-octet AS numbers", rfc, subcode });
  }
  const length = header.end - header.start;
  if (!fits(length, row.length)) {
    return fault({ reaction, why: `length ${length}`, rfc, subcode: SUBCODE.length });
  }
  const wrong = row.decode(new Cursor(block.octets, header.start, header.end), draft, context);
  if (wrong !== undefined) {
    return fault({ reaction, rfc, subcode, ...(typeof wrong === "string" ? { why: wrong } : wrong) });
  }
  if ((flags & PARTIAL) !== 0 && (flags & OPTIONAL) !== 0) draft.partial.push(code);
  return undefined;
}

const NEXT_HOP = 3;
const MP_REACH = 14;

type AttributeError = Pick<Parameters<typeof updateFault>[0], "reaction" | "why" | "rfc" | "subcode">;

/** All but the first are discarded. */
const REPEATED: AttributeError = {
  reaction: "attribute-discard",
  why: "repeated",
  rfc: "RFC 7606 section 3(g)",
  subcode: SUBCODE.malformedAttributeList,
};

const UNKNOWN_WELL_KNOWN: AttributeError = {
  reaction: "session-reset",
  why: "unknown and well-known",
  rfc: "RFC 4271 section 6.3",
  subcode: SUBCODE.unrecognizedWellKnown,
};

/** RFC 4271 §5, §6.3: what to do with an attribute that we do not know is in its flags. */
function keepUnknown(
  { octets }: AttributeBlock,
  { code, flags, start, end }: AttributeHeader,
  draft: Draft,
  fault: (error: AttributeError) => Fault,
): Fault | undefined {
  if ((flags & OPTIONAL) === 0) return fault(UNKNOWN_WELL_KNOWN);
  if ((flags & TRANSITIVE) !== 0) {
    draft.unknown.push({
      code,
      flags: OPTIONAL | TRANSITIVE | PARTIAL,
      value: octets.slice(start, end),
    });
  }
  return undefined;
}

/** Whether a value may be so long. */
export function fits(length: number, rule: AttributeRow["length"]): boolean {
  if (rule === "any") return true;
  if (typeof rule === "number") return length === rule;
  return length > 0 && length % rule.entriesOf === 0;
}

/**
 * RFC 7606 §3(d): a path without its mandatory attributes is withdrawn. Adds those faults; what is there and wrong has
 * its own.
 */
function finished(
  draft: Draft,
  block: AttributeBlock,
  seen: ReadonlySet<number>,
  faults: Fault[],
): PathAttributes | undefined {
  if (block.of === "nothing") return undefined;
  const { origin, asPath, nextHop: bodyNextHop, mpNextHop, as4Path, as4Aggregator, literal, ...rest } = draft;
  const nextHop = block.of === "mp" ? mpNextHop : bodyNextHop;
  const lacks = (value: unknown, code: number): boolean => value === undefined && !seen.has(code);
  if (lacks(origin, 1)) faults.push(missing("ORIGIN", 1));
  if (lacks(asPath, 2)) faults.push(missing("AS_PATH", 2));
  if (lacks(nextHop, block.of === "mp" ? MP_REACH : NEXT_HOP)) faults.push(missing("next hop", NEXT_HOP));
  if (origin === undefined || asPath === undefined || nextHop === undefined) return undefined;
  return { ...rest, origin, asPath, nextHop };
}

// The data field is the code that is missing (RFC 4271 §6.3).
const missing = (name: string, code: number): Fault =>
  updateFault({
    reaction: "treat-as-withdraw",
    why: `no ${name}`,
    rfc: "RFC 7606 section 3(d)",
    subcode: SUBCODE.missingWellKnown,
    data: Uint8Array.of(code),
    attribute: code,
  });

/** The data field is the attribute: type, length and value (RFC 4271 §6.3). */
function attributeFault(
  error: AttributeError,
  { octets }: AttributeBlock,
  at: number,
  { code, end }: AttributeHeader,
): Fault {
  const data = octets.slice(at, Math.min(end, at + MOST_DATA_OCTETS));
  return updateFault({ ...error, why: `${attributeName(code)}: ${error.why}`, data, attribute: code });
}
