/**
 * Who may do what: upstream's default policies, as far as there are objects for them, a row for each rule of
 * oslo.policy. Nothing else of this room decides that; docs/API.md has the same rows.
 *
 * Admins may all of it, and readers only look. A rule with an attribute behind it (create_network:shared) is asked beside
 * the one without, when a request gives the attribute another value than it would have anyway.
 */

import { type Caller, isAdmin, owns } from "./caller.ts";
import { notAuthorized, notFound } from "./fault.ts";
import type { Network, Objects } from "./objects.ts";
import { type Owned, RESOURCES } from "./resources.ts";
import type { Reading } from "./tables.ts";

/** Any of them will do; none: admins alone. What a rule is asked of is the object, or the network that one is made in. */
type Ground = keyof typeof GROUNDS;

type Asked = { readonly project_id: string } | undefined;

const GROUNDS = {
  project: (caller: Caller, object: Asked): boolean => object === undefined || owns(caller, object),
  networkOwner: (caller: Caller, object: Asked, reading: Reading): boolean => {
    const network = networkOf(object, reading);
    return network !== undefined && owns(caller, network);
  },
  shared: (_: Caller, object: Asked): boolean =>
    object !== undefined && "shared" in object && object.shared === true,
  external: (_: Caller, object: Asked): boolean =>
    object !== undefined && "router:external" in object && object["router:external"] === true,
  sharedNetwork: (_: Caller, object: Asked, reading: Reading): boolean =>
    networkOf(object, reading)?.shared === true,
} as const;

function networkOf(object: Asked, reading: Reading): Network | undefined {
  if (object === undefined || !("network_id" in object)) return object as Network | undefined;
  return reading.get("networks", String(object.network_id));
}

const OWN: readonly Ground[] = ["project"];
const ADMINS: readonly Ground[] = [];
const OF_NETWORK: readonly Ground[] = ["networkOwner"];

export const POLICIES: ReadonlyMap<string, readonly Ground[]> = new Map<string, readonly Ground[]>([
  ["get_network", ["project", "shared", "external"]],
  ["create_network", OWN],
  ["create_network:id", ADMINS],
  ["create_network:shared", ADMINS],
  ["create_network:router:external", ADMINS],
  ["update_network", OWN],
  ["update_network:shared", ADMINS],
  ["update_network:router:external", ADMINS],
  ["delete_network", OWN],

  ["get_subnet", ["project", "sharedNetwork"]],
  ["create_subnet", OF_NETWORK],
  ["create_subnet:id", ADMINS],
  ["update_subnet", OWN],
  ["delete_subnet", OWN],

  ["get_subnetpool", ["project", "shared"]],
  ["create_subnetpool", OWN],
  ["create_subnetpool:shared", ADMINS],
  ["create_subnetpool:is_default", ADMINS],
  ["update_subnetpool", OWN],
  ["update_subnetpool:is_default", ADMINS],
  ["delete_subnetpool", OWN],
  ["onboard_network_subnets", OWN],
  ["add_prefixes", OWN],
  ["remove_prefixes", OWN],

  ["get_address_scope", ["project", "shared"]],
  ["create_address_scope", OWN],
  ["create_address_scope:shared", ADMINS],
  ["update_address_scope", OWN],
  ["update_address_scope:shared", ADMINS],
  ["delete_address_scope", OWN],

  ["get_port", ["project", "networkOwner"]],
  ["get_port:binding:host_id", ADMINS],
  ["get_port:binding:profile", ADMINS],
  ["get_port:binding:vif_type", ADMINS],
  ["get_port:binding:vif_details", ADMINS],
  ["create_port", ["networkOwner", "sharedNetwork"]],
  ["create_port:id", ADMINS],
  ["create_port:mac_address", OF_NETWORK],
  ["create_port:fixed_ips", OF_NETWORK],
  ["create_port:device_owner", OF_NETWORK],
  ["create_port:allowed_address_pairs", OF_NETWORK],
  ["create_port:binding:host_id", ADMINS],
  ["create_port:binding:profile", ADMINS],
  ["update_port", OWN],
  ["update_port:mac_address", OF_NETWORK],
  ["update_port:fixed_ips", OF_NETWORK],
  ["update_port:device_owner", OF_NETWORK],
  ["update_port:allowed_address_pairs", OF_NETWORK],
  ["update_port:binding:host_id", ADMINS],
  ["update_port:binding:profile", ADMINS],
  ["delete_port", OWN],

  ["get_router", OWN],
  ["create_router", OWN],
  ["create_router:id", ADMINS],
  ["create_router:distributed", ADMINS],
  ["create_router:ha", ADMINS],
  ["create_router:external_gateway_info:enable_snat", ADMINS],
  ["create_router:external_gateway_info:external_fixed_ips", ADMINS],
  ["update_router", OWN],
  ["update_router:distributed", ADMINS],
  ["update_router:ha", ADMINS],
  ["update_router:external_gateway_info:enable_snat", ADMINS],
  ["update_router:external_gateway_info:external_fixed_ips", ADMINS],
  ["delete_router", OWN],
  ["add_router_interface", OWN],
  ["remove_router_interface", OWN],
  ["add_extraroutes", OWN],
  ["remove_extraroutes", OWN],

  ["get_floatingip", OWN],
  ["create_floatingip", OWN],
  ["create_floatingip:id", ADMINS],
  ["create_floatingip:floating_ip_address", ADMINS],
  ["update_floatingip", OWN],
  ["delete_floatingip", OWN],
  ["get_port_forwarding", OWN],
  ["create_port_forwarding", OWN],
  ["update_port_forwarding", OWN],
  ["delete_port_forwarding", OWN],

  ["get_security_group", OWN],
  ["create_security_group", OWN],
  ["update_security_group", OWN],
  ["delete_security_group", OWN],
  ["get_security_group_rule", OWN],
  ["create_security_group_rule", OWN],
  ["update_security_group_rule", OWN],
  ["delete_security_group_rule", OWN],

  ["update_tags", OWN],
  ["get_quota", OWN],
  ["update_quota", ADMINS],
  ["delete_quota", ADMINS],
  ["get_bgp_speaker", ADMINS],
  ["get_bgp_peer", ADMINS],
  ["get_network_ip_availability", ADMINS],
]);

