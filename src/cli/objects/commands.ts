/** The commands for objects of the Networking API, made of the rows of resources.ts. */

import { Argument, type Command } from "commander";
import { call } from "../client.ts";
import { examples } from "../flags.ts";
import { EXIT, Failure, type Io } from "../io.ts";
import { repeat } from "../show.ts";
import { addOptions, readSaid, resolverOf, withAdded, withoutTaken } from "./patches.ts";
import { addQuota } from "./quota.ts";
import { RESOURCE_ROWS } from "./resources.ts";
import { addRouterParts } from "./router-parts.ts";
import type { ResourceRow, View } from "./row.ts";
import { ask, idOf, listOf, openSession, type Session } from "./session.ts";
import { columnsOf, listText, objectText } from "./views.ts";
import type { Patch } from "./words.ts";

interface Flags {
  readonly column?: readonly string[];
}

export function addObjects(program: Command, io: Io): void {
  for (const row of RESOURCE_ROWS) {
    const group = groupOf(program, row);
    addCreate(group, row, io);
    addList(group, row, io);
    addShow(group, row, io);
    if (row.examples.set !== undefined) addSet(group, row, io);
    if (row.examples.unset !== undefined) addUnset(group, row, io);
    addDelete(group, row, io);
    if (row.member === "router") addRouterParts(group, io);
  }
  addQuota(program, io);
}

/** A shell expands what it completes with, so that only plain names are given; Neutron has any text as a name. */
const PLAIN = /^[\w.:@%+-]+$/;

/** What objects of a collection are called, for completion. @throws Failure */
export async function objectNames(path: string, command: Command, io: Io): Promise<readonly string[]> {
  const row = RESOURCE_ROWS.find((one) => one.path === path)!;
  const [name = "id"] = row.names;
  const items = await listOf(openSession(command, io), row, [["fields", name]]);
  return [...new Set(items.map((item) => String(item[name])).filter((text) => PLAIN.test(text)))];
}

/** The command that a row's stand in; what it is itself in is made when missing. */
function groupOf(program: Command, { command, many, examples: shown }: ResourceRow): Command {
  let at = program;
  for (const word of command) {
    at = at.commands.find((known) => known.name() === word) ?? at.command(word).description(many);
  }
  at.description(`${many}: make, look at, change and delete them`);
  return at.addHelpText("after", examples(...Object.values(shown)));
}

const columnOption = (command: Command): Command =>
  command.option(
    "-c, --column <name>",
    "only this one, by header or member; several are possible",
    (word: string, before: readonly string[] | undefined) => [...(before ?? []), word],
  );

function addCreate(group: Command, row: ResourceRow, io: Io): void {
  const { made, one } = row;
  const command = columnOption(group.command("create"))
    .description(`make a ${one}, and show it`)
    .addArgument(new Argument(made.flags, made.about))
    .addHelpText("after", examples(row.examples.create ?? ""));
  const spoken = addOptions(command, row, "create");
  command.action(async (given: string | undefined, flags: Flags) => {
    const session = openSession(command, io);
    const resolve = resolverOf(session);
    const said = await readSaid(spoken, resolve);
    const first = given === undefined ? {} : await made.read(given, resolve);
    const whole = withAdded({ ...said, plain: { ...first, ...said.plain } }, {});
    const { tags, ...patch } = row.arrange?.(whole, undefined) ?? whole;
    if (Object.keys(patch).length === 0) throw new Failure(EXIT.usage, `say of which ${row.argument}`);
    const body = { [row.member]: patch };
    const object = await ask(session, { method: "POST", path: `/v2.0/${row.path}`, body }, row.member);
    if (tags !== undefined) await putTags(session, row, String(object["id"]), tags);
    const shown = tags === undefined ? object : { ...object, tags };
    io.stdout.write(
      objectText(shown, flags.column && columnsOf(row.columns, flags.column, true), session.options),
    );
  });
}

async function putTags({ target, io }: Session, row: ResourceRow, id: string, tags: unknown): Promise<void> {
  await call(target, { method: "PUT", path: `/v2.0/${row.path}/${id}/tags`, body: { tags } }, io.signal);
}

function addList(group: Command, row: ResourceRow, io: Io): void {
  const command = columnOption(group.command("list"))
    .description(`${row.many}; options say which`)
    .option("--sort <member>", "by this member; :desc behind it turns the order", sortOf)
    .option("--limit <n>", "at most so many")
    .addHelpText("after", examples(row.examples.list ?? ""));
  const spoken = addOptions(command, row, "list");
  command.action(async (flags: Flags & { readonly sort?: Query; readonly limit?: string }) => {
    const session = openSession(command, io);
    const { options } = session;
    const said = await readSaid(spoken, resolverOf(session));
    const columns = columnsOf(row.columns, flags.column, options.format === "wide");
    const isData = options.format === "json" || options.format === "yaml";
    const query: Query = [
      ...queryOf({ ...said.plain, ...said.lists }),
      ...(flags.sort ?? []),
      ...(flags.limit === undefined ? [] : [["limit", flags.limit] as const]),
      ...(isData ? [] : columns.map(({ member }) => ["fields", member] as const)),
    ];
    await repeat(
      async () =>
        listText(await listOf(session, row, query), columns, flags.column !== undefined, options, io),
      options,
      io,
    );
  });
}

