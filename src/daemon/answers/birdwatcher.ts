/** The gateway as a birdwatcher tells of BIRD: a protocol per peer, named by its address. */

import type { BirdProtocol, BirdRoute, BirdwatcherSource } from "../../api/birdwatcher-schema.ts";
import { type Family, prefixOf, sameAddress, widthOf } from "../../bgp/net/address.ts";
import { formatAddress, formatPrefix, parseAddress, parsePrefix } from "../../bgp/net/text.ts";
import type { PathSnapshot, PeerSnapshot, RouteSnapshot } from "../../bgp/speaker/snapshots.ts";
import type { Speaker } from "../../bgp/speaker/speaker.ts";
import type { PathAttributes } from "../../bgp/wire/path-attributes.ts";
import { pageOf } from "./pages.ts";

/** Alice asks for all routes of a peer at once and keeps them; what is beyond this it does not see. */
const BIRDWATCHER_ROUTES = 100_000;

const FAMILIES: readonly Family[] = [4, 6];
const ORIGINS = ["IGP", "EGP", "Incomplete"] as const;
const BGP_STATES = {
  idle: "Idle",
  connect: "Connect",
  active: "Active",
  "open-sent": "OpenSent",
  "open-confirm": "OpenConfirm",
  established: "Established",
} as const;

interface BirdwatcherInput {
  readonly speaker: Speaker;
  readonly routerId: () => string;
  readonly version: string;
  readonly startedMs: number;
  /** When the configuration in force was loaded. */
  readonly loadedMs: () => number;
  readonly nowMs: () => number;
}

export function birdwatcher(input: BirdwatcherInput): BirdwatcherSource {
  const { speaker, nowMs } = input;
  const protocols = (): [string, BirdProtocol][] =>
    speaker.peers().map((peer) => [formatAddress(peer.address), protocolOf(peer, nowMs())]);
  return {
    status: () => ({
      current_server: timeText(nowMs()),
      last_reboot: timeText(input.startedMs),
      last_reconfig: timeText(input.loadedMs()),
      message: "Daemon is up and running",
      router_id: input.routerId(),
      version: `gatewayd ${input.version}`,
    }),
    protocols: () => Object.fromEntries(protocols()),
    routes: (protocol, filtered) => {
      const address = parseAddress(protocol);
      const peer = speaker.peers().find((one) => address !== undefined && sameAddress(one.address, address));
      return peer && routesOf(input, peer, filtered);
    },
    lookUp: (prefix) => lookUp(input, prefix),
  };
}

function protocolOf(peer: PeerSnapshot, nowMs: number): BirdProtocol {
  const { received, accepted, advertised } = peer.prefixes;
  const since = timeText(nowMs - peer.inStateMs);
  return {
    protocol: formatAddress(peer.address),
    bird_protocol: "BGP",
    state: peer.state === "established" ? "up" : "start",
    state_changed: since,
    since,
    bgp_state: BGP_STATES[peer.state],
    neighbor_address: formatAddress(peer.address),
    neighbor_as: peer.asn ?? 0,
    description: peer.description ?? "",
    last_error: peer.lastError?.words ?? "",
    routes: { imported: accepted, filtered: received - accepted, exported: advertised },
  };
}

async function routesOf(
  { speaker, nowMs }: BirdwatcherInput,
  { address, inStateMs }: PeerSnapshot,
  filtered: boolean,
): Promise<readonly BirdRoute[]> {
  const age = timeText(nowMs() - inStateMs);
  const parts = FAMILIES.map(
    (family) => (from: number, limit: number) => speaker.routesFrom(family, from, limit),
  );
  const { items } = await pageOf(parts, { limit: BIRDWATCHER_ROUTES }, (route) => {
    const path = route.paths.find(({ peer }) => peer !== undefined && sameAddress(peer, address));
    if (path === undefined || isFiltered(path) !== filtered) return undefined;
    return birdRoute(route, path, age);
  });
  return items;
}

const isFiltered = ({ status }: PathSnapshot): boolean => status === "rejected";

/** The very prefix, or the longest one that holds an address and is in use. */
function lookUp({ speaker, nowMs }: BirdwatcherInput, text: string): readonly BirdRoute[] {
  const address = text.includes("/") ? undefined : parseAddress(text);
  const prefix = parsePrefix(text);
  const asked =
    address === undefined
      ? [prefix]
      : Array.from({ length: widthOf(address.family) + 1 }, (_, i) =>
          prefixOf(address, widthOf(address.family) - i),
        );
  const ages = new Map(
    speaker.peers().map((peer) => [formatAddress(peer.address), timeText(nowMs() - peer.inStateMs)]),
  );
  for (const candidate of asked) {
    const [route] = candidate === undefined ? [] : speaker.routes({ prefix: candidate });
    const paths = route?.paths.filter((path) => path.peer !== undefined && !isFiltered(path)) ?? [];
    if (route === undefined || paths.length === 0) continue;
    return paths.map((path) =>
      birdRoute(route, path, ages.get(formatAddress(path.peer!)) ?? timeText(nowMs())),
    );
  }
  return [];
}

function birdRoute(route: RouteSnapshot, { peer, attributes, status }: PathSnapshot, age: string): BirdRoute {
  const name = formatAddress(peer!);
  return {
    network: formatPrefix(route.prefix),
    gateway: formatAddress(attributes.nextHop),
    from_protocol: name,
    learnt_from: name,
    interface: "",
    metric: 100,
    primary: status === "best",
    age,
    type: ["BGP", "univ"],
    bgp: bgpOf(attributes),
  };
}

const bgpOf = (attributes: PathAttributes): BirdRoute["bgp"] => ({
  origin: ORIGINS[attributes.origin],
  as_path: attributes.asPath.flatMap(({ asns }) => asns.map(String)),
  next_hop: formatAddress(attributes.nextHop),
  local_pref: String(attributes.localPref ?? 100),
  med: String(attributes.med ?? 0),
  communities: attributes.communities.map((community) => [community >>> 16, community & 0xffff]),
  large_communities: attributes.largeCommunities,
  // As BIRD spells those whose type it does not know: it is the one spelling that fits all.
  ext_communities: attributes.extendedCommunities.map(([high, low]) => [
    "generic",
    `0x${high.toString(16)}`,
    `0x${low.toString(16)}`,
  ]),
});

const timeText = (ms: number): string => new Date(ms).toISOString().slice(0, 19).replace("T", " ");
