/** Small worlds by chance and by hand: few addresses, so that everything meets everything. */

import fc from "fast-check";
import type { Address, Prefix } from "../../bgp/net/address.ts";
import { formatAddress, parsePrefix, parseScopedAddress } from "../../bgp/net/text.ts";
import type { AnycastService, FloatingIp, Model, Network, Port } from "../../model/model.ts";
import { NO_NAT, POOL } from "../../model/testing/values.ts";
import type { Health, LearnedRoute, Link } from "../intent.ts";

export function address(text: string): Address {
  const parsed = parseScopedAddress(text);
  if (parsed === undefined) throw new RangeError(`${text} is no address`);
  return parsed;
}

export function prefix(text: string): Prefix {
  const parsed = parsePrefix(text);
  if (parsed === undefined) throw new RangeError(`${text} is no prefix`);
  return parsed;
}

const BASE: Model = {
  role: "compute",
  hostname: "host1",
  bgp: {
    asn: 65000,
    routerId: address("192.168.8.11"),
    clusterId: undefined,
    bmp: [],
    mrt: undefined,
    listen: { addresses: [], port: 179 },
    multipath: 8,
    multipathRelax: true,
    linkBandwidth: true,
    decision: { alwaysCompareMed: false, missingMedAsWorst: false },
    nextHopTracking: { viaDefault: false },
    gracefulRestart: undefined,
    rpki: { caches: [] },
    peers: [],
  },
  networks: [],
  nat: NO_NAT,
  floatingIps: [],
  anycast: [],
  ports: [],
  metadata: undefined,
  kernel: { type: "linux", routeTable: 254, protocol: 86, anycastIdleMs: 60_000 },
};

export const model = (changes: Partial<Model> = {}): Model => ({ ...BASE, ...changes });

export const floatingIp = (from: string, to: string): FloatingIp => ({
  address: address(from),
  to: address(to),
  egress: "fixed",
  forwards: [],
});

/** A floating IP of which tcp ports, from 80 on, lead to port 8080 of one address each. */
export const forwarding = (from: string, ...to: readonly string[]): FloatingIp => ({
  address: address(from),
  to: undefined,
  egress: "floating",
  forwards: to.map((target, i) => ({
    protocol: "tcp",
    ports: { first: 80 + i, last: 80 + i },
    to: address(target),
    toPorts: { first: 8080, last: 8080 },
  })),
});

export const port = (name: string, ...addresses: readonly string[]): Port => ({
  interface: name,
  addresses: addresses.map(address),
});

export const network = (cidr: string, announce: Network["announce"]): Network => ({
  name: "public",
  cidr: prefix(cidr),
  announce,
});

export const PRIVATE: Model["nat"] = {
  ...NO_NAT,
  private: [prefix("10.65.0.0/16")],
  except: [prefix("192.168.0.0/16")],
  pools: [POOL],
};

export const service = (changes: Partial<AnycastService> = {}): AnycastService => ({
  name: "dns",
  address: address("192.0.2.53"),
  members: [address("10.65.0.13"), address("10.65.0.14")],
  health: { type: "tcp", port: 53, path: "/", intervalMs: 1000, timeoutMs: 500, fall: 3, rise: 2 },
  whenAllFail: "withdraw",
  ...changes,
});

export const link = (name: string, up = true, ...on: readonly string[]): Link => ({
  name,
  index: name.length,
  up,
  addresses: on.map(address).map((own) => ({ address: own, length: own.family === 4 ? 24 : 64 })),
});

export const LINKS: readonly Link[] = [link("eth0", true, "192.168.8.1"), link("tap0"), link("tap1")];

export const learned = (
  to: string,
  kind: LearnedRoute["kind"],
  ...nextHops: readonly string[]
): LearnedRoute => ({
  prefix: prefix(to),
  kind,
  paths: nextHops.map((hop) => ({ peer: address(hop), nextHop: address(hop), external: false })),
});

export const health = (judged: Readonly<Record<string, boolean>>): Health =>
  new Map([["dns", new Map(Object.entries(judged))]]);

const subset = <T>(values: readonly T[]): fc.Arbitrary<T[]> => fc.subarray([...values]);

const ports: fc.Arbitrary<readonly Port[]> = subset([
  port("tap0", "10.65.0.13", "203.0.113.7", "fd00::13"),
  port("tap1", "10.65.0.14"),
]);

export const floatingIps: fc.Arbitrary<FloatingIp[]> = fc
  .tuple(
    subset(["172.16.1.3", "172.16.1.4"]),
    fc.array(fc.constantFrom("10.65.0.13", "10.65.0.14", "10.65.0.99")),
    fc.boolean(),
    subset([floatingIp("2001:db8:a::3", "fd00::13"), floatingIp("2001:db8:a::4", "fd00::99")]),
  )
  .map(([from, to, byPort, six]) => [
    ...from.map((text, i) =>
      byPort && i > 0 && to.length > 0
        ? forwarding(text, ...to.slice(0, 3))
        : floatingIp(text, to[i] ?? "10.65.0.13"),
    ),
    ...six,
  ]);

export const models: fc.Arbitrary<Model> = fc
  .record({
    role: fc.constantFrom("gateway" as const, "compute" as const),
    ports,
    floatingIps,
    networks: fc.constantFrom<Network[]>(
      [],
      [network("203.0.113.0/24", "aggregate")],
      [network("203.0.113.0/24", "hosts")],
    ),
    nat: fc.constantFrom(BASE.nat, PRIVATE),
    anycast: fc.constantFrom<AnycastService[]>(
      [],
      [service()],
      [service({ whenAllFail: "keep" })],
      [service({ health: undefined })],
    ),
  })
  .map(model);

export const links: fc.Arbitrary<readonly Link[]> = fc
  .tuple(fc.boolean(), fc.constantFrom(true, false, undefined), fc.constantFrom(true, false, undefined))
  .map(([eth0, tap0, tap1]) => [
    link("eth0", eth0, "192.168.8.1", "2001:db8:8::1"),
    ...(tap0 === undefined ? [] : [link("tap0", tap0)]),
    ...(tap1 === undefined ? [] : [link("tap1", tap1)]),
  ]);

const hops = subset(["192.168.8.11", "192.168.8.12", "192.0.9.9"]);
const hops6 = subset(["2001:db8:8::11", "2001:db8:8::12"]);
const route = (to: string, kind: LearnedRoute["kind"]): fc.Arbitrary<LearnedRoute> =>
  hops.map((nextHops) => learned(to, kind, ...nextHops));

export const learnedRoutes: fc.Arbitrary<LearnedRoute[]> = fc
  .tuple(
    route("0.0.0.0/0", "default"),
    route("10.65.0.99/32", "host"),
    hops6.map((nextHops) => learned("fd00::99/128", "host", ...nextHops)),
    route("172.16.1.3/32", "floating"),
    route("203.0.113.9/32", "public"),
    route("192.0.2.53/32", "anycast"),
    route("192.168.8.0/24", "other"),
    // The next hop of others, and what holds addresses of our own.
    route("192.168.8.11/32", "host"),
    route("10.65.0.0/24", "host"),
    route("203.0.113.0/28", "other"),
  )
  .map((routes) => routes.filter((r) => r.paths.length > 0));

export const judgements: fc.Arbitrary<Health> = fc
  .tuple(fc.constantFrom(true, false, undefined), fc.constantFrom(true, false, undefined))
  .map(([first, second]) =>
    health({
      ...(first !== undefined && { [formatAddress(address("10.65.0.13"))]: first }),
      ...(second !== undefined && { "10.65.0.14": second }),
    }),
  );
