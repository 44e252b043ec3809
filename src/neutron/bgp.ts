/**
 * The API of neutron-dynamic-routing, as a face of the speaker that runs: what peers it has, and what it told them.
 * gateway.yaml says what the speaker is and does, so that nothing of it is changed here; each such request is answered
 * with where to change it. A gateway answers for itself, also where several share a store.
 */

import { unwrap } from "./body.ts";
import type { Caller } from "./caller.ts";
import { conflict, Fault, notAuthorized, notFound } from "./fault.ts";
import { sortedFrom } from "./id-order.ts";
import { chosen, type Members, type View, viewOf } from "./members.ts";
import { mayDo } from "./policies.ts";
import { type Listed, listAnswer } from "./query.ts";
import type { ApiAnswer, ApiRequest } from "./service.ts";
import type { Reading } from "./tables.ts";
import { uuid } from "./values.ts";

export interface BgpFace {
  /** One for each family: Neutron's speakers have one. */
  readonly speakers: readonly BgpSpeakerFace[];
  readonly peers: readonly BgpPeerFace[];
  /** What peers were told of what this gateway originates. */
  readonly advertised: (version: 4 | 6) => Promise<readonly AdvertisedRoute[]>;
}

interface BgpSpeakerFace {
  /** A UUID, the same after a restart. */
  readonly id: string;
  readonly name: string;
  readonly localAs: number;
  readonly version: 4 | 6;
}

export interface BgpPeerFace {
  readonly id: string;
  readonly name: string;
  readonly address: string;
  /** 0: any but our own, and there is no session. */
  readonly remoteAs: number;
  readonly md5: boolean;
  /** Of the session; without one, those configured. */
  readonly versions: readonly (4 | 6)[];
}

export interface AdvertisedRoute {
  readonly destination: string;
  readonly next_hop: string;
}

type Shown = View & { readonly id: string };

const PATHS = ["bgp-speakers", "bgp-peers"] as const;
type Path = (typeof PATHS)[number];

const pathOf = ([first]: readonly string[]): Path | undefined => PATHS.find((path) => path === first);

/** Upstream has all of it for admins only. */
const OWNER = "admin";

export const isBgp = ({ path }: ApiRequest): boolean => pathOf(path) !== undefined;

/** @param request - one that {@link isBgp}; @throws Fault */
export async function answerBgp(
  face: BgpFace,
  reading: Reading,
  caller: Caller,
  request: ApiRequest,
): Promise<ApiAnswer> {
  const path = pathOf(request.path);
  if (path === undefined) throw notFound();
  const { method } = request;
  const [, id, part, more] = request.path;
  const kind = KINDS[path];
  if (more !== undefined) throw notFound();
  if (!mayDo(caller, `get_${kind.name}`, reading)) return refuse(kind, method, id);
  if (id === undefined) return collection(kind, face, reading, request);
  const view = kind.views(face, reading).find((each) => each["id"] === id);
  if (view === undefined) throw kind.unknown(id);
  if (part === undefined) return object(kind, view, request);
  if (path !== "bgp-speakers") throw notFound();
  return await action(face, view, part, request);
}

interface Kind {
  readonly name: string;
  readonly collection: string;
  readonly views: (face: BgpFace, reading: Reading) => readonly Shown[];
  readonly unknown: (id: string) => Fault;
  /** @throws Fault when even a speaker that could be changed would refuse it */
  readonly check: (given: View) => void;
}

const KINDS: { readonly [P in Path]: Kind } = {
  "bgp-speakers": {
    name: "bgp_speaker",
    collection: "bgp_speakers",
    views: (face, reading) => face.speakers.map((speaker) => speakerView(face, reading, speaker)),
    unknown: (id) => new Fault(404, "BgpSpeakerNotFound", `BGP speaker ${id} could not be found.`),
    check: () => {},
  },
  "bgp-peers": {
    name: "bgp_peer",
    collection: "bgp_peers",
    views: (face) => face.peers.map(peerView),
    unknown: (id) => new Fault(404, "BgpPeerNotFound", `BGP peer ${id} could not be found.`),
    check: ({ auth_type, password }) => {
      if (auth_type !== "md5" || (typeof password === "string" && password !== "")) return;
      const message = "A password must be supplied when using auth_type md5.";
      throw new Fault(400, "InvalidBgpPeerMd5Authentication", message);
    },
  },
};

/** Of views that are all alike. */
const membersOf = <T extends View>(one: T | undefined): Members<T> =>
  new Map(Object.keys(one ?? {}).map((name) => [name, (view: T) => view[name]]));

function speakerView(face: BgpFace, reading: Reading, { id, name, localAs, version }: BgpSpeakerFace): Shown {
  const networks = [...reading.all("networks")].filter((network) => isOutside(reading, network, version));
  return {
    id,
    name,
    local_as: localAs,
    ip_version: version,
    peers: face.peers.filter(({ versions }) => versions.includes(version)).map((peer) => peer.id),
    networks: networks.map((network) => network.id),
    advertise_floating_ip_host_routes: true,
    advertise_tenant_networks: false,
    project_id: OWNER,
    tenant_id: OWNER,
  };
}

/** An external network: its floating IPs are announced. */
function isOutside(
  reading: Reading,
  network: { readonly id: string; readonly "router:external": boolean },
  version: 4 | 6,
): boolean {
  if (!network["router:external"]) return false;
  for (const { ip_version } of reading.by("subnets", "network", network.id)) {
    if (ip_version === version) return true;
  }
  return false;
}

