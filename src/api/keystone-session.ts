/** Who asks Keystone's API, and what its answers have in common. */

import type { FastifyRequest } from "fastify";
import type { KeptIdentity } from "../identity/kept.ts";
import { type People, ROLES, type Role } from "../identity/people.ts";
import { type Session, sessionOf } from "../identity/tokens.ts";
import { Fault } from "../neutron/fault.ts";
import { StoreError } from "../store/store.ts";

export interface IdentityApi {
  /** Revoked tokens and application credentials. */
  readonly kept: KeptIdentity;
  /** As the file is; undefined: there is none. */
  readonly people: () => People | undefined;
  /** Unix time in seconds. */
  readonly now: () => number;
}

export const unauthorized = (): Fault =>
  new Fault(401, "Unauthorized", "The request you have made requires authentication.");

export function sessionBy(api: IdentityApi, token: unknown): Session | undefined {
  const people = api.people();
  if (people === undefined || typeof token !== "string") return undefined;
  return sessionOf(people, token, api.now(), api.kept);
}

export const forbidden = (action: string): Fault =>
  new Fault(403, "Forbidden", `You are not authorized to perform the requested action: identity:${action}.`);

/** @throws Fault when the store could not do it */
export async function kept(done: Promise<void>): Promise<void> {
  try {
    await done;
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    throw new Fault(503, "Service Unavailable", error.message);
  }
}

/** @throws Fault */
export function requireSession(
  request: FastifyRequest,
  api: IdentityApi,
): { readonly session: Session; readonly people: People } {
  const people = api.people();
  const session = sessionBy(api, request.headers["x-auth-token"]);
  if (people === undefined || session === undefined) throw unauthorized();
  return { session, people };
}

export const timeText = (seconds: number): string =>
  new Date(seconds * 1000).toISOString().replace(/\.\d+Z$/, ".000000Z");

export const roleView = (name: Role): { readonly id: string; readonly name: Role } => ({
  id: String(ROLES.indexOf(name) + 1).padStart(32, "0"),
  name,
});
