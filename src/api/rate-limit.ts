/** How often each client may ask: a bucket of tokens for each, which fill up again in time. */

/** Clients that are told apart; those beyond share one bucket. */
const CLIENTS_MAX = 1024;

interface Bucket {
  readonly tokens: number;
  /** When that was so, in milliseconds of any clock that only goes forward. */
  readonly atMs: number;
}

export class RateLimit {
  readonly #perSecond: number;
  readonly #burst: number;
  readonly #buckets = new Map<string, Bucket>();

  /** @param burst - requests that may come at once after a pause */
  constructor(perSecond: number, burst: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
  }

  /** Takes a request of that client. Returns 0, or after how many seconds there is room for it, at least 1. */
  take(client: string, nowMs: number): number {
    const key = this.#keyOf(client, nowMs);
    const tokens = this.#tokensOf(key, nowMs);
    if (tokens < 1) return Math.max(1, Math.ceil((1 - tokens) / this.#perSecond));
    this.#buckets.set(key, { tokens: tokens - 1, atMs: nowMs });
    return 0;
  }

  #tokensOf(key: string, nowMs: number): number {
    const bucket = this.#buckets.get(key);
    if (bucket === undefined) return this.#burst;
    return Math.min(this.#burst, bucket.tokens + ((nowMs - bucket.atMs) / 1000) * this.#perSecond);
  }

  #keyOf(client: string, nowMs: number): string {
    if (this.#buckets.has(client) || this.#buckets.size < CLIENTS_MAX) return client;
    // A full bucket is worth no memory: a new one is as full.
    for (const key of [...this.#buckets.keys()]) {
      if (this.#tokensOf(key, nowMs) >= this.#burst) this.#buckets.delete(key);
    }
    return this.#buckets.size < CLIENTS_MAX ? client : "";
  }
}
