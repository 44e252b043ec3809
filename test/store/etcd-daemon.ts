/** A real etcd for the tests of this folder: made here, ended here. */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { vi } from "vitest";
import type { EtcdTls } from "../../src/store/etcd/members.ts";
import { Authority } from "../daemon/authority.ts";
import { WAIT } from "./laws/subject.ts";

/** Why etcd cannot be tried on this machine; undefined: it can. Under CI it has to be. */
export function missing(...programs: readonly string[]): string | undefined {
  const absent = programs.filter((program) => spawnSync("which", [program]).status !== 0);
  if (absent.length === 0) return undefined;
  if (process.env["CI"] === "true") throw new Error(`missing: ${absent.join(", ")}`);
  return absent.join(", ");
}

/** A directory that other users may enter. */
export function openFolder(): string {
  const made = mkdtempSync(join(tmpdir(), "gatewayd-etcd-"));
  chmodSync(made, 0o755);
  return made;
}

export interface Certificates {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly tls: EtcdTls;
}

/** An authority, and one certificate of it for an address, for servers and for clients. */
export function certificates(folder: string, address: string): Certificates {
  const authority = new Authority(folder);
  const { caFile: ca } = authority;
  const { certFile: cert, keyFile: key } = authority.issue("etcd", `IP:${address}`);
  return { ca, cert, key, tls: { ca: readFileSync(ca), cert: readFileSync(cert), key: readFileSync(key) } };
}

let started = 0;

/** A loopback address that no other process of the tests has: nobody takes its ports while etcd is halted. */
const ownAddress = (): string =>
  `127.${32 + (started++ & 31)}.${(process.pid >> 8) & 255}.${process.pid & 255}`;

export class Etcd {
  /** With certificates of both sides. */
  readonly url: URL;
  /** Without. */
  readonly plain: URL;
  readonly #options: readonly string[];
  readonly #folder: string;
  #process: ChildProcess;

  /** @param options - beside those that it needs */
  static async start(...options: readonly string[]): Promise<Etcd & { certificates: Certificates }> {
    const folder = openFolder();
    const address = ownAddress();
    const made = certificates(folder, address);
    const [secured, open, peers] = [
      `https://${address}:2379`,
      `http://${address}:2378`,
      `http://${address}:2380`,
    ];
    const urls = `${secured},${open}`;
    const tls = [`--cert-file=${made.cert}`, `--key-file=${made.key}`, `--trusted-ca-file=${made.ca}`];
    const all = [
      ...["--name=one", `--data-dir=${join(folder, "data")}`, "--client-cert-auth", ...tls],
      ...[`--listen-client-urls=${urls}`, `--advertise-client-urls=${urls}`],
      ...[`--listen-peer-urls=${peers}`, `--initial-advertise-peer-urls=${peers}`],
      `--initial-cluster=one=${peers}`,
      ...options,
    ];
    const etcd = new Etcd(all, folder, secured, open);
    await etcd.#well();
    return Object.assign(etcd, { certificates: made });
  }

  private constructor(options: readonly string[], folder: string, secured: string, open: string) {
    this.#options = options;
    this.#process = spawnEtcd(options);
    this.#folder = folder;
    this.url = new URL(secured);
    this.plain = new URL(open);
  }

  #well(): Promise<void> {
    return vi.waitFor(async () => {
      if (!(await fetch(new URL("/health", this.plain))).ok) throw new Error("etcd is not well yet");
    }, WAIT);
  }

  /** Forgets what was before a revision. */
  async compact(revision: number): Promise<void> {
    await this.ask("/v3/kv/compaction", { revision: String(revision), physical: true });
  }

  /** etcd's own JSON. @param token - of a user, where it has some */
  async ask(path: string, body: object, token = ""): Promise<unknown> {
    const headers = token === "" ? {} : { authorization: token };
    const asked = { method: "POST", headers, body: JSON.stringify(body) };
    const answer = await fetch(new URL(path, this.plain), asked);
    if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`);
    return answer.json();
  }

  /** Ends, and is there again with certificates of another authority: `certificates` are those from here on. */
  async renew(this: Etcd & { certificates: Certificates }): Promise<void> {
    await this.halt();
    this.certificates = certificates(this.#folder, this.url.hostname);
    await this.resume();
  }

  /** Until {@link resume}, nobody answers. */
  async halt(): Promise<void> {
    const ended = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await ended;
  }

  async resume(): Promise<void> {
    this.#process = spawnEtcd(this.#options);
    await this.#well();
  }

  async stop(): Promise<void> {
    await this.halt();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** @param before - a command that runs the rest of the line: another user, another namespace */
export function spawnEtcd(options: readonly string[], before: readonly string[] = []): ChildProcess {
  const [command, ...args] = [...before, "etcd", "--log-level=error", ...options];
  // Without its environment, whose ETCD_ variables etcd would take for options.
  return spawn(command!, args, { stdio: ["ignore", "ignore", "ignore"], env: { PATH: process.env["PATH"] } });
}
