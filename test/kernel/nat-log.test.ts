/** Sessions that the kernel tells of, in files, syslog and IPFIX: nfcapd collects, nfdump says what it read. */

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseAddress, parsePrefix } from "../../src/bgp/net/text.ts";
import { NatLogs } from "../../src/daemon/records/nat-logs.ts";
import { NO_LIMITS } from "../../src/model/address-limits.ts";
import type { BlockPlan } from "../../src/model/blocks.ts";
import { type LogCollector, NO_NAT_LOG } from "../../src/model/nat-log.ts";
import { eventually } from "../daemon/lab.ts";
import { shows } from "../requirements/shows.ts";
import { available, useLab } from "./lab.ts";

const here = useLab("natlog");
const [NFCAPD, NFDUMP] = ["/usr/bin/nfcapd", "/usr/bin/nfdump"];
const lacksNfdump = !existsSync(NFCAPD);
const { CI } = process.env;
if (lacksNfdump && CI === "true") throw new Error("this test needs nfdump");
if (lacksNfdump) test.skip("needs nfdump");
const logTest = test.skipIf(!available || lacksNfdump);
const LOOPBACK = parseAddress("127.0.0.1")!;
/** Generous: what is waited for comes within a second where nobody else wants the machine. */
const LIMIT_MS = 60_000;
const LONG = { timeout: 5 * LIMIT_MS };

let folder: string;
const lines = (path: string): Record<string, unknown>[] =>
  existsSync(path)
    ? readFileSync(path, "utf8")
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as Record<string, unknown>)
    : [];

const file = (): string => join(folder, "logs", "nat.jsonl");

const SESSIONS = 40;
const BLOCKS: BlockPlan = {
  private: [parsePrefix("10.66.0.0/30")!],
  pools: [
    {
      ...{
        addresses: [parseAddress("198.51.100.11")!],
        ports: { first: 1024, last: 65_535 },
        blockSize: 512,
      },
    },
  ],
};

/** As the kernel has them of a pool: who opened them, and where answers go to. */
function insert(inner: string, number: number): void {
  here.lab.run(
    ...["conntrack", "-I", "-p", "udp", "-s", inner, "-d", "192.0.2.53", "--timeout", "300"],
    ...["-r", "192.0.2.53", "-q", "198.51.100.10", "--sport", String(5000 + number), "--dport", "53"],
    ...["--reply-port-src", "53", "--reply-port-dst", String(3000 + number)],
  );
}

/** A free port of this machine's loopback, as good as ours. */
async function freePort(): Promise<number> {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  const { port } = socket.address();
  socket.close();
  await once(socket, "close");
  return port;
}

type Collected = Readonly<Record<string, unknown>>;

/** nfcapd in a directory of its own. */
class Collector {
  readonly port: number;
  readonly #folder = mkdtempSync(join(folder, "nfcapd-"));
  readonly #child: ChildProcess;

