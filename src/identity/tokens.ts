/**
 * Tokens: who, for which project, until when, and a signature. Nothing is kept of them, so that a restarted gateway and
 * every other one with the same file know them.
 *
 * The key of a signature is made of the file's secret and the user's password as stored: another password ends the
 * tokens of the one before. Roles are looked up when a token is used, so that taking one away counts at once.
 */

import { createHmac, timingSafeEqual } from "node:crypto";
import type { People, Project, Role, User } from "./people.ts";

export const TOKEN_SECONDS = 3600;

/** Longer than any that we make. */
const TOKEN_CHARACTERS = 1024;

export interface Session {
  readonly user: User;
  readonly project: Project;
  readonly role: Role;
  /** Unix time, in seconds. */
  readonly issuedAt: number;
  readonly expiresAt: number;
}

/** @param now - Unix time in seconds; @param until - no later than that, for a token got by a token */
export function issue(
  people: People,
  user: User,
  project: Project,
  now: number,
  until: number = now + TOKEN_SECONDS,
): string {
  const claims = Buffer.from(JSON.stringify([user.id, project.id, now, until])).toString("base64url");
  return `${claims}.${signature(people, user, claims)}`;
}

/** Undefined when it is forged, over, or of somebody who is gone. */
export function sessionOf(people: People, token: string, now: number): Session | undefined {
  const [claims = "", signed = "", ...rest] = token.length > TOKEN_CHARACTERS ? [] : token.split(".");
  const read = rest.length === 0 ? claimsOf(claims) : undefined;
  if (read === undefined) return undefined;
  const { userId, projectId, issuedAt, expiresAt } = read;
  const user = people.users.find(({ id }) => id === userId);
  const project = people.projects.find(({ id }) => id === projectId);
  if (user === undefined || project === undefined || !isSame(signed, signature(people, user, claims)))
    return undefined;
  const role = user.roles[project.id];
  return role === undefined || now >= expiresAt ? undefined : { user, project, role, issuedAt, expiresAt };
}

function claimsOf(text: string):
  | {
      readonly userId: string;
      readonly projectId: string;
      readonly issuedAt: number;
      readonly expiresAt: number;
    }
  | undefined {
  let read: unknown;
  try {
    read = JSON.parse(Buffer.from(text, "base64url").toString());
  } catch {
    return undefined;
  }
  if (!Array.isArray(read)) return undefined;
  const [userId, projectId, issuedAt, expiresAt] = read as unknown[];
  const isWhole = typeof userId === "string" && typeof projectId === "string";
  if (!isWhole || typeof issuedAt !== "number" || typeof expiresAt !== "number") return undefined;
  return { userId, projectId, issuedAt, expiresAt };
}

function signature({ secret }: People, { password }: User, claims: string): string {
  const key = createHmac("sha256", Buffer.from(secret, "base64")).update(password).digest();
  return createHmac("sha256", key).update(claims).digest("base64url");
}

function isSame(given: string, wanted: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(wanted)];
  return a.length === b.length && timingSafeEqual(a, b);
}
