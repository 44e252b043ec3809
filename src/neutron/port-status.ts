/** Whether a port is up. */

import type { Port } from "./objects.ts";

/** Up is what packets reach. */
export const statusOf = (port: Port, isReachable: (address: string) => boolean): Port["status"] =>
  port.status === "DOWN" && port.fixed_ips.some(({ ip_address }) => isReachable(ip_address))
    ? "ACTIVE"
    : port.status;
