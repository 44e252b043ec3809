import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ipv4 } from "../net/address.ts";
import { WELL_KNOWN_COMMUNITIES } from "../net/communities.ts";
import type { PathAttributes } from "../wire/path-attributes.ts";
import type { Outcome } from "./decision.ts";
import type { SelectedPath } from "./loc-rib.ts";
import type { PeerId, RibPeer } from "./peer-table.ts";
import type { RibOptions } from "./rib.ts";
import { attributesWith, filterSaying, host, Lab, OPTIONS, OUR_ASN } from "./testing/lab.ts";

/** A path with all that decides about it. */
interface Candidate {
  readonly peer: Partial<RibPeer>;
  readonly attributes: Partial<PathAttributes>;
  readonly metric?: number;
  readonly pathId?: number;
}

const NEIGHBOUR = 65001;
const path = (...asns: number[]): Partial<PathAttributes> => ({ asPath: [{ type: "sequence", asns }] });
const BASE: Candidate = {
  peer: { routerId: 10, asn: NEIGHBOUR, external: true },
  attributes: { ...path(NEIGHBOUR, 3), localPref: 100, med: 10, nextHop: ipv4(0xc0000201) },
};
const LLGR_STALE = WELL_KNOWN_COMMUNITIES["llgr-stale"];
/** A next hop of its own, so that it can have a metric of its own. */
const OTHER_NEXT_HOP = ipv4(0xc0000202);

function worsened(change: Candidate): Candidate {
  return {
    ...BASE,
    ...change,
    peer: { ...BASE.peer, ...change.peer },
    attributes: { ...BASE.attributes, ...change.attributes },
  };
}

/** What becomes of each of the paths of one prefix, announced in this order. */
function outcomes(candidates: readonly Candidate[], options: Partial<RibOptions> = {}): Outcome[] {
  const lab = new Lab(options);
  const peers = candidates.map(({ peer }, i) => lab.addPeer({ address: ipv4(0x0a000001 + i), ...peer }));
  for (const [i, { attributes, pathId }] of candidates.entries()) {
    lab.announce(peers[i]!, [host(1)], attributesWith(attributes), pathId);
  }
  for (const { attributes, metric } of candidates) {
    if (metric !== undefined)
      lab.rib.setNextHops([{ nextHop: attributes.nextHop!, reachable: true, metric }]);
  }
  lab.decide();
  const { paths } = lab.rib.v4.snapshot.describe(host(1))!;
  return peers.map((peer) => paths.find((each) => each.peer === peer)!.status);
}

describe("each step of RFC 4271 §9.1.2.2 decides alone", () => {
  test.each<[Outcome, Candidate]>([
    // What is better in the steps below must not help.
    ["longLivedStale", { peer: {}, attributes: { communities: [LLGR_STALE], localPref: 1000 } }],
    ["localPref", { peer: {}, attributes: { localPref: 99, ...path(NEIGHBOUR) } }],
    ["asPathLength", { peer: {}, attributes: { ...path(NEIGHBOUR, 3, 4), med: 1 } }],
    ["origin", { peer: {}, attributes: { origin: 2, med: 1 } }],
    ["med", { peer: {}, attributes: { med: 11 } }],
    ["external", { peer: { external: false, routerId: 1 }, attributes: {} }],
    ["igpMetric", { peer: { routerId: 1 }, attributes: { nextHop: OTHER_NEXT_HOP }, metric: 5 }],
    ["routerId", { peer: { routerId: 11 }, attributes: {} }],
    ["routerId", { peer: { routerId: 1 }, attributes: { originatorId: 11 } }],
    ["clusterLength", { peer: {}, attributes: { clusterList: [7] } }],
    ["peerAddress", { peer: { address: ipv4(0x0b000000) }, attributes: {} }],
  ])("%s", (by, worse) => {
    const loser = worsened(worse);
    expect(outcomes([BASE, loser])).toEqual(["best", by]);
    if (by === "peerAddress") return;
    expect(outcomes([loser, BASE])).toEqual([by, "best"]);
  });

  test("pathId: of two paths of one peer", () => {
    const lab = new Lab();
    const peer = lab.addPeer({});
    lab.announce(peer, [host(1)], attributesWith(BASE.attributes), 2);
    lab.announce(peer, [host(1)], attributesWith(BASE.attributes), 1);
    lab.decide();
    const { paths } = lab.rib.v4.snapshot.describe(host(1))!;
    expect(paths.map(({ pathId, status }) => [pathId, status])).toEqual([
      [1, "best"],
      [2, "pathId"],
    ]);
  });

  test("local: our own route wins over a better one that was learned", () => {
    const lab = new Lab();
    const peer = lab.addPeer({});
    lab.announce(peer, [host(1)], attributesWith({ localPref: 1000 }));
    lab.originate(host(1), attributesWith({ nextHop: ipv4(0) }));
    lab.decide();
    const { paths } = lab.rib.v4.snapshot.describe(host(1))!;
    expect(paths.map(({ local, status }) => [local, status])).toEqual([
      [true, "best"],
      [false, "local"],
    ]);
  });
});

