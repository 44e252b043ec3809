/**
 * RFC 8326 on virtual time. A source tells one route to two gateways; both tell it to the router. The gateway at .1 wins
 * until its session with the router is about to end.
 */

import { describe, expect, test } from "vitest";
import { WELL_KNOWN_COMMUNITIES } from "../net/communities.ts";
import { formatAddress } from "../net/text.ts";
import type { Policy } from "../policy/rules.ts";
import type { PeerOptions } from "./options.ts";
import type { PathSnapshot } from "./snapshots.ts";
import { address, best, isUp, local, type Node, node, peer } from "./testing/nodes.ts";
import { VirtualNetwork } from "./testing/virtual-network.ts";

const SHUTDOWN = WELL_KNOWN_COMMUNITIES["graceful-shutdown"];
const ROUTE = "192.0.2.1/32";
const BACK = "198.51.100.0/24";
const SOURCE = "10.0.0.9";
const FIRST = "10.0.0.1";
const SECOND = "10.0.0.2";
const ROUTER = "10.0.0.3";

interface Scene {
  readonly net: VirtualNetwork;
  readonly source: Node;
  readonly first: Node;
  readonly router: Node;
  tellFirst(more: Partial<PeerOptions>): void;
}

/** @param routerAs - 65000 makes the router internal to the gateways, which both are in AS 65000 */
function scene(routerAs: number, ofRouter: Partial<PeerOptions> = {}): Scene {
  const net = new VirtualNetwork({ seed: 5 });
  const source = node(net, 65009, SOURCE);
  const router = node(net, routerAs, ROUTER, { multipath: 1 });
  const [first, second] = [FIRST, SECOND].map((own) => {
    const gateway = node(net, 65000, own, { multipath: 1 });
    gateway.speaker.setPeers([peer(SOURCE, 65009), peer(ROUTER, routerAs)]);
    return gateway;
  });
  source.speaker.setPeers([peer(FIRST, 65000), peer(SECOND, 65000)]);
  router.speaker.setPeers([peer(FIRST, 65000, ofRouter), peer(SECOND, 65000, ofRouter)]);
  source.speaker.announce([local(ROUTE)]);
  router.speaker.announce([local(BACK)]);
  net.until(() => isUp(source, first!, second!, router), 60_000);
  net.run(2000);
  return {
    net,
    source,
    first: first!,
    router,
    tellFirst: (more) => first!.speaker.setPeers([peer(SOURCE, 65009), peer(ROUTER, routerAs, more)]),
  };
}

/** Paths of a prefix as a node has them, the best first: from whom, with what preference, marked or not. */
const paths = ({ speaker }: Node, prefix = ROUTE): [string, number | undefined, boolean][] => {
  const [route] = [...speaker.routes({ prefix: local(prefix).prefix })];
  const told = ({ peer: from, attributes }: PathSnapshot): [string, number | undefined, boolean] => [
    from === undefined ? "local" : formatAddress(from),
    attributes.localPref,
    attributes.communities.includes(SHUTDOWN),
  ];
  return (route?.paths ?? []).map(told);
};

const flaps = (...nodes: Node[]): number =>
  nodes.flatMap(({ speaker }) => speaker.peers()).reduce((sum, each) => sum + each.flaps, 0);

describe.each<[string, number, number | undefined]>([
  ["eBGP", 65003, undefined],
  ["iBGP", 65000, 100],
])("a session that is about to end, %s", (_, routerAs, preference) => {
  test.each<[string, (s: Scene, on: boolean) => void]>([
    [
      "by hand",
      (s, on) => expect(s.first.speaker.order(address(ROUTER), { do: on ? "drain" : "undrain" })).toBe(true),
    ],
    ["by its options", (s, on) => s.tellFirst({ gracefulShutdown: on })],
  ])("%s: both ends take other ways; it stays up, and is as before when it is called off", (_, drain) => {
    const s = scene(routerAs);
    expect(paths(s.router)[0]).toEqual([FIRST, preference, false]);
    drain(s, true);
    s.net.run(1000);
    expect(paths(s.router)).toEqual([
      [SECOND, preference, false],
      [FIRST, 0, true],
    ]);
    expect(paths(s.first, BACK)[0]).toEqual([ROUTER, 0, true]);
    expect(s.first.speaker.peers().map(({ drains }) => drains)).toEqual([false, true]);
    drain(s, false);
    s.net.run(1000);
    expect(paths(s.router)[0]).toEqual([FIRST, preference, false]);
    expect(paths(s.first, BACK)[0]).toEqual([ROUTER, preference, false]);
    expect(flaps(s.first, s.router)).toBe(0);
  });
});

