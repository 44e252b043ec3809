/** gwctl and the API as users meet them: real processes, a real socket, and the log that a machine reads. */

import { readFileSync, statSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseAddress } from "../../src/bgp/index.ts";
import { accept, gatewayFile } from "./gateway-file.ts";
import { GoodPeer } from "./good-peer.ts";
import {
  type Daemon,
  type Ended,
  eventually,
  GATEWAYD,
  GWCTL,
  Lab,
  type LogLine,
  PORT,
  runToEnd,
} from "./lab.ts";

const API_PORT = 17_969;

let lab: Lab;
let gateway: Daemon;
let peer: GoodPeer;

beforeAll(async () => {
  lab = new Lab();
  const config = gatewayFile(lab, "gw", {
    peers: [
      { address: lab.address(2), asn: 64_512, passive: true, description: "up stream" },
      { address: lab.address(3), asn: 64_513, passive: true },
      { range: `${lab.prefix}.64/26`, asn: 65_000, export: [accept({ kind: "default" })] },
    ],
    sections: {
      networks: [{ name: "public", cidr: "203.0.113.0/24", announce: "aggregate" }],
      nat: { private: ["10.65.0.0/16"], pools: [{ name: "default", addresses: ["198.51.100.10"] }] },
      floatingIps: [{ address: "172.16.1.3", to: "10.65.0.13" }],
      anycast: [{ name: "dns", address: "192.0.2.53", members: ["10.65.0.20"] }],
      api: { socket: lab.path("gw.sock"), listen: `${lab.address(1)}:${API_PORT}` },
    },
  });
  gateway = await lab.start(lab.write("gw.yaml", config), lab.path("gw.sock"));
  const side = { gateway: { address: lab.address(1), port: PORT, asn: 65_000 } };
  peer = await GoodPeer.start({ ...side, address: lab.address(2), asn: 64_512 });
  await gateway.established(lab.address(2));
  peer.announce(...Array.from({ length: 300 }, (_, i) => `100.64.${i >> 2}.${(i & 3) << 6}/26`));
  await eventually(
    "all its routes",
    async () => (await gateway.peer(lab.address(2)))?.prefixes.accepted === 300,
  );
});
afterAll(async () => {
  await peer.stop();
  await lab.remove();
});

const TABLES: [string[], RegExp][] = [
  [["status"], /^State +ready$/m],
  [["peers"], /^Peer +AS +Up\/Down +State\/PfxRcd/],
  [["routes"], /^Prefix +Kind +Next hop/],
  [["routes", "--local"], /^198\.51\.100\.10\/32 +pool +self/m],
  [["route", "100.64.7.0/26"], /^best +198\.51\.100\.254/m],
  [["announcements"], /^198\.51\.100\.10\/32 +pool/m],
  [["floatingips"], /^172\.16\.1\.3 +10\.65\.0\.13/m],
  [["nat"], /^Private +10\.65\.0\.0\/16$/m],
  [["anycast"], /^dns +192\.0\.2\.53/m],
];

describe("every show command", () => {
  test.each(TABLES)("%j as a table", async (words, look) => {
    const ended = await gateway.gwctl("show", ...words);
    expect(ended).toMatchObject({ status: 0 });
    expect(ended.stdout).toMatch(look);
    // Aligned, not padded: nothing stands at the end of a line.
    expect(ended.stdout).not.toMatch(/ $/m);
  });
  test.each(TABLES)("%j as JSON, which is what the API says", async (words) => {
    const ended = await gateway.gwctl("show", ...words, "-o", "json");
    expect(ended).toMatchObject({ status: 0 });
    const answer = JSON.parse(ended.stdout);
    if (words.length > 1) return;
    const said = await gateway.get<object>(`/api/v1/${words[0]}`);
    expect(Object.keys(answer)).toEqual(Object.keys(said));
  });
  test("--all follows the pages", async () => {
    const whole = await gateway.gwctl("show", "routes", "--limit", "7", "--all", "-o", "json");
    const prefixes = (JSON.parse(whole.stdout) as { prefix: string }[]).map(({ prefix }) => prefix);
    expect(new Set(prefixes).size).toBe(prefixes.length);
    expect(prefixes.length).toBeGreaterThan(300);
  });
});

