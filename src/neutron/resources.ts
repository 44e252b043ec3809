/**
 * Every resource as a table: a row per attribute says when it may be given, what it may hold and what it is otherwise.
 * Bodies are read, answers and filters are checked by these rows alone; who may give it, policies.ts says.
 */

import type { Collection } from "./objects.ts";
import {
  address,
  addressPair,
  allocationPool,
  anything,
  dhcpOption,
  fixedIps,
  flag,
  hostRoute,
  integer,
  list,
  mac,
  nameserver,
  oneOf,
  orNull,
  portRange,
  type Read,
  subnetText,
  text,
  textOrNull,
  uuid,
} from "./values.ts";

/** What projects own, which is everything but their quotas. */
export type Owned = Exclude<Collection, "quotas">;

interface Attribute {
  /** Undefined: only ever answered, never given. */
  readonly read?: Read<unknown>;
  /** In a POST: it must be there, it may be, or it may not. */
  readonly post: "required" | "optional" | "never";
  /** What a POST without it means; undefined leaves it to the handler. */
  readonly initial?: unknown;
  readonly put: boolean;
}

export interface Resource<C extends Owned = Owned> {
  readonly collection: C;
  /** In bodies, errors and rules: "floatingip". */
  readonly name: string;
  /** In the URL: "security-groups". */
  readonly path: string;
  /** The resource whose objects have these below their own path. */
  readonly within?: Owned;
  readonly attributes: Readonly<Record<string, Attribute>>;
}

const given = (read: Read<unknown>, initial?: unknown): Attribute => ({
  read,
  post: "optional",
  put: true,
  ...(initial !== undefined && { initial }),
});
const once = (read: Read<unknown>, initial?: unknown): Attribute => ({ ...given(read, initial), put: false });
const required = (read: Read<unknown>): Attribute => ({ read, post: "required", put: false });
const answered: Attribute = { post: "never", put: false };

const STANDARD: Resource["attributes"] = {
  id: answered,
  description: given(textOrNull, ""),
  created_at: answered,
  updated_at: answered,
  revision_number: answered,
  tags: answered,
};
const name = given(text, "");

/**
 * Deviates: upstream chooses every id. Taps bear the ids of their ports, so that who takes over a running cloud has to
 * say them.
 */
const MOVED: Resource["attributes"] = { ...STANDARD, id: once(uuid) };

const network: Resource<"networks"> = {
  collection: "networks",
  name: "network",
  path: "networks",
  attributes: {
    ...MOVED,
    name,
    admin_state_up: given(flag, true),
    status: answered,
    subnets: answered,
    shared: given(flag, false),
    "router:external": given(flag, false),
    mtu: given(integer(68, 65_535), 1500),
    port_security_enabled: given(flag, true),
    availability_zone_hints: once(list(text), []),
    availability_zones: answered,
    ipv4_address_scope: answered,
    ipv6_address_scope: answered,
  },
};

const IPV6_MODE = orNull(oneOf(["dhcpv6-stateful", "dhcpv6-stateless", "slaac"]));

const subnet: Resource<"subnets"> = {
  collection: "subnets",
  name: "subnet",
  path: "subnets",
  attributes: {
    ...MOVED,
    name,
    network_id: required(uuid),
    ip_version: required(oneOf([4, 6])),
    cidr: once(orNull(subnetText)),
    prefixlen: once(integer(0, 128)),
    subnetpool_id: once(orNull(uuid), null),
    use_default_subnetpool: once(flag, false),
    gateway_ip: given(orNull(address)),
    enable_dhcp: given(flag, true),
    allocation_pools: given(list(allocationPool)),
    dns_nameservers: given(list(nameserver), []),
    host_routes: given(list(hostRoute), []),
    ipv6_ra_mode: once(IPV6_MODE, null),
    ipv6_address_mode: once(IPV6_MODE, null),
    service_types: given(list(text), []),
    segment_id: answered,
  },
};

const PREFIX_LENGTH = integer(0, 128);

const subnetpool: Resource<"subnetpools"> = {
  collection: "subnetpools",
  name: "subnetpool",
  path: "subnetpools",
  attributes: {
    ...STANDARD,
    name,
    prefixes: given(list(subnetText)),
    ip_version: answered,
    default_prefixlen: given(PREFIX_LENGTH),
    min_prefixlen: given(PREFIX_LENGTH),
    max_prefixlen: given(PREFIX_LENGTH),
    default_quota: given(orNull(integer(0, 2_147_483_647)), null),
    shared: once(flag, false),
    is_default: given(flag, false),
    address_scope_id: given(orNull(uuid), null),
  },
};

