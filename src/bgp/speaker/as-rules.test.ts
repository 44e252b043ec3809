/** Roles, other AS numbers and route servers between whole speakers, on virtual time. */

import { describe, expect, test } from "vitest";
import { formatAddress, formatPrefix } from "../net/text.ts";
import { formatAsPath } from "../wire/as-path-text.ts";
import type { PeerOptions } from "./options.ts";
import { address, best, isUp, local, type Node, node, peer, prefix } from "./testing/nodes.ts";
import { VirtualNetwork } from "./testing/virtual-network.ts";

/** "prefix: AS path, status, rule", of all that peers told. */
function paths({ speaker }: Node): string[] {
  return [...speaker.routes()].flatMap(({ prefix: at, paths: all }) =>
    all
      .filter(({ peer: from }) => from !== undefined)
      .map(
        ({ attributes, status, rule }) =>
          `${formatPrefix(at)}: ${formatAsPath(attributes.asPath)}, ${status}, ${rule}`,
      ),
  );
}

/** Speakers at 10.0.0.1, 10.0.0.2 and so on; each is told its peers by the last octets of their addresses. */
function chain(
  asns: readonly number[],
  peers: readonly (readonly [from: number, to: number, more?: Partial<PeerOptions>])[],
): { net: VirtualNetwork; nodes: Node[]; configure(from: number, more: Partial<PeerOptions>): void } {
  const net = new VirtualNetwork({ seed: 3 });
  const nodes = asns.map((asn, i) => node(net, asn, `10.0.0.${i + 1}`));
  const of = (from: number, all = peers) =>
    all.filter(([each]) => each === from).map(([, to, more]) => peer(`10.0.0.${to}`, asns[to - 1]!, more));
  for (const [i, { speaker }] of nodes.entries()) speaker.setPeers(of(i + 1));
  const configure = (from: number, more: Partial<PeerOptions>): void =>
    nodes[from - 1]!.speaker.setPeers(of(from).map((options) => ({ ...options, ...more })));
  return { net, nodes, configure };
}

const settle = (net: VirtualNetwork, nodes: readonly Node[]): void => {
  net.until(() => isUp(...nodes), 30_000);
  net.run(5000);
};

describe("a customer (2) between two providers (1 and 3) leaks", () => {
  test("who knows the roles does not tell", () => {
    const { net, nodes } = chain(
      [1, 2, 3],
      [
        [1, 2, { role: "provider" }],
        [2, 1, { role: "customer", strictRole: true }],
        [2, 3, { role: "customer" }],
        [3, 2, { role: "provider" }],
      ],
    );
    nodes[0]!.speaker.announce([local("192.0.2.0/24")]);
    nodes[1]!.speaker.announce([local("198.51.100.0/24")]);
    settle(net, nodes);
    expect(best(nodes[2]!)).toEqual(["198.51.100.0/24 via 10.0.0.2"]);
    const exports = nodes[1]!.speaker.exportsOf(prefix("192.0.2.0/24"));
    expect(exports.map(({ peer: to, sent, reason }) => [formatAddress(to), sent, reason])).toEqual([
      ["10.0.0.1", false, "only to customers (RFC 9234)"],
      ["10.0.0.3", false, "only to customers (RFC 9234)"],
    ]);
    expect(nodes[1]!.speaker.peers().map(({ role }) => role)).toEqual([
      { local: "customer", remote: "provider" },
      { local: "customer", remote: "provider" },
    ]);
  });

  test("who does not know them tells, and is not believed: the mark of the first provider says why", () => {
    const { net, nodes } = chain(
      [1, 2, 3],
      [
        [1, 2, { role: "provider" }],
        [2, 1],
        [2, 3],
        [3, 2, { role: "provider" }],
      ],
    );
    nodes[0]!.speaker.announce([local("192.0.2.0/24")]);
    settle(net, nodes);
    expect(paths(nodes[2]!)).toEqual(["192.0.2.0/24: 2 1, rejected, leak (RFC 9234)"]);
    const [leaked] = nodes[2]!.speaker.received(address("10.0.0.2"));
    expect(leaked?.received.onlyToCustomer).toBe(1);
  });
});

