/**
 * What is kept of logins while gateways run: revoked tokens until they would have ended, and application credentials.
 * It lies in the store, so that all gateways that share one know it, and a restarted one does.
 */

import { type Batch, type Store, StoreError } from "../store/store.ts";
import type { Credential } from "./credentials.ts";
import type { Standing } from "./tokens.ts";

const PREFIX = "/v1/identity/";
const REVOKED = `${PREFIX}revoked/`;
const CREDENTIALS = `${PREFIX}credentials/`;

/** Revoked tokens that have not ended. */
const REVOKED_MAX = 10_000;
/** Application credentials of all users. */
const CREDENTIALS_MAX = 10_000;
/** Of those that have ended, how many are forgotten at a time. */
const FORGOTTEN = 64;

export class KeptIdentity implements Standing {
  readonly #store: Store;
  #revoked = new Map<string, number>();
  #credentials = new Map<string, Credential>();
  #stopWatching: () => void = () => {};

  /** @throws StoreError */
  static async open(store: Store): Promise<KeptIdentity> {
    const kept = new KeptIdentity(store);
    await kept.#load();
    return kept;
  }

  private constructor(store: Store) {
    this.#store = store;
  }

  /** Takes no further notice of the store, which stays open. */
  close(): void {
    this.#stopWatching();
  }

  isRevoked(id: string): boolean {
    return this.#revoked.has(id);
  }

  credential(id: string): Credential | undefined {
    return this.#credentials.get(id);
  }

  *credentialsOf(userId: string): Generator<Credential> {
    for (const credential of this.#credentials.values()) if (credential.userId === userId) yield credential;
  }

  /**
   * Counts at once here, and elsewhere as soon as the store tells.
   * @param expiresAt - of the token, Unix time in seconds; @throws StoreError, also when too many are kept
   */
  async revoke(id: string, expiresAt: number, now: number): Promise<void> {
    const over = [...this.#revoked].filter(([, end]) => end <= now).map(([ended]) => ended);
    if (this.#revoked.size - over.length >= REVOKED_MAX) {
      throw new StoreError("full", `more than ${REVOKED_MAX} revoked tokens`);
    }
    await this.#store.commit({
      put: [{ key: REVOKED + id, value: JSON.stringify(expiresAt) }],
      remove: over.slice(0, FORGOTTEN).map((ended) => REVOKED + ended),
    });
    this.#revoked.set(id, expiresAt);
  }

  /** @throws StoreError, also when too many are kept */
  async add(credential: Credential): Promise<void> {
    if (this.#credentials.size >= CREDENTIALS_MAX) {
      throw new StoreError("full", `more than ${CREDENTIALS_MAX} application credentials`);
    }
    const key = CREDENTIALS + credential.id;
    await this.#store.commit({ put: [{ key, value: JSON.stringify(credential) }] });
    this.#credentials.set(credential.id, credential);
  }

  /** @throws StoreError */
  async remove(id: string): Promise<void> {
    await this.#store.commit({ remove: [CREDENTIALS + id] });
    this.#credentials.delete(id);
  }

  async #load(): Promise<void> {
    const { revision, entries } = await this.#store.read(PREFIX);
    this.#revoked = new Map();
    this.#credentials = new Map();
    for (const [key, { value }] of entries) this.#take(key, value);
    this.#watch(revision);
  }

  /** When what came after `revision` is forgotten, everything is read again; when that fails, the watch finds the store. */
  #watch(revision: number): void {
    this.#stopWatching = this.#store.watch(
      PREFIX,
      revision,
      ({ changes }: Batch) => {
        for (const { key, value } of changes) this.#take(key, value);
      },
      () =>
        void this.#load().catch((error: unknown) => {
          if (!(error instanceof StoreError)) throw error;
          this.#watch(revision);
        }),
    );
  }

  #take(key: string, value: string | undefined): void {
    const isToken = key.startsWith(REVOKED);
    const id = key.slice((isToken ? REVOKED : CREDENTIALS).length);
    if (value === undefined) (isToken ? this.#revoked : this.#credentials).delete(id);
    else if (isToken) this.#revoked.set(id, JSON.parse(value) as number);
    else this.#credentials.set(id, JSON.parse(value) as Credential);
  }
}
