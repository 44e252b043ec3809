import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Address, Prefix } from "../bgp/net/address.ts";
import { formatAddress, formatPrefix } from "../bgp/net/text.ts";
import { report } from "./check.ts";
import { type Loaded, load } from "./load.ts";

function loaded(text: string): Loaded & { ok: true } {
  const result = load(text, { file: "g.yaml", hostname: "machine" });
  if (!result.ok) throw new Error(report(result));
  return result;
}

/** The same value with addresses and prefixes as text, so that it can be read. */
function spelt(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(spelt);
  if (typeof value !== "object" || value === null) return value;
  if ("w0" in value)
    return "length" in value ? formatPrefix(value as Prefix) : formatAddress(value as Address);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, spelt(inner)]));
}

/** A constant, since a key written `then` makes linters take a rule for a promise. */
const VERDICT = "then";

const accept = (match: object, set?: object): object => ({ match, [VERDICT]: "accept", set });

const asRules = {
  strictRole: false,
  allowOwnAs: 0,
  enforceFirstAs: true,
  removePrivateAs: false,
  asOverride: false,
  routeServerClient: false,
};

const upstream = {
  group: "upstream",
  asn: 64512,
  holdMs: 9000,
  port: 179,
  passive: false,
  localAddress: undefined,
  passwordFile: undefined,
  password: undefined,
  maxPeers: 1024,
  ttlSecurity: false,
  families: [4, 6],
  extendedNextHop: false,
  routeReflectorClient: false,
  gracefulShutdown: false,
  honorGracefulShutdown: true,
  asRules,
  shutdown: undefined,
  maxPrefixes: { limit: 10_000, warnAt: 7500, restartMs: undefined },
  addPath: { receive: false, send: 0 },
  maxAsPathLength: 255,
  maxCommunities: 1000,
  acceptAsSets: false,
  passUnknownAttributes: false,
  importRules: [accept({ prefixes: ["0.0.0.0/0"] })],
  exportRules: [
    accept({ kinds: ["floating", "public", "anycast", "pool"] }, { communities: [64512 * 65536 + 100] }),
  ],
};

const hosts = {
  remote: { range: "192.168.8.0/24" },
  group: "hosts",
  asn: 65000,
  holdMs: 90_000,
  port: 179,
  passive: true,
  maxPeers: 1024,
  ttlSecurity: false,
  families: [4, 6],
  extendedNextHop: false,
  routeReflectorClient: false,
  maxAsPathLength: 255,
  maxCommunities: 1000,
  acceptAsSets: false,
  passUnknownAttributes: false,
  gracefulShutdown: false,
  honorGracefulShutdown: true,
  asRules,
  addPath: { receive: false, send: 0 },
  importRules: [
    accept({ within: ["10.65.0.0/16", "203.0.113.0/24", "172.16.1.0/24"], lengths: { min: 32, max: 32 } }),
  ],
  exportRules: [accept({ kinds: ["default"] })],
};

