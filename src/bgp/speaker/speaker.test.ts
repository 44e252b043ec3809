import { describe, expect, test } from "vitest";
import { sameAddress } from "../net/address.ts";
import { type Match, type Policy, REJECT_ALL, type Rule } from "../policy/rules.ts";
import type { PeerOptions } from "./options.ts";
import { address, best, isUp, local, type Node, node, peer, prefix, stateOf } from "./testing/nodes.ts";
import { VirtualNetwork } from "./testing/virtual-network.ts";

/** Two speakers, peered, each with a route. */
function pair(net: VirtualNetwork, a: Partial<PeerOptions> = {}, b: Partial<PeerOptions> = {}): [Node, Node] {
  const left = node(net, 65001, "10.0.0.1");
  const right = node(net, 65002, "10.0.0.2");
  left.speaker.setPeers([peer("10.0.0.2", 65002, a)]);
  right.speaker.setPeers([peer("10.0.0.1", 65001, b)]);
  left.speaker.announce([local("192.0.2.1/32")]);
  right.speaker.announce([local("198.51.100.0/24")]);
  return [left, right];
}

describe("two speakers", () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8])("both open, seed %i: one session, routes both ways", (seed) => {
    const net = new VirtualNetwork({ seed });
    const [left, right] = pair(net);
    net.until(() => best(left).length === 2 && best(right).length === 2, 30_000);
    expect(best(left)).toEqual(["192.0.2.1/32 via local", "198.51.100.0/24 via 10.0.0.2"]);
    expect(best(right)).toEqual(["192.0.2.1/32 via 10.0.0.1", "198.51.100.0/24 via local"]);
    net.run(60_000);
    expect(isUp(left, right)).toBe(true);
    expect([left, right].map((n) => n.events.filter((e) => e.on === "session-down"))).toEqual([[], []]);
  });

  test.each<[string, Partial<PeerOptions>, Partial<PeerOptions>]>([
    ["left listens", { passive: true }, {}],
    ["right listens", {}, { passive: true }],
  ])("%s", (_, a, b) => {
    const net = new VirtualNetwork({ seed: 1 });
    const [left, right] = pair(net, a, b);
    net.until(() => best(left).length === 2 && best(right).length === 2, 30_000);
  });

  test("iBGP keeps the next hop and adds no AS", () => {
    const net = new VirtualNetwork({ seed: 1 });
    const left = node(net, 65000, "10.0.0.1");
    const right = node(net, 65000, "10.0.0.2");
    left.speaker.setPeers([peer("10.0.0.2", 65000)]);
    right.speaker.setPeers([peer("10.0.0.1", 65000)]);
    left.speaker.announce([{ ...local("192.0.2.1/32"), nextHop: address("10.0.0.77") }]);
    net.until(() => best(right).length === 1, 30_000);
    const [path] = [...right.speaker.routes()][0]!.paths;
    expect(path!.attributes).toMatchObject({ asPath: [], localPref: 100, nextHop: address("10.0.0.77") });
  });

  test("both families over IPv6, each with a next hop of its own", () => {
    const net = new VirtualNetwork({ seed: 1 });
    const left = node(net, 65001, "2001:db8::1 10.0.0.1");
    const right = node(net, 65002, "2001:db8::2 10.0.0.2");
    left.speaker.setPeers([peer("2001:db8::2", 65002, { families: [4, 6] })]);
    right.speaker.setPeers([peer("2001:db8::1", 65001, { families: [4, 6] })]);
    left.speaker.announce([local("192.0.2.1/32"), local("2001:db8:1::/48")]);
    net.until(() => best(right).length === 2, 30_000);
    expect(best(right)).toEqual(["192.0.2.1/32 via 10.0.0.1", "2001:db8:1::/48 via 2001:db8::1"]);
  });

  test("withdrawn routes go, everywhere", () => {
    const net = new VirtualNetwork({ seed: 1 });
    const [left, right] = pair(net);
    net.until(() => best(right).length === 2, 30_000);
    left.speaker.withdraw([prefix("192.0.2.1/32")]);
    net.run(100);
    expect(best(right)).toEqual(["198.51.100.0/24 via local"]);
  });

  test("30 000 routes through a narrow window, with two sets of attributes", () => {
    const net = new VirtualNetwork({ seed: 1, windowOctets: 4096 });
    const [left, right] = pair(net);
    left.speaker.announce(
      Array.from({ length: 30_000 }, (_, i) => ({
        prefix: { family: 4, w0: 0x0b000000 + i * 256, w1: 0, w2: 0, w3: 0, length: 24 },
        tag: 0,
        med: i % 2,
      })),
    );
    net.until(() => right.speaker.peers()[0]!.prefixes.received === 30_001, 60_000);
    expect([...left.speaker.advertised(address("10.0.0.2"))].filter((r) => !r.pending)).toHaveLength(30_001);
    expect(left.speaker.peers()[0]!.prefixes.advertised).toBe(30_001);
  });
});

