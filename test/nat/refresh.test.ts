/** What keeps a mapping alive, and how long it may be silent; ICMP queries. */

import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { shows } from "../requirements/shows.ts";
import type { LineProcess } from "./namespace.ts";
import {
  A,
  type Endpoint,
  endpointOf,
  H1,
  H2,
  install,
  removeAll,
  S1,
  S2,
  SERVERS,
  seenBy,
  type TwoHosts,
  table,
  twoHosts,
} from "./two-hosts.ts";

let spaces: TwoHosts;
let udp: LineProcess;
let tcp: LineProcess;
let world: LineProcess;

beforeAll(async () => {
  spaces = twoHosts("fresh");
  const script = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
  udp = spaces.hosts.start(process.execPath, script("stun.mjs"));
  tcp = spaces.hosts.start(process.execPath, script("tcp.mjs"));
  world = spaces.world.start(process.execPath, script("stun.mjs"));
  const listeners = spaces.world.start(process.execPath, script("tcp.mjs"));
  for (const server of SERVERS) {
    await world.ask({ listen: server });
    await listeners.ask({ listen: server });
  }
});

afterAll(() => removeAll(spaces));
beforeEach(() => install(spaces, table({ filtering: "endpointIndependent" })));

/** Seconds that conntrack would keep the flow from a private port. */
function flowLeft(protocol: string, port: number): number {
  const { stdout } = spaces.gw.attempt("conntrack", "-L", "-p", protocol, "--orig-port-src", `${port}`);
  return Number(/^\w+ +\d+ (\d+) /m.exec(stdout)?.[1]);
}

/** Seconds that the mapping of a private endpoint would live. */
function mappingLeft(protocol: string, [address, port]: Endpoint): number {
  const listed = spaces.gw.run("nft", "list map inet gatewayd mapping");
  const [, minutes = "0", seconds = "0"] =
    new RegExp(
      `${protocol} \\. ${address.replaceAll(".", "\\.")} \\. ${port} timeout \\S+ expires (?:(\\d+)m)?(?:(\\d+)s)?`,
    ).exec(listed) ?? [];
  return Number(minutes) * 60 + Number(seconds);
}

/** A mapping as it is when it has been silent until 20 s before its end. */
async function age(protocol: string, [address, port]: Endpoint, outer: Endpoint): Promise<void> {
  const inner = `${protocol} . ${address} . ${port}`;
  const outside = `${outer[0]} . ${protocol} . ${outer[1]}`;
  const old = "timeout 5m expires 20s";
  await spaces.gw.nft(`delete element inet gatewayd mapping { ${inner} }
delete element inet gatewayd endpoints { ${outside} }
add element inet gatewayd mapping { ${inner} ${old} : ${outer[0]} . ${outer[1]} }
add element inet gatewayd endpoints { ${outside} ${old} : ${address} . ${port} }
`);
}

