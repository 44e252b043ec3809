import { describe, expect, test } from "vitest";
import type { PeerOptions, SpeakerOptions } from "./options.ts";
import { address, best, isUp, local, type Node, node, peer } from "./testing/nodes.ts";
import { VirtualNetwork } from "./testing/virtual-network.ts";

const restart = (restarting: boolean, notification = false): Partial<SpeakerOptions> => ({
  gracefulRestart: { restartSeconds: 60, notification, restarting },
});

interface Scene {
  readonly net: VirtualNetwork;
  /** Has one route of its own, and dies. */
  gateway: Node;
  /** Keeps its routes. */
  readonly router: Node;
  /** Behind the router: would see a withdraw. */
  readonly watcher: Node;
}

const GATEWAY = "10.0.0.1";

function scene(notification = false): Scene {
  const net = new VirtualNetwork({ seed: 3 });
  const router = node(net, 65002, "10.0.0.2", restart(false, notification));
  const watcher = node(net, 65003, "10.0.0.3");
  router.speaker.setPeers([peer(GATEWAY, 65001), peer("10.0.0.3", 65003)]);
  watcher.speaker.setPeers([peer("10.0.0.2", 65002)]);
  const gateway = gatewayOn(net, false, notification);
  gateway.speaker.announce([local("192.0.2.1/32"), local("192.0.2.2/32")]);
  net.until(() => best(watcher).length === 2, 30_000);
  return { net, gateway, router, watcher };
}

function gatewayOn(
  net: VirtualNetwork,
  restarting: boolean,
  notification = false,
  more: Partial<PeerOptions> = {},
): Node {
  const gateway = node(net, 65001, GATEWAY, restart(restarting, notification));
  gateway.speaker.setPeers([peer("10.0.0.2", 65002, more)]);
  return gateway;
}

const stale = ({ router }: Scene): number => router.speaker.peers()[0]!.gracefulRestart.stalePaths;
const updatesSeen = ({ watcher }: Scene): number => watcher.speaker.peers()[0]!.messages.received.update;

describe("the helper", () => {
  test("killed and back: nobody behind it sees anything", () => {
    const s = scene();
    const seen = updatesSeen(s);
    s.gateway.crash();
    s.net.run(500);
    expect(stale(s)).toBe(2);
    expect(best(s.watcher)).toHaveLength(2);
    s.gateway = gatewayOn(s.net, true);
    s.net.until(() => isUp(s.gateway), 30_000);
    s.net.run(20_000);
    // End-of-RIB waits for complete(), and so do the stale paths.
    expect(stale(s)).toBe(2);
    s.gateway.speaker.announce([local("192.0.2.1/32"), local("192.0.2.2/32")]);
    s.gateway.speaker.complete();
    s.net.until(() => s.router.events.filter((e) => e.on === "end-of-rib").length >= 3, 30_000);
    expect(stale(s)).toBe(0);
    expect(best(s.watcher)).toHaveLength(2);
    expect(updatesSeen(s)).toBe(seen);
  });

  test("what is not told again goes with End-of-RIB", () => {
    const s = scene();
    s.gateway.crash();
    s.net.run(500);
    s.gateway = gatewayOn(s.net, true);
    s.gateway.speaker.announce([local("192.0.2.1/32")]);
    s.gateway.speaker.complete();
    s.net.until(() => best(s.watcher).length === 1, 30_000);
    expect(best(s.watcher)).toEqual(["192.0.2.1/32 via 10.0.0.2"]);
    expect(s.router.events.filter((e) => e.on === "end-of-rib").at(-1)).toMatchObject({ sweptPaths: 1 });
  });

  test("one that does not come back is forgotten after its restart time", () => {
    const s = scene();
    s.gateway.crash();
    s.net.run(59_000);
    expect(best(s.watcher)).toHaveLength(2);
    s.net.run(2000);
    expect(best(s.watcher)).toEqual([]);
    expect(s.router.events.filter((e) => e.on === "stale-expired")).toMatchObject([{ sweptPaths: 2 }]);
  });

  test("one that lost its forwarding state (no F bit) loses its stale paths at once", () => {
    const s = scene();
    s.gateway.crash();
    s.net.run(500);
    s.gateway = gatewayOn(s.net, false);
    s.net.until(() => isUp(s.gateway), 30_000);
    s.net.run(100);
    expect(best(s.watcher)).toEqual([]);
  });
});

