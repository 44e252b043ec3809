/** From the JSON of a request to checked values, by the rows of a resource. */

import { type Caller, isAdmin } from "./caller.ts";
import { badRequest } from "./fault.ts";
import { POLICIES, requireWrite } from "./policies.ts";
import type { Resource } from "./resources.ts";
import { text } from "./values.ts";

type Json = Readonly<Record<string, unknown>>;

/** Objects of one bulk request. */
const BULK_MAX = 100;

/** Attributes that one object may be given; none has so many. */
const ATTRIBUTES_MAX = 100;

const isJsonObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** What stands behind one key of a body: {"network": …}. @throws Fault */
export function unwrap(body: unknown, key: string): Json {
  if (body === undefined) throw badRequest("Resource body required");
  if (!isJsonObject(body)) throw badRequest("Body contains invalid data");
  const inner = Object.hasOwn(body, key) ? body[key] : undefined;
  if (inner === undefined) throw badRequest(`Unable to find '${key}' in request body`);
  if (!isJsonObject(inner)) throw badRequest("Body contains invalid data");
  if (Object.keys(inner).length > ATTRIBUTES_MAX) {
    throw badRequest(`An object has at most ${ATTRIBUTES_MAX} attributes`);
  }
  return inner;
}

/** The bodies of a bulk create ({"networks": […]}), or undefined when it is one of a single object. */
export function bulkOf(body: unknown, resource: Resource): readonly unknown[] | undefined {
  const items = isJsonObject(body) ? body[resource.collection] : undefined;
  if (items === undefined) return undefined;
  if (!Array.isArray(items) || items.length === 0) throw badRequest("Resource body required");
  if (items.length > BULK_MAX) throw badRequest(`A bulk request has at most ${BULK_MAX} objects`);
  return items.map((item: unknown) => ({ [resource.name]: item }));
}

export type Given<T> = T & { readonly project_id: string };

/**
 * A create's values, with everything that has a default; `project_id` is whose the object will be.
 * @throws Fault - for what is missing, unknown, not allowed, malformed, or for an admin to say
 */
export function readCreate<T>(resource: Resource, body: unknown, caller: Caller): Given<T> {
  const raw = unwrap(body, resource.name);
  const { rest, projectId } = takeProject(raw, caller);
  refuseUnknown(resource, rest);
  const read: Record<string, unknown> = { project_id: projectId };
  for (const [name, attribute] of Object.entries(resource.attributes)) {
    const isGiven = Object.hasOwn(rest, name) && rest[name] !== undefined;
    if (isGiven && attribute.post === "never") throw badRequest(`Attribute '${name}' not allowed in POST`);
    if (isGiven) read[name] = attribute.read?.(rest[name], name);
    else if (attribute.post === "required") {
      throw badRequest(`Failed to parse request. Required attribute '${name}' not specified`);
    } else if (attribute.initial !== undefined) read[name] = attribute.initial;
  }
  const action = `create_${resource.name}`;
  requireWrite(caller, action, guarded(resource, action, rest));
  return read as Given<T>;
}

/** What an update changes, and nothing else. @throws Fault - as {@link readCreate} */
export function readUpdate<T>(resource: Resource, body: unknown, caller: Caller): Partial<T> {
  const raw = unwrap(body, resource.name);
  for (const name of ["tenant_id", "project_id"]) {
    if (Object.hasOwn(raw, name)) throw badRequest(`Cannot update read-only attribute ${name}`);
  }
  refuseUnknown(resource, raw);
  const read: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(raw)) {
    const attribute = resource.attributes[name];
    if (attribute?.put !== true) throw badRequest(`Cannot update read-only attribute ${name}`);
    read[name] = attribute.read?.(value, name);
  }
  const action = `update_${resource.name}`;
  requireWrite(caller, action, guarded(resource, action, raw));
  return read as Partial<T>;
}

function takeProject(raw: Json, caller: Caller): { readonly rest: Json; readonly projectId: string } {
  const { project_id, tenant_id, ...rest } = raw;
  if (project_id !== undefined && tenant_id !== undefined && project_id !== tenant_id) {
    throw badRequest("'project_id' and 'tenant_id' do not match");
  }
  const wanted = project_id ?? tenant_id;
  if (wanted === undefined || wanted === null) return { rest, projectId: caller.projectId };
  const projectId = text(wanted, "project_id");
  if (projectId !== caller.projectId && !isAdmin(caller)) {
    throw badRequest(
      "Specifying 'project_id' other than the authenticated project in request is not allowed for the current user.",
    );
  }
  return { rest, projectId };
}

function refuseUnknown({ attributes }: Resource, raw: Json): void {
  const unknown = Object.keys(raw).filter((name) => !Object.hasOwn(attributes, name));
  if (unknown.length > 0) {
    const names = unknown.slice(0, 10).map((name) => name.slice(0, 80));
    throw badRequest(`Unrecognized attribute(s) '${names.join(", ")}'`);
  }
}

/** What has a policy of its own, of what was given: to say the default is nobody's privilege. */
const guarded = ({ attributes }: Resource, action: string, raw: Json): string[] =>
  Object.keys(raw).filter((name) => {
    const attribute = attributes[name];
    if (attribute === undefined || !POLICIES.has(`${action}:${name}`)) return false;
    return JSON.stringify(attribute.read?.(raw[name], name)) !== JSON.stringify(attribute.initial);
  });