describe("a mapping", () => {
  const own: Endpoint = [H1, 46_000];

  test("lives for five minutes, and what goes out begins them anew", async () => {
    shows("RFC 4787 REQ-5", "RFC 4787 REQ-5c", "RFC 4787 REQ-6");
    const [seen = ""] = await seenBy(udp, own, [[S1, A]]);
    for (const left of [flowLeft("udp", own[1]), mappingLeft("udp", own)]) {
      expect(left).toBeLessThanOrEqual(300);
      expect(left).toBeGreaterThan(200);
    }
    await age("udp", own, endpointOf(seen));
    expect(mappingLeft("udp", own)).toBeLessThanOrEqual(20);
    expect(await seenBy(udp, own, [[S1, A]])).toEqual([seen]);
    expect(mappingLeft("udp", own)).toBeGreaterThan(200);
    // To another destination, with no flow of the first one left.
    await age("udp", own, endpointOf(seen));
    spaces.gw.attempt("conntrack", "-F");
    expect(await seenBy(udp, own, [[S2, A]])).toEqual([seen]);
    expect(mappingLeft("udp", own)).toBeGreaterThan(200);
  });

  test("that everybody may send to is not prolonged by what comes in", async () => {
    shows("RFC 7857 §7");
    const [seen = ""] = await seenBy(udp, own, [[S1, A]]);
    await age("udp", own, endpointOf(seen));
    const heard = async (): Promise<readonly string[]> => (await udp.ask({ heard: own })) as string[];
    const before = (await heard()).filter((from) => from === `${S2}:${A}`).length;
    await world.ask({ answerFrom: [S2, A], to: endpointOf(seen) });
    while ((await heard()).filter((from) => from === `${S2}:${A}`).length === before);
    expect(mappingLeft("udp", own)).toBeLessThanOrEqual(20);
  });

  test("of TCP lets in no UDP, and one of UDP no TCP", async () => {
    shows("RFC 7857 §5", "RFC 7857 §6");
    const both: Endpoint = [H1, 46_100];
    const [byTcp = ""] = await seenBy(tcp, both, [[S1, A]]);
    await udp.ask({ heard: both });
    await world.ask({ answerFrom: [S2, A], to: endpointOf(byTcp) });
    // By a mapping of UDP, what comes behind it is let in.
    const [marker = ""] = await seenBy(udp, [H1, 46_101], [[S1, A]]);
    await world.ask({ answerFrom: [S2, A], to: endpointOf(marker) });
    while (((await udp.ask({ heard: [H1, 46_101] })) as string[]).length < 2);
    expect(await udp.ask({ heard: both })).toEqual([]);
    expect(spaces.gw.run("nft", "list map inet gatewayd endpoints")).not.toContain(
      `${endpointOf(byTcp)[0]} . udp . ${endpointOf(byTcp)[1]} `,
    );
  });
});

describe("ICMP queries", () => {
  const ping = (own: string, to: string, ...more: readonly string[]): boolean =>
    spaces.hosts.attempt("ping", "-c1", "-W5", "-I", own, ...more, to).status === 0;
  /** The external identifier that a private one has towards a server. */
  function external(own: string, to: string, id: number): string | undefined {
    const { stdout } = spaces.gw.attempt("conntrack", "-L", "-p", "icmp", "-s", own, "-d", to);
    return new RegExp(`code=0 id=${id} .*type=0 code=0 id=(\\d+)`).exec(stdout)?.[1];
  }

  test("and their answers pass, and may be a minute apart", () => {
    shows("RFC 5508 REQ-1", "RFC 5508 REQ-2", "RFC 5508 REQ-10a");
    expect(ping(H1, S1, "-e", "700")).toBe(true);
    const { stdout } = spaces.gw.attempt("conntrack", "-L", "-p", "icmp", "-s", H1);
    const left = Number(/^icmp +1 (\d+) /m.exec(stdout)?.[1]);
    expect(left).toBeLessThanOrEqual(60);
    expect(left).toBeGreaterThan(20);
  });

  test("have the identifier that they have inside, whomever they ask, unless another host asks it with the same", () => {
    shows("RFC 5508 REQ-1a");
    for (const server of [S1, S2]) expect(ping(H1, server, "-e", "800")).toBe(true);
    for (const server of [S1, S2]) expect(external(H1, server, 800)).toBe("800");
    expect(ping(H2, S1, "-e", "800")).toBe(true);
  });
});

test("a RST that answers what came in does not prolong a mapping", async () => {
  shows("RFC 7857 §7.1");
  const own: Endpoint = [H1, 46_200];
  const [seen = ""] = await seenBy(tcp, own, [[S1, A]]);
  await age("tcp", own, endpointOf(seen));
  const outside = spaces.world.start(process.execPath, fileURLToPath(new URL("tcp.mjs", import.meta.url)));
  const stranger: Endpoint = [S2, 46_201];
  await outside.ask({ begin: stranger, to: endpointOf(seen) });
  expect(await outside.ask({ outcome: stranger, to: endpointOf(seen) })).toBe("ECONNREFUSED");
  expect(mappingLeft("tcp", own)).toBeLessThanOrEqual(20);
});
