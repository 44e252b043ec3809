/** Behaviour for TCP (RFC 5382, RFC 7857), with real sockets. */

import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { NatTable } from "../../src/nat/table.ts";
import { eventually } from "../daemon/lab.ts";
import { shows } from "../requirements/shows.ts";
import type { LineProcess, Namespace } from "./namespace.ts";
import {
  A,
  distinct,
  type Endpoint,
  endpointOf,
  H1,
  H2,
  install as installIn,
  POOL,
  removeAll,
  S1,
  S2,
  SERVERS,
  seenBy as seenOf,
  type TwoHosts,
  table,
  twoHosts,
} from "./two-hosts.ts";

let spaces: TwoHosts;
let hosts: LineProcess;
let world: LineProcess;

beforeAll(async () => {
  spaces = twoHosts("tcp");
  const script = fileURLToPath(new URL("tcp.mjs", import.meta.url));
  hosts = spaces.hosts.start(process.execPath, script);
  world = spaces.world.start(process.execPath, script);
  for (const server of SERVERS) await world.ask({ listen: server });
  for (const space of [spaces.hosts, spaces.world])
    space.run("nft", "add table ip test; add chain ip test in { type filter hook input priority 0; }");
});

afterAll(() => removeAll(spaces));

const install = (wanted: NatTable): Promise<void> => installIn(spaces, wanted);
const seenBy = (own: Endpoint, to?: readonly Endpoint[]): Promise<readonly string[]> =>
  seenOf(hosts, own, to);
/** From now on the host does not hear what is like this. */
const deafen = (space: Namespace, what: string): string =>
  space.run("nft", `add rule ip test in tcp flags ${what} drop`);

const PURE_SYN = "& (syn|ack) == syn";

afterEach(() => {
  for (const space of [spaces.hosts, spaces.world]) space.run("nft", "flush chain ip test in");
});

describe("mapping", () => {
  test("one external endpoint for all connections of a private one, and nobody else's under clash", async () => {
    shows("RFC 5382 REQ-1", "RFC 5382 REQ-7");
    await install(table({ addresses: POOL.addresses.slice(0, 1) }));
    const first = await seenBy([H1, 40_000], [[S1, A]]);
    const second = await seenBy([H2, 40_000], [[S2, A]]);
    expect(first[0]).not.toBe(second[0]);
    expect(await seenBy([H1, 40_000], SERVERS.slice(1))).toEqual(Array(3).fill(first[0]));
    expect(await seenBy([H2, 40_000], SERVERS.slice(0, 2))).toEqual(Array(2).fill(second[0]));
  });

  test("address and port dependent: few ports serve many connections to different destinations", async () => {
    shows("RFC 7857 §3", "RFC 6888 REQ-13");
    await install(
      table({
        mapping: "addressAndPortDependent",
        addresses: POOL.addresses.slice(0, 1),
        ports: { first: 20_000, last: 20_001 },
      }),
    );
    for (const server of SERVERS)
      expect(
        distinct([...(await seenBy([H1, 40_100], [server])), ...(await seenBy([H2, 40_100], [server]))]),
      ).toBe(2);
  });
});

describe("filtering", () => {
  const STRANGERS: readonly Endpoint[] = [
    [S1, 7000],
    [S2, 7000],
  ];
  test.each([
    ["endpointIndependent", 41_000, [`${S1}:7000`, `${S2}:7000`]],
    ["addressDependent", 41_001, [`${S1}:7000`]],
    ["addressAndPortDependent", 41_002, []],
  ] as const)("%s", async (filtering, port, expected) => {
    shows("RFC 5382 REQ-3", "RFC 5382 REQ-3a");
    await install(table({ filtering }));
    const [seen = ""] = await seenBy([H1, port], [[S1, A]]);
    await hosts.ask({ listen: [H1, port] });
    for (const stranger of STRANGERS) await world.ask({ begin: stranger, to: endpointOf(seen) });
    // Private sources are let in by all: what was sent before has been there.
    const [mark = ""] = await seenBy([H2, port], [endpointOf(seen)]);
    const accepted = async (): Promise<readonly string[]> =>
      ((await hosts.ask({ accepted: [H1, port] })) as string[]).filter((from) => from !== mark).sort();
    await eventually("who may is let in", async () => (await accepted()).length >= expected.length);
    expect(await accepted()).toEqual(expected);
    for (const stranger of STRANGERS) await world.ask({ reset: stranger, to: endpointOf(seen) });
  });
});

