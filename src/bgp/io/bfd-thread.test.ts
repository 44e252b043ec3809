/** The core's end, with threads that fail: real ones, of a few lines. */

import { Worker } from "node:worker_threads";
import { afterEach, describe, expect, test } from "vitest";
import { parseAddress } from "../net/text.ts";
import type { BfdReport } from "../speaker/world.ts";
import { BfdThread } from "./bfd-thread.ts";

/** Says that whatever it is told to watch is up, with the multiplier that it was told as diagnostic. */
const WATCHES = `
  const { parentPort } = require("node:worker_threads");
  const report = { state: "up", remoteState: "up", remoteIndependent: true, problem: undefined };
  parentPort.on("message", ({ do: order, id, timing, again }) => {
    if (order === "close") parentPort.close();
    if (order === "watch") {
      const diagnostic = timing.multiplier * (again ? -1 : 1);
      parentPort.postMessage({ id, report: { ...report, diagnostic } });
    }
  });`;
const target = (text: string) => ({
  address: parseAddress(text)!,
  localAddress: undefined,
  timing: { intervalMs: 300, multiplier: 3 },
});

let workers: Worker[] = [];
let thread: BfdThread;
afterEach(() => thread.close());

function threadOf(...scripts: string[]): BfdThread {
  workers = [];
  thread = new BfdThread(() => {
    const worker = new Worker(scripts[Math.min(workers.length, scripts.length - 1)]!, { eval: true });
    workers.push(worker);
    return worker;
  });
  return thread;
}

/** Resolves when a report is heard for which `fits`. */
function watching(text: string): {
  heard: BfdReport[];
  until: (fits: (r: BfdReport) => boolean) => Promise<void>;
} {
  const heard: BfdReport[] = [];
  let look = (): void => undefined;
  thread.watch(target(text), (report) => {
    heard.push(report);
    look();
  });
  return {
    heard,
    until: (fits) =>
      new Promise((resolve) => {
        look = () => {
          if (heard.some(fits)) resolve();
        };
        look();
      }),
  };
}

const isUp = ({ state }: BfdReport): boolean => state === "up";

describe("a thread that fails", () => {
  test.each([
    ["throws", 'setTimeout(() => { throw new Error("a bug"); }, 10);', "BFD's thread failed: a bug"],
    ["ends", "setTimeout(() => process.exit(0), 10);", "BFD's thread failed: it ended"],
  ])("and %s is started again and watches all that is to be watched", async (_, script, problem) => {
    threadOf(WATCHES + script, WATCHES);
    const [one, two] = [watching("192.0.2.1"), watching("192.0.2.2")];
    for (const { until, heard } of [one, two]) {
      await until((report) => report.problem !== undefined);
      expect(heard.find((report) => report.problem !== undefined)).toMatchObject({ state: "down", problem });
      // Negative: the thread knows that one before it watched the same.
      await until(({ diagnostic }) => diagnostic === -3);
    }
    expect(workers).toHaveLength(2);
  });

  test("while there is none, what comes, changes and goes counts for the next", async () => {
    threadOf("process.exit(0);", WATCHES);
    const one = watching("192.0.2.1");
    const gone: BfdReport[] = [];
    const change = thread.watch(target("192.0.2.2"), () => undefined);
    const end = thread.watch(target("192.0.2.3"), (report) => gone.push(report));
    await one.until(({ problem }) => problem !== undefined);
    end.end();
    change.change({ intervalMs: 50, multiplier: 7 });
    const late = watching("192.0.2.4");
    await Promise.all([one.until(isUp), late.until(isUp)]);
    expect(gone.filter(isUp)).toEqual([]);
  });

  test("again and again: it is not tried all the time", async () => {
    threadOf("process.exit(0);");
    const { heard, until } = watching("192.0.2.1");
    await until(() => heard.length === 2);
    const atMs = performance.now();
    await until(() => heard.length === 3);
    expect(performance.now() - atMs).toBeGreaterThan(700);
  });
});

test("one that is told to end is not started again", async () => {
  threadOf(WATCHES);
  await watching("192.0.2.1").until(isUp);
  await thread.close();
  expect(workers).toHaveLength(1);
});
