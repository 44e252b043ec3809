import { expect, test } from "vitest";
import { parseAddress } from "../bgp/net/text.ts";
import { NO_PCP, type Pcp } from "./pcp.ts";
import { pcpViolations } from "./pcp-rules.ts";
import { NO_NAT, POOL } from "./testing/values.ts";

const ip = (text: string) => parseAddress(text)!;
const FLOATING = {
  address: ip("172.16.1.3"),
  to: ip("10.65.0.13"),
  egress: "floating",
  forwards: [],
} as const;

const messages = (pcp: Partial<Pcp>, pools = [POOL]): string[] =>
  pcpViolations({
    nat: { ...NO_NAT, pools, pcp: { ...NO_PCP, ...pcp } },
    floatingIps: [FLOATING],
  }).map(({ path, message }) => `${path.join(".")} ${message}`);

test("nobody is asked, or at addresses of the machine: nothing is wrong", () => {
  expect(messages({}, [])).toEqual([]);
  expect(messages({ listen: [ip("10.65.0.1"), ip("192.168.8.1")] })).toEqual([]);
});

test.each<[string, Partial<Pcp>, string]>([
  ["IPv6", { listen: [ip("fd00::1")] }, "nat.pcp.listen.0 fd00::1 is no IPv4 address of a machine"],
  ["multicast", { listen: [ip("224.0.0.1")] }, "nat.pcp.listen.0 224.0.0.1 is no IPv4 address of a machine"],
  [
    "a pool's",
    { listen: POOL.addresses },
    "nat.pcp.listen.0 198.51.100.10 is a public address, or named twice",
  ],
  [
    "a floating IP",
    { listen: [FLOATING.address] },
    "nat.pcp.listen.0 172.16.1.3 is a public address, or named twice",
  ],
  [
    "bounds the wrong way round",
    { listen: [ip("10.65.0.1")], minLifetimeMs: 300_000, maxLifetimeMs: 200_000 },
    "nat.pcp.minLifetime is longer than maxLifetime",
  ],
])("%s is refused", (_, pcp, expected) => {
  expect(messages(pcp)).toEqual([expected]);
});

test("an address twice, or no pool at all", () => {
  expect(messages({ listen: [ip("10.65.0.1"), ip("10.65.0.1")] })).toHaveLength(1);
  expect(messages({ listen: [ip("10.65.0.1")] }, [])).toEqual([
    "nat.pcp there is no pool that mappings could be of",
  ]);
});
