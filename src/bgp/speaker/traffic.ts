/** Messages of one peer, counted by type. */

import { MESSAGE_TYPE } from "../wire/messages.ts";

export const MESSAGE_NAMES = ["open", "update", "notification", "keepalive", "route-refresh"] as const;
export type MessageName = (typeof MESSAGE_NAMES)[number];
export type MessageCounts = Readonly<Record<MessageName, number>>;

const TYPE_BY_NAME: Readonly<Record<MessageName, number>> = {
  open: MESSAGE_TYPE.open,
  update: MESSAGE_TYPE.update,
  notification: MESSAGE_TYPE.notification,
  keepalive: MESSAGE_TYPE.keepalive,
  "route-refresh": MESSAGE_TYPE.routeRefresh,
};

export class Traffic {
  /** Indexed by type on the wire, 1..5; a header with another was refused before it came here. */
  readonly #received: Float64Array = new Float64Array(MESSAGE_NAMES.length + 1);
  readonly #sent: Float64Array = new Float64Array(MESSAGE_NAMES.length + 1);

  receivedType(type: number): void {
    this.#received[type]!++;
  }

  sent(name: MessageName, count: number): void {
    this.#sent[TYPE_BY_NAME[name]]! += count;
  }

  counts(): { readonly received: MessageCounts; readonly sent: MessageCounts } {
    return { received: named(this.#received), sent: named(this.#sent) };
  }
}

const named = (column: Float64Array): MessageCounts => ({
  open: column[MESSAGE_TYPE.open]!,
  update: column[MESSAGE_TYPE.update]!,
  notification: column[MESSAGE_TYPE.notification]!,
  keepalive: column[MESSAGE_TYPE.keepalive]!,
  "route-refresh": column[MESSAGE_TYPE.routeRefresh]!,
});
