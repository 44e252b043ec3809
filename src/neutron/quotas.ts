/** How many of each resource a project may have, as admins set and projects read it. */

import { unwrap } from "./body.ts";
import { isAdmin } from "./caller.ts";
import { badRequest, notAuthorized, notFound } from "./fault.ts";
import { QUOTAS, quotaOf, type Work } from "./handler.ts";
import type { View } from "./members.ts";
import { mayDo, requireWrite } from "./policies.ts";
import { RESOURCES } from "./resources.ts";
import type { Reading } from "./tables.ts";
import { integer, shown } from "./values.ts";

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
  const limits = limitsOf(work.draft, projectId);
  return Object.fromEntries(
    Object.values(RESOURCES).flatMap(({ collection, name }) => {
      if (limits[name] === undefined) return [];
      let used = 0;
      for (const _ of work.draft.by(collection, "project", projectId)) used++;
      return [[name, { limit: limits[name], used, reserved: 0 }]];
    }),
  );
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

export function setQuota({ draft, caller }: Work, projectId: string, body: unknown): View {
  requireWrite(caller, "update_quota");
  const given = unwrap(body, "quota");
  const unknown = Object.keys(given).filter((name) => !NAMES.includes(name));
  if (unknown.length > 0) throw badRequest(`Unrecognized attribute(s) '${unknown.map(shown).join(", ")}'`);
  const read = Object.entries(given).map(([name, value]) => [name, integer(-1, MOST)(value, name)] as const);
  const old = draft.get("quotas", projectId)?.limits ?? {};
  draft.put("quotas", { id: projectId, limits: { ...old, ...Object.fromEntries(read) } });
  return limitsOf(draft, projectId);
}

/** Back to the defaults. */
export function resetQuota({ draft, caller }: Work, projectId: string): void {
  requireWrite(caller, "delete_quota");
  if (draft.get("quotas", projectId) !== undefined) draft.remove("quotas", projectId);
}
