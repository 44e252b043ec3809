/** Where floating IPs are measured: a namespace of its own, with a link to the inside. */

import { execFileSync, spawnSync } from "node:child_process";
import { join } from "node:path";
import { INSIDE } from "./cloud.ts";
import type { Figures, Size } from "./run.ts";

const NAMESPACE = `bench-${process.pid}-service`;

/** @throws Error with what was said instead of figures */
export function measureService(size: Size): Figures {
  return runInside<Figures>(join(import.meta.dirname, "run.js"), JSON.stringify(size));
}

/**
 * What a script prints as its last line, as JSON.
 * @throws Error with what it said when it failed
 */
export function runInside<Printed>(script: string, argument: string): Printed {
  const ip = (...words: string[]): unknown => execFileSync("ip", words);
  ip("netns", "add", NAMESPACE);
  try {
    ip("-n", NAMESPACE, "link", "set", "lo", "up");
    ip("-n", NAMESPACE, "link", "add", "hosts", "type", "veth", "peer", "name", "far");
    ip("-n", NAMESPACE, "address", "add", INSIDE.replace(".0/", ".1/"), "dev", "hosts");
    ip("-n", NAMESPACE, "address", "add", "fd00:9::1/64", "dev", "hosts", "nodad");
    for (const name of ["hosts", "far"]) ip("-n", NAMESPACE, "link", "set", name, "up");
    const program = [process.execPath, script, argument];
    const ran = spawnSync("ip", ["netns", "exec", NAMESPACE, ...program], { encoding: "utf8" });
    if (ran.status !== 0) throw new Error(`${ran.stdout}${ran.stderr}`);
    return JSON.parse(ran.stdout.trim().split("\n").at(-1)!) as Printed;
  } finally {
    ip("netns", "del", NAMESPACE);
  }
}
