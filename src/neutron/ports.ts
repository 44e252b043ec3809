/** Ports: a MAC and the addresses of one interface of an instance, on the host that it is bound to. */

import { contains } from "../bgp/net/address.ts";
import { addressOfPair, storedPrefix } from "./addresses.ts";
import { readCreate, readUpdate } from "./body.ts";
import { isAdmin, owns } from "./caller.ts";
import { withOptions } from "./dhcp-options.ts";
import { badResource, conflict, Fault, notAuthorized } from "./fault.ts";
import { disassociate, floatingIpsOf } from "./floating-ips.ts";
import { add, type Handler, revise, stamp, type Work } from "./handler.ts";
import { fixedIpsFor, requireAutomatic, withMac } from "./ipam.ts";
import { macFor } from "./macs.ts";
import { type AddressPair, DEVICE, type FixedIp, type Network, type Port } from "./objects.ts";
import { mayDo, requireAllowed } from "./policies.ts";
import { dropForwardings } from "./port-forwardings.ts";
import { statusOf, statusSlots } from "./port-status.ts";
import { RESOURCES } from "./resources.ts";
import { groupsOf, requireGroups } from "./security-groups.ts";
import { isMine, requireVisible } from "./seen.ts";
import type { DhcpOptionRequest, FixedIpRequest } from "./values.ts";

const resource = RESOURCES.ports;

/** Upstream's max_allowed_address_pair. */
const PAIRS_MAX = 10;

/** What these ports are is said by routers and floating IPs. */
const SERVICE_OWNERS: ReadonlySet<string> = new Set([
  DEVICE.interface,
  DEVICE.distributed,
  DEVICE.gateway,
  DEVICE.floating,
]);

type Pair = Omit<AddressPair, "mac_address"> & { readonly mac_address?: string };
interface Asked {
  readonly mac_address?: string;
  readonly fixed_ips?: readonly FixedIpRequest[];
  readonly allowed_address_pairs: readonly Pair[];
  readonly extra_dhcp_opts: readonly DhcpOptionRequest[];
  readonly security_groups?: readonly string[];
  readonly port_security_enabled?: boolean;
}
type Creation = Omit<Port, keyof Asked> & Asked;

export const ports: Handler<"ports"> = {
  resource,
  create(work, body) {
    const given = readCreate<Creation>(resource, body, work.caller);
    const network = requireVisible(work, "networks", given.network_id);
    requireAllowed(work.caller, work.draft, "networks", network, "create_port");
    requirePlace(work, network, given, "create_port");
    refuseServiceOwner(given.device_owner);
    const mac_address = macFor(work, network, given.mac_address);
    const isService = given.device_owner.startsWith("network:");
    const port_security_enabled = given.port_security_enabled ?? network.port_security_enabled;
    const isFiltered = port_security_enabled && !isService;
    const fixed_ips = fixedIpsFor(work.draft, network, given.fixed_ips, mac_address);
    requireAutomatic(work.draft, fixed_ips, mac_address);
    return add(work, resource, {
      ...stamp(work),
      ...given,
      mac_address,
      status: "DOWN",
      port_security_enabled,
      fixed_ips,
      allowed_address_pairs: pairsOf(work, network, given.allowed_address_pairs, mac_address),
      extra_dhcp_opts: withOptions([], given.extra_dhcp_opts),
      security_groups:
        isFiltered || given.security_groups !== undefined
          ? groupsOf(work, given.project_id, given.security_groups)
          : [],
    });
  },
  update(work, old, body) {
    const given = readUpdate<Creation>(resource, body, work.caller);
    const network = work.draft.get("networks", old.network_id)!;
    requirePlace(work, network, given, "update_port");
    requireUnserviced(old, given);
    if (given.device_owner !== undefined) refuseServiceOwner(given.device_owner);
    const { mac_address: _, fixed_ips: __, allowed_address_pairs, extra_dhcp_opts, ...patch } = given;
    if (given.security_groups !== undefined) requireGroups(work, given.security_groups);
    const isMoved = given.mac_address !== undefined && given.mac_address !== old.mac_address;
    const mac_address = isMoved ? macFor(work, network, given.mac_address) : old.mac_address;
    const wanted = given.fixed_ips ?? (isMoved ? withMac(work.draft, old.fixed_ips) : undefined);
    return revise(work, "ports", old, {
      ...patch,
      mac_address,
      ...(wanted !== undefined && { fixed_ips: movedIps(work, network, old, wanted, mac_address) }),
      ...(allowed_address_pairs !== undefined && {
        allowed_address_pairs: pairsOf(work, network, allowed_address_pairs, mac_address),
      }),
      ...(extra_dhcp_opts !== undefined && {
        extra_dhcp_opts: withOptions(old.extra_dhcp_opts, extra_dhcp_opts),
      }),
    });
  },
  remove(work, old) {
    if (SERVICE_OWNERS.has(old.device_owner)) {
      const message = `Port ${old.id} cannot be deleted directly via the port API: has device owner ${old.device_owner}.`;
      throw conflict("ServicePortInUse", message);
    }
    for (const floating of floatingIpsOf(work.draft, old.id)) {
      if (!isMine(work, floating)) {
        const message = `Unable to complete the operation on port "${old.id}" because the port still has an associated floating IP.`;
        throw conflict("FipAssociated", message);
      }
      disassociate(work, floating);
    }
    dropForwardings(work, old, new Set());
    work.draft.remove("ports", old.id);
  },
  made: {
    status: (port, _reading, world) => statusOf(port, world),
    "binding:vif_type": (port) => (port["binding:host_id"] === "" ? "unbound" : "tap"),
    "binding:vif_details": () => ({}),
  },
  restsOn: (port, _reading, world) => statusSlots(port, world),
};