describe("roles that do not fit", () => {
  test.each<[string, Partial<PeerOptions>, Partial<PeerOptions>, boolean]>([
    ["both providers", { role: "provider" }, { role: "provider" }, false],
    ["provider and peer", { role: "provider" }, { role: "peer" }, false],
    ["only one says something", { role: "provider" }, {}, true],
    ["only one, and it is strict", { role: "provider", strictRole: true }, {}, false],
  ])("%s", (_, one, two, up) => {
    const { net, nodes } = chain(
      [1, 2],
      [
        [1, 2, one],
        [2, 1, two],
      ],
    );
    net.run(5000);
    expect(isUp(...nodes)).toBe(up);
    const sent = nodes.flatMap(({ events }) => events.filter((each) => "code" in each && each.code === 2));
    if (up) expect(sent).toEqual([]);
    else expect(sent[0]).toMatchObject({ subcode: 11, words: "OPEN Message Error: Role Mismatch" });
  });
});

describe("to 2 we (1, AS 65000) are another AS; 3 is another peer of ours", () => {
  const LOCAL = 4_200_000_001;
  const scene = (more: Partial<PeerOptions>, view: Partial<PeerOptions> = {}) => {
    const net = new VirtualNetwork({ seed: 4 });
    const nodes = [65_000, 2, 3].map((asn, i) => node(net, asn, `10.0.0.${i + 1}`));
    const [us, two, three] = nodes as [Node, Node, Node];
    us.speaker.setPeers([peer("10.0.0.2", 2, more), peer("10.0.0.3", 3)]);
    two.speaker.setPeers([peer("10.0.0.1", LOCAL, view)]);
    three.speaker.setPeers([peer("10.0.0.1", 65_000)]);
    two.speaker.announce([local("192.0.2.2/32")]);
    three.speaker.announce([local("192.0.2.3/32")]);
    settle(net, nodes);
    const path = (of: Node, n: number) => paths(of).filter((line) => line.startsWith(`192.0.2.${n}/`));
    return { told: path(two, 3), passedOn: path(three, 2), us };
  };
  const line = (n: number, path: string) => [`192.0.2.${n}/32: ${path}, best, otherwise`];

  test.each<[string, Omit<NonNullable<PeerOptions["localAs"]>, "asn">, string, string]>([
    ["both see both", {}, `${LOCAL} 65000 3`, `65000 ${LOCAL} 2`],
    ["no-prepend", { noPrepend: true }, `${LOCAL} 65000 3`, "65000 2"],
    ["replace-as", { replaceAs: true }, `${LOCAL} 3`, `65000 ${LOCAL} 2`],
    ["no-prepend replace-as", { noPrepend: true, replaceAs: true }, `${LOCAL} 3`, "65000 2"],
  ])("%s", (_, how, told, passedOn) => {
    const seen = scene({ localAs: { asn: LOCAL, ...how } });
    expect([seen.told, seen.passedOn]).toEqual([line(3, told), line(2, passedOn)]);
    expect(seen.us.speaker.peers().map(({ localAsn }) => localAsn)).toEqual([LOCAL, 65_000]);
  });

  test("with roles, OTC bears the number that the peer knows", () => {
    const { told, us } = scene({ localAs: { asn: LOCAL }, role: "peer" }, { role: "peer" });
    expect(told).toEqual(line(3, `${LOCAL} 65000 3`));
    const [sent] = us.speaker.advertised(address("10.0.0.2"));
    expect(sent?.attributes.onlyToCustomer).toBe(LOCAL);
  });

  test("it must be a third AS", () => {
    const us = node(new VirtualNetwork({ seed: 1 }), 65_000, "10.0.0.1");
    for (const [remote, asn] of [
      [2, 2],
      [2, 65_000],
      [65_000, 7],
    ] as const) {
      expect(() => us.speaker.setPeers([peer("10.0.0.2", remote, { localAs: { asn } })])).toThrow(RangeError);
    }
    expect(us.speaker.peers()).toEqual([]);
  });
});

