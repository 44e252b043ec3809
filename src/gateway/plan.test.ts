import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatAddress, formatPrefix } from "../bgp/net/text.ts";
import type { Intent } from "./intent.ts";
import { hopsOnLinks } from "./testing/hops.ts";
import { type OracleInput, planWithLearned } from "./testing/oracle.ts";
import {
  address,
  floatingIp,
  health,
  judgements,
  LINKS,
  learned,
  learnedRoutes,
  link,
  links,
  model,
  models,
  network,
  PRIVATE,
  port,
  service,
} from "./testing/values.ts";

const planned = (input: Partial<OracleInput>): Intent =>
  planWithLearned({
    model: model(),
    links: LINKS,
    learned: [],
    health: new Map(),
    resumed: new Map(),
    leaving: { ports: [], floating: [] },
    givenBlocks: [],
    hops: hopsOnLinks(input.learned ?? [], input.links ?? LINKS),
    ...input,
  });

/** One line per announcement: "public 203.0.113.0/24". */
const announcements = (intent: Intent): string[] =>
  intent.announcements.map((a) => `${a.kind} ${formatPrefix(a.prefix)}`);

/** One line per route: "10.65.0.13/32 tap0", "0.0.0.0/0 192.168.8.11@eth0". */
const routes = (intent: Intent): string[] =>
  intent.routes.map(({ prefix, target }) => {
    const text = formatPrefix(prefix);
    switch (target.to) {
      case "link":
        return `${text} ${target.interface}`;
      case "links":
        return `${text} ${target.interfaces.join("+")}`;
      case "discard":
        return `${text} ${target.how}`;
      case "via": {
        const hops = target.nextHops.map((hop) => `${formatAddress(hop.address)}@${hop.interface}`);
        return `${text} ${hops.join("+")}${target.resilient ? " resilient" : ""}`;
      }
      default:
        return target satisfies never;
    }
  });

const codes = (intent: Intent): string[] => intent.problems.map((problem) => problem.code);

const VM_A = port("tap0", "10.65.0.13");

describe("link-local next hops", () => {
  const fabric = [link("eth0"), link("eth1", false)];

  test("are behind the interface that they say, when it is up, and lead IPv4 too", () => {
    const intent = planned({
      links: fabric,
      learned: [
        learned("10.99.1.0/24", "other", "fe80::1%eth0"),
        learned("10.99.2.0/24", "other", "fe80::1%eth1"),
        learned("2001:db8:99::/48", "other", "fe80::1%eth0", "fe80::1%eth1"),
      ],
    });
    expect(routes(intent)).toEqual(["10.99.1.0/24 fe80::1@eth0", "2001:db8:99::/48 fe80::1@eth0"]);
    expect(intent.problems.map(({ subject }) => subject)).toEqual(["fe80::1%eth1"]);
  });

  test("without an interface lead nowhere, and nobody takes the addresses of a link away", () => {
    const intent = planned({
      links: [{ ...link("eth0"), addresses: [{ address: address("fe80::9"), length: 64 }] }],
      learned: [
        learned("10.99.1.0/24", "other", "fe80::1"),
        learned("fe80::/64", "other", "fe80::1%eth0"),
        learned("fe80::7/128", "other", "fe80::1%eth0"),
      ],
    });
    expect(routes(intent)).toEqual([]);
  });
});

