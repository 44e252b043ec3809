import { describe, expect, test } from "vitest";
import { ipv4, ipv6, type Prefix } from "../net/address.ts";
import { formatPrefix } from "../net/text.ts";
import type { PathAttributes } from "../wire/path-attributes.ts";
import type { PrefixBatch } from "../wire/prefix-batch.ts";
import type { PeerId } from "./peer-table.ts";
import {
  attributesWith,
  batchOf,
  exportClassWith,
  filterSaying,
  host,
  Lab,
  OUR_ADDRESS,
  OUR_ASN,
  REJECT,
} from "./testing/lab.ts";

const THEIR_ADDRESS = ipv4(0xc0000201);
const held = (lab: Lab, peer: PeerId): string[] => [...lab.held.get(peer)!.keys()].sort();
const heldOf = (lab: Lab, peer: PeerId, prefix: Prefix): PathAttributes =>
  lab.rib.pool.attributes(lab.held.get(peer)!.get(formatPrefix(prefix))!);

interface Ends {
  readonly external: boolean;
  readonly reflectorClient?: boolean;
}

/** One path from one peer, told to another. */
function sentOn(
  from: Ends,
  to: Ends & { readonly nextHopSelf?: boolean },
  attributes: Partial<PathAttributes>,
): PathAttributes | undefined {
  const lab = new Lab();
  const source = lab.addPeer({ address: ipv4(1), routerId: 0x0a000007, ...from });
  const target = lab.addPeer({ address: ipv4(2), external: to.external });
  lab.join(target, to);
  lab.announce(source, [host(1)], attributesWith(attributes));
  lab.decide();
  lab.send();
  return lab.held.get(target)!.size === 0 ? undefined : heldOf(lab, target, host(1));
}

const EBGP = { external: true };
const IBGP = { external: false };
const CLIENT = { external: false, reflectorClient: true };
const CLUSTER = 0x0a0000fe;

describe("what is done to attributes on the way out", () => {
  const path: PathAttributes["asPath"] = [{ type: "sequence", asns: [65001] }];
  test.each<[string, Parameters<typeof sentOn>, Partial<PathAttributes>]>([
    [
      "eBGP to eBGP: own AS in front, own next hop, no LOCAL_PREF, no MED (RFC 4271 §5.1)",
      [EBGP, EBGP, { asPath: path, med: 5, localPref: 200 }],
      {
        asPath: [{ type: "sequence", asns: [OUR_ASN, 65001] }],
        nextHop: OUR_ADDRESS,
        med: undefined,
        localPref: undefined,
      },
    ],
    [
      "iBGP to eBGP: no ORIGINATOR_ID, no CLUSTER_LIST (RFC 4456 §8)",
      [IBGP, EBGP, { asPath: [], originatorId: 7, clusterList: [8] }],
      { asPath: [{ type: "sequence", asns: [OUR_ASN] }], originatorId: undefined, clusterList: [] },
    ],
    [
      "eBGP to iBGP: next hop and MED unchanged, LOCAL_PREF filled in (RFC 4271 §5.1.5)",
      [EBGP, IBGP, { asPath: path, med: 5 }],
      { asPath: path, nextHop: THEIR_ADDRESS, med: 5, localPref: 100 },
    ],
    [
      "eBGP to iBGP with next hop self",
      [EBGP, { external: false, nextHopSelf: true }, { asPath: path, localPref: 7 }],
      { nextHop: OUR_ADDRESS, localPref: 7 },
    ],
    [
      "client to client: ORIGINATOR_ID and CLUSTER_LIST, the rest unchanged (RFC 4456 §8, §10)",
      [CLIENT, { ...CLIENT, nextHopSelf: true }, { asPath: path, localPref: 7, med: 5 }],
      {
        asPath: path,
        localPref: 7,
        med: 5,
        nextHop: THEIR_ADDRESS,
        originatorId: 0x0a000007,
        clusterList: [CLUSTER],
      },
    ],
    [
      "client to non-client: what an earlier reflector said of the origin stays, our cluster goes in front",
      [CLIENT, IBGP, { originatorId: 9, clusterList: [3, 4] }],
      { originatorId: 9, clusterList: [CLUSTER, 3, 4] },
    ],
    ["non-client to client", [IBGP, CLIENT, {}], { originatorId: 0x0a000007, clusterList: [CLUSTER] }],
    ["eBGP to client: not reflected", [EBGP, CLIENT, { asPath: path }], { clusterList: [] }],
    [
      "a client's path leaves the AS as any other",
      [CLIENT, EBGP, {}],
      { asPath: [{ type: "sequence", asns: [OUR_ASN] }], originatorId: undefined, clusterList: [] },
    ],
    [
      "a full segment gets another in front (RFC 4271 §5.1.2)",
      [EBGP, EBGP, { asPath: [{ type: "sequence", asns: new Array<number>(255).fill(9) }] }],
      {
        asPath: [
          { type: "sequence", asns: [OUR_ASN] },
          { type: "sequence", asns: new Array<number>(255).fill(9) },
        ],
      },
    ],
  ])("%s", (_, args, expected) => {
    expect(sentOn(...args)).toMatchObject(expected);
  });
});

