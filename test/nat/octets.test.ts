/**
 * What no ordinary program sends, octet by octet: host - inner router - gw - outer router - server. What arrives is seen on
 * the wire.
 */

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { parseAddress, parsePrefix } from "../../src/bgp/net/text.ts";
import { load } from "../../src/config/load.ts";
import { EMPTY_NAT, type NatTable } from "../../src/nat/table.ts";
import { shows } from "../requirements/shows.ts";
import { install } from "./five.ts";
import {
  ICMP,
  type Ipv4,
  icmp,
  internetSum,
  ipv4,
  MORE_FRAGMENTS,
  type Parsed,
  parsed,
  quoted,
  UDP,
  udp,
} from "./octets.ts";
import { type Mapped, Wires } from "./wires.ts";

const [HOST, NEIGHBOUR, SERVER, ELSEWHERE] = ["10.65.0.13", "10.65.0.14", "203.0.113.1", "203.0.113.77"];
const [POOLED, FLOATING] = ["192.0.2.10", "192.0.2.20"];
const PRIVATE = [parsePrefix("10.65.0.0/16")!];

const POOL: NatTable = {
  ...EMPTY_NAT,
  private: PRIVATE,
  exempt: PRIVATE,
  inside: PRIVATE,
  pools: [
    {
      name: "default",
      private: PRIVATE,
      draining: false,
      addresses: [parseAddress(POOLED)!],
      ports: { first: 1024, last: 65_535 },
      mapping: "endpointIndependent",
      filtering: "addressAndPortDependent",
    },
  ],
};
const ONE_TO_ONE: NatTable = {
  ...EMPTY_NAT,
  floating: [{ floating: parseAddress(FLOATING)!, fixed: parseAddress(HOST)!, egress: "floating" }],
  exempt: PRIVATE,
  inside: PRIVATE,
};

let wires: Wires;

beforeAll(async () => {
  wires = await Wires.lay("oct", [HOST, SERVER]);
  wires.spaces.gw.run("ip", "route", "add", "blackhole", POOLED);
});

afterAll(() => wires.remove());

const text = (words: string): Buffer => Buffer.from(words);

/** But for what a kernel says of a marker that came to a port which is closed by then: that has precedence 6 (RFC 1812 §4.3.2.5). */
const icmpOf = (packets: readonly Parsed[]): readonly Parsed[] =>
  packets.filter(({ protocol, tos }) => protocol === ICMP && tos !== 0xc0);

/** A datagram that left by a mapping, as the world saw it; one that came to it, as the host saw it. */
const left = ({ as, outer }: Mapped, changes: Partial<Ipv4> = {}): Buffer =>
  ipv4({
    source: as,
    destination: SERVER,
    protocol: UDP,
    payload: udp(outer, 7000, Buffer.alloc(8)),
    ...changes,
  });
const came = ({ inner }: Mapped): Buffer =>
  ipv4({ source: SERVER, destination: HOST, protocol: UDP, payload: udp(7000, inner, Buffer.alloc(8)) });

/** From a router on the way. */
const errorTo = (destination: string, message: Buffer): Buffer =>
  ipv4({ source: ELSEWHERE, destination, protocol: ICMP, payload: message });
const errorFromHost = (message: Buffer): Buffer =>
  ipv4({ source: HOST, destination: SERVER, protocol: ICMP, payload: message });

const within = ({ payload }: Parsed): Parsed => parsed(payload.subarray(8));

const THROUGH = [
  ["a pool", POOL],
  ["a floating IP", ONE_TO_ONE],
] as const;

/** Flows through what the table translates, one for the tests of a suite. */
function flowThrough(table: NatTable): { readonly flow: Mapped } {
  let flow: Mapped | undefined;
  beforeAll(async () => {
    await install(wires.spaces, table);
    flow = await wires.mapped();
  });
  return {
    get flow() {
      if (flow === undefined) throw new Error("there is no flow");
      return flow;
    },
  };
}

