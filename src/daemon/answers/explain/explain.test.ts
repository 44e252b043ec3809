import { describe, expect, test } from "vitest";
import type { ExplainAnswer } from "../../../api/explain-schema.ts";
import { explanation } from "../../../api/openapi/explain.ts";
import {
  address,
  floatingIp,
  learned,
  network,
  PRIVATE,
  port,
  service,
} from "../../../gateway/testing/values.ts";
import { NO_FAULTS } from "../../../gateway/testing/world.ts";
import { NO_NAT, POOL } from "../../../model/testing/values.ts";
import { explain, type Place, place, refusal } from "./testing/place.ts";

const FLOATING = "172.16.1.77";

/** The seed's floating IP on its port, whose host announces the fixed address. */
function seed(): Place {
  const at = place();
  const { cloud, public: outside, port: id, fixed } = at.objects;
  cloud.make("floatingips", "floatingip", {
    floating_network_id: outside,
    floating_ip_address: FLOATING,
    port_id: id,
  });
  cloud.ask("PUT", `ports/${id}`, { port: { "binding:host_id": "compute1" } });
  at.hosts.set("compute1", true);
  at.learned = [learned(`${fixed}/32`, "host", "192.168.8.11")];
  return at;
}

const failing = ({ announcements }: ExplainAnswer): string[] =>
  announcements.flatMap(({ conditions }) =>
    conditions.filter(({ holds }) => !holds).map(({ claim }) => claim),
  );

test("a floating IP that works: whose, how, why announced, to whom, where it goes", async () => {
  const at = seed();
  const answer = await explain(at, FLOATING);
  expect(explanation.safeParse(answer).error).toBeUndefined();
  const { fixed } = at.objects;
  expect(answer.summary).toBe(`${FLOATING} is a floating IP that leads to ${fixed} of port vm`);
  expect(answer.owners.map(({ what }) => what)).toEqual(["floating IP", "subnet"]);
  expect(answer.handling).toEqual({
    kind: "floating",
    text: `translated to ${fixed} and back, at the gateway, since router router1 is not distributed`,
  });
  const [own] = answer.announcements;
  expect(own).toMatchObject({ prefix: `${FLOATING}/32`, kind: "floating", origin: "own", announced: true });
  expect(failing(answer)).toEqual([]);
  expect(own!.conditions).toContainEqual({
    claim: `there is a way to ${fixed}`,
    holds: true,
    because: `${fixed}/32 by 192.168.8.11 dev eth0`,
  });
  expect(own!.peers).toEqual([
    {
      ...{ peer: "192.0.2.2", sent: true, reason: "accepted by rule", rule: "otherwise" },
      told: [expect.objectContaining({ prefix: `${FLOATING}/32`, nextHop: "192.0.2.1", asPath: "65000" })],
    },
    { peer: "192.0.2.3", sent: false, reason: "no session", told: [] },
  ]);
  expect(answer.translation.traces).toMatchObject([
    { asked: `tcp 192.0.0.8 > ${FLOATING}`, verdict: "translated", destination: { address: fixed } },
    { asked: `tcp ${fixed} > 192.0.0.8`, verdict: "translated", source: { address: FLOATING } },
  ]);
});

describe("one thing that is missing is the one that does not hold", () => {
  const put = (at: Place, path: string, name: string, given: object): void => {
    const { status } = at.objects.cloud.ask("PUT", path, { [name]: given });
    if (status !== 200) throw new Error(`${path}: ${status}`);
  };
  const idOf = (at: Place): string =>
    [...at.objects.cloud.tables.by("floatingips", "address", FLOATING)][0]!.id;
  test.each<[string, readonly string[], (at: Place) => void]>([
    [
      "it is on no port",
      ["it leads somewhere"],
      (at) => put(at, `floatingips/${idOf(at)}`, "floatingip", { port_id: null }),
    ],
    [
      "its router is down",
      ["its router is up"],
      (at) => put(at, `routers/${at.objects.router}`, "router", { admin_state_up: false }),
    ],
    [
      "no host tells of the fixed address",
      ["there is a way to 10.65.0.2"],
      (at) => {
        at.learned = [];
      },
    ],
    [
      "only a default route leads there",
      ["there is a way to 10.65.0.2"],
      (at) => {
        at.learned = [learned("0.0.0.0/0", "default", "192.168.8.11")];
      },
    ],
    [
      "its router is distributed",
      ["it is translated on this machine"],
      (at) => {
        put(at, `routers/${at.objects.router}`, "router", { admin_state_up: false });
        put(at, `routers/${at.objects.router}`, "router", { distributed: true });
        put(at, `routers/${at.objects.router}`, "router", { admin_state_up: true });
      },
    ],
    [
      "the kernel refuses",
      ["the kernel has its translation"],
      (at) => {
        at.bench.world.faults = { ...NO_FAULTS, nat: true };
      },
    ],
  ])("%s", async (_, claims, change) => {
    const at = seed();
    change(at);
    const answer = await explain(at, FLOATING);
    const [own] = answer.announcements;
    expect(failing(answer)).toEqual(claims);
    expect(own).toMatchObject({ announced: false, peers: [] });
    for (const { because } of own!.conditions) expect(because).toMatch(/\S/);
  });
  test("a host that lost its lease is told, whatever still leads there", async () => {
    const at = seed();
    at.hosts.set("compute1", false);
    const answer = await explain(at, FLOATING);
    expect(failing(answer)).toEqual(["its host is alive"]);
    expect(answer.announcements[0]).toMatchObject({ announced: true });
  });
});