describe("timers", () => {
  test("a silent peer is given up after the hold time, and found again", () => {
    const net = new VirtualNetwork({ seed: 1 });
    const [left, right] = pair(net);
    net.until(() => isUp(left, right), 30_000);
    net.run(5000);
    net.cut(address("10.0.0.1"), address("10.0.0.2"));
    net.cut(address("10.0.0.2"), address("10.0.0.1"));
    const cutAt = net.nowMs;
    net.until(() => !isUp(left), 10_000);
    expect(net.nowMs - cutAt).toBeLessThanOrEqual(9000);
    expect(best(left)).toEqual(["192.0.2.1/32 via local"]);
    expect(left.speaker.peers()[0]!.lastError?.words).toBe("hold timer");
    net.run(60_000);
    net.heal(address("10.0.0.1"), address("10.0.0.2"));
    net.heal(address("10.0.0.2"), address("10.0.0.1"));
    net.until(() => isUp(left, right) && best(left).length === 2, 130_000);
  });

  test("hold time 0: no keepalives, for ever", () => {
    const net = new VirtualNetwork({ seed: 1 });
    const [left, right] = pair(net, { holdSeconds: 0 });
    net.until(() => isUp(left, right), 30_000);
    const before = left.speaker.peers()[0]!.messages.received.keepalive;
    net.run(600_000);
    expect(isUp(left, right)).toBe(true);
    expect(left.speaker.peers()[0]!.messages.received.keepalive).toBe(before);
  });

  test("RFC 9687: a peer that reads nothing is given up, though it sends", () => {
    const net = new VirtualNetwork({ seed: 1, windowOctets: 500 });
    const [left, right] = pair(net, { holdSeconds: 0 });
    net.until(() => isUp(left, right), 30_000);
    net.cut(address("10.0.0.1"), address("10.0.0.2"));
    left.speaker.announce(Array.from({ length: 100 }, (_, i) => ({ ...local(`203.0.113.${i}/32`), med: i })));
    net.run(470_000);
    expect(isUp(left)).toBe(true);
    net.run(20_000);
    expect(left.speaker.peers()[0]!.lastError?.words).toBe("send-hold timer");
  });
});

describe("settings that change", () => {
  const match: Match = { prefixes: [{ prefix: prefix("192.0.2.0/24"), minLength: 24, maxLength: 32 }] };
  const ruleOf = (then: Rule["then"]): Rule => ({ name: "no", match, then });
  const noTestNet: Policy = { rules: [ruleOf("reject")], otherwise: "accept" };

  test("policies act on what is there; no session notices", () => {
    const net = new VirtualNetwork({ seed: 1 });
    const [left, right] = pair(net);
    net.until(() => best(left).length === 2 && best(right).length === 2, 30_000);
    left.speaker.setPeers([peer("10.0.0.2", 65002, { exportPolicy: noTestNet, importPolicy: REJECT_ALL })]);
    net.run(100);
    expect(best(right)).toEqual(["198.51.100.0/24 via local"]);
    expect(best(left)).toEqual(["192.0.2.1/32 via local"]);
    expect(left.speaker.peers()[0]!.prefixes).toMatchObject({ received: 1, accepted: 0, advertised: 0 });
    left.speaker.setPeers([peer("10.0.0.2", 65002)]);
    net.run(100);
    expect(best(right)).toHaveLength(2);
    expect(best(left)).toHaveLength(2);
    expect([left, right].map((n) => n.speaker.peers()[0]!.flaps)).toEqual([0, 0]);
  });

  test("setting the same again sends nothing", () => {
    const net = new VirtualNetwork({ seed: 1 });
    const [left, right] = pair(net);
    net.until(() => best(left).length === 2 && best(right).length === 2, 30_000);
    const { update } = left.speaker.peers()[0]!.messages.sent;
    left.speaker.setPeers([peer("10.0.0.2", 65002)]);
    net.run(100);
    expect(left.speaker.peers()[0]!.messages.sent.update).toBe(update);
  });

  test("another hold time begins a new session", () => {
    const net = new VirtualNetwork({ seed: 1 });
    const [left, right] = pair(net);
    net.until(() => isUp(left, right), 30_000);
    left.speaker.setPeers([peer("10.0.0.2", 65002, { holdSeconds: 30 })]);
    net.until(() => isUp(left, right), 30_000);
    expect(right.events.filter((e) => e.on === "notification-received")).toMatchObject([
      { code: 6, subcode: 6 },
    ]);
  });

  test("a peer that is taken out is told so and forgotten", () => {
    const net = new VirtualNetwork({ seed: 1 });
    const [left, right] = pair(net);
    net.until(() => best(left).length === 2, 30_000);
    left.speaker.setPeers([]);
    net.run(100);
    expect(left.speaker.peers()).toEqual([]);
    expect(best(left)).toEqual(["192.0.2.1/32 via local"]);
    expect(right.events.filter((e) => e.on === "notification-received")).toMatchObject([
      { code: 6, subcode: 3 },
    ]);
  });

  test("stop tells why", () => {
    const net = new VirtualNetwork({ seed: 1 });
    const [left, right] = pair(net);
    net.until(() => isUp(left, right), 30_000);
    left.speaker.stop({ text: "moving to rack 7" });
    net.run(100);
    expect(right.events.filter((e) => e.on === "notification-received")).toMatchObject([
      { code: 6, subcode: 2, communication: "moving to rack 7" },
    ]);
  });
});

