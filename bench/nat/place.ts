/** Three namespaces in a row: private hosts, the gateway under test, servers. What arrives is counted, and dropped. */

import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Load, Sent } from "./flows.ts";
import type { Wanted, Written } from "./gateway.ts";

const nameOf = (part: string): string => `nat-bench-${process.pid}-${part}`;
const GW = nameOf("gw");
const HOSTS = nameOf("hosts");
const SERVERS = nameOf("servers");
const ALL = [GW, HOSTS, SERVERS];

/** Datagrams of one octet reach the server, which answers them. */
const SINK = `table ip sink {
  chain in { type filter hook prerouting priority -300; udp length > 9 udp dport 9000 counter drop; }
}
`;

export interface Passed {
  /** Datagrams that came out at the other side. */
  readonly arrived: number;
  readonly perSecond: number;
  /** Of one processor, for each. */
  readonly cpuMicroseconds: number;
}

export class Place {
  readonly #answering: ChildProcess;
  readonly #directory: string = mkdtempSync(join(tmpdir(), "nat-bench-"));

  constructor() {
    this.#removeNamespaces();
    const ip = (...words: readonly string[]): unknown => execFileSync("ip", words);
    for (const name of ALL) ip("netns", "add", name);
    for (const [name, end] of [
      ["hosts", HOSTS],
      ["servers", SERVERS],
    ] as const) {
      const net = name === "hosts" ? "192.0.2" : "203.0.113";
      ip("-n", GW, "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", end);
      ip("-n", GW, "address", "add", `${net}.1/24`, "dev", name);
      ip("-n", end, "address", "add", `${net}.2/24`, "dev", "eth0");
      ip("-n", GW, "link", "set", name, "up");
      ip("-n", end, "link", "set", "eth0", "up");
      ip("-n", end, "route", "add", "default", "via", `${net}.1`);
    }
    run(GW, "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.conf.all.rp_filter=0");
    ip("-n", GW, "route", "add", "10.64.0.0/10", "via", "192.0.2.2");
    ip("-n", GW, "route", "add", "198.18.0.0/16", "via", "203.0.113.2");
    ip("-n", SERVERS, "address", "add", "198.18.0.1/32", "dev", "lo");
    this.#load(SERVERS, SINK);
    const words = ["netns", "exec", SERVERS, process.execPath, join(import.meta.dirname, "answer.js")];
    this.#answering = spawn("ip", [...words, "198.18.0.1", "9000"], { stdio: "ignore" });
  }

  /** Replaces all rules of the gateway. */
  rules(text: string): void {
    run(GW, "nft", "flush", "ruleset");
    this.#load(GW, text);
  }

  /** Likewise, by ours. */
  gateway(wanted: Wanted): Written {
    run(GW, "nft", "flush", "ruleset");
    return JSON.parse(run(GW, ...program("gateway.js", wanted))) as Written;
  }

  forget(): void {
    spawnSync("ip", ["netns", "exec", GW, "conntrack", "-F"], { stdio: "ignore" });
  }

  send(load: Load): Passed {
    const before = this.#arrived();
    const { seconds, cpuSeconds } = JSON.parse(run(HOSTS, ...program("flows.js", load))) as Sent;
    const arrived = this.#arrived() - before;
    return { arrived, perSecond: arrived / seconds, cpuMicroseconds: (cpuSeconds * 1e6) / arrived };
  }

  remove(): void {
    this.#answering.kill("SIGKILL");
    this.#removeNamespaces();
    rmSync(this.#directory, { recursive: true });
  }

  #load(namespace: string, text: string): void {
    const file = join(this.#directory, "rules.nft");
    writeFileSync(file, text);
    run(namespace, "nft", "-f", file);
  }

  #arrived(): number {
    return Number(/packets (\d+)/.exec(run(SERVERS, "nft", "list table ip sink"))?.[1]);
  }

  #removeNamespaces(): void {
    for (const name of ALL) spawnSync("ip", ["netns", "del", name], { stdio: "ignore" });
  }
}

const program = (name: string, argument: unknown): string[] => [
  process.execPath,
  join(import.meta.dirname, name),
  JSON.stringify(argument),
];

function run(namespace: string, ...command: readonly string[]): string {
  return execFileSync("ip", ["netns", "exec", namespace, ...command], {
    encoding: "utf8",
    maxBuffer: 1 << 28,
    stdio: ["ignore", "pipe", "pipe"],
  });
}
