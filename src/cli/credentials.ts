/**
 * Who asks. Over the unix socket nobody has to say who he is; at a URL the openstack client's variables count, which
 * over the socket would be those of another cloud.
 */

import { readFileSync } from "node:fs";
import { type Command, Option } from "commander";
import { exchange, type Target } from "./client.ts";
import { type Flags, targetOf } from "./flags.ts";
import { EXIT, Failure, type Io } from "./io.ts";
import { strangerFailure } from "./objects/hints.ts";

interface Credentials {
  readonly osToken?: string;
  readonly osUsername?: string;
  readonly osProjectName?: string;
  readonly osPasswordFile?: string;
}

/** Before a command begins, whoever has said a name and a password is logged in, and its token stands in the flags. */
export function addCredentials(program: Command, io: Io): void {
  program
    .addOption(new Option("--os-token <token>", "who asks, by a token (OS_TOKEN)"))
    .addOption(new Option("--os-username <name>", "who asks, by a password (OS_USERNAME, OS_PASSWORD)"))
    .addOption(new Option("--os-project-name <name>", "for which project (OS_PROJECT_NAME)"))
    .addOption(new Option("--os-password-file <path>", "its first line is the password; - is standard input"))
    .hook("preAction", async (_program, command) => {
      const flags = command.optsWithGlobals<Credentials & Flags>();
      const target = targetOf(flags, io);
      const given = credentialsOf(flags, target, io);
      const token =
        given.osUsername === undefined
          ? given.osToken
          : await logIn(given, passwordOf(given, io), target, io);
      program.setOptionValue("osToken", token);
    });
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
