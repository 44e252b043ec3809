/** The last message of a session, and what the peer keeps after it. */

import type { Negotiated } from "../session/negotiation.ts";
import type { Notification } from "../wire/messages.ts";
import { cease, describeNotification, hardReset, shutdownCommunication } from "../wire/notification.ts";
import type { PeerEvent } from "./events.ts";

/** Cease (RFC 4486 §4). */
export const CEASE = {
  unspecific: 0,
  maxPrefixes: 1,
  shutdown: 2,
  deconfigured: 3,
  reset: 4,
  rejected: 5,
  changed: 6,
} as const;

/** RFC 8538 §3: where a NOTIFICATION keeps routes, one that must not do so is wrapped. */
export function forGood(negotiated: Negotiated | undefined, notification: Notification): Notification {
  return negotiated?.gracefulRestart?.notification === true ? hardReset(notification) : notification;
}

/**
 * What goes before a restart: Administrative Reset, with words for the other side (RFC 9003). Undefined: silence, since
 * without the N bit of RFC 8538 any NOTIFICATION ends what the peer would keep (RFC 4724 §4.2).
 */
export function forRestart(
  negotiated: Negotiated | undefined,
  text: string | undefined,
): Notification | undefined {
  const silent = negotiated === undefined || negotiated.gracefulRestart?.notification === false;
  return silent ? undefined : cease(CEASE.reset, text);
}

export const notificationEvent = (direction: "sent" | "received", notification: Notification): PeerEvent => ({
  on: direction === "sent" ? "notification-sent" : "notification-received",
  code: notification.code,
  subcode: notification.subcode,
  words: describeNotification(notification),
  communication: shutdownCommunication(notification),
});
