import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ipv4 } from "../net/address.ts";
import { formatPrefix } from "../net/text.ts";
import { ALL_PATHS } from "./outgoing.ts";
import type { PeerId } from "./peer-table.ts";
import type { PathDescription, RouteDescription } from "./snapshot.ts";
import { attributesWith, exportClassWith, host, Lab } from "./testing/lab.ts";

/** What a peer of a test is sent: 0, the best path of each prefix; else several, at most so many. */
type Most = number;

/** Something that happens to one of four peers, or to one of five prefixes. `most`: by peer. */
type Happening = (lab: Lab, peers: readonly PeerId[], most: Most[]) => void;

const peerNumber = fc.nat(3);
const prefix = fc.nat(4).map(host);
const pathId = fc.constantFrom(0, 0, 1, 7);

/** Its first community says whose path it is. */
const announced: fc.Arbitrary<Happening> = fc
  .record({
    peer: peerNumber,
    prefix,
    pathId,
    communities: fc.array(fc.nat(1), { maxLength: 1 }),
    asns: fc.constantFrom([1], [2], [1, 2]),
  })
  .map((it) => (lab, peers) => {
    const asPath = [{ type: "sequence" as const, asns: it.asns }];
    const communities = [100 + it.peer * 10 + it.pathId, ...it.communities];
    lab.announce(peers[it.peer]!, [it.prefix], attributesWith({ communities, asPath }), it.pathId);
  });

const others: fc.Arbitrary<Happening>[] = [
  fc.tuple(peerNumber, prefix, pathId).map(
    ([n, which, id]) =>
      (lab, peers) =>
        lab.withdraw(peers[n]!, [which], id),
  ),
  prefix.map((which) => (lab) => lab.originate(which, attributesWith({ communities: [99] }))),
  prefix.map((which) => (lab) => void lab.rib.v4.received.abandon(which)),
  fc.constant((lab) => void lab.decide()),
  fc.constantFrom(1, 100).map((limit) => (lab) => lab.rib.forgetSome(limit)),
  fc.tuple(fc.subarray([0, 1, 2, 3]), fc.constantFrom(1, 2, 100)).map(
    ([ready, limit]) =>
      (lab, peers) =>
        lab.send((peer) => ready.includes(peers.indexOf(peer)), limit),
  ),
  peerNumber.map((n) => (lab, peers, most) => {
    lab.rib.v4.exports.leave(peers[n]!);
    lab.join(peers[n]!, { paths: most[n]! });
  }),
  peerNumber.map((n) => (lab, peers) => lab.rib.v4.received.drop(peers[n]!)),
  fc
    .tuple(peerNumber, fc.boolean(), fc.constantFrom(1, 2, ALL_PATHS))
    .map(([n, nextHopSelf, paths]) => (lab, peers, most) => {
      // Whether there are path identifiers was agreed on for the session.
      if (most[n] !== 0) most[n] = paths;
      lab.rib.v4.exports.move(peers[n]!, exportClassWith({ nextHopSelf, paths: most[n]! }));
    }),
  peerNumber.map((n) => (lab, peers) => lab.rib.v4.exports.groupOf(peers[n]!)!.resend(peers[n]!)),
];

const happenings = fc.array(fc.oneof({ arbitrary: announced, weight: 4 }, ...others), {
  maxLength: 60,
  size: "max",
});

/** Best first, as RFC 4271 §9.1.2.2 has it for paths that differ in nothing else. */
function ranked(paths: readonly PathDescription[], routerIdOf: (peer: PeerId) => number): PathDescription[] {
  const rank = ({ local, received, peer, pathId: id }: PathDescription): number[] =>
    local ? [0] : [1, received.asPath[0]!.asns.length, routerIdOf(peer), id];
  return [...paths].sort((a, b) => {
    const [one, other] = [rank(a), rank(b)];
    const at = one.findIndex((value, i) => value !== other[i]);
    return at < 0 ? 0 : one[at]! - other[at]!;
  });
}

/** Compares what a peer was handed out with what all told: the best so many of each prefix, but for paths of its own. */
function expectInStep(lab: Lab, peer: PeerId, most: Most, routes: readonly RouteDescription[]): void {
  const { exports, snapshot } = lab.rib.v4;
  const group = exports.groupOf(peer)!;
  const expected = routes.flatMap((route) =>
    ranked(route.paths, (of) => lab.rib.peers.get(of).routerId)
      .slice(0, Math.max(1, most))
      .filter((path) => path.local || path.peer !== peer)
      .map((path) => `${formatPrefix(route.prefix)} ${path.accepted!.communities}`),
  );
  const held = Array.from(
    lab.held.get(peer)!,
    ([text, attrs]) => `${text.split("#")[0]} ${lab.rib.pool.attributes(attrs).communities}`,
  );
  expect(held.sort()).toEqual(expected.sort());
  expect(group.advertised(peer)).toBe(expected.length);
  expect(group.pendingFor(peer)).toBe(0);
  const shown = snapshot
    .advertised(group, peer, 0, 100)
    .rows.map(({ prefix: of, pathId: id }) => `${formatPrefix(of)}${id === 0 ? "" : `#${id}`}`);
  expect(shown.sort()).toEqual([...lab.held.get(peer)!.keys()].sort());
}

/** Watches what is handed out: an identifier stands for one path until it is withdrawn. */
function watchIdentity(lab: Lab): void {
  const pathByName = new Map<string, number>();
  lab.onAnnounce = (peer, name, attrs) => {
    const [path] = lab.rib.pool.attributes(attrs).communities;
    const key = `${peer} ${name}`;
    if (name.includes("#") && lab.held.get(peer)!.has(name)) expect(pathByName.get(key)).toBe(path);
    pathByName.set(key, path!);
  };
}

describe.each<[string, Most[]]>([
  ["the best path", [0, 0, 0, 0]],
  ["several", [ALL_PATHS, 1, 2, 2]],
  ["some the best path, some several", [0, 0, 2, ALL_PATHS]],
])("peers that are sent %s", (_, sent) => {
  test("whoever was slow, whatever happened: in the end each holds what it should, and nothing is left over", () => {
    fc.assert(
      fc.property(happenings, (list) => {
        const most = [...sent];
        const lab = new Lab();
        const peers = [0, 1, 2, 3].map((n) => lab.addPeer({ address: ipv4(1 + n), routerId: n + 1 }));
        for (const [n, peer] of peers.entries()) lab.join(peer, { paths: most[n]! });
        watchIdentity(lab);
        for (const happen of list) happen(lab, peers, most);
        lab.decide();
        lab.send();
        const routes = lab.rib.v4.snapshot.routes(0, 100).rows;
        for (const [n, peer] of peers.entries()) expectInStep(lab, peer, most[n]!, routes);
        // Nobody is told to forget what it was never told.
        expect(lab.needless).toEqual([]);

        for (const peer of peers) lab.rib.removePeer(peer);
        for (let n = 0; n < 5; n++) lab.rib.v4.received.abandon(host(n));
        lab.decide();
        expect(lab.left()).toEqual({ prefixes: 0, attributes: 0 });
      }),
      { numRuns: 300 },
    );
  });
});
