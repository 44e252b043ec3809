/**
 * Long-lived graceful restart on virtual time. The gateway has two routes and dies; the router keeps them; the watcher
 * sees what the router tells others. Another way to the first of them leads over the rival.
 */

import { describe, expect, test } from "vitest";
import { WELL_KNOWN_COMMUNITIES } from "../net/communities.ts";
import { formatPrefix } from "../net/text.ts";
import { ACCEPT_ALL, type Policy } from "../policy/rules.ts";
import type { SecondsByFamily } from "../session/negotiation.ts";
import type { SpeakerOptions } from "./options.ts";
import { address, best, isUp, local, type Node, node, peer } from "./testing/nodes.ts";
import { VirtualNetwork } from "./testing/virtual-network.ts";

const GATEWAY = "10.0.0.1";
const ROUTER = "10.0.0.2";
const RESTART_S = 60;
const STALE = WELL_KNOWN_COMMUNITIES["llgr-stale"];
const NO_LLGR = WELL_KNOWN_COMMUNITIES["no-llgr"];

interface Setting {
  readonly gateway?: SecondsByFamily | undefined;
  readonly router?: SecondsByFamily;
  readonly watcher?: SecondsByFamily | undefined;
  readonly watcherAs?: number;
  readonly restartSeconds?: number;
  readonly importPolicy?: Policy;
}

interface Scene {
  readonly net: VirtualNetwork;
  gateway: Node;
  readonly router: Node;
  readonly watcher: Node;
  /** Starts the gateway again. */
  back(restarting: boolean, longLived?: SecondsByFamily): void;
}

const restart = (restarting: boolean, restartSeconds = RESTART_S): Partial<SpeakerOptions> => ({
  gracefulRestart: { restartSeconds, notification: false, restarting },
});

const DAY: SecondsByFamily = { 4: 86_400 };
const withSeconds = (longLivedSeconds: SecondsByFamily | undefined): object =>
  longLivedSeconds === undefined ? {} : { longLivedSeconds };

function scene(setting: Setting = {}): Scene {
  const { gateway = DAY, router = { 4: 600 }, watcher = DAY, watcherAs = 65003, restartSeconds } = setting;
  const net = new VirtualNetwork({ seed: 7 });
  const start = (restarting: boolean, seconds: SecondsByFamily): Node => {
    const made = node(net, 65001, GATEWAY, restart(restarting, restartSeconds));
    made.speaker.setPeers([peer(ROUTER, 65002, withSeconds(seconds))]);
    return made;
  };
  const keeper = node(net, 65002, ROUTER, restart(false));
  const { importPolicy = ACCEPT_ALL } = setting;
  keeper.speaker.setPeers([
    peer(GATEWAY, 65001, { ...withSeconds(router), importPolicy }),
    peer("10.0.0.3", watcherAs, withSeconds(DAY)),
    peer("10.0.0.4", 65004),
  ]);
  const seer = node(net, watcherAs, "10.0.0.3", restart(false));
  seer.speaker.setPeers([
    peer(ROUTER, 65002, withSeconds(setting.watcher === undefined ? watcher : setting.watcher)),
  ]);
  const s: Scene = {
    net,
    gateway: start(false, gateway),
    router: keeper,
    watcher: seer,
    back: (restarting, longLived = gateway) => {
      s.gateway = start(restarting, longLived);
    },
  };
  s.gateway.speaker.announce(BOTH.map(local));
  net.until(() => best(seer).length === 2, 30_000);
  return s;
}

const BOTH = ["192.0.2.1/32", "192.0.2.2/32"];

/** The rival's way to the first route: longer, so that it loses to one that is not stale. */
function rival({ net, router }: Scene): Node {
  const made = node(net, 65004, "10.0.0.4");
  const longer: Policy = {
    rules: [{ name: "longer", match: {}, then: "accept", set: { prepend: { asn: 65004, times: 5 } } }],
    otherwise: "accept",
  };
  made.speaker.setPeers([peer(ROUTER, 65002, { exportPolicy: longer })]);
  made.speaker.announce([local(BOTH[0]!)]);
  net.until(() => isUp(made), 30_000);
  net.run(1000);
  expect(best(router)).toEqual([`${BOTH[0]} via ${GATEWAY}`, `${BOTH[1]} via ${GATEWAY}`]);
  return made;
}

const seconds = (n: number): number => n * 1000;
const fromGateway = ({ router }: Scene) => router.speaker.peers()[0]!.gracefulRestart;
/** Prefixes that a node has with LLGR_STALE. */
function marked({ speaker }: Node): string[] {
  return [...speaker.routes()]
    .filter(({ paths }) => paths.some(({ attributes }) => attributes.communities.includes(STALE)))
    .map(({ prefix }) => formatPrefix(prefix))
    .sort();
}
const prefixes = (of: Node): string[] => best(of).map((line) => line.split(" ")[0]!);