describe.each(THROUGH)("errors from outside about what went through %s", (_, table) => {
  const through = flowThrough(table);

  test("one with a wrong checksum does not arrive, nor does one about no mapping", async () => {
    shows("RFC 5508 REQ-3", "RFC 5508 REQ-4");
    const { flow } = through;
    const stranger = { ...flow, outer: flow.outer === 1024 ? 1025 : flow.outer - 1 };
    const seen = await wires.inwards(
      flow,
      errorTo(flow.as, icmp(3, 1, 0, quoted(left(flow)), true)),
      errorTo(flow.as, icmp(3, 1, 0, quoted(left(stranger)))),
      errorTo(flow.as, icmp(11, 0, 0, quoted(left(flow)))),
    );
    expect(icmpOf(seen).map(({ payload }) => [payload[0], payload[1]])).toEqual([[11, 0]]);
  });

  test("options within are passed over, the checksum of UDP within is not looked at", async () => {
    shows("RFC 5508 REQ-3b", "RFC 5508 REQ-3c");
    const { flow } = through;
    const options = Buffer.from([1, 1, 1, 0]);
    const wrong = udp(flow.outer, 7000, Buffer.alloc(8), 0x1234);
    const seen = icmpOf(
      await wires.inwards(
        flow,
        errorTo(flow.as, icmp(3, 1, 0, quoted(left(flow, { options, payload: wrong })))),
      ),
    );
    expect(seen.map(within)).toMatchObject([{ source: HOST, destination: SERVER, options }]);
    expect(seen.map(({ payload }) => internetSum(payload))).toEqual([0]);
    expect(within(seen[0]!).payload.readUInt16BE(0)).toBe(flow.inner);
  });

  test("extensions behind the packet within stay as they are", async () => {
    shows("RFC 5508 REQ-3d");
    const { flow } = through;
    // RFC 4884: the packet within takes 32 words, and behind them stands an object of a class for experiments.
    const object = Buffer.from([0, 8, 247, 1, 1, 2, 3, 4]);
    const extension = Buffer.concat([Buffer.from([0x20, 0, 0, 0]), object]);
    extension.writeUInt16BE(internetSum(extension), 2);
    const body = Buffer.concat([left(flow), Buffer.alloc(128 - left(flow).length), extension]);
    const [seen] = icmpOf(await wires.inwards(flow, errorTo(flow.as, icmp(3, 1, 32 << 16, body))));
    expect(seen?.payload.subarray(8 + 128)).toEqual(extension);
    expect(internetSum(seen!.payload)).toBe(0);
    expect(within(seen!).source).toBe(HOST);
  });

  test("a wrong checksum of the header within is as wrong when it arrives", async () => {
    shows("RFC 5508 REQ-3a");
    const { flow } = through;
    const seen = icmpOf(
      await wires.inwards(flow, errorTo(flow.as, icmp(3, 1, 0, quoted(left(flow, { wrongSum: true }))))),
    );
    expect(seen.map(({ payload }) => internetSum(payload.subarray(8, 28)))).not.toEqual([0]);
    expect(seen).toHaveLength(1);
  });
});

describe.each(THROUGH)("of a host that is behind %s", (_, table) => {
  const through = flowThrough(table);

  test("an error about no mapping does not leave, nor does one with a wrong checksum", async () => {
    shows("RFC 5508 REQ-3", "RFC 5508 REQ-5");
    const { flow } = through;
    const seen = icmpOf(
      await wires.outwards(
        flow,
        errorFromHost(icmp(3, 3, 0, quoted(came({ ...flow, inner: flow.inner + 5000 })))),
        errorFromHost(icmp(3, 3, 0, quoted(came(flow)), true)),
        errorFromHost(icmp(3, 3, 0, quoted(came(flow)))),
      ),
    );
    expect(seen.map(({ source }) => source)).toEqual([flow.as]);
    expect(within(seen[0]!).destination).toBe(flow.as);
  });

  test("others than queries and errors, and those that nobody wants any more, pass in neither direction", async () => {
    shows("RFC 5508 REQ-10c", "RFC 5508 REQ-11");
    const { flow } = through;
    const refused = [
      icmp(9, 0, 0x01020708, Buffer.alloc(8)),
      icmp(40, 0, 0, Buffer.alloc(8)),
      icmp(15, 0, 77 << 16, Buffer.alloc(0)),
    ];
    const out = await wires.outwards(
      flow,
      ...[...refused, icmp(4, 0, 0, quoted(came(flow)))].map(errorFromHost),
    );
    expect(icmpOf(out)).toEqual([]);
    const quench = icmp(4, 0, 0, quoted(left(flow)));
    const into = await wires.inwards(
      flow,
      ...[...refused, quench].map((message) => errorTo(flow.as, message)),
    );
    expect(icmpOf(into)).toEqual([]);
  });

  test("Timestamp and Parameter Problem pass", async () => {
    shows("RFC 5508 REQ-10b");
    const { flow } = through;
    const stamp = text("stamp....");
    const [query] = icmpOf(
      await wires.outwards(
        flow,
        errorFromHost(icmp(13, 0, 4711 << 16, Buffer.concat([stamp, Buffer.alloc(3)]))),
      ),
    );
    expect(query).toMatchObject({ source: flow.as });
    // The answer has when it was asked in it.
    expect((await wires.heard(stamp.subarray(0, 4))).at(-1)?.payload[0]).toBe(14);
    const problem = icmp(12, 0, 1 << 24, quoted(left(flow)));
    const seen = icmpOf(await wires.inwards(flow, errorTo(flow.as, problem)));
    expect(seen.map(({ payload }) => payload[0])).toEqual([12]);
  });
});