const looksOnly = (rule: string): boolean => rule.startsWith("get_");

/** @param object - undefined: nothing in particular, as for what is made in one's own project */
export function mayDo(caller: Caller, rule: string, reading: Reading, object?: Asked): boolean {
  if (isAdmin(caller)) return true;
  if (caller.role === "reader" && !looksOnly(rule)) return false;
  return groundsOf(rule).some((ground) => GROUNDS[ground](caller, object, reading));
}

function groundsOf(rule: string): readonly Ground[] {
  const grounds = POLICIES.get(rule);
  if (grounds === undefined) throw new RangeError(`there is no policy ${rule}`);
  return grounds;
}

/** Of lists of a hundred thousand objects, so that it is looked up once. */
const SEEN_BY: { readonly [C in Owned]: readonly Ground[] } = Object.fromEntries(
  Object.values(RESOURCES).map(({ collection, name }) => [collection, groundsOf(`get_${name}`)]),
) as { readonly [C in Owned]: readonly Ground[] };

export function isVisible<C extends Owned>(
  caller: Caller,
  reading: Reading,
  collection: C,
  object: Objects[C],
): boolean {
  if (owns(caller, object)) return true;
  return SEEN_BY[collection].some((ground) => GROUNDS[ground](caller, object, reading));
}

/**
 * What can be said before there is an object to ask about: the role, and what is for admins alone.
 * @param attributes - those that the request gives, and that are not as they would be anyway
 * @throws Fault that names every rule that had to hold, as oslo.policy does
 */
export function requireWrite(caller: Caller, action: string, attributes: readonly string[] = []): void {
  const refused = attributes
    .map((name) => `${action}:${name}`)
    .filter((rule) => POLICIES.get(rule) === ADMINS);
  const isMember = caller.role === "member" && groundsOf(action) !== ADMINS;
  if (isAdmin(caller) || (isMember && refused.length === 0)) return;
  throw notAuthorized([action, ...refused]);
}

/** @throws Fault - 404 for what the caller does not see, 403 for what it sees and may not do */
export function requireAllowed<C extends Owned>(
  caller: Caller,
  reading: Reading,
  collection: C,
  object: Objects[C],
  action: string,
): void {
  if (!isVisible(caller, reading, collection, object)) throw notFound();
  if (!mayDo(caller, action, reading, object)) throw notAuthorized([action]);
}

/** Attributes of a resource that the caller is not shown. */
export const hiddenFrom = (caller: Caller, resource: string): ReadonlySet<string> =>
  isAdmin(caller) ? NOTHING : (HIDDEN.get(resource) ?? NOTHING);

const NOTHING: ReadonlySet<string> = new Set();

const HIDDEN: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.values(RESOURCES).map(({ name, attributes }) => [
    name,
    new Set(Object.keys(attributes).filter((attribute) => POLICIES.has(`get_${name}:${attribute}`))),
  ]),
);
