/** Whether a port is up, and what that rests on. */

import { hostPrefix } from "../bgp/net/address.ts";
import type { ChangeSlot } from "../bgp/net/change-marks.ts";
import { stored } from "./addresses.ts";
import type { World } from "./caller.ts";
import type { Port } from "./objects.ts";

/** Up is what packets reach: the port's host knows, and where no gatewayd is known to run, routes tell. */
export function statusOf(port: Port, { hostSays, isReachable }: World): Port["status"] {
  if (port.status !== "DOWN") return port.status;
  const isUp = hostSays(port) ?? port.fixed_ips.some(({ ip_address }) => isReachable(ip_address));
  return isUp ? "ACTIVE" : "DOWN";
}

/** Where it is noted that {@link statusOf} may be another. */
export const statusSlots = (port: Port, { marks }: World): readonly ChangeSlot[] =>
  port.status !== "DOWN"
    ? []
    : [
        marks.ofName(port["binding:host_id"]),
        ...port.fixed_ips.map(({ ip_address }) => wayTo(ip_address, marks)),
      ];

/** Where it is noted that there is a way to an address, or none any more. */
export const wayTo = (address: string, marks: World["marks"]): ChangeSlot =>
  marks.ofPrefix(hostPrefix(stored(address)));
