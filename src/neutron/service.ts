/**
 * One request of the Networking API v2.0 to its answer: which handler, what of it the caller may see, which status.
 * Pure: what it changes is in the draft of the work, and counts when the caller has committed it.
 */

import { addressScopes } from "./address-scopes.ts";
import { bulkOf } from "./body.ts";
import { isAdmin } from "./caller.ts";
import { candidates } from "./candidates.ts";
import { findExtension, listExtensions } from "./extensions.ts";
import { addExtraRoutes, removeExtraRoutes } from "./extra-routes.ts";
import { badRequest, Fault, notFound, unknownObject } from "./fault.ts";
import { floatingIps } from "./floating-ips.ts";
import { type Handler, membersOf, type Work } from "./handler.ts";
import { sortedFrom } from "./id-order.ts";
import { idleParts } from "./idle.ts";
import { listAvailabilities, showAvailability } from "./ip-availability.ts";
import { chosen, type Members, viewOf } from "./members.ts";
import { networks } from "./networks.ts";
import type { Objects } from "./objects.ts";
import { hiddenFrom, isVisible, requireAllowed, requireWrite } from "./policies.ts";
import { portForwardings } from "./port-forwardings.ts";
import { ports } from "./ports.ts";
import { type Listed, listAnswer, type QueryPairs } from "./query.ts";
import { listQuotas, resetQuota, setQuota, showQuota } from "./quotas.ts";
import type { Owned, Resource } from "./resources.ts";
import { addInterface, removeInterface } from "./router-interfaces.ts";
import { routers } from "./routers.ts";
import { ensureDefaultGroup, securityGroupRules, securityGroups } from "./security-groups.ts";
import { onboardSubnets } from "./subnet-onboarding.ts";
import { addPrefixes, removePrefixes } from "./subnet-pool-prefixes.ts";
import { subnetPools } from "./subnet-pools.ts";
import { subnets } from "./subnets.ts";
import { addTag, isTagged, removeTag, replaceTags, requireTag } from "./tags.ts";

export interface ApiRequest {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** Behind /v2.0/, decoded. */
  readonly path: readonly string[];
  readonly query: QueryPairs;
  /** Undefined: none came. */
  readonly body: unknown;
  /** The If-Match header. */
  readonly ifMatch?: string;
  /** "http://127.0.0.1:9696/v2.0/networks": where links of pages lead. */
  readonly url: string;
}

export interface ApiAnswer {
  readonly status: number;
  readonly body?: object;
  /** What of the object does nothing here (idle.ts). */
  readonly notes?: readonly string[];
  /** In place of a body: the octets of its JSON, made while they are asked for. */
  readonly pieces?: Iterable<Uint8Array>;
}

const HANDLERS: { readonly [C in Exclude<Owned, "port_forwardings">]: Handler<C> } = {
  networks,
  subnets,
  subnetpools: subnetPools,
  address_scopes: addressScopes,
  ports,
  routers,
  floatingips: floatingIps,
  security_groups: securityGroups,
  security_group_rules: securityGroupRules,
};

const BY_PATH: ReadonlyMap<string, Handler<Owned>> = new Map(
  (Object.values(HANDLERS) as Handler<Owned>[]).map((handler) => [handler.resource.path, handler]),
);

/** Things of OpenStack that we have none of, which clients list all the same. */
const ALWAYS_EMPTY: ReadonlyMap<string, string> = new Map([
  ["agents", "agents"],
  ["availability_zones", "availability_zones"],
  ["service-providers", "service_providers"],
]);

/** @throws Fault */
export function answerTo(work: Work, request: ApiRequest): ApiAnswer {
  const { path, method } = request;
  const [first = "", id, part, more] = path;
  if (method === "DELETE" && request.body !== undefined) {
    throw badRequest("Request body is not supported in DELETE.");
  }
  const handler = BY_PATH.get(first);
  if (handler === undefined) return other(work, request, first, id, part);
  if (id === undefined) return onCollection(work, handler, request);
  if (path.length > 4) throw notFound();
  if (part === "port_forwardings" && first === "floatingips") return onForwardings(work, request, id, more);
  const object = find(work, handler, id, method);
  if (part === undefined) return onObject(work, handler, object, request);
  if (part === "tags" && isTagged(handler.resource.collection))
    return onTags(work, handler, object, request, more);
  if (more !== undefined) throw notFound();
  return onAction(work, handler, object, part, request);
}

