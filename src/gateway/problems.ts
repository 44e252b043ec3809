/** What failed, in words for people: by what it is called in the ladder. */

import type { Problem } from "./intent.ts";

/** The privileged process. */
export const DATAPLANE = "dataplane";

/** The NAT table. */
export const NAT = "nat";

export function problemOf(key: string, message: string): Problem {
  if (key === DATAPLANE) return { code: "kernel.unavailable", subject: "netd", message };
  if (key === NAT) return { code: "nat.refused", subject: "table inet gatewayd", message };
  if (key.includes("/")) return { code: "route.refused", subject: key, message };
  return { code: "interface.refused", subject: key.slice(key.indexOf(" ") + 1), message };
}
