/** Records as text: JSON lines (RFC 8259), and syslog messages (RFC 5424) that carry them. */

import {
  type Detail,
  dotted,
  type Encoder,
  type LogRecord,
  type Out,
  protocolText,
  type SessionRecord,
} from "./record.ts";

/** Text that is given on at once. */
const PIECE_CHARACTERS = 32_768;

/** "2026-11-22T10:00:00.000Z" */
export type TimeText = (atMs: number) => string;

/** A line for each record. */
export function jsonLines(detail: Detail, timeText: TimeText, out: Out): Encoder {
  const pieces = new Pieces(out);
  const time = remembered(timeText);
  return {
    add: (record) => pieces.add(`${jsonOf(record, detail, time(record.atMs))}\n`),
    flush: () => pieces.flush(),
  };
}

export interface SyslogOptions extends Detail {
  /** As messages name it; 1..255 printable characters of ASCII. */
  readonly hostname: string;
  /** False: each message goes out alone (RFC 5426). True: behind its length, as over a stream (RFC 6587 §3.4.1). */
  readonly framed: boolean;
}

/** Facility local0; warning for what is refused, info for everything else (RFC 5424 §6.2.1). */
const LOCAL0 = 16 * 8;
const WARNING = 4;
const INFO = 6;

export function syslog(options: SyslogOptions, timeText: TimeText, out: Out): Encoder {
  const pieces = new Pieces(out);
  const time = remembered(timeText);
  const message = (record: Readonly<LogRecord>): string => {
    const at = time(record.atMs);
    const priority = LOCAL0 + (record.kind === "limit" ? WARNING : INFO);
    const json = jsonOf(record, options, at);
    // §6.1: neither process id nor structured data, which would need an enterprise number of ours.
    return `<${priority}>1 ${at} ${options.hostname} gatewayd - ${eventOf(record)} - ${json}`;
  };
  return {
    // All of it is ASCII, so that characters are octets.
    add: options.framed
      ? (record) => {
          const text = message(record);
          pieces.add(`${text.length} ${text}`);
        }
      : (record) => out(UTF8.encode(message(record)), 1),
    flush: () => pieces.flush(),
  };
}

const UTF8 = new TextEncoder();

class Pieces {
  readonly #out: Out;
  #text = "";
  #records = 0;

  constructor(out: Out) {
    this.#out = out;
  }

  add(text: string): void {
    this.#text += text;
    this.#records++;
    if (this.#text.length >= PIECE_CHARACTERS) this.flush();
  }

  flush(): void {
    if (this.#records === 0) return;
    const [text, records] = [this.#text, this.#records];
    this.#text = "";
    this.#records = 0;
    this.#out(UTF8.encode(text), records);
  }
}

/** Records of one batch are of one time. */
function remembered(timeText: TimeText): TimeText {
  let lastMs = Number.NaN;
  let last = "";
  return (atMs) => {
    if (atMs !== lastMs) last = timeText(atMs);
    lastMs = atMs;
    return last;
  };
}

function eventOf(record: Readonly<LogRecord>): string {
  switch (record.kind) {
    case "session":
      return record.ended ? "session.ended" : "session.created";
    case "block":
      return record.taken ? "block.taken" : "block.given";
    case "limit":
      return "limit.hit";
    default:
      return record satisfies never;
  }
}

function jsonOf(record: Readonly<LogRecord>, detail: Detail, time: string): string {
  return `{"time":"${time}","event":"${eventOf(record)}",${factsOf(record, detail)}}`;
}

/** Numbers and fixed words alone: nothing needs to be escaped. */
function factsOf(record: Readonly<LogRecord>, detail: Detail): string {
  switch (record.kind) {
    case "session":
      return sessionFacts(record, detail);
    case "block": {
      const { private: inner, public: outer, first, last } = record;
      return `"private":"${dotted(inner)}","public":"${dotted(outer)}","ports":"${first}-${last}"`;
    }
    case "limit":
      return `"limit":"${record.limit}","private":"${dotted(record.private)}","most":${record.most}`;
    default:
      return record satisfies never;
  }
}

function sessionFacts(record: Readonly<SessionRecord>, { destinations }: Detail): string {
  const { protocol, outbound } = record;
  const inner = `${dotted(record.private)}:${record.privatePort}`;
  const outer = `${dotted(record.public)}:${record.publicPort}`;
  const remote = destinations ? `,"remote":"${dotted(record.remote)}:${record.remotePort}"` : "";
  const direction = outbound ? "out" : "in";
  return `"protocol":"${protocolText(protocol)}","direction":"${direction}","private":"${inner}","public":"${outer}"${remote}`;
}
