import { mkdtemp, rm } from "node:fs/promises";
import { type IncomingMessage, request } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import Fastify from "fastify";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { addEvents, EVENT_LIMITS, EventFeed } from "./events.ts";
import { sampleSource } from "./sample.ts";
import { type Api, createApi } from "./server.ts";

const TIME = "2026-11-22T10:00:00.000Z";
const happening = (event: string, facts: object = {}) => ({ event, level: "info", time: TIME, ...facts });
const PATIENCE = { timeout: 60_000 };

describe("an event feed", () => {
  test("whoever comes again behind any event gets what followed, or hears of a gap", () => {
    fc.assert(
      fc.property(fc.nat(EVENT_LIMITS.kept * 2), fc.nat(EVENT_LIMITS.kept * 2), (count, seen) => {
        const feed = new EventFeed("run");
        for (let i = 1; i <= count; i++) feed.add(happening("x", { i }));
        const { events, missed } = feed.behind(`run-${seen}`);
        const oldest = Math.max(0, count - EVENT_LIMITS.kept);
        const isKnown = seen <= count && seen >= oldest;
        expect(missed).toBe(!isKnown);
        const from = seen <= count ? Math.max(seen, oldest) : oldest;
        expect(events.length).toBe(count - from);
        expect([events[0]?.["i"], events.at(-1)?.id]).toEqual(
          count === from ? [undefined, undefined] : [from + 1, `run-${count}`],
        );
      }),
      { numRuns: 20 },
    );
  });
  test.each(["other-1", "run", "run-x", "run-99", "", "-", "run-1e3", "\u0000"])(
    "an id that is none of its own: %j",
    (id) => {
      const feed = new EventFeed("run");
      feed.add(happening("x"));
      expect(feed.behind(id)).toMatchObject({ missed: true, events: [{ id: "run-1" }] });
    },
  );
});

let directory: string;
let socketPath: string;
let api: Api;
let feed: EventFeed;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "gatewayd-events-"));
  socketPath = join(directory, "gatewayd.sock");
  feed = new EventFeed("run");
  api = createApi(sampleSource(), { socketPath, events: feed, log: () => undefined });
  await api.listen();
});
afterEach(async () => {
  await api.close();
  await rm(directory, { recursive: true });
});

interface Reader {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  /** As far as it has come. */
  readonly text: () => string;
  readonly ended: () => boolean;
  readonly leave: () => void;
}