describe("exit status", () => {
  const cases: [string, string[], number, RegExp][] = [
    [
      "no daemon",
      ["--socket", "/nowhere/gatewayd.sock", "show", "status"],
      5,
      /\/nowhere\/gatewayd\.sock.*no such socket/,
    ],
    ["no such peer", ["show", "peer", "192.0.2.99"], 3, /192\.0\.2\.99/],
    ["no such route", ["show", "route", "192.0.2.99/32"], 3, /192\.0\.2\.99/],
    ["no address", ["show", "peer", "a/b"], 2, /neither an IP address nor an interface/],
    ["no such command", ["show", "weather"], 2, /weather/],
    ["no such option", ["show", "peers", "--loud"], 2, /--loud/],
    ["no such format", ["show", "peers", "-o", "xml"], 2, /xml/],
  ];
  test.each(cases)("%s", async (_name, args, status, words) => {
    const ended = await gateway.gwctl(...args);
    expect(ended).toMatchObject({ status, stdout: "" });
    expect(ended.stderr).toMatch(words);
  });
  test("a file that is no socket", async () => {
    const ended = await gateway.gwctl("--socket", lab.write("plain", ""), "show", "status");
    expect(ended.status).toBe(5);
    expect(ended.stderr).toMatch(/hint: /);
  });
});

const bash = (line: string): Promise<Ended> => runToEnd("bash", ["-c", line]);

describe("as files and in pipes", () => {
  test.each([
    ["gwctl", GWCTL],
    ["gatewayd", GATEWAYD],
  ])("%s is a program", async (_name, file) => {
    expect(statSync(file).mode & 0o111).toBe(0o111);
    expect(readFileSync(file, "utf8")).toMatch(/^#!\/usr\/bin\/env (?:-S )?node\b.*\n/);
    expect(await runToEnd(file, ["--version"])).toMatchObject({ status: 0, stdout: "0.1.0\n", stderr: "" });
  });
  test("| head -1 is fine", async () => {
    const line = `"${GWCTL}" --socket "${gateway.socket}" show routes | head -1; echo "\${PIPESTATUS[@]}"`;
    const ended = await bash(line);
    expect(ended.stderr).toBe("");
    expect(ended.stdout).toMatch(/^Prefix .*\n0 0\n$/);
  });
  test("| true is fine", async () => {
    const line = `"${GWCTL}" --socket "${gateway.socket}" show routes -o json | true; echo "\${PIPESTATUS[@]}"`;
    expect(await bash(line)).toMatchObject({ stdout: "0 0\n", stderr: "" });
  });
  test("the socket is for owner and group", () => {
    const stats = statSync(gateway.socket);
    expect(stats.isSocket()).toBe(true);
    expect((stats.mode & 0o777).toString(8)).toBe("660");
  });
});

describe("over TCP on loopback", () => {
  const at = (path: string): string => `http://${lab.address(1)}:${API_PORT}${path}`;
  test.each(["/healthz", "/readyz"])("%s", async (path) => {
    const answer = await fetch(at(path));
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ ready: true, reasons: [] });
  });
  test("/metrics", async () => {
    const answer = await fetch(at("/metrics"));
    expect(answer.headers.get("content-type")).toMatch(/^text\/plain; version=0\.0\.4/);
    const text = await answer.text();
    expect(text).toMatch(
      new RegExp(`^gatewayd_bgp_peer_state\\{[^}]*peer="${lab.address(2)}"[^}]*\\} 1$`, "m"),
    );
    expect(text).toMatch(
      new RegExp(`^gatewayd_bgp_peer_state\\{[^}]*peer="${lab.address(3)}"[^}]*\\} 0$`, "m"),
    );
    expect(text).toMatch(/^gatewayd_ready 1$/m);
  });
  test("gwctl --url", async () => {
    const ended = await runToEnd(GWCTL, ["--url", at(""), "show", "peers", "-o", "json"]);
    expect(ended).toMatchObject({ status: 0, stderr: "" });
    expect(JSON.parse(ended.stdout)).toHaveLength(2);
  });
  test("a name that somebody else's DNS may give is refused", async () => {
    const question = "GET /api/v1/status HTTP/1.1\\r\\nHost: evil.example\\r\\nConnection: close\\r\\n\\r\\n";
    const ended = await bash(
      `exec 3<>/dev/tcp/${lab.address(1)}/${API_PORT}; printf '${question}' >&3; head -1 <&3`,
    );
    expect(ended.stdout).toMatch(/ 403 /);
  });
});

