import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sampleSource } from "../api/sample.ts";
import { type Api, createApi } from "../api/server.ts";
import { main } from "./main.ts";

const TOP = [
  ...[
    "show",
    "explain",
    "peer",
    "nat",
    "events",
    "network",
    "subnet",
    "address",
    "ip",
    "port",
    "router",
    "floatingip",
    "security",
    "bgp",
    "quota",
    "anycast",
    "pool",
    "store",
    "import",
  ],
  ...["user", "mrt", "completion"],
];
const PEERS = ["2001:db8::1", "2001:db8::2", "198.51.100.2"];

let directory: string;
let socketPath: string;
let api: Api;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "gatewayd-completion-"));
  socketPath = join(directory, "gatewayd.sock");
  const [peer] = await sampleSource().peers();
  const peers = [...PEERS, "$(reboot)"].map((address) => ({ ...peer!, address }));
  api = createApi(sampleSource({ peers }), { socketPath, log: () => undefined });
  await api.listen();
  await writeFile(join(directory, "gwctl.bash"), (await gwctl("completion", "bash")).out);
});
afterAll(async () => {
  await api.close();
  await rm(directory, { recursive: true });
});

async function gwctl(...argv: string[]): Promise<{ exit: number; out: string }> {
  let out = "";
  const stdout = { write: (text: string) => (out += text) };
  const stderr = { write: () => true };
  const { signal } = new AbortController();
  return { exit: await main(argv, { stdout, stderr, env: {}, signal }, "0.1.0"), out };
}

/** What bash offers behind a line; its gwctl gives the peers, and writes down how it was called. */
async function offered(line: string): Promise<{ words: string[]; asked: string }> {
  const script = `
    gwctl() { echo "$*" > "$1/asked"; printf '%s\\n' ${PEERS.join(" ")}; }
    source "$1/gwctl.bash"
    COMP_LINE=$2 COMP_POINT=\${#2}
    _gwctl
    printf '%s\\n' "\${COMPREPLY[@]}"`.replace("$1/asked", join(directory, "asked"));
  await rm(join(directory, "asked"), { force: true });
  const { stdout } = await promisify(execFile)("bash", ["-c", script, "bash", directory, line]);
  const asked = await readFile(join(directory, "asked"), "utf8").catch(() => "");
  return { words: stdout.split("\n").filter(Boolean), asked };
}

describe("bash offers", () => {
  test.each<[string, readonly string[]]>([
    ["gwctl ", TOP],
    ["gwctl s", ["show", "subnet", "security", "store"]],
    ["gwctl show a", ["announcements", "advertised", "anycast"]],
    ["gwctl -o json show n", ["nat", "nexthops"]],
    ["gwctl show peers -o ", ["table", "wide", "json", "yaml"]],
    ["gwctl show peers --no", ["--no-headers"]],
    ["gwctl show announcements --p", ["--peer", "--prefix"]],
    ["gwctl show peer 198", ["198.51.100.2"]],
    ["gwctl show announcements --peer 198", ["198.51.100.2"]],
    // Bash has cut the word at its last colon, and puts what is offered behind that.
    ["gwctl show peer 2001:db8::", ["1", "2"]],
    ["gwctl completion z", ["zsh"]],
    ["gwctl show routes --limit ", []],
    ["gwctl nonsense ", TOP],
    ["gwctl peer drain 198", ["198.51.100.2"]],
    ["gwctl floatingip unset --p", ["--port"]],
    ["gwctl floatingip create --port 198", ["198.51.100.2"]],
    ["gwctl nat sessions --port ", []],
    ["gwctl security group r", ["rule"]],
  ])("%s", async (line, words) => {
    expect((await offered(line)).words).toEqual(words);
  });

  test.each([
    ["gwctl network show ", "networks"],
    ["gwctl router add subnet ", "routers"],
    ["gwctl router add subnet router1 ", "subnets"],
    ["gwctl network delete one two ", "networks"],
    ["gwctl floatingip set --port ", "ports"],
    ["gwctl floatingip set --port vm ", "floatingips"],
    ["gwctl floatingip unset --port ", "floatingips"],
    ["gwctl security group rule create ", "security-groups"],
  ])("what there is for %s", async (line, what) => {
    expect((await offered(line)).asked).toBe(`__complete ${what}\n`);
  });
  test("peers of the gateway that the line names", async () => {
    expect((await offered(`gwctl --socket ${socketPath} show peer `)).asked).toBe(
      `--socket ${socketPath} __complete peers\n`,
    );
  });
});

describe("gwctl __complete", () => {
  test("gives addresses alone: a shell expands what it gets", async () => {
    expect(await gwctl("--socket", socketPath, "__complete", "peers")).toEqual({
      exit: 0,
      out: `${PEERS.join("\n")}\n`,
    });
  });
  test("is hidden", async () => {
    expect((await gwctl("--help")).out).not.toContain("__complete");
  });
});

test.each(["bash", "zsh", "fish"])(
  "the script for %s knows every command and every option",
  async (shell) => {
    const { exit, out } = await gwctl("completion", shell);
    expect(exit).toBe(0);
    const words = ["peers", "routes", "announcements", "floatingips", "nat", "anycast", "status"];
    for (const word of [...words, "socket", "url", "output", "no-headers", "watch", "kind", "limit", "all"]) {
      expect(out).toContain(word);
    }
  },
);
