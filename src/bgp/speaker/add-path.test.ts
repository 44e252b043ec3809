/** Several paths of one prefix (RFC 7911) between whole speakers, on virtual time. */

import { describe, expect, test } from "vitest";
import { formatAddress, formatPrefix } from "../net/text.ts";
import { REJECT_ALL } from "../policy/rules.ts";
import type { AddPathOptions, PeerOptions, SpeakerOptions } from "./options.ts";
import { address, best, isUp, local, type Node, node, peer, prefix } from "./testing/nodes.ts";
import { VirtualNetwork } from "./testing/virtual-network.ts";

const ASN = 65000;
const RECEIVE: AddPathOptions = { receive: true, send: 0 };
const SEND: AddPathOptions = { receive: false, send: "all" };
const ANYCAST = "192.0.2.53/32";

interface Scene {
  readonly net: VirtualNetwork;
  /** Members of an anycast service, 10.0.0.3 to 5. */
  readonly hosts: readonly Node[];
  /** 10.0.0.1: reflects them. */
  readonly reflector: Node;
  /** 10.0.0.2: hears of them from the reflector alone. */
  readonly gateway: Node;
}

const HOSTS = [3, 4, 5];
const client = (more: Partial<PeerOptions> = {}): Partial<PeerOptions> => ({
  reflectorClient: true,
  ...more,
});

function scene(
  sent: AddPathOptions | undefined,
  taken: AddPathOptions | undefined,
  restart: Partial<SpeakerOptions> = {},
): Scene {
  const net = new VirtualNetwork({ seed: 5 });
  const reflector = node(net, ASN, "10.0.0.1", restart);
  const gateway = node(net, ASN, "10.0.0.2", restart);
  reflector.speaker.setPeers(peersOfReflector(sent));
  gateway.speaker.setPeers([peer("10.0.0.1", ASN, taken && { addPath: taken })]);
  const hosts = HOSTS.map((n) => hostOn(net, n, restart));
  net.until(() => isUp(reflector, gateway, ...hosts), 30_000);
  net.run(5000);
  return { net, hosts, reflector, gateway };
}

const peersOfReflector = (
  sent: AddPathOptions | undefined,
  more: Partial<PeerOptions> = {},
): PeerOptions[] => [
  peer("10.0.0.2", ASN, client({ ...(sent && { addPath: sent }), ...more })),
  ...HOSTS.map((n) => peer(`10.0.0.${n}`, ASN, client())),
];

function hostOn(net: VirtualNetwork, n: number, more: Partial<SpeakerOptions> = {}): Node {
  const host = node(net, ASN, `10.0.0.${n}`, more);
  host.speaker.setPeers([peer("10.0.0.1", ASN)]);
  host.speaker.announce([local(ANYCAST)]);
  return host;
}

const heard = ({ gateway }: Scene): string[] =>
  [...gateway.speaker.received(address("10.0.0.1"))]
    .map(({ prefix: of, pathId, received }) =>
      [formatPrefix(of), formatAddress(received.nextHop), pathId].join(" "),
    )
    .sort();
const hops = (s: Scene): string[] => heard(s).map((line) => line.split(" ")[1]!);
const pathIds = (s: Scene): string[] => heard(s).map((line) => line.split(" ")[2]!);

describe("a reflector tells the gateway of an anycast address on three hosts", () => {
  test("without, one path; with it all, and the gateway uses them all", () => {
    expect(best(scene(undefined, undefined).gateway)).toEqual([`${ANYCAST} via 10.0.0.3`]);
    const s = scene(SEND, RECEIVE);
    expect(best(s.gateway)).toEqual([`${ANYCAST} via 10.0.0.3 10.0.0.4 10.0.0.5`]);
    expect(new Set(pathIds(s)).size).toBe(3);
    expect(s.reflector.speaker.peers()[0]!.prefixes.advertised).toBe(3);
    expect(s.gateway.speaker.peers()[0]!.prefixes.received).toBe(3);
  });

  test("each says whose it is and where it passed (RFC 4456 §8)", () => {
    const { gateway } = scene(SEND, RECEIVE);
    const paths = [...gateway.speaker.received(address("10.0.0.1"))].map(({ received }) => received);
    expect(paths.map(({ originatorId }) => originatorId).sort()).toEqual(
      HOSTS.map((n) => address(`10.0.0.${n}`).w0),
    );
    expect(paths.map(({ clusterList }) => clusterList)).toEqual(HOSTS.map(() => [address("10.0.0.1").w0]));
  });

  test.each<[string, AddPathOptions | undefined, AddPathOptions | undefined]>([
    ["the reflector does not offer it", undefined, RECEIVE],
    ["the gateway does not", SEND, undefined],
    ["both would only receive", RECEIVE, RECEIVE],
    ["both would only send", SEND, SEND],
  ])("%s: one path, without a number (RFC 7911 §5)", (_, sent, taken) => {
    const s = scene(sent, taken);
    expect(heard(s)).toEqual([`${ANYCAST} 10.0.0.3 0`]);
    expect(s.gateway.speaker.peers()[0]!.addPath).toEqual({ send: [], receive: [] });
  });
});

