/** A lease that etcd keeps while we say, a few times in its life, that we are there. */

import { performance } from "node:perf_hooks";
import type { ServiceError } from "@grpc/grpc-js";
import { type Lease, StoreError } from "../store.ts";
import { type LeaseResponse, leaseGrant, leaseKeepAlive, leaseRevoke } from "./api.ts";
import { type Members, storeErrorOf } from "./members.ts";

/** Times that we say so in a lease's life: two may fail. */
const BEATS = 3;

/** An answer that is later than this is none. */
const ANSWER_MS = 5000;

export class EtcdLease implements Lease {
  readonly id: string;
  readonly #members: Members;
  readonly #ttlMs: number;
  readonly #onLost: () => void;
  #over = false;
  #beat: NodeJS.Timeout | undefined;
  /** When nobody has heard of us for its time. */
  #end: NodeJS.Timeout | undefined;
  #endMs = 0;

  /** @throws StoreError unavailable, full */
  static async grant(members: Members, ttlSeconds: number, onLost: () => void): Promise<EtcdLease> {
    const asked = performance.now();
    const { ID } = await members.ask(leaseGrant, { TTL: ttlSeconds });
    const lease = new EtcdLease(members, ID, ttlSeconds * 1000, onLost);
    lease.#heard(asked);
    return lease;
  }

  private constructor(members: Members, id: string, ttlMs: number, onLost: () => void) {
    this.id = id;
    this.#members = members;
    this.#ttlMs = ttlMs;
    this.#onLost = onLost;
    this.#beatLater();
  }

  /** Until its entries go, unless etcd hears of us before. */
  get secondsLeft(): number {
    return Math.max(0, this.#endMs - performance.now()) / 1000;
  }

  async end(): Promise<void> {
    if (this.#over) return;
    this.#finish();
    try {
      await this.#members.ask(leaseRevoke, { ID: this.id });
    } catch (error) {
      if (!(error instanceof StoreError && error.detail.code === "lease-lost")) throw error;
    }
  }

  /** @param asked - when the question was sent: etcd counts from later than that */
  #heard(asked: number): void {
    clearTimeout(this.#end);
    this.#endMs = asked + this.#ttlMs;
    this.#end = setTimeout(() => this.#lose(), this.#endMs - performance.now());
  }

  #lose(): void {
    if (this.#over) return;
    this.#finish();
    this.#onLost();
  }

  #beatLater(): void {
    if (!this.#over) this.#beat = setTimeout(() => void this.#keepAlive(), this.#ttlMs / BEATS);
  }

  async #keepAlive(): Promise<void> {
    const asked = performance.now();
    try {
      const { TTL } = await this.#say();
      if (this.#over) return;
      if (Number(TTL) > 0) this.#heard(asked);
      else this.#lose();
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
    }
    this.#beatLater();
  }

  async #say(): Promise<LeaseResponse> {
    const stream = await this.#members.stream(leaseKeepAlive);
    return new Promise<LeaseResponse>((resolve, reject) => {
      const late = setTimeout(() => stream.cancel(), ANSWER_MS);
      stream.on("data", (answer: LeaseResponse) => {
        resolve(answer);
        stream.end();
      });
      stream.on("error", (error: ServiceError) => reject(storeErrorOf(error)));
      stream.on("status", () => {
        clearTimeout(late);
        reject(new StoreError("unavailable", "etcd: no answer"));
      });
      stream.write({ ID: this.id });
    });
  }

  #finish(): void {
    this.#over = true;
    clearTimeout(this.#beat);
    clearTimeout(this.#end);
  }
}
