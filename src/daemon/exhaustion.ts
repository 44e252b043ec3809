/** What runs out for new flows, and is told of before: entries of conntrack, and ports of the pools' addresses. */

import type { Problem } from "../gateway/intent.ts";
import type { Pool } from "../model/model.ts";
import { ConntrackWatch } from "./conntrack-watch.ts";
import type { Forwarding } from "./forwarding.ts";
import { PortsWatch } from "./ports-watch.ts";

export class Exhaustion {
  readonly #watches: readonly (ConntrackWatch | PortsWatch)[];

  /** @param changed - called when {@link problems} says something else */
  constructor(forwarding: Forwarding, pools: () => readonly Pool[], changed: () => void) {
    const conntrack = (): ReturnType<Forwarding["conntrack"]> => forwarding.conntrack();
    this.#watches = [
      new ConntrackWatch(conntrack, changed),
      new PortsWatch({ pools, conntrack, sessions: forwarding.sessions, changed }),
    ];
  }

  get problems(): readonly Problem[] {
    return this.#watches.flatMap(({ problem }) => problem ?? []);
  }

  stop(): void {
    for (const watch of this.#watches) watch.stop();
  }
}
