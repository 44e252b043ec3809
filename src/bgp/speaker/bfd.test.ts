/** What a BFD session does to the BGP session of its peer, on virtual time. */

import { describe, expect, test } from "vitest";
import { BFD_DOWN, farewellOf } from "./peer-bfd.ts";
import { address, best, isUp, local, type Node, node, peer } from "./testing/nodes.ts";
import { VirtualNetwork } from "./testing/virtual-network.ts";

const A = "10.0.0.1";
const B = "10.0.0.2";
const bfd = { intervalMs: 50, multiplier: 3 };
const RESTART = { restartSeconds: 120, notification: true, restarting: false };

function pairWith(more: Parameters<typeof node>[3]): { net: VirtualNetwork; a: Node; b: Node } {
  const net = new VirtualNetwork({ seed: 1 });
  const a = node(net, 65001, A, more);
  const b = node(net, 65002, B, more);
  a.speaker.setPeers([peer(B, 65002, { bfd, holdSeconds: 90 })]);
  b.speaker.setPeers([peer(A, 65001, { bfd, holdSeconds: 90 })]);
  b.speaker.announce([local("192.0.2.0/24")]);
  net.until(() => isUp(a, b) && best(a).length === 1 && bfdOf(a)?.state === "up" && bfdOf(b)?.state === "up");
  net.run(1000);
  return { net, a, b };
}

const bfdOf = ({ speaker }: Node) => speaker.peers()[0]!.bfd;
const ended = ({ events }: Node) => events.filter(({ on }) => on === "session-down");

describe.each([
  ["without graceful restart", {}],
  ["with graceful restart and C bits set", { gracefulRestart: RESTART }],
])("%s", (_, more) => {
  test("a silence takes the session and its routes within the Detection Time", () => {
    const { net, a, b } = pairWith(more);
    net.cut(address(A), address(B));
    net.cut(address(B), address(A));
    net.run(160);
    expect(ended(a)).toEqual([expect.objectContaining({ reason: BFD_DOWN, retained: false })]);
    expect(a.events).toContainEqual(
      expect.objectContaining({ on: "notification-sent", words: expect.stringContaining("BFD Down") }),
    );
    expect(best(a)).toEqual([]);
    net.heal(address(A), address(B));
    net.heal(address(B), address(A));
    net.until(() => isUp(a, b) && best(a).length === 1, 300_000);
  });

  test("one that takes its BFD out of the configuration ends nothing", () => {
    const { net, a, b } = pairWith(more);
    b.speaker.setPeers([peer(A, 65001, { holdSeconds: 90 })]);
    net.run(10);
    expect(bfdOf(a)).toMatchObject({ state: "down", remoteState: "admin-down" });
    net.run(5000);
    expect(bfdOf(b)).toBeUndefined();
    expect([...ended(a), ...ended(b)]).toEqual([]);
    expect(best(a)).toHaveLength(1);
  });
});

test("a session comes up with a peer that has no BFD, and stays", () => {
  const net = new VirtualNetwork({ seed: 2 });
  const [a, b] = [node(net, 65001, A), node(net, 65002, B)];
  a.speaker.setPeers([peer(B, 65002, { bfd })]);
  b.speaker.setPeers([peer(A, 65001)]);
  net.until(() => isUp(a, b));
  net.run(60_000);
  expect(isUp(a, b)).toBe(true);
  expect(bfdOf(a)).toMatchObject({ state: "down", ...bfd });
});

test("a peer whose BFD shares the fate of its speaker may be restarting: its session ends without a word", () => {
  const restart = { restartSeconds: 9, restarting: false, families: [], forwarding: [], notification: false };
  const negotiated = { gracefulRestart: restart } as unknown as Parameters<typeof farewellOf>[0];
  expect(farewellOf(negotiated, true)).toBeUndefined();
  expect(farewellOf(negotiated, false)).toMatchObject({ code: 6, subcode: 10 });
  const without = { ...negotiated, gracefulRestart: undefined };
  expect(farewellOf(without, true)).toMatchObject({ code: 6, subcode: 10 });
});
