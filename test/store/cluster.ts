/** Three members of etcd in a network namespace, and clients in it that can be cut off. Made here, removed here. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { vi } from "vitest";
import { gatewayFile } from "../daemon/gateway-file.ts";
import { type Daemon, eventually, Lab } from "../daemon/lab.ts";
import { makeNamespace, type Namespace } from "../nat/namespace.ts";
import { openFolder, spawnEtcd } from "./etcd-daemon.ts";
import { WAIT } from "./laws/subject.ts";

const CLIENT = new URL("./client.mjs", import.meta.url).pathname;

export type Name = "a" | "b" | "c";
const ADDRESSES: Readonly<Record<Name, string>> = { a: "127.0.0.11", b: "127.0.0.12", c: "127.0.0.13" };
const NAMES = Object.keys(ADDRESSES) as Name[];

/** Packets are told apart by the group of who sends them: all are on one machine, and all are root's. */
const GROUPS = { a: 0, b: 0, c: 65533, client: 65534 } as const;

const clientUrl = (name: Name): string => `http://${ADDRESSES[name]}:2379`;
const peerUrl = (name: Name): string => `http://${ADDRESSES[name]}:2380`;

export class Cluster {
  readonly #space: Namespace;
  readonly #folder: string = openFolder();
  readonly #members = new Map<Name, ChildProcess>();
  readonly #clients: Client[] = [];
  #lab: Lab | undefined;

  static async start(): Promise<Cluster> {
    const cluster = new Cluster();
    for (const name of NAMES) cluster.run(name);
    await vi.waitFor(() => cluster.etcdctl(NAMES, "endpoint", "health"), WAIT);
    return cluster;
  }

  private constructor() {
    this.#space = makeNamespace("etcd");
    for (const name of NAMES) {
      mkdirSync(this.#data(name), { mode: 0o700 });
    }
  }

  /** Starts a member, for the first time or again. */
  run(name: Name): void {
    const options = [
      ...[`--name=${name}`, `--data-dir=${this.#data(name)}`],
      ...[`--listen-client-urls=${clientUrl(name)}`, `--advertise-client-urls=${clientUrl(name)}`],
      ...[`--listen-peer-urls=${peerUrl(name)}`, `--initial-advertise-peer-urls=${peerUrl(name)}`],
      `--initial-cluster=${NAMES.map((each) => `${each}=${peerUrl(each)}`).join(",")}`,
    ];
    this.#members.set(name, spawnEtcd(options, this.#as(GROUPS[name])));
  }

  async kill(name: Name): Promise<void> {
    const member = this.#members.get(name)!;
    const ended = once(member, "exit");
    member.kill("SIGKILL");
    await ended;
  }

  /** Until `heal`, nothing reaches anybody that a member sends to other members, or a client to any member. */
  cut(who: "c" | "client"): void {
    // A member answers others' connections, too.
    const ports =
      who === "client" ? "tcp dport 2379" : "tcp sport 2380 drop; meta skgid 65533 tcp dport 2380";
    this.#space.run(
      "nft",
      `table inet cut { chain out { type filter hook output priority 0; meta skgid ${GROUPS[who]} ${ports} drop; }; }`,
    );
  }

  heal(): void {
    this.#space.run("nft", "delete table inet cut");
  }

  etcdctl(names: readonly Name[], ...command: readonly string[]): void {
    this.#space.run("etcdctl", `--endpoints=${names.map(clientUrl).join(",")}`, ...command);
  }

  /** A client that knows the members in this order. */
  async client(...names: readonly Name[]): Promise<Client> {
    const [command, ...before] = this.#as(GROUPS.client);
    const args = [...before, process.execPath, CLIENT, "/gatewayd", ...names.map(clientUrl)];
    const made = new Client(spawn(command!, args, { stdio: ["pipe", "pipe", "inherit"] }));
    this.#clients.push(made);
    await made.ask({ do: "read" });
    return made;
  }

  /** One that is cut off with the clients. */
  async gatewayd(): Promise<Gatewayd> {
    this.#lab = new Lab();
    const store = {
      type: "etcd",
      endpoints: NAMES.map(clientUrl),
      prefix: "/served",
      path: this.#lab.path("copy"),
    };
    const file = this.#lab.write("gateway.yaml", gatewayFile(this.#lab, "gateway", { sections: { store } }));
    const as = this.#as(GROUPS.client);
    return new Gatewayd(await this.#lab.start(file, this.#lab.path("gateway.sock"), as));
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) await client.stop();
    await this.#lab?.remove();
    for (const name of this.#members.keys())
      if (this.#members.get(name)!.exitCode === null) await this.kill(name);
    await this.#space.remove();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #data(name: Name): string {
    return join(this.#folder, name);
  }

  #as(group: number): string[] {
    return ["ip", "netns", "exec", this.#space.name, "setpriv", `--regid=${group}`, "--clear-groups"];
  }
}

interface Answer {
  readonly id?: number;
  readonly error?: string;
  readonly keys?: readonly string[];
  readonly told?: readonly string[];
  readonly lost?: string;
}

export class Client {
  /** What the watch told: keys, and with "-" before it a key that was removed. */
  readonly told: string[] = [];
  readonly lost: string[] = [];
  readonly #process: ChildProcess;
  readonly #answers = new Map<number, (answer: Answer) => void>();
  #asked = 0;

  constructor(child: ChildProcess) {
    this.#process = child;
    createInterface(child.stdout!).on("line", (line) => this.#take(JSON.parse(line) as Answer));
  }

  ask(
    command: { readonly do: "put" | "live"; readonly key: string } | { readonly do: "read" },
  ): Promise<Answer> {
    const id = ++this.#asked;
    return new Promise((resolve) => {
      this.#answers.set(id, resolve);
      this.#process.stdin!.write(`${JSON.stringify({ id, ...command })}\n`);
    });
  }

  /** Tries until it is acknowledged. */
  async put(key: string): Promise<void> {
    while ((await this.ask({ do: "put", key })).error !== undefined);
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const ended = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await ended;
  }

  #take(answer: Answer): void {
    if (answer.told !== undefined) this.told.push(...answer.told);
    if (answer.lost !== undefined) this.lost.push(answer.lost);
    if (answer.id !== undefined) this.#answers.get(answer.id)!(answer);
  }
}

/** What a user of its API sees. */
export class Gatewayd {
  readonly #daemon: Daemon;

  constructor(daemon: Daemon) {
    this.#daemon = daemon;
  }

  /** Asks for a network, once. */
  ask(name: string): ReturnType<Daemon["ask"]> {
    return this.#daemon.ask("/v2.0/networks", { method: "POST", body: { network: { name } } });
  }

  /** Tries until it is acknowledged. */
  async makes(name: string): Promise<void> {
    await eventually(`network ${name}`, async () => (await this.ask(name)).status === 201, WAIT.timeout);
  }

  async networks(): Promise<string[]> {
    const { networks } = await this.#daemon.get<{ networks: { name: string }[] }>("/v2.0/networks");
    return networks.map(({ name }) => name);
  }
}
