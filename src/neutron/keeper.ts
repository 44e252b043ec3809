/**
 * Requests against a store that others write to as well: each is worked out on what this process has read, and
 * committed only if nothing was written since. So every request sees the one before whole, in all processes, and no
 * address is handed out twice.
 *
 * All writers put {@link HEAD} and require it to be as they read it. The tables follow the store's watch and nothing
 * else; a request is answered when they show what it did, or when the watch has been silent for so long that it must have
 * lost the store: then what was committed is answered as such, and what was not with 503.
 */

import { follow } from "../store/follow.ts";
import { type After, Reached } from "../store/reached.ts";
import { type Batch, type Snapshot, type Store, StoreError } from "../store/store.ts";
import type { Caller, World } from "./caller.ts";
import { badRequest, Fault } from "./fault.ts";
import type { Collection, Objects } from "./objects.ts";
import { type ApiAnswer, type ApiRequest, answerTo } from "./service.ts";
import { SharedValues } from "./shared-values.ts";
import { type Applied, type Change, Draft, type Reading, Tables } from "./tables.ts";

const PREFIX = "/v1/neutron/";
const HEAD = `${PREFIX}head`;

/** Attempts of one request when others write at the same time. */
const TRIES = 20;

/** Requests that wait for their turn to write; more are refused. */
const WAITING_MAX = 1024;

/**
 * Called after every change of {@link Keeper.reading}.
 * @param changes - undefined: it is another one
 */
type Changed = (changes: readonly Applied[] | undefined, reading: Reading) => void;

export class Keeper {
  readonly #store: Store;
  readonly #world: () => World;
  readonly #onChange: Changed;
  #tables: Tables = new Tables();
  readonly #shared = new SharedValues();
  /** The commit that wrote HEAD last, as the tables know it. */
  #head = 0;
  #stopFollowing: () => void = () => undefined;
  readonly #reached: Reached;
  #lane: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  /** Reads what is there. @param after - undefined: by the clock; @throws StoreError */
  static async open(store: Store, world: () => World, onChange: Changed, after?: After): Promise<Keeper> {
    const keeper = new Keeper(store, world, onChange, new Reached(after));
    keeper.#stopFollowing = await follow(store, PREFIX, {
      reset: (snapshot) => keeper.#reset(snapshot),
      take: (batch) => keeper.#take(batch),
    });
    return keeper;
  }

  private constructor(store: Store, world: () => World, onChange: Changed, reached: Reached) {
    this.#store = store;
    this.#world = world;
    this.#onChange = onChange;
    this.#reached = reached;
  }

  get reading(): Reading {
    return this.#tables;
  }

  /** What {@link reading} shows: of which revision, and how many of each collection. */
  get holds(): { readonly revision: number; readonly objects: Readonly<Record<string, number>> } {
    return { revision: this.#reached.revision, objects: this.#tables.counts() };
  }

  /** @throws Fault */
  async ask(caller: Caller, request: ApiRequest): Promise<ApiAnswer> {
    const { answer, draft } = this.#work(caller, request);
    return draft.changes.length === 0 ? answer : await this.#inTurn(() => this.#write(caller, request));
  }

  /** Takes no further notice of the store, which stays open. */
  close(): void {
    this.#stopFollowing();
  }

  #work(caller: Caller, request: ApiRequest): { readonly answer: ApiAnswer; readonly draft: Draft } {
    const draft = new Draft(this.#tables);
    return { answer: answerTo({ draft, caller, world: this.#world() }, request), draft };
  }

  async #inTurn<T>(write: () => Promise<T>): Promise<T> {
    if (this.#waiting >= WAITING_MAX) throw unavailable("too many requests are waiting");
    this.#waiting += 1;
    const turn = this.#lane.then(write);
    this.#lane = turn.catch(() => undefined);
    try {
      return await turn;
    } finally {
      this.#waiting -= 1;
    }
  }

  async #write(caller: Caller, request: ApiRequest): Promise<ApiAnswer> {
    for (let i = 0; i < TRIES; i++) {
      const { answer, draft } = this.#work(caller, request);
      if (draft.changes.length === 0) return answer;
      const before = this.#reached.revision;
      const committed = await this.#commit(draft.changes);
      const isTold = await this.#reached.until(committed ?? before + 1);
      if (committed !== undefined) return answer;
      if (!isTold) throw unavailable("the store does not tell what others have written");
    }
    throw unavailable("others write all the time");
  }

  /** The revision, or undefined when somebody else was first. */
  async #commit(changes: readonly Change[]): Promise<number | undefined> {
    try {
      const done = await this.#store.commit({
        require: [{ key: HEAD, modRevision: this.#head }],
        put: [
          { key: HEAD, value: "{}" },
          ...changes.flatMap((change) => (change.object === undefined ? [] : changeText(change))),
        ],
        remove: changes.filter(({ object }) => object === undefined).map(keyOf),
      });
      return done.ok ? done.revision : undefined;
    } catch (error) {
      throw error instanceof StoreError ? faultOf(error) : error;
    }
  }

  #reset({ revision, entries }: Snapshot): void {
    const tables = new Tables();
    for (const [key, { value }] of entries) {
      const change = this.#changeOf(key, value);
      if (change !== undefined) tables.apply([change]);
    }
    this.#tables = tables;
    this.#head = entries.get(HEAD)?.modRevision ?? 0;
    this.#seen(revision, undefined);
  }

  #take({ revision, changes }: Batch): void {
    const applied = this.#tables.apply(changes.flatMap(({ key, value }) => this.#changeOf(key, value) ?? []));
    if (changes.some(({ key }) => key === HEAD)) this.#head = revision;
    this.#seen(revision, applied);
  }

  /** Undefined for keys that hold no object. */
  #changeOf(key: string, value: string | undefined): Change | undefined {
    const [collection, id] = key.slice(PREFIX.length).split("/");
    if (id === undefined) return undefined;
    const object = value === undefined ? undefined : (JSON.parse(value) as Objects[Collection]);
    const named = decodeURIComponent(id);
    return {
      collection: collection as Collection,
      // A part of the key would keep all of it.
      id: object?.id === named ? object.id : named,
      object: object && this.#shared.of(object),
    };
  }

  #seen(revision: number, applied: readonly Applied[] | undefined): void {
    this.#reached.seen(revision);
    this.#onChange(applied, this.#tables);
  }
}

const keyOf = ({ collection, id }: { readonly collection: Collection; readonly id: string }): string =>
  `${PREFIX}${collection}/${encodeURIComponent(id)}`;

/** An object as it stands in a store. */
export const changeText = ({
  object,
  ...change
}: Change): { readonly key: string; readonly value: string } => ({
  key: keyOf(change),
  value: JSON.stringify(object),
});

const unavailable = (reason: string): Fault =>
  new Fault(503, "ServiceUnavailable", `The service is unavailable: ${reason}.`);

function faultOf(error: StoreError): Fault {
  if (error.detail.code === "too-large")
    return badRequest(`The request changes too much at once: ${error.message}`);
  if (error.detail.code === "full")
    return new Fault(507, "InsufficientStorage", `No room is left: ${error.message}.`);
  return unavailable(error.message);
}
