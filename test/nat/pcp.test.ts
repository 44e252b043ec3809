/** A whole gateway that private hosts ask for mappings: by Debian's natpmpc, and by octets as RFC 6887 draws them. */

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { NatMappingsAnswer } from "../../src/api/nat-schema.ts";
import type { Alg } from "../../src/model/alg.ts";
import { type Daemon, eventually, Lab } from "../daemon/lab.ts";
import { shows } from "../requirements/shows.ts";
import { CONTROLS, TFTP } from "./algs.ts";
import type { LineProcess } from "./namespace.ts";
import {
  A,
  type Endpoint,
  endpointOf,
  H1,
  H2,
  removeAll,
  S1,
  S2,
  seenBy,
  type TwoHosts,
  twoHosts,
} from "./two-hosts.ts";

const GATEWAY = "10.65.255.1";
const POOLED = "198.51.100.10";
const FLOATING = "172.16.1.3";
const LIMIT_MS = 60_000;

let spaces: TwoHosts;
let lab: Lab;
let daemon: Daemon;
let hosts: LineProcess;
let world: LineProcess;
let clients: LineProcess;

beforeAll(async () => {
  spaces = twoHosts("pcp");
  spaces.world.run("ip", "route", "add", `${FLOATING}/32`, "via", "203.0.113.254");
  // The gateway makes its own.
  for (const pooled of ["198.51.100.10", "198.51.100.11"])
    spaces.gw.run("ip", "route", "del", "blackhole", pooled);
  const script = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
  hosts = spaces.hosts.start(process.execPath, script("stun.mjs"));
  world = spaces.world.start(process.execPath, script("stun.mjs"));
  clients = spaces.hosts.start(process.execPath, script("datagram.mjs"));
  await world.ask({ listen: [S1, A] });
  for (const own of [
    [H1, 7000],
    [H2, 7000],
    [H1, 7300],
  ])
    await hosts.ask({ listen: own });
  await clients.ask({ hear: 5350 });
  lab = new Lab();
  daemon = await start();
}, LIMIT_MS);

afterAll(async () => {
  await lab.remove();
  await removeAll(spaces);
});

const fileOf = (nat: object = {}): object => ({
  role: "gateway",
  hostname: "gw",
  bgp: { asn: 65_000, routerId: "192.0.2.1", listen: { addresses: [] } },
  nat: {
    private: ["10.65.0.0/16"],
    pools: [{ name: "default", addresses: [POOLED] }],
    pcp: { listen: [GATEWAY], mappingsPerAddress: 3 },
    ...nat,
  },
  api: { socket: lab.path("gw.sock") },
  store: { type: "none" },
});

async function start(): Promise<Daemon> {
  const file = lab.write("gw.yaml", fileOf());
  const started = await lab.start(file, lab.path("gw.sock"), ["ip", "netns", "exec", spaces.gw.name]);
  await eventually(
    "it is known which mappings there are",
    async () => (await known(started)).epochSeconds !== undefined,
  );
  return started;
}

const known = (from = daemon): Promise<NatMappingsAnswer> => from.get("/api/v1/nat/mappings");
const mappings = async (): Promise<readonly string[]> =>
  (await known()).mappings.map((m) => `${m.protocol} ${m.private} ${m.public}`);

const NONCE = "000102030405060708090a0b";
const MAPPED = "00000000000000000000ffff";
const octetsOf = (address: string): string =>
  address
    .split(".")
    .map((part) => Number(part).toString(16).padStart(2, "0"))
    .join("");
const hex = (value: number, octets: number): string => value.toString(16).padStart(2 * octets, "0");

interface Wanted {
  readonly client?: string;
  readonly from?: string;
  readonly port: number;
  readonly external?: number;
  readonly seconds?: number;
  readonly nonce?: string;
  readonly protocol?: number;
  readonly options?: string;
  readonly opcode?: number;
}

interface Got {
  readonly result: number;
  readonly seconds: number;
  readonly epoch: number;
  readonly port: number;
  readonly address: string;
}

/** A MAP request as the figures 2 and 9 of RFC 6887 draw it, and what its answer says. */
async function map({
  from = H1,
  client = from,
  port,
  external = 0,
  seconds = 3600,
  ...more
}: Wanted): Promise<Got> {
  const { nonce = NONCE, protocol = 17, options = "", opcode = 1 } = more;
  const suggested = external === 0 ? `${MAPPED}00000000` : `${MAPPED}${octetsOf(POOLED)}`;
  const request = `02${hex(opcode, 1)}0000${hex(seconds, 4)}${MAPPED}${octetsOf(client)}${nonce}${hex(protocol, 1)}000000${hex(port, 2)}${hex(external, 2)}${suggested}${options}`;
  const answer = Buffer.from(
    (await clients.ask({ from, to: [GATEWAY, 5351], octets: request })) as string,
    "hex",
  );
  expect([answer[0], answer[1]]).toEqual([2, 0x80 | opcode]);
  return {
    result: answer[3]!,
    seconds: answer.readUInt32BE(4),
    epoch: answer.readUInt32BE(8),
    port: answer.readUInt16BE(42),
    address: [...answer.subarray(56, 60)].join("."),
  };
}

