/** Networks and their subnets. */

import type { ResourceRow } from "./row.ts";
import {
  ADMIN_STATE,
  COMMON,
  compounds,
  count,
  flag,
  NAME,
  object,
  TAGS,
  text,
  texts,
  type Verb,
  type Word,
} from "./words.ts";

const FILTERED: readonly Verb[] = ["create", "set", "list"];

export const networks: ResourceRow = {
  command: ["network"],
  path: "networks",
  member: "network",
  collection: "networks",
  one: "network",
  many: "networks",
  argument: "network",
  names: ["name"],
  made: text("<name>", "what it is called", "name"),
  options: [
    ...NAME,
    flag(
      "--external",
      "floating IPs and routers' gateways come from it",
      { "router:external": true },
      FILTERED,
    ),
    flag("--internal", "they do not: the default", { "router:external": false }, FILTERED),
    flag("--share", "all projects may use it", { shared: true }, FILTERED),
    flag("--no-share", "its project alone may: the default", { shared: false }, FILTERED),
    ...ADMIN_STATE,
    count("--mtu <octets>", "68 to 65535; 1500", "mtu"),
    ...COMMON,
    ...TAGS,
  ],
  columns: [
    { header: "ID", member: "id" },
    { header: "Name", member: "name" },
    { header: "Subnets", member: "subnets" },
    { header: "External", member: "router:external" },
    { header: "Shared", member: "shared" },
    { header: "Up", member: "admin_state_up", wide: true },
    { header: "MTU", member: "mtu", wide: true },
    { header: "Project", member: "project_id", wide: true },
  ],
  examples: {
    create: "gwctl network create --external public",
    list: "gwctl network list --external",
    show: "gwctl network show public",
    set: "gwctl network set --share calico",
    unset: "gwctl network unset --tag blue calico",
    delete: "gwctl network delete public calico",
  },
};

/** Its form tells the version, which Neutron wants to be told. */
const range: Word = {
  flags: "--subnet-range <cidr>",
  about: "such as 10.65.0.0/24",
  on: ["create"],
  read: (cidr) => ({ cidr, ip_version: cidr.includes(":") ? 6 : 4 }),
};

const gateway: Word = {
  flags: "--gateway <address>",
  about: "of the subnet; auto: its first address, which is the default; none: it has none",
  on: ["create", "set"],
  read: (value) => (value === "auto" ? {} : { gateway_ip: value === "none" ? null : value }),
};

const POOL = { start: { member: "start" }, end: { member: "end" } };
const ROUTE = { destination: { member: "destination" }, gateway: { member: "nexthop" } };

export const subnets: ResourceRow = {
  command: ["subnet"],
  path: "subnets",
  member: "subnet",
  collection: "subnets",
  one: "subnet",
  many: "subnets",
  argument: "subnet",
  names: ["name"],
  made: { ...text("<name>", "what it is called", "name"), read: (name) => ({ name, ip_version: 4 }) },
  options: [
    ...NAME,
    {
      ...object("--network <network>", "it is a part of", "network_id", "networks", ["create"]),
      required: true,
    },
    object("--network <network>", "only those of this network", "network_id", "networks", ["list"]),
    range,
    object("--subnet-pool <subnet-pool>", "that its range is cut from", "subnetpool_id", "subnetpools", [
      "create",
      "list",
    ]),
    count("--prefix-length <n>", "of the range that is cut from the pool", "prefixlen", ["create"]),
    text("--subnet-range <cidr>", "only this one", "cidr", ["list"]),
    gateway,
    text("--gateway <address>", "only with this gateway", "gateway_ip", ["list"]),
    count("--ip-version <version>", "4 or 6; of a subnet from a pool, 4 when not given", "ip_version", [
      "create",
      "list",
    ]),
    flag("--dhcp", "its ports get their addresses by DHCP: the default", { enable_dhcp: true }, FILTERED),
    flag("--no-dhcp", "they do not", { enable_dhcp: false }, FILTERED),
    compounds(
      "--allocation-pool <range>",
      "start=A,end=B: addresses that are given out; several are possible",
      "allocation_pools",
      POOL,
    ),
    flag("--no-allocation-pool", "in the place of those that it has", { allocation_pools: [] }, ["set"]),
    texts("--dns-nameserver <address>", "for its ports; several are possible", "dns_nameservers"),
    flag("--no-dns-nameservers", "without those that it has", { dns_nameservers: [] }, ["set"]),
    compounds(
      "--host-route <route>",
      "destination=CIDR,gateway=A; several are possible",
      "host_routes",
      ROUTE,
    ),
    flag("--no-host-route", "without those that it has", { host_routes: [] }, ["set"]),
    text("--ipv6-ra-mode <mode>", "slaac, dhcpv6-stateful or dhcpv6-stateless", "ipv6_ra_mode", ["create"]),
    text("--ipv6-address-mode <mode>", "the same", "ipv6_address_mode", ["create"]),
    ...COMMON,
    ...TAGS,
  ],
  columns: [
    { header: "ID", member: "id" },
    { header: "Name", member: "name" },
    { header: "Network", member: "network_id" },
    { header: "Subnet", member: "cidr" },
    { header: "Gateway", member: "gateway_ip", wide: true },
    { header: "DHCP", member: "enable_dhcp", wide: true },
    { header: "Pools", member: "allocation_pools", wide: true },
    { header: "Project", member: "project_id", wide: true },
  ],
  examples: {
    create: "gwctl subnet create --network public --subnet-range 172.16.1.0/24 public-v4",
    list: "gwctl subnet list --network public",
    show: "gwctl subnet show public-v4",
    set: "gwctl subnet set --allocation-pool start=172.16.1.100,end=172.16.1.199 public-v4",
    unset: "gwctl subnet unset --dns-nameserver 192.0.2.53 public-v4",
    delete: "gwctl subnet delete public-v4",
  },
};
