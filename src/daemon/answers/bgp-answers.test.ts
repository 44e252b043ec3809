import { beforeAll, describe, expect, test } from "vitest";
import type { RouteQuery } from "../../api/source.ts";
import { isUp, type Node, node, peer, prefix } from "../../bgp/speaker/testing/nodes.ts";
import { VirtualNetwork } from "../../bgp/speaker/testing/virtual-network.ts";
import { tagOf } from "../../gateway/kinds.ts";
import { announcementsPage, receivedPage, routesPage } from "./bgp-answers.ts";
import { peerAnswer } from "./peer-answers.ts";

const OWN = ["203.0.113.0/24", "172.16.1.3/32"];

let hub: Node;

/** A hub of AS 65000 with one peer whose 10.0.0.0/8 is let in and whose longer prefixes are not, and one that listens. */
beforeAll(() => {
  const net = new VirtualNetwork({ seed: 1 });
  hub = node(net, 65000, "192.0.2.1");
  const teller = node(net, 64512, "192.0.2.2");
  const listener = node(net, 64513, "192.0.2.3");
  const importPolicy = {
    rules: [
      {
        name: "short",
        match: { prefixes: [{ prefix: prefix("0.0.0.0/0"), minLength: 0, maxLength: 16 }] },
        then: "accept",
      },
    ],
    otherwise: "reject",
  } as const;
  hub.speaker.setPeers([peer("192.0.2.2", 64512, { importPolicy }), peer("192.0.2.3", 64513)]);
  for (const other of [teller, listener]) other.speaker.setPeers([peer("192.0.2.1", 65000)]);
  const told = ["10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "10.1.2.3/32", "0.0.0.0/0"];
  teller.speaker.announce(told.map((text) => ({ prefix: prefix(text), tag: 0 })));
  const tags = [tagOf("public"), tagOf("floating")];
  hub.speaker.announce(
    OWN.map((text, i) => ({ prefix: prefix(text), tag: tags[i]!, communities: [0xfc000064] })),
  );
  for (const each of [hub, teller, listener]) each.speaker.complete();
  net.run(30_000);
  expect(isUp(hub, teller, listener)).toBe(true);
});

const routes = async (query: Partial<RouteQuery> = {}): ReturnType<typeof routesPage> =>
  await routesPage(
    hub.speaker,
    {
      isInstalled: ({ length }) => length === 8,
      announced: new Map(OWN.map((own) => [own, own])),
      nextHop: () => undefined,
    },
    { limit: 100, ...query },
  );
const prefixes = async (query: Partial<RouteQuery> = {}): Promise<string[]> =>
  (await routes(query)).items.map((route) => route.prefix);

describe("routes", () => {
  test("all of them, our own and those that were rejected too", async () => {
    expect((await prefixes()).sort()).toEqual(
      [...OWN, "0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "10.1.2.3/32"].sort(),
    );
  });
  test.each<[Partial<RouteQuery>, string[]]>([
    [{ local: true }, OWN],
    [{ local: true, kind: "floating" }, ["172.16.1.3/32"]],
    [{ kind: "public" }, ["203.0.113.0/24"]],
    [{ kind: "pool" }, []],
    [{ prefix: "10.1.2.0/24" }, ["10.1.2.0/24"]],
    [{ prefix: "10.1.2.0/25" }, []],
    [{ prefix: "2001:db8::/32" }, []],
    // Longest match: what was rejected is no way to anywhere.
    [{ prefix: "10.1.2.3" }, ["10.1.0.0/16"]],
    [{ prefix: "10.1.255.255" }, ["10.1.0.0/16"]],
    [{ prefix: "10.2.0.1" }, ["10.0.0.0/8"]],
    [{ prefix: "11.0.0.1" }, ["0.0.0.0/0"]],
    [{ prefix: "172.16.1.3" }, ["172.16.1.3/32"]],
    [{ prefix: "2001:db8::1" }, []],
  ])("%j", async (query, expected) => {
    expect(await prefixes(query)).toEqual(expected);
  });
  test("what is not local is what peers told", async () => {
    expect(await prefixes({ local: false })).toHaveLength(5);
  });
  test("every page of two", async () => {
    const seen: string[] = [];
    for (let after: string | undefined; ; ) {
      const page = await routes({ limit: 2, ...(after !== undefined && { after }) });
      seen.push(...page.items.map((route) => route.prefix));
      if (page.next === undefined) break;
      after = page.next;
    }
    expect(seen).toEqual(await prefixes());
  });
  test("a path as it was told, and a rejected one as rejected", async () => {
    const [learned] = (await routes({ prefix: "10.0.0.0/8" })).items;
    expect(learned).toMatchObject({ local: false, installed: true, kind: "other" });
    expect(learned!.paths).toMatchObject([
      {
        peer: "192.0.2.2",
        nextHop: "192.0.2.2",
        asPath: "64512",
        localPref: 100,
        origin: "igp",
        status: "best",
      },
    ]);
    const [rejected] = (await routes({ prefix: "10.1.2.0/24" })).items;
    expect(rejected).toMatchObject({ installed: false, paths: [{ status: "rejected" }] });
    const [own] = (await routes({ prefix: "203.0.113.0/24" })).items;
    expect(own).toMatchObject({
      local: true,
      kind: "public",
      paths: [{ peer: "local", nextHop: "self", asPath: "" }],
    });
  });
});

describe("announcements", () => {
  const told = async (query: object): Promise<string[]> =>
    (await announcementsPage(hub.speaker, { limit: 100, ...query })).items.map(
      (a) => `${a.prefix} ${a.peer}`,
    );

  test("are what each peer was told, and not what it told us", async () => {
    expect((await told({ peer: "192.0.2.2" })).sort()).toEqual(OWN.map((own) => `${own} 192.0.2.2`).sort());
    const passedOn = ["0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16"];
    expect((await told({ peer: "192.0.2.3" })).sort()).toEqual(
      [...OWN, ...passedOn].map((one) => `${one} 192.0.2.3`).sort(),
    );
    expect(await told({})).toHaveLength(7);
  });
  test.each([
    [{ prefix: "203.0.113.0/24" }, 2],
    [{ prefix: "203.0.113.0/25" }, 0],
    [{ kind: "floating" }, 2],
    [{ kind: "floating", peer: "192.0.2.3" }, 1],
    [{ peer: "192.0.2.9" }, 0],
  ])("%j are %i", async (query, count) => {
    expect(await told(query)).toHaveLength(count);
  });
  test("pages go on from one peer to the next", async () => {
    const first = await announcementsPage(hub.speaker, { limit: 3 });
    const second = await announcementsPage(hub.speaker, { limit: 3, after: first.next! });
    const third = await announcementsPage(hub.speaker, { limit: 3, after: second.next! });
    expect(third.next).toBeUndefined();
    const all = [...first.items, ...second.items, ...third.items];
    expect(all).toEqual((await announcementsPage(hub.speaker, { limit: 100 })).items);
  });
  test("carry what was sent", async () => {
    const query = { limit: 1, peer: "192.0.2.3", prefix: "172.16.1.3/32" };
    expect((await announcementsPage(hub.speaker, query)).items).toEqual([
      {
        prefix: "172.16.1.3/32",
        kind: "floating",
        peer: "192.0.2.3",
        nextHop: "192.0.2.1",
        asPath: "65000",
        origin: "igp",
        communities: ["64512:100"],
        largeCommunities: [],
        rule: "otherwise",
      },
    ]);
  });
});

test("what a peer told is there, also what was rejected, with the rule that decided", async () => {
  const { items } = await receivedPage(hub.speaker, { limit: 100, peer: "192.0.2.2" });
  expect(Object.fromEntries(items.map((each) => [each.prefix, [each.accepted, each.rule]]))).toEqual({
    "0.0.0.0/0": [true, "short"],
    "10.0.0.0/8": [true, "short"],
    "10.1.0.0/16": [true, "short"],
    "10.1.2.0/24": [false, "otherwise"],
    "10.1.2.3/32": [false, "otherwise"],
  });
  const one = await receivedPage(hub.speaker, { limit: 1, peer: "192.0.2.2", prefix: "10.0.0.0/8" });
  expect(one.items).toEqual([
    {
      prefix: "10.0.0.0/8",
      kind: "other",
      peer: "192.0.2.2",
      accepted: true,
      rule: "short",
      changes: {},
      nextHop: "192.0.2.2",
      asPath: "64512",
      origin: "igp",
      communities: [],
      largeCommunities: [],
      stale: false,
    },
  ]);
  expect((await receivedPage(hub.speaker, { limit: 1, peer: "192.0.2.9" })).items).toEqual([]);
});

test.each<[string, string, object]>([
  ["10.0.0.0/8", "192.0.2.3", { sent: true, reason: "accepted by rule", rule: "otherwise" }],
  ["10.0.0.0/8", "192.0.2.2", { sent: false, reason: "the peer's own path" }],
  ["10.1.2.0/24", "192.0.2.3", { sent: false, reason: "no path is used" }],
])("%s to %s: %j", async (text, to, expected) => {
  const [route] = (await routes({ prefix: text })).items;
  expect(route?.exports?.find((each) => each.peer === to)).toEqual({ peer: to, ...expected });
});

test("roles, the AS number that a peer knows us by, and OTC with the rule that refuses a leak", async () => {
  const net = new VirtualNetwork({ seed: 1 });
  const us = node(net, 65000, "192.0.2.1");
  const [provider, customer] = [node(net, 64512, "192.0.2.2"), node(net, 64513, "192.0.2.3")];
  us.speaker.setPeers([
    peer("192.0.2.2", 64512, { role: "customer", localAs: { asn: 64999 } }),
    peer("192.0.2.3", 64513, { role: "provider" }),
  ]);
  provider.speaker.setPeers([peer("192.0.2.1", 64999, { role: "provider" })]);
  customer.speaker.setPeers([peer("192.0.2.1", 65000), peer("192.0.2.2", 64512)]);
  provider.speaker.announce([{ prefix: prefix("10.0.0.0/8"), tag: 0 }]);
  net.run(30_000);
  const [one, two] = us.speaker.peers().map(peerAnswer);
  expect(one).toMatchObject({ localAsn: 64999, role: "customer", remoteRole: "provider" });
  expect(two).toMatchObject({ localAsn: 65000, role: "provider" });
  expect(two).not.toHaveProperty("remoteRole");
  const held = { isInstalled: () => false, announced: new Map(), nextHop: () => undefined };
  const { items } = await routesPage(us.speaker, held, { limit: 10, prefix: "10.0.0.0/8" });
  expect(items[0]).toMatchObject({
    paths: [{ status: "best", asPath: "64999 64512", onlyToCustomer: 64512 }],
    exports: [
      { peer: "192.0.2.2", sent: false, reason: "only to customers (RFC 9234)" },
      { peer: "192.0.2.3", sent: true },
    ],
  });
  const told = await announcementsPage(us.speaker, { limit: 10, peer: "192.0.2.3" });
  expect(told.items).toMatchObject([{ asPath: "65000 64999 64512", onlyToCustomer: 64512 }]);
});
