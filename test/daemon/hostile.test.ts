/** Peers that lie, stammer, repeat themselves or say nothing, while two others just want to route. */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { accept, gatewayFile, type PeerEntry } from "./gateway-file.ts";
import { GoodPeer } from "./good-peer.ts";
import { type Daemon, eventually, Lab, PORT } from "./lab.ts";
import { announce, keepalive, message, type OpenFields, open, TYPE, u16, withdraw } from "./octets.ts";
import { RawListener, RawPeer } from "./raw-peer.ts";

const HOSTILE = 64_999;
const OURS = 65_000;

let lab: Lab;
let gateway: Daemon;
let good: GoodPeer[];
let memoryBefore: number;

/** Addresses: .1 we, .2 and .3 good, .10 to .15 hostile by address, .64/26 hostile guests, .128/26 iBGP guests. */
const at = (last: number): string => lab.address(last);

const PEERS = (): PeerEntry[] => [
  { address: at(2), asn: 64_513, passive: true },
  { address: at(3), asn: 64_514, passive: true },
  { address: at(10), asn: HOSTILE, passive: true },
  { address: at(11), asn: HOSTILE, passive: true },
  { address: at(12), asn: HOSTILE, passive: true, maxPrefixes: 3 },
  { address: at(13), asn: HOSTILE, passive: true },
  { address: at(14), asn: HOSTILE },
  { address: at(15), asn: HOSTILE },
  { range: `${lab.prefix}.64/26`, asn: HOSTILE, import: [accept({ within: "198.18.0.0/15", length: 24 })] },
  { range: `${lab.prefix}.128/26`, asn: OURS },
];

const residentBytes = async (): Promise<number> => (await gateway.metric("gatewayd_resident_memory_bytes"))!;

beforeAll(async () => {
  lab = new Lab();
  const config = gatewayFile(lab, "gw", { peers: PEERS() });
  gateway = await lab.start(lab.write("gw.yaml", config), lab.path("gw.sock"));
  const side = { gateway: { address: at(1), port: PORT, asn: OURS } };
  good = [
    await GoodPeer.start({ ...side, address: at(2), asn: 64_513 }),
    await GoodPeer.start({ ...side, address: at(3), asn: 64_514 }),
  ];
  await gateway.established(at(2), at(3));
  good[0]!.announce("203.0.113.0/24");
  await eventually("a route from one to the other", () => good[1]!.received().includes("203.0.113.0/24"));
  memoryBefore = await residentBytes();
});

/** Whatever was done: the good sessions are the ones that they were, and the API answers. */
afterEach(async () => {
  expect(gateway.ended).toBeUndefined();
  expect(await gateway.status()).toMatchObject({ state: "ready", problems: [] });
  for (const last of [2, 3])
    expect(await gateway.peer(at(last))).toMatchObject({ state: "established", flaps: 0 });
  for (const peer of good) expect(peer.flaps).toBe(0);
  expect(good[1]!.received()).toContain("203.0.113.0/24");
  expect(gateway.text).toBe("");
  expect(gateway.events("gateway.crashed")).toEqual([]);
});

afterAll(async () => {
  await Promise.all(good.map((peer) => peer.stop()));
  await lab.remove();
});

/** The next address that nobody has used. */
let guests = 64;
const guest = (): string => at(guests++);
let friends = 128;
const friend = (): string => at(friends++);

const fields = (address: string, asn = HOSTILE): OpenFields => ({ asn, id: address.split(".").map(Number) });
const connected = (from: string): Promise<RawPeer> => RawPeer.connect(from, at(1), PORT);