const whole = {
  role: "gateway",
  hostname: "gw1",
  bgp: {
    asn: 65000,
    routerId: "192.168.8.1",
    listen: { addresses: ["0.0.0.0", "::"], port: 179 },
    multipath: 64,
    multipathRelax: true,
    linkBandwidth: true,
    decision: { alwaysCompareMed: false, missingMedAsWorst: false },
    nextHopTracking: { viaDefault: false },
    gracefulRestart: { restartMs: 120_000, notification: true, staleMs: 360_000 },
    rpki: { caches: [] },
    bmp: [],
    mrt: undefined,
    peers: [
      { ...upstream, remote: { address: "198.51.100.2" }, description: "ToR 1" },
      { ...upstream, remote: { address: "198.51.100.3" }, description: "ToR 2" },
      hosts,
    ],
  },
  networks: [{ name: "public", cidr: "203.0.113.0/24", announce: "aggregate" }],
  nat: {
    private: ["10.65.0.0/16"],
    except: ["10.0.0.0/8", "192.168.0.0/16"],
    pools: [
      {
        name: "default",
        addresses: [10, 16, 17, 18, 19, 30, 31, 32, 33].map((last) => `198.51.100.${last}`),
        private: [],
        draining: false,
        ports: { first: 1024, last: 65535 },
        blockSize: 0,
        overflowBlocks: 0,
        limits: {
          sessionsPerAddress: undefined,
          portsPerAddress: undefined,
          newSessionsPerSecond: undefined,
        },
        mapping: "endpointIndependent",
        filtering: "addressAndPortDependent",
      },
    ],
    timeouts: {
      udpMs: 300_000,
      icmpMs: 60_000,
      tcpEstablishedMs: 7_440_000,
      tcpOpeningMs: 240_000,
      tcpClosingMs: 240_000,
    },
    prefixes: [],
    overflowAt: 75,
    blockHistory: "/var/lib/gatewayd/blocks.jsonl",
    log: { events: ["sessions", "blocks", "limits"], destinations: false, syslog: [], ipfix: [] },
    alg: [],
    pcp: { listen: [], minLifetimeMs: 120_000, maxLifetimeMs: 86_400_000, mappingsPerAddress: 64 },
  },
  floatingIps: [
    { address: "172.16.1.3", to: "10.65.0.13", egress: "floating", stateless: false, forwards: [] },
  ],
  anycast: [
    {
      name: "dns",
      address: "192.0.2.53",
      members: ["10.65.0.20", "10.65.0.21"],
      health: { type: "tcp", port: 53, path: "/", intervalMs: 1000, timeoutMs: 500, fall: 3, rise: 2 },
      whenAllFail: "withdraw",
    },
  ],
  ports: [],
  metadata: undefined,
  kernel: { type: "linux", routeTable: 254, protocol: 86, anycastIdleMs: 60_000 },
};

test("the design example, without what is not built yet, is the model that it describes", () => {
  const text = readFileSync(new URL("fixtures/whole.yaml", import.meta.url), "utf8");
  const result = loaded(text);
  expect(spelt(result.model)).toEqual(whole);
  expect(spelt(result.api)).toEqual({
    listen: { address: "127.0.0.1", port: 9696 },
    tls: undefined,
    metricsListen: undefined,
    socket: "/run/gatewayd/gatewayd.sock",
    auth: "keystone",
    tokensFile: "/etc/gatewayd/tokens",
    routerDistributed: false,
    floatingEgress: "floating",
  });
  expect(result.log).toEqual({ level: "info", format: "json" });
  expect(result.dhcp).toEqual({ type: "dnsmasq", directory: "/run/gatewayd/dhcp" });
  expect(result.warnings).toEqual([]);
});

test("the least that a file says, and the defaults", () => {
  const result = loaded("bgp: { asn: 65000, routerId: 192.0.2.1 }");
  expect(spelt(result.model)).toEqual({
    ...whole,
    hostname: "machine",
    bgp: { ...whole.bgp, routerId: "192.0.2.1", peers: [] },
    networks: [],
    nat: { ...whole.nat, private: [], except: [], pools: [] },
    floatingIps: [],
    anycast: [],
  });
  expect(result.api.listen).toBeUndefined();
});

