/** Subnets: a prefix of a network, its gateway and the pools that its ports' addresses come from. */

import { overlaps, type Prefix, sameAddress } from "../bgp/net/address.ts";
import { formatAddress, formatPrefix } from "../bgp/net/text.ts";
import { stored, storedPrefix } from "./addresses.ts";
import { readCreate, readUpdate } from "./body.ts";
import { owns } from "./caller.ts";
import { badResource, conflict, type Fault, invalidInput } from "./fault.ts";
import { add, type Handler, revise, stamp, type Work } from "./handler.ts";
import { DEVICE, type Network, type Subnet } from "./objects.ts";
import { requireAllowed } from "./policies.ts";
import { checkGateway, checkPools, checkPrefix, defaultGateway, defaultPools } from "./pools.ts";
import { RESOURCES } from "./resources.ts";
import { requireVisible } from "./seen.ts";
import { prefixFor } from "./subnet-pools.ts";
import { addressKey, type Reading } from "./tables.ts";

const resource = RESOURCES.subnets;

type Optional = "cidr" | "gateway_ip" | "allocation_pools";
type Creation = Omit<Subnet, Optional> & {
  readonly cidr?: string | null;
  readonly prefixlen?: number;
  readonly use_default_subnetpool: boolean;
} & Partial<Pick<Subnet, "gateway_ip" | "allocation_pools">>;

export const subnets: Handler<"subnets"> = {
  resource,
  create(work, body) {
    const request = readCreate<Creation>(resource, body, work.caller);
    const { prefixlen: _, use_default_subnetpool: __, ...given } = request;
    const network = requireVisible(work, "networks", given.network_id);
    requireAllowed(work.caller, work.draft, "networks", network, "create_subnet");
    const { prefix, subnetpool_id } = prefixFor(work, request);
    if (subnetpool_id !== null && (given.cidr ?? null) === null && given.allocation_pools !== undefined) {
      throw badResource("subnets", "allocation_pools allowed only for specific subnet requests");
    }
    checkPrefix(prefix, given.ip_version, given.enable_dhcp);
    checkModes(given, prefix);
    const cidr = formatPrefix(prefix);
    requireApart(work.draft, network, cidr, prefix);
    requireOwnSpace(work, network, cidr, prefix);
    const gateway = gatewayOf(prefix, given.gateway_ip);
    const allocation_pools = poolsOf(prefix, given.allocation_pools, gateway);
    const gateway_ip = gateway === undefined ? null : formatAddress(gateway);
    const numbers = { cidr, subnetpool_id, gateway_ip, allocation_pools };
    return add(work, resource, { ...stamp(work), ...given, ...numbers });
  },
  update(work, old, body) {
    const patch = readUpdate<Subnet>(resource, body, work.caller);
    const next = { ...old, ...patch };
    const prefix = storedPrefix(old.cidr);
    if (patch.enable_dhcp === true) checkPrefix(prefix, old.ip_version, true);
    if (patch.enable_dhcp === false && hasModes(old)) {
      throw invalidInput("Cannot disable enable_dhcp with ipv6 attributes set");
    }
    if (patch.gateway_ip !== undefined || patch.allocation_pools !== undefined) {
      const gateway = gatewayOf(prefix, next.gateway_ip);
      if (patch.gateway_ip !== undefined) requireGatewayFree(work.draft, old, next.gateway_ip);
      checkPools(prefix, next.allocation_pools, gateway);
    }
    return revise(work, "subnets", old, patch);
  },
  remove({ draft }, { id }) {
    const left = [...draft.by("ports", "subnet", id)];
    if (left.some(({ device_owner }) => device_owner !== DEVICE.dhcp)) {
      throw conflict(
        "SubnetInUse",
        `Unable to complete operation on subnet ${id}: One or more ports have an IP allocation from this subnet.`,
      );
    }
    for (const port of left) draft.remove("ports", port.id);
    draft.remove("subnets", id);
  },
  made: { segment_id: () => null },
};

