/**
 * The core's end of the thread in which BFD runs. It is started when the first peer is to be watched, and again when it
 * fails: no session ends by that, on this side.
 */

import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { BfdTiming } from "../bfd/session.ts";
import { backoffSeconds } from "../fsm/backoff.ts";
import type { Family } from "../net/address.ts";
import { formatAddress } from "../net/text.ts";
import type { BfdReport, BfdTarget, BfdWatch } from "../speaker/world.ts";

export type ToBfd =
  | {
      readonly do: "watch";
      readonly id: number;
      readonly family: Family;
      readonly address: string;
      readonly local: string | undefined;
      readonly timing: BfdTiming;
      /** A thread before this one watched the same. */
      readonly again: boolean;
    }
  | { readonly do: "change"; readonly id: number; readonly timing: BfdTiming }
  | { readonly do: "end"; readonly id: number }
  | { readonly do: "close" };

export type FromBfd =
  | { readonly id: number; readonly report: BfdReport }
  | { readonly id: number; readonly problem: string };

/** The longest wait before the thread is started again. */
const RESTART_SECONDS = 30;
/** A thread that ran for so long has shown that it can. */
const SETTLED_MS = 60_000;

interface Watched {
  readonly heard: (report: BfdReport) => void;
  /** What the thread is told to watch it. */
  said: ToBfd & { readonly do: "watch" };
}

const startWorker = (): Worker => new Worker(new URL("./bfd-worker.js", import.meta.url));

export class BfdThread {
  readonly #start: () => Worker;
  readonly #watched: Map<number, Watched> = new Map();
  #worker: Worker | undefined;
  #startedAtMs = 0;
  #failures = 0;
  #restart: NodeJS.Timeout | undefined;
  #id = 0;

  constructor(start: () => Worker = startWorker) {
    this.#start = start;
  }

  watch({ address, localAddress, timing }: BfdTarget, heard: (report: BfdReport) => void): BfdWatch {
    const id = ++this.#id;
    const local = localAddress && formatAddress(localAddress);
    const { family } = address;
    const watched: Watched = {
      heard,
      said: { do: "watch", id, family, address: formatAddress(address), local, timing, again: false },
    };
    this.#watched.set(id, watched);
    this.#say(watched.said);
    return {
      change: (changed) => {
        watched.said = { ...watched.said, timing: changed };
        this.#say({ do: "change", id, timing: changed });
      },
      end: () => {
        if (this.#watched.delete(id)) this.#say({ do: "end", id });
      },
    };
  }

  /** Tells every peer that this is no failure; resolves when the thread has ended. */
  async close(): Promise<void> {
    clearTimeout(this.#restart);
    this.#watched.clear();
    const worker = this.#worker;
    if (worker === undefined) return;
    const ended = once(worker, "exit");
    this.#worker = undefined;
    worker.postMessage({ do: "close" } satisfies ToBfd);
    await ended;
  }

  /** While there is no thread nothing need be said: the next one is told all that is watched. */
  #say(message: ToBfd): void {
    if (this.#restart !== undefined) return;
    this.#worker ??= this.#started();
    this.#worker.postMessage(message);
  }

  #started(): Worker {
    const worker = this.#start();
    this.#startedAtMs = performance.now();
    let why = "it ended";
    worker.on("message", (message: FromBfd) => {
      const heard = this.#watched.get(message.id)?.heard;
      if ("report" in message) heard?.(message.report);
      else heard?.(unwatched(message.problem));
    });
    worker.on("error", ({ message }) => {
      why = message;
    });
    worker.once("exit", () => {
      if (this.#worker === worker) this.#failed(why);
    });
    return worker;
  }

  /** A bug of ours there must not take down sessions here: that nothing is watched is shown, and mended. */
  #failed(why: string): void {
    this.#worker = undefined;
    if (performance.now() - this.#startedAtMs > SETTLED_MS) this.#failures = 0;
    // At once the first time, since the other side misses us already.
    const seconds =
      this.#failures === 0 ? 0 : backoffSeconds(this.#failures - 1, RESTART_SECONDS, Math.random());
    this.#failures++;
    this.#restart = setTimeout(() => this.#startAgain(), seconds * 1000);
    for (const { heard } of [...this.#watched.values()]) heard(unwatched(`BFD's thread failed: ${why}`));
  }

  #startAgain(): void {
    this.#restart = undefined;
    for (const { said } of this.#watched.values()) this.#say({ ...said, again: true });
  }
}

const unwatched = (problem: string): BfdReport => ({
  state: "down",
  diagnostic: 0,
  remoteState: "down",
  remoteIndependent: false,
  problem,
});
