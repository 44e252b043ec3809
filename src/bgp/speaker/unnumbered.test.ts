/** Peers by interface and by link-local address. The two ends of a wire call it by one name here. */

import { describe, expect, test } from "vitest";
import { formatAddress } from "../net/text.ts";
import type { PeerOptions } from "./options.ts";
import { address, best, isUp, local, type Node, node, peer, prefix, stateOf } from "./testing/nodes.ts";
import { VirtualNetwork } from "./testing/virtual-network.ts";

const fabric: Partial<PeerOptions> = { extendedNextHop: true, families: [4, 6] };

/** Two routers that have no address but those of the wire between them. */
function wired(net: VirtualNetwork, more: Partial<PeerOptions> = {}): [Node, Node] {
  const left = node(net, 65001, "fe80::1%wire");
  const right = node(net, 65002, "fe80::2%wire", { routerId: address("10.255.0.2") });
  left.speaker.setPeers([peer("wire", "external", { ...fabric, ...more })]);
  right.speaker.setPeers([peer("wire", "external", { ...fabric, ...more })]);
  left.speaker.announce([local("192.0.2.1/32")]);
  right.speaker.announce([local("198.51.100.0/24"), local("2001:db8:2::/48")]);
  return [left, right];
}

const meet = ({ speaker }: Node, text: string): void => speaker.setNeighbour(address(text));
const nameOf = ({ speaker }: Node): string => formatAddress(speaker.peers()[0]!.address);
const ends = ({ events }: Node): string[] =>
  events.flatMap((event) => (event.on === "session-down" ? event.reason : []));

describe("a peer by interface", () => {
  test("waits for somebody to be there", () => {
    const net = new VirtualNetwork({ seed: 1 });
    const [left] = wired(net);
    net.run(60_000);
    expect([stateOf(left), nameOf(left)]).toEqual(["active", "::%wire"]);
    expect(left.speaker.peers()[0]).toMatchObject({ interface: "wire", asn: undefined, flaps: 0 });
  });

  test.each([1, 2, 3, 4])(
    "both hear of each other, seed %i: one session, routes of both families",
    (seed) => {
      const net = new VirtualNetwork({ seed });
      const [left, right] = wired(net);
      meet(left, "fe80::2%wire");
      meet(right, "fe80::1%wire");
      net.until(() => best(left).length === 3 && best(right).length === 3, 5000);
      expect(best(left)).toEqual([
        "192.0.2.1/32 via local",
        "198.51.100.0/24 via fe80::2%wire",
        "2001:db8:2::/48 via fe80::2%wire",
      ]);
      expect(left.speaker.peers()[0]).toMatchObject({ asn: 65002, interface: "wire" });
      net.run(60_000);
      expect([isUp(left, right), ends(left), ends(right)]).toEqual([true, [], []]);
    },
  );

  test("who connects over the interface is who is there", () => {
    const net = new VirtualNetwork({ seed: 1 });
    const [left, right] = wired(net);
    meet(right, "fe80::1%wire");
    net.until(() => isUp(left, right), 5000);
    expect(nameOf(left)).toBe("fe80::2%wire");
  });

  test("another one is not heard while the session is up, and takes its place when it is gone", () => {
    const net = new VirtualNetwork({ seed: 1 });
    const [left, right] = wired(net);
    meet(right, "fe80::1%wire");
    net.until(() => isUp(left, right), 5000);
    const other = node(net, 65003, "fe80::3%wire", { routerId: address("10.255.0.3") });
    other.speaker.setPeers([peer("fe80::1%wire", "external", fabric)]);
    meet(left, "fe80::3%wire");
    net.run(30_000);
    expect([nameOf(left), ends(left), isUp(other)]).toEqual(["fe80::2%wire", [], false]);
    right.crash();
    net.until(() => isUp(left, other), 60_000);
    expect(nameOf(left)).toBe("fe80::3%wire");
  });

  test("external means any AS but our own", () => {
    const net = new VirtualNetwork({ seed: 1 });
    const [left] = wired(net);
    const twin = node(net, 65001, "fe80::9%wire", { routerId: address("10.255.0.9") });
    twin.speaker.setPeers([peer("fe80::1%wire", 65001, fabric)]);
    net.run(5000);
    expect(isUp(left)).toBe(false);
    expect(left.speaker.peers()[0]!.lastError?.words).toContain("AS 65001 where another than our own");
  });

  test("can be configured anew, and taken out", () => {
    const net = new VirtualNetwork({ seed: 1 });
    const [left, right] = wired(net);
    meet(right, "fe80::1%wire");
    net.until(() => isUp(left, right), 5000);
    left.speaker.setPeers([peer("wire", "external", { ...fabric, description: "spine" })]);
    expect([isUp(left), left.speaker.peers()[0]!.description]).toEqual([true, "spine"]);
    left.speaker.setPeers([]);
    net.run(1000);
    expect([left.speaker.peers(), best(left)]).toEqual([[], ["192.0.2.1/32 via local"]]);
  });
});