describe("when the restart time is over (RFC 9494 §4.2)", () => {
  test("stale paths stay, marked, and go when the agreed time is over: the lesser of both sides'", () => {
    const s = scene();
    s.gateway.crash();
    s.net.run(seconds(RESTART_S - 1));
    expect(marked(s.watcher)).toEqual([]);
    expect(fromGateway(s).stale).toMatchObject([{ family: 4, phase: "restarting", paths: 2 }]);
    s.net.run(seconds(3));
    expect(marked(s.watcher)).toEqual(BOTH);
    expect(s.router.events.filter((e) => e.on === "long-lived-stale")).toMatchObject([
      { family: 4, paths: 2, seconds: 600 },
    ]);
    const [stale] = fromGateway(s).stale;
    expect(stale).toMatchObject({ phase: "long-lived", paths: 2 });
    expect(stale!.sinceMs).toBeGreaterThan(seconds(RESTART_S));
    expect(stale!.leftMs).toBeGreaterThan(seconds(590));
    expect(stale!.leftMs).toBeLessThanOrEqual(seconds(600));
    s.net.run(seconds(590));
    expect(prefixes(s.watcher)).toEqual(BOTH);
    s.net.run(seconds(12));
    expect(prefixes(s.watcher)).toEqual([]);
    expect(fromGateway(s)).toMatchObject({ stalePaths: 0, stale: [] });
    expect(s.router.events.filter((e) => e.on === "stale-expired")).toMatchObject([
      { family: 4, sweptPaths: 2 },
    ]);
  });

  test.each<[string, Setting]>([
    ["the gateway did not ask for it", { gateway: {} }],
    ["the router does not do it", { router: {} }],
    ["only for the other family", { gateway: { 6: 600 } }],
  ])("%s: they go with the restart time", (_, setting) => {
    const s = scene(setting);
    s.gateway.crash();
    s.net.run(seconds(RESTART_S + 2));
    expect(prefixes(s.watcher)).toEqual([]);
  });

  test("what says NO_LLGR goes", () => {
    const s = scene();
    s.gateway.speaker.announce([{ ...local(BOTH[0]!), communities: [NO_LLGR] }]);
    s.net.run(1000);
    s.gateway.crash();
    s.net.run(seconds(RESTART_S - 1));
    expect(prefixes(s.watcher)).toEqual(BOTH);
    s.net.run(seconds(3));
    expect(prefixes(s.watcher)).toEqual([BOTH[1]]);
    expect(fromGateway(s).stalePaths).toBe(1);
  });

  test.each<[string, Policy["rules"][number], string[]]>([
    ["says NO_LLGR", { name: "1", match: {}, then: "accept", set: { addCommunities: [NO_LLGR] } }, []],
    ["rejects", { name: "1", match: {}, then: "reject" }, []],
    ["changes something else", { name: "1", match: {}, then: "accept", set: { localPref: 7 } }, BOTH],
  ])("another import policy acts on stale paths too: it %s", (_, rule, left) => {
    const s = scene();
    s.gateway.crash();
    s.net.run(seconds(RESTART_S + 2));
    const importPolicy: Policy = { rules: [rule], otherwise: "reject" };
    s.router.speaker.setPeers([
      peer(GATEWAY, 65001, { longLivedSeconds: { 4: 600 }, importPolicy }),
      peer("10.0.0.3", 65003, { longLivedSeconds: DAY }),
    ]);
    s.net.run(1000);
    expect(marked(s.watcher)).toEqual(left);
  });
});

