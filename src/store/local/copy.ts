/** What another store held when it was last heard of, on this machine's disk (process.ts). */

import { rmSync } from "node:fs";
import { join } from "node:path";
import { type Batch, type Key, type Snapshot, StoreError } from "../store.ts";
import { Channel } from "./channel.ts";
import type { CopyRequest } from "./protocol.ts";

const FILE = "copy.mdb";

/** Batches that wait for the disk. */
const WAITING_MAX = 1024;

export class Copy {
  /** The latest that it held when it was opened; undefined: nothing was ever copied. */
  readonly revision: number | undefined;
  readonly #channel: Channel;
  readonly #onFault: (fault: StoreError) => void;
  /** Of the last part that was sent, by prefix. */
  readonly #sent = new Map<Key, number>();
  #waiting = 0;
  #last: Promise<void> = Promise.resolve();
  /** Why it is no longer kept up: it stays as it was then, whole and of one revision. */
  #fault: StoreError | undefined;

  /**
   * A file that is damaged is begun anew: what it was a copy of is elsewhere.
   * @param directory - made when it is not there, for this user alone
   * @param of - names the original: a copy of another one is forgotten
   * @param onFault - it is no longer kept up; called at most once
   * @throws StoreError full; unavailable: another gatewayd has it, or this user may not write there
   */
  static async open(
    directory: string,
    of: string,
    onFault: (fault: StoreError) => void,
    script?: string,
  ): Promise<Copy> {
    const channel = await openSound(directory, script);
    const { revision } = await channel.ask({ do: "copy-of", of }, "copy-of");
    return new Copy(channel, revision, onFault);
  }

  private constructor(channel: Channel, revision: number | undefined, onFault: (fault: StoreError) => void) {
    this.revision = revision;
    this.#channel = channel;
    this.#onFault = onFault;
  }

  /** Undefined: nothing was ever copied below that prefix. @throws StoreError */
  async read(prefix: Key): Promise<Snapshot | undefined> {
    const { snapshot } = await this.#channel.ask({ do: "copied", prefix }, "copied");
    if (snapshot !== undefined) this.#sent.set(prefix, snapshot.revision);
    return snapshot && { revision: snapshot.revision, entries: new Map(snapshot.entries) };
  }

  /** In the place of whatever it has below that prefix. */
  async replace(prefix: Key, { revision, entries }: Snapshot): Promise<void> {
    await this.#write({ prefix, revision, after: undefined, put: [...entries], remove: [] });
  }

  /** What came after what it has; of a prefix that it has nothing of, nothing. */
  take(prefix: Key, { revision, changes }: Batch): void {
    const after = this.#sent.get(prefix);
    if (after === undefined) return;
    const put: CopyRequest["put"] = changes.flatMap(({ key, value }) =>
      value === undefined ? [] : [[key, { value, modRevision: revision }] as const],
    );
    const remove = changes.flatMap(({ key, value }) => (value === undefined ? [key] : []));
    this.#last = this.#write({ prefix, revision, after, put, remove });
  }

  /** Everything that it took is on the disk then. */
  async close(): Promise<void> {
    await this.#last;
    await this.#channel.close();
  }

  /** Behind a part that is missing nothing is written: it would be of no revision. */
  async #write(copy: CopyRequest): Promise<void> {
    if (this.#fault !== undefined) return;
    if (this.#waiting === WAITING_MAX) {
      this.#fail(new StoreError("unavailable", `the disk is ${WAITING_MAX} changes behind`));
      return;
    }
    this.#waiting += 1;
    this.#sent.set(copy.prefix, copy.revision);
    try {
      await this.#channel.ask({ do: "copy", copy }, "copy");
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      this.#fail(error);
    } finally {
      this.#waiting -= 1;
    }
  }

  #fail(fault: StoreError): void {
    if (this.#fault !== undefined) return;
    this.#fault = fault;
    this.#onFault(fault);
  }
}

async function openSound(directory: string, script?: string): Promise<Channel> {
  try {
    return (await Channel.open(directory, FILE, script)).channel;
  } catch (error) {
    if (!(error instanceof StoreError && error.detail.code === "corrupt")) throw error;
    rmSync(join(directory, FILE));
    return (await Channel.open(directory, FILE, script)).channel;
  }
}
