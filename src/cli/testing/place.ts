/** gwctl in this process, and APIs of samples for it to ask. */

import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import type { Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Sample, sampleSource } from "../../api/sample.ts";
import type { PeerAnswer } from "../../api/schema.ts";
import { type Api, createApi } from "../../api/server.ts";
import type { ApiControl } from "../../api/source.ts";
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

/** The first peer of the samples, with these changes. */
export const peerWith = async (changes: Partial<PeerAnswer>): Promise<PeerAnswer> => ({
  ...(await sampleSource().peers())[0]!,
  ...changes,
});

/** A directory with a gatewayd's socket in it, as long as somebody serves. */
export class Place {
  readonly directory: string = mkdtempSync(join(tmpdir(), "gatewayd-cli-"));
  readonly socketPath: string = join(this.directory, "gatewayd.sock");
  /** Closed with the place. */
  readonly opened: (Api | Server)[] = [];

  /** Over the socket, and at the URL that it resolves to. */
  async serve(sample: Partial<Sample> = {}, control?: ApiControl): Promise<string> {
    const tcp = { host: "127.0.0.1", port: 0 };
    const { socketPath } = this;
    const options = { socketPath, tcp, log: () => undefined, ...(control && { control }) };
    const api = createApi(sampleSource(sample), options);
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
