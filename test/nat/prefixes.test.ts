/**
 * NPTv6: host - inner router - gw - outer router - server. Whether an error is for a socket the kernel of the end decides by
 * the packet within, and what comes in fragments has a checksum that nobody on the way corrects.
 */

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { formatAddress, parseAddress, parsePrefix } from "../../src/bgp/net/text.ts";
import { diff } from "../../src/nat/diff.ts";
import { leavesAs } from "../../src/nat/nptv6.ts";
import { EMPTY_NAT, type NatTable } from "../../src/nat/table.ts";
import { accept } from "../daemon/gateway-file.ts";
import { type Daemon, eventually, Lab } from "../daemon/lab.ts";
import { type Five, fiveSpaces, install, narrow, removeFive } from "./five.ts";
import type { LineProcess } from "./namespace.ts";

const [HOST, NEIGHBOUR, SERVER, OUTER] = ["fd00:65::13", "fd00:65::14", "2001:db8:3::1", "2001:db8:2::2"];
/** In a subnet that cannot be translated. */
const LOST = "fd00:65:0:ffff::13";
const NARROW = 1400;
const LIMIT_MS = 60_000;
const BIRD = "/usr/sbin/bird";
const PRIVATE = [parsePrefix("fd00::/8")!];

let spaces: Five;
let host: LineProcess;
let server: LineProcess;

beforeAll(async () => {
  spaces = fiveSpaces("npt");
  const ways = [
    ["host", `ip address add ${LOST}/128 dev eth0 nodad`],
    ["inner", `ip route add ${LOST} via ${HOST}`],
    ["gw", `ip route add ${LOST} via fd00:66::1`],
    ["outer", "ip route add 2001:db8:e::/47 via 2001:db8:2::1"],
  ] as const;
  for (const [name, way] of ways) spaces[name].run("sh", "-ec", way);
  const script = fileURLToPath(new URL("packets.py", import.meta.url));
  host = spaces.host.start("python3", script);
  server = spaces.server.start("python3", script);
  await server.ask({ listen: [SERVER, 7000] });
  for (const own of [HOST, NEIGHBOUR]) await host.ask({ listen: [own, 7000] });
});

afterAll(() => removeFive(spaces));

let lastPort = 20_000;
const freshPort = (): number => ++lastPort;

/** A table with one pair, and who the hosts are by it. */
function pairOf(internal: string, external: string) {
  const prefixes = [{ internal: parsePrefix(internal)!, external: parsePrefix(external)! }];
  const table: NatTable = { ...EMPTY_NAT, private: PRIVATE, exempt: PRIVATE, inside: PRIVATE, prefixes };
  const externalOf = (own: string): string => formatAddress(leavesAs(table, parseAddress(own)!)!);
  const outer = externalOf(HOST);
  const out = (port: number, to = 7000): unknown => [
    [HOST, port],
    [SERVER, to],
  ];
  const into = (port: number, to = 7000): unknown => [
    [SERVER, port],
    [outer, to],
  ];
  return { table, outer, neighbour: externalOf(NEIGHBOUR), out, into };
}

const PAIRS = [
  ["fd00:65::/48", "2001:db8:f::/48"],
  ["fd00:65::/64", "2001:db8:f:a::/64"],
  ["fd00:65::/59", "2001:db8:f:20::/59"],
] as const;

describe.each(PAIRS)("%s as %s", (internal, external) => {
  const { table, outer, neighbour, out, into } = pairOf(internal, external);
  beforeAll(async () => {
    narrow(spaces, undefined, NARROW);
    await install(spaces, table);
  });

  test("each sees the other, whoever begins, and conntrack sees neither", async () => {
    expect(diff(table, await spaces.gw.listing())).toBe("");
    expect(await host.ask({ udp: out(7100) })).toEqual({ seen: `${outer}:7100 1` });
    expect(await server.ask({ udp: into(7100) })).toEqual({ seen: `${SERVER}:7100 1` });
    spaces.host.run("ping", "-c1", "-W30", "-I", HOST, SERVER);
    spaces.server.run("ping", "-c1", "-W30", outer);
    expect(spaces.gw.run("conntrack", "-L", "-f", "ipv6")).toBe("");
  });

  test("errors are about what their receivers know, and name no internal address", async () => {
    expect(await host.ask({ udp: out(7101), ttl: 3 })).toEqual({ error: [3, 0, OUTER, 0] });
    expect(await host.ask({ udp: out(7101, 7001) })).toEqual({ error: [1, 4, SERVER, 0] });
    expect(await server.ask({ udp: into(7101, 7001) })).toEqual({ error: [1, 4, outer, 0] });
    // By the gateway itself, and by a router behind it.
    for (const ttl of [2, 3])
      expect(await server.ask({ udp: into(7101), ttl })).toMatchObject({
        error: [3, 0, expect.any(String), 0],
      });
  });

  test.each(["host", "server"] as const)("TCP finds the narrow link next to the %s", async (side) => {
    narrow(spaces, side, NARROW);
    const port = freshPort();
    expect(await host.ask({ tcp: out(port), octets: 100_000 })).toEqual({ seen: `${outer}:${port} 100000` });
    expect(await server.ask({ tcp: into(port), octets: 100_000 })).toEqual({
      seen: `${SERVER}:${port} 100000`,
    });
    narrow(spaces, undefined, NARROW);
  });

  test("fragments arrive in any order, with the checksum that they were sent with", async () => {
    for (const order of [
      [0, 1, 2, 3],
      [3, 1, 0, 2],
    ]) {
      expect(await host.ask({ fragments: out(7400), octets: 4000, order })).toEqual({
        seen: `${outer}:7400 4000`,
      });
      expect(await server.ask({ fragments: into(7400), octets: 4000, order })).toEqual({
        seen: `${SERVER}:7400 4000`,
      });
    }
  });

  test("hosts reach each other by their external addresses, errors too", async () => {
    expect(
      await host.ask({
        udp: [
          [HOST, 7500],
          [neighbour, 7000],
        ],
      }),
    ).toEqual({ seen: `${outer}:7500 1` });
    expect(
      await host.ask({
        udp: [
          [HOST, 7500],
          [neighbour, 7001],
        ],
      }),
    ).toEqual({ error: [1, 4, neighbour, 0] });
    expect(
      await host.ask({
        fragments: [
          [HOST, 7501],
          [neighbour, 7000],
        ],
        octets: 3000,
      }),
    ).toEqual({ seen: `${outer}:7501 3000` });
  });
});

