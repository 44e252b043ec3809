/** Whether an OPEN is one that we can have a session with (RFC 4271 §6.2): pure, the FSM asks. */

import { Refusal } from "./fault.ts";
import type { Open } from "./messages.ts";
import { asnOf } from "./open.ts";
import { ROLE_RULES, ROLES, type Role } from "./roles.ts";

const OPEN_ERROR = 2;
const BAD_PEER_AS = 2;
const BAD_IDENTIFIER = 3;
const UNACCEPTABLE_HOLD_TIME = 6;
/** RFC 9234 §4.2. */
const ROLE_MISMATCH = 11;

/** What the peer is configured to be, and who we are. */
export interface Expected {
  readonly localAsn: number;
  /** "external": any but our own. */
  readonly remoteAsn: number | "external";
  /** Unsigned 32-bit. */
  readonly localRouterId: number;
  /** What we are to the peer, as our OPEN says; undefined: it does not. */
  readonly role?: Role | undefined;
  /** The peer must say its role too. */
  readonly strictRole?: boolean | undefined;
}

/** Why the session ends, undefined when the OPEN is acceptable. */
export function checkOpen(open: Open, expected: Expected): Refusal | undefined {
  const asn = asnOf(open);
  // RFC 7607 §2: AS 0 is never acceptable, in the field or in the capability.
  if (open.asn === 0 || asn === 0) return new Refusal("AS 0", OPEN_ERROR, BAD_PEER_AS);
  const { localAsn, remoteAsn } = expected;
  if (remoteAsn === "external" ? asn === localAsn : asn !== remoteAsn) {
    const wanted = remoteAsn === "external" ? "another than our own" : remoteAsn;
    return new Refusal(`AS ${asn} where ${wanted} is configured`, OPEN_ERROR, BAD_PEER_AS);
  }
  // RFC 6286 §2.2: not zero, and within an AS not our own.
  const internal = asn === localAsn;
  if (open.routerId === 0 || (internal && open.routerId === expected.localRouterId)) {
    return new Refusal(`BGP identifier ${open.routerId}`, OPEN_ERROR, BAD_IDENTIFIER);
  }
  if (open.holdSeconds === 1 || open.holdSeconds === 2) {
    return new Refusal(`hold time ${open.holdSeconds} s`, OPEN_ERROR, UNACCEPTABLE_HOLD_TIME);
  }
  return expected.role && checkRole(open, expected.role, expected.strictRole === true);
}

/** RFC 9234 §4.2: the roles must fit each other; a role that is said several times must be the same. */
function checkRole(open: Open, ours: Role, strict: boolean): Refusal | undefined {
  const { otherEnd } = ROLE_RULES[ours];
  const theirs = open.capabilities.filter((each) => each.is === "role").map(({ role }) => role);
  const wrong = theirs.find((role) => ROLES[role] !== otherEnd);
  if (wrong === undefined && (theirs.length > 0 || !strict)) return undefined;
  const said = wrong === undefined ? "no role" : `role ${ROLES[wrong] ?? wrong}`;
  return new Refusal(`${said} where ${otherEnd} fits ours, ${ours}`, OPEN_ERROR, ROLE_MISMATCH);
}
