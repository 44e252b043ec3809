/** Pools that subnets are cut from, and the scopes in which their addresses are told apart. */

import type { ResourceRow } from "./row.ts";
import { COMMON, count, flag, NAME, object, PROJECT, TAGS, text, texts } from "./words.ts";

export const subnetPools: ResourceRow = {
  command: ["subnet", "pool"],
  path: "subnetpools",
  member: "subnetpool",
  collection: "subnetpools",
  one: "subnet pool",
  many: "subnet pools",
  argument: "subnet-pool",
  names: ["name"],
  made: text("<name>", "what it is called", "name"),
  options: [
    ...NAME,
    texts("--pool-prefix <cidr>", "that subnets are cut from; several are possible", "prefixes", [
      "create",
      "set",
    ]),
    count("--default-prefix-length <n>", "of a subnet that does not say it", "default_prefixlen"),
    count("--min-prefix-length <n>", "of the largest subnet", "min_prefixlen"),
    count("--max-prefix-length <n>", "of the smallest subnet", "max_prefixlen"),
    count("--default-quota <n>", "addresses that a project may have of it", "default_quota"),
    object("--address-scope <address-scope>", "it is in", "address_scope_id", "address-scopes"),
    flag("--no-address-scope", "in none", { address_scope_id: null }, ["set"]),
    flag("--share", "all projects may use it", { shared: true }, ["create", "list"]),
    flag("--default", "where subnets come from that name none", { is_default: true }),
    ...COMMON,
    ...TAGS,
  ],
  columns: [
    { header: "ID", member: "id" },
    { header: "Name", member: "name" },
    { header: "Prefixes", member: "prefixes" },
    { header: "Default length", member: "default_prefixlen", wide: true },
    { header: "Address scope", member: "address_scope_id", wide: true },
    { header: "Shared", member: "shared", wide: true },
  ],
  examples: {
    create: "gwctl subnet pool create --pool-prefix 10.64.0.0/12 --default-prefix-length 24 private",
    list: "gwctl subnet pool list",
    show: "gwctl subnet pool show private",
    set: "gwctl subnet pool set --pool-prefix 10.96.0.0/12 private",
    unset: "gwctl subnet pool unset --tag blue private",
    delete: "gwctl subnet pool delete private",
  },
};

export const addressScopes: ResourceRow = {
  command: ["address", "scope"],
  path: "address-scopes",
  member: "address_scope",
  collection: "address_scopes",
  one: "address scope",
  many: "address scopes",
  argument: "address-scope",
  names: ["name"],
  made: {
    ...text("<name>", "what it is called", "name"),
    read: (name) => ({ name, ip_version: 4 }),
  },
  options: [
    ...NAME,
    count("--ip-version <version>", "4, which is the default, or 6", "ip_version", ["create", "list"]),
    flag("--share", "all projects may use it", { shared: true }, ["create", "set", "list"]),
    flag("--no-share", "its project alone may: the default", { shared: false }, ["create", "set", "list"]),
    ...PROJECT,
  ],
  columns: [
    { header: "ID", member: "id" },
    { header: "Name", member: "name" },
    { header: "IP version", member: "ip_version" },
    { header: "Shared", member: "shared" },
    { header: "Project", member: "project_id" },
  ],
  examples: {
    create: "gwctl address scope create --share --ip-version 4 inside",
    list: "gwctl address scope list",
    show: "gwctl address scope show inside",
    set: "gwctl address scope set --name within inside",
    delete: "gwctl address scope delete inside",
  },
};
