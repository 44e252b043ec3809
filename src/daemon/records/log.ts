/** The log: one line per event, on standard error, so that standard output stays free for answers. */

import { type Logger, type LoggerOptions, pino } from "pino";

export type Log = Logger;

export interface LogSettings {
  readonly level: string;
  readonly format: "json" | "text";
}

/**
 * A logger whose lines carry `event`, a code that never changes once published (`bgp.session.up`), and facts as
 * fields. `text` is the same for people.
 * @param hear - is told each line as JSON, behind the log itself
 */
export function createLog(settings: LogSettings, hear: (line: string) => void = () => undefined): Log {
  const options: LoggerOptions = {
    level: settings.level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: ["*.password", "password"],
  };
  const spelt = settings.format === "json" ? (line: string): string => line : asText;
  const write = (line: string): void => {
    process.stderr.write(spelt(line));
    hear(line);
  };
  return pino(options, { write });
}

/** `2026-11-22T10:00:00.000Z info  bgp.session.up peer=198.51.100.2 session established` */
function asText(line: string): string {
  const { time, level, event, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const facts = Object.entries(fields).map(([name, value]) => `${name}=${quoted(value)}`);
  return `${[time, String(level).padEnd(5), event, ...facts, msg].filter((part) => part !== undefined).join(" ")}\n`;
}

function quoted(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return /^[\w.:/-]+$/.test(text) ? text : JSON.stringify(text);
}
