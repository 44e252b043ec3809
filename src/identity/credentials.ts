/**
 * Application credentials: an id and a secret with which a program logs in for a user, in one project and with no more
 * than a role of the user's there. They end with the user's role, and their tokens with them.
 */

import { randomBytes } from "node:crypto";
import { hashPassword } from "./password.ts";
import { ROLES, type Role } from "./people.ts";

export interface Credential {
  /** 32 hexadecimal digits. */
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly userId: string;
  readonly projectId: string;
  readonly role: Role;
  /** As password.ts makes it. */
  readonly secret: string;
  /** Unix time in seconds; null: it does not end by itself. */
  readonly expiresAt: number | null;
  /** Whoever logged in with it may make others. */
  readonly unrestricted: boolean;
}

const SECRET_OCTETS = 48;

/** @param given - the secret that was asked for; undefined: a new one. @throws RangeError when it is no password */
export async function makeCredential(
  asked: Omit<Credential, "id" | "secret">,
  given: string | undefined,
): Promise<{ readonly credential: Credential; readonly secret: string }> {
  const secret = given ?? randomBytes(SECRET_OCTETS).toString("base64url");
  const id = randomBytes(16).toString("hex");
  return { credential: { ...asked, id, secret: await hashPassword(secret) }, secret };
}

/** The one that may do less. */
export const lesser = (a: Role, b: Role): Role => (ROLES.indexOf(a) > ROLES.indexOf(b) ? a : b);
