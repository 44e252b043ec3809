/** What a peer that flaps costs, on virtual time: docs/FSM.md says how often it is tried. */

import { describe, expect, test } from "vitest";
import { cease } from "../wire/notification.ts";
import type { PeerOptions } from "./options.ts";
import { address, isUp, type Node, node, peer } from "./testing/nodes.ts";
import { VirtualNetwork } from "./testing/virtual-network.ts";

const A = "10.0.0.1";
const B = "10.0.0.2";
const HOUR_MS = 3_600_000;

interface Scene {
  readonly net: VirtualNetwork;
  readonly a: Node;
  readonly b: Node;
}

function scene(ofA: Partial<PeerOptions>, ofB: Partial<PeerOptions>): Scene {
  const net = new VirtualNetwork({ seed: 9 });
  const [a, b] = [node(net, 65001, A), node(net, 65002, B)];
  a.speaker.setPeers([peer(B, 65002, ofA)]);
  b.speaker.setPeers([peer(A, 65001, ofB)]);
  return { net, a, b };
}

const sessions = ({ events }: Node): number => events.filter(({ on }) => on === "session-up").length;
const opens = ({ speaker }: Node): number => speaker.peers()[0]!.messages.sent.open;

describe("a peer whose sessions break for an hour", () => {
  test.each<[string, Partial<PeerOptions>, Partial<PeerOptions>]>([
    ["we dial", {}, { passive: true }],
    ["it dials", { passive: true }, {}],
    ["both dial", {}, {}],
  ])("after ten seconds each, %s: some 40 of them", (_, ofA, ofB) => {
    const { net, a, b } = scene(ofA, ofB);
    for (const end = net.nowMs + HOUR_MS; net.nowMs < end; ) {
      net.until(() => isUp(a, b), HOUR_MS);
      net.run(10_000);
      net.reset(address(A), address(B));
    }
    expect(sessions(a)).toBeGreaterThan(25);
    expect(sessions(a)).toBeLessThan(45);
    // With those that the other side refuses, since it waits as well.
    expect(opens(a)).toBeLessThan(120);
  });

  test("after two minutes each: every time it is soon there again", () => {
    const { net, a, b } = scene({}, {});
    for (let i = 0; i < 30; i++) {
      net.until(() => isUp(a, b), 5000);
      net.run(120_000);
      net.reset(address(A), address(B));
      net.run(1);
    }
    expect(sessions(a)).toBe(30);
  });
});

test("a peer that takes connections and closes them is dialled no faster than one that is not there", () => {
  const net = new VirtualNetwork({ seed: 9 });
  const a = node(net, 65001, A);
  a.speaker.setPeers([peer(B, 65002)]);
  net.host(address(B)).world.serve({ turn: () => undefined, accept: () => undefined });
  net.run(HOUR_MS);
  expect(opens(a)).toBeGreaterThan(230);
  expect(opens(a)).toBeLessThan(340);
});

test.each([
  [1, 32],
  [2, 32],
  [3, 32],
  [4, 1],
  [5, 32],
  [6, 1],
  [8, 32],
  [10, 1],
])("after Cease %i it is dialled again in %i s", (subcode, seconds) => {
  const net = new VirtualNetwork({ seed: 9 });
  const a = node(net, 65001, A);
  a.speaker.setPeers([peer(B, 65002)]);
  const dialledAtMs: number[] = [];
  const { world } = net.host(address(B));
  const { data } = cease(subcode);
  world.serve({
    turn: () => undefined,
    accept: (link) => {
      dialledAtMs.push(net.nowMs);
      link.write(Uint8Array.of(...new Uint8Array(16).fill(255), 0, 21 + data.length, 3, 6, subcode, ...data));
      link.close();
      return undefined;
    },
  });
  net.until(() => dialledAtMs.length === 2, 60_000);
  const waitedSeconds = (dialledAtMs[1]! - dialledAtMs[0]!) / 1000;
  expect(waitedSeconds).toBeGreaterThan(0.75 * seconds);
  expect(waitedSeconds).toBeLessThan(seconds + 0.1);
});