describe("spellings", () => {
  const model = (more: string, bgp = ""): unknown =>
    spelt(loaded(`bgp: { asn: 65000, routerId: 192.0.2.1${bgp} }\n${more}`).model);

  test.each([
    ["hold time of nothing", 'holdTime: "0s"', { holdMs: 0 }],
    ["our end of the session", "localAddress: 192.0.2.1", { localAddress: "192.0.2.1" }],
    ["hold time in minutes", "holdTime: 2m", { holdMs: 120_000 }],
    ["AS number as text", 'asn: "65000"', { asn: 65000 }],
    ["AS number in asdot", 'asn: "1.10", import: [], export: []', { asn: 65546 }],
    ["one family, twice", "families: [ipv6, ipv6]", { families: [6] }],
    ["no rules at all", "import: []", { importRules: [] }],
    ["a rule for everything", "import: [{ then: accept }]", { importRules: [accept({})] }],
    [
      "a length range, a well-known community",
      "import: [{ match: { within: 10.0.0.0/8, length: 24-32 }, then: accept, set: { communities: [no-export] } }]",
      {
        importRules: [
          accept({ within: ["10.0.0.0/8"], lengths: { min: 24, max: 32 } }, { communities: [0xffffff01] }),
        ],
      },
    ],
  ])("%s", (_name, keys, expected) => {
    const entry = keys.startsWith("asn") ? `${keys}` : `asn: 65000, ${keys}`;
    const found = model("", `, peers: [{ address: 192.0.2.2, ${entry} }]`);
    expect(found).toMatchObject({ bgp: { peers: [expected] } });
  });

  test.each([
    [
      "a bare address of a pool",
      "nat: { private: [10.0.0.0/8], pools: [{ name: a, addresses: 192.0.2.9 }] }",
    ],
    [
      "an anchor",
      "nat: { private: &p [10.0.0.0/8], except: *p, pools: [{ name: a, addresses: 192.0.2.9 }] }",
    ],
  ])("%s", (_name, text) => {
    const expected = { private: ["10.0.0.0/8"], pools: [{ name: "a", addresses: ["192.0.2.9"] }] };
    expect(model(text)).toMatchObject({ nat: expected });
  });

  test("graceful restart is off only when it is said so", () => {
    expect(model("", ", gracefulRestart: false")).toMatchObject({ bgp: { gracefulRestart: undefined } });
    const longLived = (text: string): unknown[] => {
      const peers = `
  groups:
    quick: { gracefulRestart: { longLived: 1m } }
    none: { gracefulRestart: { longLived: false } }
  peers:
    - { address: 192.0.2.2, asn: 1 }
    - { address: 192.0.2.3, asn: 1, group: quick }
    - { address: 192.0.2.4, asn: 1, group: none }
    - { address: 192.0.2.5, asn: 1, group: quick, gracefulRestart: { longLived: { ipv6: 2h } } }`;
      const { model } = loaded(`bgp:\n  asn: 65000\n  routerId: 192.0.2.1\n${text}${peers}\n`);
      return model.bgp.peers.map(({ longLivedMs }) => longLivedMs);
    };
    const minute = { 4: 60_000, 6: 60_000 };
    expect(longLived("")).toEqual([undefined, minute, undefined, { 6: 7_200_000 }]);
    expect(longLived("  gracefulRestart: { longLived: { ipv4: 1s } }")[0]).toEqual({ 4: 1000 });
    expect(model("", ", gracefulRestart: {}")).toMatchObject({
      bgp: { gracefulRestart: { notification: true, staleMs: 360_000 } },
    });
  });

  test("a peer's own settings win over its group's", () => {
    const text =
      ", groups: { g: { asn: 1, holdTime: 9s, import: [], export: [] } }, peers: [{ address: 192.0.2.2, group: g, holdTime: 30s }]";
    expect(model("", text)).toMatchObject({ bgp: { peers: [{ asn: 1, holdMs: 30_000, importRules: [] }] } });
  });

  test("a byte order mark and Windows line ends", () => {
    const result = loaded("\ufeffbgp:\r\n  asn: 65000\r\n  routerId: 192.0.2.1\r\n");
    expect(result.model.bgp.asn).toBe(65000);
    const bad = load("\ufeffbgp:\r\n  asn: x\r\n  routerId: 192.0.2.1\r\n", { file: "g.yaml", hostname: "" });
    expect(report(bad)).toContain('g.yaml:2:8: bgp.asn: expected 1..4294967295, got "x"\n  2 |   asn: x\n');
  });
});

describe("a peer of a group", () => {
  test("takes back the role of its group, and a range may have its own limit", () => {
    const text = `
bgp:
  asn: 65000
  routerId: 192.0.2.1
  groups:
    g: { asn: 64512, role: customer, localAs: 64999, removePrivateAs: all, asOverride: true }
  peers:
    - { address: 192.0.2.2, group: g }
    - { range: 192.0.2.64/26, group: g, role: false, localAs: false, removePrivateAs: false, maxPeers: 20 }
`;
    const ours = { localAs: { asn: 64_999 }, removePrivateAs: "all", asOverride: true };
    expect(loaded(text).model.bgp.peers).toMatchObject([
      { asn: 64_512, maxPeers: 1024, asRules: { ...ours, role: "customer" } },
      { asn: 64_512, maxPeers: 20, asRules: { role: undefined, localAs: undefined, asOverride: true } },
    ]);
  });
});