/** What of a port takes the network's owner. */
function requirePlace(
  { caller, draft }: Work,
  network: Network,
  given: Partial<Pick<Creation, "mac_address" | "fixed_ips" | "device_owner" | "allowed_address_pairs">>,
  action: "create_port" | "update_port",
): void {
  const refused = [
    ...(given.mac_address === undefined ? [] : ["mac_address"]),
    ...(given.fixed_ips?.some(({ ip_address }) => ip_address !== undefined) === true ? ["fixed_ips"] : []),
    ...(given.device_owner?.startsWith("network:") === true ? ["device_owner"] : []),
    ...((given.allowed_address_pairs ?? []).length > 0 ? ["allowed_address_pairs"] : []),
  ]
    .map((name) => `${action}:${name}`)
    .filter((rule) => !mayDo(caller, rule, draft, network));
  if (refused.length > 0) throw notAuthorized([action, ...refused]);
}

/** Deviates: upstream lets an admin make ports that look like a router's without one. */
function refuseServiceOwner(owner: string): void {
  if (!SERVICE_OWNERS.has(owner)) return;
  throw badResource("port", `device owner ${owner} is given by routers and floating IPs`);
}

const FIXED_BY_SERVICE = ["fixed_ips", "mac_address", "device_id", "device_owner"] as const;

function requireUnserviced(old: Port, given: Partial<Creation>): void {
  if (!SERVICE_OWNERS.has(old.device_owner)) return;
  const name = FIXED_BY_SERVICE.find((key) => given[key] !== undefined);
  if (name === undefined) return;
  throw badResource("port", `Cannot update ${name} of port ${old.id}: has device owner ${old.device_owner}`);
}

function pairsOf(work: Work, network: Network, pairs: readonly Pair[], mac: string): readonly AddressPair[] {
  for (const pair of pairs) refuseAddressOfOthers(work, network, pair);
  if (pairs.length > PAIRS_MAX) {
    const message = `The number of allowed address pair exceeds the maximum ${PAIRS_MAX}.`;
    throw new Fault(400, "AllowedAddressPairExhausted", message);
  }
  const whole = pairs.map((pair) => ({ mac_address: mac, ...pair }));
  const keys = whole.map(({ ip_address, mac_address }) => `${ip_address} ${mac_address}`);
  const twice = whole.find((_, i) => keys.indexOf(keys[i]!) !== i);
  if (twice === undefined) return whole;
  const message = `Request contains duplicate address pair: mac_address ${twice.mac_address} ip_address ${twice.ip_address}.`;
  throw new Fault(400, "DuplicateAddressPairInRequest", message);
}

/** Deviates: addresses are one space here, so that a pair has packets of others routed to this port. */
function refuseAddressOfOthers({ caller, draft }: Work, { id }: Network, pair: Pair): void {
  const address = addressOfPair(pair);
  if (address === undefined || isAdmin(caller)) return;
  for (const { network_id, cidr } of draft.all("subnets")) {
    if (network_id === id || !contains(storedPrefix(cidr), address)) continue;
    if (owns(caller, draft.get("networks", network_id)!)) continue;
    throw badResource("port", `the allowed address ${pair.ip_address} is of a network of another project`);
  }
}

function movedIps(
  work: Work,
  network: Network,
  old: Port,
  wanted: readonly FixedIpRequest[],
  mac: string,
): FixedIp[] {
  const fixed = fixedIpsFor(work.draft, network, wanted, mac, old.fixed_ips);
  requireAutomatic(work.draft, fixed, mac, old.fixed_ips);
  const kept = new Set(fixed.map(({ ip_address }) => ip_address));
  const lost = floatingIpsOf(work.draft, old.id).some((f) => !kept.has(f.fixed_ip_address ?? ""));
  if (!lost) {
    dropForwardings(work, old, kept);
    return fixed;
  }
  throw badResource(
    "port",
    `Cannot update the fixed_ips of the port ${old.id}, because its original fixed_ip has been associated to a floating ip`,
  );
}
