/** Objects that a request names: for the caller, what it may not see is not there. */

import { owns } from "./caller.ts";
import { unknownObject } from "./fault.ts";
import type { Work } from "./handler.ts";
import type { Objects } from "./objects.ts";
import { isVisible } from "./policies.ts";
import type { Owned } from "./resources.ts";

/** @throws Fault - the same one for what is not there and what is not to be seen */
export function requireVisible<C extends Owned>(work: Work, collection: C, id: string): Objects[C] {
  const object = work.draft.get(collection, id);
  if (object === undefined || !isVisible(work.caller, work.draft, collection, object)) {
    throw unknownObject(collection, id);
  }
  return object;
}

export const isMine = (work: Work, object: { readonly project_id: string }): boolean =>
  owns(work.caller, object);
