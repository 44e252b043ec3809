/**
 * Neutron's objects as they are stored: the members and spellings of its API, addresses and times as text.
 *
 * `tenant_id` is not stored; it is `project_id` by its older name. Nobody changes an object; a change makes a new one.
 */

interface Standard {
  readonly id: string;
  readonly project_id: string;
  readonly name: string;
  readonly description: string;
  readonly tags: readonly string[];
  /** ISO 8601, in UTC, to the second. */
  readonly created_at: string;
  readonly updated_at: string;
  /** One more with every change. */
  readonly revision_number: number;
}

export interface Network extends Standard {
  readonly admin_state_up: boolean;
  readonly shared: boolean;
  readonly "router:external": boolean;
  readonly mtu: number;
  readonly port_security_enabled: boolean;
  readonly availability_zone_hints: readonly string[];
}

export interface AllocationPool {
  readonly start: string;
  readonly end: string;
}

export interface HostRoute {
  readonly destination: string;
  readonly nexthop: string;
}

type Ipv6Mode = "slaac" | "dhcpv6-stateful" | "dhcpv6-stateless";

export interface Subnet extends Standard {
  readonly network_id: string;
  readonly ip_version: 4 | 6;
  readonly cidr: string;
  /** The pool that its prefix is taken from. */
  readonly subnetpool_id: string | null;
  readonly gateway_ip: string | null;
  readonly enable_dhcp: boolean;
  readonly allocation_pools: readonly AllocationPool[];
  readonly dns_nameservers: readonly string[];
  readonly host_routes: readonly HostRoute[];
  readonly ipv6_ra_mode: Ipv6Mode | null;
  readonly ipv6_address_mode: Ipv6Mode | null;
  readonly service_types: readonly string[];
}

/** Subnet pools whose prefixes do not overlap: packets between their networks need no translation. */
export interface AddressScope extends Standard {
  readonly ip_version: 4 | 6;
  readonly shared: boolean;
}

/** Prefixes that subnets are cut from. */
export interface SubnetPool extends Standard {
  readonly ip_version: 4 | 6;
  /** In order; none holds another, and no two make one. */
  readonly prefixes: readonly string[];
  readonly default_prefixlen: number;
  readonly min_prefixlen: number;
  readonly max_prefixlen: number;
  /** What a project may have of it, in IPv4 addresses or IPv6 /64s; null: any number. */
  readonly default_quota: number | null;
  readonly shared: boolean;
  /** For subnets that ask for a pool and name none: at most one of each family. */
  readonly is_default: boolean;
  readonly address_scope_id: string | null;
}

export interface FixedIp {
  readonly subnet_id: string;
  readonly ip_address: string;
}

export interface AddressPair {
  readonly ip_address: string;
  readonly mac_address: string;
}

/** One of each name and IP version. */
export interface DhcpOption {
  readonly opt_name: string;
  readonly opt_value: string;
  readonly ip_version: 4 | 6;
}

export interface Port extends Standard {
  readonly network_id: string;
  readonly mac_address: string;
  readonly admin_state_up: boolean;
  readonly status: "ACTIVE" | "DOWN" | "N/A";
  readonly device_id: string;
  readonly device_owner: string;
  readonly fixed_ips: readonly FixedIp[];
  readonly allowed_address_pairs: readonly AddressPair[];
  readonly extra_dhcp_opts: readonly DhcpOption[];
  readonly security_groups: readonly string[];
  readonly port_security_enabled: boolean;
  /** The host whose gatewayd takes it; "" while it is bound to none. */
  readonly "binding:host_id": string;
  readonly "binding:vnic_type": string;
  readonly "binding:profile": object;
}

export interface GatewayInfo {
  readonly network_id: string;
  readonly enable_snat: boolean;
  readonly external_fixed_ips: readonly FixedIp[];
}

export interface Router extends Standard {
  readonly admin_state_up: boolean;
  readonly external_gateway_info: GatewayInfo | null;
  readonly gw_port_id: string | null;
  readonly routes: readonly HostRoute[];
  /** Its floating IPs are translated on the instances' hosts, and not at the gateway. */
  readonly distributed: boolean;
  readonly ha: boolean;
  readonly availability_zone_hints: readonly string[];
}

export interface FloatingIp extends Standard {
  readonly floating_network_id: string;
  readonly floating_ip_address: string;
  /** Of the port on the external network that holds the address. */
  readonly floating_port_id: string;
  readonly port_id: string | null;
  readonly fixed_ip_address: string | null;
  readonly router_id: string | null;
  readonly status: "ACTIVE" | "DOWN";
}

/** Some ports of a floating IP that leads to no port as a whole. */
export interface PortForwarding extends Omit<Standard, "name" | "tags"> {
  readonly floatingip_id: string;
  readonly protocol: "tcp" | "udp";
  readonly internal_port_id: string;
  readonly internal_ip_address: string;
  /** "80:89", both of them too; "80:80" is one. */
  readonly external_port_range: string;
  /** As many, or one for all. */
  readonly internal_port_range: string;
}

export interface SecurityGroup extends Standard {
  readonly stateful: boolean;
}

export interface SecurityGroupRule extends Omit<Standard, "name" | "tags"> {
  readonly security_group_id: string;
  readonly direction: "ingress" | "egress";
  readonly ethertype: "IPv4" | "IPv6";
  readonly protocol: string | null;
  readonly port_range_min: number | null;
  readonly port_range_max: number | null;
  readonly remote_ip_prefix: string | null;
  readonly remote_group_id: string | null;
}

/** What one project may have of each resource; -1: any number. Its id is the project's. */
export interface Quota {
  readonly id: string;
  readonly limits: Readonly<Record<string, number>>;
}

export interface Objects {
  readonly networks: Network;
  readonly subnets: Subnet;
  readonly subnetpools: SubnetPool;
  readonly address_scopes: AddressScope;
  readonly ports: Port;
  readonly routers: Router;
  readonly floatingips: FloatingIp;
  readonly port_forwardings: PortForwarding;
  readonly security_groups: SecurityGroup;
  readonly security_group_rules: SecurityGroupRule;
  readonly quotas: Quota;
}

export type Collection = keyof Objects;

export const DEVICE = {
  interface: "network:router_interface",
  distributed: "network:router_interface_distributed",
  gateway: "network:router_gateway",
  floating: "network:floatingip",
  dhcp: "network:dhcp",
} as const;

export const isRouterInterface = ({ device_owner }: Port): boolean =>
  device_owner === DEVICE.interface || device_owner === DEVICE.distributed;
