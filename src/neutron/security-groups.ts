/** Security groups and their rules, as objects: every project has a default group from its first request on. */

import { readCreate, readUpdate } from "./body.ts";
import { badRequest, conflict, Fault } from "./fault.ts";
import { add, type Creation, type Handler, membersOf, revise, stamp, type Work } from "./handler.ts";
import { viewOf } from "./members.ts";
import type { SecurityGroup, SecurityGroupRule } from "./objects.ts";
import { RESOURCES } from "./resources.ts";
import { requireVisible } from "./seen.ts";
import { first, type Reading } from "./tables.ts";

const DEFAULT = "default";

const defaultGroupOf = (reading: Reading, projectId: string): SecurityGroup | undefined => {
  for (const group of reading.by("security_groups", "project", projectId)) {
    if (group.name === DEFAULT) return group;
  }
  return undefined;
};

/** Everything may leave; what comes from the group's own members may come in. */
const DEFAULT_RULES = [
  { direction: "egress", ethertype: "IPv4" },
  { direction: "egress", ethertype: "IPv6" },
  { direction: "ingress", ethertype: "IPv4" },
  { direction: "ingress", ethertype: "IPv6" },
] as const;

export function ensureDefaultGroup(work: Work, projectId: string): SecurityGroup {
  const known = defaultGroupOf(work.draft, projectId);
  if (known !== undefined) return known;
  const description = "Default security group";
  const group = { ...stamp(work), project_id: projectId, name: DEFAULT, description, stateful: true };
  work.draft.put("security_groups", group);
  for (const rule of DEFAULT_RULES) {
    putRule(work, group, { ...rule, remote_group_id: rule.direction === "ingress" ? group.id : null });
  }
  return group;
}

type RuleOf = Pick<SecurityGroupRule, "direction" | "ethertype" | "remote_group_id">;

function putRule(work: Work, { id, project_id }: SecurityGroup, rule: RuleOf): void {
  const { tags: _, ...stamped } = stamp(work);
  work.draft.put("security_group_rules", {
    ...stamped,
    project_id,
    description: "",
    security_group_id: id,
    protocol: null,
    port_range_min: null,
    port_range_max: null,
    remote_ip_prefix: null,
    ...rule,
  });
}

export const securityGroups: Handler<"security_groups"> = {
  resource: RESOURCES.security_groups,
  create(work, body) {
    const given = readCreate<Creation<"security_groups">>(this.resource, body, work.caller);
    ensureDefaultGroup(work, given.project_id);
    if (given.name === DEFAULT) {
      throw conflict("SecurityGroupDefaultAlreadyExists", "Default security group already exists.");
    }
    const group = add(work, this.resource, { ...given, ...stamp(work) });
    for (const { direction, ethertype } of DEFAULT_RULES) {
      if (direction === "egress") putRule(work, group, { direction, ethertype, remote_group_id: null });
    }
    return group;
  },
  update(work, old, body) {
    const patch = readUpdate<SecurityGroup>(this.resource, body, work.caller);
    if (old.name === DEFAULT && patch.name !== undefined && patch.name !== DEFAULT) {
      throw conflict("SecurityGroupCannotUpdateDefault", "Updating default security group not allowed.");
    }
    return revise(work, "security_groups", old, patch);
  },
  remove({ draft, caller }, { id, name }) {
    if (name === DEFAULT && caller.role !== "admin") {
      throw conflict(
        "SecurityGroupCannotRemoveDefault",
        "Insufficient rights for removing default security group.",
      );
    }
    if (first(draft.by("ports", "group", id)) !== undefined) {
      throw conflict("SecurityGroupInUse", `Security Group ${id} in use.`);
    }
    for (const rule of [...draft.by("security_group_rules", "group", id)]) {
      draft.remove("security_group_rules", rule.id);
    }
    for (const rule of [...draft.by("security_group_rules", "remote", id)]) {
      draft.remove("security_group_rules", rule.id);
    }
    draft.remove("security_groups", id);
  },
  made: {
    security_group_rules: ({ id }, reading, world) => {
      const members = membersOf(securityGroupRules, reading, world);
      return Array.from(reading.by("security_group_rules", "group", id), (rule) => viewOf(members, rule));
    },
  },
};

