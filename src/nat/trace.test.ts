import { describe, expect, test } from "vitest";
import { ipv4 } from "../bgp/net/address.ts";
import { parseAddress, parsePrefix } from "../bgp/net/text.ts";
import type { BlockGrant } from "../model/blocks.ts";
import { addressSlot } from "./jhash.ts";
import { EMPTY_NAT, type NatTable, type PoolMapping } from "./table.ts";
import { type TracedPacket, tracePacket } from "./trace.ts";

const address = (text: string): ReturnType<typeof ipv4> => parseAddress(text) ?? ipv4(0);
const prefix = (text: string): NonNullable<ReturnType<typeof parsePrefix>> => parsePrefix(text)!;

const POOL: PoolMapping = {
  ...{ name: "default", private: [], draining: false, ports: { first: 1024, last: 65_535 } },
  addresses: [address("198.51.100.10")],
  ...{ mapping: "endpointIndependent", filtering: "addressAndPortDependent" },
};
const TABLE: NatTable = {
  ...EMPTY_NAT,
  floating: [
    { floating: address("172.16.1.3"), fixed: address("10.65.0.13"), egress: "floating" },
    { floating: address("172.16.1.4"), fixed: address("10.65.0.14"), egress: "fixed" },
    { floating: address("2001:db8:a::3"), fixed: address("fd00::13"), egress: "floating" },
  ],
  private: [prefix("10.65.0.0/16")],
  pools: [POOL],
  exempt: [prefix("10.0.0.0/8"), prefix("203.0.113.0/24")],
  inside: ["10.65.0.0/16", "fd00::/64"].map(prefix),
  untracked: ["203.0.113.0/24", "2001:db8:b::/48"].map(prefix),
  limits: { sessionsPerAddress: 100, portsPerAddress: 100, newSessionsPerSecond: 10 },
};
/** One host of either family whose floating IP is translated without conntrack. */
const STATELESS: NatTable = {
  ...TABLE,
  floating: [
    { floating: address("172.16.1.3"), fixed: address("10.65.0.13"), egress: "floating", stateless: true },
    { floating: address("2001:db8:a::3"), fixed: address("fd00::13"), egress: "floating", stateless: true },
    { floating: address("172.16.1.4"), fixed: address("10.65.0.14"), egress: "fixed" },
  ],
};
const BLOCKS: NatTable = {
  ...TABLE,
  pools: [{ ...POOL, mapping: "addressAndPortDependent" }],
  blocks: {
    private: [prefix("10.65.0.0/27")],
    pools: [{ addresses: POOL.addresses, ports: POOL.ports, blockSize: 1024 }],
  },
};

/** Two blocks for 32 private addresses. */
const GIVEN: NatTable = {
  ...BLOCKS,
  blocks: {
    private: [prefix("10.65.0.0/27")],
    pools: [{ addresses: POOL.addresses, ports: { first: 1024, last: 3071 }, blockSize: 1024 }],
  },
};
const givenTo = (hosts: readonly number[]): BlockGrant[] =>
  hosts.map((last, i) => ({
    ...{ holder: address(`10.65.0.${last}`), rank: 0 },
    block: {
      address: address("198.51.100.10"),
      ports: { first: 1024 * (i + 1), last: 1024 * (i + 1) + 1023 },
    },
  }));

const packet = (from: string, to: string, changes: Partial<TracedPacket> = {}): TracedPacket => ({
  ...{ source: address(from), destination: address(to), protocol: "tcp" },
  ...{ sourcePort: 41_000, destinationPort: 443, ...changes },
});

