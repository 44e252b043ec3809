/** SIGHUP: all of a file or nothing of it, and nobody flaps who need not. */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { AnnouncementAnswer } from "../../src/api/schema.ts";
import { parseAddress } from "../../src/bgp/index.ts";
import { accept, type GatewayFile, gatewayFile, type PeerEntry } from "./gateway-file.ts";
import { GoodPeer } from "./good-peer.ts";
import { type Daemon, eventually, Lab, type LogLine, PORT } from "./lab.ts";

const UPSTREAM = 64_512;

let lab: Lab;
let gateway: Daemon;
/** The other side: a gatewayd too, and two speakers in this process. */
let upstream: Daemon;
let north: GoodPeer;
let south: GoodPeer;

const upstreamAt = (): string => lab.address(2);
const northAt = (): string => lab.address(3);
const southAt = (): string => lab.address(4);

const PEERS = (): PeerEntry[] => [
  { address: upstreamAt(), asn: UPSTREAM, description: "the other gatewayd" },
  { address: northAt(), asn: 64_513, passive: true },
  { address: southAt(), asn: 64_514, passive: true },
];
const START = (): GatewayFile => ({ peers: PEERS() });

beforeAll(async () => {
  lab = new Lab();
  const up = gatewayFile(lab, "up", {
    at: 2,
    asn: UPSTREAM,
    routerId: "192.0.2.2",
    peers: [{ address: lab.address(1), asn: 65_000 }],
  });
  upstream = await lab.start(lab.write("up.yaml", up), lab.path("up.sock"));
  gateway = await lab.start(lab.write("gw.yaml", gatewayFile(lab, "gw", START())), lab.path("gw.sock"));
  const side = { gateway: { address: lab.address(1), port: PORT, asn: 65_000 } };
  north = await GoodPeer.start({ ...side, address: northAt(), asn: 64_513 });
  south = await GoodPeer.start({ ...side, address: southAt(), asn: 64_514 });
  await gateway.established(upstreamAt(), northAt(), southAt());
});
afterAll(async () => {
  await Promise.all([north.stop(), south.stop()]);
  await lab.remove();
});

async function loaded(wanted: GatewayFile): Promise<LogLine> {
  lab.write("gw.yaml", gatewayFile(lab, "gw", wanted));
  return await gateway.reload();
}

/** How often each session was lost. */
async function sessions(): Promise<Map<string, number>> {
  return new Map((await gateway.peers()).map(({ address, flaps }) => [address, flaps]));
}

/** The very same sessions as before: none was lost. */
async function expectUndisturbed(
  before: Awaited<ReturnType<typeof sessions>>,
  ...peers: string[]
): Promise<void> {
  const after = await sessions();
  for (const peer of peers) {
    expect(after.get(peer)).toBe(before.get(peer));
    expect(await gateway.peer(peer)).toMatchObject({ state: "established" });
  }
}

/** What the gateway says that it told a peer. */
async function toldTo(peer: string): Promise<Map<string, AnnouncementAnswer>> {
  const told = await gateway.get<readonly AnnouncementAnswer[]>(`/api/v1/announcements?peer=${peer}`);
  return new Map(told.map((one) => [one.prefix, one]));
}

/** Who was told that it is no peer waits for half a minute and more by itself (RFC 4486 section 4). */
function dialAgain({ speaker }: GoodPeer): void {
  speaker.order(parseAddress(lab.address(1))!, { do: "start" });
}

/** Back to the first file, so that each test begins with the same. */
afterEach(async () => {
  expect(await loaded(START())).toMatchObject({ event: "config.loaded" });
  for (const peer of [north, south]) dialAgain(peer);
  await gateway.established(upstreamAt(), northAt(), southAt());
});

describe("a file that is refused changes nothing", () => {
  const bad: [string, () => string | object, RegExp][] = [
    ["broken", () => "bgp: [", /gw\.yaml:1:7: .*Flow sequence/],
    ["empty", () => "", /gw\.yaml:1:1: the file is empty/],
    [
      "of another shape",
      () => ({ ...gatewayFile(lab, "gw"), netwroks: [] }),
      /netwroks: unknown key; .*networks/,
    ],
  ];
  test.each(bad)("%s", async (_name, content, why) => {
    const before = await sessions();
    const { loadedAt } = (await gateway.status()).config;
    lab.write("gw.yaml", content());
    const line = await gateway.reload();
    expect(line).toMatchObject({ event: "config.refused", level: "error", msg: expect.stringMatching(why) });
    const status = await gateway.status();
    expect(status).toMatchObject({ state: "degraded", config: { stale: true, loadedAt, error: line.msg } });
    expect(await gateway.metric("gatewayd_config_stale")).toBe(1);
    const { stdout } = await gateway.gwctl("show", "status");
    expect(stdout).toMatch(/^Refused +the file on disk is not in force: /m);
    expect(stdout).toMatch(why);
    await expectUndisturbed(before, upstreamAt(), northAt(), southAt());

    expect(await loaded(START())).toMatchObject({ event: "config.loaded" });
    const { state, config } = await gateway.status();
    expect({ state, config }).toMatchObject({ state: "ready", config: { stale: false } });
    expect(config.loadedAt > loadedAt).toBe(true);
    expect(config.error).toBeUndefined();
    expect(await gateway.metric("gatewayd_config_stale")).toBe(0);
    expect((await gateway.gwctl("show", "status")).stdout).not.toMatch(/Refused/);
    await expectUndisturbed(before, upstreamAt(), northAt(), southAt());
  });
});