describe("MED", () => {
  const other = { peer: { asn: 65002, routerId: 20 }, attributes: path(65002, 3) };

  test("of different neighbour ASes is not compared, unless told to", () => {
    const loser = worsened({ ...other, attributes: { ...other.attributes, med: 5 } });
    expect(outcomes([BASE, loser])).toEqual(["best", "routerId"]);
    expect(outcomes([BASE, loser], { alwaysCompareMed: true })).toEqual(["med", "best"]);
  });

  test("none is the lowest, unless it is to be the highest", () => {
    const none = worsened({ peer: {}, attributes: { med: undefined } });
    expect(outcomes([BASE, none])).toEqual(["med", "best"]);
    expect(outcomes([BASE, none], { missingMedAsWorst: true })).toEqual(["best", "med"]);
  });

  test("is deterministic: a path that loses within its neighbour AS does not help another (RFC 4271 §9.1.2.2)", () => {
    // Compared two and two in this order, the second would beat the first, the third the second, and the first the third.
    const [a, b, c] = [
      worsened({ peer: { routerId: 30 }, attributes: { med: 5 } }),
      worsened({ peer: { asn: 65002, routerId: 20 }, attributes: path(65002, 3) }),
      worsened({ peer: { routerId: 10 }, attributes: { med: 10 } }),
    ];
    const orders = [
      [a, b, c],
      [c, b, a],
      [b, a, c],
      [b, c, a],
    ] as const;
    const winners = orders.map((order) => order[outcomes([...order]).indexOf("best")]);
    expect(winners).toEqual([b, b, b, b]);
    expect(outcomes([a, b, c])).toEqual(["routerId", "best", "med"]);
  });
});

describe("how long a path is", () => {
  const sequence = (...asns: number[]) => ({ type: "sequence", asns }) as const;
  const longer = { asPath: [sequence(NEIGHBOUR, 3, 4)] };
  test.each<[string, Partial<PathAttributes>]>([
    [
      "a set counts as one (RFC 4271 §9.1.2.2 a)",
      { asPath: [sequence(NEIGHBOUR), { type: "set", asns: [3, 4, 5] }] },
    ],
    [
      "confederation segments count as none (RFC 5065 §5.3)",
      {
        asPath: [
          { type: "confed-sequence", asns: [7, 8, 9] },
          { type: "confed-set", asns: [1] },
          sequence(NEIGHBOUR, 3),
        ],
      },
    ],
  ])("%s", (_, attributes) => {
    const other = worsened({ peer: {}, attributes: longer });
    expect(outcomes([worsened({ peer: { routerId: 20 }, attributes }), other])).toEqual([
      "best",
      "asPathLength",
    ]);
    expect(outcomes([BASE, worsened({ peer: { routerId: 20 }, attributes })])).toEqual(["best", "routerId"]);
  });
});

describe("our own AS in a path", () => {
  const twice = path(NEIGHBOUR, OUR_ASN, 3, OUR_ASN);
  test.each<[number | undefined, Outcome]>([
    [undefined, "asLoop"],
    [1, "asLoop"],
    [2, "best"],
    [255, "best"],
  ])("twice, and %s allowed", (allowOwnAs, outcome) => {
    const peer = allowOwnAs === undefined ? {} : { allowOwnAs };
    expect(outcomes([worsened({ peer, attributes: twice })])).toEqual([outcome]);
    // What else is a loop stays one.
    const looped = { ...twice, originatorId: OPTIONS.routerId };
    expect(outcomes([worsened({ peer, attributes: looped })])).toEqual([
      outcome === "best" ? "originatorLoop" : outcome,
    ]);
  });

  test("in any segment, and more often than a column can count", () => {
    const attributes = { asPath: [{ type: "set", asns: [OUR_ASN] } as const] };
    expect(outcomes([worsened({ peer: {}, attributes })])).toEqual(["asLoop"]);
    const often = path(...new Array<number>(255).fill(OUR_ASN), OUR_ASN);
    expect(outcomes([worsened({ peer: { allowOwnAs: 10 }, attributes: often })])).toEqual(["asLoop"]);
  });

  test("allowed from now on: decided again", () => {
    const lab = new Lab();
    const settings = { address: ipv4(1), asn: NEIGHBOUR, external: true, routerId: 1 };
    const peer = lab.addPeer(settings);
    lab.announce(peer, [host(1)], attributesWith(twice));
    expect(lab.decide()).toEqual([]);
    lab.rib.setPeer(peer, { ...settings, allowOwnAs: 2 });
    expect(lab.decide()).toEqual(["10.1.0.1/32"]);
  });
});