type Query = readonly (readonly [string, string])[];

function sortOf(text: string): Query {
  const [key = "", direction = "asc"] = text.split(":");
  return [
    ["sort_key", key],
    ["sort_dir", direction],
  ];
}

const queryOf = (members: Patch): Query =>
  Object.entries(members).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((one) => [name, String(one)] as const),
  );

const argumentOf = (row: ResourceRow, flags: string): Argument =>
  new Argument(
    flags,
    ["id", ...row.names].map((name) => name.replace("floating_ip_address", "address")).join(" or "),
  );

function addShow(group: Command, row: ResourceRow, io: Io): void {
  const command = columnOption(group.command("show"))
    .description(`all about one ${row.one}`)
    .addArgument(argumentOf(row, `<${row.argument}>`))
    .addHelpText("after", examples(row.examples.show ?? ""));
  command.action(async (called: string, flags: Flags) => {
    const session = openSession(command, io);
    const columns = flags.column && columnsOf(row.columns, flags.column, true);
    await repeat(
      async () => objectText(await current(session, row, called), columns, session.options),
      session.options,
      io,
    );
  });
}

async function current(session: Session, row: ResourceRow, called: string): Promise<View> {
  const path = `/v2.0/${row.path}/${await idOf(session, row, called)}`;
  return await ask(session, { method: "GET", path }, row.member);
}

function addSet(group: Command, row: ResourceRow, io: Io): void {
  const command = group
    .command("set")
    .description(`change a ${row.one}; of lists, what is given is added`)
    .addArgument(argumentOf(row, `<${row.argument}>`))
    .addHelpText("after", examples(row.examples.set ?? ""));
  const spoken = addOptions(command, row, "set");
  command.action(async (called: string) => {
    const session = openSession(command, io);
    const said = await readSaid(spoken, resolverOf(session));
    const before = await current(session, row, called);
    const whole = withAdded(said, before);
    await change(session, row, before, row.arrange?.(whole, before) ?? whole);
  });
}

function addUnset(group: Command, row: ResourceRow, io: Io): void {
  const command = group
    .command("unset")
    .description(`take something off a ${row.one}`)
    .addArgument(argumentOf(row, `<${row.argument}>`))
    .addHelpText("after", examples(row.examples.unset ?? ""));
  const spoken = addOptions(command, row, "unset");
  command.action(async (called: string) => {
    const session = openSession(command, io);
    const said = await readSaid(spoken, resolverOf(session));
    const before = await current(session, row, called);
    await change(session, row, before, withoutTaken(said, before));
  });
}

/** Nothing that somebody else has changed meanwhile is overwritten. */
async function change(session: Session, row: ResourceRow, before: View, wanted: Patch): Promise<void> {
  const { tags, ...patch } = wanted;
  if (Object.keys(wanted).length === 0) {
    throw new Failure(EXIT.usage, "nothing is to be changed", "--help shows the options");
  }
  const id = String(before["id"]);
  if (tags !== undefined) await putTags(session, row, id, tags);
  if (Object.keys(patch).length === 0) return;
  const path = `/v2.0/${row.path}/${id}`;
  // Setting tags is a change of its own, behind which the object has another revision.
  const headers: Record<string, string> =
    tags === undefined ? { "if-match": `revision_number=${String(before["revision_number"])}` } : {};
  await ask(session, { method: "PUT", path, body: { [row.member]: patch }, headers }, row.member);
}

function addDelete(group: Command, row: ResourceRow, io: Io): void {
  const command = group
    .command("delete")
    .description(`delete ${row.many}; one that cannot be deleted keeps none of the others`)
    .addArgument(argumentOf(row, `<${row.argument}...>`))
    .addHelpText("after", examples(row.examples.delete ?? ""));
  command.action(async (all: readonly string[]) => {
    const session = openSession(command, io);
    const failures: Failure[] = [];
    for (const called of all) {
      try {
        const path = `/v2.0/${row.path}/${await idOf(session, row, called)}`;
        await call(session.target, { method: "DELETE", path }, io.signal);
      } catch (error) {
        if (!(error instanceof Failure) || error.detail.exit === EXIT.interrupted) throw error;
        failures.push(error);
      }
    }
    const [first, ...others] = failures;
    if (first === undefined) return;
    for (const other of others) io.stderr.write(`gwctl: ${other.message}\n`);
    throw first;
  });
}