describe("what only a restart can change is refused by name", () => {
  const fixed: [string, (file: ReturnType<typeof gatewayFile>) => object, RegExp][] = [
    ["our AS", (file) => ({ ...file, bgp: { ...file.bgp, asn: 65_001 } }), /bgp\.asn/],
    ["our router ID", (file) => ({ ...file, bgp: { ...file.bgp, routerId: "192.0.2.9" } }), /bgp\.routerId/],
    [
      "where BGP listens",
      (file) => ({ ...file, bgp: { ...file.bgp, listen: { addresses: [lab.address(9)], port: 1 } } }),
      /bgp\.listen/,
    ],
    ["multipath", (file) => ({ ...file, bgp: { ...file.bgp, multipath: 1 } }), /bgp\.multipath/],
    [
      "graceful restart",
      (file) => ({ ...file, bgp: { ...file.bgp, gracefulRestart: false } }),
      /bgp\.gracefulRestart/,
    ],
    ["the role", (file) => ({ ...file, role: "compute" }), /role/],
    ["the hostname", (file) => ({ ...file, hostname: "other" }), /hostname/],
    ["the kernel", (file) => ({ ...file, kernel: { type: "none", protocol: 87 } }), /kernel/],
    ["the API", (file) => ({ ...file, api: { socket: lab.path("other.sock") } }), /api/],
    ["the log's format", (file) => ({ ...file, log: { format: "text" } }), /log\.format/],
  ];
  test.each(fixed)("%s", async (_name, change, what) => {
    const before = await sessions();
    // A removed peer in the same file: it must stay, since nothing of the file is taken over.
    const file = gatewayFile(lab, "gw", { peers: PEERS().slice(0, 1) });
    lab.write("gw.yaml", change(file));
    const line = await gateway.reload();
    expect(line).toMatchObject({ event: "config.refused", msg: expect.stringMatching(what) });
    expect(line.msg).toMatch(/only a restart can change/);
    await expectUndisturbed(before, upstreamAt(), northAt(), southAt());
  });
});

test("the log's level changes at once", async () => {
  const { loadedAt } = (await gateway.status()).config;
  lab.write("gw.yaml", gatewayFile(lab, "gw", { ...START(), sections: { log: { level: "fatal" } } }));
  const before = gateway.logs.length;
  gateway.signal("SIGHUP");
  await eventually("the reload", async () => (await gateway.status()).config.loadedAt !== loadedAt);
  expect(gateway.logs.slice(before)).toEqual([]);
});

describe("peers", () => {
  test("whose settings did not change do not notice", async () => {
    const before = await sessions();
    for (let i = 0; i < 5; i++) expect(await gateway.reload()).toMatchObject({ event: "config.loaded" });
    await expectUndisturbed(before, upstreamAt(), northAt(), southAt());
    expect([north.flaps, south.flaps]).toEqual([0, 0]);
    expect(await upstream.peer(lab.address(1))).toMatchObject({ state: "established", flaps: 0 });
  });

  test("one removed is told so; the others do not notice", async () => {
    const before = await sessions();
    south.events.length = 0;
    await loaded({ peers: PEERS().slice(0, 2) });
    await eventually("the word that it is removed", () =>
      south.events.some(
        (event) => event.on === "notification-received" && event.code === 6 && event.subcode === 3,
      ),
    );
    expect(await gateway.peer(southAt())).toBeUndefined();
    expect((await gateway.gwctl("show", "peer", southAt())).status).toBe(3);
    await expectUndisturbed(before, upstreamAt(), northAt());
    dialAgain(south);
    await eventually("it is refused", () => gateway.events("bgp.stranger", { from: southAt() }).length > 0);
  });

  test("one added comes up; the others do not notice", async () => {
    const before = await sessions();
    const east = await GoodPeer.start({
      address: lab.address(5),
      asn: 64_515,
      gateway: { address: lab.address(1), port: PORT, asn: 65_000 },
      listens: true,
    });
    await loaded({ peers: [...PEERS(), { address: lab.address(5), asn: 64_515 }] });
    await gateway.established(lab.address(5));
    await expectUndisturbed(before, upstreamAt(), northAt(), southAt());
    await east.stop();
  });

  test("one whose hold time changed begins anew, and alone", async () => {
    const before = await sessions();
    const peers = PEERS().map((peer, i) => (i === 1 ? { ...peer, holdTime: "12s" } : peer));
    await loaded({ peers });
    await eventually("the new session", async () => {
      const peer = await gateway.peer(northAt());
      return peer?.state === "established" && peer.holdSeconds === 12;
    });
    expect((await gateway.peer(northAt()))?.flaps).toBe(before.get(northAt())! + 1);
    await expectUndisturbed(before, upstreamAt(), southAt());
  });

  test("one whose AS changed is refused from then on, and named", async () => {
    const before = await sessions();
    const peers = PEERS().map((peer, i) => (i === 1 ? { ...peer, asn: 64_600 } : peer));
    await loaded({ peers });
    const line = await gateway.logged("bgp.connection.failed", { peer: northAt() });
    expect(line["reason"]).toBe("AS 64513 where 64600 is configured");
    expect(await gateway.logged("bgp.notification.sent", { peer: northAt(), code: 2 })).toMatchObject({
      subcode: 2,
    });
    await expectUndisturbed(before, upstreamAt(), southAt());
  });

  test("a new description shows at once", async () => {
    const before = await sessions();
    const peers = PEERS().map((peer, i) =>
      i === 1 ? { ...peer, description: "north", maxPrefixes: 5 } : peer,
    );
    await loaded({ peers });
    expect(await gateway.peer(northAt())).toMatchObject({ description: "north" });
    await expectUndisturbed(before, upstreamAt(), northAt(), southAt());
  });
});