const OPENS: [string, () => string, (from: string) => Buffer[], string, RegExp][] = [
  ["HTTP", guest, () => [Buffer.from("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")], "1/1", /marker/i],
  ["zeros", guest, () => [Buffer.alloc(4096)], "1/1", /marker/i],
  ["a message of type 9", guest, () => [message(9, [])], "1/3", /type/i],
  ["version 3", guest, (from) => [open({ ...fields(from), version: 3 })], "2/1", /version/i],
  ["version 5", guest, (from) => [open({ ...fields(from), version: 5 })], "2/1", /version/i],
  ["another AS", guest, (from) => [open(fields(from, 64_998))], "2/2", /AS 64998 where 64999/],
  ["AS 0", guest, (from) => [open(fields(from, 0))], "2/2", /AS 0/],
  ["hold time 1", guest, (from) => [open({ ...fields(from), holdSeconds: 1 })], "2/6", /hold time 1/],
  ["hold time 2", guest, (from) => [open({ ...fields(from), holdSeconds: 2 })], "2/6", /hold time 2/],
  ["router ID 0", guest, (from) => [open({ ...fields(from), id: [0, 0, 0, 0] })], "2/3", /identifier/],
  [
    "our router ID, within our AS",
    friend,
    (from) => [open({ ...fields(from, OURS), id: [192, 0, 2, 1] })],
    "2/3",
    /identifier/,
  ],
  [
    "UPDATE before OPEN",
    guest,
    () => [announce(["198.18.0.0/24"], [HOSTILE], "198.51.100.9")],
    "5/1",
    /UPDATE/,
  ],
  ["KEEPALIVE before OPEN", guest, () => [keepalive], "5/1", /KEEPALIVE/],
  ["ROUTE-REFRESH before OPEN", guest, () => [message(TYPE.routeRefresh, [0, 1, 0, 1])], "5/1", /REFRESH/],
  ["OPEN twice", guest, (from) => [open(fields(from)), open(fields(from))], "5/2", /OPEN twice/],
  [
    "UPDATE between OPEN and KEEPALIVE",
    guest,
    (from) => [open(fields(from)), announce(["198.18.0.0/24"], [HOSTILE], "198.51.100.9")],
    "5/2",
    /UPDATE/,
  ],
];

describe("what is answered by a NOTIFICATION, and named in the log", () => {
  test.each(OPENS)("%s", async (_name, address, octets, notification, reason) => {
    const from = address();
    const peer = (await connected(from)).send(...octets(from));
    expect(await peer.lastWords()).toBe(notification);
    const [code, subcode] = notification.split("/").map(Number);
    await gateway.logged("bgp.notification.sent", { peer: from, code, subcode });
    const failed = await gateway.logged("bgp.connection.failed", { peer: from });
    expect(failed["reason"]).toMatch(reason);
    await eventually("nothing is left of it", async () => (await gateway.peer(from)) === undefined);
  });

  test("version 3: the NOTIFICATION says which version we speak (RFC 4271 §6.2)", async () => {
    const from = guest();
    const peer = (await connected(from)).send(open({ ...fields(from), version: 3 }));
    expect(await peer.lastWords()).toBe("2/1");
    expect([...peer.has(TYPE.notification)!.body]).toEqual([2, 1, 0, 4]);
  });

  test("our router ID from another AS is none of ours (RFC 6286)", async () => {
    const from = guest();
    const peer = await (await connected(from)).establish({ ...fields(from), id: [192, 0, 2, 1] });
    await gateway.established(from);
    peer.drop();
  });

  test("OPEN once more in a session", async () => {
    const from = guest();
    const peer = await (await connected(from)).establish(fields(from));
    peer.send(open(fields(from)));
    expect(await peer.lastWords()).toBe("5/3");
    await gateway.logged("bgp.session.down", { peer: from });
  });

  test("more prefixes than it may send", async () => {
    const peer = await (await connected(at(12))).establish(fields(at(12)));
    const prefixes = [0, 1, 2, 3].map((i) => `198.18.${i}.0/24`);
    peer.send(announce(prefixes, [HOSTILE], "198.51.100.9"));
    expect(await peer.lastWords()).toBe("6/1");
    await gateway.logged("bgp.peer.max-prefix", { peer: at(12), limit: 3, received: 4 });
    await eventually("its routes are gone", async () => (await gateway.route("198.18.0.0/24")) === undefined);
  });
});

describe("what is not answered", () => {
  test.each([
    ["a NOTIFICATION at once", () => message(TYPE.notification, [6, 2])],
    ["half a header", () => Buffer.alloc(10, 255)],
    ["nothing", () => Buffer.alloc(0)],
  ])("%s, and gone", async (_name, octets) => {
    const from = guest();
    const peer = await connected(from);
    peer.send(octets());
    await peer.received(TYPE.open);
    peer.socket.end();
    expect(await peer.lastWords()).toBeUndefined();
    await gateway.logged("bgp.connection.failed", { peer: from });
    await eventually("nothing is left of it", async () => (await gateway.peer(from)) === undefined);
  });

  test("whoever is no peer: refused, named, and not for long in the log", async () => {
    for (let i = 0; i < 30; i++) {
      const peer = await connected(at(200));
      // So many a second are told why: Cease, Connection Rejected.
      expect(["6/5", undefined]).toContain(await peer.lastWords());
      expect(peer.messages.every(({ type }) => type === TYPE.notification)).toBe(true);
    }
    const lines = gateway.events("bgp.stranger", { from: at(200) });
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.length).toBeLessThanOrEqual(10);
    expect(lines[0]!.msg).toMatch(/bgp\.peers/);
    expect(await gateway.peer(at(200))).toBeUndefined();
  });
});

