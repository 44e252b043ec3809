/** FRR's bfdd, alone: no zebra, no bgpd. */

import { execFileSync, spawn } from "node:child_process";
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const BFDD = "/usr/lib/frr/bfdd";
const VTYSH = "/usr/bin/vtysh";

export interface Bfdd {
  /** Of its one session: up, down, init or shutdown. */
  status(): string | undefined;
  /** Why it went down the last time. */
  diagnostic(): string | undefined;
  /** Lines below the `peer` line of its configuration. */
  configure(...lines: readonly string[]): void;
  stop(): Promise<void>;
}

/** Watches `remote` from `local`, every `intervalMs`; three packets may be missed. */
export function startBfdd(namespace: string, local: string, remote: string, intervalMs: number): Bfdd {
  const directory = mkdtempSync(join(tmpdir(), "bgpi-bfdd-"));
  chmodSync(directory, 0o755);
  const [uid, gid] = (["-u", "-g"] as const).map((what) =>
    Number(execFileSync("id", [what, "frr"], { encoding: "utf8" })),
  );
  chownSync(directory, uid!, gid!);
  const at = (name: string): string => join(directory, name);
  const peer = `peer ${remote} local-address ${local}`;
  writeFileSync(
    at("bfdd.conf"),
    `bfd\n ${peer}\n  receive-interval ${intervalMs}\n  transmit-interval ${intervalMs}\n exit\nexit\n`,
  );
  const files = ["-f", at("bfdd.conf"), "-i", at("bfdd.pid"), "-z", at("zserv.api"), "--bfdctl", at("ctl")];
  const child = spawn("ip", ["netns", "exec", namespace, BFDD, ...files, "--vty_socket", directory], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const exited = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
  });
  const vtysh = (...commands: readonly string[]): string => {
    const words = commands.flatMap((command) => ["-c", command]);
    return execFileSync(VTYSH, ["--vty_socket", directory, "-d", "bfdd", ...words], {
      encoding: "utf8",
      stdio: "pipe",
    });
  };
  const session = (): { readonly status?: string; readonly diagnostic?: string } => {
    try {
      return JSON.parse(vtysh("show bfd peers json"))[0] ?? {};
    } catch {
      return {}; // it does not listen yet
    }
  };
  return {
    status: () => session().status,
    diagnostic: () => session().diagnostic,
    configure: (...lines) => {
      vtysh("configure terminal", "bfd", peer, ...lines);
    },
    stop: async () => {
      child.kill("SIGKILL");
      await exited;
      rmSync(directory, { recursive: true });
    },
  };
}
