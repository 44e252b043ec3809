/** What Neutron answers instead of what was asked for: status, exception name and text, as its clients know them. */

import type { Collection } from "./objects.ts";

/** Thrown by handlers, turned into {@link errorBody} at the edge. Nothing of the request was done. */
export class Fault extends Error {
  override readonly name: string = "Fault";
  readonly detail: { readonly status: number; readonly type: string };

  constructor(status: number, type: string, message: string) {
    super(message);
    this.detail = { status, type };
  }
}

/** neutronclient reads `detail` of every error, so that it must be there. */
export const errorBody = ({ detail: { type }, message }: Fault): object => ({
  NeutronError: { type, message, detail: "" },
});

export const badRequest = (message: string): Fault => new Fault(400, "HTTPBadRequest", message);

/** `reason` of what one attribute holds. */
export const invalidAttribute = (name: string, reason: string): Fault =>
  badRequest(`Invalid input for ${name}. Reason: ${reason}.`);

export const invalidInput = (reason: string): Fault =>
  new Fault(400, "InvalidInput", `Invalid input for operation: ${reason}.`);

/** What a handler refuses of a resource as it is used: "Bad router request: …". */
export const badResource = (resource: string, reason: string): Fault =>
  new Fault(400, "BadRequest", `Bad ${resource} request: ${reason}.`);

/** The same answer for what is not there and for what the caller may not know of. */
export const notFound = (): Fault => new Fault(404, "HTTPNotFound", "The resource could not be found.");

/** The text names the rules that had to hold, as oslo.policy spells them. */
export function notAuthorized(rules: readonly string[]): Fault {
  const text = rules.map((rule) => `rule:${rule}`).join(" and ");
  return new Fault(
    403,
    "PolicyNotAuthorized",
    `${rules.length > 1 ? `(${text})` : text} is disallowed by policy`,
  );
}

type Known = Exclude<Collection, "quotas">;

/** Type and text around the id, as upstream has them: routers and floating IPs go without a full stop. */
const UNKNOWN: Readonly<Record<Known, readonly [type: string, before: string, behind: string]>> = {
  networks: ["NetworkNotFound", "Network", "could not be found."],
  subnets: ["SubnetNotFound", "Subnet", "could not be found."],
  subnetpools: ["SubnetPoolNotFound", "Subnet pool", "could not be found."],
  address_scopes: ["AddressScopeNotFound", "Address scope", "could not be found."],
  ports: ["PortNotFound", "Port", "could not be found."],
  routers: ["RouterNotFound", "Router", "could not be found"],
  floatingips: ["FloatingIPNotFound", "Floating IP", "could not be found"],
  port_forwardings: ["PortForwardingNotFound", "Port Forwarding", "could not be found."],
  security_groups: ["SecurityGroupNotFound", "Security group", "does not exist"],
  security_group_rules: ["SecurityGroupRuleNotFound", "Security group rule", "does not exist"],
};

export function unknownObject(collection: Known, id: string): Fault {
  const [type, before, behind] = UNKNOWN[collection];
  return new Fault(404, type, `${before} ${id} ${behind}`);
}

export const conflict = (type: string, message: string): Fault => new Fault(409, type, message);

export const addressTaken = (address: string, subnetId: string): Fault =>
  conflict("IpAddressAlreadyAllocated", `IP address ${address} already allocated in subnet ${subnetId}`);
