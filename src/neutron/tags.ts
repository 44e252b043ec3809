/** Words that users hang on objects, and find them by. */

import { badRequest, Fault, invalidAttribute } from "./fault.ts";
import { revise, type Work } from "./handler.ts";
import type { Objects } from "./objects.ts";
import { requireWrite } from "./policies.ts";
import type { Owned } from "./resources.ts";
import { shown, textOf } from "./values.ts";

/** Upstream's: characters of a tag, and tags of an object. */
const TAG_LENGTH = 60;
const TAGS_MAX = 50;

const TAGGED: readonly Owned[] = [
  "networks",
  "subnets",
  "subnetpools",
  "ports",
  "routers",
  "floatingips",
  "security_groups",
];

export const isTagged = (collection: Owned): boolean => TAGGED.includes(collection);

const tagOf = (value: unknown): string => textOf(TAG_LENGTH)(value, "tags");

const absent = (tag: string): Fault => new Fault(404, "TagNotFound", `Tag ${tag} could not be found.`);

export function requireTag({ tags }: { readonly tags: readonly string[] }, tag: string): void {
  if (!tags.includes(tag)) throw absent(shown(tag));
}

/** @throws Fault */
export function replaceTags<C extends Owned>(
  work: Work,
  collection: C,
  object: Objects[C] & { readonly tags: readonly string[] },
  body: unknown,
): readonly string[] {
  const given = typeof body === "object" && body !== null && "tags" in body ? body.tags : undefined;
  if (!Array.isArray(given)) throw badRequest("Invalid tags body");
  return setTags(work, collection, object, [...new Set(given.map(tagOf))]);
}

export function addTag<C extends Owned>(
  work: Work,
  collection: C,
  object: Objects[C] & { readonly tags: readonly string[] },
  tag: string,
): void {
  if (!object.tags.includes(tag)) setTags(work, collection, object, [...object.tags, tagOf(tag)]);
}

/** @param tag - undefined: all of them */
export function removeTag<C extends Owned>(
  work: Work,
  collection: C,
  object: Objects[C] & { readonly tags: readonly string[] },
  tag: string | undefined,
): void {
  if (tag !== undefined) requireTag(object, tag);
  setTags(work, collection, object, tag === undefined ? [] : object.tags.filter((own) => own !== tag));
}

function setTags<C extends Owned>(
  work: Work,
  collection: C,
  object: Objects[C],
  tags: readonly string[],
): readonly string[] {
  requireWrite(work.caller, "update_tags");
  if (tags.length > TAGS_MAX) throw invalidAttribute("tags", `more than ${TAGS_MAX} tags`);
  revise(work, collection, object, { tags } as unknown as Partial<Objects[C]>);
  return tags;
}