test.each<[string, NatTable, TracedPacket, object]>([
  [
    "a private source leaves by its pool with its own port",
    TABLE,
    packet("10.65.0.20", "192.0.2.80"),
    { verdict: "translated", source: { address: "198.51.100.10", ports: "41000" }, pool: "default" },
  ],
  [
    "a port below those of the pool becomes one of them",
    TABLE,
    packet("10.65.0.20", "192.0.2.80", { sourcePort: 500 }),
    { verdict: "translated", source: { address: "198.51.100.10", ports: "1024-65535" } },
  ],
  [
    "so does a port that is not known",
    TABLE,
    packet("10.65.0.20", "192.0.2.80", { sourcePort: undefined, protocol: "udp" }),
    { source: { address: "198.51.100.10", ports: "1024-65535" } },
  ],
  [
    "an ICMP query has the address alone",
    TABLE,
    packet("10.65.0.20", "192.0.2.80", { protocol: "icmp", sourcePort: undefined }),
    { source: { address: "198.51.100.10", ports: undefined } },
  ],
  [
    "a block",
    BLOCKS,
    packet("10.65.0.2", "192.0.2.80"),
    { source: { address: "198.51.100.10", ports: "3072-4095" }, why: expect.stringContaining("its block") },
  ],
  [
    "without a block nobody is let out",
    BLOCKS,
    packet("10.65.1.2", "192.0.2.80"),
    { verdict: "dropped", source: undefined, pool: undefined, why: expect.stringContaining("no address") },
  ],
  [
    "who has no block yet asks for one",
    GIVEN,
    packet("10.65.0.2", "192.0.2.80"),
    { verdict: "dropped", pool: "default", why: expect.stringContaining("asks for one of 198.51.100.10") },
  ],
  [
    "who has no block, and there is none left",
    { ...GIVEN, givenBlocks: givenTo([3, 4]) },
    packet("10.65.0.2", "192.0.2.80"),
    { verdict: "dropped", pool: "default", why: expect.stringContaining("all 2 of 198.51.100.10 are given") },
  ],
  [
    "a floating IP goes before the pool",
    TABLE,
    packet("10.65.0.13", "192.0.2.80"),
    { verdict: "translated", source: { address: "172.16.1.3", ports: undefined }, pool: undefined },
  ],
  [
    "with egress fixed it does not",
    TABLE,
    packet("10.65.0.14", "192.0.2.80"),
    { source: { address: "198.51.100.10", ports: "41000" } },
  ],
  [
    "from outside a floating IP leads to its fixed address",
    TABLE,
    packet("192.0.2.80", "172.16.1.3"),
    { verdict: "translated", destination: { address: "10.65.0.13", ports: undefined }, source: undefined },
  ],
  [
    "that its fixed address is exempt is not why",
    { ...TABLE, exempt: [prefix("10.65.0.0/16")] },
    packet("192.0.2.80", "172.16.1.3"),
    { why: "the destination is a floating IP: it becomes the fixed address" },
  ],
  [
    "from inside the answers have to pass here",
    TABLE,
    packet("10.65.0.20", "172.16.1.3"),
    {
      ...{ destination: { address: "10.65.0.13" }, source: { address: "198.51.100.10", ports: "41000" } },
      why: expect.stringMatching(
        /^the destination is a floating IP.*; the source becomes an endpoint of its pool/,
      ),
    },
  ],
  [
    "from another floating IP's host too",
    TABLE,
    packet("10.65.0.14", "172.16.1.3"),
    { source: { address: "172.16.1.4" } },
  ],
  [
    "a host that speaks to itself",
    TABLE,
    packet("10.65.0.13", "172.16.1.3"),
    { destination: { address: "10.65.0.13" }, source: { address: "172.16.1.3" } },
  ],
  [
    "an exempt destination",
    TABLE,
    packet("10.65.0.20", "10.1.2.3"),
    { verdict: "untranslated", why: "the destination is exempt from translation" },
  ],
  [
    "what is routed is not tracked",
    TABLE,
    packet("203.0.113.5", "192.0.2.80"),
    { verdict: "untracked", source: undefined, why: expect.stringContaining("conntrack does not see it") },
  ],
  [
    "an IPv6 floating IP, from outside",
    TABLE,
    packet("2001:db8::80", "2001:db8:a::3"),
    { verdict: "translated", destination: { address: "fd00::13", ports: undefined }, source: undefined },
  ],
  [
    "and from inside: the source is the address of the machine's interface",
    TABLE,
    packet("fd00::14", "2001:db8:a::3"),
    { destination: { address: "fd00::13" }, source: { address: undefined, ports: undefined } },
  ],
  [
    "its host leaves with it",
    TABLE,
    packet("fd00::13", "2001:db8::80"),
    { verdict: "translated", source: { address: "2001:db8:a::3", ports: undefined } },
  ],
  [
    "routed IPv6 is not tracked",
    TABLE,
    packet("2001:db8:b::5", "2001:db8::80"),
    { verdict: "untracked", source: undefined, why: expect.stringContaining("conntrack does not see it") },
  ],
  [
    "unless the other side is translated",
    TABLE,
    packet("2001:db8:b::5", "2001:db8:a::3"),
    { verdict: "translated", destination: { address: "fd00::13" } },
  ],
  [
    "a stateless floating IP, from outside",
    STATELESS,
    packet("192.0.2.80", "172.16.1.3"),
    {
      ...{ verdict: "translated", destination: { address: "10.65.0.13" }, source: undefined },
      why: expect.stringContaining("stateless floating IP"),
    },
  ],
  [
    "what its host sends",
    STATELESS,
    packet("10.65.0.13", "192.0.2.80"),
    { verdict: "translated", source: { address: "172.16.1.3" }, destination: undefined },
  ],
  [
    "the same of IPv6",
    STATELESS,
    packet("fd00::13", "2001:db8::80"),
    { verdict: "translated", source: { address: "2001:db8:a::3" }, destination: undefined },
  ],
  [
    "from inside it is translated by conntrack, and so is the source",
    STATELESS,
    packet("10.65.0.20", "172.16.1.3"),
    { destination: { address: "10.65.0.13" }, source: { address: "198.51.100.10", ports: "41000" } },
  ],
  [
    "towards another floating IP as well",
    STATELESS,
    packet("10.65.0.13", "172.16.1.4"),
    { destination: { address: "10.65.0.14" }, source: { address: "172.16.1.3", ports: undefined } },
  ],
  [
    "a host with one is itself towards exempt destinations",
    STATELESS,
    packet("10.65.0.13", "203.0.113.9"),
    { verdict: "untranslated", source: undefined },
  ],
  [
    "a source of nobody",
    TABLE,
    packet("192.0.2.1", "192.0.2.80"),
    { verdict: "untranslated", why: expect.stringContaining("192.0.2.1 is in no private range") },
  ],
  [
    "an endpoint of a pool that nobody is known to have",
    TABLE,
    packet("192.0.2.80", "198.51.100.10"),
    { verdict: "dropped", why: expect.stringContaining("198.51.100.10 is an address of a pool") },
  ],
  [
    "no pool at all",
    EMPTY_NAT,
    packet("10.65.0.20", "192.0.2.80"),
    { verdict: "untranslated", why: expect.stringContaining("there is no pool here") },
  ],
])("%s", (_, table, traced, expected) => {
  expect(tracePacket(table, traced)).toMatchObject(expected);
});

