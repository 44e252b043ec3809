/** What of the Networking API's objects has an address, and the addresses that a name or an id stands for. */

import { contains, hostPrefix, type Prefix } from "../bgp/net/address.ts";
import { formatAddress, formatPrefix } from "../bgp/net/text.ts";
import { stored, storedPrefix } from "./addresses.ts";
import { DEVICE, type FloatingIp, type Network, type Port, type Router, type Subnet } from "./objects.ts";
import { addressKey, type Reading } from "./tables.ts";

/** Objects that have an address, or a part of it to do with it. */
export interface Whose {
  /** Those whose address it is. */
  readonly floating: readonly FloatingIp[];
  /** Those that lead to it, as a whole or port by port. */
  readonly leading: readonly FloatingIp[];
  /** Those that have it as a fixed address, of instances and of routers alike. */
  readonly ports: readonly Port[];
  /** Those that may use it beside their own (`allowed_address_pairs`). */
  readonly sharing: readonly Port[];
  /** Those that hold it. */
  readonly subnets: readonly Subnet[];
}

/** @param prefix - of an address its /32 or /128; of a shorter one subnets alone are looked at */
export function whose(reading: Reading, prefix: Prefix, isAddress: boolean): Whose {
  const text = formatAddress(prefix);
  const subnets = [...reading.all("subnets")].filter(({ cidr }) => contains(storedPrefix(cidr), prefix));
  if (!isAddress) return { floating: [], leading: [], ports: [], sharing: [], subnets };
  const ports = subnets.flatMap(({ id }) => [...reading.by("ports", "address", addressKey(id, text))]);
  return {
    floating: [...reading.by("floatingips", "address", text)],
    leading: ports.flatMap((port) => leadingTo(reading, port, text)),
    ports,
    sharing: [...reading.all("ports")].filter((port) => shares(port, text)),
    subnets,
  };
}

const shares = ({ allowed_address_pairs: pairs }: Port, text: string): boolean =>
  pairs.length > 0 && pairs.some(({ ip_address }) => ip_address === text || isWhole(ip_address, text));

/** An address with its full length is no more than the address. */
const isWhole = (pair: string, text: string): boolean => pair === `${text}/${text.includes(":") ? 128 : 32}`;

function leadingTo(reading: Reading, { id }: Port, text: string): FloatingIp[] {
  const whole = [...reading.by("floatingips", "port", id)].filter((one) => one.fixed_ip_address === text);
  const parts = [...reading.by("port_forwardings", "port", id)]
    .filter(({ internal_ip_address }) => internal_ip_address === text)
    .flatMap(({ floatingip_id }) => reading.get("floatingips", floatingip_id) ?? []);
  return [...new Set([...whole, ...parts])];
}

/** Ports of the API that are an instance's, and no part of a router or a floating IP. */
export const isInstance = ({ device_owner }: Port): boolean =>
  !(Object.values(DEVICE) as readonly string[]).includes(device_owner);

/** An object of that id or name, and the prefixes that it stands for. */
export interface Named {
  readonly what: "floating IP" | "port" | "router" | "subnet" | "network";
  readonly id: string;
  readonly prefixes: readonly string[];
}

/** @param text - an id, or a name, of which there may be several */
export function objectsNamed(reading: Reading, text: string): Named[] {
  const isNamed = ({ id, name }: { readonly id: string; readonly name: string }): boolean =>
    id === text || (name === text && name !== "");
  const found: Named[] = [];
  const floating = reading.get("floatingips", text);
  if (floating !== undefined)
    found.push({ what: "floating IP", id: text, prefixes: [hostText(floating.floating_ip_address)] });
  for (const port of reading.all("ports"))
    if (isNamed(port))
      found.push({
        what: "port",
        id: port.id,
        prefixes: port.fixed_ips.map((ip) => hostText(ip.ip_address)),
      });
  for (const router of reading.all("routers"))
    if (isNamed(router)) found.push({ what: "router", id: router.id, prefixes: outerAddresses(router) });
  for (const subnet of reading.all("subnets"))
    if (isNamed(subnet)) found.push({ what: "subnet", id: subnet.id, prefixes: [subnet.cidr] });
  for (const network of reading.all("networks"))
    if (isNamed(network))
      found.push({ what: "network", id: network.id, prefixes: cidrsOf(reading, network) });
  return found;
}

const outerAddresses = ({ external_gateway_info }: Router): string[] =>
  (external_gateway_info?.external_fixed_ips ?? []).map((ip) => hostText(ip.ip_address));

const cidrsOf = (reading: Reading, { id }: Network): string[] =>
  [...reading.by("subnets", "network", id)].map(({ cidr }) => cidr);

const hostText = (text: string): string => formatPrefix(hostPrefix(stored(text)));