test("hairpinning: by the external endpoint of another host, who sees an external one", async () => {
  shows("RFC 5382 REQ-8", "RFC 5382 REQ-8a");
  await install(table());
  const [outer = ""] = await seenBy([H2, 42_000], [[S1, A]]);
  await hosts.ask({ listen: [H2, 42_000] });
  const [own = ""] = await seenBy([H1, 42_001], [[S1, A]]);
  expect(await seenBy([H1, 42_001], [endpointOf(outer)])).toEqual([own]);
});

describe("simultaneous open", () => {
  /** The own port is free, and so kept: the server knows the external endpoint before it has seen it. */
  const externalOf = async ([address, port]: Endpoint): Promise<Endpoint> => {
    const [seen = ""] = await seenBy([address, port + 1000], [[S1, A]]);
    return [endpointOf(seen)[0], port];
  };

  async function areConnected(inner: Endpoint, outer: Endpoint, server: Endpoint): Promise<void> {
    expect(await hosts.ask({ outcome: inner, to: server })).toBe("connected");
    expect(await world.ask({ outcome: server, to: outer })).toBe("connected");
  }

  test("the SYN from outside comes first, and is not answered", async () => {
    shows("RFC 5382 REQ-2", "RFC 5382 REQ-2a", "RFC 5382 REQ-4");
    await install(table());
    const [inner, server]: Endpoint[] = [
      [H1, 43_000],
      [S1, 5000],
    ];
    const outer = await externalOf(inner!);
    await world.ask({ begin: server, to: outer });
    await hosts.ask({ begin: inner, to: server });
    await areConnected(inner!, outer, server!);
  });

  test("the SYN from inside comes first, and is lost on its way", async () => {
    shows("RFC 5382 REQ-2", "RFC 5382 REQ-2a");
    await install(table());
    const [inner, server]: Endpoint[] = [
      [H1, 43_001],
      [S1, 5001],
    ];
    const outer = await externalOf(inner!);
    deafen(spaces.world, PURE_SYN);
    await hosts.ask({ begin: inner, to: server });
    await isIn("SYN_SENT", inner!);
    await world.ask({ begin: server, to: outer });
    await areConnected(inner!, outer, server!);
  });
});

test("an unsolicited SYN is met with silence until its sender gives up", async () => {
  shows("RFC 5382 REQ-4", "RFC 5382 REQ-4a");
  await install(table());
  // After 1, 3 and 7 s without any answer the connection times out; with one it fails at once, and says so.
  spaces.world.run("sysctl", "-qw", "net.ipv4.tcp_syn_retries=2");
  const [own, to] = [
    [S1, 6000],
    ["198.51.100.10", 6000],
  ];
  await world.ask({ begin: own, to });
  expect(await world.ask({ outcome: own, to })).toBe("ETIMEDOUT");
  spaces.world.run("sysctl", "-qw", "net.ipv4.tcp_syn_retries=6");
});

/** State and seconds left of what conntrack has of the connections from a private port. */
function tracked(port: number): { readonly state: string; readonly left: number } | undefined {
  const { stdout } = spaces.gw.attempt("conntrack", "-L", "-p", "tcp", "--orig-port-src", `${port}`);
  const [, left, state] = /^tcp +6 (\d+) (\w+) /m.exec(stdout) ?? [];
  return state === undefined ? undefined : { state, left: Number(left) };
}
const isIn = (state: string, [, port]: Endpoint): Promise<true> =>
  eventually(`it is in ${state}`, () => tracked(port)?.state === state);

function expectLeft([, port]: Endpoint, seconds: number): void {
  const { left } = tracked(port)!;
  expect(left).toBeLessThanOrEqual(seconds);
  expect(left).toBeGreaterThan(seconds - 100);
}

const SERVER: Endpoint = [S1, A];
/** Brings a new connection of `own` with the server, or one whose outer side is `outer`, into a state. */
type Road = (own: Endpoint, outer: Endpoint) => Promise<unknown>;