/** What is done with one object by a PUT below its path. */
const ACTIONS: { readonly [C in Owned]?: Readonly<Record<string, Action<C>>> } = {
  routers: {
    add_router_interface: addInterface,
    remove_router_interface: removeInterface,
    add_extraroutes: addExtraRoutes,
    remove_extraroutes: removeExtraRoutes,
  },
  subnetpools: {
    onboard_network_subnets: onboardSubnets,
    add_prefixes: addPrefixes,
    remove_prefixes: removePrefixes,
  },
};

type Action<C extends Owned> = (work: Work, object: Objects[C], body: unknown) => object;

function onAction<C extends Owned>(
  work: Work,
  { resource: { collection } }: Handler<C>,
  object: Objects[C],
  part: string,
  { method, body }: ApiRequest,
): ApiAnswer {
  const actions: Readonly<Record<string, Action<C>>> = ACTIONS[collection] ?? {};
  const act = method === "PUT" && Object.hasOwn(actions, part) ? actions[part] : undefined;
  if (act === undefined) throw notFound();
  const done = act(work, object, body);
  const changed = work.draft.get(collection, object.id) ?? object;
  return { status: 200, body: done, notes: idleParts(collection, changed, work.draft, work.world) };
}

function onForwardings(
  work: Work,
  request: ApiRequest,
  floatingId: string,
  id: string | undefined,
): ApiAnswer {
  const below = portForwardings(find(work, floatingIps, floatingId, "GET"));
  if (id === undefined) return onCollection(work, below, request);
  return onObject(work, below, find(work, below, id, request.method), request);
}

function other(
  work: Work,
  request: ApiRequest,
  first: string,
  id: string | undefined,
  part: string | undefined,
): ApiAnswer {
  const { method } = request;
  const empty = ALWAYS_EMPTY.get(first);
  if (empty !== undefined && method === "GET" && id === undefined)
    return { status: 200, body: { [empty]: [] } };
  if (first === "extensions" && method === "GET") {
    if (id === undefined) return { status: 200, body: { extensions: listExtensions() } };
    const extension = findExtension(id);
    if (extension !== undefined) return { status: 200, body: { extension } };
  }
  if (first === "quotas") return onQuotas(work, request, id, part);
  if (first === "network-ip-availabilities" && method === "GET" && part === undefined) {
    if (id === undefined) return { status: 200, pieces: listAvailabilities(work, request) };
    return { status: 200, body: { network_ip_availability: showAvailability(work, id) } };
  }
  throw notFound();
}

/** The neutron client asks so which project it is of, before it asks for the quota of that. */
const ASKING: ReadonlySet<string> = new Set(["tenant", "project"]);

function onQuotas(
  work: Work,
  { method, body }: ApiRequest,
  id: string | undefined,
  part: string | undefined,
): ApiAnswer {
  if (id === undefined) {
    if (method === "GET") return { status: 200, body: { quotas: listQuotas(work) } };
    throw notFound();
  }
  switch (method) {
    case "GET":
      if (ASKING.has(id) && part === undefined) {
        return { status: 200, body: { [id]: { tenant_id: work.caller.projectId } } };
      }
      return { status: 200, body: { quota: showQuota(work, id, part) } };
    case "PUT":
      return { status: 200, body: { quota: setQuota(work, id, body) } };
    case "DELETE":
      resetQuota(work, id);
      return { status: 204 };
    case "POST":
      throw notFound();
  }
}

function onCollection<C extends Owned>(work: Work, handler: Handler<C>, request: ApiRequest): ApiAnswer {
  const { resource } = handler;
  if (request.method === "GET") return list(work, handler, request);
  if (request.method !== "POST") throw notFound();
  const bulk = bulkOf(request.body, resource);
  const made = (bulk ?? [request.body]).map((body) => handler.create(work, body));
  // Viewed at the end: what a later object of the bulk refers to shows in an earlier one.
  const members = shown(work, handler);
  const views = made.map((object) => viewOf(members, object));
  const notes = made.flatMap((object) => idleParts(resource.collection, object, work.draft, work.world));
  return {
    status: 201,
    notes: [...new Set(notes)],
    body: bulk === undefined ? { [resource.name]: views[0] } : { [resource.collection]: views },
  };
}

