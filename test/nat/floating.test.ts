/**
 * Floating IPs of both families: host - inner router - gw - outer router - server. Whether an error is
 * for a socket the kernel of the end decides by the packet within: who hears of it had it translated right.
 */

import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Address } from "../../src/bgp/net/address.ts";
import { parseAddress, parsePrefix } from "../../src/bgp/net/text.ts";
import { EMPTY_NAT, type NatTable } from "../../src/nat/table.ts";
import { type Five, fiveSpaces, install as installIn, narrow as narrowIn, removeFive } from "./five.ts";
import type { LineProcess } from "./namespace.ts";

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

const tableOf = (world: World, stateless: boolean): NatTable => ({
  ...EMPTY_NAT,
  floating: [
    { floating: address(world.floating), fixed: address(world.host), egress: "floating", stateless },
  ],
  exempt: [parsePrefix(world.private)!],
  inside: [parsePrefix(world.private)!],
});

let spaces: Five;
let host: LineProcess;
let server: LineProcess;

beforeAll(async () => {
  spaces = fiveSpaces("fip");
  const script = fileURLToPath(new URL("packets.py", import.meta.url));
  host = spaces.host.start("python3", script);
  server = spaces.server.start("python3", script);
  for (const world of [FOUR, SIX]) {
    await server.ask({ listen: [world.server, 7000] });
    await host.ask({ listen: [world.host, 7000] });
    await host.ask({ listen: [world.neighbour, 7000] });
  }
});

afterAll(() => removeFive(spaces));

const install = (table: NatTable): Promise<void> => installIn(spaces, table);
const narrow = (side: "host" | "server" | undefined): void => narrowIn(spaces, side, NARROW);

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

const KINDS = [
  ["IPv6", SIX, false],
  ["IPv4, stateless", FOUR, true],
  ["IPv6, stateless", SIX, true],
] as const;

describe.each(KINDS)("%s", (_, world, stateless) => {
  beforeAll(async () => {
    narrow(undefined);
    await install(tableOf(world, stateless));
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

  test(`conntrack knows ${stateless ? "nothing" : "the flows"} of all that`, () => {
    const family = world === FOUR ? "ipv4" : "ipv6";
    expect(spaces.gw.run("conntrack", "-L", "-f", family).includes(world.server)).toBe(!stateless);
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

test.each(KINDS)("%s: a neighbour reaches it, and so does the host itself", async (_, world, stateless) => {
  await install(tableOf(world, stateless));
  for (const own of [world.neighbour, world.host]) {
    const ends = [
      [own, freshPort()],
      [world.floating, 7000],
    ];
    const { seen } = (await host.ask({ tcp: ends })) as { seen: string };
    expect(seen).not.toContain(world.neighbour);
    expect(seen).not.toContain(`${world.host}:`);
  }
});

test("stateless, ICMP errors of IPv4 have the right checksums, and so have the headers within", async () => {
  await install(tableOf(FOUR, true));
  const { outbound, inbound } = endsIn(FOUR);
  for (const ttl of [3, 64]) {
    await host.ask({ udp: outbound(freshPort(), 7001), ttl });
    await server.ask({ udp: inbound(freshPort(), 7001), ttl });
  }
  for (const end of [host, server])
    expect(await end.ask({ sums: true })).toEqual({ errors: expect.any(Number), wrong: 0 });
});