/** The queries of the host as they are tracked. */
const queries = (): string => wires.spaces.gw.attempt("conntrack", "-L", "-p", "icmp", "-s", HOST).stdout;

const echo = (id: number, to = SERVER): Buffer =>
  ipv4({ source: HOST, destination: to, protocol: ICMP, payload: icmp(8, 0, id << 16, text(`echo ${id}`)) });

describe("queries through a pool", () => {
  beforeEach(() => install(wires.spaces, POOL));

  test("an error about one neither prolongs nor ends it", async () => {
    shows("RFC 5508 REQ-6");
    const flow = await wires.mapped();
    const [asked] = icmpOf(await wires.outwards(flow, echo(900)));
    wires.spaces.gw.run("conntrack", "-U", "-p", "icmp", "-s", HOST, "-t", "40");
    const about = ipv4({ source: POOLED, destination: SERVER, protocol: ICMP, payload: asked!.payload });
    const seen = icmpOf(await wires.inwards(flow, errorTo(POOLED, icmp(11, 0, 0, quoted(about)))));
    expect(seen.filter(({ payload }) => payload[0] === 11)).toHaveLength(1);
    const [, seconds] = /^icmp +1 (\d+) /m.exec(queries()) ?? [];
    expect(Number(seconds)).toBeLessThanOrEqual(40);
  });

  test("the mapping of one is there for its flow alone", async () => {
    shows("RFC 7857 §11");
    const flow = await wires.mapped();
    const [asked] = icmpOf(await wires.outwards(flow, echo(901)));
    await wires.heard(text("echo 901"));
    wires.spaces.gw.run("conntrack", "-D", "-p", "icmp", "-s", HOST);
    const late = icmp(0, 0, asked!.payload.readUInt32BE(4), text("echo 901"));
    const seen = await wires.inwards(
      flow,
      ipv4({ source: SERVER, destination: POOLED, protocol: ICMP, payload: late }),
    );
    expect(icmpOf(seen)).toEqual([]);
  });

  test("one of a floating IP turns round; one of a pool's address reaches nobody", async () => {
    shows("RFC 7857 §12");
    const floating = [{ ...ONE_TO_ONE.floating[0]!, fixed: parseAddress(NEIGHBOUR)! }];
    await install(wires.spaces, { ...POOL, floating });
    wires.spaces.host.run("ping", "-c1", "-W30", "-I", HOST, FLOATING);
    expect(queries()).toContain(`src=${NEIGHBOUR} dst=${POOLED} `);
    await wires.outwards(await wires.mapped(), echo(902, POOLED), echo(902));
    expect(queries()).toContain(`dst=${SERVER} type=8`);
    expect(queries()).not.toContain(`dst=${POOLED} type=8`);
  });
});

describe("a connection through a pool", () => {
  beforeEach(() => install(wires.spaces, POOL));

  test("no error ends a connection, or the mapping of one", async () => {
    shows("RFC 5382 REQ-10");
    const flow = await wires.mapped();
    const own = wires.freshPort();
    const connection = [
      [HOST, own],
      [SERVER, 7000],
    ];
    await wires.host.ask({ open: connection });
    const tracked = (): string =>
      wires.spaces.gw.run("conntrack", "-L", "-p", "tcp", "--orig-port-src", `${own}`);
    const [, outer] = /dst=192\.0\.2\.10 sport=7000 dport=(\d+)/.exec(tracked()) ?? [];
    const segment = Buffer.alloc(20);
    segment.writeUInt16BE(Number(outer), 0);
    segment.writeUInt16BE(7000, 2);
    segment[12] = 0x50;
    const about = quoted(ipv4({ source: POOLED, destination: SERVER, protocol: 6, payload: segment }));
    const errors = [
      ...[0, 1, 2, 3, 13].map((code) => icmp(3, code, 0, about)),
      ...[icmp(11, 0, 0, about), icmp(11, 1, 0, about), icmp(12, 0, 0, about)],
    ];
    const seen = await wires.inwards(flow, ...errors.map((message) => errorTo(POOLED, message)));
    expect(icmpOf(seen)).toHaveLength(errors.length);
    expect(tracked()).toContain("ESTABLISHED");
    const answer = await wires.host.ask({ tcp: connection, octets: 1000 });
    expect(answer).toEqual({ seen: `${POOLED}:${outer} 1000` });
  });
});

