/** A client, a gateway, and hosts with a member of one anycast service each, all in namespaces of their own. */

import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";
import { Pair } from "../pair.ts";
import {
  ADDRESS,
  birdHost,
  type Contender,
  checkingHost,
  gatewayAddressOf,
  hostAddressOf,
  memberAddressOf,
  type Setting,
} from "./contenders.ts";
import type { Sent } from "./send.ts";

const CLIENT = "10.9.0.2";
const LOOK_MS = 200;
const LIMIT_MS = 60_000;

/** A process that answers a line with a line. */
class Talker {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(child: ChildProcess) {
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  }

  async line(): Promise<string> {
    return (await this.#lines.next()).value as string;
  }

  async ask<T>(word: string): Promise<T> {
    this.#child.stdin!.write(`${word}\n`);
    return JSON.parse(await this.line()) as T;
  }
}

interface Host {
  readonly namespace: string;
  readonly daemon: ChildProcess;
  readonly control: string | undefined;
  readonly member: Talker;
}

export class Place {
  readonly #directory: string = mkdtempSync(join(tmpdir(), "gateway-bench-"));
  readonly #pair = new Pair();
  readonly #started: ChildProcess[] = [];
  readonly #namespaces: string[] = [];
  readonly #hosts: Host[] = [];
  #client: Talker | undefined;

