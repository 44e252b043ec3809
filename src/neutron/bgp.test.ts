import { describe, expect, test } from "vitest";
import { answerBgp, type BgpFace } from "./bgp.ts";
import type { Caller } from "./caller.ts";
import { Fault } from "./fault.ts";
import type { ApiRequest } from "./service.ts";
import { ADMIN, ALICE, type Site, site } from "./testing/cloud.ts";
import { NOBODY } from "./testing/rows.ts";

const V4 = "44444444-0000-5000-8000-000000000000";
const V6 = "66666666-0000-5000-8000-000000000000";
const TOR = "aaaaaaaa-0000-5000-8000-000000000000";
const HOST = "bbbbbbbb-0000-5000-8000-000000000000";

const FACE: BgpFace = {
  speakers: [
    { id: V4, name: "gw1", localAs: 65000, version: 4 },
    { id: V6, name: "gw1-v6", localAs: 65000, version: 6 },
  ],
  peers: [
    { id: TOR, name: "ToR 1", address: "198.51.100.2", remoteAs: 64512, md5: true, versions: [4, 6] },
    { id: HOST, name: "192.168.8.9", address: "192.168.8.9", remoteAs: 65000, md5: false, versions: [4] },
  ],
  advertised: async (version) =>
    version === 4 ? [{ destination: "172.16.1.3/32", next_hop: "198.51.100.1" }] : [],
};

type Ask = readonly [method: ApiRequest["method"], path: string, body?: unknown];

async function ask(at: Site, [method, target, body]: Ask, caller: Caller = ADMIN): Promise<unknown> {
  const [path = "", search = ""] = target.split("?");
  const query = [...new URLSearchParams(search)];
  const request = { method, path: path.split("/"), query, body, url: `http://test/v2.0/${path}` };
  try {
    const { body: answered, pieces } = await answerBgp(FACE, at.cloud.tables, caller, request);
    return pieces === undefined ? answered : JSON.parse(Buffer.concat([...pieces]).toString());
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return [error.detail.status, error.detail.type, error.message];
  }
}

test("a speaker of each family tells its peers and the networks whose addresses it announces", async () => {
  const at = site();
  expect(await ask(at, ["GET", "bgp-speakers"])).toEqual({
    bgp_speakers: [
      expect.objectContaining({
        id: V4,
        name: "gw1",
        local_as: 65000,
        ip_version: 4,
        peers: [TOR, HOST],
        networks: [at.public],
      }),
      expect.objectContaining({ id: V6, ip_version: 6, peers: [TOR], networks: [] }),
    ],
  });
  expect(await ask(at, ["GET", "bgp-speakers?name=gw1&fields=id"])).toEqual({ bgp_speakers: [{ id: V4 }] });
  expect(await ask(at, ["GET", `bgp-speakers/${V4}/get_advertised_routes`])).toEqual({
    advertised_routes: [{ destination: "172.16.1.3/32", next_hop: "198.51.100.1" }],
  });
  expect(await ask(at, ["GET", `bgp-speakers/${V4}/bgp-dragents`])).toEqual({ agents: [] });
});

test("peers are shown without a password", async () => {
  const { bgp_peer } = (await ask(site(), ["GET", `bgp-peers/${TOR}`])) as { bgp_peer: object };
  expect(bgp_peer).toEqual({
    id: TOR,
    name: "ToR 1",
    peer_ip: "198.51.100.2",
    remote_as: 64512,
    auth_type: "md5",
    project_id: "admin",
    tenant_id: "admin",
  });
});

const ofFile = (what: string): [number, string, string] => [
  409,
  "BgpConfiguredByFile",
  `${what} of this BGP speaker stand in gateway.yaml and cannot be changed through this API. Change them there, and reload gatewayd.`,
];
const TO = `bgp-speakers/${V4}`;