describe("the log", () => {
  const LEVELS = ["debug", "info", "warn", "error", "fatal"];
  test("is one JSON object per line, with level, time and a code", () => {
    expect(gateway.text).toBe("");
    expect(gateway.logs.length).toBeGreaterThan(3);
    for (const line of gateway.logs) {
      expect(LEVELS).toContain(line.level);
      expect(new Date(line.time).toISOString()).toBe(line.time);
      expect(line.event).toMatch(/^[a-z]+(\.[a-z-]+)+$/);
      expect(line.msg).toMatch(/\S/);
    }
  });
  test("begins with what was started, and says when it is ready", async () => {
    expect(gateway.logs[0]).toMatchObject({ event: "gateway.start", version: "0.1.0", pid: gateway.pid });
    expect(await gateway.logged("api.listen")).toMatchObject({
      at: [gateway.socket, `http://${lab.address(1)}:${API_PORT}`],
    });
    expect(await gateway.logged("gateway.ready")).toMatchObject({ level: "info" });
    expect(await gateway.logged("bgp.session.up")).toMatchObject({ peer: lab.address(2), asn: 64_512 });
  });
  test("as text, a line has the same in another order", async () => {
    const config = gatewayFile(lab, "text", { at: 9, sections: { log: { format: "text", level: "info" } } });
    const daemon = await lab.start(lab.write("text.yaml", config), lab.path("text.sock"));
    await eventually("it says ready", () => daemon.text.includes("gateway.ready"));
    expect(daemon.text).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z info {2}gateway\.start .*$/m);
    expect(daemon.logs).toEqual([]);
  });
  test("is as quiet as it is told to be", async () => {
    const config = gatewayFile(lab, "quiet", { at: 8, sections: { log: { level: "error" } } });
    const daemon = await lab.start(lab.write("quiet.yaml", config), lab.path("quiet.sock"));
    expect(await daemon.status()).toMatchObject({ state: "ready" });
    expect(daemon.logs).toEqual([]);
    expect(daemon.text).toBe("");
  });
});

test("events tell what the log tells, and what is announced", async () => {
  const told = [await gateway.logged("gateway.ready"), await gateway.logged("bgp.session.up")];
  const { stdout } = await gateway.gwctl("events", "--limit", "1000", "-o", "json");
  const events = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as LogLine);
  for (const { event, time } of told) {
    expect(events.filter((one) => one.event === event && one.time === time)).toHaveLength(1);
  }
  const announced = events.filter(({ event }) => event === "route.announced");
  expect(announced).toContainEqual(expect.objectContaining({ prefix: "198.51.100.10/32", kind: "pool" }));
});

test("a peer is shut down, reset and started; it hears why, and everybody sees it", async () => {
  const address = lab.address(2);
  const order = (...words: string[]): Promise<Ended> => gateway.gwctl("peer", ...words);
  const gauge = (): Promise<number | undefined> =>
    gateway.metric(`gatewayd_bgp_peer_shutdown{peer="${address}",peer_as="64512"}`);
  const heard = (subcode: number): boolean =>
    peer.events.some(
      (event) =>
        event.on === "notification-received" &&
        event.subcode === subcode &&
        event.communication === "new optics",
    );
  expect(await order("reset", address, "--text", "new optics")).toMatchObject({ status: 0 });
  // Both do graceful restart or neither: here the peer does not, so that the reset is a plain one.
  await eventually("the word of the reset", () => heard(4));
  await gateway.established(address);
  expect((await order("shutdown", address, "--text", "new optics")).stdout).toBe(
    `${address}: Idle(Admin), shut down: new optics\n`,
  );
  await eventually("the word of the shutdown", () => heard(2));
  await gateway.logged("bgp.peer.shutdown", { peer: address, text: "new optics" });
  expect((await gateway.gwctl("show", "peers")).stdout).toMatch(/ Idle\(Admin\) .*shut down: new optics$/m);
  expect(await gauge()).toBe(1);
  // A reload of the same file is no reason to come back.
  await gateway.reload();
  expect(await gateway.peer(address)).toMatchObject({ state: "idle", halt: { reason: "shutdown" } });
  expect((await order("start", address)).status).toBe(0);
  peer.speaker.order(parseAddress(lab.address(1))!, { do: "start" });
  await gateway.established(address);
  expect(await gauge()).toBe(0);
  expect((await order("start", "203.0.113.9")).status).toBe(3);
});
