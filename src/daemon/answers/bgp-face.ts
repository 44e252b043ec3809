/** The running speaker as Neutron's BGP API shows it. */

import { createHash } from "node:crypto";
import type { Family } from "../../bgp/net/address.ts";
import { formatAddress, formatPrefix } from "../../bgp/net/text.ts";
import type { PeerSnapshot } from "../../bgp/speaker/snapshots.ts";
import type { AdvertisedRoute, BgpFace, BgpPeerFace } from "../../neutron/bgp.ts";
import type { Gateway } from "../gateway.ts";
import { announcementParts } from "./bgp-answers.ts";
import { pageOf } from "./pages.ts";

/** Routes of one answer: that API knows no pages of them. */
const ADVERTISED_MAX = 10_000;

const FAMILIES: readonly Family[] = [4, 6];

/** @param gateway - undefined: it has not begun, and has no peers */
export function bgpFace(gateway: Gateway | undefined): BgpFace {
  if (gateway === undefined) return { speakers: [], peers: [], advertised: async () => [] };
  const { hostname, bgp } = gateway.model;
  return {
    speakers: FAMILIES.map((version) => ({
      id: uuidOf(`${hostname} bgp-speaker ${version}`),
      name: version === 4 ? hostname : `${hostname}-v6`,
      localAs: bgp.asn,
      version,
    })),
    peers: gateway.speaker.peers().map((peer) => peerFace(hostname, peer)),
    advertised: (version) => advertised(gateway, version),
  };
}

function peerFace(hostname: string, peer: PeerSnapshot): BgpPeerFace {
  const address = formatAddress(peer.address);
  return {
    id: uuidOf(`${hostname} bgp-peer ${address}`),
    name: peer.description ?? address,
    address,
    remoteAs: peer.asn ?? 0,
    md5: peer.md5,
    versions: peer.families,
  };
}

/** What this gateway originates, with each next hop that a peer was told. */
async function advertised(
  { speaker, reconciler }: Gateway,
  version: Family,
): Promise<readonly AdvertisedRoute[]> {
  const { announced } = reconciler.snapshot();
  const seen = new Set<string>();
  const parts = speaker.peers().flatMap(({ address }) => announcementParts(speaker, address, [version]));
  const { items } = await pageOf(parts, { limit: ADVERTISED_MAX }, ({ route }) => {
    const destination = formatPrefix(route.prefix);
    const next_hop = formatAddress(route.attributes.nextHop);
    const key = `${destination} ${next_hop}`;
    if (route.pending || !announced.has(destination) || seen.has(key)) return undefined;
    seen.add(key);
    return { destination, next_hop };
  });
  return items;
}

/** The same for the same text, in the form of RFC 9562 §5.5. */
function uuidOf(text: string): string {
  const octets = createHash("sha1").update(text).digest().subarray(0, 16);
  octets[6] = (octets[6]! & 0x0f) | 0x50;
  octets[8] = (octets[8]! & 0x3f) | 0x80;
  return octets.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