const peerView = ({ id, name, address, remoteAs, md5 }: BgpPeerFace): Shown => ({
  id,
  name,
  peer_ip: address,
  remote_as: remoteAs,
  auth_type: md5 ? "md5" : "none",
  project_id: OWNER,
  tenant_id: OWNER,
});

/** What is there is not told to others: a list is empty, an id names nothing. */
function refuse({ name, collection: plural }: Kind, method: string, id: string | undefined): ApiAnswer {
  if (method === "GET" && id === undefined) return { status: 200, body: { [plural]: [] } };
  if (id !== undefined) throw notFound();
  throw notAuthorized([`create_${name}`]);
}

const ofFile = (what: string): Fault =>
  conflict(
    "BgpConfiguredByFile",
    `${what} of this BGP speaker stand in gateway.yaml and cannot be changed through this API. Change them there, and reload gatewayd.`,
  );

function collection(kind: Kind, face: BgpFace, reading: Reading, request: ApiRequest): ApiAnswer {
  const views = kind.views(face, reading);
  const listed: Listed<Shown> = {
    all: () => views,
    inOrder: (from, backwards) => sortedFrom(views, from, backwards),
    get: (id) => views.find((view) => view.id === id),
    isSeen: () => true,
    members: membersOf(views[0]),
    kept: undefined,
    unknownMarker: kind.unknown,
  };
  switch (request.method) {
    case "GET":
      return {
        status: 200,
        pieces: listAnswer(kind.collection, MEMBERS[kind.name]!, listed, request),
      };
    case "POST":
      kind.check(unwrap(request.body, kind.name));
      throw ofFile("AS numbers, families and peers");
    default:
      throw notFound();
  }
}

const MEMBERS: Readonly<Record<string, ReadonlySet<string>>> = {
  bgp_speaker: new Set([
    "id",
    "name",
    "local_as",
    "ip_version",
    "peers",
    "networks",
    "project_id",
    "tenant_id",
  ]),
  bgp_peer: new Set(["id", "name", "peer_ip", "remote_as", "auth_type", "project_id", "tenant_id"]),
};

function object(kind: Kind, view: View, { method, query, body }: ApiRequest): ApiAnswer {
  switch (method) {
    case "GET": {
      const fields = query.filter(([name]) => name === "fields").map(([, value]) => value);
      return { status: 200, body: { [kind.name]: viewOf(chosen(membersOf(view), fields), view) } };
    }
    case "PUT":
      kind.check(unwrap(body, kind.name));
      throw ofFile("Names, passwords and what is advertised");
    case "DELETE":
      throw ofFile("AS numbers, families and peers");
    case "POST":
      throw notFound();
  }
}

async function action(
  face: BgpFace,
  speaker: View,
  part: string,
  { method, body }: ApiRequest,
): Promise<ApiAnswer> {
  if (method === "GET" && part === "get_advertised_routes") {
    const version = face.speakers.find(({ id }) => id === speaker["id"])!.version;
    return { status: 200, body: { advertised_routes: await face.advertised(version) } };
  }
  if (method === "GET" && part === "bgp-dragents") return { status: 200, body: { agents: [] } };
  if (method !== "PUT") throw notFound();
  switch (part) {
    case "add_bgp_peer":
      throw refusedPeer(face, speaker, idOf(body, "bgp_peer_id"));
    case "remove_bgp_peer":
      throw refusedRemoval(speaker, "peers", idOf(body, "bgp_peer_id"));
    case "add_gateway_network":
      throw refusedNetwork(speaker, idOf(body, "network_id"));
    case "remove_gateway_network":
      throw refusedRemoval(speaker, "networks", idOf(body, "network_id"));
    default:
      throw notFound();
  }
}

function idOf(body: unknown, name: string): string {
  const value =
    typeof body === "object" && body !== null ? (body as Readonly<Record<string, unknown>>)[name] : undefined;
  if (value !== undefined) return uuid(value, name);
  throw new Fault(400, "BadRequest", `Bad bgp-speaker request: ${name} must be specified.`);
}

const has = (speaker: View, member: "peers" | "networks", id: string): boolean =>
  (speaker[member] as readonly string[]).includes(id);

function refusedPeer(face: BgpFace, speaker: View, id: string): Fault {
  const peer = face.peers.find((each) => each.id === id);
  if (peer === undefined) return KINDS["bgp-peers"].unknown(id);
  if (!has(speaker, "peers", id)) return ofFile("Families of peers");
  return conflict(
    "DuplicateBgpPeerIpException",
    `BGP Speaker ${String(speaker["id"])} is already configured to peer with a BGP Peer at ${peer.address}, it cannot peer with BGP Peer ${id}.`,
  );
}

function refusedNetwork(speaker: View, id: string): Fault {
  if (!has(speaker, "networks", id)) return ofFile("Announcements of networks that are not external");
  return conflict(
    "BgpSpeakerNetworkBindingError",
    `Network ${id} is already bound to BgpSpeaker ${String(speaker["id"])}.`,
  );
}

function refusedRemoval(speaker: View, member: "peers" | "networks", id: string): Fault {
  if (has(speaker, member, id)) return ofFile(member === "peers" ? "Peers" : "Announcements of networks");
  const [type, what] =
    member === "peers"
      ? ["BgpSpeakerPeerNotAssociated", `BGP peer ${id}`]
      : ["BgpSpeakerNetworkNotAssociated", `Network ${id}`];
  return new Fault(404, type, `${what} is not associated with BGP speaker ${String(speaker["id"])}.`);
}
