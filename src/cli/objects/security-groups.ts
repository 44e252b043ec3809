/** Security groups and their rules. */

import { EXIT, Failure } from "../io.ts";
import type { ResourceRow } from "./row.ts";
import { COMMON, count, flag, NAME, object, TAGS, text, type Verb, type Word } from "./words.ts";

export const securityGroups: ResourceRow = {
  command: ["security", "group"],
  path: "security-groups",
  member: "security_group",
  collection: "security_groups",
  one: "security group",
  many: "security groups",
  argument: "security-group",
  names: ["name"],
  made: text("<name>", "what it is called", "name"),
  options: [
    ...NAME,
    flag("--stateful", "answers to what was let through are let through: the default", { stateful: true }),
    flag("--stateless", "they need rules of their own", { stateful: false }),
    ...COMMON,
    ...TAGS,
  ],
  columns: [
    { header: "ID", member: "id" },
    { header: "Name", member: "name" },
    { header: "Description", member: "description" },
    { header: "Project", member: "project_id" },
  ],
  examples: {
    create: "gwctl security group create web",
    list: "gwctl security group list",
    show: "gwctl security group show web",
    set: "gwctl security group set --description 'who serves' web",
    unset: "gwctl security group unset --tag blue web",
    delete: "gwctl security group delete web",
  },
};

const FILTERED: readonly Verb[] = ["create", "list"];

const dstPort: Word = {
  flags: "--dst-port <ports>",
  about: "80, or a range as 8000:8080",
  on: ["create"],
  read: (value) => {
    const [, first, last = first] = /^(\d{1,5})(?::(\d{1,5}))?$/.exec(value) ?? [];
    if (first === undefined) {
      throw new Failure(EXIT.usage, `--dst-port takes 80, or a range as 8000:8080, not ${value}`);
    }
    return { port_range_min: Number(first), port_range_max: Number(last) };
  },
};

export const securityGroupRules: ResourceRow = {
  command: ["security", "group", "rule"],
  path: "security-group-rules",
  member: "security_group_rule",
  collection: "security_group_rules",
  one: "rule of a security group",
  many: "rules of security groups",
  argument: "rule",
  names: [],
  made: {
    flags: "<security-group>",
    about: "that it is added to",
    read: async (value, resolve) => ({
      direction: "ingress",
      security_group_id: await resolve("security-groups", value),
    }),
  },
  options: [
    object("--group <security-group>", "only of this group", "security_group_id", "security-groups", [
      "list",
    ]),
    flag("--ingress", "for what comes in: the default", { direction: "ingress" }, FILTERED),
    flag("--egress", "for what goes out", { direction: "egress" }, FILTERED),
    text("--protocol <protocol>", "tcp, udp, icmp, or another by name or number", "protocol", FILTERED),
    text("--ethertype <type>", "IPv4 or IPv6; IPv4", "ethertype", FILTERED),
    dstPort,
    count("--icmp-type <type>", "0 to 255", "port_range_min", ["create"]),
    count("--icmp-code <code>", "0 to 255", "port_range_max", ["create"]),
    text("--remote-ip <cidr>", "only from or to there", "remote_ip_prefix", FILTERED),
    object(
      "--remote-group <security-group>",
      "only from or to its ports",
      "remote_group_id",
      "security-groups",
      ["create"],
    ),
    ...COMMON,
  ],
  columns: [
    { header: "ID", member: "id" },
    { header: "Direction", member: "direction" },
    { header: "Protocol", member: "protocol" },
    { header: "Ethertype", member: "ethertype" },
    { header: "From port", member: "port_range_min" },
    { header: "To port", member: "port_range_max" },
    { header: "Remote IP", member: "remote_ip_prefix" },
    { header: "Remote group", member: "remote_group_id" },
    { header: "Group", member: "security_group_id", wide: true },
  ],
  examples: {
    create: "gwctl security group rule create --protocol tcp --dst-port 443 web",
    list: "gwctl security group rule list --group web",
    show: "gwctl security group rule show 0d8f0b7e-3c3e-4a52-9d65-9d5f1f0f8a77",
    delete: "gwctl security group rule delete 0d8f0b7e-3c3e-4a52-9d65-9d5f1f0f8a77",
  },
};