function open(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Reader> {
  return new Promise((resolve, reject) => {
    const asked = request({ agent: false, socketPath, path, headers });
    asked.on("error", reject);
    asked.on("response", (incoming) => {
      let text = "";
      let ended = false;
      incoming.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      incoming
        .on("error", () => undefined)
        .on("close", () => {
          ended = true;
        });
      resolve({
        status: incoming.statusCode ?? 0,
        headers: incoming.headers,
        text: () => text,
        ended: () => ended,
        leave: () => void asked.destroy(),
      });
    });
    asked.end();
  });
}

const idsIn = (text: string): string[] => [...text.matchAll(/^id: (.+)$/gm)].map(([, id]) => id!);

test("first what happened, then what happens, in the form of server-sent events", async () => {
  feed.add(happening("bgp.session.up", { peer: "192.0.2.1", msg: "line\nbreak \u009b" }));
  const reader = await open("/api/v1/events");
  expect(reader.headers).toMatchObject({
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
  });
  feed.addRoute("172.16.1.3/32", "floating", TIME);
  feed.addRoute("172.16.1.3/32", undefined, TIME);
  await expect.poll(() => idsIn(reader.text()), PATIENCE).toEqual(["run-1", "run-2", "run-3"]);
  const blocks = reader.text().trim().split("\n\n");
  expect(blocks[0]).toBe(
    `id: run-1\nevent: bgp.session.up\ndata: {"id":"run-1","event":"bgp.session.up","level":"info","time":"${TIME}",` +
      `"peer":"192.0.2.1","msg":"line\\nbreak \\u009b"}`,
  );
  expect(blocks[1]).toContain("event: route.announced\n");
  expect(blocks[1]).toContain('"prefix":"172.16.1.3/32","event":"route.announced","kind":"floating"');
  expect(blocks[2]).toContain("event: route.withdrawn\n");
  reader.leave();
  await expect.poll(() => feed.readers, PATIENCE).toBe(0);
});

test("a reader that comes again goes on where it was, by header or parameter; a gap is told", async () => {
  for (const event of ["a", "b", "c"]) feed.add(happening(event));
  const again = await open("/api/v1/events", { "last-event-id": "run-2" });
  await expect.poll(() => idsIn(again.text()), PATIENCE).toEqual(["run-3"]);
  const asked = await open("/api/v1/events?after=run-1&event=c");
  await expect.poll(() => idsIn(asked.text()), PATIENCE).toEqual(["run-3"]);
  const stranger = await open("/api/v1/events", { "last-event-id": "before-7" });
  await expect.poll(() => idsIn(stranger.text()), PATIENCE).toHaveLength(3);
  expect(stranger.text()).toMatch(/^event: events\.missed\n/);
});

test("only events below a code; and those that were, as a list", async () => {
  for (const event of ["bgp.session.up", "bgp.sessions", "bgp.session.down", "problem.found"])
    feed.add(happening(event));
  const listed = await open("/api/v1/events?follow=false&event=bgp.session&limit=1");
  await expect.poll(() => listed.ended(), PATIENCE).toBe(true);
  expect(JSON.parse(listed.text())).toEqual([{ id: "run-3", ...happening("bgp.session.down") }]);
  const refused = await open("/api/v1/events?event=a%20b");
  expect(refused.status).toBe(400);
  const reader = await open("/api/v1/events?event=problem");
  feed.add(happening("bgp.session.up"));
  feed.add(happening("problem.solved"));
  await expect.poll(() => idsIn(reader.text()), PATIENCE).toEqual(["run-4", "run-6"]);
});

test("HEAD has no stream to wait for", async () => {
  const answered = await new Promise<number | undefined>((resolve, reject) => {
    const asked = request(
      { agent: false, socketPath, path: "/api/v1/events", method: "HEAD" },
      (incoming) => {
        incoming.resume();
        resolve(incoming.statusCode);
      },
    );
    asked.on("error", reject).end();
  });
  expect(answered).toBe(200);
  expect(feed.readers).toBe(0);
});

test("one reader too many is refused; who stops makes room", async () => {
  const readers = await Promise.all(
    Array.from({ length: EVENT_LIMITS.readers }, () => open("/api/v1/events")),
  );
  await expect.poll(() => feed.readers, PATIENCE).toBe(EVENT_LIMITS.readers);
  const refused = await open("/api/v1/events");
  expect(refused.status).toBe(503);
  await expect.poll(() => refused.text(), PATIENCE).toContain('"code":"events.busy"');
  readers[0]!.leave();
  await expect.poll(() => feed.readers, PATIENCE).toBe(EVENT_LIMITS.readers - 1);
  expect((await open("/api/v1/events")).status).toBe(200);
});

test("a reader that does not read is cut off and counted, and nobody else waits for it", async () => {
  const socket = connect(socketPath);
  socket.on("error", () => undefined).pause();
  socket.write("GET /api/v1/events HTTP/1.1\r\nHost: gw\r\n\r\n");
  const reader = await open("/api/v1/events?event=last");
  await expect.poll(() => feed.readers, PATIENCE).toBe(2);
  const octets = "x".repeat(10_000);
  for (let i = 0; feed.dropped === 0 && i < 10_000; i++) feed.add(happening("much", { octets }));
  expect(feed.dropped).toBe(1);
  feed.add(happening("last"));
  await expect.poll(() => idsIn(reader.text()), PATIENCE).toHaveLength(1);
  await expect.poll(() => feed.readers, PATIENCE).toBe(1);
  socket.destroy();
});

test("close ends every stream", async () => {
  const reader = await open("/api/v1/events");
  await api.close();
  await expect.poll(() => reader.ended(), PATIENCE).toBe(true);
  expect(feed.readers).toBe(0);
});

test("a stream ends when its token does, and others go on", async () => {
  await api.close();
  const good = new Set(["one", "two"]);
  const app = Fastify();
  addEvents(app, feed, ({ headers }) => good.has(String(headers["x-auth-token"])));
  await app.listen({ path: socketPath });
  const [one, two] = await Promise.all(
    [...good].map((token) => open("/api/v1/events", { "x-auth-token": token })),
  );
  good.delete("one");
  await expect.poll(() => one!.ended(), PATIENCE).toBe(true);
  expect(feed.readers).toBe(1);
  feed.add(happening("after"));
  await expect.poll(() => idsIn(two!.text()), PATIENCE).toEqual(["run-1"]);
  expect(one!.text()).toBe("");
  await app.close();
});
