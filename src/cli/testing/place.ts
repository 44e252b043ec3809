/** gwctl in this process, and a place for what it asks. */

import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Io } from "../io.ts";
import { main } from "../main.ts";

export interface Run {
  readonly exit: number;
  readonly out: string;
  readonly err: string;
}

/** To its end; `world` is what is not as in a pipe without an environment. */
export async function run(argv: readonly string[], world: Partial<Io> = {}): Promise<Run> {
  let out = "";
  let err = "";
  const io: Io = {
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
    env: {},
    signal: new AbortController().signal,
    ...world,
  };
  const exit = await main(argv, io, "0.1.0");
  return { exit, out, err };
}

interface Opened {
  close(): unknown;
}

/** A directory with a gatewayd's socket in it, as long as somebody serves. */
export class Place {
  readonly directory: string = mkdtempSync(join(tmpdir(), "gatewayd-cli-"));
  readonly socketPath: string = join(this.directory, "gatewayd.sock");
  /** Closed with the place. */
  readonly opened: Opened[] = [];

  /** For an API that is to be here; beside the socket, it is at a URL of this machine. */
  get options(): { socketPath: string; tcp: { host: string; port: number }; log: () => undefined } {
    return { socketPath: this.socketPath, tcp: { host: "127.0.0.1", port: 0 }, log: () => undefined };
  }

  /** Resolves to the URL. */
  async serve(api: Opened & { listen(): Promise<readonly string[]> }): Promise<string> {
    this.opened.push(api);
    return (await api.listen())[1]!;
  }

  gwctl(line: string, world: Partial<Io> = {}): Promise<Run> {
    return run(line.split(" ").filter(Boolean), { env: { GWCTL_SOCKET: this.socketPath }, ...world });
  }

  async remove(): Promise<void> {
    await Promise.all(this.opened.map((one) => one.close()));
    await rm(this.directory, { recursive: true });
  }
}