  constructor(port: number) {
    this.port = port;
    this.#child = spawn(NFCAPD, ["-b", "127.0.0.1", "-p", String(port), "-w", this.#folder, "-t", "3600"], {
      stdio: ["ignore", "pipe", "pipe"],
    });
  }

  /** It says nothing when it listens: its port can be seen to be taken. */
  async listens(): Promise<void> {
    const wanted = `0100007F:${this.port.toString(16).toUpperCase().padStart(4, "0")}`;
    await eventually(
      "nfcapd listens",
      () => readFileSync("/proc/net/udp", "utf8").includes(wanted),
      LIMIT_MS,
    );
  }

  /** Ends it, so that its file is whole, and has nfdump read that. */
  async end(): Promise<Collected[]> {
    await this.kill("SIGTERM");
    const [file = ""] = readdirSync(this.#folder).filter((name) => name.startsWith("nfcapd."));
    const printed = execFileSync(NFDUMP, ["-r", join(this.#folder, file), "-o", "json", "-q"], {
      encoding: "utf8",
    });
    // With -q it leaves out the brackets as well.
    return JSON.parse(`[${printed}]`) as Collected[];
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill(signal);
    await once(this.#child, "exit");
  }
}

let collector: Collector | undefined;
let logs: NatLogs;
let stream: Server;
const syslogMessages: string[] = [];
let streamed = "";
const receiver = createSocket("udp4");

beforeAll(async () => {
  if (!available || lacksNfdump) return;
  folder = mkdtempSync(join(tmpdir(), "natlog-"));
  receiver.on("message", (message) => syslogMessages.push(message.toString()));
  receiver.bind(0, "127.0.0.1");
  await once(receiver, "listening");
  stream = createServer((socket) => {
    socket.setEncoding("latin1").on("data", (text: string) => {
      streamed += text;
    });
  });
  stream.listen(0, "127.0.0.1");
  await once(stream, "listening");
  collector = new Collector(await freePort());
  await collector.listens();
  logs = new NatLogs({
    source: here.kernel,
    hostname: "gw1",
    limits: () => ({ ...NO_LIMITS, sessionsPerAddress: 40 }),
    changed: () => undefined,
  });
});

afterAll(async () => {
  if (collector === undefined) return;
  await logs.close();
  await collector.kill("SIGKILL");
  receiver.close();
  stream.close();
  rmSync(folder, { recursive: true });
});

/** Messages of a stream that begin with templates (RFC 7011 §3). */
function templateSets(octets: Buffer): number {
  let found = 0;
  for (let at = 0; at < octets.length; at += octets.readUInt16BE(at + 2)) {
    expect(octets.readUInt16BE(at)).toBe(10);
    if (octets.readUInt16BE(at + 16) === 2) found++;
  }
  return found;
}

const udp = (port: number): LogCollector => ({ address: LOOPBACK, port, protocol: "udp" });

logTest("every session and its end is in the file, in syslog, and in what nfdump reads", LONG, async () => {
  shows("RFC 6888 REQ-12");
  if (collector === undefined) throw new Error("nfcapd does not run");
  const { port: streamPort } = stream.address() as { port: number };
  const ipfix = { templatesMs: 1000, domain: 7 };
  logs.set({
    ...NO_NAT_LOG,
    file: file(),
    syslog: [udp(receiver.address().port)],
    ipfix: [
      { ...udp(collector.port), ...ipfix },
      { ...udp(streamPort), protocol: "tcp", ...ipfix },
    ],
  });
  // What is told first is the proof that netd listens: before, sessions are nobody's concern.
  let probes = 0;
  await eventually(
    "the first session is told",
    () => {
      if (lines(file()).length > 0) return true;
      insert("10.65.0.14", probes++);
      return false;
    },
    LIMIT_MS,
  );
  here.lab.run("conntrack", "-D", "-p", "udp", "-s", "10.65.0.14");
  for (let i = 0; i < SESSIONS; i++) insert("10.65.0.13", 1000 + i);
  here.lab.run("conntrack", "-D", "-p", "udp", "-s", "10.65.0.13");

  const isEnd = (line: Record<string, unknown>): boolean =>
    line["event"] === "session.ended" && String(line["private"]).startsWith("10.65.0.13:");
  await eventually("every end is told", () => lines(file()).filter(isEnd).length === SESSIONS, LIMIT_MS);
  const told = lines(file());
  for (let i = 0; i < SESSIONS; i++) {
    const sides = { private: `10.65.0.13:${6000 + i}`, public: `198.51.100.10:${4000 + i}` };
    for (const event of ["session.created", "session.ended"])
      expect(told).toContainEqual({
        ...{ time: expect.any(String), event, protocol: "udp", direction: "out" },
        ...sides,
      });
  }
  // RFC 6888 REQ-12.
  expect(JSON.stringify(told)).not.toContain("192.0.2.53");

  const all = told.length;
  await eventually("syslog has as many", () => syslogMessages.length === all, LIMIT_MS);
  await eventually(
    "and nothing waits",
    () => logs.answer().outputs.every((o) => o.written === all),
    LIMIT_MS,
  );
  expect(logs.answer()).toMatchObject({
    lostInKernel: 0,
    outputs: [{ lost: 0 }, { lost: 0 }, { lost: 0 }, { lost: 0 }],
  });
  expect(logs.problem).toBeUndefined();
  // RFC 7011 §10.4.2.2: over a stream the templates are there once. A record has 23 octets.
  await eventually("the stream has all of it", () => streamed.length > all * 23, LIMIT_MS);
  expect(templateSets(Buffer.from(streamed, "latin1"))).toBe(1);
});

logTest(
  "whom a limit refuses is told once, a block when it is given, and nfdump has read all of it",
  LONG,
  async () => {
    if (collector === undefined) throw new Error("nfcapd does not run");
    const before = logs.answer().outputs[0]?.written ?? 0;
    await here.kernel.applyNat(
      [
        "add table inet gatewayd",
        "add set inet gatewayd over_sessions { type ipv4_addr; flags dynamic,timeout; timeout 1h; }",
        "add element inet gatewayd over_sessions { 10.65.0.77, 10.65.0.78 }",
      ].join("\n"),
    );
    await logs.look();
    await logs.look();
    logs.blocksChanged(undefined, BLOCKS);
    const all = before + 2 + 4;
    await eventually(
      "all of it is written",
      () => logs.answer().outputs.every(({ written }) => written === all),
      LIMIT_MS,
    );
    const told = lines(file()).slice(before);
    expect(told.slice(0, 2)).toMatchObject(
      ["10.65.0.77", "10.65.0.78"].map((inner) => ({
        ...{ event: "limit.hit", limit: "sessions", private: inner, most: 40 },
      })),
    );
    expect(told.slice(2)).toMatchObject(
      ["1024-1535", "1536-2047", "2048-2559", "2560-3071"].map((ports, i) => ({
        ...{ event: "block.given", private: `10.66.0.${i}`, public: "198.51.100.11", ports },
      })),
    );

    logs.set(NO_NAT_LOG);
    const collected = await collector.end();
    expect(collected).toHaveLength(all);
    const events = collected.map(({ nat_event }) => nat_event);
    expect(events.filter((event) => event === "Quota Exceeded")).toHaveLength(2);
    expect(events.filter((event) => event === "Port block allocation")).toHaveLength(4);
    // nfdump 1.7.1 does not print the ports of a block.
    expect(collected).toContainEqual(
      expect.objectContaining({ src4_addr: "10.66.0.3", src4_xlt_ip: "198.51.100.11" }),
    );
    for (let i = 0; i < SESSIONS; i++) {
      const session = { src4_addr: "10.65.0.13", src_port: 6000 + i, src4_xlt_ip: "198.51.100.10" };
      for (const nat_event of ["NAT44 session create", "NAT44 session delete"])
        expect(collected).toContainEqual(
          expect.objectContaining({
            ...{ ...session, src_xlt_port: String(4000 + i), dst4_addr: "0.0.0.0", proto: 17, nat_event },
          }),
        );
    }
  },
);
