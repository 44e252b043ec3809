import { chmod, mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { type Sample, sampleSource } from "../api/sample.ts";
import type { PeerAnswer } from "../api/schema.ts";
import { type Api, createApi } from "../api/server.ts";
import type { ApiControl, PeerRequest } from "../api/source.ts";
import type { Io } from "./io.ts";
import { main } from "./main.ts";

let directory: string;
let socketPath: string;
let opened: (Api | Server)[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "gatewayd-cli-"));
  socketPath = join(directory, "gatewayd.sock");
  opened = [];
});
afterEach(async () => {
  await Promise.all(opened.map((one) => one.close()));
  await rm(directory, { recursive: true });
});

async function serve(sample: Partial<Sample> = {}, control?: ApiControl): Promise<string> {
  const tcp = { host: "127.0.0.1", port: 0 };
  const options = { socketPath, tcp, log: () => undefined, ...(control && { control }) };
  const api = createApi(sampleSource(sample), options);
  opened.push(api);
  return (await api.listen())[1]!;
}

interface Run {
  readonly exit: number;
  readonly out: string;
  readonly err: string;
}

async function gwctl(line: string, world: Partial<Io> = {}): Promise<Run> {
  let out = "";
  let err = "";
  const io: Io = {
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
    env: { GWCTL_SOCKET: socketPath },
    signal: new AbortController().signal,
    ...world,
  };
  const exit = await main(line.split(" ").filter(Boolean), io, "0.1.0");
  return { exit, out, err };
}

const peerWith = async (changes: Partial<PeerAnswer>): Promise<PeerAnswer> => ({
  ...(await sampleSource().peers())[0]!,
  ...changes,
});

