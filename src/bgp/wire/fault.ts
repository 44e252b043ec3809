/** Errors of a peer as values: what is wrong, and what it costs. Nothing here is thrown. */

import type { Notification } from "./messages.ts";

/**
 * What an UPDATE error costs, weakest first (RFC 7606 §2).
 * Deviates: the end of one family alone, which §2 has too, is not among them. A session that silently carries less than
 * was agreed on is harder to run than one that is down: where the RFC gives the choice, the session is reset.
 */
export const REACTIONS = ["attribute-discard", "treat-as-withdraw", "session-reset"] as const;

export type Reaction = (typeof REACTIONS)[number];

export interface FaultFacts {
  readonly reaction: Reaction;
  /** For the log: fixed words and the number that was wrong. */
  readonly why: string;
  /** What calls it an error, and for this reaction: "RFC 7606 section 7.2". */
  readonly rfc: string;
  /** Code of the path attribute at fault, undefined when it is not one attribute. */
  readonly attribute: number | undefined;
  /** What to send when the session is reset: UPDATE Message Error and its subcode (RFC 4271 §6.3). */
  readonly notification: Notification;
}

/** One error in an UPDATE. */
export class Fault implements FaultFacts {
  readonly reaction: Reaction;
  readonly why: string;
  readonly rfc: string;
  readonly attribute: number | undefined;
  readonly notification: Notification;

  constructor({ reaction, why, rfc, attribute, notification }: FaultFacts) {
    this.reaction = reaction;
    this.why = why;
    this.rfc = rfc;
    this.attribute = attribute;
    this.notification = notification;
  }

  /** The same error with another consequence, for which another RFC stands. */
  as(reaction: Reaction, rfc: string): Fault {
    return new Fault({ ...this, reaction, rfc });
  }
}

/** A message that ends the session, with the NOTIFICATION that says so (RFC 4271 §6). */
export class Refusal {
  readonly why: string;
  readonly notification: Notification;

  constructor(why: string, code: number, subcode: number, data: Uint8Array = NO_DATA) {
    this.why = why;
    this.notification = { code, subcode, data };
  }
}

const NO_DATA: Uint8Array = new Uint8Array(0);

/** The fault that decides: of several, the strongest, and of those the first (RFC 7606 §3(h)). */
export function strongest(faults: readonly Fault[]): Fault | undefined {
  let worst: Fault | undefined;
  for (const fault of faults) {
    if (worst === undefined || rank(fault.reaction) > rank(worst.reaction)) worst = fault;
  }
  return worst;
}

/** True when a path may still be used although an attribute of it was discarded, or nothing was wrong. */
export const isUsable = (reaction: Reaction | undefined): boolean =>
  reaction === undefined || reaction === "attribute-discard";

const rank = (reaction: Reaction): number => REACTIONS.indexOf(reaction);
