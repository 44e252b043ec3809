/** One whole message, octets to value and back. */

import type { DecodeContext } from "./context.ts";
import { Refusal } from "./fault.ts";
import { framed, messageTypeAt } from "./header.ts";
import { MESSAGE_TYPE, type Message } from "./messages.ts";
import { decodeNotification, encodeNotification } from "./notification.ts";
import { decodeOpen, encodeOpen } from "./open.ts";
import { decodeRouteRefresh, encodeRouteRefresh } from "./route-refresh.ts";

/**
 * Decodes one message. `octets` is exactly that message, and its header was checked (`checkHeader`). The octets of an
 * UPDATE are not copied: decode it (`decodeUpdate`) before the buffer is used again.
 */
export function decodeMessage(octets: Uint8Array, context: DecodeContext): Message | Refusal {
  const type = messageTypeAt(octets, 0);
  switch (type) {
    case MESSAGE_TYPE.update:
      return { type: "update", octets };
    case MESSAGE_TYPE.keepalive:
      return { type: "keepalive" };
    case MESSAGE_TYPE.open: {
      const open = decodeOpen(octets);
      return open instanceof Refusal ? open : { type: "open", open };
    }
    case MESSAGE_TYPE.notification:
      return { type: "notification", notification: decodeNotification(octets) };
    case MESSAGE_TYPE.routeRefresh: {
      const refresh = decodeRouteRefresh(octets, context.enhancedRefresh);
      return refresh instanceof Refusal ? refresh : { type: "route-refresh", refresh };
    }
    default:
      throw new RangeError(`message type ${type} passed the header check`);
  }
}

/** Encodes one message, header included. The octets of an UPDATE are whole already and come back as they are. */
export function encodeMessage(message: Message): Uint8Array {
  switch (message.type) {
    case "open":
      return encodeOpen(message.open);
    case "update":
      return message.octets;
    case "notification":
      return encodeNotification(message.notification);
    case "keepalive":
      return framed(MESSAGE_TYPE.keepalive, new Uint8Array(0));
    case "route-refresh":
      return encodeRouteRefresh(message.refresh);
  }
}