describe("tables, to the letter", () => {
  const golden = (text: string): string => text.replace(/^\n/, "");

  test.each<[string, string]>([
    [
      "show peers",
      `
Peer             AS   Up/Down  State/PfxRcd  Received  Accepted  Advertised  Description/Last error
198.51.100.2  64512     1d02h             1         1         1           4  ToR 1
198.51.100.3  64512  00:12:31        Active         0         0           0  ToR 2: received Cease, administrative shutdown: "maintenanc…
`,
    ],
    [
      "show peers -o wide --no-headers",
      `
198.51.100.2  64512     1d02h       1  1  1  4  0  9  no  up  198.51.100.2  ipv4,ipv6  upstream  ToR 1  -
198.51.100.3  64512  00:12:31  Active  0  0  0  1  -  no  -   -             -          upstream  ToR 2  2026-11-21T09:50:33.000Z received Cease, administrative shutdown: "maintenance until noon"
`,
    ],
    [
      "show routes --kind anycast",
      `
Prefix         Kind     Next hop      Peer          Path       Pref  MED  Local  Installed  AS path
192.0.2.53/32  anycast  192.168.8.11  192.168.8.11  best        100    -  no     yes        -
192.0.2.53/32  anycast  192.168.8.12  192.168.8.12  multipath   100    -  no     yes        -
`,
    ],
    [
      "show route 192.0.2.53/32",
      `
Prefix         Kind     Local  Installed
192.0.2.53/32  anycast  no     yes

Path       Next hop      Peer          Pref  MED  Origin  Communities  AS path      RPKI   Import rule
best       192.168.8.11  192.168.8.11   100    -  igp     -            -            -      -
multipath  192.168.8.12  192.168.8.12   100    -  igp     -            -            -      -
localPref  198.51.100.2  198.51.100.2   100    -  igp     64512:100    64512 64513  valid  transit[1]

To peer       Sent  Why
198.51.100.2  yes   accepted by rule export[0]
198.51.100.3  no    no session
`,
    ],
    [
      "show announcements --prefix 203.0.113.0/24",
      `
Prefix          Kind    Peer          Next hop      MED  Communities  AS path
203.0.113.0/24  public  198.51.100.2  198.51.100.1    -  64512:100    65000
`,
    ],
    [
      "show received 198.51.100.2",
      `
Prefix      Accepted  Rule        RPKI       Next hop      Pref  MED  Origin  Communities  AS path      Changed to
0.0.0.0/0   yes       transit[1]  not-found  198.51.100.2     -    -  igp     64512:100    64512        localPref=200, communities=64512:100 65000:1
10.0.0.0/8  no        transit[0]  invalid    198.51.100.2     -    -  igp     -            64512 64513  -
`,
    ],
    [
      "show advertised 198.51.100.2 --prefix 203.0.113.0/24",
      `
Prefix          Kind    Rule       Next hop      Pref  MED  Origin  Communities  AS path
203.0.113.0/24  public  export[0]  198.51.100.1     -    -  igp     64512:100    65000
`,
    ],
    [
      "show floatingips",
      `
Address     To                                                            Egress    Place      Status  Announced  Reason
172.16.1.3  10.65.0.13                                                    floating  here       ACTIVE  yes        -
172.16.1.4  10.65.0.99                                                    fixed     elsewhere  DOWN    no         no route to 10.65.0.99
172.16.1.5  tcp 443 > 10.65.0.13:8443, udp 5000-5099 > 10.65.0.14:5000-…  -         here       ACTIVE  yes        -
`,
    ],
    [
      "show anycast",
      `
Service  Address     Announced  Member      Place  Health  Last error
dns      192.0.2.53  yes        10.65.0.20  here   up      -
dns      192.0.2.53  yes        10.65.0.21  here   down    connection refused
`,
    ],
    [
      "show nat",
      `
Programmed        yes
Floating IPs      1
Private           10.65.0.0/16
Never translated  10.0.0.0/8 192.168.0.0/16
Never tracked     203.0.113.0/24
Silence allowed   udp 300 s, icmp 60 s, tcp 7440 s, opening 240 s, closing 240 s
Flows tracked     1204 of 262144
Flows lost        0 without a free port, 0 without an entry
Limits            2000 sessions for each private address
Refused           12 for sessions, 0 for new sessions, 0 for ports

Pool     Ports       Block  Mapping                  Filtering                Serves    Addresses  From
default  1024-65535   1024  addressAndPortDependent  addressAndPortDependent  the rest          2  198.51.100.10 198.51.100.16
`,
    ],
    [
      "show status",
      `
State          degraded
Host           gw1 (gateway)
AS             65000, router ID 192.168.8.1
Up             1d02h
Version        0.1.0
Peers          1 established, 2 configured by address
Kernel         connected, 5 routes, 1 restarts, 2 repairs
Configuration  /etc/gatewayd/gateway.yaml, loaded 2026-11-21T08:00:00.000Z

Problem             Subject        Message
nexthop.unresolved  172.16.1.4/32  no route to 10.65.0.99
`,
    ],
    [
      "show peer 198.51.100.3",
      `
Peer              198.51.100.3
Description       ToR 2
Group             upstream
AS                64512
Local AS          65000
State             Active for 00:12:31
Timers            next attempt in 4 s
Several paths     no
MD5               yes
TTL security      no
Graceful restart  not negotiated, 2 stale paths
Stale             ipv4, long-lived: 2 paths for 00:03:12, 00:56:48 left
Prefixes          0 received, 0 accepted, 0 advertised
Limits            255 AS numbers, 1000 communities
Received          1 open, 2 update, 12 keepalive, 1 notification
Sent              2 open, 5 update, 13 keepalive
UPDATE errors     1 treat-as-withdraw; gwctl show errors 198.51.100.3
Flaps             1
Last error        2026-11-21T09:50:33.000Z received Cease, administrative shutdown: "maintenance until noon"
Last received     2026-11-21T09:50:33.000Z NOTIFICATION Cease, administrative shutdown: "maintenance until noon"
`,
    ],
  ])("gwctl %s", async (line, text) => {
    await serve();
    expect(await gwctl(line)).toEqual({ exit: 0, out: golden(text), err: "" });
  });

  test("what a peer says cannot draw on the screen or add a line", async () => {
    const lastError = { at: "2026-11-21T09:50:33.000Z", text: "\u001b[2J\nroot# \u202e" };
    await serve({ peers: [await peerWith({ state: "idle", description: "\u009b31m", lastError })] });
    for (const line of ["show peers", "show peers -o wide", "show peer 198.51.100.2", "show peers -o yaml"]) {
      const { out } = await gwctl(line);
      expect(out.replaceAll("\n", "")).not.toMatch(/\p{Cc}|\u202e/u);
      expect(out).toMatch(/x9b31m|u009b31m/);
    }
  });
});

