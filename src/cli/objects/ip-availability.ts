/** gwctl ip availability: how many addresses of networks are left, as the openstack client calls it. */

import type { ResourceRow } from "./row.ts";
import { object, text } from "./words.ts";

export const ipAvailability: ResourceRow = {
  command: ["ip", "availability"],
  path: "network-ip-availabilities",
  member: "network_ip_availability",
  collection: "network_ip_availabilities",
  one: "network",
  many: "addresses of networks",
  argument: "ip-availability",
  names: ["network_name"],
  options: [
    object("--network <network>", "only of this one", "network_id", "networks", ["list"]),
    text("--ip-version <version>", "only 4 or 6", "ip_version", ["list"]),
  ],
  columns: [
    { header: "Network ID", member: "network_id" },
    { header: "Network", member: "network_name" },
    { header: "Total", member: "total_ips" },
    { header: "Used", member: "used_ips" },
    { header: "Subnets", member: "subnet_ip_availability", wide: true },
  ],
  examples: { list: "gwctl ip availability list --network public" },
};
