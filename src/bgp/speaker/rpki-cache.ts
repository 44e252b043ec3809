/** One RPKI cache: its session on a connection of the world, and what it tells into the table of all. */

import type { Address, Family } from "../net/address.ts";
import type { RtrVersion } from "../rpki/pdu.ts";
import { PduReader } from "../rpki/pdu-reader.ts";
import {
  beginRtr,
  type CacheState,
  conflict,
  connected,
  expire,
  failed,
  nextDeadline,
  type RtrAction,
  type RtrSession,
  type RtrStep,
  receive,
} from "../rpki/session.ts";
import type { VrpTable } from "../rpki/vrp-table.ts";
import type { CacheEvent, SpeakerEvent } from "./events.ts";
import type { Link, LinkEvents, World } from "./world.ts";

/** A cache that speaks RTR (RFC 8210) over plain TCP. */
export interface CacheOptions {
  readonly address: Address;
  /** 323, unless the cache is told another. */
  readonly port: number;
  /** 0..255. The lower is preferred; of those that have data, all that are preferred alike are believed. */
  readonly preference: number;
}

export interface CacheSnapshot extends CacheOptions {
  readonly state: CacheState;
  /** Of the protocol; undefined while the cache has not answered. */
  readonly version: RtrVersion | undefined;
  readonly sessionId: number | undefined;
  readonly serial: number | undefined;
  /** Those that it told; they may be another life's, until they expire. */
  readonly vrps: Readonly<Record<"ipv4" | "ipv6", number>>;
  /** Its VRPs count. */
  readonly believed: boolean;
  /** Until its data are too old; undefined while there are none. */
  readonly expiresInMs: number | undefined;
  /** What went wrong last. */
  readonly lastError: { readonly agoMs: number; readonly words: string } | undefined;
}

/** Who has the caches. */
export interface CacheOwner {
  readonly world: World;
  readonly vrps: VrpTable;
  emit(event: SpeakerEvent): void;
  /** Has other data now, or none any more. */
  changed(): void;
  rearmed(atMs: number): void;
}

export class RpkiCache {
  readonly index: number;
  options: CacheOptions;
  /** It told all that it has, and that is not too old. */
  hasData = false;
  readonly #owner: CacheOwner;
  #session: RtrSession;
  #link: Link | undefined;
  #reader: PduReader = new PduReader();
  /** The PDU that is being worked on, for what is to be said about it. */
  #octets: Uint8Array = new Uint8Array(0);
  /** This connection has brought data. */
  #isUp = false;
  #lastError: { readonly atMs: number; readonly words: string } | undefined;

  /** @param index - its place in the table, of no other cache */
  constructor(owner: CacheOwner, index: number, options: CacheOptions) {
    this.#owner = owner;
    this.index = index;
    this.options = options;
    this.#session = beginRtr(owner.world.now());
  }

  nextDeadline(): number {
    return nextDeadline(this.#session);
  }

  expire(nowMs: number): void {
    if (this.nextDeadline() <= nowMs) this.#take(expire(this.#session, nowMs, this.#owner.world.random()));
  }

  /** Ends the connection; what it told counts on until it expires. */
  hangUp(): void {
    this.#link?.close();
    this.#link = undefined;
    this.#session = { ...this.#session, at: "waiting", dueAtMs: Number.POSITIVE_INFINITY };
  }

  /** Ends all. */
  end(): void {
    this.hangUp();
    this.hasData = false;
    this.#owner.vrps.forget(this.index);
  }

  snapshot(believed: boolean): CacheSnapshot {
    const nowMs = this.#owner.world.now();
    const { at, agreed, version, basis, expireAtMs } = this.#session;
    const count = (family: Family): number => this.#owner.vrps.count(this.index, family);
    return {
      ...this.options,
      state: at,
      version: agreed ? version : undefined,
      sessionId: basis?.sessionId,
      serial: basis?.serial,
      vrps: { ipv4: count(4), ipv6: count(6) },
      believed,
      expiresInMs: this.hasData ? expireAtMs - nowMs : undefined,
      lastError: this.#lastError && { agoMs: nowMs - this.#lastError.atMs, words: this.#lastError.words },
    };
  }

  #take({ session, actions }: RtrStep): void {
    const isOther = session !== this.#session;
    this.#session = session;
    for (const action of actions) this.#perform(action);
    if (isOther) this.#owner.rearmed(this.nextDeadline());
  }

  #perform(action: RtrAction): void {
    const { vrps } = this.#owner;
    switch (action.do) {
      case "dial":
        this.#dial();
        break;
      case "send":
        this.#link?.write(action.octets);
        break;
      case "close":
        this.#link?.close();
        this.#link = undefined;
        break;
      case "begin":
        vrps.begin(this.index, action.all);
        break;
      case "tell": {
        const refusal = vrps.tell(this.index, action.announces, action.vrp);
        if (refusal !== undefined) this.#take(conflict(this.#session, refusal, this.#octets, ...this.#now()));
        break;
      }
      case "commit":
        vrps.commit(this.index);
        this.#has(true);
        this.#tellSynchronized();
        break;
      case "forget":
        vrps.forget(this.index);
        this.#has(false);
        this.#emit({ on: "cache-data-lost", reason: action.why });
        break;
      case "note":
        this.#lastError = { atMs: this.#now()[0], words: action.why };
        this.#isUp = false;
        this.#emit({ on: "cache-failed", reason: action.why, retained: this.hasData });
        break;
      default:
        action satisfies never;
    }
  }

  #dial(): void {
    const { address, port } = this.options;
    this.#reader = new PduReader();
    this.#link = this.#owner.world.dial({ address, port, localAddress: undefined }, this.#hear());
  }

  #hear(): LinkEvents {
    return {
      connected: () => this.#take(connected(this.#session, this.#now()[0])),
      received: (octets) => {
        const link = this.#link;
        const [nowMs, unit] = this.#now();
        this.#reader.push(octets, (pdu, raw) => {
          this.#octets = raw;
          this.#take(receive(this.#session, pdu, raw, nowMs, unit));
          return this.#link === link;
        });
      },
      drained: () => undefined,
      closed: (reason) => {
        this.#link = undefined;
        this.#take(failed(this.#session, reason, ...this.#now()));
      },
    };
  }

  #now(): [nowMs: number, unit: number] {
    const { world } = this.#owner;
    return [world.now(), world.random()];
  }

  #has(data: boolean): void {
    this.hasData = data;
    this.#owner.changed();
  }

  #tellSynchronized(): void {
    const { version, basis } = this.#session;
    const { vrps } = this.snapshot(false);
    const isFirst = !this.#isUp;
    this.#isUp = true;
    if (basis === undefined) return;
    const { sessionId, serial } = basis;
    this.#emit({ on: "cache-synchronized", isFirst, version, sessionId, serial, vrps });
  }

  #emit(event: CacheEvent): void {
    const { address, port } = this.options;
    this.#owner.emit({ cache: { address, port }, ...event });
  }
}