describe("a compute host", () => {
  test("routes and announces what runs on it, as the first seed shows", () => {
    const intent = planned({
      model: model({
        ports: [VM_A, port("tap1", "203.0.113.7")],
        networks: [network("203.0.113.0/24", "aggregate")],
        floatingIps: [floatingIp("172.16.1.3", "10.65.0.13")],
      }),
    });
    expect(routes(intent)).toEqual(["10.65.0.13/32 tap0", "172.16.1.3/32 tap0", "203.0.113.7/32 tap1"]);
    expect(announcements(intent)).toEqual([
      "host 10.65.0.13/32",
      "floating 172.16.1.3/32",
      "public 203.0.113.7/32",
    ]);
    expect(intent.taps).toEqual(["tap0", "tap1"]);
    expect(intent.problems).toEqual([]);
  });

  test.each([
    ["down", [link("tap0", false)], []],
    ["missing", [], ["port.missing"]],
  ])("announces nothing behind an interface that is %s", (_, given, problems) => {
    const floatingIps = [floatingIp("172.16.1.3", "10.65.0.13")];
    const intent = planned({ links: given, model: model({ ports: [VM_A], floatingIps }) });
    expect([...routes(intent), ...announcements(intent)]).toEqual([]);
    expect(codes(intent)).toEqual(problems);
  });

  test("does not translate, nor track, a floating IP whose port is elsewhere", () => {
    const intent = planned({ model: model({ floatingIps: [floatingIp("172.16.1.3", "10.65.0.13")] }) });
    expect(intent.nat.floating).toEqual([]);
    expect(intent.nat.untracked.map(formatPrefix)).toEqual(["172.16.1.3/32"]);
    expect(intent.nat.exempt.map(formatPrefix)).toEqual(["172.16.1.3/32"]);
  });

  test("leaves pools to gateways, and says so", () => {
    const intent = planned({ model: model({ nat: PRIVATE }) });
    expect(codes(intent)).toEqual(["pool.role"]);
    expect(intent.nat.pools).toEqual([]);
    expect(announcements(intent)).toEqual([]);
  });

  test("translates and announces a floating IPv6 address as its IPv4 sister", () => {
    const intent = planned({
      model: model({
        ports: [port("tap0", "fd00::13")],
        floatingIps: [floatingIp("2001:db8::1", "fd00::13"), floatingIp("2001:db8::2", "fd00::14")],
      }),
    });
    expect(intent.nat.floating).toMatchObject([{ floating: address("2001:db8::1"), egress: "fixed" }]);
    expect(routes(intent)).toContain("2001:db8::1/128 tap0");
    expect(announcements(intent)).toContain("floating 2001:db8::1/128");
    expect(intent.nat.untracked.map(formatPrefix)).toEqual(["2001:db8::2/128"]);
    expect(codes(intent)).toEqual([]);
  });
});

describe("an anycast service", () => {
  const ports = [VM_A, port("tap1", "10.65.0.14")];
  const elsewhere = [learned("192.0.2.53/32", "anycast", "192.168.8.12", "192.168.8.11")];
  const ours = (intent: Intent): string[] =>
    routes(intent).filter((line) => line.startsWith("192.0.2.53/32"));

  test.each([
    ["both are healthy", { "10.65.0.13": true, "10.65.0.14": true }, ["192.0.2.53/32 tap0+tap1"]],
    ["one is", { "10.65.0.13": false, "10.65.0.14": true }, ["192.0.2.53/32 tap1"]],
    ["one was not judged yet", { "10.65.0.13": true }, ["192.0.2.53/32 tap0"]],
    ["none is", { "10.65.0.13": false, "10.65.0.14": false }, []],
  ])("goes to its healthy local members: %s", (_, judged, expected) => {
    const intent = planned({ model: model({ ports, anycast: [service()] }), health: health(judged) });
    expect(ours(intent)).toEqual(expected);
    expect(announcements(intent).includes("anycast 192.0.2.53/32")).toBe(expected.length > 0);
  });

  test("without a check every member is healthy", () => {
    const intent = planned({ model: model({ ports, anycast: [service({ health: undefined })] }) });
    expect(ours(intent)).toEqual(["192.0.2.53/32 tap0+tap1"]);
  });

  const allFailed = health({ "10.65.0.13": false, "10.65.0.14": false });

  test("that is kept when all fail stays, with an alarm", () => {
    const kept = model({ ports, anycast: [service({ whenAllFail: "keep" })] });
    const intent = planned({ model: kept, health: allFailed });
    expect(ours(intent)).toEqual(["192.0.2.53/32 tap0+tap1"]);
    expect(codes(intent)).toEqual(["anycast.allFailed"]);
  });

  test.each(["keep", "withdraw"] as const)(
    "is left to the peers that have it when all fail here: %s",
    (whenAllFail) => {
      const all = model({ ports, anycast: [service({ whenAllFail })] });
      const intent = planned({ model: all, health: allFailed, learned: elsewhere });
      expect(ours(intent)).toEqual(["192.0.2.53/32 192.168.8.11@eth0+192.168.8.12@eth0 resilient"]);
      expect(announcements(intent)).not.toContain("anycast 192.0.2.53/32");
    },
  );
});

