/**
 * ICMP errors, path MTU and fragments through what translates: host - inner router - gw - outer router - server. Whether
 * an error is for a socket the kernel of the end decides by the packet within: who hears of it had it translated right.
 */

import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ipv4 } from "../../src/bgp/net/address.ts";
import { parseAddress, parsePrefix } from "../../src/bgp/net/text.ts";
import { diff } from "../../src/nat/diff.ts";
import { EMPTY_NAT, type NatTable, type PoolMapping } from "../../src/nat/table.ts";
import { eventually } from "../kernel/lab.ts";
import { shows } from "../requirements/shows.ts";
import { type LineProcess, makeNamespace, type Namespace } from "./namespace.ts";

const [HOST, NEIGHBOUR, SERVER, POOLED, FLOATING] = [
  "10.65.0.13",
  "10.65.0.14",
  "203.0.113.1",
  "192.0.2.10",
  "192.0.2.20",
] as const;
const PRIVATE = [parsePrefix("10.65.0.0/16")!];
const address = (text: string): PoolMapping["addresses"][number] => parseAddress(text) ?? ipv4(0);
const NARROW = 1280;

const pool = (mapping: PoolMapping["mapping"]): NatTable => ({
  ...EMPTY_NAT,
  private: PRIVATE,
  exempt: PRIVATE,
  inside: PRIVATE,
  pools: [
    {
      name: "default",
      private: PRIVATE,
      draining: false,
      addresses: [address(POOLED)],
      ports: { first: 1024, last: 65_535 },
      mapping,
      filtering: "addressAndPortDependent",
    },
  ],
});
const floating: NatTable = {
  ...EMPTY_NAT,
  floating: [{ floating: address(FLOATING), fixed: address(HOST), egress: "floating" }],
  inside: PRIVATE,
};
const forwarding: NatTable = {
  ...EMPTY_NAT,
  forwards: [7000, 7001].map((port) => ({
    floating: address(FLOATING),
    protocol: port === 7000 ? "udp" : "tcp",
    ports: { first: 7000, last: 7010 },
    to: address(HOST),
    toPorts: { first: 7000, last: 7010 },
  })),
  inside: PRIVATE,
};

const NAMES = ["host", "inner", "gw", "outer", "server"] as const;
const spaces = new Map<string, Namespace>();
const at = (name: (typeof NAMES)[number]): Namespace => spaces.get(name)!;
let host: LineProcess;
let server: LineProcess;

beforeAll(async () => {
  for (const name of NAMES) spaces.set(name, makeNamespace(`icmp-${name}`));
  for (const name of ["inner", "gw", "outer"] as const) {
    at(name).run("sysctl", "-qw", "net.ipv4.ip_forward=1");
    // Errors are told as often as they happen.
    at(name).run("sysctl", "-qw", "net.ipv4.icmp_ratelimit=0");
  }
  at("inner").join("host", at("host"));
  at("gw").join("inner", at("inner"));
  at("gw").join("outer", at("outer"));
  at("outer").join("server", at("server"));
  const own = [
    ["host", "eth0", `${HOST}/24`],
    ["host", "eth0", `${NEIGHBOUR}/32`],
    ["inner", "host", "10.65.0.1/24"],
    ["inner", "eth0", "10.66.0.1/24"],
    ["gw", "inner", "10.66.0.2/24"],
    ["gw", "outer", "198.51.100.1/24"],
    ["outer", "eth0", "198.51.100.2/24"],
    ["outer", "server", "203.0.113.254/24"],
    ["server", "eth0", `${SERVER}/24`],
  ] as const;
  for (const [name, link, prefix] of own) at(name).run("ip", "address", "add", prefix, "dev", link);
  const routes = [
    ["host", "default", "10.65.0.1"],
    ["inner", "default", "10.66.0.2"],
    ["gw", "10.65.0.0/16", "10.66.0.1"],
    ["gw", "default", "198.51.100.2"],
    ["outer", "192.0.2.0/24", "198.51.100.1"],
    ["server", "default", "203.0.113.254"],
  ] as const;
  for (const [name, to, via] of routes) at(name).run("ip", "route", "add", to, "via", via);
  at("gw").run("ip", "route", "add", "blackhole", POOLED);
  const script = fileURLToPath(new URL("packets.py", import.meta.url));
  host = at("host").start("python3", script);
  server = at("server").start("python3", script);
  for (const port of [7000, 7002, 7003, 21, 5060, 6667]) await server.ask({ listen: [SERVER, port] });
  await host.ask({ listen: [HOST, 7000] });
  await host.ask({ listen: [NEIGHBOUR, 7000] });
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
    const mtu = `${name === side ? NARROW : 1500}`;
    at(router).run("ip", "link", "set", name, "mtu", mtu);
    at(name).run("ip", "route", "flush", "cache");
  }
}

let lastPort = 20_000;
/** No two connections have one own port: one that is over keeps it for a while. */
const freshPort = (): number => ++lastPort;

