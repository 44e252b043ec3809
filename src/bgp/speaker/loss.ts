/** Why a connection ended, from the event that ended it. */

import type { Event } from "../fsm/state.ts";
import type { Notification } from "../wire/messages.ts";

export interface Loss {
  readonly cause:
    | "transport"
    | "replaced"
    | "notification-received"
    | "notification-sent"
    | "stopped"
    | "collision";
  readonly words: string;
  readonly notification: Notification | undefined;
}

/** @param sent - the NOTIFICATION that went out with it */
export function lossOf(event: Event, words: string, sent: Notification | undefined): Loss {
  switch (event.on) {
    case "tcp-connected":
      return { cause: "replaced", words, notification: undefined };
    case "tcp-failed":
      return { cause: "transport", words, notification: undefined };
    case "stop":
      return { cause: "stopped", words, notification: sent };
    case "collision-lost":
      return { cause: "collision", words, notification: sent };
    case "notification-received":
      return { cause: "notification-received", words, notification: event.notification };
    default:
      return { cause: "notification-sent", words, notification: sent };
  }
}