/** CI has it; elsewhere it may be missing, and what it shows is shown by octets too. */
const lacksNatpmpc = process.env["CI"] !== "true" && spawnSync("natpmpc", ["-h"]).error !== undefined;
if (lacksNatpmpc) test.skip("needs natpmpc");
const natpmpc = (...args: readonly string[]): string => spaces.hosts.run("natpmpc", "-g", GATEWAY, ...args);

/** Who in the world reaches an endpoint, seen from within. */
const reach = async (own: Endpoint, to: Endpoint): Promise<unknown> =>
  ((await world.ask({ ask: own, to: [to] })) as unknown[])[0];

test("a gateway that remembers nothing tells all hosts so", async () => {
  await eventually("an announcement", async () =>
    ((await clients.ask({ heard: 5350 })) as string[]).some((octets) =>
      octets.startsWith("0280000000000000"),
    ),
  );
});

test(
  "a mapping of PCP lets everybody in, and is what its host looks like outside",
  async () => {
    shows("RFC 6888 REQ-9");
    const made = await map({ port: 7000, external: 7100 });
    expect(made).toMatchObject({ result: 0, seconds: 3600, port: 7100, address: POOLED });
    expect(await mappings()).toEqual([`udp ${H1}:7000 ${POOLED}:7100`]);
    // S2 was never spoken to.
    expect(await reach([S2, 9000], [POOLED, 7100])).toBe(`${S2}:9000`);
    expect(await seenBy(hosts, [H1, 7000], [[S1, A]])).toEqual([`${POOLED}:7100`]);
    const dry = ["--protocol", "udp", "--sport", "9000", "--dport", "7100", "-o", "json"];
    const traced = JSON.parse((await daemon.gwctl("nat", "trace", S2, POOLED, ...dry)).stdout);
    expect(traced).toMatchObject({
      verdict: "translated",
      destination: { address: H1, ports: "7000" },
      programmed: true,
    });
    const shown = await daemon.gwctl("nat", "mappings");
    expect(shown.stdout).toMatch(/^udp +10\.65\.0\.13:7000 +198\.51\.100\.10:7100 +/m);
  },
  LIMIT_MS,
);

test(
  "nobody else gets what was granted: not by asking, and not by sending",
  async () => {
    const second = await map({ from: H2, port: 7000, external: 7100, nonce: "ff".repeat(12) });
    expect(second).toMatchObject({ result: 0, address: POOLED });
    expect(second.port).not.toBe(7100);
    // PREFER_FAILURE: CANNOT_PROVIDE_EXTERNAL.
    expect((await map({ from: H2, port: 7001, external: 7100, options: "02000000" })).result).toBe(11);
    const [seen = ""] = await seenBy(hosts, [H2, 7100], [[S1, A]]);
    expect(endpointOf(seen)[1]).not.toBe(7100);
  },
  LIMIT_MS,
);

test("only who knows the nonce changes or ends it, and only its own", async () => {
  expect(await map({ port: 7000, seconds: 0, nonce: "ee".repeat(12) })).toMatchObject({ result: 2 });
  expect(await map({ client: H2, from: H1, port: 7000, seconds: 0 })).toMatchObject({ result: 12 });
  expect(await mappings()).toContain(`udp ${H1}:7000 ${POOLED}:7100`);
});

/** Section 7.4: who asks knows that asking again is of no use, and what it is that there is none of. */
test.each([
  ["PEER", { opcode: 2 }, 4],
  ["THIRD_PARTY", { options: `01000010${MAPPED}${octetsOf(H2)}` }, 5],
  ["FILTER", { options: `03000014 0080 0000 ${MAPPED}${octetsOf(S1)}`.replaceAll(" ", "") }, 5],
  ["SCTP", { protocol: 132 }, 9],
  ["all ports of an address", { port: 0 }, 2],
])("%s is refused by name, and changes nothing", async (_, wanted, result) => {
  const before = await mappings();
  expect(await map({ port: 7009, ...wanted })).toMatchObject({ result, seconds: 1800 });
  expect(await mappings()).toEqual(before);
});

test(
  "a mapping outlives gatewayd and netd, with its nonce and the time that clients count",
  async () => {
    const { epoch } = await map({ port: 7000, external: 7100 });
    await daemon.kill();
    daemon = await start();
    expect(await mappings()).toContain(`udp ${H1}:7000 ${POOLED}:7100`);
    expect(await map({ port: 7000, seconds: 0, nonce: "ee".repeat(12) })).toMatchObject({ result: 2 });
    const renewed = await map({ port: 7000, seconds: 7200 });
    expect(renewed).toMatchObject({ result: 0, port: 7100, seconds: 7200 });
    expect(renewed.epoch).toBeGreaterThanOrEqual(epoch);
  },
  LIMIT_MS,
);