function onObject<C extends Owned>(
  work: Work,
  handler: Handler<C>,
  object: Objects[C],
  request: ApiRequest,
): ApiAnswer {
  const { resource } = handler;
  const answered = (current: Objects[C], fields: readonly string[]): ApiAnswer => ({
    status: 200,
    notes: idleParts(resource.collection, current, work.draft, work.world),
    body: { [resource.name]: viewOf(chosen(shown(work, handler), fields), current) },
  });
  switch (request.method) {
    case "GET":
      return answered(
        object,
        request.query.filter(([name]) => name === "fields").map(([, value]) => value),
      );
    case "PUT": {
      requireRevision(object, request.ifMatch);
      return answered(handler.update(work, object, request.body), []);
    }
    case "DELETE":
      requireWrite(work.caller, `delete_${resource.name}`);
      requireRevision(object, request.ifMatch);
      handler.remove(work, object);
      return { status: 204 };
    case "POST":
      throw notFound();
  }
}

/** The object of a path, if the caller may do that with it. */
function find<C extends Owned>(
  { draft, caller }: Work,
  { resource, all }: Handler<C>,
  id: string,
  method: ApiRequest["method"],
): Objects[C] {
  const { collection, name } = resource;
  const object = draft.get(collection, id);
  if (object === undefined || (all !== undefined && ![...all(draft)].includes(object)))
    throw unknownObject(collection, id);
  if (method !== "GET") {
    const verb = method === "DELETE" ? "delete" : "update";
    requireAllowed(caller, draft, collection, object, `${verb}_${name}`);
  }
  if (!isVisible(caller, draft, collection, object)) throw notFound();
  return object;
}

const REVISION = /^revision_number=(\d{1,15})$/;

function requireRevision(
  { revision_number }: { readonly revision_number: number },
  ifMatch: string | undefined,
): void {
  if (ifMatch === undefined) return;
  const wanted = REVISION.exec(ifMatch)?.[1];
  if (wanted === undefined) throw badRequest(`Invalid If-Match: '${ifMatch.slice(0, 80)}'`);
  if (Number(wanted) === revision_number) return;
  const message = `Constrained to ${wanted}, but current revision is ${revision_number}`;
  throw new Fault(412, "RevisionNumberConstraintFailed", message);
}

function onTags<C extends Owned>(
  work: Work,
  { resource: { collection } }: Handler<C>,
  object: Objects[C],
  { method, body }: ApiRequest,
  tag: string | undefined,
): ApiAnswer {
  const tagged = object as Objects[C] & { readonly tags: readonly string[] };
  switch (method) {
    case "GET":
      if (tag === undefined) return { status: 200, body: { tags: tagged.tags } };
      requireTag(tagged, tag);
      return { status: 204 };
    case "PUT":
      if (tag === undefined)
        return { status: 200, body: { tags: replaceTags(work, collection, tagged, body) } };
      addTag(work, collection, tagged, tag);
      return { status: 201 };
    case "DELETE":
      removeTag(work, collection, tagged, tag);
      return { status: 204 };
    case "POST":
      throw notFound();
  }
}

function list<C extends Owned>(work: Work, handler: Handler<C>, request: ApiRequest): ApiAnswer {
  const { resource } = handler;
  const { collection } = resource;
  if (collection === "security_groups" && work.caller.projectId !== "") {
    ensureDefaultGroup(work, work.caller.projectId);
  }
  const pieces = listAnswer(collection, filtersOf(resource), listedOf(work, handler, request.query), request);
  return { status: 200, pieces };
}

function listedOf<C extends Owned>(work: Work, handler: Handler<C>, query: QueryPairs): Listed<Objects[C]> {
  const { draft, caller, world } = work;
  const { restsOn, resource } = handler;
  const { collection } = resource;
  const some = handler.all?.(draft) ?? candidates(draft, collection, query);
  const texts = draft.base.texts[isAdmin(caller) ? "admin" : "other"];
  return {
    all: () => some ?? draft.all(collection),
    inOrder: (from, backwards) =>
      some === undefined ? draft.inOrder(collection, from, backwards) : sortedFrom(some, from, backwards),
    get: (id) => draft.get(collection, id),
    isSeen: (object) => isVisible(caller, draft, collection, object),
    members: shown(work, handler),
    kept:
      restsOn &&
      ((objects, write) =>
        texts.of(objects, {
          marks: world.marks,
          restsOn: (object) => restsOn(object, draft, world),
          write,
        })),
    unknownMarker: (marker) => unknownObject(collection, marker),
  };
}

const filtersOf = ({ attributes }: Resource): ReadonlySet<string> =>
  new Set([...Object.keys(attributes), "project_id", "tenant_id"]);

/** As answered to the caller: without what only admins are shown. */
const shown = <C extends Owned>({ draft, caller, world }: Work, handler: Handler<C>): Members<Objects[C]> =>
  membersOf(handler, draft, world, hiddenFrom(caller, handler.resource.name));