describe("strangers and guests", () => {
  test("an unknown source is refused and leaves nothing", () => {
    const net = new VirtualNetwork({ seed: 1 });
    const left = node(net, 65001, "10.0.0.1");
    const stranger = node(net, 65002, "10.0.0.66");
    stranger.speaker.setPeers([peer("10.0.0.1", 65001)]);
    net.run(60_000);
    expect(left.speaker.peers()).toEqual([]);
    expect(new Set(left.events.map((e) => e.on))).toEqual(new Set(["stranger-refused"]));
    expect(stateOf(stranger)).not.toBe("established");
  });

  test("peers of a range come, up to its limit, and go", () => {
    const net = new VirtualNetwork({ seed: 1 });
    const hub = node(net, 65000, "10.0.0.1");
    hub.speaker.setPeers([
      peer("10.0.1.0/24", 65000, { remote: { range: prefix("10.0.1.0/24"), limit: 2 } }),
    ]);
    const guests = [1, 2, 3].map((i) => node(net, 65000, `10.0.1.${i}`));
    for (const guest of guests) guest.speaker.setPeers([peer("10.0.0.1", 65000)]);
    net.run(30_000);
    expect(hub.speaker.peers().map(({ state, dynamic }) => [state, dynamic])).toEqual([
      ["established", true],
      ["established", true],
    ]);
    for (const guest of guests) guest.speaker.stop({ text: "" });
    net.run(10_000);
    expect(hub.speaker.peers()).toEqual([]);
    expect(hub.events.filter((e) => e.on === "dynamic-peer-gone")).toHaveLength(2);
  });

  test.each<[string, Partial<PeerOptions>, string]>([
    ["another AS", { remoteAsn: 65003 }, "OPEN Message Error: Bad Peer AS"],
    ["no family in common", { families: [6] }, "OPEN Message Error: Unsupported Capability"],
  ])("%s is refused by name, and not tried all the time", (_, more, words) => {
    const net = new VirtualNetwork({ seed: 1 });
    const [left, right] = pair(net, more);
    net.run(120_000);
    const sent = left.events.filter((e) => e.on === "notification-sent" || e.on === "notification-received");
    expect(sent[0]).toMatchObject({ words });
    expect(sent.length).toBeLessThan(30);
    expect(right.speaker.peers()[0]!.lastError).toBeDefined();
  });

  test("more prefixes than allowed: Cease 1, and the paths are gone", () => {
    const net = new VirtualNetwork({ seed: 1 });
    const [left, right] = pair(net, { maxPrefixes: { limit: 2 } });
    right.speaker.announce([local("198.51.101.0/24"), local("198.51.102.0/24")]);
    net.until(() => left.events.some((e) => e.on === "max-prefix"), 30_000);
    net.run(100);
    expect(best(left)).toEqual(["192.0.2.1/32 via local"]);
    expect(right.events.filter((e) => e.on === "notification-received")[0]).toMatchObject({
      code: 6,
      subcode: 1,
    });
  });
});

test("50 speakers in a ring with a hub agree on every route", () => {
  const net = new VirtualNetwork({ seed: 7 });
  const hub = node(net, 65000, "10.0.0.1");
  hub.speaker.setPeers([
    peer("10.0.1.0/24", 0, { remote: { range: prefix("10.0.1.0/24"), limit: 100 }, remoteAsn: 64999 }),
  ]);
  const spokes = Array.from({ length: 49 }, (_, i) => node(net, 64999, `10.0.1.${i + 1}`));
  for (const [i, { speaker }] of spokes.entries()) {
    speaker.setPeers([peer("10.0.0.1", 65000)]);
    speaker.announce([local(`192.0.2.${i + 1}/32`)]);
  }
  net.until(() => best(hub).length === 49, 60_000);
  for (const guest of hub.speaker.peers()) expect(guest.state).toBe("established");
  expect(sameAddress(hub.speaker.peers()[0]!.address, spokes[0]!.speaker.options.routerId)).toBe(true);
});
