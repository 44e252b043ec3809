import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { EventFeed } from "../api/events.ts";
import { sampleSource } from "../api/sample.ts";
import { type Api, createApi } from "../api/server.ts";
import { main } from "./main.ts";

const TIME = "2026-11-22T10:00:00.000Z";
const PATIENCE = { timeout: 60_000 };

let directory: string;
let socketPath: string;
let api: Api;
let feed: EventFeed;

async function start(run: string): Promise<void> {
  feed = new EventFeed(run);
  api = createApi(sampleSource(), { socketPath, events: feed, log: () => undefined });
  await api.listen();
}

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "gatewayd-events-"));
  socketPath = join(directory, "gatewayd.sock");
  await start("one");
});
afterEach(async () => {
  await api.close();
  await rm(directory, { recursive: true });
});

function gwctl(line: string): { ended: Promise<number>; out: () => string; interrupt: () => void } {
  let out = "";
  const interrupt = new AbortController();
  const stdout = { write: (text: string) => (out += text) };
  const world = {
    stdout,
    stderr: { write: () => true },
    env: { GWCTL_SOCKET: socketPath },
    signal: interrupt.signal,
  };
  return { ended: main(line.split(" "), world, "0.1.0"), out: () => out, interrupt: () => interrupt.abort() };
}

const down = {
  event: "bgp.session.down",
  level: "warn",
  time: TIME,
  peer: "192.0.2.1",
  reason: "hold timer",
};

test("what happened is told as the log has it, and nothing steers the terminal", async () => {
  feed.add({ ...down, msg: "session lost" });
  feed.add({ ...down, event: "bgp.notification.received", communication: "\u001b[31m\u202e", msg: "bye" });
  const { ended, out } = gwctl("events");
  expect(await ended).toBe(0);
  expect(out()).toBe(
    `${TIME} warn  bgp.session.down peer=192.0.2.1 reason="hold timer" session lost\n` +
      `${TIME} warn  bgp.notification.received peer=192.0.2.1 reason="hold timer" ` +
      `communication="\\\\u001b[31m\\u{202e}" bye\n`,
  );
});

test("of those that happened, the last ones below a code; in JSON a line each", async () => {
  for (const peer of ["a", "b"]) feed.add({ ...down, peer });
  feed.add({ ...down, event: "problem.found" });
  const { ended, out } = gwctl("events --event bgp --limit 1 -o json");
  expect(await ended).toBe(0);
  expect(out()).toBe(`${JSON.stringify({ id: "one-2", ...down, peer: "b" })}\n`);
});

test("--watch goes on, over a restart of gatewayd, and Ctrl-C ends it well", async () => {
  feed.add({ ...down, peer: "first" });
  const { ended, out, interrupt } = gwctl("events --watch");
  await expect.poll(() => feed.readers, PATIENCE).toBe(1);
  feed.add({ ...down, peer: "second" });
  await expect.poll(() => out(), PATIENCE).toContain("peer=second");
  await api.close();
  await start("two");
  await expect.poll(() => feed.readers, PATIENCE).toBe(1);
  feed.add({ ...down, peer: "third" });
  await expect.poll(() => out(), PATIENCE).toContain("peer=third");
  expect(out()).toContain("events.missed");
  expect(out().match(/peer=/g)).toHaveLength(3);
  interrupt();
  expect(await ended).toBe(0);
});
