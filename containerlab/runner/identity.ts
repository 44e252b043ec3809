/** Processes by what they are, not only by number: a process id is used again after its owner has died. */

import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

export interface Identity {
  readonly pid: number;
  /** Clock ticks between the start of the machine and that of the process, as /proc/PID/stat says. */
  readonly startedAt: string;
}

/** Undefined: there is no such process, or it is dead and only waits to be reaped. */
export function identify(pid: number): Identity | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field is the name in brackets, which may hold anything; the state is the first field after it.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const startedAt = fields[19];
    return startedAt === undefined || fields[0] === "Z" ? undefined : { pid, startedAt };
  } catch {
    return undefined;
  }
}

export function isAlive(process: Identity): boolean {
  return identify(process.pid)?.startedAt === process.startedAt;
}

/** Sends a signal to exactly this process; nothing happens when it has gone. */
export function signal(target: Identity, name: NodeJS.Signals): void {
  if (!isAlive(target)) return;
  try {
    process.kill(target.pid, name);
  } catch {
    // It went between the look and the signal, which is what was wanted.
  }
}

/** Resolves to true once the process has gone, to false when it is still there after `withinMs`. */
export async function gone(target: Identity, withinMs: number): Promise<boolean> {
  for (const deadline = performance.now() + withinMs; performance.now() < deadline; await sleep(10)) {
    if (!isAlive(target)) return true;
  }
  return !isAlive(target);
}
