/** Two BIRDs in one namespace of their own: the first announces, the second writes MRT files about it. */

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const BIRD = "/usr/sbin/bird";

export interface BirdPair {
  /** What `protocol mrt` writes, and what `mrtdump` does. */
  readonly table: string;
  readonly updates: string;
  /** Ends the session from the announcing side. */
  endSession(): void;
  remove(): Promise<void>;
}

const ROUTES = `
protocol static four { ipv4; route 203.0.113.0/24 blackhole; route 198.51.100.128/25 blackhole; }
protocol static six { ipv6; route 2001:db8:1::/48 blackhole; }
filter told {
  bgp_community.add((64512,100)); bgp_large_community.add((64512,1,2)); bgp_med = 7; accept;
}`;

const ENDS = [
  { family: 4, first: "192.0.2.1", second: "192.0.2.2", length: 32 },
  { family: 6, first: "fd00:69::1", second: "fd00:69::2", length: 128 },
] as const;

const session = (
  family: 4 | 6,
  own: string,
  asn: number,
  other: string,
  otherAsn: number,
  channel: string,
) => `
protocol bgp peer${family} {
  local ${own} as ${asn}; neighbor ${other} as ${otherAsn}; multihop; strict bind; connect delay time 1;
  ipv${family} { ${channel} };
}`;

/** @throws Error when not root */
export function startBirdPair(): BirdPair {
  const namespace = `inside-mrt-${process.pid}`;
  const directory = mkdtempSync(join(tmpdir(), "inside-mrt-"));
  const at = (name: string): string => join(directory, name);
  const ip = (...words: readonly string[]): string => execFileSync("ip", words, { encoding: "utf8" });
  ip("netns", "add", namespace);
  ip("-n", namespace, "link", "set", "lo", "up");
  for (const { first, second, length } of ENDS) {
    for (const address of [first, second]) {
      ip("-n", namespace, "address", "add", `${address}/${length}`, "dev", "lo");
    }
  }
  const told = "import none; export filter told; next hop self;";
  const heard = "import all; export none;";
  writeFileSync(
    at("first.conf"),
    `router id 192.0.2.1; protocol device {} ${ROUTES}
${ENDS.map((e) => session(e.family, e.first, 4_200_000_001, e.second, 64513, told)).join("")}`,
  );
  writeFileSync(
    at("second.conf"),
    `router id 192.0.2.2; mrtdump "${at("updates.mrt")}"; mrtdump protocols all; protocol device {}
protocol mrt { table "master*"; filename "${at("table.mrt")}"; period 1; always add path no; }
${ENDS.map((e) => session(e.family, e.second, 64513, e.first, 4_200_000_001, heard)).join("")}`,
  );
  const run = (name: string): ChildProcess =>
    spawn("ip", ["netns", "exec", namespace, BIRD, "-f", "-c", at(`${name}.conf`), "-s", at(`${name}.ctl`)], {
      stdio: "inherit",
    });
  const second = run("second");
  const first = run("first");
  const gone = [first, second].map((child) => new Promise((resolve) => child.once("exit", resolve)));
  return {
    table: at("table.mrt"),
    updates: at("updates.mrt"),
    endSession: () => {
      first.kill("SIGTERM");
    },
    remove: async () => {
      first.kill("SIGKILL");
      second.kill("SIGKILL");
      await Promise.all(gone);
      ip("netns", "delete", namespace);
      rmSync(directory, { recursive: true });
    },
  };
}
