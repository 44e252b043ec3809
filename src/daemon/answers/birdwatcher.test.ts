import { expect, test } from "vitest";
import { formatAddress, parseAddress, parsePrefix } from "../../bgp/net/text.ts";
import type { PathSnapshot, PeerSnapshot, RouteSnapshot } from "../../bgp/speaker/snapshots.ts";
import type { Speaker } from "../../bgp/speaker/speaker.ts";
import { originatedAttributes, type PathAttributes } from "../../bgp/wire/path-attributes.ts";
import { birdwatcher } from "./birdwatcher.ts";

const PEER = parseAddress("2001:db8::2")!;
const NOW = Date.UTC(2026, 10, 21, 10, 0, 0);

const attributes: PathAttributes = {
  ...originatedAttributes(parseAddress("2001:db8::2")!),
  asPath: [
    { type: "sequence", asns: [4_200_000_001] },
    { type: "set", asns: [64_513, 64_514] },
  ],
  med: 7,
  communities: [0xfc00_0064],
  largeCommunities: [[64_512, 1, 2]],
  extendedCommunities: [[0x0002_fc00, 100]],
};

const path = (status: string): PathSnapshot =>
  ({ peer: PEER, attributes, tag: 0, status, rule: "1", stale: false }) as PathSnapshot;

const route = (prefix: string, status: string): RouteSnapshot => ({
  prefix: parsePrefix(prefix)!,
  tag: 0,
  local: false,
  installed: true,
  paths: [path(status)],
});

const ROUTES = [
  route("2001:db8:1::/48", "best"),
  route("2001:db8:1:2::/64", "rejected"),
  route("2001:db8:3::/48", "asPathLength"),
];

/** What a birdwatcher asks of a speaker, as plain values. */
const speaker = {
  peers: () => [
    {
      address: PEER,
      asn: 4_200_000_001,
      state: "established",
      inStateMs: 3_600_000,
      description: "ToR 1",
      prefixes: { received: 3, accepted: 2, advertised: 9 },
    } as PeerSnapshot,
  ],
  routesFrom: (family: 4 | 6) => ({ rows: family === 6 ? ROUTES : [], next: -1 }),
  routes: ({ prefix }: { prefix: RouteSnapshot["prefix"] }) =>
    ROUTES.filter(
      (one) => formatAddress(one.prefix) === formatAddress(prefix) && one.prefix.length === prefix.length,
    ),
} as unknown as Speaker;

const source = birdwatcher({
  speaker,
  routerId: () => "192.0.2.1",
  version: "0.1.0",
  startedMs: NOW - 86_400_000,
  loadedMs: () => NOW - 60_000,
  nowMs: () => NOW,
});

const shown = (network: string, primary: boolean) => ({
  network,
  gateway: "2001:db8::2",
  from_protocol: "2001:db8::2",
  learnt_from: "2001:db8::2",
  interface: "",
  metric: 100,
  primary,
  age: "2026-11-21 09:00:00",
  type: ["BGP", "univ"],
  bgp: {
    origin: "IGP",
    as_path: ["4200000001", "64513", "64514"],
    next_hop: "2001:db8::2",
    local_pref: "100",
    med: "7",
    communities: [[64_512, 100]],
    large_communities: [[64_512, 1, 2]],
    ext_communities: [["generic", "0x2fc00", "0x64"]],
  },
});

test("status", () => {
  expect(source.status()).toEqual({
    current_server: "2026-11-21 10:00:00",
    last_reboot: "2026-11-20 10:00:00",
    last_reconfig: "2026-11-21 09:59:00",
    message: "Daemon is up and running",
    router_id: "192.0.2.1",
    version: "gatewayd 0.1.0",
  });
});

test("protocols", () => {
  expect(source.protocols()).toEqual({
    "2001:db8::2": {
      protocol: "2001:db8::2",
      bird_protocol: "BGP",
      state: "up",
      state_changed: "2026-11-21 09:00:00",
      since: "2026-11-21 09:00:00",
      bgp_state: "Established",
      neighbor_address: "2001:db8::2",
      neighbor_as: 4_200_000_001,
      description: "ToR 1",
      last_error: "",
      routes: { imported: 2, filtered: 1, exported: 9 },
    },
  });
});

test("routes of a peer, accepted and filtered; another name is nobody's", async () => {
  expect(await source.routes("2001:db8::2", false)).toEqual([
    shown("2001:db8:1::/48", true),
    shown("2001:db8:3::/48", false),
  ]);
  expect(await source.routes("2001:DB8:0::2", true)).toEqual([shown("2001:db8:1:2::/64", false)]);
  expect(source.routes("2001:db8::9", false)).toBeUndefined();
  expect(source.routes("__proto__", false)).toBeUndefined();
});

test.each([
  ["2001:db8:1::/48", "2001:db8:1::/48"],
  ["2001:db8:1:2::7", "2001:db8:1::/48"],
  ["2001:db8:1:2::/64", undefined],
  ["192.0.2.1", undefined],
])("a look at %s finds %s", (asked, found) => {
  expect(source.lookUp(asked).map(({ network }) => network)).toEqual(found === undefined ? [] : [found]);
});
