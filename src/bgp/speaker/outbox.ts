/**
 * Routes that the RIB hands out, into octets on links. What several peers are to be told in the same words is encoded
 * once; messages are gathered up to {@link CHUNK_OCTETS}, and each peer gets those that are for it in one write: what is
 * for all but the one whose path it is changes its recipients with every few prefixes. Nothing is queued here: the RIB is
 * only asked for as much as the links take.
 */

import type { AttrId, AttributePool } from "../rib/attribute-pool.ts";
import type { ExportClass } from "../rib/outgoing.ts";
import type { PeerId } from "../rib/peer-table.ts";
import type { UpdateSink } from "../rib/update-runs.ts";
import { MAX_EXTENDED_MESSAGE_OCTETS, MAX_MESSAGE_OCTETS } from "../wire/context.ts";
import { messageLengthAt } from "../wire/header.ts";
import type { PrefixBatch } from "../wire/prefix-batch.ts";
import { type Packing, packAnnounced, packWithdrawn } from "../wire/update-pack.ts";

/** Room for the longest message behind a chunk that is all but full. */
const CHUNK_OCTETS = 65_536;
const BUFFER_OCTETS = CHUNK_OCTETS + MAX_EXTENDED_MESSAGE_OCTETS;

export interface Recipients {
  /** Writes whole messages, of which there are `messages`, to one peer. */
  write(peer: PeerId, octets: Uint8Array, messages: number): void;
}

/** Octets of the buffer that are for the same peers. */
interface Stretch {
  readonly recipients: readonly PeerId[];
  readonly start: number;
  end: number;
  messages: number;
}

export class Outbox implements UpdateSink {
  readonly #pool: AttributePool;
  readonly #to: Recipients;
  readonly #buffer: Uint8Array = new Uint8Array(BUFFER_OCTETS);
  #packing: Packing = { addPath: false, maxOctets: MAX_MESSAGE_OCTETS };
  #filled = 0;
  /** What was gathered, in its order; the last one grows. */
  readonly #stretches: Stretch[] = [];

  constructor(pool: AttributePool, to: Recipients) {
    this.#pool = pool;
    this.#to = to;
  }

  /** What comes next is for a group of this kind. Call {@link flush} when there is no more. */
  begin({ extendedMessage, paths }: ExportClass): void {
    const maxOctets = extendedMessage ? MAX_EXTENDED_MESSAGE_OCTETS : MAX_MESSAGE_OCTETS;
    const addPath = paths > 0;
    const { maxOctets: most, addPath: hadPaths } = this.#packing;
    if (maxOctets !== most || addPath !== hadPaths) this.#packing = { addPath, maxOctets };
  }

  announce(attrs: AttrId, prefixes: PrefixBatch, recipients: readonly PeerId[]): void {
    const encoded = this.#pool.encoded(attrs);
    this.#write(recipients, prefixes, (from) =>
      packAnnounced(this.#buffer, this.#filled, encoded, prefixes, from, this.#packing),
    );
  }

  withdraw(prefixes: PrefixBatch, recipients: readonly PeerId[]): void {
    this.#write(recipients, prefixes, (from) =>
      packWithdrawn(this.#buffer, this.#filled, prefixes, from, this.#packing),
    );
  }

  /** Hands the gathered messages to the links. */
  flush(): void {
    if (this.#filled === 0) return;
    const all = this.#buffer.slice(0, this.#filled);
    const peers = new Set(this.#stretches.flatMap(({ recipients }) => recipients));
    for (const peer of peers) {
      const own = this.#stretches.filter(({ recipients }) => recipients.includes(peer));
      const octets = own.length === this.#stretches.length ? all : joined(all, own);
      this.#to.write(
        peer,
        octets,
        own.reduce((sum, { messages }) => sum + messages, 0),
      );
    }
    this.#filled = 0;
    this.#stretches.length = 0;
  }

  #write(recipients: readonly PeerId[], prefixes: PrefixBatch, pack: (from: number) => number): void {
    for (let from = 0; from < prefixes.count; ) {
      const stretch = this.#stretchFor(recipients);
      const next = pack(from);
      // What does not fit was left out before (`rib/exporter.ts`).
      if (next === from) throw new RangeError("attributes longer than a message");
      this.#filled += messageLengthAt(this.#buffer, this.#filled);
      stretch.end = this.#filled;
      stretch.messages++;
      if (this.#filled >= CHUNK_OCTETS) this.flush();
      from = next;
    }
  }

  #stretchFor(recipients: readonly PeerId[]): Stretch {
    const last = this.#stretches.at(-1);
    if (last !== undefined && sameIds(recipients, last.recipients)) return last;
    const stretch = { recipients: [...recipients], start: this.#filled, end: this.#filled, messages: 0 };
    this.#stretches.push(stretch);
    return stretch;
  }
}

function joined(all: Uint8Array, stretches: readonly Stretch[]): Uint8Array {
  const octets = new Uint8Array(stretches.reduce((sum, { start, end }) => sum + end - start, 0));
  let at = 0;
  for (const { start, end } of stretches) {
    octets.set(all.subarray(start, end), at);
    at += end - start;
  }
  return octets;
}

function sameIds(a: readonly PeerId[], b: readonly PeerId[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
