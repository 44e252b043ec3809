import { describe, expect, test } from "vitest";
import { ipv4 } from "../bgp/net/address.ts";
import { parseAddress, parsePrefix } from "../bgp/net/text.ts";
import type { FloatingIp, Model, Peer, Pool, Rule } from "./model.ts";
import { violations } from "./rules.ts";
import { NO_NAT, PEER, POOL } from "./testing/values.ts";
import type { Violation } from "./violation.ts";

const ip = (text: string) => parseAddress(text)!;
const net = (text: string) => parsePrefix(text)!;

const valid: Model = {
  role: "gateway",
  hostname: "gw1",
  bgp: {
    asn: 65000,
    routerId: ip("192.0.2.1"),
    clusterId: undefined,
    bmp: [],
    mrt: undefined,
    listen: { addresses: [ip("0.0.0.0")], port: 179 },
    multipath: 64,
    multipathRelax: true,
    linkBandwidth: true,
    decision: { alwaysCompareMed: false, missingMedAsWorst: false },
    nextHopTracking: { viaDefault: false },
    gracefulRestart: undefined,
    rpki: { caches: [] },
    peers: [PEER],
  },
  networks: [{ name: "public", cidr: net("203.0.113.0/24"), announce: "aggregate" }],
  nat: {
    ...NO_NAT,
    private: [net("10.65.0.0/16")],
    except: [net("10.0.0.0/8")],
    pools: [POOL],
  },
  floatingIps: [
    { address: ip("172.16.1.3"), to: ip("10.65.0.13"), egress: "floating", stateless: false, forwards: [] },
    { address: ip("172.16.1.4"), to: ip("10.65.0.13"), egress: "floating", stateless: false, forwards: [] },
    { address: ip("2001:db8::3"), to: ip("fd00::13"), egress: "fixed", stateless: false, forwards: [] },
  ],
  anycast: [
    {
      name: "dns",
      address: ip("203.0.113.53"),
      members: [ip("10.65.0.13")],
      health: undefined,
      whenAllFail: "withdraw",
    },
  ],
  ports: [{ interface: "tap0", addresses: [ip("10.65.0.13"), ip("203.0.113.7")] }],
  metadata: undefined,
  kernel: { type: "linux", routeTable: 254, protocol: 86, anycastIdleMs: 60_000 },
};

test("a valid model has none: several floating IPs of one machine, a service in a public network, ports anywhere", () => {
  expect(violations(valid)).toEqual([]);
});

test("a client of ours is an iBGP peer (RFC 4456)", () => {
  const withPeer = (changes: Partial<Peer>): Model => ({
    ...valid,
    bgp: {
      ...valid.bgp,
      peers: [{ ...PEER, importRules: [], exportRules: [], routeReflectorClient: true, ...changes }],
    },
  });
  expect(violations(withPeer({}))).toEqual([]);
  expect(violations(withPeer({ asn: 65001 }))).toMatchObject([
    { severity: "error", path: ["bgp", "peers", 0, "routeReflectorClient"] },
  ]);
});

test("a blackhole is asked for by a peer, of prefixes that the rule names (RFC 7999 §3.3)", () => {
  const everything = { prefixes: undefined, within: undefined, lengths: undefined, kinds: undefined };
  const hole = (within: string | undefined): Rule => ({
    match: { ...everything, within: within === undefined ? undefined : [net(within)] },
    then: "accept",
    set: { localPref: undefined, med: undefined, blackhole: true },
  });
  const withRules = (rules: Partial<Peer>): Model => ({
    ...valid,
    bgp: { ...valid.bgp, peers: [{ ...PEER, importRules: [], exportRules: [], ...rules }] },
  });
  expect(violations(withRules({ importRules: [hole("203.0.113.0/24")] }))).toEqual([]);
  expect(violations(withRules({ importRules: [hole(undefined)] }))).toMatchObject([
    { severity: "error", path: ["bgp", "peers", 0, "import", 0, "set", "blackhole"] },
  ]);
  expect(violations(withRules({ exportRules: [hole("203.0.113.0/24")] }))).toMatchObject([
    { severity: "error", path: ["bgp", "peers", 0, "export", 0, "set", "blackhole"] },
  ]);
});

