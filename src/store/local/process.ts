/**
 * The process of a local store, or of a copy of another one: alone with its file, so that waiting for the disk holds nobody up, and a damaged file
 * takes no session with it. Commits that have come by the time it looks are written together, with one wait.
 */

import { mkdirSync, openSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import koffi from "koffi";
import type { Entry, Key } from "../store.ts";
import type { Answer, CommitRequest, Failure, FileName, Question, Request } from "./protocol.ts";
import { failureOf, Table } from "./table.ts";

/** The process of a gatewayd that was killed ends within a moment, when it has done what it was asked. */
const LOCK_TRIES = 40;
const LOCK_PAUSE_MS = 50;

const LOCK_EX = 2;
const LOCK_NB = 4;

const directory = process.argv[2] ?? "";
const file = process.argv[3] as FileName;
/** Resolves when it is on its way, or the daemon is gone. */
const say = (answer: Answer): Promise<void> =>
  new Promise((resolve) => process.send?.(answer, undefined, undefined, () => resolve()));
/** Entries of one message. */
const PART_ENTRIES = 2048;

// Whoever ends the daemon ends its group; this one ends when it has done what the daemon still asked.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);
process.on("disconnect", () => setImmediate(() => process.exit()));

await run();

async function run(): Promise<void> {
  const opened = await open();
  if (!(opened instanceof Table)) {
    void say({ did: "fail", failure: opened });
    return;
  }
  void say({ did: "open", revision: opened.revision });
  serve(opened);
}

async function open(): Promise<Table | Failure> {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    if (await lock(directory)) return Table.open(directory, file);
    return { code: "unavailable", message: `${directory}: another gatewayd uses this store` };
  } catch (error) {
    return failureOf(error, directory);
  }
}

/** Held until this process ends, however it does. */
async function lock(path: string): Promise<boolean> {
  const flock = koffi.load("libc.so.6").func("int flock(int fd, int operation)");
  const fd = openSync(path, "r");
  for (let tries = 1; flock(fd, LOCK_EX | LOCK_NB) !== 0; tries++) {
    if (tries === LOCK_TRIES) return false;
    await wait(LOCK_PAUSE_MS);
  }
  return true;
}

function serve(table: Table): void {
  let waiting: Request[] = [];
  let isBusy = false;
  const turn = async (): Promise<void> => {
    while (waiting.length > 0) {
      const requests = waiting;
      waiting = [];
      for (let at = 0; at < requests.length; ) at += await take(table, requests, at);
    }
    isBusy = false;
  };
  process.on("message", (request: Request) => {
    waiting.push(request);
    if (isBusy) return;
    isBusy = true;
    setImmediate(() => void turn());
  });
}

/** @returns how many of the requests it has answered: all that are commits together, or one question */
async function take(table: Table, requests: readonly Request[], at: number): Promise<number> {
  const commits: CommitRequest[] = [];
  let request = requests[at];
  for (; request?.do === "commit"; request = requests[at + commits.length]) commits.push(request.commit);
  try {
    if (commits.length > 0) for (const outcome of table.commit(commits)) void say({ did: "commit", outcome });
    else if (request?.do === "read") await sendAll(table, request.prefix);
    else if (request !== undefined) void say(answerTo(table, request));
  } catch (error) {
    const failure = failureOf(error, directory);
    for (let i = 0; i < Math.max(1, commits.length); i++) void say({ did: "fail", failure });
  }
  return Math.max(1, commits.length);
}

/** Nothing is written meanwhile, so that all parts are of one revision. */
async function sendAll(table: Table, prefix: Key): Promise<void> {
  let entries: [Key, Entry][] = [];
  for (const entry of table.entries(prefix)) {
    entries.push(entry);
    if (entries.length < PART_ENTRIES) continue;
    await say({ did: "part", entries });
    entries = [];
  }
  void say({ did: "read", revision: table.revision, entries });
}

type Asked = Exclude<Question, { readonly do: "read" }>;

function answerTo(table: Table, question: Asked): Answer {
  switch (question.do) {
    case "get":
      return { did: "get", entry: table.get(question.key) };
    case "end-lease":
      return { did: "end-lease", outcome: table.endLease(question.lease) };
    case "copy-of":
      return { did: "copy-of", revision: table.beCopyOf(question.of) };
    case "copy":
      table.copy(question.copy);
      return { did: "copy" };
    case "copied":
      return { did: "copied", snapshot: table.copied(question.prefix) };
  }
}
