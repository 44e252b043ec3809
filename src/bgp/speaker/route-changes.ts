/** What changed in the Loc-RIB, for those who program a forwarding plane. */

import type { Address, Family, Prefix } from "../net/address.ts";
import { linkBandwidthOf } from "../net/link-bandwidth.ts";
import type { PrefixId } from "../rib/prefix-table.ts";
import type { Rib } from "../rib/rib.ts";

/** What is best for a prefix from now on. */
export interface RouteChange {
  readonly prefix: Prefix;
  /** Of the best path: the caller's own classification, or what import policy made it. 0: none. */
  readonly tag: number;
  /** The best path is of our own making. */
  readonly local: boolean;
  /**
   * What peers told: the best first, then those of equal cost; beside a route of our own, all that could be used
   * without it, in no order. Empty and not local: the prefix is gone.
   */
  readonly paths: readonly ChosenPath[];
}

export interface ChosenPath {
  readonly peer: Address;
  readonly nextHop: Address;
  /** From another AS (eBGP). */
  readonly external: boolean;
  /** Octets a second, of its link bandwidth community (draft-ietf-idr-link-bandwidth); undefined: it has none. */
  readonly bandwidth: number | undefined;
}

/** Of two entries for one prefix in a batch, the later stands. */
export type RouteListener = (changes: readonly RouteChange[]) => void;

export class RouteChanges {
  readonly #rib: Rib;
  readonly #listeners: Set<RouteListener> = new Set();
  #batch: RouteChange[] = [];

  constructor(rib: Rib) {
    this.#rib = rib;
  }

  listen(listener: RouteListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  note(family: Family, id: PrefixId): void {
    if (this.#listeners.size === 0) return;
    const { prefixes, best } = this.#rib.of(family);
    const selected = best.selected(id);
    const local = selected[0]?.local === true;
    const paths = local ? best.passedOver(id) : selected;
    this.#batch.push({
      prefix: prefixes.prefix(id),
      tag: selected[0]?.tag ?? 0,
      local,
      paths: paths.map(({ peer, attributes, external }) => ({
        peer: this.#rib.peers.get(peer).address,
        nextHop: attributes.nextHop,
        external,
        bandwidth: linkBandwidthOf(attributes.extendedCommunities),
      })),
    });
  }

  /** Hands on what was noted since the last time. */
  flush(): void {
    if (this.#batch.length === 0) return;
    const batch = this.#batch;
    this.#batch = [];
    for (const listener of this.#listeners) listener(batch);
  }
}