describe("the helper, by how the session ended", () => {
  test("a restart that nobody noticed: the new connection takes the place of the old one", () => {
    const s = scene();
    s.net.cut(address(GATEWAY), address("10.0.0.2"));
    s.gateway.crash();
    s.net.run(100);
    s.net.heal(address(GATEWAY), address("10.0.0.2"));
    expect(s.router.speaker.peers()[0]!.state).toBe("established");
    s.gateway = gatewayOn(s.net, true);
    s.gateway.speaker.announce([local("192.0.2.1/32"), local("192.0.2.2/32")]);
    s.gateway.speaker.complete();
    s.net.until(() => isUp(s.gateway), 5000);
    s.net.run(1000);
    expect(stale(s)).toBe(0);
    expect(best(s.watcher)).toHaveLength(2);
  });

  test("a graceful stop says nothing, and is a restart to the other side", () => {
    const s = scene();
    s.gateway.speaker.stop({ graceful: true });
    s.net.run(500);
    expect(stale(s)).toBe(2);
    expect(s.router.events.filter((e) => e.on === "notification-received")).toEqual([]);
  });

  test("with N on both sides a graceful stop has words too, and is a restart all the same (RFC 8538)", () => {
    const s = scene(true);
    s.gateway.speaker.stop({ graceful: true, text: "upgrade" });
    s.net.run(500);
    expect(stale(s)).toBe(2);
    expect(s.router.events.filter((e) => e.on === "notification-received")).toMatchObject([
      { code: 6, subcode: 4, communication: "upgrade" },
    ]);
  });

  test("whoever cannot keep anything is told at least why", () => {
    const s = scene();
    const plain = node(s.net, 65004, "10.0.0.4");
    s.gateway.speaker.setPeers([peer("10.0.0.4", 65004)]);
    plain.speaker.setPeers([peer(GATEWAY, 65001)]);
    s.net.until(() => isUp(plain, s.gateway), 30_000);
    s.gateway.speaker.stop({ graceful: true, text: "upgrade" });
    s.net.run(500);
    expect(best(plain)).toEqual([]);
    expect(plain.events.filter((e) => e.on === "notification-received")).toMatchObject([
      { code: 6, subcode: 4, communication: "upgrade" },
    ]);
  });

  test.each([false, true])("a stop with words ends it, N bit %s", (notification) => {
    const s = scene(notification);
    s.gateway.speaker.stop({ text: "for good" });
    s.net.run(500);
    expect(stale(s)).toBe(0);
    expect(best(s.watcher)).toEqual([]);
  });

  test.each<[boolean, number]>([
    [false, 0],
    [true, 2],
  ])("hold timer, N bit %s on both sides: %i paths kept (RFC 8538)", (notification, kept) => {
    const s = scene(notification);
    s.net.cut(address(GATEWAY), address("10.0.0.2"));
    s.net.cut(address("10.0.0.2"), address(GATEWAY));
    s.net.until(() => s.router.speaker.peers()[0]!.state !== "established", 10_000);
    s.net.run(100);
    expect(stale(s)).toBe(kept);
    expect(best(s.watcher)).toHaveLength(kept);
  });
});

describe("the one who restarts", () => {
  test("waits for those configured and those expected, no longer than it is told", async () => {
    const net = new VirtualNetwork({ seed: 3 });
    const gateway = node(net, 65001, GATEWAY, restart(true));
    gateway.speaker.setPeers([peer("10.0.0.2", 65002)]);
    gateway.speaker.expect([address("10.0.1.9")]);
    const learned = gateway.speaker.learned(30_000);
    const router = node(net, 65002, "10.0.0.2", restart(false));
    router.speaker.setPeers([peer(GATEWAY, 65001)]);
    net.run(29_000);
    expect(isUp(gateway)).toBe(true);
    net.run(2000);
    await expect(learned).resolves.toEqual({ missing: [address("10.0.1.9")] });
  });

  test.each<[string, Partial<SpeakerOptions>]>([
    ["End-of-RIB", restart(false)],
    ["of one that restarts itself, nothing", restart(true)],
    ["without graceful restart, a keepalive", {}],
  ])("is done by %s", async (_, options) => {
    const net = new VirtualNetwork({ seed: 3 });
    const gateway = node(net, 65001, GATEWAY, restart(true));
    gateway.speaker.setPeers([peer("10.0.0.2", 65002)]);
    const learned = gateway.speaker.learned(60_000);
    const router = node(net, 65002, "10.0.0.2", options);
    router.speaker.setPeers([peer(GATEWAY, 65001)]);
    net.run(20_000);
    await expect(learned).resolves.toEqual({ missing: [] });
  });
});
