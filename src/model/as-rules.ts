/** What must hold of a peer's AS numbers and role. */

import type { Peer } from "./model.ts";
import { error, type Violation, warning } from "./violation.ts";

type AsRules = Peer["asRules"];

/** Keys that say nothing of an iBGP peer, and when they are given. */
const EXTERNAL_ONLY: readonly (readonly [keyof AsRules, (rules: AsRules) => boolean])[] = [
  ["role", ({ role }) => role !== undefined],
  ["localAs", ({ localAs }) => localAs !== undefined],
  ["removePrivateAs", ({ removePrivateAs }) => removePrivateAs !== false],
  ["asOverride", ({ asOverride }) => asOverride],
  ["routeServerClient", ({ routeServerClient }) => routeServerClient],
];

/** Of these, those that look at the peer's number. */
const NUMBER_NEEDED = EXTERNAL_ONLY.filter(([key]) => key !== "routeServerClient");

export function asViolations({ asn, asRules }: Peer, path: Violation["path"], ownAsn: number): Violation[] {
  if (asn === ownAsn) {
    return EXTERNAL_ONLY.filter(([, isGiven]) => isGiven(asRules)).map(([key]) =>
      error([...path, key], "is for eBGP peers, and this one is in our own AS", "take this line out"),
    );
  }
  if (asn === "external") {
    return NUMBER_NEEDED.filter(([, isGiven]) => isGiven(asRules)).map(([key]) =>
      error(
        [...path, key],
        "needs the peer's AS number, and `asn: external` does not say it",
        "give the number",
      ),
    );
  }
  return [
    ...roleViolations(asRules, path),
    ...localAsViolations(asRules, asn, path, ownAsn),
    ...routeServerViolations(asRules, path),
  ];
}

function roleViolations({ role, strictRole }: AsRules, path: Violation["path"]): Violation[] {
  if (!strictRole || role !== undefined) return [];
  const message = "asks for the peer's role, and there is no `role` of ours that it could fit";
  return [error([...path, "strictRole"], message, "add `role`, such as `role: customer`")];
}

function localAsViolations(
  { localAs }: AsRules,
  asn: number,
  path: Violation["path"],
  ownAsn: number,
): Violation[] {
  if (localAs === undefined || (localAs.asn !== asn && localAs.asn !== ownAsn)) return [];
  const message =
    localAs.asn === ownAsn
      ? `${ownAsn} is our AS number already (bgp.asn)`
      : `${asn} is the peer's own AS number: the peer would take us for one of its own routers`;
  return [error([...path, "localAs"], message, "give a third AS number, or take this line out")];
}

function routeServerViolations(rules: AsRules, path: Violation["path"]): Violation[] {
  if (!rules.routeServerClient) return [];
  const { role } = rules;
  if (role !== undefined && role !== "rs") {
    const message = `to a client we are a route server, and role is ${role}`;
    return [error([...path, "role"], message, "make it `role: rs`")];
  }
  if (rules.removePrivateAs === false && !rules.asOverride) return [];
  const key = rules.asOverride ? "asOverride" : "removePrivateAs";
  const message = "does nothing to what other clients of the route server tell: that goes on as it came";
  return [warning([...path, key], message, "take this line out")];
}
