/** The core's end of the thread in which BFD runs. It is started when the first peer is to be watched. */

import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { BfdTiming } from "../bfd/session.ts";
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
    }
  | { readonly do: "change"; readonly id: number; readonly timing: BfdTiming }
  | { readonly do: "end"; readonly id: number }
  | { readonly do: "close" };

export type FromBfd =
  | { readonly id: number; readonly report: BfdReport }
  | { readonly id: number; readonly problem: string };

export class BfdThread {
  readonly #heard: Map<number, (report: BfdReport) => void> = new Map();
  #worker: Worker | undefined;
  #id = 0;

  watch({ address, localAddress, timing }: BfdTarget, heard: (report: BfdReport) => void): BfdWatch {
    const id = ++this.#id;
    this.#heard.set(id, heard);
    const local = localAddress && formatAddress(localAddress);
    this.#say({ do: "watch", id, family: address.family, address: formatAddress(address), local, timing });
    return {
      change: (changed) => this.#say({ do: "change", id, timing: changed }),
      end: () => {
        if (this.#heard.delete(id)) this.#say({ do: "end", id });
      },
    };
  }

  /** Tells every peer that this is no failure; resolves when the thread has ended. */
  async close(): Promise<void> {
    const worker = this.#worker;
    if (worker === undefined) return;
    this.#heard.clear();
    const ended = once(worker, "exit");
    this.#say({ do: "close" });
    await ended;
  }

  #say(message: ToBfd): void {
    this.#worker ??= this.#started();
    this.#worker.postMessage(message);
  }

  #started(): Worker {
    const worker = new Worker(new URL("./bfd-worker.js", import.meta.url));
    worker.on("message", (message: FromBfd) => {
      const heard = this.#heard.get(message.id);
      if ("report" in message) heard?.(message.report);
      else heard?.(unwatched(message.problem));
    });
    // A bug of ours there must not take down sessions here; nothing is watched any more, and that is shown.
    worker.on("error", (error) => {
      for (const heard of [...this.#heard.values()])
        heard(unwatched(`BFD's thread failed: ${error.message}`));
    });
    return worker;
  }
}

const unwatched = (problem: string): BfdReport => ({
  state: "down",
  diagnostic: 0,
  remoteState: "down",
  remoteIndependent: false,
  problem,
});
