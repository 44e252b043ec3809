/** Two namespaces and a link between them: "us" and "them". Named after this process, so that runs do not meet. */

import { execFileSync, spawnSync } from "node:child_process";

export const US = { v4: "10.77.0.1", v6: "2001:db8:77::1" } as const;
export const THEM = { v4: "10.77.0.2", v6: "2001:db8:77::2" } as const;

export interface Pair {
  readonly us: string;
  readonly them: string;
  remove(): void;
}

const ip = (...words: string[]): void => {
  execFileSync("ip", words, { stdio: ["ignore", "ignore", "pipe"] });
};

export function namespacePair(): Pair {
  const us = `bgpi-${process.pid}-us`;
  const them = `bgpi-${process.pid}-them`;
  const remove = (): void => {
    for (const name of [us, them]) spawnSync("ip", ["netns", "del", name], { stdio: "ignore" });
  };
  remove();
  try {
    for (const name of [us, them]) {
      ip("netns", "add", name);
      ip("-n", name, "link", "set", "lo", "up");
    }
    ip("-n", us, "link", "add", "veth0", "type", "veth", "peer", "name", "veth0", "netns", them);
    for (const [name, { v4, v6 }] of [
      [us, US],
      [them, THEM],
    ] as const) {
      ip("-n", name, "addr", "add", `${v4}/24`, "dev", "veth0");
      // Without duplicate address detection, which would keep the address from being used for a second.
      ip("-n", name, "addr", "add", `${v6}/64`, "dev", "veth0", "nodad");
      ip("-n", name, "link", "set", "veth0", "up");
    }
  } catch (error) {
    remove();
    throw error;
  }
  return { us, them, remove };
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
