/** When each subcode of Cease is sent, as docs/FSM.md lists them. */

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { PeerOptions, SpeakerOptions } from "./options.ts";
import { address, isUp, local, type Node, node, peer, prefix } from "./testing/nodes.ts";
import { VirtualNetwork } from "./testing/virtual-network.ts";

const A = "10.0.0.1";
const B = "10.0.0.2";
const RESTART = { gracefulRestart: { restartSeconds: 120, notification: true, restarting: false } };

interface Scene {
  readonly net: VirtualNetwork;
  readonly a: Node;
  readonly b: Node;
}

type Row = [subcode: number, when: string, does: (scene: Scene) => void, more?: Partial<SpeakerOptions>];

const toB = (more: Partial<PeerOptions> = {}): PeerOptions => peer(B, 65002, more);

const ROWS: readonly Row[] = [
  [
    1,
    "too many prefixes",
    ({ a, b }) => {
      a.speaker.setPeers([toB({ maxPrefixes: { limit: 1 } })]);
      b.speaker.announce([local("192.0.2.1/32"), local("192.0.2.2/32")]);
    },
  ],
  [2, "the speaker stops", ({ a }) => a.speaker.stop({ text: "" })],
  [2, "an order", ({ a }) => void a.speaker.order(address(B), { do: "shutdown" })],
  [2, "the settings", ({ a }) => a.speaker.setPeers([toB({ shutdown: true })])],
  [3, "not a peer any more", ({ a }) => a.speaker.setPeers([])],
  [4, "an order to reset", ({ a }) => void a.speaker.order(address(B), { do: "reset" })],
  [4, "the speaker restarts", ({ a }) => a.speaker.stop({ graceful: true }), RESTART],
  [
    5,
    "a stranger",
    ({ net, a, b }) => {
      a.speaker.setPeers([]);
      net.run(200_000);
      for (const { events } of [a, b]) events.splice(0);
      net.run(200_000);
    },
  ],
  [
    5,
    "one peer too many of a range",
    ({ net, a, b }) => {
      a.speaker.setPeers([peer(B, 65002, { remote: { range: prefix("10.0.0.0/24"), limit: 0 } })]);
      net.run(200_000);
      for (const { events } of [a, b]) events.splice(0);
      net.run(200_000);
    },
  ],
  [6, "another hold time", ({ a }) => a.speaker.setPeers([toB({ holdSeconds: 30 })])],
  [
    9,
    "an order to reset, with graceful restart",
    ({ a }) => void a.speaker.order(address(B), { do: "reset" }),
    RESTART,
  ],
  [9, "not a peer any more, with graceful restart", ({ a }) => a.speaker.setPeers([]), RESTART],
  [
    10,
    "BFD falls",
    ({ net, a, b }) => {
      const bfd = { intervalMs: 50, multiplier: 3 };
      a.speaker.setPeers([toB({ bfd })]);
      b.speaker.setPeers([peer(A, 65001, { bfd })]);
      net.until(() => [a, b].every(({ speaker }) => speaker.peers()[0]!.bfd?.state === "up"));
      net.run(1000);
      // One way only, so that the other side can hear why.
      net.cut(address(B), address(A));
      net.run(300);
    },
  ],
];

const ceased = (on: "notification-sent" | "notification-received", { events }: Node): number[] =>
  events.flatMap((event) => (event.on === on && event.code === 6 ? [event.subcode] : []));

test.each<Row>([...ROWS])("Cease %i: %s", (subcode, _, does, more = {}) => {
  const net = new VirtualNetwork({ seed: 2 });
  const [a, b] = [node(net, 65001, A, more), node(net, 65002, B, more)];
  a.speaker.setPeers([toB()]);
  b.speaker.setPeers([peer(A, 65001)]);
  net.until(() => isUp(a, b));
  for (const { events } of [a, b]) events.splice(0);
  does({ net, a, b });
  net.run(100);
  // Of what it sends to a stranger a speaker tells nobody; of two that end a session, one hears nothing of the other.
  const first = ceased("notification-sent", a)[0] ?? ceased("notification-received", b)[0];
  expect(first).toBe(subcode);
});

test("Cease 7: both connect at once, whichever way it goes", () => {
  const kept = new Set<string>();
  for (let seed = 0; seed < 20; seed++) {
    const net = new VirtualNetwork({ seed, latencyMs: 50 });
    const [a, b] = [node(net, 65001, A), node(net, 65002, B)];
    a.speaker.setPeers([toB()]);
    b.speaker.setPeers([peer(A, 65001)]);
    net.until(() => isUp(a, b), 30_000);
    net.run(30_000);
    expect(isUp(a, b)).toBe(true);
    expect([a, b].map(({ speaker }) => speaker.peers()[0]!.flaps)).toEqual([0, 0]);
    const collisions = [a, b].flatMap(({ events }) => events.filter(({ on }) => on === "collision"));
    for (const event of collisions) {
      if (event.on === "collision") kept.add(`${event.peer.w0 & 255} ${event.kept}`);
      const sent = [a, b].flatMap((each) => ceased("notification-sent", each));
      expect(new Set(sent)).toEqual(new Set([7]));
    }
  }
  // RFC 4271 §6.8: B has the higher identifier, so that its connection stays, seen from either side.
  expect(kept).toEqual(new Set(["2 remote", "1 local"]));
});

test("docs/FSM.md lists them all, and says which is never sent", () => {
  const page = readFileSync(new URL("../../../docs/FSM.md", import.meta.url), "utf8");
  const rows = [...page.matchAll(/^\| (\d+) [A-Z][\w -]+ \| `?(\w+)/gm)];
  expect(rows.map(([, subcode]) => Number(subcode))).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  const never = rows.filter(([, , first]) => first === "never").map(([, subcode]) => Number(subcode));
  const tried = new Set<number>([7, ...ROWS.map(([subcode]) => subcode)]);
  expect([...tried, ...never].sort((x, y) => x - y)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});
