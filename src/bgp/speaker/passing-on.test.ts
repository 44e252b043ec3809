/** What goes on from one peer to another: attributes that we do not know, and UPDATEs of more than 4096 octets. */

import { describe, expect, test } from "vitest";
import type { PeerOptions } from "./options.ts";
import { address, best, type Node, node, peer, prefix } from "./testing/nodes.ts";
import { attribute, CAPABILITY, KEEPALIVE, open, RawPeer, updateOf } from "./testing/raw-peer.ts";
import { VirtualNetwork } from "./testing/virtual-network.ts";

const PREFIX = "18c00002";
const PATH = attribute(0x40, 2, "02010000fdea");
const BASE = ["40010100", PATH, "4003040a000002"];
const UNKNOWN = "c06303aabbcc";

interface Scene {
  readonly net: VirtualNetwork;
  readonly ours: Node;
  readonly from: RawPeer;
  readonly to: RawPeer;
  readonly peers: readonly PeerOptions[];
}

/** AS 65002 speaks, AS 65003 listens; `capabilities` are the listener's beside IPv4 and 4-octet AS numbers. */
function scene(more: Partial<PeerOptions> = {}, capabilities: readonly string[] = []): Scene {
  const net = new VirtualNetwork({ seed: 7 });
  const ours = node(net, 65001, "10.0.0.1");
  const peers = [
    peer("10.0.0.2", 65002, { passive: true, holdSeconds: 90 }),
    peer("10.0.0.3", 65003, { passive: true, holdSeconds: 90, ...more }),
  ];
  ours.speaker.setPeers(peers);
  const from = new RawPeer(net);
  const to = new RawPeer(net, net.host(address("10.0.0.3")).world);
  net.run(5);
  const { ipv4, as4, extendedMessage } = CAPABILITY;
  from.say(open("04", "fdea", "005a", "0a000002", ipv4, as4(65002), extendedMessage), KEEPALIVE);
  to.say(open("04", "fdeb", "005a", "0a000003", ipv4, as4(65003), ...capabilities), KEEPALIVE);
  net.run(20);
  return { net, ours, from, to, peers };
}

/** What was announced or withdrawn: UPDATEs but End-of-RIB. */
const told = (to: RawPeer): string[] => to.heard(2).filter((body) => body !== "00000000");

describe("attributes that we do not know (RFC 4271 §5)", () => {
  test("are not passed on unless that is asked for; then the Partial bit is set", () => {
    const { net, ours, from, to, peers } = scene();
    from.say(updateOf(PREFIX, ...BASE, UNKNOWN));
    net.run(20);
    expect(told(to)).toHaveLength(1);
    expect(told(to)[0]).not.toContain("aabbcc");
    expect(best(ours)).toEqual(["192.0.2.0/24 via 10.0.0.2"]);

    // Asked for on the session that is there: what differs is told.
    ours.speaker.setPeers([peers[0]!, { ...peers[1]!, passUnknownAttributes: true }]);
    net.run(20);
    expect(told(to)).toHaveLength(2);
    expect(told(to)[1]).toContain("e06303aabbcc");
    expect(ours.speaker.peers()[1]!.flaps).toBe(0);
  });

  test("are passed on by the slow way too, which a policy takes", () => {
    const set = { addCommunities: [0xfde9_0001] };
    const exportPolicy = {
      rules: [{ name: "mark", match: {}, then: "accept" as const, set }],
      otherwise: "reject" as const,
    };
    const { net, from, to } = scene({ exportPolicy, passUnknownAttributes: true });
    from.say(updateOf(PREFIX, ...BASE, UNKNOWN));
    net.run(20);
    expect(told(to)[0]).toContain("e06303aabbcc");
  });

  test("that are not transitive go nowhere", () => {
    const { net, from, to } = scene({ passUnknownAttributes: true });
    from.say(updateOf(PREFIX, ...BASE, "806303aabbcc"));
    net.run(20);
    expect(told(to)[0]).not.toContain("aabbcc");
  });
});

