/** Sessions that are not wanted: shut down by an operator, or ended after too many prefixes. On virtual time. */

import { describe, expect, test } from "vitest";
import type { SpeakerEvent } from "./events.ts";
import type { PeerOptions } from "./options.ts";
import type { PeerOrder } from "./peer-halt.ts";
import { address, best, isUp, local, type Node, node, peer, stateOf } from "./testing/nodes.ts";
import { VirtualNetwork } from "./testing/virtual-network.ts";

const A = "10.0.0.1";
const B = "10.0.0.2";
const RESTART = { restartSeconds: 120, notification: true, restarting: false };

interface Scene {
  readonly net: VirtualNetwork;
  readonly a: Node;
  readonly b: Node;
}

function scene(ofA: Partial<PeerOptions> = {}, more: Parameters<typeof node>[3] = {}): Scene {
  const net = new VirtualNetwork({ seed: 3 });
  const [a, b] = [node(net, 65001, A, more), node(net, 65002, B, more)];
  a.speaker.setPeers([peer(B, 65002, ofA)]);
  b.speaker.setPeers([peer(A, 65001)]);
  a.speaker.announce([local("192.0.2.0/24")]);
  b.speaker.announce([local("198.51.100.0/24")]);
  return { net, a, b };
}

function up(ofA: Partial<PeerOptions> = {}, more: Parameters<typeof node>[3] = {}): Scene {
  const all = scene(ofA, more);
  all.net.until(() => best(all.a).length === 2 && best(all.b).length === 2);
  return all;
}

const order = ({ speaker }: Node, what: PeerOrder): boolean => speaker.order(address(B), what);
const haltOf = ({ speaker }: Node) => speaker.peers()[0]!.halt;
const heard = ({ events }: Node, on: SpeakerEvent["on"] = "notification-received") =>
  events.filter((event) => event.on === on);

describe("an operator shuts a peer down", () => {
  test.each([
    ["without graceful restart", {}, { code: 6, subcode: 2 }],
    [
      "with it: a hard reset, so that no route stays (RFC 8538)",
      { gracefulRestart: RESTART },
      { code: 6, subcode: 9 },
    ],
  ])("%s", (_, more, notification) => {
    const { net, a, b } = up({}, more);
    expect(order(a, { do: "shutdown", text: "new optics, back at 14:00" })).toBe(true);
    net.run(100);
    expect(heard(b)).toEqual([
      expect.objectContaining({ ...notification, communication: "new optics, back at 14:00" }),
    ]);
    expect(b.speaker.peers()[0]!.lastError?.words).toMatch(/: "new optics, back at 14:00"$/);
    expect([best(a), best(b)]).toEqual([["192.0.2.0/24 via local"], ["198.51.100.0/24 via local"]]);
    expect(haltOf(a)).toEqual({
      reason: "shutdown",
      text: "new optics, back at 14:00",
      restartsInMs: undefined,
    });
    // However long it takes, and however often the other side tries: who dials is told again.
    net.run(3_600_000);
    expect(stateOf(a)).toBe("idle");
    expect(heard(b, "session-up")).toHaveLength(1);
    expect(heard(b).at(-1)).toMatchObject({
      code: 6,
      subcode: 2,
      communication: "new optics, back at 14:00",
    });
    order(a, { do: "start" });
    net.until(() => isUp(a, b) && best(a).length === 2, 130_000);
    expect(haltOf(a)).toBeUndefined();
    expect(heard(a, "shutdown")).toHaveLength(1);
    expect(heard(a, "started")).toHaveLength(1);
  });

  test("while it is down, nothing dials and nothing waits", () => {
    const { net, a, b } = up();
    b.crash();
    order(a, { do: "shutdown" });
    net.run(600_000);
    expect(net.pendingTasks).toBe(0);
    expect(a.speaker.peers()[0]!.state).toBe("idle");
  });
});

describe("what a shutdown leaves", () => {
  test("routes that waited for a restart go at once", () => {
    const { net, a, b } = up({}, { gracefulRestart: RESTART });
    b.crash();
    net.reset(address(A), address(B));
    net.run(15_000);
    expect(a.speaker.peers()[0]!.gracefulRestart.stalePaths).toBe(1);
    order(a, { do: "shutdown" });
    net.run(10);
    expect(best(a)).toEqual(["192.0.2.0/24 via local"]);
  });

  test("a restarted speaker does not wait for it to tell what it knows", async () => {
    const { net, a } = scene({ shutdown: true });
    const learned = a.speaker.learned(30_000);
    net.run(10);
    expect(await learned).toEqual({ missing: [] });
  });
});

