/** A network namespace with two veth pairs, and netd in it. Made here, removed here. */

import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, test } from "vitest";
import { type Kernel, type KernelOptions, startKernel } from "../../src/kernel/client.ts";
import type { KernelRoute } from "../../src/kernel/commands.ts";

const NETD = new URL("../../dist/src/kernel/netd.js", import.meta.url);
const KOFFI = import.meta.resolve("koffi");

export const SETTINGS = { routeTable: 254, protocol: 86, anycastIdleMs: 60_000, fastSwitch: true } as const;

/** What this machine lacks for these tests, in words; undefined when nothing. */
function missing(): string | undefined {
  if (process.getuid?.() !== 0) return "root, for network namespaces";
  for (const program of ["ip", "nft", "conntrack"])
    if (
      spawnSync(program, ["-V"]).error !== undefined &&
      spawnSync(program, ["--version"]).error !== undefined
    )
      return program;
  if (!existsSync(NETD)) return "a build (npm run build)";
  const probe = `krn-${process.pid}-probe`;
  if (spawnSync("ip", ["netns", "add", probe], { stdio: "ignore" }).status !== 0) return "network namespaces";
  spawnSync("ip", ["netns", "del", probe], { stdio: "ignore" });
  return undefined;
}

const reason = missing();
const { CI } = process.env;
// On CI a machine that cannot run them is a failure.
if (reason !== undefined && CI === "true") throw new Error(`these tests need ${reason}`);

export const available: boolean = reason === undefined;

/** A test that is skipped, by name, where the machine lacks what it needs. */
export const kernelTest: ReturnType<typeof test.skipIf> = test.skipIf(!available);

/** One lab with one netd for the tests of a file. */
export function useLab(name: string): { readonly lab: Lab; readonly kernel: Kernel } {
  if (reason !== undefined) test.skip(`needs ${reason}`);
  let lab: Lab | undefined;
  let made: { lab: Lab; kernel: Kernel } | undefined;
  beforeAll(async () => {
    if (reason !== undefined) return;
    lab = new Lab(name);
    made = { lab, kernel: await lab.start() };
  });
  // Also when netd did not start: the namespace is there by then.
  afterAll(() => lab?.remove());
  const get = (): { lab: Lab; kernel: Kernel } => {
    if (made === undefined) throw new Error("the lab is not there");
    return made;
  };
  return {
    get lab() {
      return get().lab;
    },
    get kernel() {
      return get().kernel;
    },
  };
}

export class Lab {
  readonly name: string;
  /** Starts netd inside the namespace: the client runs outside of it. */
  readonly script: string;
  readonly #folder = mkdtempSync(join(tmpdir(), "krn-"));
  readonly #kernels: Kernel[] = [];
  #launchers = 0;

  constructor(name: string) {
    this.name = `krn-${process.pid}-${name}`;
    spawnSync("ip", ["netns", "del", this.name], { stdio: "ignore" });
    execFileSync("ip", ["netns", "add", this.name]);
    this.script = this.launcher("");
    this.ip("link", "set", "lo", "up");
    for (const i of [0, 1]) {
      this.ip("link", "add", `d${i}`, "type", "veth", "peer", "name", `p${i}`);
      // Link-local addresses would come when they like, and with them routes.
      for (const end of [`d${i}`, `p${i}`]) this.ip("link", "set", end, "addrgenmode", "none");
      this.ip("link", "set", `p${i}`, "up");
      this.ip("addr", "add", `10.0.${i}.1/24`, "dev", `d${i}`);
      this.ip("addr", "add", `2001:db8:${i}::1/64`, "dev", `d${i}`, "nodad");
      this.ip("link", "set", `d${i}`, "up");
    }
  }

  /** A script that enters the namespace, runs `prelude`, and then is netd. */
  launcher(prelude: string): string {
    const script = join(this.#folder, `netd-${this.#launchers++}.mjs`);
    writeFileSync(
      script,
      `import { openSync } from "node:fs";
import koffi from ${JSON.stringify(KOFFI)};
const setns = koffi.load("libc.so.6").func("int setns(int fd, int kind)");
if (setns(openSync("/run/netns/${this.name}", "r"), 0x40000000) !== 0) throw new Error("setns");
${prelude}
await import(${JSON.stringify(NETD.href)});
`,
    );
    return script;
  }

  /** Every process in the namespace, oldest first. */
  pids(): readonly number[] {
    const listed = execFileSync("ip", ["netns", "pids", this.name], { encoding: "utf8" });
    return listed
      .trim()
      .split(/\s+/)
      .filter(Boolean)
      .map(Number)
      .sort((a, b) => a - b);
  }

  /** The process of the netd that runs alone. */
  netdPid(): number {
    const [pid] = this.pids();
    if (pid === undefined) throw new Error("netd does not run");
    return pid;
  }

  async start(options: Partial<KernelOptions> = {}): Promise<Kernel> {
    const kernel = await startKernel({ ...SETTINGS, script: this.script, ...options });
    this.#kernels.push(kernel);
    return kernel;
  }

  /** What a command in the namespace printed. @throws Error with its standard error */
  run(program: string, ...words: readonly string[]): string {
    return execFileSync("ip", ["netns", "exec", this.name, program, ...words], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
      maxBuffer: 1 << 28,
    });
  }

