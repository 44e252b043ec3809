/** What every resource's handler is and does alike. */

import type { ChangeSlot } from "../bgp/net/change-marks.ts";
import type { Given } from "./body.ts";
import type { Caller, World } from "./caller.ts";
import { conflict, unknownObject } from "./fault.ts";
import type { Members } from "./members.ts";
import type { Objects, Quota } from "./objects.ts";
import type { Owned, Resource } from "./resources.ts";
import type { Draft, Reading } from "./tables.ts";

/** One request at work: what it changes is in the draft, and counts only if all of it succeeds. */
export interface Work {
  readonly draft: Draft;
  readonly caller: Caller;
  readonly world: World;
}

export interface Handler<C extends Owned> {
  readonly resource: Resource<C>;
  /** What lists are of; undefined: all that there are. */
  readonly all?: (reading: Reading) => readonly Objects[C][];
  /** @throws Fault, as the others */
  create(work: Work, body: unknown): Objects[C];
  update(work: Work, old: Objects[C], body: unknown): Objects[C];
  remove(work: Work, old: Objects[C]): void;
  /** Of what the rows of the resource name, that which is not answered as it is stored. Undefined: it is not answered. */
  readonly made: Readonly<Record<string, Of<C, unknown>>>;
  /**
   * What of {@link World.marks} an answer is made from beside the object: no other, as long as nothing of it is noted, and
   * none of the objects that are shown in this one changed (tables.ts). Undefined: nobody knows.
   */
  readonly restsOn?: Of<C, readonly ChangeSlot[]>;
}

type Of<C extends Owned, T> = (object: Objects[C], reading: Reading, world: World) => T;

/** What is never answered, though a list may be asked for those without it. */
export const unanswered = (): undefined => undefined;

/** @param hidden - from who asks */
export function membersOf<C extends Owned>(
  { resource, made }: Handler<C>,
  reading: Reading,
  world: World,
  hidden: ReadonlySet<string> = NOTHING,
): Members<Objects[C]> {
  const names = [...Object.keys(resource.attributes), "project_id", "tenant_id"];
  return new Map(
    names
      .filter((name) => !hidden.has(name))
      .map((name) => {
        const make = made[name];
        // tenant_id is project_id by its older name, and not stored.
        const key = (name === "tenant_id" ? "project_id" : name) as keyof Objects[C];
        return [
          name,
          make === undefined
            ? (object: Objects[C]) => object[key]
            : (object: Objects[C]) => make(object, reading, world),
        ];
      }),
  );
}

const NOTHING: ReadonlySet<string> = new Set();

/** The members that an object gets without being asked. */
export function stamp({ world }: Work): {
  readonly id: string;
  readonly tags: readonly string[];
  readonly created_at: string;
  readonly updated_at: string;
  readonly revision_number: number;
} {
  return { id: world.newId(), tags: [], created_at: world.now, updated_at: world.now, revision_number: 1 };
}

/** Puts a changed object into the draft: one revision more. */
export function revise<C extends Owned>(
  { draft, world }: Work,
  collection: C,
  old: Objects[C],
  patch: Partial<Objects[C]>,
): Objects[C] {
  const changed: Objects[C] = {
    ...old,
    ...patch,
    updated_at: world.now,
    revision_number: old.revision_number + 1,
  };
  draft.put(collection, changed);
  return changed;
}

/** @throws Fault */
export function require<C extends Owned>(reading: Reading, collection: C, id: string): Objects[C] {
  const object = reading.get(collection, id);
  if (object === undefined) throw unknownObject(collection, id);
  return object;
}

/** Upstream's defaults; -1: any number. */
export const QUOTAS: Readonly<Record<string, number>> = {
  network: 100,
  subnet: 100,
  subnetpool: -1,
  port: 500,
  router: 10,
  floatingip: 50,
  security_group: 10,
  security_group_rule: 100,
};

export const quotaOf = (quota: Quota | undefined, name: string): number =>
  quota?.limits[name] ?? QUOTAS[name] ?? -1;

/** @throws Fault when the project has as many as it may */
export function requireQuota(draft: Draft, { collection, name }: Resource, projectId: string): void {
  const most = quotaOf(draft.get("quotas", projectId), name);
  if (most < 0) return;
  if (draft.count(collection, "project", projectId) >= most)
    throw conflict("OverQuota", `Quota exceeded for resources: ['${name}'].`);
}

/** Whoever says an id may say one that is another's. @throws Fault */
export function requireNewId(reading: Reading, { collection, name }: Resource, id: string): void {
  if (reading.get(collection, id) === undefined) return;
  throw conflict("IdInUse", `There is a ${name} with the id ${id} already.`);
}

/** A project's object for {@link Handler.create}: counted against its quota, and put into the draft. */
export function add<C extends Owned>(work: Work, resource: Resource<C>, object: Objects[C]): Objects[C] {
  requireQuota(work.draft, resource, object.project_id);
  requireNewId(work.draft, resource, object.id);
  work.draft.put(resource.collection, object);
  return object;
}

export type Creation<C extends Owned> = Given<
  Omit<Objects[C], "id" | "tags" | "created_at" | "updated_at" | "revision_number">
>;