test.each([
  ["a pool", "pool", { nat: { ...PRIVATE, pools: [{ ...POOL, addresses: [address(FLOATING)] }] } }],
  [
    "a service",
    "anycast",
    {
      ports: [port("tap0", "10.65.0.13")],
      anycast: [service({ address: address(FLOATING), health: undefined })],
    },
  ],
] as const)(
  "what gateway.yaml has for %s is that, and the object's owner is told too",
  async (_, kind, file) => {
    const at = seed();
    at.file = { ...at.file, ...file };
    const answer = await explain(at, FLOATING);
    expect(answer.handling.kind).toBe(kind);
    expect(answer.announcements).toMatchObject([{ kind, announced: true }]);
    expect(answer.owners).toContainEqual(expect.objectContaining({ what: "floating IP", origin: "api" }));
  },
);

test("a floating IP for an address that is routed is none", async () => {
  const at = seed();
  at.file = { ...at.file, networks: [network("10.65.0.0/24", "hosts")] };
  expect(failing(await explain(at, FLOATING))).toEqual(["its addresses are free"]);
});

test("on the host of its port a floating IP of a distributed router is the host's", async () => {
  const at = seed();
  const { cloud, router, port: id, fixed } = at.objects;
  for (const given of [{ admin_state_up: false }, { distributed: true }, { admin_state_up: true }])
    cloud.ask("PUT", `routers/${router}`, { router: given });
  cloud.ask("PUT", `ports/${id}`, { port: { "binding:host_id": "host1" } });
  at.file = { ...at.file, role: "compute", hostname: "host1" };
  const tap = `tap${id.slice(0, 11)}`;
  const answer = await explain(at, FLOATING);
  expect(failing(answer)).toEqual([`interface ${tap} is up`]);
  expect(answer.handling.text).toBe(
    `translated to ${fixed} and back, on this machine, since router router1 is distributed`,
  );
  expect((await explain(at, fixed)).announcements[0]!.conditions).toEqual([
    { claim: `interface ${tap} is up`, holds: false, because: "there is no such interface" },
  ]);
});

test.each<[string, Partial<ExplainAnswer["handling"]>, string]>([
  ["192.0.2.53", { kind: "anycast" }, "the address of anycast service dns, of 2 members"],
  ["198.51.100.10", { kind: "pool" }, "an address of NAT pool default"],
  ["203.0.114.9", { kind: "routed" }, "in public network public (203.0.114.0/24)"],
  ["203.0.114.0/24", { kind: "routed" }, "in public network public (203.0.114.0/24)"],
  ["10.65.0.13", { kind: "outbound" }, "an address behind tap0"],
  ["10.65.9.9", { kind: "outbound" }, "in private range 10.65.0.0/16"],
  ["172.16.1.4", { kind: "floating" }, "a floating IP that leads to 10.65.0.13"],
  ["192.168.8.1", { kind: "none" }, "this machine's own address on eth0"],
  ["192.0.2.2", { kind: "none" }, "a BGP peer of AS 64512"],
  ["dns", { kind: "anycast" }, "the address of anycast service dns, of 2 members"],
  ["tap0", { kind: "outbound" }, "an address behind tap0"],
])("%s of gateway.yaml, or of the machine: %j", async (about, handling, text) => {
  const at = place({
    networks: [network("203.0.114.0/24", "aggregate")],
    nat: PRIVATE,
    anycast: [service({ health: undefined })],
    floatingIps: [floatingIp("172.16.1.4", "10.65.0.13")],
    ports: [port("tap0", "10.65.0.13")],
  });
  const answer = await explain(at, about);
  expect(answer.handling).toMatchObject(handling);
  expect(answer.owners[0]).toMatchObject({ text });
  expect(answer.summary.endsWith(text)).toBe(true);
  for (const { announced, conditions } of answer.announcements)
    expect(announced).toBe(conditions.every(({ holds }) => holds));
});

