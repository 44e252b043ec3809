/** MRT files (RFC 6396): the gateway's table into one, and what one holds. */

import { createReadStream } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { Argument, type Command } from "commander";
import { MrtReader } from "../bgp/mrt/reader.ts";
import { type MrtRow, MrtRows } from "../bgp/mrt/rows.ts";
import { download, type Target } from "./client.ts";
import { addPaging, examples, type Flags, optionsOf } from "./flags.ts";
import { EXIT, Failure, type Io } from "./io.ts";
import { type Options, wantsColor } from "./show.ts";
import { type Column, type Look, table } from "./table.ts";
import { parseCount } from "./values.ts";
import { pathIds } from "./views.ts";
import { toYaml } from "./yaml.ts";

const TEXT_COLUMNS = 60;

export function addMrt(program: Command, io: Io): void {
  const mrt = program
    .command("mrt")
    .description("write the table to an MRT file (RFC 6396), or look into one")
    .addHelpText("after", examples("gwctl mrt dump table.mrt", "gwctl mrt show table.mrt"));
  mrt
    .command("dump")
    .description("write the table of the running gateway to a file")
    .addArgument(new Argument("<file>", "where to; it is there when all of it is"))
    .addHelpText("after", examples("gwctl mrt dump table.mrt"))
    .action(async (file: string, _flags: unknown, command: Command) => {
      await dumpTable(file, optionsOf(command, io).target, io);
    });
  const showing = mrt
    .command("show")
    .description("an MRT file of a table or of updates, ours or another's; asks no gateway")
    .addArgument(new Argument("<file>", "uncompressed"));
  addPaging(showing)
    .addHelpText(
      "after",
      examples("gwctl mrt show table.mrt --limit 20", "gwctl mrt show updates.mrt --all -o json"),
    )
    .action(async (file: string, { limit, all }: Flags, command: Command) => {
      const most = all === true ? Number.POSITIVE_INFINITY : parseCount(limit ?? "1000");
      await showMrt(file, most, optionsOf(command, io), io);
    });
}

/** Half a table is never taken for a whole one: the file gets its name when all of it is there. @throws Failure */
async function dumpTable(file: string, target: Target, io: Io): Promise<void> {
  const part = `${file}.part`;
  try {
    const out = await open(part, "w");
    try {
      for await (const octets of download(target, "/api/v1/mrt/table", io.signal))
        await out.writeFile(octets);
    } finally {
      await out.close();
    }
    await rename(part, file);
  } catch (error) {
    await rm(part, { force: true }).catch(() => undefined);
    throw error instanceof Failure ? error : fileFailure(file, "be written", error);
  }
}

/** @param most - rows @throws Failure */
async function showMrt(file: string, most: number, options: Options, io: Io): Promise<void> {
  const shown: MrtRow[] = [];
  let more = false;
  for await (const row of rowsOf(file)) {
    more = shown.length === most;
    if (more) break;
    shown.push(row);
  }
  if (shown.length === 0) throw new Failure(EXIT.notFound, `${file} has no records`);
  io.stdout.write(rendered(shown, options, io));
  if (more) io.stderr.write("gwctl: more follow; --all shows every one, --limit N more of them\n");
}

async function* rowsOf(file: string): AsyncGenerator<MrtRow> {
  const reader = new MrtReader();
  const rows = new MrtRows();
  const octets = createReadStream(file);
  try {
    for await (const chunk of octets) {
      for (const record of reader.push(chunk as Buffer)) yield* rows.of(record);
    }
  } catch (error) {
    throw fileFailure(file, "be read", error);
  }
  const fault = reader.end();
  if (fault !== undefined) yield* rows.of(fault);
}

function rendered(rows: readonly MrtRow[], { format, headers }: Options, io: Io): string {
  const told = rows.map(({ seconds, ...row }) => ({ time: timeOf(seconds), ...row }));
  if (format === "json") return `${JSON.stringify(told)}\n`;
  if (format === "yaml") return toYaml(told);
  return rowsTable(rows, { headers, color: wantsColor(io), wide: format === "wide" });
}

function rowsTable(rows: readonly MrtRow[], look: Look): string {
  const columns: Column<MrtRow>[] = [
    { header: "Time", cell: (r) => timeOf(r.seconds) },
    { header: "What", cell: (r) => r.what },
    { header: "Peer", cell: (r) => r.peer ?? "" },
    { header: "AS", align: "right", cell: (r) => figure(r.asn) },
    { header: "Prefix", cell: (r) => r.prefix ?? "" },
    ...pathIds(rows, (r) => r.pathId),
    { header: "Next hop", cell: (r) => r.nextHop ?? "" },
    { header: "Pref", align: "right", cell: (r) => figure(r.localPref) },
    { header: "MED", align: "right", cell: (r) => figure(r.med) },
    ...(look.wide
      ? [
          { header: "Origin", cell: (r: MrtRow) => r.origin ?? "" },
          {
            header: "Communities",
            cell: (r: MrtRow) => [...(r.communities ?? []), ...(r.largeCommunities ?? [])].join(" "),
          },
        ]
      : []),
    { header: "AS path/Text", clip: TEXT_COLUMNS, cell: (r) => r.text ?? r.asPath ?? "" },
  ];
  return table(columns, rows, look);
}

const figure = (value: number | undefined): string => (value === undefined ? "" : String(value));

const timeOf = (seconds: number): string => new Date(seconds * 1000).toISOString().replace(".000Z", "Z");

function fileFailure(file: string, what: string, error: unknown): Failure {
  const { code, message } = error as NodeJS.ErrnoException;
  return new Failure(EXIT.error, `${file} cannot ${what}: ${WORDS[code ?? ""] ?? message}`);
}

const WORDS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file or directory",
  EACCES: "permission denied",
  EISDIR: "it is a directory",
  ENOSPC: "no space is left",
};