describe("what is not sent at all", () => {
  test.each<[string, Parameters<typeof sentOn>]>([
    ["iBGP to iBGP (RFC 4271 §9.2)", [IBGP, IBGP, {}]],
    ["NO_ADVERTISE to a client", [CLIENT, CLIENT, { communities: [0xffffff02] }]],
    ["NO_ADVERTISE to anybody (RFC 1997)", [EBGP, IBGP, { communities: [0xffffff02] }]],
    ["NO_EXPORT to eBGP", [EBGP, EBGP, { communities: [0xffffff01] }]],
    ["NO_EXPORT_SUBCONFED to eBGP", [EBGP, EBGP, { communities: [0xffffff03] }]],
  ])("%s", (_, args) => {
    expect(sentOn(...args)).toBeUndefined();
  });

  test("NO_EXPORT goes to iBGP", () => {
    expect(sentOn(EBGP, IBGP, { communities: [0xffffff01] })).toBeDefined();
  });
});

describe("policy, our own routes, IPv6", () => {
  test("policy sees the path and has the last word on MED and communities", () => {
    const lab = new Lab();
    const source = lab.addPeer({ address: ipv4(1) });
    const target = lab.addPeer({ address: ipv4(2) });
    const change = (a: PathAttributes): PathAttributes => ({
      ...a,
      med: 77,
      communities: [...a.communities, 9],
    });
    lab.join(target, { filter: filterSaying({ change, tag: 4 }) });
    lab.announce(source, [host(1)], attributesWith({ communities: [8], med: 5 }));
    lab.decide();
    lab.send();
    expect(heldOf(lab, target, host(1))).toMatchObject({ med: 77, communities: [8, 9] });
    const group = lab.rib.v4.exports.groupOf(target)!;
    expect(lab.rib.v4.snapshot.advertised(group, target, 0, 10).rows).toMatchObject([
      { prefix: host(1), tag: 4, pending: false, attributes: { med: 77 } },
    ]);
  });

  test("our own routes: the session's address unless one was given; NO_EXPORT is for those who hear it", () => {
    const lab = new Lab();
    const target = lab.addPeer({});
    lab.join(target);
    lab.originate(host(1), attributesWith({ nextHop: ipv4(0), med: 3, communities: [0xffffff01] }));
    lab.originate(host(2), attributesWith({ nextHop: THEIR_ADDRESS }));
    lab.decide();
    lab.send();
    expect(heldOf(lab, target, host(1))).toMatchObject({
      nextHop: OUR_ADDRESS,
      med: 3,
      communities: [0xffffff01],
    });
    expect(heldOf(lab, target, host(2))).toMatchObject({ nextHop: THEIR_ADDRESS });
  });

  test("IPv6: the next hop of MP_REACH_NLRI is ours", () => {
    const lab = new Lab();
    const ours = ipv6(0x20010db8, 0, 0, 0xfe);
    const { rib } = lab;
    const source = lab.addPeer({ address: ipv4(1) });
    const target = lab.addPeer({ address: ipv4(2) });
    const group = rib.v6.exports.join(target, exportClassWith({ localAddress: ours }));
    const attrs = rib.pool.intern(attributesWith({ nextHop: ipv6(0x20010db8, 0, 0, 1) }));
    rib.v6.received.announce(source, attrs, batchOf([{ ...ipv6(0x20010db8, 1, 0, 0), length: 64 }]));
    rib.v6.best.decideSome(10, () => {});
    const nextHops: string[] = [];
    group.drain(10, () => true, {
      announce: (id, prefixes) => {
        nextHops.push(`${formatPrefix(prefixes.at(0))} ${rib.pool.encoded(id).mpNextHop!.at(-1)}`);
      },
      withdraw: () => {},
    });
    expect(nextHops).toEqual(["2001:db8:0:1::/64 254"]);
  });
});

