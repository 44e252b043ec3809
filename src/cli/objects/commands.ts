/** The commands for objects of the Networking API, made of the rows of resources.ts. */

import { Argument, type Command } from "commander";
import { call } from "../client.ts";
import { examples } from "../flags.ts";
import { EXIT, Failure, type Io } from "../io.ts";
import { repeat } from "../show.ts";
import { addAdvertisedRoutes, bgpSpeakers } from "./bgp.ts";
import { networks } from "./networks.ts";
import { addOnboarding } from "./onboarding.ts";
import { addOptions, readSaid, resolverOf, withAdded, withoutTaken } from "./patches.ts";
import { addQuota } from "./quota.ts";
import { RESOURCE_ROWS } from "./resources.ts";
import { addRouterParts } from "./router-parts.ts";
import { routers } from "./routers.ts";
import type { ResourceRow, View } from "./row.ts";
import { ask, idOf, listOf, openSession, type Session } from "./session.ts";
import { addPoolPrefixes } from "./subnet-pool-prefixes.ts";
import { subnetPools } from "./subnet-pools.ts";
import { columnsOf, listText, objectText } from "./views.ts";
import type { Patch } from "./words.ts";

interface Flags {
  readonly column?: readonly string[];
}

export function addObjects(program: Command, io: Io): void {
  for (const row of RESOURCE_ROWS) {
    const group = groupOf(program, row);
    for (const [verb, add] of ADDING) if (row.examples[verb] !== undefined) add(group, row, io);
    if (row === routers) addRouterParts(group, io);
    if (row === networks) addOnboarding(group, io);
    if (row === subnetPools) addPoolPrefixes(group, io);
    if (row === bgpSpeakers) addAdvertisedRoutes(group.commands.find((one) => one.name() === "list")!, io);
  }
  addQuota(program, io);
}

type Add = (group: Command, row: ResourceRow, io: Io) => void;
const ADDING: readonly (readonly [keyof ResourceRow["examples"], Add])[] = [
  ["create", addCreate],
  ["list", addList],
  ["show", addShow],
  ["set", addSet],
  ["unset", addUnset],
  ["delete", addDelete],
];

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
  const may = shown.create === undefined ? "look at them" : "make, look at, change and delete them";
  at.description(`${many}: ${may}`);
  return at.addHelpText("after", examples(...Object.values(shown)));
}

/** A command for objects of that row; it takes what they are within first. */
const commandFor = (group: Command, verb: string, { within }: ResourceRow): Command =>
  within === undefined
    ? group.command(verb)
    : group.command(verb).addArgument(argumentOf(within, `<${within.argument}>`));

/** The row with the path that its objects have in that call, and the arguments that are left for it. */
async function placed(
  session: Session,
  row: ResourceRow,
  given: readonly string[],
): Promise<{ readonly row: ResourceRow; readonly given: readonly string[] }> {
  const { within, path } = row;
  if (within === undefined) return { row, given };
  const [outer = "", ...rest] = given;
  const id = await idOf(session, within, outer);
  return { row: { ...row, path: `${within.path}/${id}/${path}` }, given: rest };
}

const columnOption = (command: Command): Command =>
  command.option(
    "-c, --column <name>",
    "only this one, by header or member; several are possible",
    (word: string, before: readonly string[] | undefined) => [...(before ?? []), word],
  );

function addCreate(group: Command, outer: ResourceRow, io: Io): void {
  const { made, one } = outer;
  const command = columnOption(commandFor(group, "create", outer)).description(`make a ${one}, and show it`);
  if (made !== undefined) command.addArgument(new Argument(made.flags, made.about));
  command.addHelpText("after", examples(outer.examples.create ?? ""));
  const spoken = addOptions(command, outer, "create");
  command.action(async () => {
    const session = openSession(command, io);
    const flags = command.opts<Flags>();
    const resolve = resolverOf(session);
    const { row, given } = await placed(session, outer, command.args);
    const said = await readSaid(spoken, resolve);
    const [named] = given;
    const first = named === undefined ? {} : await made?.read(named, resolve);
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

function addList(group: Command, outer: ResourceRow, io: Io): void {
  const command = columnOption(commandFor(group, "list", outer))
    .description(`${outer.many}; options say which`)
    .option("--sort <member>", "by this member; :desc behind it turns the order", sortOf)
    .option("--limit <n>", "at most so many")
    .addHelpText("after", examples(outer.examples.list ?? ""));
  const spoken = addOptions(command, outer, "list");
  command.action(async () => {
    const session = openSession(command, io);
    const flags = command.opts<Flags & { readonly sort?: Query; readonly limit?: string }>();
    const { row } = await placed(session, outer, command.args);
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

function addShow(group: Command, outer: ResourceRow, io: Io): void {
  const command = columnOption(commandFor(group, "show", outer))
    .description(`all about one ${outer.one}`)
    .addArgument(argumentOf(outer, `<${outer.argument}>`))
    .addHelpText("after", examples(outer.examples.show ?? ""));
  command.action(async () => {
    const session = openSession(command, io);
    const flags = command.opts<Flags>();
    const { row, given } = await placed(session, outer, command.args);
    const [called = ""] = given;
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

function addSet(group: Command, outer: ResourceRow, io: Io): void {
  const command = commandFor(group, "set", outer)
    .description(`change a ${outer.one}; of lists, what is given is added`)
    .addArgument(argumentOf(outer, `<${outer.argument}>`))
    .addHelpText("after", examples(outer.examples.set ?? ""));
  const spoken = addOptions(command, outer, "set");
  command.action(async () => {
    const session = openSession(command, io);
    const { row, given } = await placed(session, outer, command.args);
    const [called = ""] = given;
    const said = await readSaid(spoken, resolverOf(session));
    const before = await current(session, row, called);
    const whole = withAdded(said, before);
    await change(session, row, before, row.arrange?.(whole, before) ?? whole);
  });
}

function addUnset(group: Command, outer: ResourceRow, io: Io): void {
  const command = commandFor(group, "unset", outer)
    .description(`take something off a ${outer.one}`)
    .addArgument(argumentOf(outer, `<${outer.argument}>`))
    .addHelpText("after", examples(outer.examples.unset ?? ""));
  const spoken = addOptions(command, outer, "unset");
  command.action(async () => {
    const session = openSession(command, io);
    const { row, given } = await placed(session, outer, command.args);
    const [called = ""] = given;
    const said = await readSaid(spoken, resolverOf(session));
    const before = await current(session, row, called);
    const whole = withoutTaken(said, before);
    await change(session, row, before, row.arrange?.(whole, before) ?? whole);
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
  const { revision_number: revision } = before;
  const headers: Record<string, string> =
    tags === undefined && revision !== undefined ? { "if-match": `revision_number=${String(revision)}` } : {};
  await ask(session, { method: "PUT", path, body: { [row.member]: patch }, headers }, row.member);
}

function addDelete(group: Command, outer: ResourceRow, io: Io): void {
  const command = commandFor(group, "delete", outer)
    .description(`delete ${outer.many}; one that cannot be deleted keeps none of the others`)
    .addArgument(argumentOf(outer, `<${outer.argument}...>`))
    .addHelpText("after", examples(outer.examples.delete ?? ""));
  command.action(async () => {
    const session = openSession(command, io);
    const { row, given } = await placed(session, outer, command.args);
    const failures: Failure[] = [];
    for (const called of given) {
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
