/** Address scopes: subnet pools in which every address is one place, so that nothing between them is translated. */

import { readCreate, readUpdate } from "./body.ts";
import { conflict, Fault } from "./fault.ts";
import { add, type Creation, type Handler, revise, stamp, unanswered } from "./handler.ts";
import type { AddressScope } from "./objects.ts";
import { RESOURCES } from "./resources.ts";
import { first } from "./tables.ts";

const resource = RESOURCES.address_scopes;

export const addressScopes: Handler<"address_scopes"> = {
  resource,
  create(work, body) {
    const given = readCreate<Creation<"address_scopes">>(resource, body, work.caller);
    return add(work, resource, { ...given, ...stamp(work) });
  },
  update(work, old, body) {
    const patch = readUpdate<AddressScope>(resource, body, work.caller);
    if (old.shared && patch.shared === false) {
      const message = `Unable to update address scope ${old.id} : Shared address scope can't be unshared.`;
      throw new Fault(400, "AddressScopeUpdateError", message);
    }
    return revise(work, "address_scopes", old, patch);
  },
  remove({ draft }, { id }) {
    if (first(draft.by("subnetpools", "scope", id)) !== undefined) {
      const message = `Unable to complete operation on address scope ${id}. There are one or more subnet pools in use on the address scope.`;
      throw conflict("AddressScopeInUse", message);
    }
    draft.remove("address_scopes", id);
  },
  made: { tags: unanswered },
};