describe("a shutdown in the settings", () => {
  test("from the start, by a change, and no more", () => {
    const { net, a, b } = scene({ shutdown: "not yet" });
    net.run(60_000);
    expect(heard(b).at(-1)).toMatchObject({ subcode: 2, communication: "not yet" });
    expect(haltOf(a)).toMatchObject({ text: "not yet" });
    a.speaker.setPeers([peer(B, 65002)]);
    net.until(() => isUp(a, b), 130_000);
    a.speaker.setPeers([peer(B, 65002, { shutdown: true })]);
    net.run(100);
    expect(heard(b).at(-1)).toMatchObject({ subcode: 2, communication: undefined });
    // Other settings change meanwhile: it stays down, and has them afterwards.
    a.speaker.setPeers([peer(B, 65002, { shutdown: true, holdSeconds: 30 })]);
    net.run(60_000);
    expect(stateOf(a)).toBe("idle");
    a.speaker.setPeers([peer(B, 65002, { holdSeconds: 6 })]);
    net.until(() => isUp(a, b), 130_000);
    expect(a.speaker.peers()[0]!.holdSeconds).toBe(6);
  });

  test("what was said last counts: an order holds until the settings say something else than before", () => {
    const { net, a, b } = up();
    order(a, { do: "shutdown" });
    a.speaker.setPeers([peer(B, 65002, { description: "reloaded" })]);
    net.run(60_000);
    expect(stateOf(a)).toBe("idle");
    a.speaker.setPeers([peer(B, 65002, { shutdown: true })]);
    order(a, { do: "start" });
    net.until(() => isUp(a, b), 130_000);
    a.speaker.setPeers([peer(B, 65002, { shutdown: true, description: "again" })]);
    net.run(1000);
    expect(isUp(a, b)).toBe(true);
  });

  test("a range that is shut down takes nobody, and keeps nothing of who tries", () => {
    const net = new VirtualNetwork({ seed: 4 });
    const [hub, guest] = [node(net, 65000, A), node(net, 65000, B)];
    hub.speaker.setPeers([peer("10.0.0.0/24", 65000)]);
    guest.speaker.setPeers([peer(A, 65000)]);
    net.until(() => isUp(guest));
    hub.speaker.setPeers([peer("10.0.0.0/24", 65000, { shutdown: "moved to hub 2" })]);
    net.run(1000);
    expect(heard(guest).at(-1)).toMatchObject({ subcode: 2, communication: "moved to hub 2" });
    expect(haltOf(hub)).toMatchObject({ reason: "shutdown" });
    hub.speaker.setPeers([peer("10.0.0.0/24", 65000)]);
    net.until(() => isUp(guest, hub), 130_000);
    const late = node(net, 65000, "10.0.0.3");
    hub.speaker.setPeers([peer("10.0.0.0/24", 65000, { shutdown: "moved to hub 2" })]);
    late.speaker.setPeers([peer(A, 65000)]);
    net.run(1000);
    expect(heard(late).at(-1)).toMatchObject({ subcode: 2, communication: "moved to hub 2" });
    expect(hub.speaker.peers().map(({ address: of }) => of.w0 & 255)).toEqual([2]);
  });

  test("an order to a peer that is not there does nothing", () => {
    expect(up().a.speaker.order(address("10.0.0.99"), { do: "shutdown" })).toBe(false);
  });
});

describe("an operator resets a session", () => {
  test("hard: told so, all routes anew", () => {
    const { net, a, b } = up({}, { gracefulRestart: RESTART });
    order(a, { do: "reset", text: "clean slate" });
    net.run(1);
    expect(best(a)).toEqual(["192.0.2.0/24 via local"]);
    net.until(() => isUp(a, b) && best(a).length === 2 && best(b).length === 2);
    expect(heard(b)).toEqual([
      expect.objectContaining({
        words: "Cease: Hard Reset (Cease: Administrative Reset)",
        communication: "clean slate",
      }),
    ]);
    expect(a.speaker.peers()[0]!.flaps).toBe(1);
  });

  test("soft: everything is told again both ways, and no session notices", () => {
    const { net, a, b } = up();
    const before = [a, b].map(({ speaker }) => speaker.peers()[0]!.messages.sent.update);
    order(a, { do: "refresh" });
    net.run(100);
    const after = [a, b].map(({ speaker }) => speaker.peers()[0]!.messages.sent.update);
    expect(after.map((count, i) => count - before[i]!)).toEqual([1, 1]);
    expect([best(a), best(b)].map(({ length }) => length)).toEqual([2, 2]);
    expect([a, b].map(({ speaker }) => speaker.peers()[0]!.flaps)).toEqual([0, 0]);
  });

  test("a peer that is shut down stays so", () => {
    const { net, a } = up();
    order(a, { do: "shutdown" });
    order(a, { do: "reset" });
    order(a, { do: "refresh" });
    net.run(60_000);
    expect(haltOf(a)).toMatchObject({ reason: "shutdown" });
  });
});

