/**
 * What another store held when it was last heard of, on this machine's disk (process.ts). Each prefix has the revision that
 * it is copied at, and what comes later is written only upon that: behind a part that is missing nothing is, until a
 * snapshot takes the place of all of it. So a prefix stays whole and of one revision, whatever fails.
 */

import { rmSync } from "node:fs";
import { join } from "node:path";
import { type Batch, type Key, type Snapshot, StoreError } from "../store.ts";
import { Channel } from "./channel.ts";
import { LastingChannel } from "./lasting-channel.ts";
import type { CopyRequest } from "./protocol.ts";

const FILE = "copy.mdb";

/** Batches that wait for the disk, or for the snapshot of a prefix. */
const WAITING_MAX = 1024;

/** How far a prefix has got. */
interface Place {
  /** The revision of the last part that was sent; undefined: a snapshot is to come. */
  after: number | undefined;
  /** What was told since that snapshot was asked for. */
  readonly told: Batch[];
}

/** Why a prefix stays as it was, until it is begun again; undefined: it is kept up. */
type Fault = StoreError | undefined;

export class Copy {
  readonly directory: string;
  /** The latest that it held when it was opened; undefined: nothing was ever copied. */
  readonly revision: number | undefined;
  readonly #channel: LastingChannel;
  /** Those that are kept up. */
  readonly #places = new Map<Key, Place>();
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();

  /**
   * A file that is damaged is begun anew: what it was a copy of is elsewhere.
   * @param directory - made when it is not there, for this user alone
   * @param of - names the original: a copy of another one is forgotten
   * @param onRevived - its process ended, and another one has taken its place
   * @throws StoreError full; unavailable: another gatewayd has it, or this user may not write there
   */
  static async open(
    directory: string,
    of: string,
    script?: string,
    onRevived: () => void = () => undefined,
  ): Promise<Copy> {
    let revision: number | undefined;
    const open = async (onEnd: () => void): Promise<Channel> => {
      const channel = await openSound(directory, script, onEnd);
      try {
        ({ revision } = await channel.ask({ do: "copy-of", of }, "copy-of"));
        return channel;
      } catch (error) {
        await channel.close();
        throw error;
      }
    };
    const channel = await LastingChannel.open({ open, isMendable: () => true, onRevived });
    return new Copy(directory, channel, revision);
  }

  private constructor(directory: string, channel: LastingChannel, revision: number | undefined) {
    this.directory = directory;
    this.#channel = channel;
    this.revision = revision;
  }

  /** Undefined: nothing was ever copied below that prefix. @throws StoreError */
  async read(prefix: Key): Promise<Snapshot | undefined> {
    const { snapshot } = await this.#channel.ask({ do: "copied", prefix }, "copied");
    if (snapshot === undefined) return undefined;
    this.#places.set(prefix, { after: snapshot.revision, told: [] });
    return { revision: snapshot.revision, entries: new Map(snapshot.entries) };
  }

  /** What that prefix holds is about to be read: what is told from here on goes behind that. */
  begin(prefix: Key): void {
    this.#places.set(prefix, { after: undefined, told: this.#places.get(prefix)?.told ?? [] });
  }

  /** In the place of whatever it has below a prefix that was begun. */
  async replace(prefix: Key, { revision, entries }: Snapshot): Promise<Fault> {
    const place = this.#places.get(prefix);
    // Somebody who began after us has read more.
    if (place?.after !== undefined && place.after >= revision) return undefined;
    const next: Place = { after: revision, told: [] };
    this.#places.set(prefix, next);
    const request = { prefix, revision, after: undefined, put: [...entries], remove: [] };
    const parts = [
      this.#write(next, request),
      ...(place?.told ?? []).map((batch) => this.take(prefix, batch)),
    ];
    return (await Promise.all(parts)).find((fault) => fault !== undefined);
  }

  /** What came after what it has; of a prefix that is not kept up, nothing. */
  async take(prefix: Key, batch: Batch): Promise<Fault> {
    const place = this.#places.get(prefix);
    if (place === undefined) return undefined;
    if (place.after === undefined) {
      if (place.told.length === WAITING_MAX) return this.#drop(prefix, place, behind());
      place.told.push(batch);
      return undefined;
    }
    const { revision, changes } = batch;
    if (revision <= place.after) return undefined;
    const put: CopyRequest["put"] = changes.flatMap(({ key, value }) =>
      value === undefined ? [] : [[key, { value, modRevision: revision }] as const],
    );
    const remove = changes.flatMap(({ key, value }) => (value === undefined ? [key] : []));
    return await this.#write(place, { prefix, revision, after: place.after, put, remove });
  }

  /** Everything that it took is on the disk then. */
  async close(): Promise<void> {
    await this.#last;
    await this.#channel.close();
  }

  #write(place: Place, copy: CopyRequest): Promise<Fault> {
    if (this.#waiting === WAITING_MAX) return Promise.resolve(this.#drop(copy.prefix, place, behind()));
    place.after = copy.revision;
    const written = this.#send(place, copy);
    this.#last = written;
    return written;
  }

  async #send(place: Place, copy: CopyRequest): Promise<Fault> {
    this.#waiting += 1;
    try {
      await this.#channel.ask({ do: "copy", copy }, "copy");
      return undefined;
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      return this.#drop(copy.prefix, place, error);
    } finally {
      this.#waiting -= 1;
    }
  }

  /** @returns the fault, unless the prefix was begun again meanwhile */
  #drop(prefix: Key, place: Place, fault: StoreError): Fault {
    if (this.#places.get(prefix) !== place) return undefined;
    this.#places.delete(prefix);
    return fault;
  }
}

const behind = (): StoreError => new StoreError("unavailable", `the disk is ${WAITING_MAX} changes behind`);

async function openSound(directory: string, script: string | undefined, onEnd: () => void): Promise<Channel> {
  try {
    return await Channel.open(directory, FILE, script, onEnd);
  } catch (error) {
    if (!(error instanceof StoreError && error.detail.code === "corrupt")) throw error;
    rmSync(join(directory, FILE));
    return await Channel.open(directory, FILE, script, onEnd);
  }
}