test("a public network of which nothing is there is not announced, and that is why", async () => {
  const at = place({ networks: [network("198.18.0.0/24", "aggregate")] });
  const answer = await explain(at, "198.18.0.9");
  expect(answer.announcements).toMatchObject([{ prefix: "198.18.0.0/24", kind: "public", announced: false }]);
  expect(failing(answer)).toEqual(["something of it can be reached"]);
  at.learned = [learned("198.18.0.7/32", "host", "192.168.8.11")];
  const [whole] = (await explain(at, "198.18.0.9")).announcements;
  expect(whole).toMatchObject({ announced: true });
  expect(whole!.conditions.every(({ holds }) => holds)).toBe(true);
});

test("an address of nobody here that a peer told of is passed on", async () => {
  const at = place();
  at.learned = [learned("203.0.113.0/24", "other", "192.168.8.11")];
  const before = await explain(at, "203.0.113.9");
  expect(before).toMatchObject({
    owners: [],
    summary: expect.stringContaining("203.0.113.0/24 was told by 192.0.2.2"),
  });
  expect(before.announcements).toMatchObject([{ prefix: "203.0.113.0/24", origin: "learned" }]);
  expect(before.route).toMatchObject({ paths: [{ status: "best", nextHop: "192.0.2.2" }] });
});

test("a packet of somebody in particular is looked at when he is named", async () => {
  const at = place({ nat: NO_NAT, ports: [port("tap0", "10.65.0.13")] });
  const { translation } = await explain(at, "10.65.0.13", "10.65.0.20");
  expect(translation.traces.map(({ asked }) => asked)).toEqual([
    "tcp 10.65.0.20 > 10.65.0.13",
    "tcp 10.65.0.13 > 10.65.0.20",
  ]);
});

test("names and ids stand for their address, and say so when there is none or more than one", async () => {
  const at = seed();
  const { cloud, port: id, fixed, public: outside, router } = at.objects;
  const [floating] = cloud.tables.by("floatingips", "address", FLOATING);
  for (const [about, prefix] of [
    ["vm", `${fixed}/32`],
    [id, `${fixed}/32`],
    [floating!.id, `${FLOATING}/32`],
    ["public", "172.16.1.0/24"],
    [outside, "172.16.1.0/24"],
    ["10.65.0.77/24", "10.65.0.0/24"],
  ] as const) {
    expect([about, (await explain(at, about)).prefix]).toEqual([about, prefix]);
  }
  expect((await explain(at, router)).summary).toMatch(
    /^172\.16\.1\.\d+ is the outer address of router router1$/,
  );
  cloud.make("ports", "port", { network_id: at.objects.tenant, name: "vm" });
  const { message, detail } = await refusal(at, "vm");
  expect([detail.code, message]).toEqual(["explain.ambiguous", "port vm stands for 2 prefixes"]);
  expect(detail.hint).toContain(fixed);
  for (const [about, code] of [
    ["8.8.8.8", "explain.unknown"],
    ["2001:db8::9", "explain.unknown"],
    ["nobody", "explain.unknown"],
    ["10.65.0.0/33", "explain.unknown"],
    ["../../etc/passwd", "explain.unknown"],
    ["__proto__", "explain.unknown"],
  ]) {
    expect([about, (await refusal(at, about!)).detail.code]).toEqual([about, code]);
  }
});

test("events are those of the address, and of no longer one", async () => {
  const at = seed();
  const happened = (prefix: string, more: object = {}): void =>
    void at.events.push({
      id: String(at.events.length),
      time: "",
      level: "info",
      event: "x",
      prefix,
      ...more,
    });
  happened("172.16.1.77/32");
  happened("172.16.1.7/32");
  happened("1.172.16.1.77/32");
  happened("10.0.0.0/8", { msg: "lost 172.16.1.77." });
  happened("172.16.1.77:80");
  expect((await explain(at, FLOATING)).events.map(({ id }) => id)).toEqual(["0", "3"]);
});
