/** Where the service is measured: a namespace of its own, with a link to the inside. */

import { execFileSync, spawnSync } from "node:child_process";
import { join } from "node:path";
import { INSIDE } from "./cloud.ts";
import type { Figures, Size } from "./run.ts";

const NAMESPACE = `bench-${process.pid}-service`;

/** @throws Error with what was said instead of figures */
export function measureService(size: Size): Figures {
  const ip = (...words: string[]): unknown => execFileSync("ip", words);
  ip("netns", "add", NAMESPACE);
  try {
    ip("-n", NAMESPACE, "link", "set", "lo", "up");
    ip("-n", NAMESPACE, "link", "add", "hosts", "type", "veth", "peer", "name", "far");
    ip("-n", NAMESPACE, "address", "add", INSIDE.replace(".0/", ".1/"), "dev", "hosts");
    for (const name of ["hosts", "far"]) ip("-n", NAMESPACE, "link", "set", name, "up");
    const program = [process.execPath, join(import.meta.dirname, "run.js"), JSON.stringify(size)];
    const ran = spawnSync("ip", ["netns", "exec", NAMESPACE, ...program], { encoding: "utf8" });
    if (ran.status !== 0) throw new Error(`${ran.stdout}${ran.stderr}`);
    return JSON.parse(ran.stdout.trim().split("\n").at(-1)!) as Figures;
  } finally {
    ip("netns", "del", NAMESPACE);
  }
}