  ip(...words: readonly string[]): string {
    return execFileSync("ip", ["-n", this.name, ...words], { encoding: "utf8", maxBuffer: 1 << 28 });
  }

  /** Many commands for ip, one a line. */
  batch(commands: string): void {
    execFileSync("ip", ["-n", this.name, "-batch", "-"], { input: commands });
  }

  /** Every route and nexthop object, with ids: equal texts mean that nothing was changed. */
  state(): string {
    return [
      this.ip("-d", "route", "show", "table", "all"),
      this.ip("-6", "-d", "route", "show", "table", "all"),
      this.ip("nexthop"),
    ].join("\n");
  }

  /** Starts `ip monitor` and resolves when it listens. */
  async monitor(...words: readonly string[]): Promise<Monitor> {
    const monitor = new Monitor(spawn("ip", ["-o", "-n", this.name, ...words]));
    const flag = words.includes("-6") ? "-6" : "-4";
    const poke = flag === "-6" ? "2001:db8:e::1/128" : "192.0.2.1/32";
    await eventually("the monitor listens", () => {
      if (monitor.seen(poke)) return true;
      for (const change of ["add", "del"]) this.ip(flag, "route", change, poke, "dev", "d0");
      return false;
    });
    return monitor;
  }

  /** The gateway that each bucket of a resilient group leads to, by bucket. */
  buckets(id: number): readonly (string | undefined)[] {
    const gatewayById = new Map<string, string>();
    for (const [, member = "", gateway = ""] of this.ip("nexthop").matchAll(/^id (\d+) via (\S+) /gm))
      gatewayById.set(member, gateway);
    const lines = this.ip("nexthop", "bucket", "show", "id", String(id)).trim().split("\n");
    return lines.map((line) => gatewayById.get(/nhid (\d+)/.exec(line)?.[1] ?? ""));
  }

  /** The number of the group that a route points to; NaN when there is none. */
  groupOf(prefix: string): number {
    const family = prefix.includes(":") ? "-6" : "-4";
    return Number(/nhid (\d+)/.exec(this.ip(family, "route", "show", prefix))?.[1]);
  }

  /** What is in a group, in its order: "via 10.0.0.2 dev d0", "dev lo", "blackhole". */
  membersOf(id: number): string[] {
    const objects = this.ip("nexthop").split("\n");
    const of = (member: string): string | undefined =>
      new RegExp(`^id ${member} (.*?)( scope \\S+)?( onlink)? proto`).exec(
        objects.find((line) => line.startsWith(`id ${member} `)) ?? "",
      )?.[1];
    const members =
      of(String(id))
        ?.match(/^group (\S+)/)?.[1]
        ?.split("/") ?? [];
    return members.map((member) => of(member.split(",")[0]!) ?? member);
  }

  /** One UDP packet from each of as many ports. */
  sendFlows(to: string, count: number): void {
    const script = `const { createSocket } = require("node:dgram");
      const next = (left) => {
        if (left === 0) return;
        const socket = createSocket("udp4");
        socket.send("x", 9, ${JSON.stringify(to)}, () => { socket.close(); next(left - 1); });
      };
      next(${count});`;
    this.run(process.execPath, "-e", script);
  }

  async remove(): Promise<void> {
    for (const kernel of this.#kernels) await kernel.close();
    execFileSync("ip", ["netns", "del", this.name]);
    rmSync(this.#folder, { recursive: true });
  }
}

/** What `ip monitor` prints. */
export class Monitor {
  readonly #child: ChildProcess;
  #text = "";

  constructor(child: ChildProcess) {
    this.#child = child;
    child.stdout?.on("data", (chunk: Buffer) => {
      this.#text += chunk.toString();
    });
  }

  /** Whether a line about this prefix has come; /32 and /128 are not printed. */
  seen(prefix: string): boolean {
    return this.linesAbout(prefix).length > 0;
  }

  linesAbout(prefix: string): readonly string[] {
    const printed = prefix.replace(/\/(32|128)$/, "");
    return this.lines().filter((line) => line.split(" ").includes(printed));
  }

  lines(): readonly string[] {
    return this.#text.split("\n").filter((line) => line !== "");
  }

  stop(): void {
    this.#child.kill();
  }
}

/** All that netd reads of what is ours. */
export async function readAll(
  kernel: Kernel,
): Promise<{ readonly routes: readonly KernelRoute[]; readonly nat: string | undefined }> {
  const routes: KernelRoute[] = [];
  const found = await kernel.read((some) => {
    routes.push(...some);
  }, false);
  return { routes, nat: found.is === "listed" ? found.text : undefined };
}

/** Polls until it holds. @throws Error naming `what` when it does not in time */
export async function eventually(what: string, holds: () => boolean, limitMs = 50_000): Promise<void> {
  const until = performance.now() + limitMs;
  while (!holds()) {
    if (performance.now() > until) throw new Error(`within ${limitMs} ms, not: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