const many = (count: number) => Array.from({ length: count }, (_, i) => local(`203.0.113.${i}/32`));

function over(maxPrefixes: PeerOptions["maxPrefixes"] & object): Scene {
  const all = scene({ maxPrefixes });
  all.b.speaker.announce(many(20));
  all.net.until(() => heard(all.a, "max-prefix").length === 1);
  all.net.run(100);
  return all;
}

describe("more prefixes than allowed", () => {
  test("the session ends with Cease 1 and stays down until it is started", () => {
    const { net, a, b } = over({ limit: 10 });
    expect(heard(b)[0]).toMatchObject({ code: 6, subcode: 1 });
    expect(best(a)).toEqual(["192.0.2.0/24 via local"]);
    expect(a.speaker.peers()[0]!.lastError?.words).toBe("more than 10 prefixes");
    net.run(7_200_000);
    expect(haltOf(a)).toEqual({ reason: "max-prefixes", text: undefined, restartsInMs: undefined });
    expect(heard(a, "session-up")).toHaveLength(1);
    b.speaker.withdraw(many(20).map(({ prefix }) => prefix));
    order(a, { do: "start" });
    net.until(() => isUp(a, b) && best(a).length === 2, 130_000);
  });

  test("until it is reset, or the limit is another", () => {
    const { net, a, b } = over({ limit: 10 });
    order(a, { do: "reset" });
    net.until(() => heard(a, "max-prefix").length === 2, 130_000);
    a.speaker.setPeers([peer(B, 65002, { maxPrefixes: { limit: 10 }, description: "no help" })]);
    net.run(60_000);
    expect(haltOf(a)).toBeDefined();
    a.speaker.setPeers([peer(B, 65002, { maxPrefixes: { limit: 100 } })]);
    net.until(() => isUp(a, b) && best(a).length === 22, 130_000);
  });

  test("or for as long as `restartSeconds` say, again and again", () => {
    const { net, a, b } = over({ limit: 10, restartSeconds: 600 });
    expect(haltOf(a)?.restartsInMs).toBeGreaterThan(599_000);
    net.run(590_000);
    expect(stateOf(a)).toBe("idle");
    net.until(() => heard(a, "max-prefix").length === 2, 150_000);
    b.speaker.withdraw(many(20).map(({ prefix }) => prefix));
    net.until(() => isUp(a, b), 750_000);
    expect(heard(a, "session-up")).toHaveLength(3);
  });

  test("a limit below what is there already counts at once", () => {
    const { net, a, b } = scene();
    b.speaker.announce(many(20));
    net.until(() => best(a).length === 22);
    a.speaker.setPeers([peer(B, 65002, { maxPrefixes: { limit: 20 } })]);
    net.run(100);
    expect(haltOf(a)).toMatchObject({ reason: "max-prefixes" });
    expect(heard(b)[0]).toMatchObject({ subcode: 1 });
  });
});

describe("nearly as many prefixes as allowed", () => {
  test("a warning, once; again only after it was calm", () => {
    const { net, a, b } = scene({ maxPrefixes: { limit: 20, warnAt: 16 } });
    const tell = (count: number): void => {
      b.speaker.withdraw(
        many(20)
          .slice(count)
          .map(({ prefix }) => prefix),
      );
      b.speaker.announce(many(count));
      net.run(100);
    };
    net.until(() => isUp(a, b));
    for (const count of [14, 15, 14, 15, 18]) tell(count);
    expect(heard(a, "max-prefix-near")).toEqual([
      expect.objectContaining({ warnAt: 16, limit: 20, received: 16 }),
    ]);
    tell(10);
    tell(17);
    expect(heard(a, "max-prefix-near")).toHaveLength(2);
    expect(heard(a, "max-prefix")).toEqual([]);
    expect(isUp(a, b)).toBe(true);
  });
});
