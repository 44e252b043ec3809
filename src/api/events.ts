/**
 * What happens, for whoever wants to hear it: the last events, and those to come, as server-sent events.
 *
 * Events are kept in a ring, so that a reader whose connection broke goes on behind the last one that it has seen
 * (Last-Event-ID). What a reader does not take waits in its connection; one that lets too much wait is cut off, and
 * may come again. Nobody waits for a reader.
 */

import type { ServerResponse } from "node:http";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { Refusal, toJson } from "./answers.ts";
import type { EventAnswer } from "./event-schema.ts";
import { type EventQuery, readEventQuery } from "./query.ts";

export const EVENT_LIMITS = {
  /** Events that are kept for those who come later. */
  kept: 4096,
  /** At a time; each holds a connection. */
  readers: 16,
  /** Octets that may wait for one reader. */
  waitingOctets: 1_048_576,
  /** Between two signs of life, where nothing happens. */
  aliveMs: 10_000,
  /** Between two looks at whether who reads may still. */
  tokenMs: 1000,
} as const;

interface Happening {
  readonly event: string;
  readonly level: string;
  readonly time: string;
  readonly msg?: string;
  readonly [fact: string]: unknown;
}

export class EventFeed {
  /** Told apart from other runs of the gateway, whose numbers mean other events. */
  readonly #run: string;
  readonly #kept: EventAnswer[] = [];
  readonly #readers = new Set<(event: EventAnswer) => void>();
  #count = 0;
  #dropped = 0;

  /** @param run - of letters and digits */
  constructor(run: string) {
    this.#run = run;
  }

  /** Readers that were cut off because they took nothing. */
  get dropped(): number {
    return this.#dropped;
  }

  get readers(): number {
    return this.#readers.size;
  }

  add(happening: Happening): void {
    const event: EventAnswer = { id: `${this.#run}-${++this.#count}`, ...happening };
    this.#kept[(this.#count - 1) % EVENT_LIMITS.kept] = event;
    for (const hear of this.#readers) hear(event);
  }

  /** @param kind - of what is announced; undefined: it no longer is */
  addRoute(prefix: string, kind: string | undefined, time: string): void {
    const happening = { level: "info", time, prefix };
    if (kind === undefined) this.add({ ...happening, event: "route.withdrawn" });
    else this.add({ ...happening, event: "route.announced", kind });
  }

  /**
   * What is kept of what came behind `id`, the oldest first; all of it when no id is given.
   * @returns missed - something behind it is not kept any more, or it is of another run
   */
  behind(id: string | undefined): { readonly events: readonly EventAnswer[]; readonly missed: boolean } {
    const oldest = Math.max(0, this.#count - EVENT_LIMITS.kept);
    const [run, number] = id?.split("-") ?? [];
    const isOurs = run === this.#run && /^\d{1,15}$/.test(number ?? "") && Number(number) <= this.#count;
    const from = isOurs ? Math.max(oldest, Number(number)) : oldest;
    const events = Array.from(
      { length: this.#count - from },
      (_, i) => this.#kept[(from + i) % EVENT_LIMITS.kept]!,
    );
    return { events, missed: id !== undefined && !(isOurs && Number(number) >= oldest) };
  }

  /** @returns ends it */
  follow(hear: (event: EventAnswer) => void): () => void {
    this.#readers.add(hear);
    return () => this.#readers.delete(hear);
  }

  countDropped(): void {
    this.#dropped += 1;
  }
}

const EVENTS_PATH = "/api/v1/events";

/** @param mayRead - whether who asked may still: a stream outlives many tokens */
export function addEvents(
  app: FastifyInstance,
  feed: EventFeed,
  mayRead: (request: FastifyRequest) => boolean,
): void {
  /** Each ends a stream. */
  const open = new Set<() => void>();
  // Such an answer has no end of its own, and close() waits for answers.
  app.addHook("preClose", (done) => {
    for (const end of open) end();
    done();
  });
  app.get(EVENTS_PATH, (request, reply) => {
    const query = readEventQuery(request.query);
    const { events, missed } = feed.behind(query.after ?? lastIdOf(request));
    const wanted = events.filter((event) => isWanted(event, query));
    if (!query.follow) return wanted.slice(-query.limit);
    if (request.method === "HEAD") return reply.type("text/event-stream").send();
    if (feed.readers >= EVENT_LIMITS.readers) {
      const hint = "follow=false gives what happened last, and holds no connection";
      throw new Refusal("events.busy", `${EVENT_LIMITS.readers} readers follow events already`, hint);
    }
    const answer = begin(reply);
    if (missed) write(answer, { ...MISSED, time: events[0]?.time ?? "" });
    for (const event of wanted) write(answer, event, event.id);
    const stop = stream(answer, feed, query);
    const end = (): void => {
      leave();
      answer.end();
    };
    const good = setInterval(() => {
      if (!mayRead(request)) end();
    }, EVENT_LIMITS.tokenMs);
    const leave = (): void => {
      clearInterval(good);
      stop();
      open.delete(end);
    };
    open.add(end);
    answer.once("close", leave);
    return reply;
  });
}

/** What happens from here on. @returns ends it */
function stream(answer: ServerResponse, feed: EventFeed, query: EventQuery): () => void {
  const stop = feed.follow((event) => {
    if (!isWanted(event, query)) return;
    write(answer, event, event.id);
    if (answer.writableLength <= EVENT_LIMITS.waitingOctets) return;
    feed.countDropped();
    answer.destroy();
  });
  const alive = setInterval(() => answer.write(":\n\n"), EVENT_LIMITS.aliveMs);
  return () => {
    clearInterval(alive);
    stop();
  };
}

/** Tells a reader who comes again that there is a gap. It has no id, so that the reader keeps the one that it has. */
const MISSED = {
  event: "events.missed",
  level: "warn",
  msg: "events are not kept any more that came before these",
};

const lastIdOf = ({ headers }: FastifyRequest): string | undefined => {
  const id = headers["last-event-id"];
  return typeof id === "string" && id !== "" ? id : undefined;
};

/** "bgp" and "bgp.session" name all events below them. */
const isWanted = ({ event }: EventAnswer, { event: wanted }: EventQuery): boolean =>
  wanted === undefined || event === wanted || event.startsWith(`${wanted}.`);

function begin(reply: FastifyReply): ServerResponse {
  const headers = reply.getHeaders();
  reply.hijack();
  reply.raw.writeHead(200, {
    ...(headers as Record<string, string>),
    "content-type": "text/event-stream; charset=utf-8",
    // Readers of another machine come through proxies, which may hold a stream back.
    "x-accel-buffering": "no",
  });
  reply.raw.flushHeaders();
  return reply.raw;
}

/** One event in the form of the HTML standard, section 9.2: JSON has no line breaks, so that it is one line of data. */
function write(answer: ServerResponse, happening: Happening, id?: string): void {
  const name = id === undefined ? "" : `id: ${id}\n`;
  answer.write(`${name}event: ${happening.event}\ndata: ${toJson(happening)}\n\n`);
}