/** IP protocols by the names that rules may use, as far as they have ports. */
const WITH_PORTS = new Set(["tcp", "udp", "sctp", "dccp", "udplite", "6", "17", "132", "33", "136"]);
const PROTOCOLS = new Set([
  ...[
    "any",
    "ah",
    "esp",
    "gre",
    "icmp",
    "icmpv6",
    "igmp",
    "ipip",
    "ipv6-icmp",
    "ospf",
    "pgm",
    "rsvp",
    "vrrp",
  ],
  ...WITH_PORTS,
]);

export const securityGroupRules: Handler<"security_group_rules"> = {
  resource: RESOURCES.security_group_rules,
  create(work, body) {
    const given = readCreate<Creation<"security_group_rules">>(this.resource, body, work.caller);
    const group = requireVisible(work, "security_groups", given.security_group_id);
    if (given.remote_group_id !== null) requireVisible(work, "security_groups", given.remote_group_id);
    checkRule(given);
    refuseTwin(work, given);
    const { tags: _, ...stamped } = stamp(work);
    return add(work, this.resource, { ...given, project_id: group.project_id, ...stamped });
  },
  update() {
    throw badRequest("Security group rules cannot be changed");
  },
  remove({ draft }, { id }) {
    draft.remove("security_group_rules", id);
  },
  made: {},
};

function checkRule(rule: Creation<"security_group_rules">): void {
  const { protocol, port_range_min: from, port_range_max: to, ethertype } = rule;
  if (rule.remote_ip_prefix !== null && rule.remote_group_id !== null) {
    throw new Fault(
      400,
      "SecurityGroupRemoteGroupAndRemoteIpPrefix",
      "Only remote_ip_prefix or remote_group_id may be provided.",
    );
  }
  if (
    protocol !== null &&
    !PROTOCOLS.has(protocol) &&
    !(/^\d{1,3}$/.test(protocol) && Number(protocol) < 256)
  ) {
    const message = `Security group rule protocol ${protocol} not supported.`;
    throw new Fault(400, "SecurityGroupRuleInvalidProtocol", message);
  }
  if (rule.remote_ip_prefix !== null && rule.remote_ip_prefix.includes(":") !== (ethertype === "IPv6")) {
    const message = `Conflicting value ethertype ${ethertype} for CIDR ${rule.remote_ip_prefix}`;
    throw new Fault(400, "SecurityGroupRuleParameterConflict", message);
  }
  if (from === null && to === null) return;
  if (protocol === null || protocol === "any") {
    throw new Fault(
      400,
      "SecurityGroupProtocolRequiredWithPorts",
      "Must also specify protocol if port range is given.",
    );
  }
  if (!WITH_PORTS.has(protocol)) return;
  if (from === null || to === null || from > to) {
    const message = "For TCP/UDP protocols, port_range_min must be <= port_range_max";
    throw new Fault(400, "SecurityGroupInvalidPortRange", message);
  }
}

const TOLD_APART = [
  "direction",
  "ethertype",
  "protocol",
  "port_range_min",
  "port_range_max",
  "remote_ip_prefix",
  "remote_group_id",
] as const;

function refuseTwin({ draft }: Work, given: Creation<"security_group_rules">): void {
  for (const rule of draft.by("security_group_rules", "group", given.security_group_id)) {
    if (!TOLD_APART.every((key) => rule[key] === given[key])) continue;
    throw conflict("SecurityGroupRuleExists", `Security group rule already exists. Rule id is ${rule.id}.`);
  }
}

/** @throws Fault when one of them is not there for the caller */
export function requireGroups(work: Work, ids: readonly string[]): void {
  for (const id of ids) requireVisible(work, "security_groups", id);
}

export const groupsOf = (
  work: Work,
  projectId: string,
  given: readonly string[] | undefined,
): readonly string[] => {
  if (given === undefined) return [ensureDefaultGroup(work, projectId).id];
  requireGroups(work, given);
  return given;
};