describe("what is strange and in order", () => {
  test("one octet at a time", async () => {
    const from = guest();
    const peer = await connected(from);
    for (const octet of Buffer.concat([open(fields(from)), keepalive])) {
      peer.send(Uint8Array.of(octet));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await peer.received(TYPE.keepalive);
    const update = announce(["198.18.7.0/24"], [HOSTILE], "198.51.100.9");
    for (const octet of update) {
      peer.send(Uint8Array.of(octet));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await eventually(
      "the route",
      async () => (await gateway.route("198.18.7.0/24"))?.paths[0]?.status === "best",
    );
    peer.drop();
    await eventually(
      "it went with the session",
      async () => (await gateway.route("198.18.7.0/24")) === undefined,
    );
  });

  test("a prefix that its import rules do not allow is shown, told, and goes no further", async () => {
    const from = guest();
    const peer = await (await connected(from)).establish(fields(from));
    peer.send(announce(["8.8.8.0/24", "198.18.9.0/24"], [HOSTILE], "198.51.100.9"));
    await eventually("the good one is passed on", () => good[1]!.received().includes("198.18.9.0/24"));
    expect(good[1]!.received()).not.toContain("8.8.8.0/24");
    expect(await gateway.peer(from)).toMatchObject({ prefixes: { received: 2, accepted: 1 } });
    expect((await gateway.route("8.8.8.0/24"))?.paths).toMatchObject([{ peer: from, status: "rejected" }]);
    const { stdout } = await gateway.gwctl("show", "route", "8.8.8.0/24");
    expect(stdout).toMatch(/rejected/);
    // The address itself is not on its way to anywhere.
    expect((await gateway.gwctl("show", "route", "8.8.8.8")).status).toBe(3);
    expect((await gateway.gwctl("show", "announcements", "--prefix", "8.8.8.0/24")).stdout).not.toMatch(
      /8\.8\.8/,
    );
    const line = await gateway.logged("bgp.import.rejected", { peer: from });
    expect(line).toMatchObject({ rejected: 1, prefix: "8.8.8.0/24" });
    peer.drop();
    await eventually("it is taken back", () => !good[1]!.received().includes("198.18.9.0/24"));
  });
});

describe("two connections at once", () => {
  test("both opened by the peer: the newer stays (RFC 4271 §6.8)", async () => {
    const older = (await connected(at(10))).send(open(fields(at(10))));
    await older.received(TYPE.open);
    const newer = (await connected(at(10))).send(open(fields(at(10))));
    await newer.received(TYPE.keepalive);
    expect(await older.lastWords()).toBe("6/7");
    newer.send(keepalive);
    await gateway.established(at(10));
    await gateway.logged("bgp.connection.collision", { peer: at(10), kept: "remote" });
    newer.drop();
  });

  test("a second one beside a session: the session stays", async () => {
    const session = await (await connected(at(11))).establish(fields(at(11)));
    await gateway.established(at(11));
    const second = (await connected(at(11))).send(open(fields(at(11))));
    expect(await second.lastWords()).toBe("6/7");
    const third = (await connected(at(11))).send(Buffer.from("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    expect(await third.lastWords()).toBe("1/1");
    expect(await gateway.peer(at(11))).toMatchObject({ state: "established", flaps: 0 });
    expect(session.closed).toBe(false);
    session.drop();
  });

  test.each([
    ["the peer's identifier is higher: its own stays", 14, [223, 255, 255, 1], "remote"],
    ["ours is higher: the one that we opened stays", 15, [1, 0, 0, 1], "local"],
  ] as const)("opened by both sides: %s", async (_name, last, id, kept) => {
    const listener = await RawListener.on(at(last), PORT);
    try {
      // Nobody was there till now: without this it would dial when its wait after so many failures is over.
      await gateway.gwctl("peer", "start", at(last));
      const ours = await eventually("the gateway dials", () => listener.accepted[0]);
      await ours.received(TYPE.open);
      const theirs = await connected(at(last));
      await theirs.received(TYPE.open);
      const offer = open({ asn: HOSTILE, id });
      ours.send(offer);
      await ours.received(TYPE.keepalive);
      theirs.send(offer);
      const [stays, goes] = kept === "remote" ? [theirs, ours] : [ours, theirs];
      expect(await goes.lastWords()).toBe("6/7");
      stays.send(keepalive);
      await gateway.established(at(last));
      await gateway.logged("bgp.connection.collision", { peer: at(last), kept });
    } finally {
      listener.close();
    }
  });
});

describe("too much", () => {
  test("2 000 connections from one peer", async () => {
    for (let round = 0; round < 20; round++) {
      const peers = await Promise.all(Array.from({ length: 100 }, () => connected(at(10))));
      for (const peer of peers) peer.drop();
    }
    const session = await eventually(
      "the peer is let in again",
      async () => {
        const peer = await connected(at(10));
        peer.send(open(fields(at(10))), keepalive);
        return await peer.received(TYPE.keepalive, 2000).then(
          () => peer,
          () => undefined,
        );
      },
      30_000,
    );
    await gateway.established(at(10));
    session.drop();
  });

  test("2 000 connections from everywhere in a range, none of which says a word", async () => {
    const from = Array.from({ length: 20 }, () => guest());
    const peers: RawPeer[] = [];
    for (let round = 0; round < 100; round++) {
      peers.push(...(await Promise.all(from.map((address) => connected(address)))));
    }
    await gateway.status();
    for (const peer of peers) peer.drop();
    await eventually("nothing is left of them", async () => {
      const known = new Set((await gateway.peers()).map(({ address }) => address));
      return from.every((address) => !known.has(address));
    });
  });

  test("2 000 knocks of a guest are a few lines of log", async () => {
    const from = guest();
    for (let i = 0; i < 2000; i++) {
      const knock = await connected(from);
      knock.drop();
    }
    await eventually("it is forgotten", async () => (await gateway.peer(from)) === undefined);
    const lines = gateway.logs.filter((line) => line["peer"] === from);
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.length).toBeLessThan(20);
  });

  test("refresh requests without end", async () => {
    const peer = await (await connected(at(11))).establish({ ...fields(at(11)), holdSeconds: 0 });
    const refresh = message(TYPE.routeRefresh, [...u16(1), 0, 1]);
    for (let round = 0; round < 20; round++) peer.send(Buffer.concat(Array(500).fill(refresh)));
    await eventually("all are counted", async () => {
      const known = await gateway.peer(at(11));
      return known?.messages.received["route-refresh"] === 10_000;
    });
    peer.drop();
  });
});

test("a peer that never reads is owed the last state of each route, and no history", async () => {
  const slow = await (await connected(at(10))).establish({ ...fields(at(10)), holdSeconds: 0 });
  const feeder = await (await connected(at(13))).establish({ ...fields(at(13)), holdSeconds: 0 });
  await gateway.established(at(10), at(13));
  slow.socket.pause();
  const prefixes = Array.from({ length: 60 }, (_, i) => `100.64.${i}.0/24`);
  const sent = async (last: number): Promise<number> =>
    (await gateway.peer(at(last)))!.messages.sent["update"]!;
  let round = 0;
  /** Another path for all of them, again and again; resolves when the other peers have heard of it. */
  const feed = async (rounds: number): Promise<void> => {
    for (const end = round + rounds; round < end; round++) {
      // A long path for each prefix alone: much to send, little to work on.
      const path = (i: number): number[] => [HOSTILE, ...Array<number>(200).fill(70_000 + i), 80_000 + round];
      feeder.send(...prefixes.map((prefix, i) => announce([prefix], path(i), "198.51.100.9")));
    }
    const marker = `198.19.${round & 255}.0/24`;
    feeder.send(announce([marker], [HOSTILE], "198.51.100.9"));
    await eventually("the others have it", () => good[1]!.received().includes(marker));
    feeder.send(withdraw([marker]));
  };
  await eventually(
    "it takes no more",
    async () => {
      const before = await sent(10);
      await feed(20);
      return (await sent(10)) === before;
    },
    45_000,
  );
  const [blockedAt, othersAt] = [await sent(10), await sent(3)];
  await feed(100);
  expect(await sent(3)).toBeGreaterThan(othersAt + 1000);
  slow.socket.resume();
  await eventually("it is told the rest", () => slow.told.size === prefixes.length + 1);
  expect(await sent(10)).toBeLessThan(blockedAt + 3 * prefixes.length);
  feeder.send(withdraw(prefixes));
  await eventually("and that it is over", () => slow.told.size === 1);
  expect([...slow.told]).toEqual(["203.0.113.0/24"]);
  slow.drop();
  feeder.drop();
}, 120_000);

test("after all of it, the memory is not much more than before", async () => {
  const { stdout } = await gateway.gwctl("show", "peers", "-o", "json");
  expect(JSON.parse(stdout)).toHaveLength(8);
  expect((await residentBytes()) - memoryBefore).toBeLessThan(160 << 20);
});
