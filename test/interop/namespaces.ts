/** Two namespaces and a link between them: "us" and "them". Each pair has names of its own, so that none meet. */

import { execFileSync, spawnSync } from "node:child_process";

export const US = { v4: "10.77.0.1", v6: "2001:db8:77::1" } as const;
export const THEM = { v4: "10.77.0.2", v6: "2001:db8:77::2" } as const;

export interface Pair {
  readonly us: string;
  readonly them: string;
  remove(): void;
}

let made = 0;

export function namespacePair(): Pair {
  const name = `bgpi-${process.pid}-${++made}`;
  const us = `${name}-us`;
  const them = `${name}-them`;
  const remove = (): void => {
    for (const each of [us, them]) removeNamespace(each);
  };
  remove();
  try {
    batch([`netns add ${us}`, `netns add ${them}`]);
    batch([`link add veth0 type veth peer name veth0 netns ${them}`, ...inside(US)], us);
    batch(inside(THEM), them);
  } catch (error) {
    remove();
    throw error;
  }
  return { us, them, remove };
}

/** With who was started there, and has nobody else to end it. */
export function removeNamespace(name: string): void {
  const { stdout } = spawnSync("ip", ["netns", "pids", name], { encoding: "utf8" });
  for (const pid of stdout.split("\n").filter((line) => line !== "")) kill(Number(pid));
  spawnSync("ip", ["netns", "del", name], { stdio: "ignore" });
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

/** Without duplicate address detection, which would keep the IPv6 address from being used for a second. */
const inside = ({ v4, v6 }: { readonly v4: string; readonly v6: string }): string[] => [
  "link set lo up",
  `addr add ${v4}/24 dev veth0`,
  `addr add ${v6}/64 dev veth0 nodad`,
  "link set veth0 up",
];

function batch(lines: readonly string[], namespace?: string): void {
  const where = namespace === undefined ? [] : ["-n", namespace];
  execFileSync("ip", [...where, "-batch", "-"], { input: `${lines.join("\n")}\n`, stdio: "pipe" });
}

/** What is missing on this machine, in words; undefined when nothing is. */
export function missing(programs: readonly string[]): string | undefined {
  if (process.getuid?.() !== 0) return "root, for network namespaces";
  const absent = programs.filter((program) => spawnSync("test", ["-x", program]).status !== 0);
  if (absent.length > 0) return absent.join(", ");
  const probe = `bgpi-${process.pid}-probe`;
  if (spawnSync("ip", ["netns", "add", probe], { stdio: "ignore" }).status !== 0) return "network namespaces";
  spawnSync("ip", ["netns", "del", probe], { stdio: "ignore" });
  return undefined;
}

/** Looks again and again; false when it did not come to hold. */
export async function holdsWithin(
  limitMs: number,
  holds: () => boolean | Promise<boolean>,
): Promise<boolean> {
  const until = performance.now() + limitMs;
  while (!(await holds())) {
    if (performance.now() > until) return false;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return true;
}
