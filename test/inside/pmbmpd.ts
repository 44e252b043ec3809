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
}

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

  /** Routes of one peer, as "update PREFIX" and "withdraw PREFIX". */
  routesOf(peer: string): string[] {
    return this.heard()
      .filter(({ ip_prefix: prefix, peer_ip: ip }) => prefix !== undefined && ip === peer)
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
