/**
 * Subnet pools: prefixes that subnets are cut from, so that no two subnets of a pool overlap. The smallest free piece
 * that is large enough is cut first, the lowest of those.
 */

import { contains, overlaps, type Prefix, prefixOf, widthOf } from "../bgp/net/address.ts";
import { formatPrefix } from "../bgp/net/text.ts";
import { storedPrefix } from "./addresses.ts";
import { type Given, readCreate, readUpdate } from "./body.ts";
import { owns } from "./caller.ts";
import { badRequest, conflict, Fault, invalidInput } from "./fault.ts";
import { add, type Handler, require, revise, stamp, type Work } from "./handler.ts";
import type { Subnet, SubnetPool } from "./objects.ts";
import { freeIn, merged } from "./prefix-space.ts";
import { RESOURCES } from "./resources.ts";
import { requireVisible } from "./seen.ts";
import { first, type Reading } from "./tables.ts";

const resource = RESOURCES.subnetpools;

/** Prefix lengths of a pool that names none, and what one unit of its quota is. */
const BY_FAMILY = { 4: { shortest: 8, unit: 32 }, 6: { shortest: 64, unit: 64 } } as const;

type Lengths = "default_prefixlen" | "min_prefixlen" | "max_prefixlen";
type Asked = Given<Omit<SubnetPool, Lengths | "prefixes" | "ip_version">> &
  Partial<Pick<SubnetPool, Lengths | "prefixes">>;
type Shape = Pick<SubnetPool, Lengths | "prefixes" | "ip_version">;

export const subnetPools: Handler<"subnetpools"> = {
  resource,
  create(work, body) {
    const given = readCreate<Asked>(resource, body, work.caller);
    if (given.prefixes === undefined) {
      throw badRequest("Failed to parse request. Required attribute 'prefixes' not specified");
    }
    const pool = { ...given, ...shapeOf(given), ...stamp(work) };
    if (pool.is_default) requireNoDefault(work.draft, pool);
    requireScope(work, pool);
    return add(work, resource, pool);
  },
  update(work, old, body) {
    const patch = readUpdate<Asked>(resource, body, work.caller);
    const next = { ...old, ...patch, ...shapeOf({ ...old, ...patch }) };
    requireSuperset(old, next);
    if (next.is_default && !old.is_default) requireNoDefault(work.draft, next);
    requireScopeIsOurs(work, old);
    if (patch.address_scope_id !== undefined || patch.prefixes !== undefined) requireScope(work, next);
    return revise(work, "subnetpools", old, next);
  },
  remove({ draft }, { id }) {
    if (first(draft.by("subnets", "pool", id)) !== undefined) {
      const message = "Unable to delete subnet pool: Subnet pool has existing allocations.";
      throw new Fault(400, "SubnetPoolDeleteError", message);
    }
    draft.remove("subnetpools", id);
  },
  made: {},
};

export const noPrefixes = (): Fault =>
  new Fault(400, "EmptySubnetPoolPrefixList", "Empty subnet pool prefix list.");

/** @throws Fault when no subnet could be cut from it */
function shapeOf(given: Partial<Pick<SubnetPool, Lengths | "prefixes">>): Shape {
  const prefixes = (given.prefixes ?? []).map(storedPrefix);
  const [one] = prefixes;
  if (one === undefined) throw noPrefixes();
  const { family } = one;
  if (prefixes.some((prefix) => prefix.family !== family)) {
    const message = "Cannot mix IPv4 and IPv6 prefixes in a subnet pool.";
    throw new Fault(400, "PrefixVersionMismatch", message);
  }
  const width = widthOf(family);
  const { min_prefixlen = BY_FAMILY[family].shortest, max_prefixlen = width } = given;
  const { default_prefixlen = min_prefixlen } = given;
  const bounds = [
    ["min_prefixlen", min_prefixlen, "max_prefixlen", max_prefixlen, min_prefixlen <= max_prefixlen],
    ["max_prefixlen", max_prefixlen, "ip_version_max", width, max_prefixlen <= width],
    [
      "default_prefixlen",
      default_prefixlen,
      "min_prefixlen",
      min_prefixlen,
      default_prefixlen >= min_prefixlen,
    ],
    [
      "default_prefixlen",
      default_prefixlen,
      "max_prefixlen",
      max_prefixlen,
      default_prefixlen <= max_prefixlen,
    ],
  ] as const;
  for (const [name, length, base, limit, holds] of bounds) {
    if (holds) continue;
    const message = `Illegal prefix bounds: ${name}=${length}, ${base}=${limit}.`;
    throw new Fault(400, "IllegalSubnetPoolPrefixBounds", message);
  }
  return {
    ip_version: family,
    prefixes: merged(prefixes).map(formatPrefix),
    min_prefixlen,
    max_prefixlen,
    default_prefixlen,
  };
}

