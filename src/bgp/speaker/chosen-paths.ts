/** The paths of a prefix that a forwarding plane would use. */

import type { Address, Family } from "../net/address.ts";
import { linkBandwidthOf } from "../net/link-bandwidth.ts";
import type { PrefixId } from "../net/prefix-table.ts";
import type { SelectedPath } from "../rib/loc-rib.ts";
import type { Rib } from "../rib/rib.ts";

export interface ChosenPath {
  readonly peer: Address;
  readonly nextHop: Address;
  /** From another AS (eBGP). */
  readonly external: boolean;
  /** Octets a second, of its link bandwidth community (draft-ietf-idr-link-bandwidth); undefined: it has none. */
  readonly bandwidth: number | undefined;
}

/**
 * What peers told: the best first, then those of equal cost; beside a route of our own, all that could be used without
 * it, in no order. Makes objects.
 */
export function chosenPaths(rib: Rib, family: Family, id: PrefixId): readonly ChosenPath[] {
  const { best } = rib.of(family);
  const selected = best.selected(id);
  const paths = selected[0]?.local === true ? best.passedOver(id) : selected;
  return paths.map((path) => chosenPath(rib, path));
}

const chosenPath = (rib: Rib, { peer, attributes, external }: SelectedPath): ChosenPath => ({
  peer: rib.peers.get(peer).address,
  nextHop: attributes.nextHop,
  external,
  bandwidth: linkBandwidthOf(attributes.extendedCommunities),
});