describe("UPDATEs of more than 4096 octets (RFC 8654)", () => {
  /** 1200 communities: 4800 octets. */
  const COMMUNITIES = attribute(
    0xd0,
    8,
    Array.from({ length: 1200 }, (_, i) => `fdea${i.toString(16).padStart(4, "0")}`).join(""),
  );

  test("go to a peer that takes them", () => {
    const { net, ours, from, to } = scene({}, [CAPABILITY.extendedMessage]);
    from.say(updateOf(PREFIX, ...BASE, COMMUNITIES));
    net.run(20);
    expect(told(to)).toHaveLength(1);
    expect(told(to)[0]!.length / 2).toBeGreaterThan(4800);
    expect(told(to)[0]).toContain(COMMUNITIES);
    expect(ours.speaker.peers()[1]!.unsendable).toBe(0);
  });

  test("are withheld from one that does not, with a count, a reason, and what it had before taken back", () => {
    const { net, ours, from, to } = scene();
    from.say(updateOf(PREFIX, ...BASE));
    net.run(20);
    from.say(updateOf(PREFIX, ...BASE, COMMUNITIES));
    net.run(20);
    expect(told(to)).toHaveLength(2);
    expect(told(to)[1]).toBe("000418c000020000");
    expect(ours.speaker.peers()[1]).toMatchObject({ unsendable: 1, prefixes: { advertised: 0 } });
    expect(ours.events.filter(({ on }) => on === "unsendable")).toEqual([
      { peer: address("10.0.0.3"), on: "unsendable", family: 4, prefixes: 1 },
    ]);
    const reasons = ours.speaker.exportsOf(prefix("192.0.2.0/24"));
    expect(reasons[1]).toMatchObject({ sent: false, reason: "attributes too long for a message" });

    from.say(updateOf(PREFIX, ...BASE));
    net.run(20);
    expect(told(to)).toHaveLength(3);
    expect(ours.speaker.peers()[1]!.prefixes.advertised).toBe(1);
  });

  test("are not taken for OPEN or KEEPALIVE", () => {
    const { net, ours, from } = scene();
    from.say(`${"ff".repeat(16)}100104${"00".repeat(4097 - 19)}`);
    net.run(20);
    expect(from.notification()).toBe("01021001");
    const [offence] = ours.speaker.peers()[0]!.offendingMessages;
    expect(offence).toMatchObject({ reaction: "session-reset", faults: [{ rfc: "RFC 4271 section 6.1" }] });
    expect(offence!.octets).toHaveLength(19);
  });
});

test("a path with an AS_SET is told to nobody, whoever believes it (RFC 9774 §3)", () => {
  const net = new VirtualNetwork({ seed: 7 });
  const ours = node(net, 65001, "10.0.0.1");
  const { ipv4, as4 } = CAPABILITY;
  ours.speaker.setPeers([
    peer("10.0.0.2", 65002, { passive: true, holdSeconds: 90, acceptAsSets: true }),
    peer("10.0.0.3", 65003, { passive: true, holdSeconds: 90 }),
  ]);
  const from = new RawPeer(net);
  const to = new RawPeer(net, net.host(address("10.0.0.3")).world);
  net.run(5);
  from.say(open("04", "fdea", "005a", "0a000002", ipv4, as4(65002)), KEEPALIVE);
  to.say(open("04", "fdeb", "005a", "0a000003", ipv4, as4(65003)), KEEPALIVE);
  const set = attribute(0x40, 2, "02010000fdea01020000fdf00000fdf1");
  from.say(updateOf(PREFIX, "40010100", set, "4003040a000002"));
  net.run(20);
  expect(best(ours)).toEqual(["192.0.2.0/24 via 10.0.0.2"]);
  expect(told(to)).toEqual([]);
  expect(ours.speaker.exportsOf(prefix("192.0.2.0/24"))[1]).toMatchObject({
    sent: false,
    reason: "AS_SET in the path (RFC 9774)",
  });
});
