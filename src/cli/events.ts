/** gwctl events: what happened last and, with --watch, what happens. */

import { setTimeout as wait } from "node:timers/promises";
import type { Command } from "commander";
import type { EventAnswer } from "../api/event-schema.ts";
import { download, get } from "./client.ts";
import { examples, optionsOf, pathOf } from "./flags.ts";
import { EXIT, Failure, type Io } from "./io.ts";
import { toJson } from "./json.ts";
import type { Format, Options } from "./show.ts";
import { printable } from "./text.ts";
import { toYaml } from "./yaml.ts";

/** Before the connection is tried again that a restart of gatewayd has ended. */
const AGAIN_MS = 1000;

interface Flags {
  readonly event?: string;
  readonly limit: string;
}

export function addEvents(program: Command, io: Io): void {
  const command = program
    .command("events")
    .description("what happened last: sessions, announcements, problems, health; --watch goes on")
    .option("--event <code>", "only these: a code such as bgp.session.down, or its first parts")
    .option("--limit <n>", "of those that happened, the last so many", "100")
    .addHelpText("after", examples("gwctl events --limit 20", "gwctl events --event bgp --watch"));
  command.action(async ({ event, limit }: Flags) => {
    const options = optionsOf(command, io);
    const { json } = await get(
      options.target,
      pathOf("events", { event, limit, follow: "false" }),
      io.signal,
    );
    const past = json as readonly EventAnswer[];
    for (const one of past) io.stdout.write(lineOf(one, options.format));
    if (options.watchSeconds !== undefined) await follow(event, past.at(-1)?.id, options, io);
  });
}

/** Goes on behind the last one that was seen, however often the connection ends. */
async function follow(
  event: string | undefined,
  id: string | undefined,
  options: Options,
  io: Io,
): Promise<void> {
  for (let after = id; ; ) {
    try {
      for await (const one of eventsOf(
        download(options.target, pathOf("events", { event, after }), io.signal),
      )) {
        io.stdout.write(lineOf(one, options.format));
        after = one.id ?? after;
      }
      await wait(AGAIN_MS, undefined, { signal: io.signal });
    } catch (error) {
      // Ctrl-C is how watching ends.
      if (io.signal.aborted) return;
      if (!(error instanceof Failure) || error.detail.exit !== EXIT.unreachable) throw error;
      io.stderr.write(`gwctl: ${printable(error.message)}\n`);
      await wait(AGAIN_MS, undefined, { signal: io.signal }).catch(() => undefined);
    }
  }
}

/** Server-sent events as gatewayd writes them: each has one line of data. */
async function* eventsOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<EventAnswer> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of chunks) {
    const lines = `${rest}${decoder.decode(chunk, { stream: true })}`.split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line.startsWith("data: ")) yield JSON.parse(line.slice("data: ".length)) as EventAnswer;
    }
  }
}

/** As the log has it as text: time, level, code, facts, words. JSON is one line each, YAML one document each. */
export function lineOf(event: EventAnswer, format: Format): string {
  if (format === "json") return `${toJson(event)}\n`;
  if (format === "yaml") return `---\n${toYaml(event)}`;
  const { id: _, time, level, event: code, msg, ...facts } = event;
  const words = Object.entries(facts).map(([name, value]) => `${name}=${quoted(value)}`);
  const parts = [time, level.padEnd(5), code, ...words, ...(msg === undefined ? [] : [msg])];
  return `${printable(parts.join(" "))}\n`;
}

function quoted(value: unknown): string {
  const isList = Array.isArray(value) && value.every((one) => typeof one === "string");
  if (isList && value.length > 0) return value.map(quoted).join(",");
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return /^[\w.:/%-]+$/.test(text) ? text : JSON.stringify(text);
}