  /** @param checks - hosts are ours and check their members, which are behind them */
  async build(contender: Contender, members: number, bfd: boolean, checks: boolean): Promise<void> {
    const setting: Setting = { directory: this.#directory, members, bfd };
    this.#pair.connect([CLIENT]);
    run("ip", "-n", this.#pair.load, "route", "add", "default", "via", "10.9.0.1");
    this.#sysctl("net.ipv4.ip_forward=1", "net.ipv4.fib_multipath_hash_policy=1");
    for (let i = 0; i < members; i++) await this.#addHost(setting, i, checks);
    const { command } = contender.prepare(setting);
    this.#run(this.#pair.dut, ...command);
    // A flow stays with who has it: they are to begin when there are all members to choose from.
    await this.#until(`the gateway leads to ${members} members`, () => this.#leadsToAll());
    this.#client = this.#talker(this.#pair.load, "send.js", ADDRESS);
    await this.#until(`all of ${members} members are sent packets`, () => this.#allHear());
  }

  async sent(): Promise<Sent> {
    return this.#client!.ask<Sent>("take");
  }

  heard(member: number): Promise<readonly number[]> {
    return this.#hosts[member]!.member.ask("take");
  }

  /** The member is not well any more, and says so to who asks. */
  async fail(member: number): Promise<void> {
    await this.#hosts[member]!.member.ask("fail");
  }

  withdraw(member: number): void {
    run("birdc", "-s", this.#hosts[member]!.control!, "disable", "service");
  }

  endSession(member: number): void {
    this.#hosts[member]!.daemon.kill("SIGKILL");
  }

  /** Packets of BFD leave it no more, and no new session begins, which would be up again at once; all others do. */
  muteBfd(member: number): void {
    const drops = "udp dport 3784 drop; tcp flags syn drop;";
    const rules = `table ip mute { chain out { type filter hook output priority 0; ${drops} }; }`;
    run("ip", "netns", "exec", this.#hosts[member]!.namespace, "nft", rules);
  }

  loseLink(member: number): void {
    run("ip", "-n", this.#hosts[member]!.namespace, "link", "set", "eth0", "down");
  }

  async remove(): Promise<void> {
    for (const pid of this.#pair.pids()) process.kill(pid, "SIGKILL");
    for (const child of this.#started) child.kill("SIGKILL");
    await Promise.all(
      this.#started.map((child) => child.exitCode ?? child.signalCode ?? once(child, "exit")),
    );
    for (const name of this.#namespaces) spawnSync("ip", ["netns", "del", name], { stdio: "ignore" });
    this.#pair.remove();
    rmSync(this.#directory, { recursive: true });
  }

  async #addHost(setting: Setting, member: number, checks: boolean): Promise<void> {
    const namespace = this.#namespace(`host${member}`);
    const link = `m${member}`;
    run("ip", "-n", this.#pair.dut, ...words(`link add ${link} type veth peer name eth0 netns ${namespace}`));
    run("ip", "-n", this.#pair.dut, ...words(`address add ${gatewayAddressOf(member)}/30 dev ${link}`));
    run("ip", "-n", namespace, ...words(`address add ${hostAddressOf(member)}/30 dev eth0`));
    run("ip", "-n", this.#pair.dut, ...words(`link set ${link} up`));
    run("ip", "-n", namespace, ...words("link set eth0 up"));
    const where = checks ? this.#addMember(namespace, member) : namespace;
    if (!checks) run("ip", "-n", namespace, ...words(`address add ${ADDRESS}/32 dev lo`));
    const checked = checks ? memberAddressOf(member) : hostAddressOf(member);
    const hears = this.#talker(where, "hear.js", ADDRESS, checked);
    await hears.line();
    const prepared = (checks ? checkingHost : birdHost)(setting, member);
    const daemon = this.#run(namespace, ...prepared.command);
    this.#hosts.push({ namespace, daemon, control: prepared.control, member: hears });
  }

  /** Behind its host, which is on the link and leads to the service's address over it. */
  #addMember(host: string, member: number): string {
    const namespace = this.#namespace(`member${member}`);
    run("ip", "netns", "exec", host, "sysctl", "-qw", "net.ipv4.ip_forward=1");
    run("ip", "-n", host, ...words(`link add tap0 type veth peer name eth0 netns ${namespace}`));
    run("ip", "-n", host, ...words(`address add ${memberAddressOf(member).replace(/2$/, "1")}/30 dev tap0`));
    run("ip", "-n", namespace, ...words(`address add ${memberAddressOf(member)}/30 dev eth0`));
    run("ip", "-n", namespace, ...words(`address add ${ADDRESS}/32 dev lo`));
    run("ip", "-n", host, ...words("link set tap0 up"));
    run("ip", "-n", namespace, ...words("link set eth0 up"));
    run(
      "ip",
      "-n",
      namespace,
      ...words(`route add default via ${memberAddressOf(member).replace(/2$/, "1")}`),
    );
    return namespace;
  }

  #namespace(what: string): string {
    const name = `bench-${process.pid}-${what}`;
    run("ip", "netns", "add", name);
    this.#namespaces.push(name);
    run("ip", "-n", name, ...words("link set lo up"));
    return name;
  }

  #sysctl(...settings: readonly string[]): void {
    run("ip", "netns", "exec", this.#pair.dut, "sysctl", "-qw", ...settings);
  }

  #talker(namespace: string, script: string, ...args: readonly string[]): Talker {
    return new Talker(this.#run(namespace, process.execPath, join(import.meta.dirname, script), ...args));
  }

  #run(namespace: string, ...command: readonly string[]): ChildProcess {
    const child = spawn("ip", ["netns", "exec", namespace, ...command], {
      stdio: ["pipe", "pipe", "ignore"],
    });
    this.#started.push(child);
    return child;
  }

  #leadsToAll(): boolean {
    const { stdout } = spawnSync("ip", ["-n", this.#pair.dut, "-batch", "-"], {
      input: `route show ${ADDRESS}\nnexthop\n`,
      encoding: "utf8",
    });
    return this.#hosts.every((_, i) => stdout.includes(` via ${hostAddressOf(i)} `));
  }

  async #allHear(): Promise<boolean> {
    const heard = await Promise.all(this.#hosts.map((_, i) => this.heard(i)));
    return heard.every((numbers) => numbers.length > 0);
  }

  async #until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
    const untilMs = performance.now() + LIMIT_MS;
    while (!(await holds())) {
      if (performance.now() > untilMs) throw new Error(`not within ${LIMIT_MS} ms: ${what}`);
      await setTimeout(LOOK_MS);
    }
  }
}

const words = (text: string): string[] => text.split(" ");

function run(program: string, ...args: readonly string[]): void {
  execFileSync(program, args, { stdio: ["ignore", "ignore", "pipe"] });
}
