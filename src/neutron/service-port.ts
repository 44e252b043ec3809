/** Ports that routers and floating IPs have of their own, on the networks that they touch. */

import { stamp, type Work } from "./handler.ts";
import { fixedIpsFor } from "./ipam.ts";
import { macFor } from "./macs.ts";
import type { Network, Port } from "./objects.ts";

import type { FixedIpRequest } from "./values.ts";

interface ServicePort {
  readonly device_id: string;
  readonly device_owner: string;
  readonly project_id: string;
  readonly status: Port["status"];
  readonly fixed_ips: readonly FixedIpRequest[] | undefined;
}

/** Not counted against any quota. @throws Fault when there are no such addresses */
export function addServicePort(work: Work, network: Network, { fixed_ips, ...wanted }: ServicePort): Port {
  const mac_address = macFor(work, network, undefined);
  const port: Port = {
    ...stamp(work),
    ...wanted,
    name: "",
    description: "",
    network_id: network.id,
    mac_address,
    admin_state_up: true,
    fixed_ips: fixedIpsFor(work.draft, network, fixed_ips, mac_address),
    allowed_address_pairs: [],
    extra_dhcp_opts: [],
    security_groups: [],
    port_security_enabled: false,
    "binding:host_id": "",
    "binding:vnic_type": "normal",
    "binding:profile": {},
  };
  work.draft.put("ports", port);
  return port;
}