describe("other forms", () => {
  test("JSON is what the API says, octet for octet", async () => {
    const url = await serve();
    for (const list of ["peers", "routes", "announcements", "floatingips", "nat", "anycast", "status"]) {
      const { exit, out } = await gwctl(`show ${list} -o json --url ${url}`, { env: {} });
      expect([exit, out]).toEqual([0, `${await (await fetch(`${url}/api/v1/${list}`)).text()}\n`]);
    }
  });

  test("YAML says the same", async () => {
    const text = "\u001b[2J\u009b \u202e: ü\n\ttwo";
    await serve({ peers: [await peerWith({ description: text })] });
    const { out } = await gwctl("show peers -o yaml");
    expect(parse(out)).toEqual([await peerWith({ description: text })]);
  });

  test.each<[string, Record<string, string>, boolean, boolean]>([
    ["a terminal", {}, true, true],
    ["a pipe", {}, false, false],
    ["NO_COLOR", { NO_COLOR: "1" }, true, false],
    ["an empty NO_COLOR", { NO_COLOR: "" }, true, true],
    ["a dumb terminal", { TERM: "dumb" }, true, false],
  ])("colour with %s", async (_name, env, isTTY, colored) => {
    await serve();
    let out = "";
    const stdout = { isTTY, columns: 80, write: (text: string) => (out += text) };
    await gwctl("show peers", { stdout, env: { ...env, GWCTL_SOCKET: socketPath } });
    expect(out.includes("\u001b[32m1\u001b[39m")).toBe(colored);
  });

  test("pages: one of them with a word on stderr, or all of them as one", async () => {
    await serve();
    const one = await gwctl("show routes --limit 4 -o json");
    expect([JSON.parse(one.out).length, one.err]).toEqual([4, expect.stringContaining("--all")]);
    const [route] = (await sampleSource().routes({ limit: 1 })).items;
    await Promise.all(opened.splice(0).map((api) => api.close()));
    await serve({
      routes: Array.from({ length: 10_001 }, (_, i) => ({
        ...route!,
        prefix: `2001:db8::${i.toString(16)}/128`,
      })),
    });
    const all = await gwctl("show routes --all -o json");
    expect([JSON.parse(all.out).length, all.err]).toEqual([10_001, ""]);
    expect((await gwctl("show routes --all --no-headers")).out.split("\n")).toHaveLength(10_002);
  });
});

describe("abbreviation", () => {
  test.each<[string, string]>([
    ["s p", "show peers"],
    ["show peer", "show peers"],
    ["s ro 192.0.2.53/32", "show route 192.0.2.53/32"],
    ["s ann", "show announcements"],
    ["--socket SOCKET s st", "show status"],
    ["s f -o json", "show floatingips -o json"],
    ["-o json s na", "show nat -o json"],
  ])("gwctl %s is gwctl %s", async (short, long) => {
    await serve();
    expect(await gwctl(short.replace("SOCKET", socketPath))).toEqual(await gwctl(long));
  });
});

describe("exit status", () => {
  test.each<[string, number, string]>([
    ["show peers", 0, ""],
    ["--version", 0, ""],
    ["show peers --help", 0, ""],
    ["help show", 0, ""],
    ["", 2, "Usage: gwctl"],
    ["show", 2, "announcements"],
    ["show pears", 2, "peers"],
    ["sow peers", 2, "unknown command"],
    ["status", 2, "hint: gwctl show status"],
    ["show a", 2, "announcements, advertised, anycast"],
    ["show peers --output xml", 2, "Allowed choices"],
    ["show peers -w 0", 2, "seconds"],
    ["show peers --url ftp://x", 2, "http://"],
    ["show peers --url http://127.0.0.1:1 --socket /x", 2, "cannot be used with"],
    ["show peers one two", 2, "too many arguments"],
    ["show peer tor/1", 2, "neither an IP address nor an interface"],
    ["show routes --kind flaoting", 2, "floating, public"],
    ["show routes --limit 0", 2, "limit"],
    ["show route 10.0.0.0/33", 2, "prefix"],
    ["show peer 203.0.113.9", 3, "gwctl show peers"],
    ["show route 203.0.113.9", 3, "no route to 203.0.113.9"],
    ["show announcements --peer 203.0.113.9", 3, "no peer"],
    [
      "show peers --socket /nonexistent/gatewayd.sock",
      5,
      "/nonexistent/gatewayd.sock: there is no such socket",
    ],
    ["show peers --url http://127.0.0.1:1", 5, "is gatewayd running, and does"],
  ])("gwctl %s: %i", async (line, exit, words) => {
    await serve();
    const run = await gwctl(line);
    expect([run.exit, run.out === ""]).toEqual([exit, exit !== 0]);
    expect(run.err).toContain(words);
    if (exit === 0) expect(run.err).toBe("");
  });

  test("5: the socket of a daemon that is gone says that nobody listens", async () => {
    await serve();
    const api = opened.pop()!;
    await api.close();
    expect(await gwctl("show peers")).toMatchObject({
      exit: 5,
      err: expect.stringContaining("gatewayd cannot be reached"),
    });
  });

  test("1: what answers is something else", async () => {
    const other = createServer((_request, response) => response.end("<html>")).listen(socketPath);
    opened.push(other);
    await new Promise((resolve) => other.once("listening", resolve));
    expect(await gwctl("show peers")).toMatchObject({
      exit: 1,
      err: expect.stringContaining("is not gatewayd"),
    });
  });

  test("5: a socket that one may not open says so", async () => {
    await serve();
    await chmod(directory, 0o755);
    await chmod(socketPath, 0);
    const asRoot = process.geteuid?.() === 0;
    // Root may open any socket, so root looks with another's eyes.
    if (asRoot) process.seteuid?.(65_534);
    const run = await gwctl("show peers").finally(() => (asRoot ? process.seteuid?.(0) : undefined));
    expect(run).toMatchObject({ exit: 5, err: expect.stringContaining("permission denied") });
    expect(run.err).toContain("hint: run gwctl as root");
  });
});

