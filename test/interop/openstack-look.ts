/** What is tried from within a namespace of the site, and asked of a gatewayd of it. */

import { spawn, spawnSync } from "node:child_process";
import { type Daemon, eventually } from "../daemon/lab.ts";
import { LIMIT_MS, type Site } from "./openstack-site.ts";

/** What Nova has on each host: it knows an instance by its address. */
const METADATA = `require("node:http").createServer((asked, answer) => answer.end(asked.socket.remoteAddress))
  .listen(8775, "127.0.0.1")`;
const ASK_METADATA = `fetch("http://169.254.169.254/").then((answer) => answer.text()).then(console.log)`;

/** What a program printed there. */
export const run = (namespace: string, ...words: string[]): string =>
  spawnSync("ip", ["netns", "exec", namespace, ...words], { encoding: "utf8" }).stdout;

export const pings = (from: string, to: string): boolean =>
  run(from, "ping", "-c", "1", "-W", "1", to).includes(" 1 received");

export const reaches = (from: string, to: string): Promise<true> =>
  eventually(`a packet from ${from} to ${to} and back`, () => pings(from, to), LIMIT_MS);

/** An instance asks who it is, of the service that is on its host for a while. */
export async function knowsByMetadata(host: string, instance: string, address: string): Promise<void> {
  const service = spawn("ip", ["netns", "exec", host, process.execPath, "-e", METADATA]);
  try {
    const answer = (): string => run(instance, process.execPath, "-e", ASK_METADATA).trim();
    await eventually("metadata", () => answer() === address, LIMIT_MS);
  } finally {
    service.kill("SIGKILL");
  }
}

/** Makes one object, and gives it as answered. @throws Error with the answer that is none */
export async function made<T extends { readonly id: string }>(
  gatewayd: Daemon,
  path: string,
  name: string,
  attributes: object,
): Promise<T> {
  const sent = { method: "POST", body: { [name]: attributes } } as const;
  const { status, body } = await gatewayd.ask(`/v2.0/${path}`, sent);
  if (status !== 201) throw new Error(`${path}: ${status} ${body}`);
  return (JSON.parse(body) as Record<string, T>)[name]!;
}

/** @throws Error when one is not deleted */
export async function removed(gatewayd: Daemon, ...paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const { status, body } = await gatewayd.ask(`/v2.0/${path}`, { method: "DELETE" });
    if (status !== 204) throw new Error(`${path}: ${status} ${body}`);
  }
}

/** An instance on host2 with a network of its own. @returns the address of its port, and what was made, to be removed */
export async function plugOnSix(
  site: Site,
  gatewayd: Daemon,
  name: string,
  mode: "slaac" | "dhcpv6-stateful",
  cidr: string,
): Promise<{ readonly address: string; readonly paths: readonly string[] }> {
  const { id: network_id } = await made(gatewayd, "networks", "network", { name });
  const modes = { ipv6_ra_mode: mode, ipv6_address_mode: mode, dns_nameservers: ["2001:db8::53"] };
  await made(gatewayd, "subnets", "subnet", { network_id, ip_version: 6, cidr, ...modes });
  const where = { "binding:host_id": "host2", device_owner: "compute:nova" };
  const { id, mac_address, fixed_ips } = await made<{
    readonly id: string;
    readonly mac_address: string;
    readonly fixed_ips: readonly { readonly ip_address: string }[];
  }>(gatewayd, "ports", "port", { network_id, ...where });
  site.plug(name, id, "host2", mac_address);
  return { address: fixed_ips[0]!.ip_address, paths: [`ports/${id}`, `networks/${network_id}`] };
}
