/** Route reflection (RFC 4456) between whole speakers, on virtual time. */

import { describe, expect, test } from "vitest";
import type { PeerOptions, SpeakerOptions } from "./options.ts";
import { address, best, isUp, local, type Node, node, peer, prefix } from "./testing/nodes.ts";
import { VirtualNetwork } from "./testing/virtual-network.ts";

const ASN = 65000;
const CLIENT: Partial<PeerOptions> = { reflectorClient: true, nextHopSelf: true };

/** A reflector at 10.0.0.`n` with clients and other iBGP peers, by the last octet of their addresses. */
function reflector(
  net: VirtualNetwork,
  n: number,
  clients: readonly number[],
  others: readonly number[] = [],
  more: Partial<SpeakerOptions> = {},
): Node {
  const made = node(net, ASN, `10.0.0.${n}`, more);
  made.speaker.setPeers([
    ...clients.map((client) => peer(`10.0.0.${client}`, ASN, CLIENT)),
    ...others.map((other) => peer(`10.0.0.${other}`, ASN)),
  ]);
  return made;
}

/** Announces 192.0.2.`n`/32 to these reflectors. */
function host(net: VirtualNetwork, n: number, ...reflectors: readonly number[]): Node {
  const made = node(net, ASN, `10.0.0.${n}`);
  made.speaker.setPeers(reflectors.map((each) => peer(`10.0.0.${each}`, ASN)));
  made.speaker.announce([local(`192.0.2.${n}/32`)]);
  return made;
}

const told = (to: Node, n: number) =>
  [...to.speaker.routes()]
    .find(({ prefix: { w0 } }) => w0 === prefix(`192.0.2.${n}/32`).w0)
    ?.paths.map(({ attributes: { originatorId, clusterList }, status }) => ({
      originatorId,
      clusterList,
      status,
    }));

const id = (n: number): number => address(`10.0.0.${n}`).w0;

describe("one reflector, clients 2 and 3, other peers 4 and 5", () => {
  const net = new VirtualNetwork({ seed: 1 });
  const top = reflector(net, 1, [2, 3], [4, 5]);
  const [two, three, four, five] = [2, 3, 4, 5].map((n) => host(net, n, 1)) as [Node, Node, Node, Node];
  net.until(() => isUp(top, two, three, four, five), 30_000);
  net.run(5000);

  test.each<[string, Node, readonly number[]]>([
    ["a client has everything", two, [2, 3, 4, 5]],
    ["the other client too", three, [2, 3, 4, 5]],
    ["who is none has what clients said, and not what another non-client said", four, [2, 3, 4]],
    ["the other non-client too", five, [2, 3, 5]],
    ["the reflector has all", top, [2, 3, 4, 5]],
  ])("%s", (_, at, hosts) => {
    const own = [two, three, four, five].indexOf(at) + 2;
    expect(best(at)).toEqual(hosts.map((n) => `192.0.2.${n}/32 via ${n === own ? "local" : `10.0.0.${n}`}`));
  });

  test("what is reflected says whose it is and where it passed", () => {
    expect(told(two, 3)).toEqual([{ originatorId: id(3), clusterList: [id(1)], status: "best" }]);
    expect(told(four, 2)).toEqual([{ originatorId: id(2), clusterList: [id(1)], status: "best" }]);
  });

  test("a withdrawal is reflected", () => {
    three.speaker.withdraw([prefix("192.0.2.3/32")]);
    net.run(1000);
    expect(told(two, 3)).toBeUndefined();
  });
});

describe("two reflectors that peer with each other, each with both clients", () => {
  test.each<[string, Partial<SpeakerOptions>, number]>([
    [
      "one cluster: what the other reflector says is a loop",
      { multipath: 1, clusterId: address("10.9.9.9") },
      0,
    ],
    ["two clusters: it is another path", { multipath: 1 }, 1],
  ])("%s", (_, more, reflectedPaths) => {
    const net = new VirtualNetwork({ seed: 1 });
    const one = reflector(net, 1, [3, 4], [2], more);
    const other = reflector(net, 2, [3, 4], [1], more);
    const [three, four] = [host(net, 3, 1, 2), host(net, 4, 1, 2)];
    net.until(() => isUp(one, other, three, four), 30_000);
    net.run(5000);
    const paths = told(one, 3)!;
    expect(paths[0]).toEqual({ originatorId: undefined, clusterList: [], status: "best" });
    expect(paths.filter(({ status }) => status !== "best" && status !== "clusterLoop")).toHaveLength(
      reflectedPaths,
    );
    // RFC 4456 §8: nobody believes his own route when it comes back, and all goes when it is withdrawn.
    for (const path of told(three, 3)!.slice(1)) expect(path.status).toBe("originatorLoop");
    three.speaker.withdraw([prefix("192.0.2.3/32")]);
    net.run(5000);
    for (const at of [one, other, four])
      expect(best(at)).toEqual(at === four ? ["192.0.2.4/32 via local"] : ["192.0.2.4/32 via 10.0.0.4"]);
  });
});

test("a peer that becomes a client on a reload begins a new session, and is told what others said", () => {
  const net = new VirtualNetwork({ seed: 1 });
  const top = reflector(net, 1, [], [2, 3]);
  const [two, three] = [host(net, 2, 1), host(net, 3, 1)];
  net.until(() => isUp(top, two, three), 30_000);
  net.run(5000);
  expect(told(two, 3)).toBeUndefined();
  top.speaker.setPeers([peer("10.0.0.2", ASN, CLIENT), peer("10.0.0.3", ASN)]);
  net.until(() => told(two, 3) !== undefined && told(three, 2) !== undefined, 60_000);
  top.speaker.setPeers([peer("10.0.0.2", ASN), peer("10.0.0.3", ASN)]);
  net.until(() => told(two, 3) === undefined && told(three, 2) === undefined, 60_000);
});
