/** Every resource that has commands, in the order of their help. */

import { bgpPeers, bgpSpeakers } from "./bgp.ts";
import { ipAvailability } from "./ip-availability.ts";
import { networks, subnets } from "./networks.ts";
import { portForwardings } from "./port-forwardings.ts";
import { ports } from "./ports.ts";
import { floatingIps, routers } from "./routers.ts";
import type { ResourceRow } from "./row.ts";
import { securityGroupRules, securityGroups } from "./security-groups.ts";
import { addressScopes, subnetPools } from "./subnet-pools.ts";

export const RESOURCE_ROWS: readonly ResourceRow[] = [
  networks,
  subnets,
  subnetPools,
  addressScopes,
  ipAvailability,
  ports,
  routers,
  floatingIps,
  portForwardings,
  securityGroups,
  securityGroupRules,
  bgpSpeakers,
  bgpPeers,
];
