/** Ports: interfaces of instances, on their hosts. */

import type { ResourceRow, View } from "./row.ts";
import {
  ADMIN_STATE,
  COMMON,
  compoundFilter,
  compounds,
  flag,
  NAME,
  object,
  objects,
  type Patch,
  TAGS,
  text,
  type Verb,
} from "./words.ts";

const FILTERED: readonly Verb[] = ["create", "set", "list"];
const FIXED_IP = { subnet: { member: "subnet_id", path: "subnets" }, "ip-address": { member: "ip_address" } };
const PAIR = { "ip-address": { member: "ip_address" }, "mac-address": { member: "mac_address" } };
const DHCP_OPTION = {
  name: { member: "opt_name" },
  value: { member: "opt_value" },
  "ip-version": { member: "ip_version" },
};

/** A port keeps the DHCP options that a change does not name: those that are to go are named without a value. */
function withLostOptions(patch: Patch, current: View | undefined): Patch {
  const { extra_dhcp_opts: wanted } = patch;
  if (current === undefined || !Array.isArray(wanted)) return patch;
  const lost = (current["extra_dhcp_opts"] as readonly View[]).filter((option) => !wanted.includes(option));
  return {
    ...patch,
    extra_dhcp_opts: [...lost.map((option) => ({ ...option, opt_value: null })), ...wanted],
  };
}

export const ports: ResourceRow = {
  command: ["port"],
  path: "ports",
  member: "port",
  collection: "ports",
  one: "port",
  many: "ports",
  argument: "port",
  names: ["name"],
  made: text("<name>", "what it is called", "name"),
  options: [
    ...NAME,
    { ...object("--network <network>", "where it is", "network_id", "networks", ["create"]), required: true },
    object("--network <network>", "only those of this network", "network_id", "networks", ["list"]),
    compounds(
      "--fixed-ip <ip>",
      "subnet=S, ip-address=A or both: an address of its own; several are possible",
      "fixed_ips",
      FIXED_IP,
    ),
    flag("--no-fixed-ip", "without those that it has", { fixed_ips: [] }),
    compoundFilter("--fixed-ip <ip>", "only with ip-address=A, or of subnet=S", "fixed_ips", FIXED_IP),
    text("--mac-address <mac>", "of its own; one is chosen when not given", "mac_address", FILTERED),
    text("--host <host>", "whose gatewayd takes it: its `hostname`", "binding:host_id", FILTERED),
    flag("--host", "bound to none", { "binding:host_id": "" }, ["unset"]),
    text("--device-owner <owner>", "what it belongs to, such as compute:nova", "device_owner", FILTERED),
    flag("--device-owner", "belongs to nothing", { device_owner: "" }, ["unset"]),
    text("--device <id>", "the id of the instance", "device_id", FILTERED),
    flag("--device", "of no instance", { device_id: "" }, ["unset"]),
    object("--router <router>", "only the faces of this router", "device_id", "routers", ["list"]),
    text("--status <status>", "only ACTIVE or DOWN ones", "status", ["list"]),
    text("--vnic-type <type>", "normal, macvtap or direct", "binding:vnic_type"),
    ...ADMIN_STATE,
    compounds(
      "--allowed-address <pair>",
      "ip-address=A[,mac-address=M]: may be used beside its own; the same one on several ports is anycast",
      "allowed_address_pairs",
      PAIR,
    ),
    flag("--no-allowed-address", "without those that it has", { allowed_address_pairs: [] }, ["set"]),
    objects(
      "--security-group <security-group>",
      "it is in; several are possible",
      "security_groups",
      "security-groups",
    ),
    flag("--no-security-group", "in none", { security_groups: [] }),
    objects("--security-group <security-group>", "only those in it", "security_groups", "security-groups", [
      "list",
    ]),
    flag("--enable-port-security", "with security groups", { port_security_enabled: true }),
    flag("--disable-port-security", "without them", { port_security_enabled: false }),
    compounds(
      "--extra-dhcp-option <option>",
      "name=N,value=V[,ip-version=4|6]; several are possible",
      "extra_dhcp_opts",
      DHCP_OPTION,
    ),
    ...COMMON,
    ...TAGS,
  ],
  arrange: withLostOptions,
  columns: [
    { header: "ID", member: "id" },
    { header: "Name", member: "name" },
    { header: "MAC address", member: "mac_address" },
    { header: "Fixed IPs", member: "fixed_ips" },
    { header: "Host", member: "binding:host_id" },
    { header: "Status", member: "status" },
    { header: "Owner", member: "device_owner", wide: true },
    { header: "Device", member: "device_id", wide: true },
    { header: "Allowed addresses", member: "allowed_address_pairs", wide: true },
    { header: "Project", member: "project_id", wide: true },
  ],
  examples: {
    create: "gwctl port create --network calico --host compute1 --device-owner compute:nova vm-a",
    list: "gwctl port list --network calico --host compute1",
    show: "gwctl port show vm-a",
    set: "gwctl port set --host compute2 vm-a",
    unset: "gwctl port unset --allowed-address ip-address=10.65.0.200 vm-a",
    delete: "gwctl port delete vm-a",
  },
};
