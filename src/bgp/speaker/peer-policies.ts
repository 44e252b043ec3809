/**
 * The policies of one peer as they are in force: those configured, and what maintenance adds to them (RFC 8326). Both
 * act on the routes that are there, and no session ends.
 */

import { WELL_KNOWN_COMMUNITIES } from "../net/communities.ts";
import type { Changes, Policy } from "../policy/rules.ts";
import type { RouteFilter } from "../rib/route-filter.ts";
import type { PeerOptions } from "./options.ts";
import type { Shared } from "./shared.ts";

interface Governed {
  readonly options: PeerOptions;
}

/** RFC 8326 §4: what leads over a session that is about to end is taken where there is no other way. */
const LAST_RESORT: Changes = {
  localPref: 0,
  addCommunities: [WELL_KNOWN_COMMUNITIES["graceful-shutdown"]],
};

export class PeerPolicies {
  import: RouteFilter;
  export: RouteFilter;
  readonly #shared: Shared;
  readonly #peer: Governed;
  #drained = false;

  constructor(shared: Shared, peer: Governed) {
    this.#shared = shared;
    this.#peer = peer;
    this.import = shared.filterOf(this.#importPolicy());
    this.export = shared.filterOf(this.#exportPolicy());
  }

  /** The session is about to end, by its configuration or by hand. */
  get drains(): boolean {
    return this.#drained || this.#peer.options.gracefulShutdown === true;
  }

  /** By hand; what the configuration says stays. */
  drain(drained: boolean): void {
    this.#drained = drained;
  }

  /** After a change of either. True when what the peer told us is to be judged again. */
  renew(): boolean {
    const before = this.import;
    this.import = this.#shared.filterOf(this.#importPolicy());
    this.export = this.#shared.filterOf(this.#exportPolicy());
    return this.import !== before;
  }

  #importPolicy(): Policy {
    const { importPolicy, remoteAsn, honorGracefulShutdown = true } = this.#peer.options;
    // RFC 8326 §4.1: at the border. Inside, whoever took the route from outside has lowered its preference.
    const honors = honorGracefulShutdown && remoteAsn !== this.#shared.options.asn;
    return {
      ...importPolicy,
      ...(honors && { honorsGracefulShutdown: true }),
      ...(this.drains && { finally: LAST_RESORT }),
    };
  }

  #exportPolicy(): Policy {
    const { exportPolicy } = this.#peer.options;
    return this.drains ? { ...exportPolicy, finally: LAST_RESORT } : exportPolicy;
  }
}