describe("policy acts on the routes that are there", () => {
  test("import: what is not let in any more goes from everyone, and comes back", async () => {
    north.announce("198.18.1.0/24", "198.18.2.0/24");
    await eventually("both at south", () => south.received().length === 2);
    const before = await sessions();
    const peers = PEERS().map((peer, i) =>
      i === 1 ? { ...peer, import: [accept({ prefix: "198.18.2.0/24" })] } : peer,
    );
    await loaded({ peers });
    await eventually("one is taken back", () => south.received().join() === "198.18.2.0/24");
    expect((await gateway.route("198.18.1.0/24"))?.paths).toMatchObject([
      { peer: northAt(), status: "rejected" },
    ]);
    expect(await gateway.peer(northAt())).toMatchObject({ prefixes: { received: 2, accepted: 1 } });
    const told = await gateway.logged("bgp.import.rejected", { peer: northAt() });
    expect(told).toMatchObject({ rejected: 1, prefix: "198.18.1.0/24" });
    await loaded(START());
    await eventually("both at south again", () => south.received().length === 2);
    await expectUndisturbed(before, upstreamAt(), northAt(), southAt());
    north.withdraw("198.18.1.0/24", "198.18.2.0/24");
    await eventually("nothing at south", () => south.received().length === 0);
  });

  test("export: what may not be told any more is taken back, from that peer alone", async () => {
    const prefix = "198.18.3.0/24";
    north.announce(prefix);
    await eventually("it is at south", () => south.received().includes(prefix));
    await eventually("upstream is told", async () => (await toldTo(upstreamAt())).has(prefix));
    const before = await sessions();
    const peers = PEERS().map((peer, i) => (i === 2 ? { ...peer, export: [] } : peer));
    await loaded({ peers });
    await eventually("it is taken back", () => south.received().length === 0);
    expect((await toldTo(upstreamAt())).has(prefix)).toBe(true);
    await loaded(START());
    await eventually("it is back", () => south.received().includes(prefix));
    await expectUndisturbed(before, upstreamAt(), northAt(), southAt());
    north.withdraw(prefix);
    await eventually("nobody is told any more", async () => (await toldTo(upstreamAt())).size === 0);
  });

  test("export: another community", async () => {
    const prefix = "198.18.4.0/24";
    north.announce(prefix);
    await eventually("upstream is told", async () => (await toldTo(upstreamAt())).get(prefix));
    const exported = [{ ...accept(), set: { communities: ["64512:7"] } }];
    const peers = PEERS().map((peer, i) => (i === 0 ? { ...peer, export: exported } : peer));
    await loaded({ peers });
    await eventually("upstream is told the community", async () =>
      (await toldTo(upstreamAt())).get(prefix)?.communities.includes("64512:7"),
    );
    expect((await toldTo(southAt())).get(prefix)?.communities).toEqual([]);
    north.withdraw(prefix);
  });
});

test("what is announced comes and goes with the file", async () => {
  const before = await sessions();
  const nat = { private: ["10.65.0.0/16"], pools: [{ name: "p", addresses: ["198.51.100.10"] }] };
  await loaded({ ...START(), sections: { nat } });
  for (const peer of [north, south]) {
    await eventually("the pool at the peer", () => peer.received().includes("198.51.100.10/32"));
  }
  const { stdout } = await gateway.gwctl("show", "announcements", "-o", "json");
  const told = (JSON.parse(stdout) as AnnouncementAnswer[]).map(({ prefix, peer }) => `${prefix} ${peer}`);
  expect(told.sort()).toEqual(
    [upstreamAt(), northAt(), southAt()].map((peer) => `198.51.100.10/32 ${peer}`).sort(),
  );
  await loaded(START());
  await eventually("it is gone", () => north.received().length === 0 && south.received().length === 0);
  await expectUndisturbed(before, upstreamAt(), northAt(), southAt());
});
