/** gwctl anycast and gwctl pool: services and pools that the API makes, beside those of gateway.yaml. */

import { readFileSync } from "node:fs";
import { Argument, type Command, Option } from "commander";
import { parse } from "yaml";
import type { OwnAnswer, OwnKind } from "../api/own-schema.ts";
import { call, get } from "./client.ts";
import { examples, optionsOf } from "./flags.ts";
import { EXIT, Failure, type Io } from "./io.ts";
import { toJson } from "./json.ts";
import { show } from "./show.ts";
import { table } from "./table.ts";
import { toYaml } from "./yaml.ts";

interface Group {
  readonly kind: OwnKind;
  readonly command: string;
  readonly many: string;
  readonly one: string;
  /** Of `set`, each with what it means in the words of gateway.yaml. */
  readonly options: readonly Option[];
  readonly read: (flags: SetFlags) => Record<string, unknown>;
  readonly example: string;
}

interface SetFlags {
  readonly file?: string;
  readonly address?: readonly string[];
  readonly member?: readonly string[];
  readonly health?: string;
  readonly whenAllFail?: string;
  readonly private?: readonly string[];
  readonly ports?: string;
  readonly blockSize?: string;
  readonly draining?: true;
}

const several = (flags: string, about: string): Option =>
  new Option(flags, `${about}; several are possible`).argParser(
    (word: string, before: readonly string[] | undefined) => [...(before ?? []), word],
  );

const GROUPS: readonly Group[] = [
  {
    kind: "anycast",
    command: "anycast",
    many: "anycast services",
    one: "an anycast service",
    options: [
      several("--address <ip>", "that all members serve").argParser((word: string) => [word]),
      several("--member <ip>", "the own address of one"),
      new Option("--health <check>", "of members on this host: tcp:53, or http:8080/healthz"),
      new Option("--when-all-fail <what>", "withdraw, or keep").choices(["withdraw", "keep"]),
    ],
    read: ({ address, member, health, whenAllFail }) => ({
      ...(address && { address: address[0] }),
      ...(member && { members: member }),
      ...(health !== undefined && { health: healthOf(health) }),
      ...(whenAllFail !== undefined && { whenAllFail }),
    }),
    example:
      "gwctl anycast set --address 192.0.2.53 --member 10.65.0.20 --member 10.65.0.21 --health tcp:53 dns",
  },
  {
    kind: "pools",
    command: "pool",
    many: "NAT pools",
    one: "a NAT pool",
    options: [
      several("--address <addresses>", "an address, a prefix or a range to go out with"),
      several("--private <prefix>", "sources that it serves"),
      new Option("--ports <range>", "such as 1024-65535"),
      new Option("--block-size <ports>", "of each private address; 0: all share"),
      new Option("--draining", "no new mappings"),
    ],
    read: ({ address, private: served, ports, blockSize, draining }) => ({
      ...(address && { addresses: address }),
      ...(served && { private: served }),
      ...(ports !== undefined && { ports }),
      ...(blockSize !== undefined && { blockSize: Number(blockSize) }),
      ...(draining === true && { draining }),
    }),
    example: "gwctl pool set --address 198.51.100.40-198.51.100.43 --private 10.66.0.0/16 second",
  },
];

/** @throws Failure */
function healthOf(text: string): object {
  const [, type, port, path = ""] = /^(tcp|http):(\d{1,5})(\/.*)?$/.exec(text) ?? [];
  if (type === undefined) {
    throw new Failure(EXIT.usage, `--health takes tcp:53 or http:8080/healthz, not ${text}`);
  }
  return { type, port: Number(port), ...(path !== "" && { path }) };
}

export function addOwn(program: Command, io: Io): void {
  for (const group of GROUPS) {
    const command = program
      .command(group.command)
      .description(`${group.many}: make, look at, change and delete them`)
      .addHelpText("after", examples(group.example, `gwctl ${group.command} list`));
    addSet(command, group, io);
    addLooks(command, group, io);
  }
}

const pathOfOne = (kind: OwnKind, name: string): string => `/api/v1/${kind}/${encodeURIComponent(name)}`;

function addSet(at: Command, { kind, one, options, read, example }: Group, io: Io): void {
  const command = at
    .command("set")
    .description(`make ${one}, or change it: what is not said is as it was`)
    .addArgument(new Argument("<name>", "what it is called"))
    .option("--file <path>", "all of it as gateway.yaml has it, in YAML or JSON; - is standard input")
    .addHelpText("after", examples(example));
  for (const option of options) command.addOption(option);
  command.action(async (name: string) => {
    const { target } = optionsOf(command, io);
    const flags = command.opts<SetFlags>();
    const before =
      flags.file === undefined ? await definitionOf(kind, name, command, io) : contentOf(flags.file);
    const body = { ...before, ...read(flags) };
    await call(target, { method: "PUT", path: pathOfOne(kind, name), body }, io.signal);
  });
}

/** What there is of that name; nothing when there is none. */
async function definitionOf(kind: OwnKind, name: string, command: Command, io: Io): Promise<object> {
  const { target } = optionsOf(command, io);
  try {
    const { json } = await get(target, pathOfOne(kind, name), io.signal);
    return (json as OwnAnswer).definition ?? {};
  } catch (error) {
    if (error instanceof Failure && error.detail.exit === EXIT.notFound) return {};
    throw error;
  }
}

/** @throws Failure */
function contentOf(path: string): object {
  try {
    const content: unknown = parse(readFileSync(path === "-" ? 0 : path, "utf8"));
    if (typeof content === "object" && content !== null && !Array.isArray(content)) return content;
  } catch (error) {
    throw new Failure(EXIT.usage, `${path}: ${(error as Error).message}`);
  }
  throw new Failure(
    EXIT.usage,
    `${path}: a mapping is expected, such as gateway.yaml has it, without \`name\``,
  );
}

function addLooks(at: Command, { kind, command: word, many, one }: Group, io: Io): void {
  const list = at
    .command("list")
    .description(`${many}, and where each is said`)
    .addHelpText("after", examples(`gwctl ${word} list`));
  list.action(async () => {
    const path = kind === "pools" ? "/api/v1/pools?limit=10000" : "/api/v1/anycast?limit=10000";
    const columns = [
      { header: "Name", cell: ({ name }: Listed) => name },
      { header: "Said by", cell: ({ origin }: Listed) => WORDS[origin] },
    ];
    await show<readonly Listed[]>(
      { path, all: true, render: (all, look) => table(columns, all, look) },
      optionsOf(list, io),
      io,
    );
  });
  const shown = at
    .command("show")
    .description(`what ${one} is, in the words of gateway.yaml`)
    .addArgument(new Argument("<name>"))
    .addHelpText("after", examples(`gwctl ${word} show dns`));
  shown.action(async (name: string) => {
    const { target, format } = optionsOf(shown, io);
    const { json } = await get(target, pathOfOne(kind, name), io.signal);
    io.stdout.write(format === "json" ? `${toJson(json)}\n` : toYaml(json));
  });
  const removal = at
    .command("delete")
    .description(`delete ${one} that was made through the API`)
    .addArgument(new Argument("<name>"))
    .addHelpText("after", examples(`gwctl ${word} delete dns`));
  removal.action(async (name: string) => {
    const { target } = optionsOf(removal, io);
    await call(target, { method: "DELETE", path: pathOfOne(kind, name) }, io.signal);
  });
}

interface Listed {
  readonly name: string;
  readonly origin: keyof typeof WORDS;
}

const WORDS = { file: "gateway.yaml", api: "API", ports: "ports" } as const;