describe("a pool of several addresses", () => {
  const addresses = [10, 11, 12].map((last) => address(`198.51.100.${last}`));
  const table = { ...TABLE, pools: [{ ...POOL, addresses }] };

  test("spreads private addresses, and each keeps its own", () => {
    const of = (last: number, sourcePort: number): string | undefined =>
      tracePacket(table, packet(`10.65.7.${last}`, "192.0.2.80", { sourcePort })).source?.address;
    const chosen = Array.from({ length: 100 }, (_, i) => of(i, 40_000));
    expect(new Set(chosen)).toEqual(new Set(["198.51.100.10", "198.51.100.11", "198.51.100.12"]));
    expect(chosen).toEqual(Array.from({ length: 100 }, (_, i) => of(i, 300 + i)));
  });
});

describe("a prefix that is another one outside", () => {
  const range = parsePrefix("fd00::/8")!;
  const table: NatTable = {
    ...EMPTY_NAT,
    exempt: [range],
    inside: [range],
    prefixes: [{ internal: parsePrefix("fd01:203:405::/48")!, external: parsePrefix("2001:db8:1::/48")! }],
  };
  const [inner, outer, world] = ["fd01:203:405:1::1234", "2001:db8:1:d550::1234", "2001:db8:3::1"] as const;
  test.each([
    ["out", inner, world, { source: outer, destination: undefined }],
    ["in", world, outer, { source: undefined, destination: inner }],
    ["round", inner, outer, { source: outer, destination: inner }],
    ["nowhere", "fd01:203:405:ffff::1", world, { verdict: "dropped" }],
    ["untouched", inner, "fd02::1", { verdict: "untranslated" }],
  ])("%s", (_, from, to, expected) => {
    const { verdict, source, destination } = tracePacket(table, {
      ...{ source: parseAddress(from)!, destination: parseAddress(to)!, protocol: "tcp" },
      ...{ sourcePort: 40_000, destinationPort: 80 },
    });
    expect({ verdict, source: source?.address, destination: destination?.address }).toMatchObject({
      verdict: "translated",
      ...expected,
    });
  });
});

test("a slot is one of as many as there are", () => {
  const slots = Array.from({ length: 1000 }, (_, i) => addressSlot(0x0a41_0000 + i, 256, 0x86));
  expect(slots.every((slot) => Number.isInteger(slot) && slot >= 0 && slot < 256)).toBe(true);
  expect(new Set(slots).size).toBeGreaterThan(200);
});
