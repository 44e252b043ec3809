/** pmacct's BMP collector, and what it logs of each message. */

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";

export const PMBMPD = "/usr/sbin/pmbmpd";

/** A line of its log. */
interface Heard {
  readonly bmp_msg_type: string;
  readonly peer_ip?: string;
  /** "update" or "withdraw". */
  readonly log_type?: string;
  readonly ip_prefix?: string;
  readonly as_path?: string;
  /** Of which table: 1 or 0, or absent. */
  readonly is_in?: number;
  readonly is_out?: number;
  readonly is_loc?: number;
  readonly is_post?: number;
}

/** The tables that it tells apart. */
export type HeardTable =
  | "pre-policy"
  | "post-policy"
  | "rib-out-pre-policy"
  | "rib-out-post-policy"
  | "loc-rib";

export class Collector {
  readonly #log: string;
  readonly #child: ChildProcess;

  /** @param file - where it may write: this and names that begin so */
  constructor(file: string, address: string, port: number) {
    this.#log = `${file}.json`;
    const lines = [
      ["daemonize", "false"],
      ["bmp_daemon_ip", address],
      ["bmp_daemon_port", port],
      ["bmp_daemon_msglog_file", this.#log],
    ];
    writeFileSync(`${file}.conf`, lines.map(([key, value]) => `${key}: ${value}\n`).join(""));
    this.#child = spawn(PMBMPD, ["-f", `${file}.conf`], { stdio: "ignore" });
  }

  /** The last line may still be under the pen. */
  heard(): Heard[] {
    if (!existsSync(this.#log)) return [];
    const lines = readFileSync(this.#log, "utf8").split("\n");
    return lines.flatMap((line) => (line.endsWith("}") ? [JSON.parse(line) as Heard] : []));
  }

  /** Routes of one table of one peer, as "update PREFIX" and "withdraw PREFIX". */
  routesOf(peer: string, table: HeardTable): string[] {
    return this.heard()
      .filter((line) => line.ip_prefix !== undefined && line.peer_ip === peer && tableOf(line) === table)
      .map(({ log_type: log, ip_prefix: prefix }) => `${log} ${prefix}`);
  }

  /** The kinds of messages that came; of one peer, if given. */
  types(peer?: string): Set<string> {
    const heard = this.heard().filter(({ peer_ip: ip }) => peer === undefined || ip === peer);
    return new Set(heard.map(({ bmp_msg_type: type }) => type));
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const gone = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGKILL");
    await gone;
  }
}

function tableOf({ is_loc: isLoc, is_out: isOut, is_post: isPost }: Heard): HeardTable {
  if (isLoc === 1) return "loc-rib";
  const policy = isPost === 1 ? "post-policy" : "pre-policy";
  return isOut === 1 ? `rib-out-${policy}` : policy;
}