describe("a stateless floating IP", () => {
  const base = { ...valid.floatingIps[0]!, egress: "floating", stateless: true } as const;
  const other = { ...valid.floatingIps[1]!, to: ip("10.65.0.14") };
  const forwards = [
    {
      protocol: "tcp" as const,
      ports: { first: 80, last: 80 },
      to: ip("10.65.0.13"),
      toPorts: { first: 80, last: 80 },
    },
  ];
  test.each<[string, FloatingIp, FloatingIp, Violation["path"]]>([
    ["leaves as itself", { ...base, egress: "fixed" }, other, ["floatingIps", 0, "egress"]],
    ["has no ports", { ...base, to: undefined, forwards }, other, ["floatingIps", 0, "stateless"]],
    ["is alone", base, { ...other, to: base.to }, ["floatingIps", 0, "stateless"]],
    ["is alone, by ports too", base, { ...other, to: undefined, forwards }, ["floatingIps", 0, "stateless"]],
  ])("%s", (_, stateless, beside, path) => {
    const found = violations({ ...valid, floatingIps: [stateless, beside] });
    expect(found).toMatchObject([{ severity: "error", path }]);
  });

  test("beside one of another address is well", () => {
    expect(violations({ ...valid, floatingIps: [base, other] })).toEqual([]);
  });
});

describe("a pool that is draining", () => {
  const drained = { ...POOL, name: "old", addresses: [ip("198.51.100.11")], draining: true };
  const withPools = (old: Partial<Pool>, other: Partial<Pool>): readonly Violation[] =>
    violations({
      ...valid,
      floatingIps: [],
      nat: {
        ...NO_NAT,
        private: [net("10.65.0.0/28")],
        pools: [
          { ...drained, ...old },
          { ...POOL, ...other },
        ],
      },
    });
  test.each([
    [1024, 0],
    [0, 1024],
    [1024, 512],
  ])("may have blocks of %d ports where the other has %d", (old, other) => {
    expect(withPools({ blockSize: old, overflowBlocks: old === 0 ? 0 : 4 }, { blockSize: other })).toEqual(
      [],
    );
  });

  test("has no block to give: the others have to be enough", () => {
    expect(withPools({ blockSize: 1024 }, { blockSize: 16_384 })).toMatchObject([
      { severity: "warning", path: ["nat", "pools", 1, "blockSize"] },
    ]);
  });
});

test("nothing at all has none", () => {
  expect(violations({})).toEqual([]);
});

describe("a part that is missing silences only the rules about it", () => {
  const { nat, networks, ...rest } = valid;
  const inPool = { ...valid.floatingIps[0]!, address: ip("198.51.100.10") };
  test.each<[string, Partial<Model>, number]>([
    ["all there", { ...rest, nat, networks, floatingIps: [inPool] }, 1],
    ["no nat", { ...rest, networks, floatingIps: [inPool] }, 0],
    ["no networks", { ...rest, nat, floatingIps: [inPool] }, 1],
  ])("%s", (_name, parts, count) => {
    expect(violations(parts)).toHaveLength(count);
  });
});

test("a pool of 65 536 addresses in the wrong place is one violation, with the path of the first address", () => {
  const addresses = Array.from({ length: 65_536 }, (_, i) => ipv4(ip("10.65.0.0").w0 + i));
  const pools = [{ ...POOL, name: "a", addresses }];
  const found = violations({ nat: { ...valid.nat, pools } });
  expect(found.map(({ path, message }) => [path.join("."), message])).toEqual([
    ["nat.pools.0.addresses.0", "10.65.0.0 is in nat.private 10.65.0.0/16, and 65535 more"],
  ]);
});

test("a hundred thousand floating IPs and networks are checked in a moment, not in their square", () => {
  const many = 100_000;
  const floatingIps = Array.from({ length: many }, (_, i) => {
    return {
      address: ipv4(ip("172.16.0.0").w0 + i),
      to: ipv4(ip("10.65.0.0").w0 + i),
      egress: "fixed" as const,
      stateless: false,
      forwards: [],
    };
  });
  const networks = Array.from({ length: many }, (_, i) => {
    return {
      name: `n${i}`,
      cidr: { ...ipv4(ip("100.64.0.0").w0 + 256 * i), length: 24 },
      announce: "both" as const,
    };
  });
  expect(violations({ ...valid, floatingIps, networks, nat: NO_NAT })).toEqual([]);
});