test(
  "what somebody deletes is put back",
  async () => {
    spaces.gw.run("nft", "delete", "table", "inet", "gatewayd");
    await eventually("the mapping is back", () =>
      spaces.gw.attempt("nft", "list", "map", "inet", "gatewayd", "granted").stdout.includes("7100"),
    );
    expect(await reach([S2, 9001], [POOLED, 7100])).toBe(`${S2}:9001`);
    expect(await map({ port: 7000, seconds: 0 })).toMatchObject({ result: 0 });
    await map({ from: H2, port: 0, seconds: 0, nonce: "ff".repeat(12) });
    expect(await mappings()).toEqual([]);
  },
  LIMIT_MS,
);

test.skipIf(lacksNatpmpc)(
  "natpmpc asks for an address, a mapping and its end",
  async () => {
    shows("RFC 6888 REQ-9");
    expect(natpmpc()).toContain(`Public IP address : ${POOLED}`);
    expect(natpmpc("-a", "7200", "7300", "udp", "600")).toMatch(
      /Mapped public port 7200 protocol UDP to local port 7300 liftime 600/,
    );
    expect(await reach([S2, 9002], [POOLED, 7200])).toBe(`${S2}:9002`);
    natpmpc("-a", "7200", "7300", "udp", "0");
    expect(await mappings()).toEqual([]);
  },
  LIMIT_MS,
);

test("an address has so many mappings and no more; deleting all of them makes room", async () => {
  for (const port of [8001, 8002, 8003])
    expect(await map({ port, protocol: 6 })).toMatchObject({ result: 0 });
  expect(await map({ port: 8004, protocol: 6 })).toMatchObject({ result: 10, seconds: 30 });
  expect(await map({ port: 0, protocol: 6, seconds: 0 })).toMatchObject({ result: 0 });
  expect(await mappings()).toEqual([]);
  expect(await map({ port: 8004, protocol: 6 })).toMatchObject({ result: 0 });
});

test(
  "FTP in active mode: off, what is said passes as it is; on, the address in it and the data connection are translated",
  async () => {
    shows("RFC 4787 REQ-10a", "RFC 5382 REQ-6");
    const script = fileURLToPath(new URL("ftp.mjs", import.meta.url));
    const [server, client] = [spaces.world, spaces.hosts].map((space) =>
      space.start(process.execPath, script),
    );
    await server!.ask({ serve: [S1, 21] });
    const active = (port: number): Promise<unknown> => client!.ask({ port: [H1, port], to: [S1, 21] });
    expect(await active(6000)).toEqual({ said: `PORT ${H1.replaceAll(".", ",")},23,112`, from: null });
    await switchTo("ftp");
    expect(await active(6001)).toEqual({ said: `PORT ${POOLED.replaceAll(".", ",")},23,113`, from: S1 });
  },
  LIMIT_MS,
);

/** The helpers that the rules set come to be these. */
async function switchTo(...algs: readonly Alg[]): Promise<void> {
  const floatingIps = [{ address: FLOATING, to: H2, egress: "floating" }];
  lab.write("gw.yaml", { ...fileOf({ alg: algs }), floatingIps });
  await daemon.reload();
  await eventually("the rules are there", () => {
    const { stdout } = spaces.gw.attempt("nft", "list", "chain", "inet", "gatewayd", "helpers");
    const set = [...stdout.matchAll(/ct helper set "([a-z\d]+)_/g)].map(([, alg]) => alg);
    return JSON.stringify([...new Set(set)].sort()) === JSON.stringify([...algs].sort());
  });
}

test(
  "each application-level gateway is switched by itself: what the others read passes as it is",
  async () => {
    shows("RFC 4787 REQ-10a");
    const script = fileURLToPath(new URL("control.mjs", import.meta.url));
    const server = spaces.world.start(process.execPath, script);
    const client = spaces.hosts.start(process.execPath, script);
    const hexOf = (all: readonly Buffer[]): readonly string[] => all.map((octets) => octets.toString("hex"));
    for (const { protocol, port, answers } of Object.values(CONTROLS))
      await server.ask({ serve: [S1, port], protocol, answers: hexOf(answers) });
    await server.ask({ serve: [S1, TFTP.port], protocol: "udp", answers: hexOf([TFTP.data]), from: 4069 });
    let port = 31_000;
    for (const on of [
      ["h323", "pptp"],
      ["irc", "sip", "tftp"],
    ] as const) {
      await switchTo(...on);
      for (const [host, external] of [
        [H1, POOLED],
        [H2, FLOATING],
      ] as const)
        for (const [alg, { says, heard = says, ...control }] of Object.entries(CONTROLS)) {
          const own: Endpoint = [host, ++port];
          const to = [S1, control.port];
          await client.ask({ say: hexOf(says(own)), own, to, protocol: control.protocol });
          const isOn = (on as readonly string[]).includes(alg);
          const expected = hexOf(isOn ? heard([external, port]) : says(own));
          expect([host, alg, await server.ask({ heard: to })]).toEqual([host, alg, expected]);
        }
    }
    const asked = { say: hexOf([TFTP.request]), own: [H1, ++port], to: [S1, TFTP.port], protocol: "udp" };
    expect(await client.ask(asked)).toEqual(hexOf([TFTP.data]));
  },
  LIMIT_MS,
);
