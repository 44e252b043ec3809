/** NOTIFICATION (RFC 4271 §4.5), its words for the other side (RFC 9003) and its hard reset (RFC 8538). */

import { Cursor } from "./cursor.ts";
import { framed, HEADER_OCTETS } from "./header.ts";
import { MESSAGE_TYPE, type Notification } from "./messages.ts";
import { nameOf } from "./notification-names.ts";
import { OctetWriter } from "./octet-writer.ts";
import { parseUtf8, utf8Within } from "./utf8.ts";

const CEASE = 6;
const ADMINISTRATIVE_SHUTDOWN = 2;
const ADMINISTRATIVE_RESET = 4;
const HARD_RESET = 9;

/** Decodes a whole message whose header was checked; there is nothing in it that could be wrong. */
export function decodeNotification(message: Uint8Array): Notification {
  const body = new Cursor(message, HEADER_OCTETS);
  return { code: body.u8(), subcode: body.u8(), data: body.copy() };
}

/** Encodes a whole message. */
export function encodeNotification({ code, subcode, data }: Notification): Uint8Array {
  return framed(MESSAGE_TYPE.notification, new OctetWriter().u8(code).u8(subcode).bytes(data).done());
}

/**
 * Cease with a subcode (RFC 4486). `communication`, for an administrative shutdown (2) or reset (4) only, is shown to
 * whoever runs the other side (RFC 9003 §2): at most 255 octets of UTF-8 are sent.
 */
export function cease(subcode: number, communication?: string): Notification {
  if (communication === undefined || !carriesWords(subcode)) {
    return { code: CEASE, subcode, data: new Uint8Array(0) };
  }
  const words = utf8Within(communication, 255);
  return { code: CEASE, subcode, data: new OctetWriter().u8(words.length).bytes(words).done() };
}

/**
 * What the other side says about its shutdown or reset (RFC 9003), also within a hard reset; undefined when it says
 * nothing readable.
 */
export function shutdownCommunication(notification: Notification): string | undefined {
  const { code, subcode, data } = unwrapHardReset(notification) ?? notification;
  if (code !== CEASE || !carriesWords(subcode)) return undefined;
  const window = new Cursor(data);
  if (window.left < 1) return undefined;
  const length = window.u8();
  return length > window.left ? undefined : parseUtf8(window.copy(length));
}

/** Wraps a reason, so that a peer with RFC 8538 does not keep our routes (its §3). */
export function hardReset({ code, subcode, data }: Notification): Notification {
  return {
    code: CEASE,
    subcode: HARD_RESET,
    data: new OctetWriter().u8(code).u8(subcode).bytes(data).done(),
  };
}

/** RFC 8538 §4: nothing is kept, whatever reason it carries, and also when it carries none. */
export const isHardReset = ({ code, subcode }: Notification): boolean =>
  code === CEASE && subcode === HARD_RESET;

/** The reason that a hard reset carries (RFC 8538 §3.1), undefined when this is none or carries none. */
export function unwrapHardReset(notification: Notification): Notification | undefined {
  const { data } = notification;
  if (!isHardReset(notification) || data.length < 2) return undefined;
  return { code: data[0]!, subcode: data[1]!, data: data.slice(2) };
}

/** In words, for the log and the operator: "Cease: Administrative Shutdown". */
export function describeNotification(notification: Notification): string {
  const inner = unwrapHardReset(notification);
  const name = nameOf(notification.code, notification.subcode);
  return inner === undefined ? name : `${name} (${nameOf(inner.code, inner.subcode)})`;
}

const carriesWords = (subcode: number): boolean =>
  subcode === ADMINISTRATIVE_SHUTDOWN || subcode === ADMINISTRATIVE_RESET;