describe("what cannot be used is left out, with the reason", () => {
  test.each<[Outcome, Candidate]>([
    ["asLoop", { peer: {}, attributes: { ...path(NEIGHBOUR, OUR_ASN), localPref: 999 } }],
    ["originatorLoop", { peer: {}, attributes: { originatorId: OPTIONS.routerId, localPref: 999 } }],
    ["clusterLoop", { peer: {}, attributes: { clusterList: [3, OPTIONS.routerId], localPref: 999 } }],
  ])("%s", (outcome, bad) => {
    expect(outcomes([BASE, worsened(bad)])).toEqual(["best", outcome]);
    expect(outcomes([worsened(bad)])).toEqual([outcome]);
  });

  test("nextHopUnreachable, until it is reachable again", () => {
    const lab = new Lab();
    const peer = lab.addPeer({});
    lab.announce(peer, [host(1)], attributesWith(BASE.attributes));
    expect(lab.decide()).toEqual(["10.1.0.1/32"]);
    lab.rib.setNextHops([{ nextHop: BASE.attributes.nextHop!, reachable: false, metric: 0 }]);
    expect(lab.decide()).toEqual(["10.1.0.1/32"]);
    expect(lab.rib.v4.best.size).toBe(0);
    expect(lab.rib.v4.snapshot.describe(host(1))!.paths[0]!.status).toBe("nextHopUnreachable");
    lab.rib.setNextHops([{ nextHop: BASE.attributes.nextHop!, reachable: true, metric: 0 }]);
    expect(lab.decide()).toEqual(["10.1.0.1/32"]);
    expect(lab.rib.v4.best.size).toBe(1);
  });

  test("rejected, with the rule", () => {
    const lab = new Lab();
    const peer = lab.addPeer({}, filterSaying({ accepted: false, rule: "import[3]" }));
    lab.announce(peer, [host(1)], attributesWith(BASE.attributes));
    expect(lab.decide()).toEqual([]);
    expect(lab.rib.v4.snapshot.describe(host(1))!.paths[0]).toMatchObject({
      status: "rejected",
      rule: "import[3]",
      accepted: undefined,
    });
  });
});

describe("multipath", () => {
  const equals = [3, 1, 2].map((routerId) => worsened({ peer: { routerId }, attributes: {} }));

  test("keeps the paths of equal cost, the best first, up to the limit", () => {
    expect(outcomes(equals, { multipath: 8 })).toEqual(["multipath", "best", "multipath"]);
    expect(outcomes(equals, { multipath: 2 })).toEqual(["multipathLimit", "best", "multipath"]);
    expect(outcomes(equals, { multipath: 1 })).toEqual(["routerId", "best", "routerId"]);
  });

  test("has no path in it that lost by cost", () => {
    const far = worsened({ peer: {}, attributes: { nextHop: OTHER_NEXT_HOP }, metric: 5 });
    expect(outcomes([...equals, far], { multipath: 8 }).at(-1)).toBe("igpMetric");
  });

  test("of equal length: into other neighbouring ASes unless it is not relaxed, and along other ways in any case", () => {
    const into = (neighbour: number, routerId: number, behind: number): Candidate =>
      worsened({ peer: { routerId, asn: neighbour }, attributes: path(neighbour, behind) });
    const ways = [into(NEIGHBOUR, 1, 3), into(65009, 2, 3), into(NEIGHBOUR, 3, 4)];
    expect(outcomes(ways, { multipath: 8 })).toEqual(["best", "multipath", "multipath"]);
    const strict = { multipath: 8, multipathRelax: false };
    expect(outcomes(ways, strict)).toEqual(["best", "neighbourAs", "multipath"]);
    expect(outcomes(ways, { ...strict, multipath: 1 })).toEqual(["best", "routerId", "routerId"]);
  });
});

/** Small numbers, so that every step is reached. */
const arbitrary: fc.Arbitrary<Candidate> = fc
  .record({
    localPref: fc.integer({ min: 100, max: 101 }),
    neighbour: fc.constantFrom(65001, 65002, OUR_ASN),
    hops: fc.nat(1),
    origin: fc.constantFrom(0 as const, 2 as const),
    med: fc.option(fc.nat(2), { nil: undefined }),
    external: fc.boolean(),
    routerId: fc.nat(2),
    originatorId: fc.constantFrom(undefined, 1),
    clusters: fc.nat(1),
    nextHop: fc.nat(1),
    stale: fc.boolean(),
  })
  .map((it) => ({
    peer: { external: it.external, routerId: it.routerId },
    attributes: {
      localPref: it.localPref,
      ...path(it.neighbour, ...new Array<number>(it.hops).fill(9)),
      origin: it.origin,
      med: it.med,
      originatorId: it.originatorId,
      clusterList: new Array<number>(it.clusters).fill(5),
      nextHop: ipv4(0xc0000201 + it.nextHop),
      communities: it.stale ? [LLGR_STALE] : [],
    },
    metric: it.nextHop,
  }));

