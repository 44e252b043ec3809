/** Who a login's body names, and for which project: Keystone's password, token and application_credential methods. */

import type { Credential } from "./credentials.ts";
import { at } from "./json.ts";
import { isPassword, NOBODYS } from "./password.ts";
import type { People, Project, User } from "./people.ts";
import { issue, type Session, type Standing, sessionOf, TOKEN_SECONDS } from "./tokens.ts";

/** There is one domain, and everybody is in it. */
export const DOMAIN = { id: "default", name: "Default" } as const;

export interface Login {
  readonly token: string;
  readonly session: Session;
  readonly methods: readonly ("password" | "token" | "application_credential")[];
}

/** True when `body` is a login at all. */
export const isLogin = (body: unknown): boolean => Array.isArray(at(body, "auth", "identity", "methods"));

/** Whom logins are asked of. */
export interface Door {
  readonly people: People;
  readonly standing: Standing;
  /** A user's credentials by name. */
  readonly credentialsOf: (userId: string) => Iterable<Credential>;
  /** Unix time in seconds. */
  readonly now: number;
}

/** Undefined when name, password, token, project or role do not fit, without a word about which. */
export async function login(door: Door, body: unknown): Promise<Login | undefined> {
  const methods = at(body, "auth", "identity", "methods") as readonly unknown[];
  const { people, now, standing } = door;
  const scope = at(body, "auth", "scope");
  if (methods.includes("password")) {
    const user = await byPassword(people, at(body, "auth", "identity", "password", "user"));
    return user && entering(door, user, projectOf(people, user, scope), ["password"], now + TOKEN_SECONDS);
  }
  if (methods.includes("application_credential")) {
    // It is of one project, and cannot be taken into another.
    if (scope !== undefined) return undefined;
    return await byCredential(door, at(body, "auth", "identity", "application_credential"));
  }
  const old = at(body, "auth", "identity", "token", "id");
  const session =
    methods.includes("token") && typeof old === "string" ? sessionOf(people, old, now, standing) : undefined;
  if (session === undefined) return undefined;
  const { user, project, expiresAt, credential } = session;
  const wanted = scope === undefined ? project : projectOf(people, user, scope);
  if (credential !== undefined && wanted?.id !== credential.projectId) return undefined;
  // A token got by a token ends when that one does, or nobody would ever have to give a password again.
  return entering(door, user, wanted, ["token"], expiresAt, credential);
}

async function byCredential(door: Door, given: unknown): Promise<Login | undefined> {
  const { people, now } = door;
  const credential = credentialNamed(door, given);
  const secret = at(given, "secret");
  const isRight = await isPassword(typeof secret === "string" ? secret : "", credential?.secret ?? NOBODYS);
  if (credential === undefined || !isRight) return undefined;
  const end = Math.min(now + TOKEN_SECONDS, credential.expiresAt ?? Number.POSITIVE_INFINITY);
  const user = people.users.find(({ id }) => id === credential.userId);
  const project = people.projects.find(({ id }) => id === credential.projectId);
  return user && entering(door, user, project, ["application_credential"], end, credential);
}

function credentialNamed(door: Door, given: unknown): Credential | undefined {
  const [id, name] = [at(given, "id"), at(given, "name")];
  if (typeof id === "string") return door.standing.credential(id);
  const user = userNamed(door.people, at(given, "user"));
  if (user === undefined) return undefined;
  for (const credential of door.credentialsOf(user.id)) if (credential.name === name) return credential;
  return undefined;
}

function userNamed(people: People, given: unknown): User | undefined {
  const [id, name] = [at(given, "id"), at(given, "name")];
  if (id === undefined && !isDefault(at(given, "domain"))) return undefined;
  return people.users.find((one) => one.id === id || (id === undefined && one.name === name));
}

async function byPassword(people: People, given: unknown): Promise<User | undefined> {
  const password = at(given, "password");
  const user = userNamed(people, given);
  const isRight = await isPassword(typeof password === "string" ? password : "", user?.password ?? NOBODYS);
  return isRight ? user : undefined;
}

const isDefault = (domain: unknown): boolean =>
  domain === undefined || at(domain, "id") === DOMAIN.id || at(domain, "name") === DOMAIN.name;

function entering(
  { people, now, standing }: Door,
  user: User,
  project: Project | undefined,
  methods: Login["methods"],
  until: number,
  credential?: Credential,
): Login | undefined {
  if (project === undefined) return undefined;
  const token = issue(people, user, project, now, until, credential);
  const session = sessionOf(people, token, now, standing);
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
