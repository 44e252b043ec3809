/** Attributes that fit into the message that they came in, and into no other once something is added to them. */

import { describe, expect, test } from "vitest";
import { ACCEPT_ALL, type Changes, type Policy } from "../policy/rules.ts";
import type { PeerOptions } from "./options.ts";
import { address, best, local, type Node, node, peer, prefix } from "./testing/nodes.ts";
import { attribute, CAPABILITY, KEEPALIVE, open, RawPeer, updateOf } from "./testing/raw-peer.ts";
import { VirtualNetwork } from "./testing/virtual-network.ts";

const LONG = "192.0.2.1/32";
const SHORT = "192.0.2.2/32";

const ORIGIN = attribute(0x40, 1, "00");
const NEXT_HOP = attribute(0x40, 3, "0a000002");
const PLAIN = updateOf("20c0000202", ORIGIN, attribute(0x40, 2, "0201fdea"), NEXT_HOP);

/** Sequences of 255 AS numbers of two octets, the first of all being the peer's. */
function pathOf(segments: number): string {
  const others = "0001".repeat(255);
  const first = `02fffdea${"0001".repeat(254)}`;
  return attribute(0x50, 2, first + `02ff${others}`.repeat(segments - 1));
}
/** 32 400 AS numbers in 65 000 octets; written in four octets each they need 130 000. */
const LONG_PATH = updateOf("20c0000201", ORIGIN, pathOf(127), NEXT_HOP);
/** 16 365 communities: one more does not fit beside two AS numbers. */
const MANY_COMMUNITIES = updateOf(
  "20c0000201",
  ORIGIN,
  attribute(0x40, 2, "0201fdea"),
  NEXT_HOP,
  attribute(0xd0, 8, "00010001".repeat(16_365)),
);

const setting = (set: Changes): Policy => ({
  rules: [{ name: "set", match: {}, then: "accept", set }],
  otherwise: "accept",
});
const PREPENDS = setting({ prepend: { asn: 7, times: 16 } });
/** 200 of them. */
const ADDS = setting({ addCommunities: Array.from({ length: 200 }, (_, i) => 0x20000 + i) });

interface Scene {
  readonly net: VirtualNetwork;
  readonly ours: Node;
  readonly raw: RawPeer;
  /** Behind us, in four octets. */
  readonly watcher: Node;
}

function scene(theirs: Partial<PeerOptions>, watchers: Partial<PeerOptions> = {}): Scene {
  const net = new VirtualNetwork({ seed: 5 });
  const ours = node(net, 65001, "10.0.0.1");
  const watcher = node(net, 65003, "10.0.0.3");
  ours.speaker.setPeers([
    peer("10.0.0.2", 65002, { passive: true, holdSeconds: 90, ...theirs }),
    peer("10.0.0.3", 65003, { passive: true, ...watchers }),
  ]);
  watcher.speaker.setPeers([peer("10.0.0.1", 65001)]);
  const raw = new RawPeer(net);
  net.run(5);
  raw.say(open("04", "fdea", "005a", "0a000002", CAPABILITY.ipv4, CAPABILITY.extendedMessage), KEEPALIVE);
  net.until(() => ours.speaker.peers().every(({ state }) => state === "established"));
  return { net, ours, raw, watcher };
}

/** Told both routes: the one goes on, and so does the session; what became of the other. */
function told({ net, ours, raw, watcher }: Scene, long: string): { rule: string | undefined; why: string } {
  raw.say(long, PLAIN);
  net.until(() => best(watcher).length > 0);
  net.run(100);
  expect(best(watcher)).toEqual([`${SHORT} via 10.0.0.1`]);
  expect([raw.closed, raw.notification()]).toEqual([undefined, undefined]);
  const paths = [...ours.speaker.received(address("10.0.0.2"))];
  expect(paths).toHaveLength(2);
  const rule = paths.find(
    (route) => route.received.asPath.length > 1 || route.received.communities.length > 0,
  )?.rule;
  const sent = ours.speaker.exportsOf(prefix(LONG)).find(({ peer: to }) => to.w0 === address("10.0.0.3").w0)!;
  return { rule, why: sent.reason };
}

describe("what came in a long message", () => {
  test.each<[string, string, Policy]>([
    ["prepended to", LONG_PATH, PREPENDS],
    ["with communities added", MANY_COMMUNITIES, ADDS],
  ])("is rejected when import policy makes it too long: %s", (_, long, importPolicy) => {
    expect(told(scene({ importPolicy }), long)).toEqual({
      rule: "limit.attributesTooLong",
      why: "no path is used",
    });
  });

  test.each<[string, string, Policy]>([
    ["in four octets", LONG_PATH, ACCEPT_ALL],
    ["prepended to", LONG_PATH, PREPENDS],
    ["with communities added", MANY_COMMUNITIES, ADDS],
  ])("is not sent when that makes it too long: %s", (_, long, exportPolicy) => {
    const s = scene({}, { exportPolicy });
    expect(told(s, long)).toMatchObject({ why: "attributes too long for a message" });
    expect(s.ours.speaker.peers().map(({ unsendable }) => unsendable > 0)).toEqual([false, true]);
  });

  test("goes where a community for its last resort does not fit any more (RFC 8326, RFC 9494)", () => {
    const s = scene({}, { gracefulShutdown: true });
    expect(told(s, MANY_COMMUNITIES)).toMatchObject({ why: "attributes too long for a message" });
  });
});

test("a route of our own that fits into no message is refused, and nothing else", () => {
  const { ours } = scene({});
  const communities = Array.from({ length: 16_400 }, (_, i) => i + 1);
  expect(() => ours.speaker.announce([{ ...local(LONG), communities }])).toThrow(RangeError);
  expect(best(ours)).toEqual([]);
});
