import fc from "fast-check";
import { expect, test } from "vitest";
import { ipv4 } from "../net/address.ts";
import { formatPrefix } from "../net/text.ts";
import type { PeerId } from "./peer-table.ts";
import type { RouteDescription } from "./snapshot.ts";
import { attributesWith, exportClassWith, host, Lab } from "./testing/lab.ts";

/** Something that happens to one of four peers, or to one of five prefixes. */
type Happening = (lab: Lab, peers: readonly PeerId[]) => void;

const peerNumber = fc.nat(3);
const prefix = fc.nat(4).map(host);

const announced: fc.Arbitrary<Happening> = fc
  .record({
    peer: peerNumber,
    prefix,
    communities: fc.array(fc.nat(1), { maxLength: 1 }),
    asns: fc.constantFrom([1], [2], [1, 2]),
  })
  .map((it) => (lab, peers) => {
    const asPath = [{ type: "sequence" as const, asns: it.asns }];
    lab.announce(peers[it.peer]!, [it.prefix], attributesWith({ communities: it.communities, asPath }));
  });

const others: fc.Arbitrary<Happening>[] = [
  fc.tuple(peerNumber, prefix).map(
    ([n, which]) =>
      (lab, peers) =>
        lab.withdraw(peers[n]!, [which]),
  ),
  prefix.map((which) => (lab) => lab.originate(which, attributesWith({}))),
  prefix.map((which) => (lab) => void lab.rib.v4.received.abandon(which)),
  fc.constant((lab) => void lab.decide()),
  fc.tuple(fc.subarray([0, 1, 2, 3]), fc.constantFrom(1, 2, 100)).map(
    ([ready, limit]) =>
      (lab, peers) =>
        lab.send((peer) => ready.includes(peers.indexOf(peer)), limit),
  ),
  peerNumber.map((n) => (lab, peers) => {
    lab.rib.v4.exports.leave(peers[n]!);
    lab.join(peers[n]!);
  }),
  peerNumber.map((n) => (lab, peers) => lab.rib.v4.received.drop(peers[n]!)),
  fc.tuple(peerNumber, fc.boolean()).map(
    ([n, nextHopSelf]) =>
      (lab, peers) =>
        void lab.rib.v4.exports.move(peers[n]!, exportClassWith({ nextHopSelf })),
  ),
  peerNumber.map((n) => (lab, peers) => lab.rib.v4.exports.groupOf(peers[n]!)!.resend(peers[n]!)),
];

/** Compares what a peer was handed out with the Loc-RIB: all of it, but for paths of its own. */
function expectInStep(lab: Lab, peer: PeerId, routes: readonly RouteDescription[]): void {
  const { exports, snapshot } = lab.rib.v4;
  const group = exports.groupOf(peer)!;
  const expected = new Map(
    routes
      .filter(({ paths }) => paths[0]!.peer !== peer)
      .map((route) => [formatPrefix(route.prefix), route.paths[0]!.accepted!.communities]),
  );
  const held = new Map(
    Array.from(lab.held.get(peer)!, ([text, attrs]) => [text, lab.rib.pool.attributes(attrs).communities]),
  );
  expect(held).toEqual(expected);
  expect(group.advertised(peer)).toBe(expected.size);
  expect(group.pendingFor(peer)).toBe(0);
  expect(snapshot.advertised(group, peer, 0, 100).rows.length).toBe(expected.size);
}

test("whoever was slow, whatever happened meanwhile: in the end each peer holds what it should, and nothing is left over", () => {
  const happenings = fc.array(fc.oneof({ arbitrary: announced, weight: 4 }, ...others), { maxLength: 60 });
  fc.assert(
    fc.property(happenings, (list) => {
      const lab = new Lab();
      const peers = [0, 1, 2, 3].map((n) => lab.addPeer({ address: ipv4(1 + n), routerId: n + 1 }));
      for (const peer of peers) lab.join(peer);
      for (const happen of list) happen(lab, peers);
      lab.decide();
      lab.send();
      const routes = lab.rib.v4.snapshot.routes(0, 100).rows;
      for (const peer of peers) expectInStep(lab, peer, routes);
      // Nobody is told to forget what it was never told.
      expect(lab.needless).toEqual([]);

      for (const peer of peers) lab.rib.removePeer(peer);
      for (let n = 0; n < 5; n++) lab.rib.v4.received.abandon(host(n));
      lab.decide();
      expect([lab.rib.v4.prefixes.size, lab.rib.pool.size]).toEqual([0, 0]);
    }),
    { numRuns: 500 },
  );
});
