/**
 * Collects what is to be sent, one NLRI after the other in any order, and hands it out by what can share a message: those
 * with the same attributes for the same recipients. All of it is columns that are used again.
 */

import type { Family } from "../net/address.ts";
import type { PrefixTable } from "../net/prefix-table.ts";
import { PrefixBatch } from "../wire/prefix-batch.ts";
import { type AttrId, NO_ATTRIBUTES } from "./attribute-pool.ts";
import { columnOf } from "./columns.ts";
import type { Naming, NlriId } from "./naming.ts";
import type { PeerId } from "./peer-table.ts";

/** Gets what is to be sent. Batch and recipients are valid only during the call. */
export interface UpdateSink {
  announce(attrs: AttrId, prefixes: PrefixBatch, recipients: readonly PeerId[]): void;
  withdraw(prefixes: PrefixBatch, recipients: readonly PeerId[]): void;
}

/** Who gets a run: everybody (0), everybody but one, or one alone. */
export const EVERYBODY = 0;
export const allBut = (peer: PeerId): number => peer * 2 + 2;
export const only = (peer: PeerId): number => peer * 2 + 3;

const END = 0;

export class UpdateRuns {
  readonly #prefixes: PrefixTable;
  readonly #naming: Naming;
  readonly #batch: PrefixBatch = new PrefixBatch();
  // By entry, from 1 on.
  #nlri: Uint32Array = new Uint32Array(1024);
  #next: Uint32Array = new Uint32Array(1024);
  #entries = 1;
  // By run, from 1 on.
  #attrs: Uint32Array = new Uint32Array(256);
  #audience: Uint32Array = new Uint32Array(256);
  /** The next run for the same audience. */
  #nextRun: Uint32Array = new Uint32Array(256);
  #first: Uint32Array = new Uint32Array(256);
  #last: Uint32Array = new Uint32Array(256);
  #count: Uint32Array = new Uint32Array(256);
  #runs = 1;
  #latest = 0;
  /** By audience, in the order in which they came up: its first run and its last. */
  readonly #audiences: Map<number, { readonly first: number; last: number }> = new Map();
  /** Runs by attributes and audience, of open addressing; 0: empty. At most half full. */
  #slots: Uint32Array = new Uint32Array(512);

  constructor(prefixes: PrefixTable, naming: Naming) {
    this.#prefixes = prefixes;
    this.#naming = naming;
  }

  /** `attrs` NO_ATTRIBUTES: a withdrawal. */
  add(nlri: NlriId, attrs: AttrId, audience: number): void {
    const run = this.#runOf(attrs, audience);
    const entry = this.#entries++;
    if (entry >= this.#nlri.length) {
      this.#nlri = columnOf(this.#nlri, entry + 1);
      this.#next = columnOf(this.#next, entry + 1);
    }
    this.#nlri[entry] = nlri;
    this.#next[entry] = END;
    const last = this.#last[run]!;
    if (last === END) this.#first[run] = entry;
    else this.#next[last] = entry;
    this.#last[run] = entry;
    this.#count[run]!++;
  }

  /** Hands everything out, withdrawals too, one audience after the other; then it is empty. */
  flush(family: Family, members: readonly PeerId[], sink: UpdateSink): void {
    for (const [audience, { first }] of this.#audiences) {
      const recipients = recipientsOf(audience, members);
      for (let run = recipients.length === 0 ? END : first; run !== END; run = this.#nextRun[run]!) {
        this.#fill(family, run);
        const attrs = this.#attrs[run]! as AttrId;
        if (attrs === NO_ATTRIBUTES) sink.withdraw(this.#batch, recipients);
        else sink.announce(attrs, this.#batch, recipients);
      }
    }
    this.#slots.fill(0);
    this.#audiences.clear();
    this.#entries = 1;
    this.#runs = 1;
    this.#latest = 0;
  }

  #fill(family: Family, run: number): void {
    const batch = this.#batch;
    const prefixes = this.#prefixes;
    const naming = this.#naming;
    batch.reset(family);
    batch.reserve(this.#count[run]!);
    let row = 0;
    for (let entry = this.#first[run]!; entry !== END; entry = this.#next[entry]!) {
      const nlri = this.#nlri[entry]! as NlriId;
      const prefix = naming.prefixOf(nlri);
      batch.w0[row] = prefixes.word(prefix, 0);
      if (family === 6) {
        batch.w1[row] = prefixes.word(prefix, 1);
        batch.w2[row] = prefixes.word(prefix, 2);
        batch.w3[row] = prefixes.word(prefix, 3);
      }
      batch.length[row] = prefixes.lengthOf(prefix);
      batch.pathId[row] = naming.pathIdOf(nlri);
      row++;
    }
    batch.count = row;
  }

  #runOf(attrs: AttrId, audience: number): number {
    // Prefixes that came in one UPDATE have neighbouring ids: mostly it is the run of the one before.
    const latest = this.#latest;
    if (latest !== 0 && this.#attrs[latest] === attrs && this.#audience[latest] === audience) return latest;
    const mask = this.#slots.length - 1;
    let slot = slotOf(attrs, audience) & mask;
    for (let run = this.#slots[slot]!; run !== 0; run = this.#slots[slot]!) {
      if (this.#attrs[run] === attrs && this.#audience[run] === audience) {
        this.#latest = run;
        return run;
      }
      slot = (slot + 1) & mask;
    }
    return this.#open(attrs, audience, slot);
  }

  #open(attrs: AttrId, audience: number, slot: number): number {
    const run = this.#runs++;
    this.#reserve(run + 1);
    this.#attrs[run] = attrs;
    this.#audience[run] = audience;
    this.#nextRun[run] = END;
    this.#follow(audience, run);
    this.#first[run] = END;
    this.#last[run] = END;
    this.#count[run] = 0;
    this.#latest = run;
    if (this.#runs * 2 > this.#slots.length) this.#rehash();
    else this.#slots[slot] = run;
    return run;
  }

  /** Puts a run behind the others of its audience. */
  #follow(audience: number, run: number): void {
    const known = this.#audiences.get(audience);
    if (known === undefined) {
      this.#audiences.set(audience, { first: run, last: run });
      return;
    }
    this.#nextRun[known.last] = run;
    known.last = run;
  }

  #reserve(runs: number): void {
    if (runs <= this.#attrs.length) return;
    this.#attrs = columnOf(this.#attrs, runs);
    this.#audience = columnOf(this.#audience, runs);
    this.#nextRun = columnOf(this.#nextRun, runs);
    this.#first = columnOf(this.#first, runs);
    this.#last = columnOf(this.#last, runs);
    this.#count = columnOf(this.#count, runs);
  }

  #rehash(): void {
    this.#slots = new Uint32Array(this.#slots.length * 2);
    const mask = this.#slots.length - 1;
    for (let run = 1; run < this.#runs; run++) {
      let slot = slotOf(this.#attrs[run]!, this.#audience[run]!) & mask;
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
      this.#slots[slot] = run;
    }
  }
}

const slotOf = (attrs: number, audience: number): number => {
  const hash = Math.imul(attrs ^ Math.imul(audience + 1, 0x85ebca6b), 0x9e3779b1);
  return hash ^ (hash >>> 15);
};

function recipientsOf(audience: number, members: readonly PeerId[]): readonly PeerId[] {
  if (audience === EVERYBODY) return members;
  const peer = ((audience - 2) >>> 1) as PeerId;
  const isOnly = audience % 2 === 1;
  return members.filter((member) => (member === peer) === isOnly);
}
