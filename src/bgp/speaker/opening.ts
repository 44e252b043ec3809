/** Whether an OPEN makes a session, and what holds on it. */

import type { Address } from "../net/address.ts";
import { type Negotiated, negotiate } from "../session/negotiation.ts";
import { Refusal } from "../wire/fault.ts";
import type { Open } from "../wire/messages.ts";
import { checkOpen } from "../wire/open-check.ts";

/** OPEN Message Error, Unsupported Capability (RFC 5492 §5). */
const OPEN_ERROR = 2;
const UNSUPPORTED_CAPABILITY = 7;

interface Own {
  readonly asn: number;
  readonly routerId: Address;
}

/** @param offered - our own OPEN on this connection */
export function judgeOpen(
  open: Open,
  offered: Open,
  { asn, routerId }: Own,
  remoteAsn: number,
): Negotiated | Refusal {
  const refusal = checkOpen(open, { localAsn: asn, remoteAsn, localRouterId: routerId.w0 });
  if (refusal !== undefined) return refusal;
  const negotiated = negotiate(offered, open);
  return negotiated.families.length === 0
    ? new Refusal("no address family in common", OPEN_ERROR, UNSUPPORTED_CAPABILITY)
    : negotiated;
}
