/**
 * Floating IPs of both families: host - inner router - gw - outer router - server, as in icmp.test.ts. Whether an error is
 * for a socket the kernel of the end decides by the packet within: who hears of it had it translated right.
 */

import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Address } from "../../src/bgp/net/address.ts";
import { parseAddress, parsePrefix } from "../../src/bgp/net/text.ts";
import { diff } from "../../src/nat/diff.ts";
import { EMPTY_NAT, type NatTable } from "../../src/nat/table.ts";
import { type LineProcess, makeNamespace, type Namespace } from "./namespace.ts";

const address = (text: string): Address => parseAddress(text)!;
const NARROW = 1400;

/** What stands where, and what ICMP says of it, by family. */
interface World {
  readonly host: string;
  readonly neighbour: string;
  readonly server: string;
  readonly floating: string;
  readonly private: string;
  readonly outer: string;
  /** Octets of the headers of a datagram. */
  readonly headers: number;
  readonly expired: readonly [number, number];
  readonly refused: readonly [number, number];
  readonly tooBig: readonly [number, number];
}

const FOUR: World = {
  ...{ host: "10.65.0.13", neighbour: "10.65.0.14", private: "10.65.0.0/16" },
  ...{ server: "203.0.113.1", floating: "192.0.2.20", outer: "198.51.100.2" },
  ...{ headers: 28, expired: [11, 0], refused: [3, 3], tooBig: [3, 4] },
};
const SIX: World = {
  ...{ host: "fd00:65::13", neighbour: "fd00:65::14", private: "fd00:65::/64" },
  ...{ server: "2001:db8:3::1", floating: "2001:db8:f::20", outer: "2001:db8:2::2" },
  ...{ headers: 48, expired: [3, 0], refused: [1, 4], tooBig: [2, 0] },
};

const tableOf = (world: World, to = world.host): NatTable => ({
  ...EMPTY_NAT,
  floating: [{ floating: address(world.floating), fixed: address(to), egress: "floating" }],
  exempt: [parsePrefix(world.private)!],
  inside: [parsePrefix(world.private)!],
});

const NAMES = ["host", "inner", "gw", "outer", "server"] as const;
const spaces = new Map<string, Namespace>();
const at = (name: (typeof NAMES)[number]): Namespace => spaces.get(name)!;
let host: LineProcess;
let server: LineProcess;

/** What is done in each of them, once the cables are laid. */
const SETUP: Readonly<Record<(typeof NAMES)[number], string>> = {
  host: `
    ip address add 10.65.0.13/24 dev eth0; ip address add 10.65.0.14/32 dev eth0
    ip address add fd00:65::13/64 dev eth0 nodad; ip address add fd00:65::14/128 dev eth0 nodad
    ip route add default via 10.65.0.1; ip route add default via fd00:65::1`,
  inner: `
    ip address add 10.65.0.1/24 dev host; ip address add fd00:65::1/64 dev host nodad
    ip address add 10.66.0.1/24 dev eth0; ip address add fd00:66::1/64 dev eth0 nodad
    ip route add default via 10.66.0.2; ip route add default via fd00:66::2`,
  gw: `
    ip address add 10.66.0.2/24 dev inner; ip address add fd00:66::2/64 dev inner nodad
    ip address add 198.51.100.1/24 dev outer; ip address add 2001:db8:2::1/64 dev outer nodad
    ip route add 10.65.0.0/16 via 10.66.0.1; ip route add fd00:65::/64 via fd00:66::1
    ip route add default via 198.51.100.2; ip route add default via 2001:db8:2::2`,
  outer: `
    ip address add 198.51.100.2/24 dev eth0; ip address add 2001:db8:2::2/64 dev eth0 nodad
    ip address add 203.0.113.254/24 dev server; ip address add 2001:db8:3::fe/64 dev server nodad
    ip route add 192.0.2.0/24 via 198.51.100.1; ip route add 2001:db8:f::/64 via 2001:db8:2::1`,
  server: `
    ip address add 203.0.113.1/24 dev eth0; ip address add 2001:db8:3::1/64 dev eth0 nodad
    ip route add default via 203.0.113.254; ip route add default via 2001:db8:3::fe`,
};
/** Errors are told as often as they happen. */
const ROUTER =
  "sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0";

beforeAll(async () => {
  for (const name of NAMES) {
    spaces.set(name, makeNamespace(`fip-${name}`));
    // Nobody else has their addresses: they need not look first.
    at(name).run("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0");
  }
  for (const name of ["inner", "gw", "outer"] as const) at(name).run("sh", "-c", ROUTER);
  at("inner").join("host", at("host"));
  at("gw").join("inner", at("inner"));
  at("gw").join("outer", at("outer"));
  at("outer").join("server", at("server"));
  for (const name of NAMES) at(name).run("sh", "-ec", SETUP[name]);
  const script = fileURLToPath(new URL("packets.py", import.meta.url));
  host = at("host").start("python3", script);
  server = at("server").start("python3", script);
  for (const world of [FOUR, SIX]) {
    await server.ask({ listen: [world.server, 7000] });
    await host.ask({ listen: [world.host, 7000] });
    await host.ask({ listen: [world.neighbour, 7000] });
  }
});

