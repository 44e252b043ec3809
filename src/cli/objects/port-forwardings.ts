/** Ports of a floating IP that lead to ports of instances. */

import { EXIT, Failure } from "../io.ts";
import { floatingIps } from "./routers.ts";
import type { ResourceRow } from "./row.ts";
import { object, type Patch, text, type Verb, type Word } from "./words.ts";

const CHANGE: readonly Verb[] = ["create", "set"];

/** "443" is a member of its own, "8000:8010" another. */
const ports = (flags: string, about: string, member: string): Word => ({
  flags,
  about,
  on: CHANGE,
  read: (value): Patch => {
    if (/^\d{1,5}$/.test(value)) return { [member]: Number(value) };
    if (/^\d{1,5}:\d{1,5}$/.test(value)) return { [`${member}_range`]: value };
    throw new Failure(EXIT.usage, `${flags.split(" ")[0]} takes 443 or 8000:8010, not ${value}`);
  },
});

export const portForwardings: ResourceRow = {
  command: ["floatingip", "port", "forwarding"],
  within: floatingIps,
  path: "port_forwardings",
  member: "port_forwarding",
  collection: "port_forwardings",
  one: "port forwarding",
  many: "port forwardings",
  argument: "port-forwarding",
  names: [],
  options: [
    ports("--external-protocol-port <port>", "of the floating IP: 443, or 8000:8010", "external_port"),
    ports("--internal-protocol-port <port>", "of the instance: one, or as many", "internal_port"),
    text("--protocol <protocol>", "tcp or udp", "protocol", CHANGE),
    object("--port <port>", "of the instance", "internal_port_id", "ports", CHANGE),
    text("--internal-ip-address <ip>", "of the port, where it has several", "internal_ip_address", CHANGE),
    text("--description <text>", "what it is for", "description", CHANGE),
    object("--port <port>", "only those to this one", "internal_port_id", "ports", ["list"]),
    text("--external-protocol-port <port>", "only of this one", "external_port", ["list"]),
    text("--protocol <protocol>", "only tcp or udp ones", "protocol", ["list"]),
  ],
  columns: [
    { header: "ID", member: "id" },
    { header: "Protocol", member: "protocol" },
    { header: "External ports", member: "external_port_range" },
    { header: "Internal address", member: "internal_ip_address" },
    { header: "Internal ports", member: "internal_port_range" },
    { header: "Port", member: "internal_port_id", wide: true },
    { header: "Description", member: "description", wide: true },
  ],
  examples: {
    create:
      "gwctl floatingip port forwarding create --protocol tcp --external-protocol-port 443 --port vm-a --internal-protocol-port 8443 172.16.1.5",
    list: "gwctl floatingip port forwarding list 172.16.1.5",
    show: "gwctl floatingip port forwarding show 172.16.1.5 ID",
    set: "gwctl floatingip port forwarding set --internal-protocol-port 9443 172.16.1.5 ID",
    delete: "gwctl floatingip port forwarding delete 172.16.1.5 ID",
  },
};
