/** Connections that are not taken: whoever opened them is told why, as long as they are not too many. */

import { encodeMessage } from "../wire/codec.ts";
import type { Notification } from "../wire/messages.ts";
import { LIMITS } from "./shared.ts";
import type { Link } from "./world.ts";

export class TurnedAway {
  #sinceMs = Number.NEGATIVE_INFINITY;
  #told = 0;

  /** Says why and closes. Beyond {@link LIMITS.refusalsPerSecond} nothing is done, and the link is cut off. */
  tell(link: Link, notification: Notification, nowMs: number): void {
    if (nowMs - this.#sinceMs >= 1000) {
      this.#sinceMs = nowMs;
      this.#told = 0;
    }
    if (++this.#told > LIMITS.refusalsPerSecond) return;
    link.write(encodeMessage({ type: "notification", notification }));
    link.close();
  }
}