const ROADS: readonly (readonly [state: string, seconds: number, road: Road])[] = [
  [
    "SYN_SENT",
    240,
    (own) => {
      deafen(spaces.world, "syn");
      return hosts.ask({ begin: own, to: SERVER });
    },
  ],
  [
    "SYN_RECV",
    240,
    (own) => {
      deafen(spaces.hosts, "syn");
      return hosts.ask({ begin: own, to: SERVER });
    },
  ],
  [
    "SYN_SENT2",
    240,
    async (own, outer) => {
      for (const space of [spaces.hosts, spaces.world]) deafen(space, "syn");
      await hosts.ask({ begin: own, to: [S1, own[1]] });
      await isIn("SYN_SENT", own);
      await world.ask({ begin: [S1, own[1]], to: outer });
      return isIn("SYN_SENT2", own);
    },
  ],
  ["ESTABLISHED", 7440, (own) => seenBy(own, [SERVER])],
  [
    "FIN_WAIT",
    240,
    async (own) => {
      await seenBy(own, [SERVER]);
      deafen(spaces.world, "fin");
      return hosts.ask({ end: own, to: SERVER });
    },
  ],
  [
    "CLOSE_WAIT",
    240,
    async (own) => {
      await seenBy(own, [SERVER]);
      return hosts.ask({ end: own, to: SERVER });
    },
  ],
  [
    "LAST_ACK",
    240,
    async (own, outer) => {
      await seenBy(own, [SERVER]);
      deafen(spaces.hosts, "fin");
      await hosts.ask({ end: own, to: SERVER });
      await isIn("CLOSE_WAIT", own);
      return world.ask({ end: SERVER, to: outer });
    },
  ],
  [
    "TIME_WAIT",
    240,
    async (own, outer) => {
      await seenBy(own, [SERVER]);
      await hosts.ask({ end: own, to: SERVER });
      return world.ask({ end: SERVER, to: outer });
    },
  ],
  [
    "CLOSE",
    240,
    async (own) => {
      await seenBy(own, [SERVER]);
      return hosts.ask({ reset: own, to: SERVER });
    },
  ],
];

describe("how long a connection may be silent", () => {
  let port = 50_000;
  let pooled = "";
  beforeAll(async () => {
    await install(table());
    [pooled] = endpointOf((await seenBy([H1, port++], [SERVER]))[0] ?? "");
  });

  test.each(ROADS)("%s: %d s", async (state, seconds, road) => {
    shows(
      "RFC 5382 REQ-5",
      "RFC 7857 §2",
      "RFC 7857 §2.1",
      ...(state === "CLOSE" ? (["RFC 7857 §2.2"] as const) : []),
      ...(state === "CLOSE" || state === "TIME_WAIT" ? (["RFC 6888 REQ-8"] as const) : []),
    );
    spaces.gw.attempt("conntrack", "-F");
    const own: Endpoint = [H1, port++];
    await road(own, [pooled, own[1]]);
    await isIn(state, own);
    expectLeft(own, seconds);
  });

  test("as long with data that nobody has acknowledged", async () => {
    shows("RFC 5382 REQ-5");
    const own: Endpoint = [H1, port++];
    await seenBy(own, [SERVER]);
    deafen(spaces.world, "& psh == psh counter");
    await hosts.ask({ say: own, to: SERVER });
    await eventually("it came through", () =>
      / packets [1-9]/.test(spaces.world.run("nft", "list chain ip test in")),
    );
    await isIn("ESTABLISHED", own);
    expectLeft(own, 7440);
  });

  test("one that opens and one that closes have times of their own", async () => {
    shows("RFC 7857 §2.1", "RFC 5382 REQ-5a");
    const apart = table();
    const timeouts = { ...apart.timeouts, tcpOpeningSeconds: 1000, tcpClosingSeconds: 500 };
    await install({ ...apart, timeouts });
    const [opens, closes]: [Endpoint, Endpoint] = [
      [H1, port++],
      [H1, port++],
    ];
    await seenBy(closes, [SERVER]);
    await hosts.ask({ reset: closes, to: SERVER });
    await isIn("CLOSE", closes);
    expectLeft(closes, 500);
    deafen(spaces.world, "syn");
    await hosts.ask({ begin: opens, to: SERVER });
    await isIn("SYN_SENT", opens);
    expectLeft(opens, 1000);
  });
});