describe("a gateway", () => {
  const edge = model({ role: "gateway", networks: [network("203.0.113.0/24", "aggregate")], nat: PRIVATE });

  test("announces a public network only while something of it can be reached", () => {
    const empty = planned({ model: edge });
    expect(announcements(empty)).toEqual(["pool 198.51.100.10/32"]);
    expect(routes(empty)).toEqual(["198.51.100.10/32 blackhole", "203.0.113.0/24 unreachable"]);
    const used = planned({ model: edge, learned: [learned("203.0.113.7/32", "host", "192.168.8.11")] });
    expect(announcements(used)).toContain("public 203.0.113.0/24");
  });

  test.each([
    ["a route", [learned("10.65.0.13/32", "host", "192.168.8.11")], true],
    ["a shorter route", [learned("10.65.0.0/16", "host", "192.168.8.11")], true],
    ["a default route alone", [learned("0.0.0.0/0", "default", "192.168.8.11")], false],
    ["a route over a link that is not there", [learned("10.65.0.13/32", "host", "192.0.9.9")], false],
    ["nothing", [], false],
  ])("announces a floating IP only with a way to its fixed address: %s", (_, given, announced) => {
    const floatingIps = [floatingIp("172.16.1.3", "10.65.0.13")];
    const intent = planned({ model: model({ role: "gateway", floatingIps }), learned: given });
    expect(announcements(intent).includes("floating 172.16.1.3/32")).toBe(announced);
  });

  test.each<[string, boolean, (number | undefined)[], (number | undefined)[]]>([
    ["each path says its bandwidth", true, [1e9, 4e9], [1, 4]],
    ["one does not", true, [1e9, undefined], [undefined, undefined]],
    ["linkBandwidth is off", false, [1e9, 4e9], [undefined, undefined]],
  ])("shares flows by link bandwidth: %s", (_, linkBandwidth, bandwidths, weights) => {
    const plain = learned("192.0.2.53/32", "anycast", "192.168.8.11", "192.168.8.12");
    const paths = plain.paths.map((path, i) => ({ ...path, bandwidth: bandwidths[i] }));
    const base = model({ role: "gateway" });
    const intent = planned({
      model: { ...base, bgp: { ...base.bgp, linkBandwidth } },
      learned: [{ ...plain, paths }],
    });
    const [{ target }] = intent.routes as [Intent["routes"][number]];
    expect(target.to === "via" && target.nextHops.map(({ weight }) => weight)).toEqual(weights);
  });

  test("counts a network that it is on itself as a way", () => {
    const floatingIps = [floatingIp("172.16.1.3", "192.168.8.50")];
    const intent = planned({ model: model({ role: "gateway", floatingIps }) });
    expect(announcements(intent)).toEqual(["floating 172.16.1.3/32"]);
  });

  test("keeps a floating IP that a peer announces too, and says so", () => {
    const floatingIps = [floatingIp("172.16.1.3", "10.65.0.13")];
    const given = [learned("172.16.1.3/32", "floating", "192.168.8.11")];
    const intent = planned({ model: model({ role: "gateway", floatingIps }), learned: given });
    expect(routes(intent)).toEqual([]);
    expect(codes(intent)).toEqual(["floating.conflict"]);
    const stateless = floatingIps.map((floating) => ({ ...floating, stateless: true }));
    const shared = planned({ model: model({ role: "gateway", floatingIps: stateless }), learned: given });
    expect(codes(shared)).toEqual([]);
  });

  test("does not translate towards floating IPs and services that hosts announce", () => {
    const given = [
      learned("172.16.1.9/32", "floating", "192.168.8.11"),
      learned("10.65.0.9/32", "host", "192.168.8.11"),
    ];
    const { nat } = planned({ model: edge, learned: given });
    expect(nat.exempt.map(formatPrefix)).toEqual([
      "10.65.0.0/16",
      "172.16.1.9/32",
      "192.168.0.0/16",
      "203.0.113.0/24",
    ]);
    expect(nat.untracked.map(formatPrefix)).toEqual(["172.16.1.9/32", "203.0.113.0/24"]);
  });
});

