/** Whether a port is up. */

import type { World } from "./caller.ts";
import type { Port } from "./objects.ts";

/** Up is what packets reach: the port's host knows, and where no gatewayd is known to run, routes tell. */
export function statusOf(port: Port, { hostSays, isReachable }: World): Port["status"] {
  if (port.status !== "DOWN") return port.status;
  const isUp = hostSays(port) ?? port.fixed_ips.some(({ ip_address }) => isReachable(ip_address));
  return isUp ? "ACTIVE" : "DOWN";
}
