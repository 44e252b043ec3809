/**
 * Options of the commands for objects as rows: what one is called, where it may stand, and which members of a body or
 * of a query it means.
 */

import { EXIT, Failure } from "../io.ts";

export type Verb = "create" | "set" | "unset" | "list";

/** Members of a body, or names and values of a query. */
export type Patch = Readonly<Record<string, unknown>>;

/** Gives the id of an object that a person has called by its name or id. @throws Failure - there is none, or several */
export type Resolve = (path: string, called: string) => Promise<string>;

export interface Word {
  /** As commander has it: "--network <network>". */
  readonly flags: string;
  readonly about: string;
  readonly on: readonly Verb[];
  readonly required?: true;
  /** Said several times, it gives several items of the list that is its member. `set` adds them, `unset` takes them away. */
  readonly isList?: true;
  /** Its value, "" when it takes none, as members. @throws Failure */
  readonly read: (value: string, resolve: Resolve) => Patch | Promise<Patch>;
}

type Where = readonly Verb[];
const CHANGE: Where = ["create", "set"];

export const flag = (flags: string, about: string, patch: Patch, on: Where = CHANGE): Word => ({
  flags,
  about,
  on,
  read: () => patch,
});

export const text = (flags: string, about: string, member: string, on: Where = CHANGE): Word => ({
  flags,
  about,
  on,
  read: (value) => ({ [member]: value }),
});

export const count = (flags: string, about: string, member: string, on: Where = CHANGE): Word => ({
  flags,
  about,
  on,
  read: (value) => {
    if (!/^-?\d{1,10}$/.test(value)) {
      throw new Failure(EXIT.usage, `${flags.split(" ")[0]} takes a whole number, not ${value}`);
    }
    return { [member]: Number(value) };
  },
});

/** An object, by name or id. @param path - of its collection */
export const object = (
  flags: string,
  about: string,
  member: string,
  path: string,
  on: Where = CHANGE,
): Word => ({
  flags,
  about,
  on,
  read: async (value, resolve) => ({ [member]: await resolve(path, value) }),
});

const LIST: Where = ["create", "set", "unset"];

export const texts = (flags: string, about: string, member: string, on: Where = LIST): Word => ({
  flags,
  about,
  on,
  isList: true,
  read: (value) => ({ [member]: [value] }),
});

export const objects = (
  flags: string,
  about: string,
  member: string,
  path: string,
  on: Where = LIST,
): Word => ({
  flags,
  about,
  on,
  isList: true,
  read: async (value, resolve) => ({ [member]: [await resolve(path, value)] }),
});

/** What each part of a compound value is called in the API; with a path, it is the name or id of an object there. */
type Parts = Readonly<Record<string, { readonly member: string; readonly path?: string }>>;

/** Items as "start=10.0.0.2,end=10.0.0.9". */
export const compounds = (
  flags: string,
  about: string,
  member: string,
  parts: Parts,
  on: Where = LIST,
): Word => ({
  flags,
  about,
  on,
  isList: true,
  read: async (value, resolve) => ({ [member]: [await readParts(flags, parts, value, resolve)] }),
});

async function readParts(flags: string, parts: Parts, value: string, resolve: Resolve): Promise<Patch> {
  const members: [string, unknown][] = [];
  for (const piece of value.split(",")) {
    const at = piece.indexOf("=");
    const part = parts[piece.slice(0, at)];
    if (at < 1 || part === undefined || !Object.hasOwn(parts, piece.slice(0, at))) {
      const form = Object.keys(parts).map((name) => `${name}=…`);
      throw new Failure(EXIT.usage, `${flags.split(" ")[0]} takes ${form.join(",")}, not ${value}`);
    }
    const given = piece.slice(at + 1);
    members.push([part.member, part.path === undefined ? given : await resolve(part.path, given)]);
  }
  return Object.fromEntries(members);
}

/** Filters of a list by such a value, in Neutron's spelling: fixed_ips=subnet_id=X. */
export const compoundFilter = (flags: string, about: string, member: string, parts: Parts): Word => ({
  flags,
  about,
  on: ["list"],
  isList: true,
  read: async (value, resolve) => {
    const members = await readParts(flags, parts, value, resolve);
    return { [member]: Object.entries(members).map(([name, one]) => `${name}=${String(one)}`) };
  },
});

export const NAME: readonly Word[] = [
  text("--name <name>", "another name", "name", ["set"]),
  text("--name <name>", "only those that are called so", "name", ["list"]),
];

/** Not of the Networking API, but found by name as its objects are. */
export const PROJECTS = "projects";

export const PROJECT: readonly Word[] = [
  object("--project <project>", "whose it is; admins only", "project_id", PROJECTS, ["create"]),
];

export const COMMON: readonly Word[] = [
  text("--description <text>", "what it is for", "description"),
  ...PROJECT,
  object("--project <project>", "only of this project", "project_id", PROJECTS, ["list"]),
];

export const TAGS: readonly Word[] = [
  texts("--tag <tag>", "a tag; several are possible", "tags"),
  texts("--tags <tag>", "only those with this tag; of several, with all of them", "tags", ["list"]),
  flag("--no-tag", "without the tags that it has", { tags: [] }, ["set"]),
];

export const ADMIN_STATE: readonly Word[] = [
  flag("--enable", "it is to work", { admin_state_up: true }),
  flag("--disable", "it is not to work", { admin_state_up: false }),
];
