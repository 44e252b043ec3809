/**
 * Origin validation (RFC 6811): what RPKI caches say of who may originate what.
 *
 * There is a connection to every cache, so that the next one has its data when the preferred one is lost. Of the caches
 * that have data, those preferred most are believed. Nothing happens to a route by that alone (RFC 8481 §4): policies
 * that match on `rpki` say what is done.
 */

import type { Family, Prefix } from "../net/address.ts";
import { formatAddress } from "../net/text.ts";
import { MOST_CACHES, VALIDITIES, type Validity, type Vrp, VrpTable } from "../rpki/vrp-table.ts";
import { originAs, type PathAttributes } from "../wire/path-attributes.ts";
import type { SpeakerEvent } from "./events.ts";
import { type CacheOptions, type CacheSnapshot, RpkiCache } from "./rpki-cache.ts";
import type { World } from "./world.ts";

/** Whose routes are judged. */
interface RpkiOwner {
  readonly asn: number;
  readonly world: World;
  emit(event: SpeakerEvent): void;
  /** There may be changed prefixes to take from the table. */
  changed(): void;
  rearmed(atMs: number): void;
}

export class Rpki {
  /** @internal What policies ask. */
  readonly vrps: VrpTable = new VrpTable();
  readonly #owner: RpkiOwner;
  readonly #caches: Map<string, RpkiCache> = new Map();
  /** Not wanted any more, and still believed, since none of those wanted has data yet (RFC 8210 §10). */
  #retired: RpkiCache[] = [];

  /** @internal Every speaker has one. */
  constructor(owner: RpkiOwner) {
    this.#owner = owner;
  }

  /**
   * Says which caches there are to be. Connections to those that stay go on; what one that goes has told counts until
   * another has data, or it expires, or there are no caches any more.
   * @throws RangeError when there are more than 8, or two of one address and port
   */
  setCaches(wanted: readonly CacheOptions[]): void {
    const keys = wanted.map(keyOf);
    if (wanted.length > MOST_CACHES / 2) throw new RangeError(`more than ${MOST_CACHES / 2} caches`);
    if (new Set(keys).size < keys.length) throw new RangeError("two caches have one address and port");
    for (const [key, cache] of this.#caches) {
      if (keys.includes(key)) continue;
      this.#caches.delete(key);
      if (cache.hasData) this.#retire(cache);
      else cache.end();
    }
    for (const options of wanted) {
      const known = this.#caches.get(keyOf(options));
      if (known === undefined) this.#add(options);
      else known.options = options;
    }
    this.#believe();
  }

  caches(): CacheSnapshot[] {
    const believed = this.#believed();
    return [...this.#caches.values()].map((cache) => cache.snapshot(believed.includes(cache)));
  }

  /** What is known of an origin; undefined while there are no caches. 0: a path whose origin cannot be told. */
  validity({ family, w0, w1, w2, w3, length }: Prefix, asn: number): Validity | undefined {
    if (this.#caches.size === 0) return undefined;
    return VALIDITIES[this.vrps.validity(family, w0, w1, w2, w3, length, asn)];
  }

  /** What is known of the origin of a path. */
  validityOf(prefix: Prefix, { asPath }: PathAttributes): Validity | undefined {
    return this.validity(prefix, originAs(asPath, this.#owner.asn));
  }

  /** What the validity of a prefix rests on: the believed VRPs whose prefix holds it, the longest first. */
  covering(prefix: Prefix): readonly Vrp[] {
    return this.vrps.covering(prefix);
  }

  /** VRPs that count. */
  count(family: Family): number {
    return this.vrps.believed(family);
  }

  /** @internal */
  nextDeadline(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const cache of this.#all()) next = Math.min(next, cache.nextDeadline());
    return next;
  }

  /** @internal */
  expire(nowMs: number): void {
    for (const cache of this.#all()) cache.expire(nowMs);
  }

  /** @internal Hangs up on all caches. */
  stop(): void {
    for (const cache of this.#all()) cache.hangUp();
  }

  *#all(): Generator<RpkiCache> {
    yield* this.#caches.values();
    yield* this.#retired;
  }

  #add(options: CacheOptions): void {
    const taken = new Set([...this.#all()].map(({ index }) => index));
    let index = 0;
    while (taken.has(index)) index++;
    if (index >= MOST_CACHES) {
      const oldest = this.#retired.shift()!;
      oldest.end();
      index = oldest.index;
    }
    const { world, emit, rearmed } = this.#owner;
    const owner = { world, vrps: this.vrps, emit, rearmed, changed: () => this.#believe() };
    const cache = new RpkiCache(owner, index, options);
    this.#caches.set(keyOf(options), cache);
    rearmed(cache.nextDeadline());
  }

  #retire(cache: RpkiCache): void {
    cache.hangUp();
    this.#retired.push(cache);
  }

  #believed(): RpkiCache[] {
    const able = [...this.#caches.values()].filter(({ hasData }) => hasData);
    const best = Math.min(...able.map(({ options }) => options.preference));
    return able.filter(({ options }) => options.preference === best);
  }

  #believe(): void {
    const believed = this.#believed();
    if (believed.length > 0 || this.#caches.size === 0) {
      for (const cache of this.#retired.splice(0)) cache.end();
    }
    this.#retired = this.#retired.filter(({ hasData }) => hasData);
    const counting = believed.length > 0 ? believed : this.#retired;
    this.vrps.believe(counting.reduce((mask, { index }) => mask | (1 << index), 0));
    this.#owner.changed();
  }
}

const keyOf = ({ address, port }: CacheOptions): string => `${formatAddress(address)} ${port}`;
