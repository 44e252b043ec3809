/** How many of each resource a project may have, as admins set and projects read it. */

import { unwrap } from "./body.ts";
import { isAdmin } from "./caller.ts";
import { badRequest, notAuthorized, notFound } from "./fault.ts";
import { QUOTAS, quotaOf, type Work } from "./handler.ts";
import type { View } from "./members.ts";
import { mayDo, requireWrite } from "./policies.ts";
import { RESOURCES } from "./resources.ts";
import type { Draft, Reading } from "./tables.ts";
import { flag, integer, shown } from "./values.ts";

const NAMES = Object.keys(QUOTAS);

const limitsOf = (reading: Reading, projectId: string): Record<string, number> =>
  Object.fromEntries(NAMES.map((name) => [name, quotaOf(reading.get("quotas", projectId), name)]));

function requireSeen({ caller, draft }: Work, projectId: string): void {
  if (!mayDo(caller, "get_quota", draft, { project_id: projectId })) throw notFound();
}

/** @param part - undefined: what is in force; "default": what a project has that nobody set; "details": with what is used */
export function showQuota(work: Work, projectId: string, part: string | undefined): View {
  requireSeen(work, projectId);
  if (part === undefined) return limitsOf(work.draft, projectId);
  if (part === "default") return { ...QUOTAS };
  if (part !== "details" && part !== "details.json") throw notFound();
  return Object.fromEntries(
    Object.entries(limitsOf(work.draft, projectId)).map(([name, limit]) => [
      name,
      { limit, used: usedOf(work.draft, projectId, name), reserved: 0 },
    ]),
  );
}

function usedOf(draft: Draft, projectId: string, name: string): number {
  const { collection } = Object.values(RESOURCES).find((resource) => resource.name === name)!;
  return draft.count(collection, "project", projectId);
}

export function listQuotas({ draft, caller }: Work): readonly View[] {
  // One's own is to be had by its project.
  if (!isAdmin(caller)) throw notAuthorized(["get_quota"]);
  return [...draft.all("quotas")].map(({ id }) => ({
    ...limitsOf(draft, id),
    project_id: id,
    tenant_id: id,
  }));
}

const MOST = 2_147_483_647;

/** The openstack client says one of `force` and `check_limit`; without the latter, limits may be below what there is. */
export function setQuota({ draft, caller }: Work, projectId: string, body: unknown): View {
  requireWrite(caller, "update_quota");
  const { force: _, check_limit, ...given } = unwrap(body, "quota");
  const unknown = Object.keys(given).filter((name) => !NAMES.includes(name));
  if (unknown.length > 0) throw badRequest(`Unrecognized attribute(s) '${unknown.map(shown).join(", ")}'`);
  const read = Object.entries(given).map(([name, value]) => [name, integer(-1, MOST)(value, name)] as const);
  if (check_limit !== undefined && flag(check_limit, "check_limit"))
    for (const [name, limit] of read) requireRoom(draft, projectId, name, limit);
  const old = draft.get("quotas", projectId)?.limits ?? {};
  draft.put("quotas", { id: projectId, limits: { ...old, ...Object.fromEntries(read) } });
  return limitsOf(draft, projectId);
}

function requireRoom(draft: Draft, projectId: string, name: string, limit: number): void {
  const used = usedOf(draft, projectId, name);
  // Deviates: upstream takes -1 for less than what is used too.
  if (limit < 0 || used <= limit) return;
  throw badRequest(`Quota limit ${limit} for ${name} must be greater than or equal to already used ${used}`);
}

/** Back to the defaults. */
export function resetQuota({ draft, caller }: Work, projectId: string): void {
  requireWrite(caller, "delete_quota");
  if (draft.get("quotas", projectId) !== undefined) draft.remove("quotas", projectId);
}
