/**
 * What networking-calico and Felix have left in etcd: endpoints and subnets, of all three generations.
 *
 * /calico/v1/host/HOST/workload/openstack/DEVICE/endpoint/PORT: an endpoint; `ipv4_nat` are its floating IPs.
 * /calico/resources/v3/projectcalico.org/workloadendpoints/NAMESPACE/NAME: the same, as a WorkloadEndpoint.
 * /calico/dhcp/v1/subnet/ID, /calico/dhcp/v2/REGION/subnet/ID: a subnet, as the DHCP agent reads it.
 */

import { isIP } from "node:net";
import { type Entry, isRecord, parsed } from "./entries.ts";

export interface OldSubnet {
  readonly id: string;
  readonly networkId: string;
  readonly cidr: string;
  readonly gateway: string | null;
  readonly nameservers: readonly string[];
  readonly hostRoutes: readonly unknown[];
}

export interface OldEndpoint {
  readonly key: string;
  readonly host: string;
  readonly device: string;
  /** The id that its tap is named after. */
  readonly port: string;
  readonly mac: string;
  readonly isUp: boolean;
  readonly addresses: readonly string[];
  /** Of its addresses, those that are not its own alone. */
  readonly allowed: readonly string[];
  readonly gateways: readonly string[];
  readonly nats: readonly { readonly inside: string; readonly outside: string }[];
  readonly project: string | undefined;
}

/** What cannot be taken over, and why. */
export interface Fault {
  readonly key: string;
  readonly message: string;
}

export interface Layout {
  readonly subnets: readonly OldSubnet[];
  readonly endpoints: readonly OldEndpoint[];
  readonly faults: readonly Fault[];
}

type Json = Readonly<Record<string, unknown>>;
type Read<T> = (match: Readonly<Record<string, string>>, value: Json, key: string) => T | string;

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const ENDPOINT =
  /^\/calico\/v1\/host\/(?<host>[^/]+)\/workload\/openstack\/(?<device>[^/]+)\/endpoint\/(?<port>[^/]+)$/;
const WORKLOAD = /^\/calico\/resources\/v3\/projectcalico\.org\/workloadendpoints\/[^/]+\/[^/]+$/;
const SUBNET = /^\/calico\/dhcp\/(?:v1|v2\/[^/]+)\/subnet\/(?<id>[^/]+)$/;

/** All else below /calico is Felix's own affair, or policy, and is left out without a word. */
export function layoutOf(entries: readonly Entry[]): Layout {
  const subnets: OldSubnet[] = [];
  const endpoints: OldEndpoint[] = [];
  const faults: Fault[] = [];
  const take = <T>(key: string, text: string, form: RegExp, read: Read<T>, into: T[]): boolean => {
    const match = form.exec(key);
    if (match === null) return false;
    const value = parsed(text);
    const made = isRecord(value) ? read(match.groups ?? {}, value, key) : "its value is no JSON object";
    if (typeof made === "string") faults.push({ key, message: made });
    else into.push(made);
    return true;
  };
  for (const [key, text] of entries) {
    void (
      take(key, text, ENDPOINT, endpointOf, endpoints) ||
      take(key, text, WORKLOAD, workloadOf, endpoints) ||
      take(key, text, SUBNET, subnetOf, subnets)
    );
  }
  return { subnets, endpoints: latest(endpoints), faults };
}

/** Of a cluster that was upgraded, a port may stand in two generations: the newer one counts. */
function latest(endpoints: readonly OldEndpoint[]): OldEndpoint[] {
  const newer = ({ key }: OldEndpoint): number => Number(WORKLOAD.test(key));
  const inOrder = endpoints.toSorted((a, b) => newer(a) - newer(b));
  return [...new Map(inOrder.map((one) => [one.port, one])).values()];
}

const textsIn = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((one): one is string => typeof one === "string") : [];

const textIn = (value: unknown): string => (typeof value === "string" ? value : "");

const subnetOf: Read<OldSubnet> = ({ id = "" }, value) => {
  const { network_id, cidr, gateway_ip, dns_servers, host_routes } = value;
  if (!UUID.test(id)) return `${id} is no id of a subnet`;
  if (!UUID.test(textIn(network_id))) return "network_id is missing, or is none";
  if (!isCidr(textIn(cidr))) return "cidr is missing, or is none";
  return {
    id,
    networkId: textIn(network_id),
    cidr: textIn(cidr),
    gateway: typeof gateway_ip === "string" ? gateway_ip : null,
    nameservers: textsIn(dns_servers),
    hostRoutes: Array.isArray(host_routes) ? host_routes : [],
  };
};

export function isCidr(text: string): boolean {
  const [address = "", length = ""] = text.split("/");
  const family = isIP(address);
  return family !== 0 && /^\d{1,3}$/.test(length) && Number(length) <= (family === 4 ? 32 : 128);
}

const endpointOf: Read<OldEndpoint> = ({ host = "", device = "", port = "" }, value, key) => {
  const { mac, state, ipv4_gateway, ipv6_gateway } = value;
  const nats = ["ipv4_nat", "ipv6_nat"].flatMap((name) => natsIn(value[name], "int_ip", "ext_ip"));
  return checked({
    key,
    host,
    device,
    port,
    mac: textIn(mac),
    isUp: state === "active",
    addresses: [...textsIn(value["ipv4_nets"]), ...textsIn(value["ipv6_nets"])].map(hostOf),
    allowed: [],
    gateways: [ipv4_gateway, ipv6_gateway].map(textIn).filter((one) => one !== ""),
    nats,
    project: undefined,
  });
};

const PROJECT_LABEL = "projectcalico.org/openstack-project-id";

const workloadOf: Read<OldEndpoint> = (_match, value, key) => {
  const { spec, metadata } = value;
  if (!isRecord(spec) || spec["orchestrator"] !== "openstack")
    return "it is no WorkloadEndpoint of OpenStack";
  const labels = isRecord(metadata) && isRecord(metadata["labels"]) ? metadata["labels"] : {};
  return checked({
    key,
    host: textIn(spec["node"]),
    device: textIn(spec["workload"]).split("/").at(-1) ?? "",
    port: textIn(spec["endpoint"]),
    mac: textIn(spec["mac"]),
    isUp: true,
    addresses: textsIn(spec["ipNetworks"]).map(hostOf),
    allowed: textsIn(spec["allowedIps"]).map(hostOf),
    gateways: [spec["ipv4Gateway"], spec["ipv6Gateway"]].map(textIn).filter((one) => one !== ""),
    nats: natsIn(spec["ipNATs"], "internalIP", "externalIP"),
    project: textIn(labels[PROJECT_LABEL]) || undefined,
  });
};

/** "10.65.0.13/32" without its length. */
const hostOf = (net: string): string => net.split("/")[0]!;

const natsIn = (value: unknown, inside: string, outside: string): OldEndpoint["nats"] =>
  (Array.isArray(value) ? value : [])
    .filter(isRecord)
    .map((nat) => ({ inside: textIn(nat[inside]), outside: textIn(nat[outside]) }));

function checked(endpoint: OldEndpoint): OldEndpoint | string {
  const { port, host, mac, addresses, nats } = endpoint;
  if (!UUID.test(port)) return `${port} is no id of a port`;
  if (host === "") return "it names no host";
  if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(mac)) return "mac is missing, or is none";
  const strange = [...addresses, ...nats.flatMap(({ inside, outside }) => [inside, outside])];
  const bad = strange.find((address) => isIP(address) === 0);
  if (bad !== undefined) return `${JSON.stringify(bad)} is no address`;
  return addresses.length === 0 ? "it has no address" : endpoint;
}
