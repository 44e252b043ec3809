/** gwctl quota: how many of each a project may have. */

import { Argument, type Command } from "commander";
import { call } from "../client.ts";
import { examples } from "../flags.ts";
import { EXIT, Failure, type Io } from "../io.ts";
import { projectId } from "./projects.ts";
import { ask, openSession, type Session } from "./session.ts";
import { listText, objectText } from "./views.ts";
import { count } from "./words.ts";

/** Whose everything is that is made without a token. */
const UNASKED_PROJECT = "admin";

const LIMITS = [
  ["--networks <n>", "network"],
  ["--subnets <n>", "subnet"],
  ["--subnetpools <n>", "subnetpool"],
  ["--ports <n>", "port"],
  ["--routers <n>", "router"],
  ["--floating-ips <n>", "floatingip"],
  ["--secgroups <n>", "security_group"],
  ["--secgroup-rules <n>", "security_group_rule"],
] as const;

const COLUMNS = [
  { header: "Project", member: "project_id" },
  ...LIMITS.map(([, member]) => ({ header: member, member })),
];

export function addQuota(program: Command, io: Io): void {
  const quota = program
    .command("quota")
    .description("how many of each a project may have")
    .addHelpText("after", examples("gwctl quota show", "gwctl quota set --floating-ips 200 PROJECT"));
  const project = (flags: string): Argument => new Argument(flags, "its name or id");
  const show = quota
    .command("show")
    .description("what a project may have; without one, your own")
    .addArgument(project("[project]"))
    .option("--usage", "and what it has")
    .addHelpText("after", examples("gwctl quota show", "gwctl quota show --usage web"));
  show.action(async (called: string | undefined, { usage }: { readonly usage?: true }) => {
    const session = openSession(show, io);
    const path = `${await pathOf(session, called)}${usage === true ? "/details" : ""}`;
    io.stdout.write(
      objectText(await ask(session, { method: "GET", path }, "quota"), undefined, session.options),
    );
  });
  const list = quota
    .command("list")
    .description("projects that have other limits than the usual ones")
    .addHelpText("after", examples("gwctl quota list"));
  list.action(async () => {
    const { target, options } = openSession(list, io);
    const { json } = await call(target, { method: "GET", path: "/v2.0/quotas" }, io.signal);
    const { quotas } = json as { readonly quotas: readonly Readonly<Record<string, unknown>>[] };
    io.stdout.write(listText(quotas, COLUMNS, false, options, io));
  });
  const remove = quota
    .command("delete")
    .description("back to the usual limits")
    .addArgument(project("<project>"))
    .addHelpText("after", examples("gwctl quota delete web"));
  remove.action(async (called: string) => {
    const session = openSession(remove, io);
    await call(session.target, { method: "DELETE", path: await pathOf(session, called) }, io.signal);
  });
  addSet(quota, project("<project>"), io);
}

function addSet(quota: Command, project: Argument, io: Io): void {
  const set = quota
    .command("set")
    .description("change what a project may have; -1: any number")
    .addArgument(project);
  const words = LIMITS.map(([flags, member]) => count(flags, "", member));
  for (const { flags } of words) set.option(flags);
  set.addHelpText("after", examples("gwctl quota set --floating-ips 200 --ports -1 web"));
  set.action(async (called: string) => {
    const session = openSession(set, io);
    const given = set.options.flatMap((option, i) => {
      const value: unknown = set.getOptionValue(option.attributeName());
      return typeof value === "string" ? [words[i]!.read(value, notAsked)] : [];
    });
    if (given.length === 0)
      throw new Failure(EXIT.usage, "nothing is to be changed", "--help shows the options");
    const body = { quota: Object.assign({}, ...given) as object };
    await call(session.target, { method: "PUT", path: await pathOf(session, called), body }, io.signal);
  });
}

const notAsked = (): Promise<string> => Promise.reject(new RangeError("numbers name no object"));

async function pathOf(session: Session, called: string | undefined): Promise<string> {
  const id = called === undefined ? await ownProject(session) : await projectId(session, called);
  return `/v2.0/quotas/${encodeURIComponent(id)}`;
}

async function ownProject({ target, io }: Session): Promise<string> {
  if (target.token === undefined) return UNASKED_PROJECT;
  const headers = { "x-subject-token": target.token };
  const { json } = await call(target, { method: "GET", path: "/v3/auth/tokens", headers }, io.signal);
  return (json as { readonly token: { readonly project: { readonly id: string } } }).token.project.id;
}
