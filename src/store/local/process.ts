/**
 * The process of a local store, or of a copy of another one: alone with its file, so that waiting for the disk holds nobody up, and a damaged file
 * takes no session with it. Commits that have come by the time it looks are written together, with one wait.
 */

import { mkdirSync, openSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import koffi from "koffi";
import type { Answer, CommitRequest, Failure, FileName, Question, Request } from "./protocol.ts";
import { failureOf, Table } from "./table.ts";

/** The process of a gatewayd that was killed ends within a moment, when it has done what it was asked. */
const LOCK_TRIES = 40;
const LOCK_PAUSE_MS = 50;

const LOCK_EX = 2;
const LOCK_NB = 4;

const directory = process.argv[2] ?? "";
const file = process.argv[3] as FileName;
const say = (answer: Answer): void => void process.send?.(answer);

// Whoever ends the daemon ends its group; this one ends when it has done what the daemon still asked.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);
process.on("disconnect", () => setImmediate(() => process.exit()));

await run();

async function run(): Promise<void> {
  const opened = await open();
  if (!(opened instanceof Table)) {
    say({ did: "fail", failure: opened });
    return;
  }
  say({ did: "open", revision: opened.revision });
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
  const turn = (): void => {
    const requests = waiting;
    waiting = [];
    for (let at = 0; at < requests.length; ) at += take(table, requests, at);
  };
  process.on("message", (request: Request) => {
    if (waiting.push(request) === 1) setImmediate(turn);
  });
}

/** @returns how many of the requests it has answered: all that are commits together, or one question */
function take(table: Table, requests: readonly Request[], at: number): number {
  const commits: CommitRequest[] = [];
  let request = requests[at];
  for (; request?.do === "commit"; request = requests[at + commits.length]) commits.push(request.commit);
  try {
    if (commits.length > 0) for (const outcome of table.commit(commits)) say({ did: "commit", outcome });
    else if (request !== undefined) say(answerTo(table, request));
  } catch (error) {
    const failure = failureOf(error, directory);
    for (let i = 0; i < Math.max(1, commits.length); i++) say({ did: "fail", failure });
  }
  return Math.max(1, commits.length);
}

function answerTo(table: Table, question: Question): Answer {
  switch (question.do) {
    case "read":
      return { did: "read", ...table.read(question.prefix) };
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
