import { describe, expect, test } from "vitest";
import { ipv4 } from "../net/address.ts";
import { formatPrefix } from "../net/text.ts";
import type { PathAttributes } from "../wire/path-attributes.ts";
import { NO_IMPORT_LIMITS } from "./import-limits.ts";
import type { PeerId } from "./peer-table.ts";
import type { RouteFilter } from "./route-filter.ts";
import { ACCEPT, attributesWith, filterSaying, host, Lab, OUR_ASN, REJECT } from "./testing/lab.ts";

const PREFIXES = [1, 2, 3, 4].map(host);
const best = (lab: Lab): string[] =>
  lab.rib.v4.snapshot
    .routes(0, 100)
    .rows.filter(({ paths }) => paths[0]!.status === "best")
    .map(({ prefix, paths }) => `${formatPrefix(prefix)} med ${paths[0]!.accepted!.med}`);
const changed = (): RouteFilter => filterSaying({ tag: 3, change: (a) => ({ ...a, med: 6 }) });
const counts = (lab: Lab, peer: PeerId) => ({ ...lab.rib.v4.received.counts(peer), filter: undefined });

describe("graceful restart (RFC 4724 §4.2)", () => {
  test("stale paths stay chosen; what is told again is fresh; the rest goes at the end", () => {
    const lab = new Lab();
    const peer = lab.addPeer({});
    lab.announce(peer, PREFIXES, attributesWith({ med: 1 }));
    lab.decide();
    expect(lab.rib.v4.received.markStale(peer)).toBe(4);
    expect(lab.decide()).toEqual([]);
    expect(lab.rib.v4.snapshot.describe(host(1))!.paths[0]).toMatchObject({ status: "best", stale: true });
    lab.announce(peer, PREFIXES.slice(0, 1), attributesWith({ med: 1 }));
    lab.announce(peer, PREFIXES.slice(1, 2), attributesWith({ med: 2 }));
    lab.withdraw(peer, PREFIXES.slice(2, 3));
    expect(counts(lab, peer)).toMatchObject({ received: 3, accepted: 3, stale: 1 });
    expect(lab.decide()).toEqual(["10.1.0.2/32", "10.1.0.3/32"]);
    expect(lab.rib.v4.received.sweepStale(peer)).toBe(1);
    expect(lab.decide()).toEqual(["10.1.0.4/32"]);
    expect(best(lab)).toEqual(["10.1.0.1/32 med 1", "10.1.0.2/32 med 2"]);
    expect(counts(lab, peer)).toMatchObject({ received: 2, accepted: 2, stale: 0 });
  });

  test("what is stale from an earlier restart goes at the next", () => {
    const lab = new Lab();
    const peer = lab.addPeer({});
    lab.announce(peer, PREFIXES, attributesWith({}));
    lab.rib.v4.received.markStale(peer);
    lab.announce(peer, PREFIXES.slice(0, 1), attributesWith({}));
    expect(lab.rib.v4.received.markStale(peer)).toBe(1);
    expect(counts(lab, peer)).toMatchObject({ received: 1, stale: 1 });
  });

  test("300 restarts, each with everything told again, lose nothing", () => {
    const lab = new Lab();
    const peer = lab.addPeer({});
    for (let i = 0; i < 300; i++) {
      lab.announce(peer, PREFIXES, attributesWith({}));
      lab.rib.v4.received.sweepStale(peer);
      lab.decide();
      lab.rib.v4.received.markStale(peer);
    }
    expect(best(lab).length).toBe(4);
  });
});

test("a peer that is dropped and is back at once keeps what it told after", () => {
  const lab = new Lab();
  const peer = lab.addPeer({});
  lab.announce(peer, PREFIXES, attributesWith({ med: 1 }));
  lab.decide();
  lab.rib.v4.received.drop(peer);
  lab.announce(peer, PREFIXES.slice(3), attributesWith({ med: 2 }));
  lab.decide(1);
  expect(best(lab)).toEqual(["10.1.0.4/32 med 2"]);
  expect(counts(lab, peer)).toMatchObject({ received: 1, accepted: 1, stale: 0 });
});

test("a peer's id is free only when its last path is gone", () => {
  const lab = new Lab();
  const peer = lab.addPeer({});
  lab.announce(peer, PREFIXES, attributesWith({}));
  lab.decide();
  lab.rib.removePeer(peer);
  expect(lab.addPeer({ address: ipv4(9) })).not.toBe(peer);
  lab.decide();
  expect(lab.addPeer({ address: ipv4(10) })).toBe(peer);
  expect(lab.left()).toEqual({ prefixes: 0, attributes: 0 });
});

