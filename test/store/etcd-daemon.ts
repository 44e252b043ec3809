/** A real etcd for the tests of this folder: made here, ended here. */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { vi } from "vitest";
import type { EtcdSettings } from "../../src/store/etcd/members.ts";
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
  readonly tls: NonNullable<EtcdSettings["tls"]>;
}

/** An authority, and one certificate of it for 127.0.0.1, for servers and for clients. */
export function certificates(folder: string): Certificates {
  const authority = new Authority(folder);
  const { caFile: ca } = authority;
  const { certFile: cert, keyFile: key } = authority.issue("etcd", "IP:127.0.0.1");
  return { ca, cert, key, tls: { ca: readFileSync(ca), cert: readFileSync(cert), key: readFileSync(key) } };
}

/** A TCP port of 127.0.0.1 that nobody has at this moment. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new TypeError("no port");
  server.close();
  await once(server, "close");
  return address.port;
}

export class Etcd {
  /** With certificates of both sides. */
  readonly url: URL;
  /** Without. */
  readonly plain: URL;
  readonly #process: ChildProcess;
  readonly #folder: string;

  /** @param options - beside those that it needs */
  static async start(...options: readonly string[]): Promise<Etcd & { readonly certificates: Certificates }> {
    const folder = openFolder();
    const made = certificates(folder);
    const [secured, open, peers] = [await freePort(), await freePort(), await freePort()];
    const urls = `https://127.0.0.1:${secured},http://127.0.0.1:${open}`;
    const tls = [`--cert-file=${made.cert}`, `--key-file=${made.key}`, `--trusted-ca-file=${made.ca}`];
    const child = spawnEtcd([
      ...["--name=one", `--data-dir=${join(folder, "data")}`, "--client-cert-auth", ...tls],
      ...[`--listen-client-urls=${urls}`, `--advertise-client-urls=${urls}`],
      ...[
        `--listen-peer-urls=http://127.0.0.1:${peers}`,
        `--initial-advertise-peer-urls=http://127.0.0.1:${peers}`,
      ],
      `--initial-cluster=one=http://127.0.0.1:${peers}`,
      ...options,
    ]);
    const etcd = new Etcd(child, folder, secured, open);
    await vi.waitFor(async () => {
      if (!(await fetch(new URL("/health", etcd.plain))).ok) throw new Error("etcd is not well yet");
    }, WAIT);
    return Object.assign(etcd, { certificates: made });
  }

  private constructor(child: ChildProcess, folder: string, secured: number, open: number) {
    this.#process = child;
    this.#folder = folder;
    this.url = new URL(`https://127.0.0.1:${secured}`);
    this.plain = new URL(`http://127.0.0.1:${open}`);
  }

  /** Forgets what was before a revision. */
  async compact(revision: number): Promise<void> {
    await this.ask("/v3/kv/compaction", { revision: String(revision), physical: true });
  }

  /** etcd's own JSON. */
  async ask(path: string, body: object): Promise<unknown> {
    const answer = await fetch(new URL(path, this.plain), { method: "POST", body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`);
    return answer.json();
  }

  async stop(): Promise<void> {
    const ended = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await ended;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** @param before - a command that runs the rest of the line: another user, another namespace */
export function spawnEtcd(options: readonly string[], before: readonly string[] = []): ChildProcess {
  const [command, ...args] = [...before, "etcd", "--log-level=error", ...options];
  // Without its environment, whose ETCD_ variables etcd would take for options.
  return spawn(command!, args, { stdio: ["ignore", "ignore", "ignore"], env: { PATH: process.env["PATH"] } });
}