describe("learned routes", () => {
  test("are not taken for what we are connected to, nor for the next hops of others", () => {
    const given = [
      learned("192.168.8.0/24", "other", "192.168.8.11"),
      learned("192.168.8.11/32", "other", "192.168.8.12"),
      learned("203.0.113.9/32", "public", "192.168.8.11"),
    ];
    const intent = planned({ learned: given });
    expect(routes(intent)).toEqual(["203.0.113.9/32 192.168.8.11@eth0"]);
    expect(codes(intent)).toEqual(["route.connected", "route.connected"]);
  });

  test("use the next hops that resolve; what does not is one problem, however many routes it has", () => {
    const given = ["203.0.113.9/32", "203.0.113.10/32"].map((to) =>
      learned(to, "public", "192.0.9.9", "192.168.8.11"),
    );
    const intent = planned({ learned: given });
    expect(routes(intent)).toHaveLength(2);
    expect(intent.problems).toMatchObject([{ code: "nexthop.unresolved", subject: "192.0.9.9" }]);
  });

  test("lose to what is our own", () => {
    const intent = planned({
      model: model({ ports: [VM_A] }),
      learned: [learned("10.65.0.13/32", "host", "192.168.8.11")],
    });
    expect(routes(intent)).toEqual(["10.65.0.13/32 tap0"]);
  });
});

test("without a kernel everything that is configured is believed to be there", () => {
  const none = model({
    ports: [VM_A],
    floatingIps: [floatingIp("172.16.1.3", "10.65.0.13")],
    kernel: { type: "none", routeTable: 254, protocol: 86, anycastIdleMs: 0 },
  });
  const intent = planned({ model: none, links: [], learned: [learned("0.0.0.0/0", "default", "192.0.2.1")] });
  expect(announcements(intent)).toEqual(["host 10.65.0.13/32", "floating 172.16.1.3/32"]);
  expect(intent.problems).toEqual([]);
});

test("what an announcement needs is planned, each prefix once, and the order of what is given does not matter", () => {
  const inputs = fc.tuple(models, links, learnedRoutes, judgements, fc.infiniteStream(fc.nat()));
  fc.assert(
    fc.property(inputs, ([given, up, routesLearned, judged, chance]) => {
      const input = { model: given, links: up, learned: routesLearned, health: judged };
      const intent = planned(input);
      const keys = intent.routes.map((route) => formatPrefix(route.prefix));
      expect(new Set(keys).size).toBe(keys.length);
      const announced = intent.announcements.map((a) => formatPrefix(a.prefix));
      expect(new Set(announced).size).toBe(announced.length);
      for (const { needs } of intent.announcements) {
        for (const route of needs.routes) expect(keys).toContain(formatPrefix(route));
      }
      const order = new Map(routesLearned.map((route) => [route, chance.next().value]));
      const shuffled = routesLearned.toSorted((a, b) => (order.get(a) ?? 0) - (order.get(b) ?? 0));
      expect(planned({ ...input, learned: shuffled })).toEqual(intent);
    }),
  );
});

test("the metadata service is not translated on the way there", () => {
  const metadata = { address: address("192.0.2.9"), port: 8775 };
  const { nat } = planned({ model: model({ ports: [VM_A], metadata }) });
  expect(nat.metadata).toEqual({ to: metadata, interfaces: ["tap0"] });
  expect(nat.exempt.map(formatPrefix)).toEqual(["192.0.2.9/32"]);
});