function requireSuperset(old: SubnetPool, next: SubnetPool): void {
  const wider = next.prefixes.map(storedPrefix);
  if (old.prefixes.map(storedPrefix).every((one) => wider.some((each) => contains(each, one)))) return;
  throw illegalPrefixes("Existing prefixes must be a subset of the new prefixes");
}

export const illegalPrefixes = (reason: string): Fault =>
  new Fault(400, "IllegalSubnetPoolPrefixUpdate", `Illegal update to prefixes: ${reason}.`);

const defaultPool = (reading: Reading, version: 4 | 6): SubnetPool | undefined => {
  for (const pool of reading.all("subnetpools")) {
    if (pool.is_default && pool.ip_version === version) return pool;
  }
  return undefined;
};

function requireNoDefault(reading: Reading, { id, ip_version }: SubnetPool): void {
  const known = defaultPool(reading, ip_version);
  if (known === undefined || known.id === id) return;
  throw invalidInput(
    "A default subnetpool for this IP family has already been set. Only one default may exist per IP family",
  );
}

/** The pool of somebody else's scope is as that one's owner let it be. */
export function requireScopeIsOurs(
  { draft, caller }: Work,
  { id, address_scope_id: scopeId }: SubnetPool,
): void {
  if (scopeId === null || owns(caller, require(draft, "address_scopes", scopeId))) return;
  const message = `Illegal subnetpool update : subnetpool ${id} cannot be updated when associated with shared address scope ${scopeId}.`;
  throw new Fault(400, "IllegalSubnetPoolUpdate", message);
}

function requireScope(work: Work, pool: SubnetPool): void {
  const { id, address_scope_id: scopeId, ip_version } = pool;
  if (scopeId === null) return;
  const scope = requireVisible(work, "address_scopes", scopeId);
  if (scope.ip_version !== ip_version) {
    const message = `Illegal subnetpool association: subnetpool ${id} cannot associate with address scope ${scopeId} because subnetpool ip_version is not ${scope.ip_version}.`;
    throw new Fault(400, "IllegalSubnetPoolIpVersionAssociationToAddressScope", message);
  }
  const own = pool.prefixes.map(storedPrefix);
  for (const other of work.draft.by("subnetpools", "scope", scopeId)) {
    const isApart = other.prefixes.map(storedPrefix).every((theirs) => !own.some((o) => overlaps(o, theirs)));
    if (other.id === id || isApart) continue;
    throw conflict(
      "AddressScopePrefixConflict",
      "Failed to associate address scope: subnetpools within an address scope must have unique prefixes.",
    );
  }
  for (const { network_id } of work.draft.by("subnets", "pool", id)) {
    for (const beside of work.draft.by("subnets", "network", network_id)) {
      if (beside.ip_version === ip_version && beside.subnetpool_id !== id) throw scopesDiffer();
    }
  }
}

const scopesDiffer = (): Fault =>
  new Fault(
    400,
    "NetworkAddressScopeAffinityError",
    "Subnets of the same address family hosted on the same network must all be allocated from the same address scope.",
  );

/** The address scope of a network's subnets of that family, if they have one. */
export function scopeOf(reading: Reading, subnets: readonly Subnet[], version: 4 | 6): string | null {
  const pool = subnets.find(({ ip_version }) => ip_version === version)?.subnetpool_id ?? null;
  return pool === null ? null : (reading.get("subnetpools", pool)?.address_scope_id ?? null);
}

/** What a subnet's creator said of where its prefix is to come from. */
interface Request {
  readonly project_id: string;
  readonly network_id: string;
  readonly ip_version: 4 | 6;
  readonly cidr?: string | null;
  readonly prefixlen?: number;
  readonly subnetpool_id: string | null;
  readonly use_default_subnetpool: boolean;
}

const badSubnet = (reason: string): Fault => new Fault(400, "BadRequest", `Bad subnets request: ${reason}.`);

/**
 * The prefix of a new subnet, and the pool that it is taken from, if any.
 * @throws Fault when the request contradicts itself, or the pool has no such prefix left
 */