describe("what is stale for long is the last resort (§4.3, §4.4)", () => {
  test("any other path wins, and says why", () => {
    const s = scene();
    rival(s);
    s.gateway.crash();
    s.net.run(seconds(RESTART_S - 1));
    expect(best(s.router)[0]).toBe(`${BOTH[0]} via ${GATEWAY}`);
    s.net.run(seconds(3));
    expect(best(s.router)).toEqual([`${BOTH[0]} via 10.0.0.4`, `${BOTH[1]} via ${GATEWAY}`]);
    const [first] = [...s.router.speaker.routes({ prefix: local(BOTH[0]!).prefix })];
    expect(first!.paths.map(({ status }) => status)).toEqual(["best", "longLivedStale"]);
  });

  test.each<[string, SecondsByFamily | undefined, number, boolean]>([
    ["one with the capability is told", DAY, 65003, true],
    ["one without any time of its own is not: it does not send the capability", {}, 65003, false],
    ["nor is an internal one without it", {}, 65002, false],
  ])("whoever does not know what LLGR_STALE means is not told of it: %s", (_, watcher, watcherAs, told) => {
    const s = scene({ watcher, watcherAs });
    s.gateway.crash();
    s.net.run(seconds(RESTART_S - 1));
    expect(prefixes(s.watcher)).toEqual(BOTH);
    s.net.run(seconds(3));
    expect(prefixes(s.watcher)).toEqual(told ? BOTH : []);
    expect(prefixes(s.router)).toEqual(BOTH);
    if (told) return;
    const [why] = s.router.speaker
      .exportsOf(local(BOTH[0]!).prefix)
      .filter(({ peer: to }) => to.w0 === address("10.0.0.3").w0);
    expect(why).toMatchObject({ sent: false, reason: "community llgr-stale" });
  });

  test("it stays marked behind the next speaker, and is the last resort there too", () => {
    const s = scene();
    const far = node(s.net, 65005, "10.0.0.5", restart(false));
    s.watcher.speaker.setPeers([
      peer(ROUTER, 65002, { longLivedSeconds: DAY }),
      peer("10.0.0.5", 65005, { longLivedSeconds: DAY }),
    ]);
    far.speaker.setPeers([peer("10.0.0.3", 65003, { longLivedSeconds: DAY })]);
    s.net.until(() => isUp(far), 30_000);
    s.gateway.crash();
    s.net.run(seconds(RESTART_S + 3));
    expect(marked(far)).toEqual(BOTH);
  });
});

describe("the peer comes back", () => {
  test("its paths lose the mark as it tells them again, the same octets or not; what it leaves out goes at End-of-RIB", () => {
    const s = scene();
    s.gateway.crash();
    s.net.run(seconds(RESTART_S + 100));
    s.back(true);
    s.net.until(() => isUp(s.gateway), 60_000);
    expect(marked(s.watcher)).toEqual(BOTH);
    s.gateway.speaker.announce([local(BOTH[1]!)]);
    s.net.run(5000);
    expect(marked(s.watcher)).toEqual([BOTH[0]]);
    expect(prefixes(s.watcher)).toEqual(BOTH);
    s.gateway.speaker.complete();
    s.net.run(5000);
    expect(prefixes(s.watcher)).toEqual([BOTH[1]]);
    expect(fromGateway(s)).toMatchObject({ stalePaths: 0, stale: [] });
  });

  test.each<[string, boolean, SecondsByFamily]>([
    ["it did not forward in the meantime (F bit clear)", false, DAY],
    ["it does not name the family any more", true, {}],
  ])("%s: they go at once", (_, restarting, longLived) => {
    const s = scene();
    s.gateway.crash();
    s.net.run(seconds(RESTART_S + 100));
    s.back(restarting, longLived);
    s.net.until(() => isUp(s.gateway), 60_000);
    s.net.run(100);
    expect(prefixes(s.watcher)).toEqual([]);
  });

  test("lost again before it was done: nothing goes, and the time that runs goes on (§4.2)", () => {
    const s = scene();
    s.gateway.crash();
    s.net.run(seconds(RESTART_S + 1));
    const endsMs = s.net.nowMs + fromGateway(s).stale[0]!.leftMs;
    s.net.run(seconds(200));
    for (let times = 0; times < 3; times++) {
      s.back(true);
      s.net.until(() => isUp(s.gateway), 60_000);
      s.gateway.speaker.announce([local(BOTH[1]!)]);
      s.net.run(3000);
      expect(marked(s.watcher)).toEqual([BOTH[0]]);
      s.gateway.crash();
      s.net.run(3000);
      // What it told in between is as stale as the rest.
      expect(marked(s.watcher)).toEqual(BOTH);
    }
    expect(fromGateway(s).stalePaths).toBe(2);
    expect(s.net.nowMs + fromGateway(s).stale[0]!.leftMs).toBeCloseTo(endsMs, 0);
    s.net.run(endsMs - s.net.nowMs + 2000);
    expect(prefixes(s.watcher)).toEqual([]);
  });

  test("the time that ran out while it told everything again, and then it was lost: all of it goes (§4.2)", () => {
    const s = scene({ gateway: { 4: 30 } });
    s.gateway.crash();
    s.net.run(seconds(RESTART_S + 1));
    s.back(true, { 4: 30 });
    s.net.until(() => isUp(s.gateway), 20_000);
    s.net.run(seconds(60));
    // Before End-of-RIB what is still stale waits for it.
    expect(prefixes(s.watcher)).toEqual(BOTH);
    s.gateway.crash();
    s.net.run(3000);
    expect(prefixes(s.watcher)).toEqual([]);
  });
});
