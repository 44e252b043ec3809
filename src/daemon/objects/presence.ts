/**
 * What this machine says of itself in the store (neutron/hosts.ts): that it lives, by a lease, and which of its ports
 * packets reach. Said again when the lease was lost or the store was away, and when the entry went though nobody here
 * knew of a reason: a machine that was asleep for longer than its lease does not know that.
 *
 * A process that starts takes over what one before it left. One whose entry is written by another while it runs does
 * not fight for it: two machines bear one name, and somebody has to be told.
 */

import { randomUUID } from "node:crypto";
import type { Clock } from "../../gateway/announcer.ts";
import type { Problem } from "../../gateway/intent.ts";
import { aliveKey, type HostState, knownKey, reportText } from "../../neutron/hosts.ts";
import { type Lease, type Store, StoreError } from "../../store/store.ts";

/** A host that has not been heard of for so long counts as gone, and its ports as down. */
const HOST_TTL_SECONDS = 15;

/** A gateway ends within a few seconds, also when all members of etcd are away and each is waited for. */
const STOP_MS = 2000;

/** After an attempt that failed. */
const RETRY_MS = 2000;

interface PresenceOptions {
  readonly store: Store;
  readonly hostname: string;
  readonly clock: Pick<Clock, "now" | "at">;
  /** {@link Presence.problem} is another. */
  readonly changed: () => void;
}

export class Presence {
  readonly #options: PresenceOptions;
  readonly #session: string = randomUUID();
  /** What is to be said; undefined until it is known for the first time. */
  #wanted: string | undefined;
  #told: string | undefined;
  #lease: Lease | undefined;
  /** The commit that wrote our entry; undefined: it has to be looked for. */
  #revision: number | undefined;
  #seen: HostState | undefined;
  #isDisplaced = false;
  #running: Promise<void> | undefined;
  #callOff: (() => void) | undefined;
  #stopped = false;

  constructor(options: PresenceOptions) {
    this.#options = options;
  }

  get problem(): Problem | undefined {
    if (!this.#isDisplaced) return undefined;
    const subject = this.#options.hostname;
    const message = `another gatewayd says that it is ${subject}, and whether the ports of ${subject} work: give each machine a hostname of its own`;
    return { code: "host.displaced", subject, message };
  }

  /** @param ports - ids of the ports that packets reach */
  report(ports: readonly string[]): void {
    this.#wanted = reportText({ session: this.#session, ports: ports.toSorted() });
    this.#wake();
  }

  /** What the store has of this host now. */
  seen(state: HostState | undefined): void {
    this.#seen = state;
    if (this.#isDisplaced) {
      if (state?.report === undefined) this.#displaced(false);
    } else this.#judge();
  }

  /** Says nothing more. What was said goes with its lease, which ends by itself when the store does not answer in time. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#callOff?.();
    const { clock } = this.#options;
    await new Promise<void>((resolve) => {
      const callOff = clock.at(clock.now() + STOP_MS, resolve);
      void this.#end().then(() => {
        callOff();
        resolve();
      });
    });
  }

  async #end(): Promise<void> {
    await this.#running;
    await this.#lease?.end().catch(() => undefined);
  }

  /** Whether what was said is still what the store has: somebody else's word counts, and what went is said again. */
  #judge(): void {
    const seen = this.#seen;
    if (this.#revision === undefined || seen === undefined || seen.revision <= this.#revision) return;
    if (seen.report === undefined) {
      this.#forget();
      this.#wake();
    } else if (seen.report.session !== this.#session) this.#displaced(true);
  }

  #displaced(is: boolean): void {
    this.#isDisplaced = is;
    this.#forget();
    this.#options.changed();
    this.#wake();
  }

  #forget(): void {
    this.#told = undefined;
    this.#revision = undefined;
  }

  #wake(): void {
    this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    this.#callOff?.();
    this.#callOff = undefined;
    // A turn later, so that what is reported in one go is one commit.
    await Promise.resolve();
    while (!this.#stopped && !this.#isDisplaced && this.#wanted !== this.#told) {
      if (await this.#say(this.#wanted!)) continue;
      const { clock } = this.#options;
      this.#callOff = clock.at(clock.now() + RETRY_MS, () => this.#wake());
      break;
    }
    this.#running = undefined;
  }

  /** False: it has to be tried again later. */
  async #say(value: string): Promise<boolean> {
    const { store, hostname } = this.#options;
    const key = aliveKey(hostname);
    try {
      this.#lease ??= await store.lease(HOST_TTL_SECONDS, () => this.#lost());
      const lease = this.#lease;
      const known = this.#revision;
      const modRevision = known ?? (await store.get(key))?.modRevision ?? 0;
      const done = await store.commit({
        require: [{ key, modRevision }],
        put: [
          { key, value, lease },
          ...(known === undefined ? [{ key: knownKey(hostname), value: "{}" }] : []),
        ],
      });
      // Our entry is another's, or gone: the watch tells.
      if (!done.ok) return false;
      this.#revision = done.revision;
      this.#told = value;
      this.#judge();
      return true;
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      if (error.detail.code === "lease-lost") this.#drop();
      // Whether it was done is not known.
      this.#forget();
      return false;
    }
  }

  /** Of a lease that etcd no longer knows nothing is to be heard any more. */
  #drop(): void {
    void this.#lease?.end().catch(() => undefined);
    this.#lease = undefined;
  }

  #lost(): void {
    this.#lease = undefined;
    this.#forget();
    this.#wake();
  }
}