const addressScope: Resource<"address_scopes"> = {
  collection: "address_scopes",
  name: "address_scope",
  path: "address-scopes",
  attributes: {
    ...STANDARD,
    name,
    ip_version: required(oneOf([4, 6])),
    shared: given(flag, false),
  },
};

const port: Resource<"ports"> = {
  collection: "ports",
  name: "port",
  path: "ports",
  attributes: {
    ...MOVED,
    name,
    network_id: required(uuid),
    admin_state_up: given(flag, true),
    mac_address: given(mac),
    fixed_ips: given(fixedIps),
    device_id: given(textOrNull, ""),
    device_owner: given(textOrNull, ""),
    status: answered,
    allowed_address_pairs: given(list(addressPair), []),
    extra_dhcp_opts: given(list(dhcpOption), []),
    security_groups: given(list(uuid)),
    port_security_enabled: given(flag),
    "binding:host_id": given(textOrNull, ""),
    "binding:vnic_type": given(oneOf(["normal", "macvtap", "direct"]), "normal"),
    "binding:profile": given(anything, {}),
    "binding:vif_type": answered,
    "binding:vif_details": answered,
  },
};

const router: Resource<"routers"> = {
  collection: "routers",
  name: "router",
  path: "routers",
  attributes: {
    ...MOVED,
    name,
    admin_state_up: given(flag, true),
    status: answered,
    external_gateway_info: given(orNull(anything)),
    // A table of its own checks the items, since the error has a name of its own.
    routes: { read: orNull(list(hostRoute)), post: "never", put: true },
    distributed: given(flag),
    ha: given(flag, false),
    availability_zone_hints: once(list(text), []),
    availability_zones: answered,
    flavor_id: answered,
  },
};

const floatingip: Resource<"floatingips"> = {
  collection: "floatingips",
  name: "floatingip",
  path: "floatingips",
  attributes: {
    ...MOVED,
    floating_network_id: required(uuid),
    floating_ip_address: once(orNull(address), null),
    subnet_id: once(orNull(uuid), null),
    port_id: given(orNull(uuid)),
    fixed_ip_address: given(orNull(address)),
    router_id: answered,
    status: answered,
    port_details: answered,
    port_forwardings: answered,
  },
};

/** Clients write it in capitals too. */
const protocol: Read<"tcp" | "udp"> = (value, of) =>
  oneOf(["tcp", "udp"])(typeof value === "string" ? value.toLowerCase() : value, of);

const portForwarding: Resource<"port_forwardings"> = {
  collection: "port_forwardings",
  name: "port_forwarding",
  path: "port_forwardings",
  within: "floatingips",
  attributes: {
    id: answered,
    description: given(textOrNull, ""),
    protocol: { ...required(protocol), put: true },
    internal_port_id: { ...required(uuid), put: true },
    internal_ip_address: given(orNull(address)),
    internal_port: given(integer(1, 65_535)),
    internal_port_range: given(portRange),
    external_port: given(integer(1, 65_535)),
    external_port_range: given(portRange),
  },
};

const securityGroup: Resource<"security_groups"> = {
  collection: "security_groups",
  name: "security_group",
  path: "security-groups",
  attributes: { ...STANDARD, name, stateful: given(flag, true), security_group_rules: answered },
};

const PORT_NUMBER = orNull(integer(0, 65_535));

const securityGroupRule: Resource<"security_group_rules"> = {
  collection: "security_group_rules",
  name: "security_group_rule",
  path: "security-group-rules",
  attributes: {
    ...STANDARD,
    description: once(textOrNull, ""),
    security_group_id: required(uuid),
    direction: required(oneOf(["ingress", "egress"])),
    ethertype: once(oneOf(["IPv4", "IPv6"]), "IPv4"),
    protocol: once(
      orNull((value, of) => text(String(value).toLowerCase(), of)),
      null,
    ),
    port_range_min: once(PORT_NUMBER, null),
    port_range_max: once(PORT_NUMBER, null),
    remote_ip_prefix: once(orNull(subnetText), null),
    remote_group_id: once(orNull(uuid), null),
  },
};

export const RESOURCES: { readonly [C in Owned]: Resource<C> } = {
  networks: network,
  subnets: subnet,
  subnetpools: subnetpool,
  address_scopes: addressScope,
  ports: port,
  routers: router,
  floatingips: floatingip,
  port_forwardings: portForwarding,
  security_groups: securityGroup,
  security_group_rules: securityGroupRule,
};