describe("a route server (1) and its clients (2, 3)", () => {
  const scene = (client: Partial<PeerOptions>) => {
    const { net, nodes } = chain(
      [1, 2, 3],
      [
        [1, 2, { routeServerClient: true, role: "rs" }],
        [1, 3, { routeServerClient: true, role: "rs" }],
        [2, 1, { role: "rs-client" }],
        [3, 1, client],
      ],
    );
    nodes[1]!.speaker.announce([{ ...local("192.0.2.2/32"), med: 7, communities: [0xffff_ff01] }]);
    nodes[0]!.speaker.announce([local("192.0.2.1/32")]);
    settle(net, nodes);
    return nodes[2]!;
  };

  test("what one tells is told to the other as it came", () => {
    const client = scene({ role: "rs-client" });
    expect(paths(client)).toEqual(["192.0.2.1/32: 1, best, otherwise", "192.0.2.2/32: 2, best, otherwise"]);
    expect(best(client)).toEqual(["192.0.2.1/32 via 10.0.0.1", "192.0.2.2/32 via 10.0.0.2"]);
    const found = [...client.speaker.received(address("10.0.0.1"))].find(
      ({ received }) => received.med === 7,
    );
    expect(found?.received).toMatchObject({ communities: [0xffff_ff01], onlyToCustomer: 1 });
  });

  test.each<[string, Partial<PeerOptions>, string[]]>([
    ["who insists on the first AS takes it for an error", {}, ["192.0.2.1/32 via 10.0.0.1"]],
    [
      "who does so in spite of the role",
      { role: "rs-client", enforceFirstAs: true },
      ["192.0.2.1/32 via 10.0.0.1"],
    ],
    [
      "who does not insist does not",
      { enforceFirstAs: false },
      ["192.0.2.1/32 via 10.0.0.1", "192.0.2.2/32 via 10.0.0.2"],
    ],
  ])("%s", (_, client, expected) => {
    const at = scene(client);
    expect(best(at)).toEqual(expected);
    const errors = at.events.filter(({ on }) => on === "malformed-update");
    expect(errors.length > 0).toBe(expected.length === 1);
  });
});

describe("on a reload", () => {
  const flaps = (nodes: readonly Node[]) => nodes.map(({ speaker }) => speaker.peers()[0]!.flaps);

  test("allowOwnAs, removePrivateAs and asOverride act on what is there, and no session ends", () => {
    const { net, nodes, configure } = chain(
      [1, 64_512, 1],
      [
        [1, 2],
        [2, 1],
        [2, 3],
        [3, 2],
      ],
    );
    nodes[0]!.speaker.announce([local("192.0.2.0/24")]);
    settle(net, nodes);
    expect(paths(nodes[2]!)).toEqual(["192.0.2.0/24: 64512 1, asLoop, otherwise"]);
    configure(3, { allowOwnAs: 1 });
    net.run(1000);
    expect(best(nodes[2]!)).toEqual(["192.0.2.0/24 via 10.0.0.2"]);
    configure(3, {});
    configure(2, { asOverride: true });
    net.run(1000);
    expect(paths(nodes[2]!)).toEqual(["192.0.2.0/24: 64512 64512, best, otherwise"]);
    configure(2, { removePrivateAs: "replace" });
    net.run(1000);
    expect(paths(nodes[2]!)).toEqual(["192.0.2.0/24: 64512 1, asLoop, otherwise"]);
    expect(flaps(nodes)).toEqual([0, 0, 0]);
  });

  test.each<[string, Partial<PeerOptions>]>([
    ["role", { role: "peer" }],
    ["strictRole", { strictRole: true }],
    ["localAs", { localAs: { asn: 7 } }],
    ["enforceFirstAs", { enforceFirstAs: false }],
    ["routeServerClient", { routeServerClient: true }],
  ])("%s begins a new session", (_, more) => {
    const { net, nodes, configure } = chain(
      [1, 2],
      [
        [1, 2],
        [2, 1],
      ],
    );
    settle(net, nodes);
    configure(1, more);
    net.run(1000);
    expect(flaps(nodes)[0]).toBe(1);
  });

  test("a role that is given later makes a leak of what is there", () => {
    const { net, nodes, configure } = chain(
      [1, 2, 3],
      [
        [1, 2, { role: "provider" }],
        [2, 1],
        [2, 3],
        [3, 2],
      ],
    );
    nodes[0]!.speaker.announce([local("192.0.2.0/24")]);
    settle(net, nodes);
    expect(best(nodes[2]!)).toEqual(["192.0.2.0/24 via 10.0.0.2"]);
    configure(3, { role: "provider" });
    net.run(60_000);
    expect(paths(nodes[2]!)).toEqual(["192.0.2.0/24: 2 1, rejected, leak (RFC 9234)"]);
  });
});