test("two peers with one address behind two interfaces are two", () => {
  const net = new VirtualNetwork({ seed: 1 });
  const leaf = node(net, 65001, "fe80::1%a fe80::1%b");
  const spines = ["a", "b"].map((wire, i) => {
    const spine = node(net, 65002, `fe80::2%${wire}`, { routerId: address(`10.255.1.${i + 1}`) });
    spine.speaker.setPeers([peer(`fe80::1%${wire}`, 65001, fabric)]);
    spine.speaker.announce([local("198.51.100.0/24")]);
    return spine;
  });
  leaf.speaker.setPeers(
    ["a", "b"].map((wire) => peer(`fe80::2%${wire}`, 65002, { ...fabric, passive: true })),
  );
  net.until(() => isUp(leaf, ...spines), 30_000);
  net.run(1000);
  expect(best(leaf)).toEqual(["198.51.100.0/24 via fe80::2%a fe80::2%b"]);
  leaf.speaker.setNextHops([{ nextHop: address("fe80::2%a"), reachable: false, metric: 0 }]);
  net.run(1000);
  expect(best(leaf)).toEqual(["198.51.100.0/24 via fe80::2%b"]);
});

describe("what is told on", () => {
  test("a link-local next hop does not leave its link, to iBGP peers neither", () => {
    const net = new VirtualNetwork({ seed: 1 });
    const inner = node(net, 65001, "10.0.0.9");
    const border = node(net, 65001, "fe80::1%wire 10.0.0.1");
    const outer = node(net, 65002, "fe80::2%wire", { routerId: address("10.255.0.2") });
    inner.speaker.setPeers([peer("10.0.0.1", 65001)]);
    border.speaker.setPeers([
      peer("wire", "external", fabric),
      peer("10.0.0.9", 65001, { localAddress: address("10.0.0.1") }),
    ]);
    outer.speaker.setPeers([peer("fe80::1%wire", "external", fabric)]);
    outer.speaker.announce([local("203.0.113.0/24")]);
    net.until(() => best(inner).length > 0, 30_000);
    expect(best(inner)).toEqual(["203.0.113.0/24 via 10.0.0.1"]);
  });

  test("a session over IPv6 carries IPv4 with its own address where both agreed, else with one of IPv4", () => {
    const hops = (extendedNextHop: boolean): string[] => {
      const net = new VirtualNetwork({ seed: 1 });
      const left = node(net, 65001, "2001:db8::1 10.0.0.1");
      const right = node(net, 65002, "2001:db8::2 10.0.0.2");
      left.speaker.setPeers([peer("2001:db8::2", 65002, { extendedNextHop })]);
      right.speaker.setPeers([peer("2001:db8::1", 65001, { extendedNextHop: true })]);
      left.speaker.announce([local("192.0.2.1/32")]);
      net.until(() => best(right).length === 1, 30_000);
      return best(right);
    };
    expect([hops(true), hops(false)]).toEqual([
      ["192.0.2.1/32 via 2001:db8::1"],
      ["192.0.2.1/32 via 10.0.0.1"],
    ]);
  });

  test("a global address of the interface is told beside the link-local one, which is what counts there", () => {
    const net = new VirtualNetwork({ seed: 1 });
    const left = node(net, 65001, "fe80::1%wire 2001:db8::1");
    const right = node(net, 65002, "fe80::2%wire", { routerId: address("10.255.0.2") });
    left.speaker.setPeers([peer("wire", "external", fabric)]);
    right.speaker.setPeers([peer("fe80::1%wire", "external", fabric)]);
    left.speaker.announce([local("192.0.2.1/32")]);
    net.until(() => best(right).length === 1, 30_000);
    expect(best(right)).toEqual(["192.0.2.1/32 via fe80::1%wire"]);
    const [sent] = [...left.speaker.advertised(address("fe80::2%wire"))];
    expect(sent!.attributes).toMatchObject({
      nextHop: address("2001:db8::1"),
      linkLocalNextHop: address("fe80::1"),
    });
  });
});

describe("a link that goes down", () => {
  test("takes the sessions over it along at once, and their routes; up again, nobody waits", () => {
    const net = new VirtualNetwork({ seed: 1 });
    const gracefulRestart = { restartSeconds: 120, notification: true, restarting: false };
    const left = node(net, 65001, "fe80::1%wire", { gracefulRestart });
    const right = node(net, 65002, "fe80::2%wire", { gracefulRestart, routerId: address("10.255.0.2") });
    left.speaker.setPeers([peer("wire", "external", fabric)]);
    right.speaker.setPeers([peer("wire", "external", { ...fabric, passive: true })]);
    right.speaker.announce([local("198.51.100.0/24")]);
    meet(left, "fe80::2%wire");
    net.until(() => best(left).length === 1, 5000);
    left.speaker.setLink("wire", [], false);
    net.run(10);
    expect([best(left), ends(left)]).toEqual([[], ["link down"]]);
    left.speaker.setLink("wire", [], true);
    net.until(() => best(left).length === 1, 500);
  });

  test.each<[string, number, string[], boolean]>([
    ["eBGP in its network", 65002, ["10.0.0.0/24"], true],
    ["eBGP elsewhere", 65002, ["10.0.1.0/24"], false],
    ["iBGP, which may have another way", 65001, ["10.0.0.0/24"], false],
  ])("%s", (_, asn, networks, falls) => {
    const net = new VirtualNetwork({ seed: 1 });
    const left = node(net, 65001, "10.0.0.1");
    const right = node(net, asn, "10.0.0.2");
    left.speaker.setPeers([peer("10.0.0.2", asn)]);
    right.speaker.setPeers([peer("10.0.0.1", 65001)]);
    net.until(() => isUp(left, right), 30_000);
    left.speaker.setLink("eth0", networks.map(prefix), false);
    expect(isUp(left)).toBe(!falls);
  });
});
