/** gwctl user: makes and changes the file of users (`api.tokensFile`). It needs no gatewayd; one that runs reads it anew. */

import { randomBytes } from "node:crypto";
import { readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { Argument, type Command, Option } from "commander";
import { hashPassword } from "../identity/password.ts";
import { type People, type Project, parsePeople, ROLES, type Role, type User } from "../identity/people.ts";
import { examples } from "./flags.ts";
import { EXIT, Failure, type Io } from "./io.ts";
import { printable } from "./text.ts";

const DEFAULT_FILE = "/etc/gatewayd/tokens";

interface UserFlags {
  readonly file: string;
  readonly project?: string;
  readonly role: Role;
  readonly passwordFile?: string;
}

export function addUsers(program: Command, io: Io): void {
  const user = program
    .command("user")
    .description("make and change the users of the Networking API, in a file")
    .addHelpText("after", examples("gwctl user set alice --project web --role member --password-file -"));
  const file = (): Option => new Option("--file <path>", "where they are").default(DEFAULT_FILE);
  const name = (): Argument => new Argument("<name>", "of the user");
  user
    .command("set")
    .description("make a user, or give one another password, or a role in a project; what is missing is made")
    .addArgument(name())
    .addOption(file())
    .option("--project <name>", "where the user has the role; must be given for a new one")
    .addOption(new Option("--role <role>", "in that project").choices(ROLES).default("member"))
    .option("--password-file <path>", "its first line is the password; - is standard input")
    .addHelpText("after", examples("gwctl user set alice --project web --password-file -"))
    .action(async (given: string, flags: UserFlags) => {
      const people = readOrBegin(flags.file);
      const password = flags.passwordFile === undefined ? undefined : await hashed(flags.passwordFile);
      write(flags.file, changed(people, given, flags, password));
    });
  user
    .command("delete")
    .description("take a user out: its tokens end at once")
    .addArgument(name())
    .addOption(file())
    .addHelpText("after", examples("gwctl user delete alice"))
    .action((given: string, flags: UserFlags) => {
      const people = read(flags.file);
      const users = people.users.filter((one) => one.name !== given);
      if (users.length === people.users.length) throw new Failure(EXIT.notFound, `there is no user ${given}`);
      write(flags.file, { ...people, users });
    });
  user
    .command("list")
    .description("who there is, and who is what where")
    .addOption(file())
    .addHelpText("after", examples("gwctl user list"))
    .action((flags: UserFlags) => {
      for (const line of linesOf(read(flags.file))) io.stdout.write(`${printable(line)}\n`);
    });
}

function* linesOf({ users, projects }: People): Generator<string> {
  const names = new Map(projects.map((project) => [project.id, project.name]));
  for (const { name, roles } of users) {
    const places = Object.entries(roles).map(([id, role]) => `${role} of ${names.get(id)}`);
    yield `${name}: ${places.join(", ")}`;
  }
}

const newId = (): string => randomBytes(16).toString("hex");

function changed(
  people: People,
  name: string,
  { project, role }: UserFlags,
  password: string | undefined,
): People {
  const old = people.users.find((one) => one.name === name);
  if (old === undefined && (project === undefined || password === undefined)) {
    const hint = `gwctl user set ${name} --project NAME --password-file -`;
    throw new Failure(
      EXIT.usage,
      `there is no user ${name} yet: a new one needs --project and --password-file`,
      hint,
    );
  }
  const known = people.projects.find((one) => one.name === project);
  const place: Project | undefined =
    project === undefined ? undefined : (known ?? { id: newId(), name: project });
  const user: User = {
    id: old?.id ?? newId(),
    name,
    password: password ?? old?.password ?? "",
    roles: { ...old?.roles, ...(place !== undefined && { [place.id]: role }) },
  };
  const isNew = place !== undefined && known === undefined;
  return {
    secret: people.secret,
    projects: isNew ? [...people.projects, place] : people.projects,
    users: [...people.users.filter((one) => one.name !== name), user],
  };
}

function readOrBegin(path: string): People {
  if (statSync(path, { throwIfNoEntry: false }) !== undefined) return read(path);
  return { secret: randomBytes(32).toString("base64"), projects: [], users: [] };
}

function read(path: string): People {
  try {
    return parsePeople(readFileSync(path, "utf8"));
  } catch (error) {
    throw new Failure(EXIT.error, `${path}: ${(error as Error).message}`);
  }
}

/** Whole or not at all: gatewayd may read it at any moment. What a new file may be read by is its owner and group. */
function write(path: string, people: People): void {
  // Names and ids are held to what gatewayd takes before it has to.
  const text = `${JSON.stringify(people, null, 2)}\n`;
  const beside = `${path}.${process.pid}`;
  try {
    parsePeople(text);
    writeFileSync(beside, text, { mode: 0o640, flush: true });
    renameSync(beside, path);
  } catch (error) {
    throw new Failure(EXIT.error, `${path}: ${(error as Error).message}`);
  }
}

async function hashed(path: string): Promise<string> {
  try {
    const [line = ""] = readFileSync(path === "-" ? 0 : path, "utf8").split("\n");
    return await hashPassword(line);
  } catch (error) {
    throw new Failure(EXIT.error, `${path}: ${(error as Error).message}`);
  }
}
