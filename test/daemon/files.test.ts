/** Bad configuration files, through the real command line. */

import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { GATEWAYD, gatewayd, Lab, runToEnd } from "./lab.ts";

let lab: Lab;
beforeAll(() => {
  lab = new Lab();
});
afterAll(() => lab.remove());

const BGP = "bgp: { asn: 65000, routerId: 192.0.2.1 }\n";
const NAT = `${BGP}nat:
  private: [10.65.0.0/16]
  pools:
    - { name: a, addresses: [198.51.100.10-198.51.100.20] }
`;

/** Nine levels of ten aliases each: a thousand million copies of the first. */
const ALIAS_BOMB = [
  "a0: &a0 [x, x, x, x, x, x, x, x, x, x]",
  ...Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(10).fill(`*a${i}`).join(", ")}]`),
].join("\n");

interface Bad {
  readonly name: string;
  readonly content: string | Uint8Array;
  /** line:column of the first error. */
  readonly at: string;
  /** Words of the first error. */
  readonly says: RegExp;
  /** The line that is shown with a caret under it; undefined: there is none to show. */
  readonly shows?: string;
  readonly hint?: RegExp;
}

const BAD: readonly Bad[] = [
  { name: "empty", content: "", at: "1:1", says: /empty/, hint: /bgp/ },
  { name: "only a comment", content: "# nothing yet\n", at: "1:1", says: /empty/, hint: /bgp/ },
  { name: "broken", content: `${BGP}networks: [\n`, at: "3:1", says: /Flow sequence/ },
  { name: "a tab", content: `${BGP}nat:\n\tprivate: []\n`, at: "3:1", says: /[Tt]ab/, shows: "private: []" },
  { name: "a list", content: "- a\n", at: "1:1", says: /expected a mapping/, shows: "- a", hint: /bgp:/ },
  {
    name: "binary",
    content: Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 0, 1, 2, 255),
    at: "1:1",
    says: /not text/,
  },
  {
    name: "UTF-16",
    content: Buffer.from(`\ufeff${BGP}`, "utf16le"),
    at: "1:1",
    says: /not text/,
    hint: /UTF-8/,
  },
  { name: "17 MiB", content: Buffer.alloc(17 << 20, "# \n"), at: "1:1", says: /larger than 16 MiB/ },
  { name: "an alias bomb", content: ALIAS_BOMB, at: "1:1", says: /alias/i },
  { name: "deep", content: `a: {${"[".repeat(100_000)}`, at: "1:37", says: /more than 32/ },
  {
    name: "an unknown key",
    content: `${BGP}netwroks: []\n`,
    at: "2:1",
    says: /netwroks/,
    shows: "netwroks: []",
    hint: /networks/,
  },
  {
    name: "an unknown key of a peer",
    content:
      "bgp:\n  asn: 65000\n  routerId: 192.0.2.1\n  peers:\n    - { address: 192.0.2.2, asn: 1, holdtime: 9s }\n",
    at: "5:37",
    says: /holdtime/,
    shows: "holdtime: 9s",
    hint: /holdTime/,
  },
  {
    name: "a password file that is not there",
    content:
      "bgp:\n  asn: 65000\n  routerId: 192.0.2.1\n  peers:\n    - { address: 192.0.2.2, asn: 65000, passwordFile: /key }\n",
    at: "5:55",
    says: /passwordFile: \/key: there is no such file/,
    shows: "passwordFile",
  },
  {
    name: "overlapping pools",
    content: `${NAT}    - { name: b, addresses: [198.51.100.15/32] }\n`,
    at: "6:30",
    says: /198\.51\.100\.15/,
    shows: "name: b",
  },
  {
    name: "a pool within the private range",
    content: NAT.replace("198.51.100.10-198.51.100.20", "10.65.0.10"),
    at: "5:30",
    says: /10\.65\.0\.10/,
    shows: "10.65.0.10",
  },
  {
    name: "a pool within a network",
    content: `${NAT}networks: [{ name: public, cidr: 198.51.100.0/24, announce: aggregate }]\n`,
    at: "5:30",
    says: /198\.51\.100/,
    shows: "198.51.100",
  },
  {
    name: "overlapping networks",
    content: `${BGP}networks:\n  - { name: a, cidr: 203.0.113.0/24, announce: both }\n  - { name: b, cidr: 203.0.113.128/25, announce: both }\n`,
    at: "4:22",
    says: /203\.0\.113\./,
    shows: "203.0.113.128/25",
  },
  {
    name: "a private network that is public",
    content: `${BGP}nat: { private: [10.0.0.0/8] }\nnetworks: [{ name: a, cidr: 10.65.0.0/16, announce: both }]\n`,
    at: "2:18",
    says: /10\.65\.0\.0\/16/,
    shows: "10.0.0.0/8",
  },
  {
    name: "a floating IP inside a pool",
    content: `${NAT}floatingIps: [{ address: 198.51.100.12, to: 10.65.0.13 }]\n`,
    at: "6:26",
    says: /198\.51\.100\.12/,
    shows: "198.51.100.12",
  },
  {
    name: "a floating IP twice",
    content: `${BGP}floatingIps:\n  - { address: 172.16.1.3, to: 10.65.0.13 }\n  - { address: 172.16.1.3, to: 10.65.0.14 }\n`,
    at: "4:16",
    says: /172\.16\.1\.3/,
    shows: "10.65.0.14",
  },
  {
    name: "a peer twice",
    content:
      "bgp:\n  asn: 65000\n  routerId: 192.0.2.1\n  peers:\n    - { address: 192.0.2.2, asn: 65000 }\n    - { address: 192.0.2.2, asn: 65000, port: 2 }\n",
    at: "6:18",
    says: /192\.0\.2\.2/,
    shows: "port: 2",
  },
  {
    name: "a key twice",
    content: `${BGP}role: gateway\nrole: compute\n`,
    at: "3:1",
    says: /twice/,
    shows: "role: compute",
    hint: /take one/,
  },
  {
    name: "an escape sequence for terminals",
    content: `${BGP}hostname: "\\e]0;owned\\a"\n`,
    at: "2:11",
    says: /hostname/,
    shows: "hostname",
  },
];

/** "file:line:column: words", the line, the caret, the hint; `refused:` at the end; nothing on stdout. */
function expectRefused(
  ended: Awaited<ReturnType<typeof gatewayd>>,
  file: string,
  bad: Omit<Bad, "name" | "content">,
): void {
  expect(ended).toMatchObject({ status: 4, stdout: "" });
  const lines = ended.stderr.split("\n");
  expect(lines[0]).toContain(`${file}:${bad.at}: `);
  expect(lines[0]).toMatch(bad.says);
  if (bad.shows !== undefined) {
    expect(lines[1]).toContain(bad.shows);
    expect(lines[2]).toMatch(/^ +\| +\^+$/);
    const column = Number(bad.at.split(":")[1]);
    expect(lines[2]!.indexOf("^") - lines[2]!.indexOf("|") - 1).toBe(column);
  }
  if (bad.hint !== undefined) expect(lines.find((line) => line.startsWith("  hint: "))).toMatch(bad.hint);
  expect(lines.at(-2)).toMatch(/^refused: (more than )?\d+ errors?/);
  // What is shown on a terminal may not steer it.
  expect(ended.stderr).not.toMatch(/(?![\n\t])\p{Cc}/u);
}

/** Both commands read a file in the same way; these show that they do. */
const SOME = ["empty", "an alias bomb", "an unknown key", "a floating IP inside a pool"];

describe.each(["check", "run"])("gatewayd %s refuses", (command) => {
  test.each(command === "check" ? BAD : BAD.filter(({ name }) => SOME.includes(name)))(
    "$name",
    async ({ content, ...bad }) => {
      const file = lab.write(`${command}.yaml`, content);
      expectRefused(await gatewayd(command, file), file, bad);
    },
  );

  test("a file that is not there", async () => {
    const file = lab.path("none.yaml");
    expectRefused(await gatewayd(command, file), file, { at: "1:1", says: /no such file/, hint: /path/ });
  });
  test("a directory", async () => {
    const file = lab.path(`directory-${command}`);
    mkdirSync(file);
    expectRefused(await gatewayd(command, file), file, { at: "1:1", says: /directory/, hint: /file/ });
  });
  test("a pipe that nobody writes to", async () => {
    const file = lab.path(`pipe-${command}`);
    expect(spawnSync("mkfifo", [file]).status).toBe(0);
    expectRefused(await gatewayd(command, file), file, { at: "1:1", says: /no regular file/, hint: /file/ });
  });
  test("a device that never ends", async () => {
    const ended = await gatewayd(command, "/dev/zero");
    expectRefused(ended, "/dev/zero", { at: "1:1", says: /no regular file/ });
  });
  test.skipIf(process.getuid?.() !== 0)("a file that it may not read", async () => {
    const file = lab.write(`secret-${command}.yaml`, BGP);
    chmodSync(file, 0);
    // Root reads every file; whoever has no capability does not.
    const ended = await runToEnd("setpriv", [
      "--bounding-set=-all",
      "--inh-caps=-all",
      process.execPath,
      GATEWAYD,
      command,
      file,
    ]);
    expectRefused(ended, file, { at: "1:1", says: /permission denied/, hint: /user/ });
  });
});

describe("gatewayd check", () => {
  test("says ok, and what is in a good file", async () => {
    const file = lab.write("good.yaml", NAT);
    const ended = await gatewayd("check", file);
    expect(ended).toMatchObject({ status: 0, stderr: "" });
    expect(ended.stdout).toBe("ok: role gateway, AS 65000, 1 pool, 11 pool addresses\n");
  });
  test.each(["gateway.yaml", "compute.yaml"])("takes examples/%s", async (name) => {
    const ended = await gatewayd("check", join(import.meta.dirname, "../../examples", name));
    expect(ended).toMatchObject({ status: 0 });
    expect(ended.stdout).toMatch(/^ok: |\nok: /);
  });
  test("names every error of a file, in the file's order", async () => {
    const file = lab.write("three.yaml", `${BGP}netwroks: []\nstore: { type: disk }\nrole: router\n`);
    const { status, stderr } = await gatewayd("check", file);
    expect(status).toBe(4);
    const places = [...stderr.matchAll(/^[^ ].*?:(\d+):(\d+): /gm)].map(([, line]) => Number(line));
    expect(places).toEqual([2, 3, 4]);
    expect(stderr).toMatch(/\nrefused: 3 errors\n$/);
  });
});

describe("the command line", () => {
  test.each([
    [[]],
    [["check"]],
    [["run"]],
    [["start", "x.yaml"]],
    [["check", "a", "b"]],
    [["--verbose"]],
    [["run", "--foreground", "x.yaml"]],
  ])("%j is wrong usage", async (args) => {
    const ended = await gatewayd(...args);
    expect(ended).toMatchObject({ status: 2, stdout: "" });
    expect(ended.stderr).toMatch(/gatewayd/);
  });
  test.each([["--help"], ["-h"], ["help"]])("%s is answered on stdout", async (arg) => {
    const ended = await gatewayd(arg);
    expect(ended).toMatchObject({ status: 0, stderr: "" });
    expect(ended.stdout).toMatch(/Usage: gatewayd/);
    expect(ended.stdout).toMatch(/Exit status/);
  });
  test.each([["--version"], ["-V"]])("%s is the version", async (arg) => {
    expect(await gatewayd(arg)).toMatchObject({ status: 0, stdout: "0.1.0\n", stderr: "" });
  });
  test("nobody reads the answer", async () => {
    const file = lab.write(
      "many.yaml",
      `${BGP}${Array.from({ length: 90 }, (_, i) => `key${i}: 1\n`).join("")}`,
    );
    const shell = `"$0" "$1" check "$2" 2>&1 | true; echo "\${PIPESTATUS[0]}"`;
    const ended = await runToEnd("bash", ["-c", shell, process.execPath, GATEWAYD, file]);
    expect(ended).toMatchObject({ stdout: "4\n", stderr: "" });
  });
});
