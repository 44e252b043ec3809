/** Who a login's body names, and for which project: Keystone's password and token methods. */

import { isPassword, NOBODYS } from "./password.ts";
import type { People, Project, User } from "./people.ts";
import { issue, type Session, sessionOf, TOKEN_SECONDS } from "./tokens.ts";

/** There is one domain, and everybody is in it. */
export const DOMAIN = { id: "default", name: "Default" } as const;

export interface Login {
  readonly token: string;
  readonly session: Session;
  readonly methods: readonly ("password" | "token")[];
}

type Json = Readonly<Record<string, unknown>>;

/** A member of an object; undefined when it is none, or has no such member. */
function at(value: unknown, ...path: readonly string[]): unknown {
  let found = value;
  for (const key of path) {
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, key)) return undefined;
    found = (found as Json)[key];
  }
  return found;
}

/** True when `body` is a login at all. */
export const isLogin = (body: unknown): boolean => Array.isArray(at(body, "auth", "identity", "methods"));

/**
 * Undefined when name, password, token, project or role do not fit, without a word about which.
 * @param now - Unix time in seconds
 */
export async function login(people: People, body: unknown, now: number): Promise<Login | undefined> {
  const methods = at(body, "auth", "identity", "methods") as readonly unknown[];
  if (methods.includes("password")) {
    const user = await byPassword(people, at(body, "auth", "identity", "password", "user"));
    return user && entering(people, user, at(body, "auth", "scope"), ["password"], now, now + TOKEN_SECONDS);
  }
  const old = at(body, "auth", "identity", "token", "id");
  const session =
    methods.includes("token") && typeof old === "string" ? sessionOf(people, old, now) : undefined;
  // A token got by a token ends when that one does, or nobody would ever have to give a password again.
  return (
    session && entering(people, session.user, at(body, "auth", "scope"), ["token"], now, session.expiresAt)
  );
}

async function byPassword(people: People, given: unknown): Promise<User | undefined> {
  const [id, name, password] = [at(given, "id"), at(given, "name"), at(given, "password")];
  const user = people.users.find((one) => one.id === id || (id === undefined && one.name === name));
  const isRight = await isPassword(typeof password === "string" ? password : "", user?.password ?? NOBODYS);
  const isHere = id !== undefined || isDefault(at(given, "domain"));
  return isRight && isHere ? user : undefined;
}

const isDefault = (domain: unknown): boolean =>
  domain === undefined || at(domain, "id") === DOMAIN.id || at(domain, "name") === DOMAIN.name;

function entering(
  people: People,
  user: User,
  scope: unknown,
  methods: Login["methods"],
  now: number,
  until: number,
): Login | undefined {
  const project = projectOf(people, user, scope);
  if (project === undefined) return undefined;
  const token = issue(people, user, project, now, until);
  const session = sessionOf(people, token, now);
  return session && { token, session, methods };
}

/** The project asked for, or the user's first. */
function projectOf(people: People, user: User, scope: unknown): Project | undefined {
  const wanted = at(scope, "project");
  if (wanted === undefined) return people.projects.find(({ id }) => Object.hasOwn(user.roles, id));
  const [id, name] = [at(wanted, "id"), at(wanted, "name")];
  if (id === undefined && !isDefault(at(wanted, "domain"))) return undefined;
  return people.projects.find((one) => one.id === id || (id === undefined && one.name === name));
}
