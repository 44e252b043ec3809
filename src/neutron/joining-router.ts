/** Which router leads from an external network to a fixed address. */

import { sameAddress } from "../bgp/net/address.ts";
import { stored } from "./addresses.ts";
import type { FixedIp } from "./objects.ts";
import type { Reading } from "./tables.ts";

/** A router that joins both networks; rather the one that is the subnet's gateway. Undefined: none does. */
export function joiningRouter(
  reading: Reading,
  externalNetworkId: string,
  { subnet_id }: FixedIp,
): string | undefined {
  const gateway = reading.get("subnets", subnet_id)?.gateway_ip ?? null;
  let chosen: string | undefined;
  for (const face of reading.by("ports", "interface", subnet_id)) {
    const router = reading.get("routers", face.device_id);
    if (router?.external_gateway_info?.network_id !== externalNetworkId) continue;
    const isGateway = face.fixed_ips.some(
      ({ ip_address }) => gateway !== null && sameAddress(stored(ip_address), stored(gateway)),
    );
    if (isGateway) return router.id;
    chosen ??= router.id;
  }
  return chosen;
}
