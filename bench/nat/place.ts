/**
 * Private hosts, gateways side by side, servers. Each gateway is a way of its own from the one to the other, in a namespace
 * of its own, and a datagram's destination says by which it goes: what is compared stands there at the same time, and takes
 * turns. What arrives is counted, and dropped.
 */

import {
  type ChildProcess,
  type ChildProcessByStdio,
  execFileSync,
  spawn,
  spawnSync,
} from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import type { Wanted, Written } from "./gateway.ts";
import { type Load, SERVER_PORT, type Sent } from "./load.ts";

const nameOf = (part: string): string => `nat-bench-${process.pid}-${part}`;
const HOSTS = nameOf("hosts");
const SERVERS = nameOf("servers");
const gatewayName = (at: number): string => nameOf(`gw${at}`);

/** Datagrams of one octet reach a server, which answers them. */
const SINK = `table ip sink {
  chain in { type filter hook prerouting priority -300; udp length > 9 udp dport ${SERVER_PORT} drop; }
}
`;

/** Of each gateway, another server. */
const serverOf = (at: number): string => `198.18.${at}.1`;
const SERVER = 0xc612_0001;

export class Place {
  readonly #gateways: readonly number[];
  readonly #answering: ChildProcess;
  readonly #sender: ChildProcessByStdio<Writable, Readable, null>;
  readonly #told: Interface;

  /** @param gateways - how many, 250 at most */
  constructor(gateways: number) {
    this.#gateways = Array.from({ length: gateways }, (_, at) => at);
    this.#removeNamespaces();
    for (const name of this.#namespaces()) ip("netns", "add", name);
    for (const at of this.#gateways) connect(at);
    run(SERVERS, ["nft", "-f", "-"], SINK);
    const inside = (namespace: string, name: string): string[] => [
      "netns",
      "exec",
      namespace,
      ...program(name),
    ];
    const servers = this.#gateways.map(serverOf);
    this.#answering = spawn("ip", [...inside(SERVERS, "answer.js"), `${SERVER_PORT}`, ...servers], {
      stdio: "ignore",
    });
    this.#sender = spawn("ip", inside(HOSTS, "flows.js"), { stdio: ["pipe", "pipe", "inherit"] });
    this.#told = createInterface({ input: this.#sender.stdout });
  }

  /** Rules by hand. */
  rules(at: number, text: string): void {
    run(gatewayName(at), ["nft", "-f", "-"], text);
  }

  /** Our own. */
  gateway(at: number, wanted: Wanted): Written {
    return JSON.parse(run(gatewayName(at), [...program("gateway.js"), JSON.stringify(wanted)])) as Written;
  }

  /** Flows, and what packets wrote into maps of that name. */
  forget(at: number, maps: readonly string[]): void {
    run(gatewayName(at), ["conntrack", "-F"]);
    if (maps.length > 0) this.rules(at, maps.map((name) => `flush ${name}\n`).join(""));
  }

  async send(at: number, load: Omit<Load, "server">): Promise<Sent> {
    this.#sender.stdin.write(`${JSON.stringify({ ...load, server: SERVER + 256 * at } satisfies Load)}\n`);
    const [line] = (await once(this.#told, "line")) as [string];
    return JSON.parse(line) as Sent;
  }

  /** Packets that came out of a gateway towards servers so far. */
  arrived(at: number): number {
    const [link] = JSON.parse(ip("-n", SERVERS, "-j", "-s", "link", "show", "dev", `gw${at}`));
    return link.stats64.rx.packets;
  }

  remove(): void {
    for (const child of [this.#answering, this.#sender]) child.kill("SIGKILL");
    this.#removeNamespaces();
  }

  #namespaces(): string[] {
    return [HOSTS, SERVERS, ...this.#gateways.map(gatewayName)];
  }

  #removeNamespaces(): void {
    for (const name of this.#namespaces()) spawnSync("ip", ["netns", "del", name], { stdio: "ignore" });
  }
}

/** Lays the way through a gateway. */
function connect(at: number): void {
  const gateway = gatewayName(at);
  for (const [end, namespace, net] of [
    ["hosts", HOSTS, `192.0.${at}`],
    ["servers", SERVERS, `203.0.${at}`],
  ] as const) {
    ip("-n", gateway, "link", "add", end, "type", "veth", "peer", "name", `gw${at}`, "netns", namespace);
    ip("-n", gateway, "address", "add", `${net}.1/24`, "dev", end);
    ip("-n", namespace, "address", "add", `${net}.2/24`, "dev", `gw${at}`);
    ip("-n", gateway, "link", "set", end, "up");
    ip("-n", namespace, "link", "set", `gw${at}`, "up");
  }
  run(gateway, ["sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.conf.all.rp_filter=0"]);
  ip("-n", gateway, "route", "add", "10.64.0.0/10", "via", `192.0.${at}.2`);
  ip("-n", gateway, "route", "add", serverOf(at), "via", `203.0.${at}.2`);
  ip("-n", HOSTS, "route", "add", serverOf(at), "via", `192.0.${at}.1`);
  ip("-n", SERVERS, "address", "add", `${serverOf(at)}/32`, "dev", "lo");
}

const program = (name: string): string[] => [process.execPath, join(import.meta.dirname, name)];

const ip = (...words: readonly string[]): string =>
  execFileSync("ip", words, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });

function run(namespace: string, command: readonly string[], input = ""): string {
  return execFileSync("ip", ["netns", "exec", namespace, ...command], {
    ...{ encoding: "utf8", input, maxBuffer: 1 << 28, stdio: ["pipe", "pipe", "pipe"] },
  });
}
