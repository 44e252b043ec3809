/**
 * Who asks, and objects by their names. Over the unix socket nobody has to say who he is; at a URL the openstack
 * client's variables count, which over the socket would be those of another cloud.
 */

import { readFileSync } from "node:fs";
import { type Command, Option } from "commander";
import { call, exchange, type Target } from "../client.ts";
import { optionsOf } from "../flags.ts";
import { EXIT, Failure, type Io } from "../io.ts";
import type { Options } from "../show.ts";
import { strangerFailure } from "./hints.ts";
import type { ResourceRow, View } from "./row.ts";

interface Credentials {
  readonly osToken?: string;
  readonly osUsername?: string;
  readonly osProjectName?: string;
  readonly osPasswordFile?: string;
}

export const addCredentials = (command: Command): Command =>
  command
    .addOption(new Option("--os-token <token>", "who asks, by a token (OS_TOKEN)"))
    .addOption(new Option("--os-username <name>", "who asks, by a password (OS_USERNAME, OS_PASSWORD)"))
    .addOption(new Option("--os-project-name <name>", "for which project (OS_PROJECT_NAME)"))
    .addOption(
      new Option("--os-password-file <path>", "its first line is the password; - is standard input"),
    );

/** One run of gwctl against the Networking API. */
export interface Session {
  readonly options: Options;
  readonly target: Target;
  readonly io: Io;
}

/** @throws Failure */
export async function openSession(command: Command, io: Io): Promise<Session> {
  const options = optionsOf(command, io);
  const { target } = options;
  const given = credentialsOf(command.optsWithGlobals<Credentials>(), target, io);
  const token =
    given.osUsername === undefined ? given.osToken : await logIn(given, passwordOf(given, io), target, io);
  return { options, target: token === undefined ? target : { ...target, token }, io };
}

function credentialsOf(given: Credentials, target: Target, { env }: Io): Credentials {
  if ("socketPath" in target || given.osToken !== undefined) return given;
  const { OS_TOKEN: token, OS_USERNAME: user, OS_PROJECT_NAME: project } = env;
  return {
    ...(token !== undefined && given.osUsername === undefined && { osToken: token }),
    ...(user !== undefined && { osUsername: user }),
    ...(project !== undefined && { osProjectName: project }),
    ...given,
  };
}

function passwordOf({ osPasswordFile: path }: Credentials, { env }: Io): string {
  if (path === undefined) {
    const { OS_PASSWORD: password } = env;
    if (password !== undefined) return password;
    throw new Failure(
      EXIT.usage,
      "there is no password",
      "--os-password-file names one, or OS_PASSWORD is one",
    );
  }
  try {
    return readFileSync(path === "-" ? 0 : path, "utf8").split("\n", 1)[0]!;
  } catch (error) {
    throw new Failure(EXIT.error, `${path}: ${(error as Error).message}`);
  }
}

async function logIn(
  { osUsername, osProjectName }: Credentials,
  password: string,
  target: Target,
  io: Io,
): Promise<string> {
  const domain = { id: "default" };
  const identity = { methods: ["password"], password: { user: { name: osUsername, domain, password } } };
  const scope = osProjectName === undefined ? {} : { scope: { project: { name: osProjectName, domain } } };
  const body = { auth: { identity, ...scope } };
  const { incoming } = await exchange(target, { method: "POST", path: "/v3/auth/tokens", body }, io.signal);
  const token = incoming.headers["x-subject-token"];
  if (incoming.statusCode !== 201 || typeof token !== "string") {
    throw strangerFailure(`${osUsername} is not let in: the name, the password or the project is wrong`);
  }
  return token;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The id of what somebody has called by its name or id. @throws Failure - there is none, or several */
export async function idOf(session: Session, row: ResourceRow, called: string): Promise<string> {
  if (UUID.test(called)) return called;
  for (const name of row.names) {
    const found = await listOf(session, row, [
      [name, called],
      ["fields", "id"],
    ]);
    if (found.length === 1) return String(found[0]!["id"]);
    if (found.length > 1) {
      const ids = found.map(({ id }) => String(id)).join(", ");
      throw new Failure(EXIT.error, `${found.length} ${row.many} are called ${called}: ${ids}`, "use an id");
    }
  }
  const hint = `gwctl ${row.command.join(" ")} list shows what there is`;
  throw new Failure(EXIT.notFound, `there is no ${row.one} called ${called}`, hint);
}

/** @throws Failure */
export async function listOf(
  { target, io }: Session,
  row: ResourceRow,
  query: readonly (readonly [string, string])[],
): Promise<readonly View[]> {
  const path = `/v2.0/${row.path}?${new URLSearchParams(query.map(([name, value]) => [name, value] as [string, string])).toString()}`;
  const { json } = await call(target, { method: "GET", path }, io.signal);
  return (json as Readonly<Record<string, readonly View[]>>)[row.collection] ?? [];
}

/** Asks about one object. @throws Failure */
export async function ask(
  { target, io }: Session,
  request: Parameters<typeof call>[1],
  member: string,
): Promise<View> {
  const { json } = await call(target, request, io.signal);
  return (json as Readonly<Record<string, View>> | undefined)?.[member] ?? {};
}
