/** `gatewayd stop`: asks the one that runs to end, and waits until it has. */

import type { StopAnswer } from "../api/schema.ts";
import type { StopRequest } from "../api/source.ts";
import { post } from "../cli/client.ts";

/** A gateway ends within two seconds, whatever its peers do. */
const LIMIT_MS = 10_000;
const LOOK_MS = 50;

/** Resolves when the process has ended. @throws Failure or Error that says why it has not */
export async function stop(socketPath: string, { graceful, text }: StopRequest): Promise<void> {
  const query = new URLSearchParams({ graceful: String(graceful), ...(text !== undefined && { text }) });
  const target = { socketPath };
  const { json } = await post(target, `/api/v1/stop?${query}`, AbortSignal.timeout(LIMIT_MS));
  const { pid } = json as StopAnswer;
  const until = performance.now() + LIMIT_MS;
  while (isThere(pid)) {
    if (performance.now() > until) {
      throw new Error(`process ${pid} was asked to end and is still there after ${LIMIT_MS / 1000} s`);
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // EPERM: it is there, and another user's.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