describe("watching", () => {
  test("goes on through a restart of gatewayd, and Ctrl-C ends it well", async () => {
    await serve();
    const interrupt = new AbortController();
    const frames: string[] = [];
    const errors: string[] = [];
    const stdout = { write: (text: string) => frames.push(text) };
    const stderr = { write: (text: string) => errors.push(text) };
    const watching = gwctl("show peers -o json -w 0.1", { stdout, stderr, signal: interrupt.signal });
    await expect.poll(() => frames.length).toBeGreaterThan(1);
    await opened.pop()!.close();
    await expect.poll(() => errors.length).toBeGreaterThan(0);
    await serve();
    const before = frames.length;
    await expect.poll(() => frames.length).toBeGreaterThan(before);
    interrupt.abort();
    expect((await watching).exit).toBe(0);
    expect(frames.every((frame) => JSON.parse(frame).length === 2)).toBe(true);
  });

  test("a watch that never worked ends at once", async () => {
    expect((await gwctl("--watch show peers")).exit).toBe(5);
  });

  test("a terminal is cleared between two frames", async () => {
    await serve();
    const interrupt = new AbortController();
    const frames: string[] = [];
    const stdout = { isTTY: true, columns: 80, write: (text: string) => frames.push(text) };
    const watching = gwctl("-w 0.1 show nat", { stdout, signal: interrupt.signal });
    await expect.poll(() => frames.length).toBeGreaterThan(1);
    interrupt.abort();
    await watching;
    expect(frames[1]).toMatch(/^\p{Cc}\[H\p{Cc}\[2JProgrammed/u);
  });
});

describe("gwctl peer", () => {
  const shut = async (): Promise<PeerAnswer> =>
    peerWith({ state: "idle", halt: { reason: "shutdown", text: "new \u001b[31moptics" } });

  async function ordered(line: string, answer?: PeerAnswer): Promise<Run & { readonly request: unknown }> {
    const requests: PeerRequest[] = [];
    await serve(
      {},
      {
        stop: () => ({ stopping: true, pid: 1 }),
        order: (request) => {
          requests.push(request);
          return answer;
        },
      },
    );
    return { ...(await gwctl(line)), request: requests[0] };
  }

  test.each([
    ["peer shutdown 198.51.100.2 --text optics", { order: "shutdown", text: "optics" }],
    ["pe st 198.51.100.2", { order: "start" }],
    ["peer reset 198.51.100.2", { order: "reset" }],
    ["peer reset 198.51.100.2 --soft", { order: "refresh" }],
  ])("%s", async (line, request) => {
    const run = await ordered(line, await shut());
    expect(run).toEqual({
      exit: 0,
      err: "",
      out: "198.51.100.2: Idle(Admin), shut down: new \\x1b[31moptics\n",
      request: { peer: "198.51.100.2", ...request },
    });
  });

  test("as the API answered it", async () => {
    const answer = await shut();
    expect(JSON.parse((await ordered("peer start 198.51.100.2 -o json", answer)).out)).toEqual(answer);
  });

  test.each([
    ["peer start 203.0.113.9", 3, "no peer has the address"],
    ["peer reset 198.51.100.2 --soft --text x", 2, "cannot be used with"],
    [`peer shutdown 198.51.100.2 --text ${"x".repeat(256)}`, 2, "more than 255 octets"],
    ["peer shutdown a/b", 2, "is neither an IP address nor an interface"],
  ])("%s: status %i", async (line, exit, words) => {
    const run = await ordered(line);
    expect(run.exit).toBe(exit);
    expect(run.err).toContain(words);
  });

  test.each<[PeerAnswer["halt"], string, string]>([
    [{ reason: "shutdown" }, "Idle(Admin)", "shut down"],
    [{ reason: "max-prefixes" }, "Idle(PfxCt)", "more prefixes than allowed (10); until it is started"],
    [
      { reason: "max-prefixes", restartsInSeconds: 90 },
      "Idle(PfxCt)",
      "more prefixes than allowed (10); again in 00:01:30",
    ],
  ])("%o is shown", async (halt, state, why) => {
    const peer = await peerWith({
      state: "idle",
      maxPrefixes: { limit: 10, warnAt: 8 },
      ...(halt && { halt }),
    });
    await serve({ peers: [peer] });
    expect((await gwctl("show peers")).out).toContain(state);
    const { out } = await gwctl("show peer 198.51.100.2");
    expect(out).toContain(`${state} for`);
    expect(out).toContain(why);
    expect(out).toContain("10, a warning at 8");
  });
});