describe("what is shared and what is saved", () => {
  test("peers of one class share a group, and are told in one run what shares attributes", () => {
    const lab = new Lab();
    const source = lab.addPeer({ address: ipv4(1) });
    const targets = [2, 3, 4].map((n) => lab.addPeer({ address: ipv4(n) }));
    for (const target of targets) lab.join(target);
    expect(lab.rib.v4.exports.groups.size).toBe(1);
    lab.announce(source, [host(1), host(3)], attributesWith({ med: 1, communities: [1] }));
    lab.announce(source, [host(2)], attributesWith({ communities: [2] }));
    lab.announce(source, [host(4)], attributesWith({ med: 2, communities: [1] }));
    lab.decide();
    lab.send();
    // MED does not go out, so that the first and the third are the same to them.
    expect(lab.messages).toBe(2);
    for (const target of targets) expect(held(lab, target).length).toBe(4);
  });

  test("a prefix that changes ten times before it is sent is sent once, and not at all when it is as before", () => {
    const lab = new Lab();
    const source = lab.addPeer({ address: ipv4(1) });
    const target = lab.addPeer({ address: ipv4(2) });
    lab.join(target);
    for (let origin = 0; origin < 10; origin++) {
      lab.announce(source, [host(1)], attributesWith({ communities: [origin] }));
      lab.decide();
    }
    lab.send();
    expect(lab.messages).toBe(1);
    lab.withdraw(source, [host(1)]);
    lab.decide();
    lab.announce(source, [host(1)], attributesWith({ communities: [9] }));
    lab.decide();
    lab.send();
    expect(lab.messages).toBe(1);
  });
});

describe("peers that come, go and change", () => {
  test("another export policy sends the difference on the same session", () => {
    const lab = new Lab();
    const source = lab.addPeer({ address: ipv4(1) });
    const target = lab.addPeer({ address: ipv4(2) });
    lab.join(target);
    lab.announce(source, [host(1), host(2)], attributesWith({}));
    lab.decide();
    lab.send();
    lab.rib.v4.exports.move(target, exportClassWith({ filter: REJECT }));
    lab.send();
    expect(held(lab, target)).toEqual([]);
    expect(lab.rib.v4.exports.groupOf(target)!.advertised(target)).toBe(0);
    lab.rib.v4.exports.move(target, exportClassWith({}));
    lab.send();
    expect(held(lab, target).length).toBe(2);
    expect(lab.needless).toEqual([]);
    expect(lab.rib.v4.exports.groups.size).toBe(1);
  });

  test("what both policies let through is not withdrawn in between, however small the slices", () => {
    const lab = new Lab();
    const source = lab.addPeer({ address: ipv4(1) });
    const target = lab.addPeer({ address: ipv4(2) });
    lab.join(target);
    lab.announce(source, [host(1), host(2), host(3)], attributesWith({}));
    lab.decide();
    lab.send();
    const group = lab.rib.v4.exports.move(target, exportClassWith({ nextHopSelf: true }));
    const withdrawn: number[] = [];
    const sink = { ...lab.sink, withdraw: (batch: PrefixBatch) => void withdrawn.push(batch.count) };
    while (group.pendingFor(target) > 0) {
      group.drain(1, () => true, sink);
      group.catchUp(target, 10, sink);
    }
    expect(withdrawn).toEqual([]);
    expect(held(lab, target).length).toBe(3);
  });
});