/** The RFC's text, as slow and plain as it reads: which candidates are chosen, the best first. */
function oracle(candidates: readonly Candidate[], multipath: number): number[] {
  const first = (i: number) => candidates[i]!.attributes.asPath![0]!.asns;
  const by = (left: number[], rank: (i: number) => number) => {
    const best = Math.min(...left.map(rank));
    return left.filter((i) => rank(i) === best);
  };
  const it = (i: number) => candidates[i]!;
  let left = [...candidates.keys()].filter((i) => !first(i).includes(OUR_ASN));
  left = by(left, (i) => it(i).attributes.communities!.length);
  left = by(left, (i) => -it(i).attributes.localPref!);
  left = by(left, (i) => first(i).length);
  left = by(left, (i) => it(i).attributes.origin!);
  const med = (i: number) => it(i).attributes.med ?? 0;
  left = left.filter((i) => !left.some((j) => first(i)[0] === first(j)[0] && med(j) < med(i)));
  left = by(left, (i) => (it(i).peer.external === true ? 0 : 1));
  left = by(left, (i) => it(i).metric!);
  const ties = [
    (i: number) => it(i).attributes.originatorId ?? it(i).peer.routerId!,
    (i: number) => it(i).attributes.clusterList!.length,
    (i: number) => i,
  ];
  left.sort((a, b) => ties.map((tie) => tie(a) - tie(b)).find((difference) => difference !== 0) ?? 0);
  return left.slice(0, multipath);
}

/** Who is chosen for the one prefix, the best first. */
function chosen(lab: Lab): readonly SelectedPath[] {
  const { best, prefixes } = lab.rib.v4;
  const { w0, w1, w2, w3, length } = host(1);
  const id = prefixes.find(w0, w1, w2, w3, length);
  return prefixes.has(id) ? best.selected(id) : [];
}

/** A peer's path comes (as whoever the peer says it is by then), or goes. */
function tell(lab: Lab, peer: PeerId, candidate: Candidate | undefined): void {
  if (candidate === undefined) {
    lab.withdraw(peer, [host(1)]);
    return;
  }
  lab.rib.setPeer(peer, { ...lab.rib.peers.get(peer), ...candidate.peer });
  lab.announce(peer, [host(1)], attributesWith(candidate.attributes));
}

const steps = fc.array(fc.tuple(fc.nat(5), fc.option(arbitrary, { nil: undefined }), fc.boolean()), {
  maxLength: 30,
});

describe("laws", () => {
  test("decides as the plain reading of the RFC does, in whatever order the paths came and went", () => {
    fc.assert(
      fc.property(steps, fc.constantFrom(1, 2, 8), (list, multipath) => {
        const lab = new Lab({ multipath });
        lab.rib.setNextHops([{ nextHop: OTHER_NEXT_HOP, reachable: true, metric: 1 }]);
        const peers = Array.from({ length: 6 }, (_, i) => lab.addPeer({ address: ipv4(0x0a000001 + i) }));
        const now: (Candidate | undefined)[] = [];
        for (const [i, candidate, decides] of list) {
          now[i] = candidate;
          tell(lab, peers[i]!, candidate);
          if (!decides) continue;
          lab.decide();
          lab.rib.forgetSome(1);
        }
        lab.decide();
        const present = peers.filter((_, i) => now[i] !== undefined);
        const expected = oracle(
          now.filter((each) => each !== undefined),
          multipath,
        ).map((n) => present[n]!);
        expect(chosen(lab).map(({ peer }) => peer)).toEqual(expected);
        expect(lab.rib.v4.best.size).toBe(Math.min(expected.length, 1));
        expect(lab.left().prefixes).toBe(Math.min(present.length, 1));
        const told = lab.rib.v4.snapshot.describe(host(1))?.paths ?? [];
        const asTold = told.filter(({ status }) => status === "best" || status === "multipath");
        expect(asTold.map(({ peer }) => peer)).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });

  test("no change of what is chosen goes untold", () => {
    fc.assert(
      fc.property(steps, (list) => {
        const lab = new Lab({ multipath: 2 });
        const peers = Array.from({ length: 6 }, (_, i) => lab.addPeer({ address: ipv4(0x0a000001 + i) }));
        let before = chosen(lab);
        for (const [i, candidate] of list) {
          tell(lab, peers[i]!, candidate);
          const told = lab.decide().length > 0;
          const after = chosen(lab);
          if (!told) expect(after).toEqual(before);
          before = after;
        }
      }),
    );
  });
});