describe("what is drained by hand", () => {
  test("stays so when the options are told again", () => {
    const s = scene(65003);
    s.first.speaker.order(address(ROUTER), { do: "drain" });
    s.tellFirst({ description: "another" });
    s.net.run(1000);
    expect(paths(s.router)[0]).toEqual([SECOND, undefined, false]);
    expect(flaps(s.first)).toBe(0);
  });

  test("is told nothing again that it knows", () => {
    const s = scene(65003);
    s.first.speaker.order(address(ROUTER), { do: "drain" });
    s.net.run(1000);
    const before = s.router.speaker.peers()[0]!.messages.received.update;
    s.first.speaker.order(address(ROUTER), { do: "drain" });
    s.tellFirst({});
    s.net.run(1000);
    expect(s.router.speaker.peers()[0]!.messages.received.update).toBe(before);
  });

  test("a stranger is none", () => {
    expect(scene(65003).first.speaker.order(address("10.9.9.9"), { do: "drain" })).toBe(false);
  });

  test("the only way there is stays in use", () => {
    const s = scene(65003);
    s.first.speaker.order(address(SOURCE), { do: "drain" });
    s.net.run(1000);
    expect(paths(s.first)[0]).toEqual([SOURCE, 0, true]);
    expect(best(s.router)).toContain(`${ROUTE} via ${SECOND}`);
  });
});

describe("a peer marks a route (RFC 8326 §4.1)", () => {
  const marked = { ...local(ROUTE), communities: [SHUTDOWN] };
  const prefers: Policy = {
    rules: [{ name: "1", match: {}, then: "accept", set: { localPref: 200 } }],
    otherwise: "reject",
  };
  const unmarks: Policy = {
    rules: [
      {
        name: "1",
        match: {},
        then: "accept",
        set: { removeCommunities: [{ words: [SHUTDOWN], masks: [-1 >>> 0] }] },
      },
    ],
    otherwise: "reject",
  };

  test.each<[string, Partial<PeerOptions>, number | undefined]>([
    ["an eBGP peer's is a last resort", {}, 0],
    ["whatever preference the policy gives it", { importPolicy: prefers }, 0],
    ["unless the policy takes the mark away", { importPolicy: unmarks }, undefined],
    ["or it is not to be honored", { honorGracefulShutdown: false }, undefined],
  ])("%s", (_, more, preference) => {
    const s = scene(65003);
    s.first.speaker.setPeers([peer(SOURCE, 65009, more), peer(ROUTER, 65003)]);
    s.source.speaker.announce([marked]);
    s.net.run(1000);
    expect(paths(s.first)[0]![1]).toBe(preference);
  });

  test("an iBGP peer's has the preference that it gives it", () => {
    const s = scene(65000, { honorGracefulShutdown: true });
    s.source.speaker.announce([marked]);
    s.net.run(1000);
    // The gateways have lowered it at the border.
    expect(paths(s.router).map(([, preference, isMarked]) => [preference, isMarked])).toEqual([
      [0, true],
      [0, true],
    ]);
    s.router.speaker.announce([{ ...local(BACK), communities: [SHUTDOWN] }]);
    s.net.run(1000);
    expect(paths(s.first, BACK)).toEqual([[ROUTER, 100, true]]);
  });

  test("to honor it or not acts on the routes that are there", () => {
    const s = scene(65003);
    s.source.speaker.announce([marked]);
    s.net.run(1000);
    for (const [honorGracefulShutdown, preference] of [
      [false, undefined],
      [true, 0],
    ] as const) {
      s.first.speaker.setPeers([peer(SOURCE, 65009, { honorGracefulShutdown }), peer(ROUTER, 65003)]);
      s.net.run(1000);
      expect(paths(s.first)[0]![1]).toBe(preference);
    }
    expect(flaps(s.first)).toBe(0);
  });
});
