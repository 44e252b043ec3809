/** A cloud in a store: one network outside, one inside, a router between them, and floating IPs on ports of instances. */

import { randomUUID } from "node:crypto";
import { ipv4 } from "../../src/bgp/net/address.ts";
import { ChangeMarks } from "../../src/bgp/net/change-marks.ts";
import { formatAddress } from "../../src/bgp/net/text.ts";
import type { World } from "../../src/neutron/caller.ts";
import { changeText } from "../../src/neutron/keeper.ts";
import type { FloatingIp, Port } from "../../src/neutron/objects.ts";
import { type ApiRequest, answerTo } from "../../src/neutron/service.ts";
import { type Change, Draft, Tables } from "../../src/neutron/tables.ts";
import { COMMIT_OPERATIONS, type Store } from "../../src/store/store.ts";

/** Of floating IP 0; those of the load's prefixes begin there (load.ts). */
const FIRST_FLOATING = 0x1400_0100;
const FIRST_FIXED = 0x0a80_0100;
/** The inside as a prefix: the namespace has a link there. */
export const INSIDE = "10.128.0.0/9";
const HOST = "host-1";
/** Objects: of a million all at once would not be there at once. */
const WRITTEN_TOGETHER = 65_536;
/** Of the one floating IP that is there besides: none that a bench counts. */
const APART = "20.31.255.250";

export interface Cloud {
  readonly outside: string;
  /** Ports of instances that have no floating IP. */
  readonly bare: readonly string[];
  /** Floating IPs that are there, with their addresses. */
  readonly floating: readonly { readonly id: string; readonly address: string }[];
}

const WORLD: World = {
  now: "2026-01-01T00:00:00Z",
  newId: randomUUID,
  chance: Math.random,
  isReachable: () => false,
  marks: new ChangeMarks(),
  isRouted: () => false,
  isSaid: () => false,
  routerDistributed: false,
  hostSays: () => undefined,
};

/** @param floating - so many lead to ports; @param bare - so many ports more */
export async function writeCloud(store: Store, floating: number, bare: number): Promise<Cloud> {
  const tables = new Tables();
  const changes: Change[] = [];
  const ask = (method: ApiRequest["method"], path: string, body: object): Record<string, { id: string }> => {
    const draft = new Draft(tables);
    const request = { method, path: path.split("/"), query: [], body, url: "" };
    const answer = answerTo({ draft, caller: { projectId: "admin", role: "admin" }, world: WORLD }, request);
    tables.apply(draft.changes);
    return answer.body as Record<string, { id: string }>;
  };
  const make = (path: string, name: string, attributes: object): string =>
    ask("POST", path, { [name]: attributes })[name]!.id;

  ask("PUT", "quotas/admin", { quota: { floatingip: -1, port: -1 } });
  const outside = make("networks", "network", { name: "public", "router:external": true });
  make("subnets", "subnet", { network_id: outside, ip_version: 4, cidr: "20.0.0.0/11" });
  const inside = make("networks", "network", { name: "private" });
  const inner = { network_id: inside, ip_version: 4, cidr: INSIDE, gateway_ip: "10.128.0.1" };
  const subnet = make("subnets", "subnet", inner);
  const router = make("routers", "router", { external_gateway_info: { network_id: outside } });
  ask("PUT", `routers/${router}/add_router_interface`, { subnet_id: subnet });
  const port = make("ports", "port", {
    network_id: inside,
    device_owner: "compute:nova",
    "binding:host_id": HOST,
  });
  const apart = { floating_network_id: outside, floating_ip_address: APART };
  const first = make("floatingips", "floatingip", { ...apart, port_id: port });
  const like = {
    floating: tables.get("floatingips", first)!,
    port: tables.get("ports", port)!,
    outer: tables.get("ports", tables.get("floatingips", first)!.floating_port_id)!,
  };
  for (const collection of ["quotas", "networks", "subnets", "routers", "ports", "floatingips"] as const) {
    for (const object of tables.all(collection)) changes.push({ collection, id: object.id, object });
  }
  for (const group of ["security_groups", "security_group_rules"] as const) {
    for (const object of tables.all(group)) changes.push({ collection: group, id: object.id, object });
  }
  await write(store, changes.splice(0));
  const made: { id: string; address: string }[] = [];
  const ports: string[] = [];
  for (let i = 0; i < floating + bare; i++) {
    const instance = at(like.port, FIRST_FIXED + i, i);
    changes.push({ collection: "ports", id: instance.id, object: instance });
    if (i >= floating) {
      ports.push(instance.id);
      continue;
    }
    const object: FloatingIp = {
      ...like.floating,
      id: randomUUID(),
      floating_ip_address: formatAddress(ipv4(FIRST_FLOATING + i)),
      port_id: instance.id,
      fixed_ip_address: formatAddress(ipv4(FIRST_FIXED + i)),
    };
    const outer = { ...at(like.outer, FIRST_FLOATING + i, i), device_id: object.id };
    changes.push({ collection: "ports", id: outer.id, object: outer });
    const whole = { ...object, floating_port_id: outer.id };
    changes.push({ collection: "floatingips", id: whole.id, object: whole });
    made.push({ id: whole.id, address: whole.floating_ip_address });
    if (changes.length >= WRITTEN_TOGETHER) await write(store, changes.splice(0));
  }
  await write(store, changes);
  return { outside, bare: ports, floating: made };
}

function at(like: Port, address: number, index: number): Port {
  const fixed = like.fixed_ips[0]!;
  const mac = (0xfa16_3f00_0000 + (address >>> 24 === 20 ? 0x80_0000 : 0) + index).toString(16);
  return {
    ...like,
    id: randomUUID(),
    mac_address: mac.match(/../g)!.join(":"),
    fixed_ips: [{ ...fixed, ip_address: formatAddress(ipv4(address)) }],
  };
}

async function write(store: Store, changes: readonly Change[]): Promise<void> {
  const puts = changes.map(changeText);
  const commits: Promise<unknown>[] = [];
  for (let i = 0; i < puts.length; i += COMMIT_OPERATIONS) {
    commits.push(store.commit({ put: puts.slice(i, i + COMMIT_OPERATIONS) }));
    if (commits.length === 64) await Promise.all(commits.splice(0));
  }
  await Promise.all(commits);
}