describe("what changes behind the reflector reaches the gateway path by path", () => {
  test("the best two; another number is no new session", () => {
    const s = scene({ receive: false, send: 2 }, RECEIVE);
    expect(hops(s)).toEqual(["10.0.0.3", "10.0.0.4"]);
    s.reflector.speaker.setPeers(peersOfReflector({ receive: false, send: 3 }));
    s.net.run(1000);
    expect(hops(s)).toEqual(["10.0.0.3", "10.0.0.4", "10.0.0.5"]);
    s.reflector.speaker.setPeers(peersOfReflector({ receive: false, send: 1 }));
    s.net.run(1000);
    expect(hops(s)).toEqual(["10.0.0.3"]);
    expect(s.gateway.speaker.peers()[0]!.flaps).toBe(0);
    s.reflector.speaker.setPeers(peersOfReflector(undefined));
    s.net.run(20_000);
    expect(heard(s)).toEqual([`${ANYCAST} 10.0.0.3 0`]);
    expect(s.gateway.speaker.peers()[0]!.flaps).toBe(1);
  });

  test("a path goes alone, the others keep their numbers, and none gets its number while it is held", () => {
    const s = scene(SEND, RECEIVE);
    const [three, , five] = heard(s);
    s.hosts[1]!.speaker.withdraw([prefix(ANYCAST)]);
    s.net.run(1000);
    expect(heard(s)).toEqual([three, five]);
    expect(best(s.gateway)).toEqual([`${ANYCAST} via 10.0.0.3 10.0.0.5`]);
    s.hosts[1]!.speaker.announce([local("192.0.2.54/32"), local(ANYCAST)]);
    s.net.run(1000);
    expect(heard(s)).toEqual(expect.arrayContaining([three, five]));
    expect(heard(s)).toHaveLength(4);
  });

  test("a path that is not chosen changes and goes too", () => {
    const s = scene(SEND, RECEIVE);
    const five = s.hosts[2]!.speaker;
    five.announce([{ ...local(ANYCAST), med: 7 }]);
    s.net.run(1000);
    const paths = [...s.gateway.speaker.received(address("10.0.0.1"))];
    expect(paths.map(({ received }) => received.med).filter((med) => med === 7)).toHaveLength(1);
    expect(best(s.gateway)).toEqual([`${ANYCAST} via 10.0.0.3 10.0.0.4`]);
    five.withdraw([prefix(ANYCAST)]);
    s.net.run(1000);
    expect(hops(s)).toEqual(["10.0.0.3", "10.0.0.4"]);
  });

  test("an export policy acts on every path that is there", () => {
    const s = scene(SEND, RECEIVE);
    s.reflector.speaker.setPeers(peersOfReflector(SEND, { exportPolicy: REJECT_ALL }));
    s.net.run(1000);
    expect(heard(s)).toEqual([]);
    s.reflector.speaker.setPeers(peersOfReflector(SEND));
    s.net.run(1000);
    expect(hops(s)).toHaveLength(3);
    expect(s.gateway.speaker.peers()[0]!.flaps).toBe(0);
  });
});

test("clients that send and take several are not sent their own back", () => {
  const net = new VirtualNetwork({ seed: 6 });
  const reflector = node(net, ASN, "10.0.0.1");
  const both: Partial<PeerOptions> = { addPath: { receive: true, send: "all" } };
  reflector.speaker.setPeers(HOSTS.map((n) => peer(`10.0.0.${n}`, ASN, client(both))));
  const hosts = HOSTS.map((n) => node(net, ASN, `10.0.0.${n}`));
  for (const host of hosts) {
    host.speaker.setPeers([peer("10.0.0.1", ASN, both)]);
    host.speaker.announce([local(ANYCAST)]);
  }
  net.until(() => isUp(reflector, ...hosts), 30_000);
  net.run(5000);
  for (const [i, host] of hosts.entries()) {
    const others = HOSTS.filter((_, n) => n !== i).map((n) => `10.0.0.${n}`);
    const from = [...host.speaker.received(address("10.0.0.1"))].map((r) =>
      formatAddress(r.received.nextHop),
    );
    expect(from.sort()).toEqual(others);
  }
});

describe("graceful restart (RFC 4724)", () => {
  const restart = (restarting: boolean): Partial<SpeakerOptions> => ({
    gracefulRestart: { restartSeconds: 60, notification: true, restarting },
  });

  test("the reflector dies and comes back: all paths stay as stale, and after End-of-RIB those that are told", () => {
    const s = scene(SEND, RECEIVE, restart(false));
    s.reflector.crash();
    s.net.run(500);
    expect(best(s.gateway)).toEqual([`${ANYCAST} via 10.0.0.3 10.0.0.4 10.0.0.5`]);
    expect(s.gateway.speaker.peers()[0]!.gracefulRestart.stalePaths).toBe(3);
    s.hosts[0]!.speaker.withdraw([prefix(ANYCAST)]);
    const again = node(s.net, ASN, "10.0.0.1", restart(true));
    again.speaker.setPeers(peersOfReflector(SEND));
    again.speaker.complete();
    s.net.until(() => isUp(again, s.gateway), 60_000);
    s.net.run(30_000);
    expect(best(s.gateway)).toEqual([`${ANYCAST} via 10.0.0.4 10.0.0.5`]);
    expect(s.gateway.speaker.peers()[0]!.gracefulRestart.stalePaths).toBe(0);
  });

  test("a host dies and comes back: its path keeps its number", () => {
    const s = scene(SEND, RECEIVE, restart(false));
    const before = heard(s);
    s.hosts[0]!.crash();
    s.net.run(500);
    expect(heard(s)).toEqual(before);
    const again = hostOn(s.net, 3, restart(true));
    again.speaker.complete();
    s.net.until(() => isUp(again), 60_000);
    s.net.run(5000);
    expect(heard(s)).toEqual(before);
  });

  test("the numbers are gone after the restart: old paths go with End-of-RIB", () => {
    const s = scene(SEND, RECEIVE, restart(false));
    s.reflector.crash();
    const again = node(s.net, ASN, "10.0.0.1", restart(true));
    again.speaker.setPeers(peersOfReflector(undefined));
    again.speaker.complete();
    s.net.until(() => isUp(again, s.gateway), 60_000);
    s.net.run(30_000);
    expect(heard(s)).toEqual([`${ANYCAST} 10.0.0.3 0`]);
  });
});