describe("what is owed", () => {
  test("a prefix that goes while its last holder leaves is still told to be gone", () => {
    const lab = new Lab();
    const source = lab.addPeer({ address: ipv4(1) });
    const target = lab.addPeer({ address: ipv4(2) });
    lab.join(target);
    lab.announce(source, [host(1)], attributesWith({}));
    lab.decide();
    lab.send();
    lab.withdraw(source, [host(1)]);
    lab.rib.v4.exports.leave(target);
    expect(lab.decide()).toEqual(["10.1.0.1/32"]);
  });

  test("a refresh tells everything again, to the one that asked", () => {
    const lab = new Lab();
    const source = lab.addPeer({ address: ipv4(1) });
    const [a, b] = [2, 3].map((n) => lab.addPeer({ address: ipv4(n) })) as [PeerId, PeerId];
    for (const target of [a, b]) lab.join(target);
    lab.announce(source, [host(1), host(2)], attributesWith({}));
    lab.decide();
    lab.send();
    const group = lab.rib.v4.exports.groupOf(a)!;
    expect(group.pendingFor(a)).toBe(0);
    for (const target of [a, b]) lab.held.get(target)!.clear();
    group.resend(a);
    expect([group.pendingFor(a), group.pendingFor(b)]).toEqual([2, 0]);
    lab.send();
    expect([held(lab, a).length, held(lab, b).length]).toEqual([2, 0]);
    expect(group.advertised(a)).toBe(2);
  });

  test("when the best path moves from one member to another, only these two are told, once each", () => {
    const lab = new Lab();
    const [a, b, c] = [1, 2, 3].map((n) => lab.addPeer({ address: ipv4(n) })) as [PeerId, PeerId, PeerId];
    for (const peer of [a, b, c]) lab.join(peer);
    for (const peer of [a, b]) lab.announce(peer, [host(1)], attributesWith({}));
    lab.decide();
    lab.send();
    expect([held(lab, a).length, held(lab, b).length, held(lab, c).length]).toEqual([0, 1, 1]);
    lab.messages = 0;
    lab.withdraw(a, [host(1)]);
    lab.decide();
    lab.send();
    expect([held(lab, a).length, held(lab, b).length, held(lab, c).length]).toEqual([1, 0, 1]);
    expect(lab.messages).toBe(2);
    lab.withdraw(b, [host(1)]);
    lab.announce(a, [host(1)], attributesWith({ communities: [1] }));
    lab.decide();
    lab.messages = 0;
    lab.send();
    // One announcement for b and c, one withdrawal for a.
    expect([held(lab, a).length, held(lab, b).length, held(lab, c).length]).toEqual([0, 1, 1]);
    expect(lab.messages).toBe(2);
  });
});

describe("nobody there", () => {
  test("nothing is looked at while nobody can take it", () => {
    const lab = new Lab();
    const source = lab.addPeer({ address: ipv4(1) });
    lab.join(lab.addPeer({ address: ipv4(2) }));
    lab.announce(source, [host(1)], attributesWith({}));
    lab.decide();
    lab.send(() => false);
    const [group] = lab.rib.v4.exports.groups;
    expect(group!.pending).toBe(1);
  });

  test("the last peer that leaves takes the group with it, and nothing is left held", () => {
    const lab = new Lab();
    const source = lab.addPeer({ address: ipv4(1) });
    const target = lab.addPeer({ address: ipv4(2) });
    lab.join(target);
    lab.announce(source, [host(1)], attributesWith({}));
    lab.decide();
    lab.send();
    lab.withdraw(source, [host(1)]);
    lab.decide();
    // Still owed: the prefix keeps its number.
    expect(lab.left().prefixes).toBe(1);
    lab.rib.v4.exports.leave(target);
    expect(lab.rib.v4.exports.groups.size).toBe(0);
    expect(lab.left()).toEqual({ prefixes: 0, attributes: 0 });
  });
});

describe("advertiseInstalledOnly", () => {
  test("a learned route is sent while it is in the forwarding plane; our own at once", () => {
    const lab = new Lab({ advertiseInstalledOnly: true });
    const source = lab.addPeer({ address: ipv4(1) });
    const target = lab.addPeer({ address: ipv4(3) });
    const { best } = lab.rib.v4;
    lab.join(target);
    const step = () => {
      lab.decide();
      lab.send();
      return held(lab, target);
    };
    lab.originate(host(9), attributesWith({}));
    lab.announce(source, [host(1)], attributesWith({ communities: [1] }));
    expect(step()).toEqual(["10.1.0.9/32"]);
    best.setInstalled(host(1), true);
    expect(step()).toEqual(["10.1.0.1/32", "10.1.0.9/32"]);
    lab.announce(source, [host(1)], attributesWith({ communities: [2] }));
    step();
    expect(heldOf(lab, target, host(1)).communities).toEqual([2]);
    best.setInstalled(host(1), false);
    expect(step()).toEqual(["10.1.0.9/32"]);
    best.setInstalled(host(1), true);
    expect(step()).toEqual(["10.1.0.1/32", "10.1.0.9/32"]);
    lab.withdraw(source, [host(1)]);
    expect(step()).toEqual(["10.1.0.9/32"]);
    // It left the forwarding plane with its last path: the caller must say so again.
    lab.announce(source, [host(1)], attributesWith({}));
    expect(step()).toEqual(["10.1.0.9/32"]);
  });
});