const ROWS: readonly (readonly [
  name: string,
  request: (at: Site) => Ask,
  expected: (at: Site) => unknown,
])[] = [
  [
    "an unknown speaker",
    () => ["GET", `bgp-speakers/${NOBODY}`],
    () => [404, "BgpSpeakerNotFound", `BGP speaker ${NOBODY} could not be found.`],
  ],
  [
    "an unknown peer",
    () => ["DELETE", `bgp-peers/${NOBODY}`],
    () => [404, "BgpPeerNotFound", `BGP peer ${NOBODY} could not be found.`],
  ],
  [
    "another speaker",
    () => ["POST", "bgp-speakers", { bgp_speaker: { local_as: 1 } }],
    () => ofFile("AS numbers, families and peers"),
  ],
  ["no body", () => ["POST", "bgp-speakers"], () => [400, "HTTPBadRequest", "Resource body required"]],
  [
    "a speaker's name",
    () => ["PUT", TO, { bgp_speaker: { name: "x" } }],
    () => ofFile("Names, passwords and what is advertised"),
  ],
  ["a speaker less", () => ["DELETE", TO], () => ofFile("AS numbers, families and peers")],
  [
    "a peer with MD5 and no password",
    () => ["POST", "bgp-peers", { bgp_peer: { auth_type: "md5" } }],
    () => [400, "InvalidBgpPeerMd5Authentication", "A password must be supplied when using auth_type md5."],
  ],
  [
    "a peer that it has",
    () => ["PUT", `${TO}/add_bgp_peer`, { bgp_peer_id: TOR }],
    () => [
      409,
      "DuplicateBgpPeerIpException",
      `BGP Speaker ${V4} is already configured to peer with a BGP Peer at 198.51.100.2, it cannot peer with BGP Peer ${TOR}.`,
    ],
  ],
  [
    "a peer that there is not",
    () => ["PUT", `${TO}/add_bgp_peer`, { bgp_peer_id: NOBODY }],
    () => [404, "BgpPeerNotFound", `BGP peer ${NOBODY} could not be found.`],
  ],
  [
    "no peer",
    () => ["PUT", `${TO}/add_bgp_peer`, {}],
    () => [400, "BadRequest", "Bad bgp-speaker request: bgp_peer_id must be specified."],
  ],
  ["a peer less", () => ["PUT", `${TO}/remove_bgp_peer`, { bgp_peer_id: TOR }], () => ofFile("Peers")],
  [
    "a peer less that it has not",
    () => ["PUT", `bgp-speakers/${V6}/remove_bgp_peer`, { bgp_peer_id: HOST }],
    () => [404, "BgpSpeakerPeerNotAssociated", `BGP peer ${HOST} is not associated with BGP speaker ${V6}.`],
  ],
  [
    "a network that it announces",
    (at) => ["PUT", `${TO}/add_gateway_network`, { network_id: at.public }],
    (at) => [
      409,
      "BgpSpeakerNetworkBindingError",
      `Network ${at.public} is already bound to BgpSpeaker ${V4}.`,
    ],
  ],
  [
    "an inner network",
    (at) => ["PUT", `${TO}/add_gateway_network`, { network_id: at.tenant }],
    () => ofFile("Announcements of networks that are not external"),
  ],
  [
    "a network less",
    (at) => ["PUT", `${TO}/remove_gateway_network`, { network_id: at.public }],
    () => ofFile("Announcements of networks"),
  ],
  [
    "a network less that it does not announce",
    (at) => ["PUT", `${TO}/remove_gateway_network`, { network_id: at.tenant }],
    (at) => [
      404,
      "BgpSpeakerNetworkNotAssociated",
      `Network ${at.tenant} is not associated with BGP speaker ${V4}.`,
    ],
  ],
  [
    "another action",
    () => ["PUT", `${TO}/dance`, {}],
    () => [404, "HTTPNotFound", "The resource could not be found."],
  ],
];

describe("what cannot be done is said", () => {
  test.each(ROWS)("%s", async (_name, request, expected) => {
    const at = site();
    expect(await ask(at, request(at))).toEqual(expected(at));
  });

  test("others than admins see none of it", async () => {
    const at = site();
    expect(await ask(at, ["GET", "bgp-peers"], ALICE)).toEqual({ bgp_peers: [] });
    expect(await ask(at, ["GET", TO], ALICE)).toEqual([
      404,
      "HTTPNotFound",
      "The resource could not be found.",
    ]);
    expect(await ask(at, ["POST", "bgp-peers", {}], ALICE)).toEqual([
      403,
      "PolicyNotAuthorized",
      "rule:create_bgp_peer is disallowed by policy",
    ]);
  });
});