/** @param wanted - undefined: the first address; null: none */
function gatewayOf(prefix: Prefix, wanted: string | null | undefined): ReturnType<typeof stored> | undefined {
  if (wanted === null) return undefined;
  if (wanted === undefined) return prefix.length >= 127 ? undefined : defaultGateway(prefix);
  const gateway = stored(wanted);
  checkGateway(prefix, gateway);
  return gateway;
}

function poolsOf(
  prefix: Prefix,
  given: Subnet["allocation_pools"] | undefined,
  gateway: ReturnType<typeof stored> | undefined,
): Subnet["allocation_pools"] {
  if (given === undefined) return defaultPools(prefix, gateway);
  checkPools(prefix, given, gateway);
  return given;
}

/**
 * Deviates: addresses are one space here. A project's network with addresses of one that everybody reaches would take
 * their packets.
 */
function requireOwnSpace({ caller, draft }: Work, network: Network, cidr: string, prefix: Prefix): void {
  for (const other of draft.all("subnets")) {
    if (!overlaps(storedPrefix(other.cidr), prefix)) continue;
    const beside = draft.get("networks", other.network_id)!;
    if (!(beside.shared || beside["router:external"]) || owns(caller, beside)) continue;
    throw overlap(network, cidr);
  }
}

const overlap = ({ id }: Network, cidr: string): Fault =>
  invalidInput(`Requested subnet with cidr: ${cidr} for network: ${id} overlaps with another subnet`);

function requireApart(reading: Reading, network: Network, cidr: string, prefix: Prefix): void {
  for (const other of reading.by("subnets", "network", network.id)) {
    if (!overlaps(storedPrefix(other.cidr), prefix)) continue;
    throw overlap(network, cidr);
  }
}

/** A router's interface holds the gateway's address: it would go on answering for the old one. */
function requireGatewayFree(reading: Reading, subnet: Subnet, next: string | null): void {
  const { gateway_ip } = subnet;
  if (gateway_ip === null || (next !== null && sameAddress(stored(gateway_ip), stored(next)))) return;
  for (const port of reading.by("ports", "address", addressKey(subnet.id, gateway_ip))) {
    throw conflict(
      "GatewayIpInUse",
      `Current gateway ip ${gateway_ip} already in use by port ${port.id}. Unable to update.`,
    );
  }
}

/** An address made of the MAC has 64 bits of its own (RFC 4862 §5.5.3). */
const SLAAC_LENGTH = 64;

function checkModes(
  {
    ip_version,
    enable_dhcp,
    ipv6_ra_mode: ra,
    ipv6_address_mode: mode,
  }: Pick<Subnet, "ip_version" | "enable_dhcp" | "ipv6_ra_mode" | "ipv6_address_mode">,
  prefix: Prefix,
): void {
  if (ra === null && mode === null) return;
  if (ip_version === 4)
    throw invalidInput("ipv6_ra_mode and ipv6_address_mode are for subnets of ip_version 6");
  if (!enable_dhcp) {
    throw invalidInput("ipv6_ra_mode or ipv6_address_mode cannot be set when enable_dhcp is set to False");
  }
  if (ra !== null && mode !== null && ra !== mode) {
    throw invalidInput(
      `ipv6_ra_mode set to '${ra}' with ipv6_address_mode set to '${mode}' is not valid. If both attributes are set, they must be the same value`,
    );
  }
  if (mode !== "dhcpv6-stateful" && prefix.length !== SLAAC_LENGTH) {
    throw invalidInput(
      `Invalid CIDR ${formatPrefix(prefix)} for IPv6 address mode. OpenStack uses the EUI-64 address format, which requires the prefix to be /64`,
    );
  }
}

const hasModes = ({ ipv6_ra_mode, ipv6_address_mode }: Subnet): boolean =>
  ipv6_ra_mode !== null || ipv6_address_mode !== null;