afterAll(async () => {
  for (const space of spaces.values()) await space.remove();
});

async function install(table: NatTable): Promise<void> {
  await at("gw").nft(diff(table, undefined));
  at("gw").attempt("conntrack", "-F");
}

/** Narrows the last link on one side, or none; the ends learn anew. */
function narrow(side: "host" | "server" | undefined): void {
  for (const [router, name] of [
    ["inner", "host"],
    ["outer", "server"],
  ] as const) {
    at(router).run("ip", "link", "set", name, "mtu", `${name === side ? NARROW : 1500}`);
    at(name).run("sh", "-c", "ip route flush cache; ip -6 route flush cache");
  }
}

let lastPort = 20_000;
/** No two connections have one own port: one that is over keeps it for a while. */
const freshPort = (): number => ++lastPort;

type Ends = (own: number, to?: number) => readonly [[string, number], [string, number]];

const endsIn = (world: World): { readonly outbound: Ends; readonly inbound: Ends } => ({
  outbound: (own, to = 7000) => [
    [world.host, own],
    [world.server, to],
  ],
  inbound: (own, to = 7000) => [
    [world.server, own],
    [world.floating, to],
  ],
});

describe.each([["IPv6", SIX, tableOf(SIX)]] as const)("%s", (_, world, table) => {
  beforeAll(async () => {
    narrow(undefined);
    await install(table);
  });
  const { outbound, inbound } = endsIn(world);

  test("packets of the host leave as the floating IP, and errors about them arrive", async () => {
    const seen = { seen: `${world.floating}:7100 1` };
    expect(await host.ask({ udp: outbound(7100) })).toEqual(seen);
    expect(await host.ask({ udp: outbound(7100), ttl: 3 })).toEqual({
      error: [...world.expired, world.outer, 0],
    });
    expect(await host.ask({ udp: outbound(7101, 7001) })).toEqual({
      error: [...world.refused, world.server, 0],
    });
    expect(await host.ask({ udp: outbound(7100) })).toEqual(seen);
  });

  test("packets to the floating IP arrive, and errors about them name no private address", async () => {
    const seen = { seen: `${world.server}:7100 1` };
    expect(await server.ask({ udp: inbound(7100) })).toEqual(seen);
    expect(await server.ask({ udp: inbound(7101, 7001) })).toEqual({
      error: [...world.refused, world.floating, 0],
    });
    expect(await server.ask({ udp: inbound(7100), ttl: 3 })).toEqual({
      error: [...world.expired, world.floating, 0],
    });
    expect(await server.ask({ udp: inbound(7100), ttl: 2 })).toMatchObject({
      error: [...world.expired, expect.any(String), 0],
    });
    expect(await server.ask({ udp: inbound(7100) })).toEqual(seen);
  });

  test("what is too large for a link is answered with its MTU, in both directions", async () => {
    const fits = NARROW - world.headers;
    narrow("server");
    expect(await host.ask({ udp: outbound(7200), octets: fits + 1 })).toEqual({
      error: [...world.tooBig, world.outer, NARROW],
    });
    expect(await host.ask({ udp: outbound(7200), octets: fits })).toEqual({
      seen: `${world.floating}:7200 ${fits}`,
    });
    narrow("host");
    expect(await server.ask({ udp: inbound(7201), octets: fits + 1 })).toEqual({
      error: [...world.tooBig, world.floating, NARROW],
    });
    expect(await server.ask({ udp: inbound(7201), octets: fits })).toEqual({
      seen: `${world.server}:7201 ${fits}`,
    });
  });

  test.each(["host", "server"] as const)("TCP finds the narrow link next to the %s", async (side) => {
    narrow(side);
    const [out, back] = [freshPort(), freshPort()];
    expect(await host.ask({ tcp: outbound(out), octets: 300_000 })).toEqual({
      seen: `${world.floating}:${out} 300000`,
    });
    expect(await server.ask({ tcp: inbound(back), octets: 300_000 })).toEqual({
      seen: `${world.server}:${back} 300000`,
    });
  });

  test("fragments arrive in any order", async () => {
    narrow(undefined);
    for (const order of [
      [0, 1, 2, 3],
      [3, 2, 1, 0],
      [1, 3, 0, 2],
    ]) {
      expect(await host.ask({ fragments: outbound(7400), octets: 4000, order })).toEqual({
        seen: `${world.floating}:7400 4000`,
      });
      expect(await server.ask({ fragments: inbound(7400), octets: 4000, order })).toEqual({
        seen: `${world.server}:7400 4000`,
      });
    }
  });
});

test.each([["IPv6", SIX, tableOf(SIX)]] as const)(
  "%s: a neighbour reaches it, and so does the host itself",
  async (_, world, table) => {
    await install(table);
    for (const own of [world.neighbour, world.host]) {
      const ends = [
        [own, freshPort()],
        [world.floating, 7000],
      ];
      const { seen } = (await host.ask({ tcp: ends })) as { seen: string };
      expect(seen).not.toContain(world.neighbour);
      expect(seen).not.toContain(`${world.host}:`);
    }
  },
);
