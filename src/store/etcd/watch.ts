/** One watch of an etcd cluster, taken up again elsewhere whenever its stream breaks. */

import type { ClientDuplexStream, ServiceError } from "@grpc/grpc-js";
import { type Batch, type Change, type Key, StoreError } from "../store.ts";
import { watch as method, type WatchRequest, type WatchResponse } from "./api.ts";
import { type Members, storeErrorOf } from "./members.ts";

interface Range {
  readonly key: Buffer;
  readonly range_end: Buffer;
  readonly after: number;
  readonly keyOf: (octets: Buffer) => Key;
}

/** Between two tries, doubled from the least to the most. */
const LEAST_PAUSE_MS = 50;
const MOST_PAUSE_MS = 2000;

export class Watch {
  readonly #members: Members;
  readonly #range: Range;
  readonly #onEvents: (batch: Batch) => void;
  readonly #onCompacted: () => void;
  readonly #onTurn: () => void;
  /** The revision up to which everything was told. */
  #told: number;
  /** Up to which there is nothing else to be told: that of an answer, even where it is of others' keys. */
  #seen = 0;
  #isUp = false;
  #fault: StoreError | undefined;
  #starts = 0;
  #stopped = false;
  #stream: ClientDuplexStream<WatchRequest, WatchResponse> | undefined;
  #pauseMs = LEAST_PAUSE_MS;
  #timer: NodeJS.Timeout | undefined;

  /** @param onTurn - {@link isUp} is another */
  constructor(
    members: Members,
    range: Range,
    onEvents: (batch: Batch) => void,
    onCompacted: () => void,
    onTurn: () => void,
  ) {
    this.#members = members;
    this.#range = range;
    this.#told = range.after;
    this.#onEvents = onEvents;
    this.#onCompacted = onCompacted;
    this.#onTurn = onTurn;
    void this.#begin();
  }

  /** A member tells us what happens. */
  get isUp(): boolean {
    return this.#isUp;
  }

  /** Why no member could be had the last time that one was looked for; undefined: none was looked for since there was one. */
  get fault(): StoreError | undefined {
    return this.#fault;
  }

  /** Times that it had to be taken up again. */
  get restarts(): number {
    return Math.max(0, this.#starts - 1);
  }

  /** The revision that it has got to, and asks for where etcd is by now. */
  progress(): number {
    if (this.#isUp) this.#stream?.write({ progress_request: {} });
    return Math.max(this.#told, this.#seen);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#stream?.cancel();
  }

  async #begin(): Promise<void> {
    let stream: ClientDuplexStream<WatchRequest, WatchResponse>;
    try {
      stream = await this.#members.stream(method);
    } catch (error) {
      if (error instanceof StoreError) this.#fault = error;
      return this.#beginLater();
    }
    this.#stream = stream;
    stream.on("data", (response: WatchResponse) => this.#take(response, stream));
    stream.on("error", (error: ServiceError) => {
      if (!this.#isUp) this.#fault ??= storeErrorOf(error);
    });
    stream.on("status", () => this.#ended(stream));
    if (this.#stopped) {
      stream.cancel();
      return;
    }
    const { key, range_end } = this.#range;
    stream.write({ create_request: { key, range_end, start_revision: this.#told + 1 } });
  }

  #take(response: WatchResponse, stream: ClientDuplexStream<WatchRequest, WatchResponse>): void {
    if (this.#stopped || stream !== this.#stream) return;
    const revision = Number(response.header.revision);
    // Of an etcd that was put back to an earlier state, or made anew, what we were told is no longer true.
    const isEarlier = response.created && revision < this.#told;
    if (response.compact_revision !== "0" || isEarlier) {
      this.#onCompacted();
      return;
    }
    if (response.canceled) {
      // A token that is no longer known is told as a lack of permission.
      this.#members.forgetToken();
      this.#fault = new StoreError("unavailable", `etcd: ${response.cancel_reason}`);
      stream.cancel();
      return;
    }
    this.#pauseMs = LEAST_PAUSE_MS;
    this.#seen = revision;
    if (response.created) this.#turn(true);
    for (const batch of batchesOf(response, this.#range.keyOf)) {
      if (this.#stopped) return;
      this.#told = batch.revision;
      this.#onEvents(batch);
    }
  }

  #ended(stream: ClientDuplexStream<WatchRequest, WatchResponse>): void {
    if (stream !== this.#stream || this.#stopped) return;
    this.#stream = undefined;
    this.#turn(false);
    this.#beginLater();
  }

  #turn(isUp: boolean): void {
    if (isUp) this.#starts += 1;
    if (isUp) this.#fault = undefined;
    if (this.#isUp === isUp) return;
    this.#isUp = isUp;
    this.#onTurn();
  }

  #beginLater(): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => void this.#begin(), this.#pauseMs);
    this.#pauseMs = Math.min(MOST_PAUSE_MS, this.#pauseMs * 2);
  }
}

/** A response has whole commits, in order: the events of each bear its revision. */
function batchesOf({ events }: WatchResponse, keyOf: (octets: Buffer) => Key): Batch[] {
  const batches: { revision: number; changes: Change[] }[] = [];
  for (const { type, kv } of events) {
    const revision = Number(kv.mod_revision);
    const change = { key: keyOf(kv.key), value: type === "DELETE" ? undefined : kv.value.toString() };
    const last = batches.at(-1);
    if (last?.revision === revision) last.changes.push(change);
    else batches.push({ revision, changes: [change] });
  }
  return batches;
}