const outbound = (port: number, to = 7000): unknown => [
  [HOST, port],
  [SERVER, to],
];
const inbound = (port: number, to = 7000): unknown => [
  [SERVER, port],
  [FLOATING, to],
];

describe.each([
  ["a pool with endpointIndependent mapping", pool("endpointIndependent"), POOLED],
  ["a pool with addressAndPortDependent mapping", pool("addressAndPortDependent"), POOLED],
  ["a floating IP", floating, FLOATING],
])("from inside through %s", (_, table, outer) => {
  beforeAll(async () => {
    narrow(undefined);
    await install(table);
  });

  test("Port Unreachable and Time Exceeded arrive, and end no mapping", async () => {
    shows(
      "RFC 4787 REQ-12",
      "RFC 4787 REQ-12a",
      "RFC 4787 REQ-12b",
      "RFC 5508 REQ-4a",
      "RFC 5508 REQ-4b",
      "RFC 5508 REQ-4c",
    );
    const before = await host.ask({ udp: outbound(7100) });
    expect(before).toMatchObject({ seen: expect.stringContaining(`${outer}:`) });
    expect(await host.ask({ udp: outbound(7100), ttl: 3 })).toEqual({ error: [11, 0, "198.51.100.2", 0] });
    expect(await host.ask({ udp: outbound(7100) })).toEqual(before);
    expect(await host.ask({ udp: outbound(7101, 7001) })).toEqual({ error: [3, 3, SERVER, 0] });
    expect(await host.ask({ udp: outbound(7100) })).toEqual(before);
  });

  test("a datagram too large for a link beyond is answered with its MTU", async () => {
    shows("RFC 4787 REQ-13");
    narrow("server");
    const asked = { udp: outbound(7200), octets: 1400 };
    expect(await host.ask(asked)).toEqual({ error: [3, 4, "198.51.100.2", NARROW] });
    expect(await host.ask({ ...asked, octets: NARROW - 28 })).toMatchObject({
      seen: expect.stringMatching(/ 1252$/),
    });
  });

  test.each(["host", "server"] as const)("TCP finds the narrow link next to the %s", async (side) => {
    shows("RFC 5382 REQ-9");
    narrow(side);
    const { seen } = (await host.ask({ tcp: outbound(freshPort()), octets: 300_000 })) as { seen: string };
    expect(seen).toMatch(new RegExp(`^${outer}:\\d+ 300000$`));
  });

  test("fragments arrive in any order", async () => {
    shows("RFC 4787 REQ-14");
    narrow(undefined);
    for (const order of [
      [0, 1, 2, 3],
      [3, 2, 1, 0],
      [1, 3, 0, 2],
    ]) {
      const answer = await host.ask({ fragments: outbound(7400), octets: 4000, order });
      expect(answer).toMatchObject({ seen: expect.stringMatching(new RegExp(`^${outer}:\\d+ 4000$`)) });
    }
  });
});

describe.each([
  ["a floating IP", floating],
  ["forwarded ports of one", forwarding],
])("from outside through %s", (_, table) => {
  beforeAll(async () => {
    narrow(undefined);
    await install(table);
  });

  test("Port Unreachable and Time Exceeded arrive, and name no private address", async () => {
    shows("RFC 5508 REQ-5a", "RFC 5508 REQ-5b", "RFC 5508 REQ-5c");
    expect(await server.ask({ udp: inbound(7100) })).toEqual({ seen: `${SERVER}:7100 1` });
    expect(await server.ask({ udp: inbound(7101, 7001) })).toEqual({ error: [3, 3, FLOATING, 0] });
    expect(await server.ask({ udp: inbound(7100), ttl: 3 })).toEqual({ error: [11, 0, FLOATING, 0] });
    expect(await server.ask({ udp: inbound(7100), ttl: 2 })).toMatchObject({
      error: [11, 0, expect.any(String), 0],
    });
    expect(await server.ask({ udp: inbound(7100) })).toEqual({ seen: `${SERVER}:7100 1` });
  });

  test("a datagram too large for a link within is answered with its MTU", async () => {
    narrow("host");
    const asked = { udp: inbound(7200), octets: 1400 };
    expect(await server.ask(asked)).toEqual({ error: [3, 4, FLOATING, NARROW] });
    expect(await server.ask({ ...asked, octets: NARROW - 28 })).toEqual({ seen: `${SERVER}:7200 1252` });
  });

  test.each(["host", "server"] as const)("TCP finds the narrow link next to the %s", async (side) => {
    narrow(side);
    const own = freshPort();
    const asked = { tcp: inbound(own), octets: 300_000 };
    expect(await server.ask(asked)).toEqual({ seen: `${SERVER}:${own} 300000` });
  });

  test("fragments arrive in any order", async () => {
    narrow(undefined);
    for (const order of [
      [0, 1, 2, 3],
      [3, 2, 1, 0],
      [1, 3, 0, 2],
    ])
      expect(await server.ask({ fragments: inbound(7400), octets: 4000, order })).toEqual({
        seen: `${SERVER}:7400 4000`,
      });
  });
});