test("rejected paths are kept: another policy brings them in without the peer, and out again", () => {
  const lab = new Lab();
  const peer = lab.addPeer({}, REJECT);
  lab.announce(peer, PREFIXES, attributesWith({ med: 5 }));
  expect(lab.decide()).toEqual([]);
  expect(counts(lab, peer)).toMatchObject({ received: 4, accepted: 0 });
  expect(lab.rib.v4.snapshot.received(peer, 0, 10).rows.map(({ rule }) => rule)).toEqual(
    new Array<string>(4).fill("none"),
  );
  lab.rib.v4.received.refilter(peer, changed(), NO_IMPORT_LIMITS);
  expect(lab.decide().length).toBe(4);
  expect(best(lab)[0]).toBe("10.1.0.1/32 med 6");
  expect(lab.rib.v4.snapshot.describe(host(1))!.paths[0]).toMatchObject({
    tag: 3,
    received: { med: 5 },
    accepted: { med: 6 },
  });
  lab.rib.v4.received.refilter(peer, changed(), NO_IMPORT_LIMITS);
  expect(lab.decide()).toEqual([]);
  lab.rib.v4.received.refilter(peer, REJECT, NO_IMPORT_LIMITS);
  expect(lab.decide().length).toBe(4);
  expect(lab.rib.v4.best.size).toBe(0);
});

describe("limits", () => {
  const limits = { asPathLength: 2, communities: 3, ownAs: 0 };
  const rules = (lab: Lab, peer: PeerId): string[] =>
    lab.rib.v4.snapshot.received(peer, 0, 10).rows.map(({ rule }) => rule!);
  const sequence = (...asns: number[]) => [{ type: "sequence" as const, asns }];

  test.each<[string, Partial<PathAttributes>, string]>([
    ["as long as allowed", { asPath: sequence(65001, 2) }, "none"],
    ["longer", { asPath: sequence(65001, 2, 3) }, "limit.maxAsPathLength"],
    ["as many communities as allowed", { communities: [1, 2], largeCommunities: [[1, 2, 3]] }, "none"],
    [
      "one more, of another kind",
      { communities: [1, 2], largeCommunities: [[1, 2, 3]], extendedCommunities: [[1, 2]] },
      "limit.maxCommunities",
    ],
  ])("%s", (_, attributes, rule) => {
    const lab = new Lab();
    const peer = lab.addPeer({}, REJECT, limits);
    lab.announce(peer, PREFIXES, attributesWith(attributes));
    expect(rules(lab, peer)).toEqual(new Array<string>(4).fill(rule));
  });

  test("others are for the paths that are there too", () => {
    const lab = new Lab();
    const peer = lab.addPeer({});
    lab.announce(peer, PREFIXES, attributesWith({ asPath: sequence(65001, 2, 3) }));
    expect(lab.decide().length).toBe(4);
    lab.rib.v4.received.refilter(peer, ACCEPT, limits);
    lab.decide();
    expect([counts(lab, peer).accepted, rules(lab, peer)[0]]).toEqual([0, "limit.maxAsPathLength"]);
    lab.rib.v4.received.refilter(peer, ACCEPT, NO_IMPORT_LIMITS);
    lab.decide();
    expect(counts(lab, peer).accepted).toBe(4);
  });
});

test("a loop is held and not counted as accepted, and goes again", () => {
  const lab = new Lab();
  const peer = lab.addPeer({});
  lab.announce(peer, PREFIXES, attributesWith({ asPath: [{ type: "sequence", asns: [65001, OUR_ASN] }] }));
  expect(counts(lab, peer)).toMatchObject({ received: 4, accepted: 0 });
  const [row] = lab.rib.v4.snapshot.received(peer, 0, 1).rows;
  expect([row!.accepted, row!.rule]).toEqual([undefined, "asLoop"]);
  lab.announce(peer, PREFIXES.slice(0, 2), attributesWith({}));
  expect(counts(lab, peer)).toMatchObject({ received: 4, accepted: 2 });
  lab.withdraw(peer, PREFIXES);
  expect(counts(lab, peer)).toMatchObject({ received: 0, accepted: 0 });
});

test("an announcement that says nothing new changes nothing", () => {
  const lab = new Lab();
  const peer = lab.addPeer({});
  lab.announce(peer, PREFIXES, attributesWith({}));
  lab.decide();
  lab.announce(peer, PREFIXES, attributesWith({}));
  expect(lab.rib.v4.best.pending).toBe(0);
});