export function prefixFor(
  work: Work,
  request: Request,
): { readonly prefix: Prefix; readonly subnetpool_id: string | null } {
  const { network_id, ip_version, cidr = null, prefixlen } = request;
  if (cidr !== null && prefixlen !== undefined) {
    throw badSubnet("cidr and prefixlen must not be supplied together");
  }
  const pool = poolFor(work, request);
  requireAffinity(work.draft, network_id, ip_version, pool);
  if (pool === undefined) {
    if (cidr === null) throw badSubnet("a subnetpool must be specified in the absence of a cidr");
    return { prefix: storedPrefix(cidr), subnetpool_id: null };
  }
  if (pool.ip_version !== ip_version) {
    throw badSubnet(`Cannot allocate IPv${ip_version} subnet from IPv${pool.ip_version} subnet pool`);
  }
  const wanted = cidr === null ? undefined : storedPrefix(cidr);
  const length = wanted?.length ?? prefixlen ?? pool.default_prefixlen;
  requireLength(pool, length);
  requirePoolQuota(work.draft, pool, request.project_id, length);
  return { prefix: cut(work.draft, pool, wanted, length), subnetpool_id: pool.id };
}

function poolFor(
  work: Work,
  { ip_version, subnetpool_id, use_default_subnetpool }: Request,
): SubnetPool | undefined {
  if (subnetpool_id !== null) {
    if (use_default_subnetpool) {
      throw badSubnet("subnetpool_id and use_default_subnetpool cannot both be specified");
    }
    return requireVisible(work, "subnetpools", subnetpool_id);
  }
  if (!use_default_subnetpool) return undefined;
  const found = defaultPool(work.draft, ip_version);
  if (found === undefined) throw badSubnet(`No default subnetpool found for IPv${ip_version}`);
  return found;
}

/** Subnets of one network are all of one pool, or of pools of one scope, or of none. */
function requireAffinity(
  reading: Reading,
  networkId: string,
  version: 4 | 6,
  pool: SubnetPool | undefined,
): void {
  for (const other of reading.by("subnets", "network", networkId)) {
    if (other.ip_version !== version || other.subnetpool_id === (pool?.id ?? null)) continue;
    const scope = scopeOf(reading, [other], version);
    if (scope !== null && scope === pool?.address_scope_id) continue;
    if (scope !== null || (pool?.address_scope_id ?? null) !== null) throw scopesDiffer();
    const message = "Subnets hosted on the same network must be allocated from the same subnet pool.";
    throw new Fault(400, "NetworkSubnetPoolAffinityError", message);
  }
}

function requireLength({ min_prefixlen: least, max_prefixlen: most }: SubnetPool, length: number): void {
  const refuse = (which: "Min" | "Max", word: string, bound: number): Fault => {
    const message = `Unable to allocate subnet with prefix length ${length}, ${word} allowed prefix is ${bound}.`;
    return new Fault(400, `${which}PrefixSubnetAllocationError`, message);
  };
  if (length > most) throw refuse("Max", "maximum", most);
  if (length < least) throw refuse("Min", "minimum", least);
}

function requirePoolQuota(reading: Reading, pool: SubnetPool, projectId: string, length: number): void {
  const { default_quota: quota, ip_version, id } = pool;
  if (quota === null || quota === 0) return;
  const units = (bits: number): number => 2 ** (BY_FAMILY[ip_version].unit - bits);
  let used = units(length);
  for (const { project_id, cidr } of reading.by("subnets", "pool", id)) {
    if (project_id === projectId) used += units(storedPrefix(cidr).length);
  }
  if (used > quota)
    throw conflict("SubnetPoolQuotaExceeded", "Per-tenant subnet pool prefix quota exceeded.");
}

/** Deviates: upstream answers 500 when there is none, and a client would ask again and again. */
const allocationFailed = (reason: string): Fault =>
  conflict("SubnetAllocationError", `Failed to allocate subnet: ${reason}.`);

function cut(reading: Reading, pool: SubnetPool, wanted: Prefix | undefined, length: number): Prefix {
  const taken = [...reading.by("subnets", "pool", pool.id)].map(({ cidr }) => storedPrefix(cidr));
  const whole = pool.prefixes.map(storedPrefix);
  if (wanted !== undefined) {
    const isThere = whole.some((prefix) => contains(prefix, wanted));
    if (isThere && !taken.some((prefix) => overlaps(prefix, wanted))) return wanted;
    throw allocationFailed("Cannot allocate requested subnet from the available set of prefixes");
  }
  let best: Prefix | undefined;
  for (const free of whole.flatMap((prefix) => [...freeIn(prefix, taken)])) {
    if (free.length <= length && free.length > (best?.length ?? -1)) best = free;
  }
  if (best === undefined)
    throw allocationFailed(`Insufficient prefix space to allocate subnet size /${length}`);
  return prefixOf(best, length);
}
