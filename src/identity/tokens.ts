/**
 * Tokens: who, for which project, until when, and a signature. Nothing is kept of them but which were revoked, so that a
 * restarted gateway and every other one with the same file know them.
 *
 * The key of a signature is made of the file's secret and the user's password as stored: another password ends the
 * tokens of the one before. Roles are looked up when a token is used, so that taking one away counts at once.
 */

import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { type Credential, lesser } from "./credentials.ts";
import type { People, Project, Role, User } from "./people.ts";

export const TOKEN_SECONDS = 3600;

/** Longer than any that we make. */
const TOKEN_CHARACTERS = 1024;

/** What was said since tokens and credentials were made. */
export interface Standing {
  /** @param id - a token's */
  readonly isRevoked: (id: string) => boolean;
  /** @param id - an application credential's; undefined: it is gone */
  readonly credential: (id: string) => Credential | undefined;
}

export interface Session {
  /** Of the token. */
  readonly id: string;
  readonly user: User;
  readonly project: Project;
  readonly role: Role;
  /** Unix time, in seconds. */
  readonly issuedAt: number;
  readonly expiresAt: number;
  /** What its user logged in with, if that was no password. */
  readonly credential: Credential | undefined;
}

const ID_OCTETS = 12;

/** @param now - Unix time in seconds; @param until - no later than that, for a token got by a token */
export function issue(
  people: People,
  user: User,
  project: Project,
  now: number,
  until: number = now + TOKEN_SECONDS,
  credential?: Credential,
): string {
  const id = randomBytes(ID_OCTETS).toString("base64url");
  const parts = [id, user.id, project.id, now, until, credential?.id ?? ""];
  const claims = Buffer.from(JSON.stringify(parts)).toString("base64url");
  return `${claims}.${signature(people, user, claims)}`;
}

/** Undefined when it is forged, over, revoked, or of somebody or by something that is gone. */
export function sessionOf(
  people: People,
  token: string,
  now: number,
  standing: Standing,
): Session | undefined {
  const [claims = "", signed = "", ...rest] = token.length > TOKEN_CHARACTERS ? [] : token.split(".");
  const read = rest.length === 0 ? claimsOf(claims) : undefined;
  if (read === undefined) return undefined;
  const { id, userId, projectId, issuedAt, expiresAt, credentialId } = read;
  const user = people.users.find((one) => one.id === userId);
  const project = people.projects.find((one) => one.id === projectId);
  if (user === undefined || project === undefined || !isSame(signed, signature(people, user, claims)))
    return undefined;
  const own = user.roles[project.id];
  const credential = standing.credential(credentialId);
  const isGone = credential === undefined && credentialId !== "";
  if (own === undefined || isGone || now >= expiresAt || standing.isRevoked(id)) return undefined;
  const role = credential === undefined ? own : lesser(own, credential.role);
  return { id, user, project, role, issuedAt, expiresAt, credential };
}

interface Claims {
  readonly id: string;
  readonly userId: string;
  readonly projectId: string;
  readonly issuedAt: number;
  readonly expiresAt: number;
  /** "": a password. */
  readonly credentialId: string;
}

function claimsOf(text: string): Claims | undefined {
  let read: unknown;
  try {
    read = JSON.parse(Buffer.from(text, "base64url").toString());
  } catch {
    return undefined;
  }
  if (!Array.isArray(read)) return undefined;
  const [id, userId, projectId, issuedAt, expiresAt, credentialId] = read as unknown[];
  if (typeof userId !== "string" || typeof projectId !== "string" || typeof id !== "string") return undefined;
  if (typeof issuedAt !== "number" || typeof expiresAt !== "number") return undefined;
  if (typeof credentialId !== "string") return undefined;
  return { id, userId, projectId, issuedAt, expiresAt, credentialId };
}

function signature({ secret }: People, { password }: User, claims: string): string {
  const key = createHmac("sha256", Buffer.from(secret, "base64")).update(password).digest();
  return createHmac("sha256", key).update(claims).digest("base64url");
}

function isSame(given: string, wanted: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(wanted)];
  return a.length === b.length && timingSafeEqual(a, b);
}