test("several paths of one peer for one prefix stand beside each other (RFC 7911)", () => {
  const lab = new Lab({ multipath: 4 });
  const peer = lab.addPeer({});
  lab.announce(peer, [host(1)], attributesWith({ nextHop: ipv4(1) }), 1);
  lab.announce(peer, [host(1)], attributesWith({ nextHop: ipv4(2) }), 2);
  lab.decide();
  const id = lab.rib.v4.prefixes.find(0x0a010001, 0, 0, 0, 32);
  expect(lab.rib.v4.best.selected(id).map(({ attributes }) => attributes.nextHop.w0)).toEqual([1, 2]);
  lab.withdraw(peer, [host(1)], 1);
  lab.decide();
  expect(lab.rib.v4.best.selected(id).map(({ attributes }) => attributes.nextHop.w0)).toEqual([2]);
});

test("100 rounds of announce and withdraw leave nothing behind", () => {
  const lab = new Lab();
  const peers = [1, 2].map((n) => lab.addPeer({ address: ipv4(n) }));
  const many = Array.from({ length: 500 }, (_, n) => host(n));
  for (let round = 0; round < 100; round++) {
    for (const peer of peers) lab.announce(peer, many, attributesWith({ med: round }));
    lab.decide();
    for (const peer of peers) lab.withdraw(peer, many);
    lab.decide();
  }
  expect(lab.left()).toEqual({ prefixes: 0, attributes: 0 });
  expect(lab.rib.v4.prefixes.extent).toBe(500);
});

describe("our own routes", () => {
  test("replace an earlier one, and are gone when taken back", () => {
    const lab = new Lab();
    lab.originate(host(1), attributesWith({}), 1);
    expect(lab.decide()).toEqual(["10.1.0.1/32"]);
    lab.originate(host(1), attributesWith({}), 1);
    expect(lab.decide()).toEqual([]);
    lab.originate(host(1), attributesWith({}), 2);
    expect(lab.decide()).toEqual(["10.1.0.1/32"]);
    expect(lab.rib.v4.received.abandon(host(1))).toBe(true);
    expect(lab.rib.v4.received.abandon(host(1))).toBe(false);
    expect(lab.decide()).toEqual(["10.1.0.1/32"]);
    expect(lab.left()).toEqual({ prefixes: 0, attributes: 0 });
  });

  test("a next hop of another family than it can be sent with is refused at once", () => {
    const lab = new Lab();
    const attrs = lab.rib.pool.intern(attributesWith({}));
    const six = { family: 6 as const, w0: 0x20010db8, w1: 0, w2: 0, w3: 0, length: 32 };
    expect(() => lab.rib.v6.received.originate(six, attrs, 0)).toThrow(RangeError);
  });
});

test("the filter's word for a path counts per prefix where it looks at prefixes", () => {
  const lab = new Lab();
  const odd = filterSaying({});
  const even = filterSaying({ accepted: false, rule: "even" });
  const peer = lab.addPeer(
    {},
    { ...ACCEPT, usesPrefix: true, judge: (...a) => (a[2] % 2 === 1 ? odd : even).judge(...a) },
  );
  lab.announce(peer, PREFIXES, attributesWith({}));
  lab.decide();
  expect(best(lab).length).toBe(2);
  expect(counts(lab, peer)).toMatchObject({ received: 4, accepted: 2 });
});

describe("several paths of one prefix from one peer (RFC 7911)", () => {
  test("each is a path of its own, and the 257th is not kept", () => {
    const lab = new Lab({ multipath: 256 });
    const peer = lab.addPeer({});
    const other = lab.addPeer({ routerId: 2 });
    for (let id = 1; id <= 300; id++) lab.announce(peer, [host(1)], attributesWith({}), id);
    lab.announce(other, [host(1)], attributesWith({}), 1);
    lab.decide();
    expect(counts(lab, peer)).toMatchObject({ received: 256, accepted: 256, refused: 44 });
    expect(counts(lab, other)).toMatchObject({ received: 1, refused: 0 });
    const statuses = lab.rib.v4.snapshot.describe(host(1))!.paths.map(({ status }) => status);
    expect(statuses.filter((status) => status === "multipath")).toHaveLength(255);
    lab.withdraw(peer, [host(1)], 300);
    lab.withdraw(peer, [host(1)], 256);
    lab.announce(peer, [host(1)], attributesWith({}), 300);
    expect(counts(lab, peer)).toMatchObject({ received: 256, refused: 44 });
  });

  test("a sweep takes those that were not told again, and leaves the others", () => {
    const lab = new Lab({ multipath: 4 });
    const peer = lab.addPeer({});
    for (const id of [1, 2, 3]) lab.announce(peer, [host(1)], attributesWith({}), id);
    lab.rib.v4.received.markStale(peer);
    lab.announce(peer, [host(1)], attributesWith({}), 2);
    lab.rib.v4.received.sweepStale(peer);
    lab.decide();
    expect(lab.rib.v4.snapshot.describe(host(1))!.paths.map(({ pathId }) => pathId)).toEqual([2]);
  });
});