test("who is in a subnet that has no external one is told so", async () => {
  await install(spaces, pairOf(...PAIRS[0]).table);
  expect(
    await host.ask({
      udp: [
        [LOST, 7600],
        [SERVER, 7000],
      ],
    }),
  ).toMatchObject({ error: [1, 3, expect.any(String), 0] });
});

/** CI has it; elsewhere it may be missing. */
const lacksBird = process.env["CI"] !== "true" && !existsSync(BIRD);
if (lacksBird) test.skip("needs bird2");

/** A router that learns the external prefix from a whole gateway, and claims a part of it. */
describe.skipIf(lacksBird)("a gateway of which a router learns the prefix", () => {
  const [EXTERNAL, CLAIMED, OTHER] = ["2001:db8:ee::/48", "2001:db8:ee:1::/64", "2001:db8:77::/48"];
  const { outer, out, into } = pairOf("fd00:65::/48", EXTERNAL);
  const BIRD_CONFIG = `router id 198.51.100.2;
protocol device {}
protocol static { ipv6; route ${CLAIMED} via ${SERVER}; route ${OTHER} via ${SERVER}; }
protocol kernel { ipv6 { import none; export where source = RTS_BGP; }; }
protocol bgp nptv6 {
  local ${OUTER} as 64512; neighbor 2001:db8:2::1 as 65000; strict bind; connect delay time 1;
  ipv6 { import all; export where source = RTS_STATIC; };
}`;
  const fileOf = (prefixes: readonly object[]): object => ({
    role: "gateway",
    hostname: "gw",
    bgp: {
      asn: 65_000,
      routerId: "198.51.100.1",
      peers: [{ address: OUTER, asn: 64_512, import: [accept()], export: [accept()] }],
    },
    nat: { private: ["fd00::/8"], prefixes },
    api: { socket: lab.path("gw.sock") },
    store: { type: "none" },
  });
  let lab: Lab;
  let daemon: Daemon;

  beforeAll(async () => {
    lab = new Lab();
    const config = lab.write("bird.conf", BIRD_CONFIG);
    spaces.outer.start(BIRD, "-f", "-c", config, "-s", lab.path("bird.ctl"));
    const file = lab.write("gw.yaml", fileOf([{ internal: "fd00:65::/48", external: EXTERNAL }]));
    daemon = await lab.start(file, lab.path("gw.sock"), ["ip", "netns", "exec", spaces.gw.name]);
  }, LIMIT_MS);
  afterAll(() => lab.remove());

  const routeThere = (): string => spaces.outer.run("ip", "-6", "route", "show", EXTERNAL);

  test(
    "is announced when it works, and packets come and go by what the router learned",
    async () => {
      await eventually("the router has it", () => routeThere().includes("via 2001:db8:2::1"));
      expect(await host.ask({ udp: out(7700) })).toEqual({ seen: `${outer}:7700 1` });
      expect(await server.ask({ udp: into(7700) })).toEqual({ seen: `${SERVER}:7700 1` });
      const traced = await daemon.gwctl("nat", "trace", HOST, SERVER, "--protocol", "icmp", "-o", "json");
      expect(JSON.parse(traced.stdout)).toMatchObject({
        ...{ asked: `ipv6-icmp ${HOST} > ${SERVER}`, verdict: "translated", programmed: true },
        source: { address: outer },
      });
    },
    LIMIT_MS,
  );

  test(
    "nobody else's word counts for an address of it",
    async () => {
      await eventually("the router was heard", () => daemon.route(OTHER));
      const claimed = await eventually("all of it", () => daemon.route(CLAIMED));
      expect(claimed).toMatchObject({ local: false, installed: false });
      expect(claimed.paths).toMatchObject([{ peer: OUTER, rule: "guard.prefix" }]);
      expect(spaces.gw.run("ip", "-6", "route", "show", CLAIMED)).toBe("");
    },
    LIMIT_MS,
  );

  test(
    "one that is taken out is withdrawn, and leaves nothing behind",
    async () => {
      lab.write("gw.yaml", fileOf([]));
      await daemon.reload();
      await eventually("the router has it no more", () => routeThere() === "");
      await eventually(
        "nothing is left of it",
        () => spaces.gw.run("ip", "-6", "route", "show", EXTERNAL) === "",
      );
    },
    LIMIT_MS,
  );
});