describe("of the gateway's own errors", () => {
  beforeAll(() => install(wires.spaces, POOL));
  const expiring = ({ inner }: Mapped, data: string, tos = 0): Buffer =>
    ipv4({
      ...{ source: HOST, destination: SERVER, protocol: UDP, tos, ttl: 2 },
      payload: udp(inner, 7000, text(data)),
    });
  /** All up to that about `data`. */
  const errorsUpTo = async (data: string): Promise<readonly Parsed[]> =>
    (await wires.heard(text(data))).filter(({ source }) => source === "10.66.0.2");

  test("none answers an error; others have the type of service that they are about, and precedence 6", async () => {
    shows("RFC 5508 REQ-10d", "RFC 5508 REQ-10e");
    const flow = await wires.mapped();
    const payload = icmp(3, 3, 0, quoted(came(flow)));
    const error = ipv4({ source: HOST, destination: SERVER, protocol: ICMP, payload, ttl: 2 });
    await wires.sendFromHost([error, expiring(flow, "the only one", 0x10)]);
    const errors = await errorsUpTo("the only one");
    expect(errors).toMatchObject([{ tos: 0xd0 }]);
  });

  test("there are fewer than what they are about, when that comes fast", async () => {
    shows("RFC 5508 REQ-10f");
    const flow = await wires.mapped();
    // One a minute behind the first six.
    wires.spaces.gw.run("sysctl", "-qw", "net.ipv4.icmp_ratelimit=60000");
    await wires.sendFromHost(Array.from({ length: 50 }, () => expiring(flow, "one of many")));
    wires.spaces.gw.run("sysctl", "-qw", "net.ipv4.icmp_ratelimit=0");
    await wires.sendFromHost([expiring(flow, "the last one")]);
    expect((await errorsUpTo("the last one")).length).toBeLessThan(50);
  });
});

describe("fragments", () => {
  beforeAll(() => install(wires.spaces, POOL));

  test("what is too large for the next link leaves in fragments, in order", async () => {
    shows("RFC 4787 REQ-13a");
    const flow = await wires.mapped();
    wires.spaces.gw.run("ip", "link", "set", "outer", "mtu", "600");
    const large = ipv4({
      source: HOST,
      destination: SERVER,
      protocol: UDP,
      payload: udp(flow.inner, 7000, Buffer.alloc(1400)),
    });
    const seen = (await wires.outwards(flow, large)).filter(({ protocol }) => protocol === UDP);
    wires.spaces.gw.run("ip", "link", "set", "outer", "mtu", "1500");
    expect(
      seen.map(({ source, fragment }) => [source, fragment & 0x1fff, fragment & MORE_FRAGMENTS]),
    ).toEqual([
      [POOLED, 0, MORE_FRAGMENTS],
      [POOLED, 72, MORE_FRAGMENTS],
      [POOLED, 144, 0],
    ]);
  });

  test("an attack with them fills what is kept for them alone: whole packets pass", async () => {
    shows("RFC 4787 REQ-14a");
    const flow = await wires.mapped();
    const fragment = (identification: number): Buffer =>
      ipv4({
        source: SERVER,
        destination: POOLED,
        protocol: UDP,
        identification,
        fragment: MORE_FRAGMENTS,
        payload: udp(7000, flow.outer, Buffer.alloc(24)),
      });
    const limit = ["net.ipv4.ipfrag_low_thresh=49152", "net.ipv4.ipfrag_high_thresh=65536"];
    wires.spaces.gw.run("sysctl", "-qw", ...limit);
    const attack = Array.from({ length: 1000 }, (_, i) => fragment(i + 1));
    // The marker behind them passed.
    expect(
      (await wires.inwards(flow, ...attack)).filter(({ fragment }) => (fragment & MORE_FRAGMENTS) !== 0),
    ).toEqual([]);
    const [, kept] = /FRAG: inuse (\d+)/.exec(wires.spaces.gw.run("cat", "/proc/net/sockstat")) ?? [];
    expect(Number(kept)).toBeGreaterThan(0);
    expect(Number(kept)).toBeLessThan(attack.length);
  });
});

test("external addresses are configured, and those that are private ones too are refused", () => {
  shows("RFC 4787 REQ-7");
  const file = (pool: string): string => `bgp: { asn: 65000, routerId: 192.0.2.1 }
nat: { private: [10.65.0.0/16], pools: [{ name: default, addresses: [${pool}] }] }
`;
  const options = { file: "gateway.yaml", hostname: "gw1" };
  expect(load(file("192.0.2.10"), options).ok).toBe(true);
  expect(load(file("10.65.7.1"), options)).toMatchObject({
    ok: false,
    errors: [{ message: expect.stringContaining("nat.private 10.65.0.0/16") }],
  });
});