describe("hairpinning", () => {
  const seenBy = async (
    own: readonly [string, number],
    protocol: "tcp" | "udp",
  ): Promise<[string, number]> => {
    const { seen } = (await host.ask({ [protocol]: [own, [SERVER, 7000]] })) as { seen: string };
    const [, to = "", port] = /^([\d.]+):(\d+) 1$/.exec(seen) ?? [];
    return [to, Number(port)];
  };

  test("TCP: who listens is reached by its external endpoint, and sees an external one", async () => {
    shows("RFC 5382 REQ-8", "RFC 5382 REQ-8a");
    await install(pool("endpointIndependent"));
    const outer = await seenBy([NEIGHBOUR, 7000], "tcp");
    expect(outer[0]).toBe(POOLED);
    const [, port] = await seenBy([HOST, 7500], "tcp");
    expect(await host.ask({ tcp: [[HOST, 7500], outer] })).toEqual({ seen: `${POOLED}:${port} 1` });
  });

  test("an error comes back from the external endpoint that it is about", async () => {
    shows("RFC 5508 REQ-7", "RFC 5508 REQ-7a");
    await install(pool("endpointIndependent"));
    const outer = await seenBy([NEIGHBOUR, 7600], "udp");
    expect(await host.ask({ udp: [[HOST, 7601], outer] })).toEqual({ error: [3, 3, POOLED, 0] });
  });

  test("ping of another's floating IP arrives, with an external source", async () => {
    shows("RFC 5508 REQ-7");
    const fixed = address(NEIGHBOUR);
    await install({
      ...pool("endpointIndependent"),
      floating: [{ floating: address(FLOATING), fixed, egress: "floating" }],
    });
    at("host").run("ping", "-c1", "-W30", "-I", HOST, FLOATING);
    expect(at("gw").run("conntrack", "-L", "-p", "icmp")).toMatch(
      new RegExp(`src=${HOST} dst=${FLOATING} .* src=${NEIGHBOUR} dst=${POOLED} `),
    );
  });
});

describe.each([
  ["a pool", pool("endpointIndependent")],
  ["a floating IP", floating],
])("application-level gateways are off: through %s passes as it is", (_, table) => {
  beforeAll(async () => {
    narrow(undefined);
    await install(table);
  });

  const sip = `REGISTER sip:${SERVER} SIP/2.0\r\nVia: SIP/2.0/UDP ${HOST}:7800\r\nContact: <sip:a@${HOST}:7800>\r\n\r\n`;
  test.each([
    ["FTP", "tcp", 21, `PORT ${HOST.replaceAll(".", ",")},30,121\r\n`],
    ["SIP", "udp", 5060, sip],
    ["IRC", "tcp", 6667, "PRIVMSG b :\u0001DCC SEND f 172032013 7800 1\u0001\r\n"],
  ] as const)("%s", async (name, protocol, port, text) => {
    if (name === "SIP") shows("RFC 4787 REQ-10");
    else shows("RFC 5382 REQ-6");
    expect(await host.ask({ [protocol]: outbound(freshPort(), port), text })).toMatchObject({
      seen: expect.stringMatching(new RegExp(` ${text.length}$`)),
    });
    expect(await server.ask({ heard: port })).toBe(text);
  });
});

describe("a mapping that several TCP connections have", () => {
  /** What is left of one of HOST's: "long" is more than a connection has that closes. */
  const left = (own: number): "long" | "short" | undefined => {
    const listed = at("gw").run("nft", "list", "map", "inet", "gatewayd", "mapping");
    const [, expires] = new RegExp(`tcp \\. ${HOST} \\. ${own} .*?expires (\\w+)`).exec(listed) ?? [];
    return expires === undefined ? undefined : expires.includes("h") ? "long" : "short";
  };
  const connection = (own: number, port: number): unknown => [
    [HOST, own],
    [SERVER, port],
  ];
  const isOver = (port: number): boolean =>
    !at("gw").run("conntrack", "-L", "-p", "tcp", "--dport", `${port}`).includes("ESTABLISHED");

  test("lasts as the one that stays when another closes; alone, it ends with its connection", async () => {
    await install(pool("endpointIndependent"));
    await host.ask({ open: connection(7700, 7002) });
    await eventually("the mapping lives as a connection does", () => left(7700) === "long");
    await host.ask({ open: connection(7700, 7003) });
    await host.ask({ close: connection(7700, 7003) });
    await eventually("the other connection closes", () => isOver(7003));
    expect(left(7700)).toBe("long");
    await host.ask({ open: connection(7701, 7003) });
    await host.ask({ close: connection(7701, 7003) });
    await eventually("the mapping lives as one that closes", () => left(7701) === "short");
  });
});
