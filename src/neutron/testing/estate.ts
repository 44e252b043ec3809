/** What policies are asked of. */

import type { Caller } from "../caller.ts";
import { ADMIN, ALICE, Cloud } from "./cloud.ts";

/** Objects of alice's, and an admin's networks beside them: one shared, one external. */
export function estate(): { readonly cloud: Cloud; readonly id: Readonly<Record<string, string>> } {
  const cloud = new Cloud();
  const made = (path: string, name: string, given: object, caller: Caller = ALICE): string =>
    cloud.make(path, name, given, caller).id;
  const shared = made("networks", "network", { shared: true }, ADMIN);
  const external = made("networks", "network", { "router:external": true }, ADMIN);
  const network = made("networks", "network", {});
  const cidr = (network_id: string, text: string): object => ({ network_id, ip_version: 4, cidr: text });
  const ofShared = made("subnets", "subnet", cidr(shared, "10.1.0.0/24"), ADMIN);
  const ofExternal = made("subnets", "subnet", cidr(external, "172.16.1.0/24"), ADMIN);
  const subnet = made("subnets", "subnet", cidr(network, "10.2.0.0/24"));
  const port = made("ports", "port", { network_id: network });
  const router = made("routers", "router", {});
  const floating = made("floatingips", "floatingip", { floating_network_id: external });
  const scope = made("address-scopes", "address_scope", { ip_version: 4 });
  const pool = made("subnetpools", "subnetpool", { prefixes: ["10.3.0.0/16"] });
  const group = made("security-groups", "security_group", { name: "web" });
  const rule = made("security-group-rules", "security_group_rule", {
    security_group_id: group,
    direction: "ingress",
  });
  const own = { network, subnet, port, router, floating, scope, pool, group, rule };
  return {
    cloud,
    id: { ...own, shared, external, ofShared, ofExternal, ...forwarded(cloud, made, external) },
  };
}

/** A floating IP of alice's with a port forwarding, and one of her ports behind the same router. */
function forwarded(
  cloud: Cloud,
  made: (path: string, name: string, given: object) => string,
  external: string,
): Readonly<Record<"inner" | "joined" | "behind" | "forwarder" | "forwarding", string>> {
  const network = made("networks", "network", {});
  const inner = made("subnets", "subnet", { network_id: network, ip_version: 4, cidr: "10.20.0.0/24" });
  const joined = made("routers", "router", { external_gateway_info: { network_id: external } });
  cloud.ask("PUT", `routers/${joined}/add_router_interface`, { subnet_id: inner });
  const behind = made("ports", "port", { network_id: network });
  const forwarder = made("floatingips", "floatingip", { floating_network_id: external });
  const forwarding = made(`floatingips/${forwarder}/port_forwardings`, "port_forwarding", ways(behind, 443));
  return { inner, joined, behind, forwarder, forwarding };
}

export const ways = (internal_port_id: string, external_port: number): object => ({
  ...{
    internal_port_id,
    external_port,
    internal_port: external_port,
    protocol: "tcp",
    internal_ip_address: "10.20.0.2",
  },
});
