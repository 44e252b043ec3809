/**
 * Who there is: projects, and users with a role in some of them, as one file says. `gwctl user` writes it, gatewayd
 * reads it again whenever it changes.
 *
 * The file is JSON and holds a secret that tokens are signed with, and what scrypt made of passwords. Whoever can read
 * it can make tokens, so nobody but its owner and group may.
 */

export const ROLES = ["admin", "member", "reader"] as const;
/** admin: everything, of all projects. member: what is its project's. reader: looks at that. */
export type Role = (typeof ROLES)[number];

export interface Project {
  /** 32 hexadecimal digits. */
  readonly id: string;
  readonly name: string;
}

export interface User {
  /** 32 hexadecimal digits. */
  readonly id: string;
  readonly name: string;
  /** As password.ts makes it. */
  readonly password: string;
  /** By project id; the first is where a user is who names none. */
  readonly roles: Readonly<Record<string, Role>>;
}

export interface People {
  /** Base64 of at least 32 octets. */
  readonly secret: string;
  readonly projects: readonly Project[];
  readonly users: readonly User[];
}

const ID = /^[0-9a-f]{32}$/;
const NAME = /^[^\p{C}]{1,255}$/u;
const PASSWORD = /^scrypt:\d+:\d+:\d+:[\w+/=]+:[\w+/=]+$/;
const SECRET_OCTETS = 32;

type Json = Readonly<Record<string, unknown>>;
const isJson = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** @throws Error that says what is wrong, and no secret */
export function parsePeople(text: string): People {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error("it is no JSON: `gwctl user set` makes such a file");
  }
  if (!isJson(value)) throw new Error("it holds no object");
  const { secret, projects, users } = value;
  if (typeof secret !== "string" || Buffer.from(secret, "base64").length < SECRET_OCTETS) {
    throw new Error(`\`secret\` must be base64 of at least ${SECRET_OCTETS} octets`);
  }
  if (!Array.isArray(projects) || !Array.isArray(users)) {
    throw new Error("`projects` and `users` must be lists");
  }
  const people = { secret, projects: projects.map(projectOf), users: users.map(userOf) };
  requireOnce("project", people.projects);
  requireOnce("user", people.users);
  const known = new Set(people.projects.map(({ id }) => id));
  for (const { name, roles } of people.users) {
    const lost = Object.keys(roles).find((id) => !known.has(id));
    if (lost !== undefined) throw new Error(`user ${name} has a role in project ${lost}, which there is not`);
  }
  return people;
}

function named(
  value: unknown,
  what: string,
): { readonly id: string; readonly name: string; readonly rest: Json } {
  if (!isJson(value)) throw new Error(`a ${what} must be an object`);
  const { id, name } = value;
  if (typeof name !== "string" || !NAME.test(name)) throw new Error(`a ${what} needs a name`);
  if (typeof id !== "string" || !ID.test(id))
    throw new Error(`the id of ${what} ${name} must be 32 hexadecimal digits`);
  return { id, name, rest: value };
}

function projectOf(value: unknown): Project {
  const { id, name } = named(value, "project");
  return { id, name };
}

function userOf(value: unknown): User {
  const { id, name, rest } = named(value, "user");
  const { password, roles } = rest;
  if (typeof password !== "string" || !PASSWORD.test(password)) {
    throw new Error(`the password of user ${name} is none that gwctl made`);
  }
  if (!isJson(roles)) throw new Error(`the roles of user ${name} must be an object`);
  const read = Object.entries(roles).map(([project, role]) => {
    const known = ROLES.find((one) => one === role);
    if (known === undefined) throw new Error(`user ${name} has no role that there is: ${ROLES.join(", ")}`);
    return [project, known] as const;
  });
  return { id, name, password, roles: Object.fromEntries(read) };
}

function requireOnce(what: string, items: readonly Project[]): void {
  for (const key of ["id", "name"] as const) {
    const seen = new Set<string>();
    for (const item of items) {
      if (seen.has(item[key])) throw new Error(`the ${key} ${item[key]} is that of two ${what}s`);
      seen.add(item[key]);
    }
  }
}
