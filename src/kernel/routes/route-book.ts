/**
 * Which routes of ours are in the kernel: prefix -> form, as numbers. A form is all of a route but its prefix; there
 * are few of them (one per link and per nexthop), so a million routes are a million small integers.
 *
 * A table moves all that is in it when it grows, which for a million would hold up commands for 50 ms and more: it is
 * many small ones, and growing one of them takes less than one.
 */

import type { Prefix } from "../../bgp/net/address.ts";
import { NO_PREFIX, type PrefixId, PrefixTable } from "../../bgp/net/prefix-table.ts";
import type { Form } from "./route-message.ts";

const PART_BITS = 6;

/** Some of the prefixes of one family. */
interface Part {
  readonly prefixes: PrefixTable;
  /** By prefix. */
  readonly forms: number[];
}

export class RouteBook {
  readonly #forms: Form[] = [];
  /** How many routes there are of each. */
  readonly #routes: number[] = [];
  readonly #idByForm = new Map<string, number>();
  #last = 0;
  #parts: Part[] = emptyParts();

  clear(): void {
    this.#forms.length = 0;
    this.#routes.length = 0;
    this.#idByForm.clear();
    this.#parts = emptyParts();
  }

  /** The id of a form: equal forms have equal ids. Valid until {@link clear}. */
  intern(form: Form): number {
    // In a dump of a full table most routes are like the one before.
    const last = this.#forms[this.#last];
    if (last !== undefined && sameNumbers(last, form) && last.inline.length + form.inline.length === 0)
      return this.#last;
    const inline = form.inline.length === 0 ? "" : JSON.stringify(form.inline);
    const key = `${form.type} ${form.scope} ${form.metric} ${form.oif} ${form.nexthopId} ${inline}`;
    const known = this.#idByForm.get(key);
    if (known === undefined) this.#routes.push(0);
    this.#last = known ?? this.#forms.push(form) - 1;
    this.#idByForm.set(key, this.#last);
    return this.#last;
  }

  form(id: number): Form {
    return this.#forms[id]!;
  }

  get(prefix: Prefix): number | undefined {
    const { prefixes, forms } = this.#partOf(prefix);
    const id = idIn(prefixes, prefix);
    return id === NO_PREFIX ? undefined : forms[id];
  }

  set(prefix: Prefix, form: number): void {
    const { prefixes, forms } = this.#partOf(prefix);
    const before = prefixes.size;
    const id = prefixes.findOrAdd(prefix.w0, prefix.w1, prefix.w2, prefix.w3, prefix.length);
    if (prefixes.size === before) this.#routes[forms[id]!]!--;
    forms[id] = form;
    this.#routes[form]!++;
  }

  delete(prefix: Prefix): void {
    const { prefixes, forms } = this.#partOf(prefix);
    const id = idIn(prefixes, prefix);
    if (id === NO_PREFIX) return;
    prefixes.remove(id);
    this.#routes[forms[id]!]!--;
  }

  *entries(): Generator<readonly [Prefix, Form]> {
    for (const { prefixes, forms } of this.#parts) {
      for (let id = 0; id < prefixes.extent; id++) {
        if (prefixes.has(id)) yield [prefixes.prefix(id), this.#forms[forms[id]!]!];
      }
    }
  }

  /** How many routes there are of each form. */
  routesByForm(): (readonly [Form, number])[] {
    return this.#forms.map((form, id) => [form, this.#routes[id]!]);
  }

  /** Whether a route of ours names this link itself. */
  usesLink(index: number): boolean {
    return this.#forms.some(
      (form, id) =>
        this.#routes[id]! > 0 && (form.oif === index || form.inline.some(({ oif }) => oif === index)),
    );
  }

  #partOf({ family, w0, w1, w2, w3, length }: Prefix): Part {
    // Neighbours stay together: the table keeps them side by side.
    const mixed = Math.imul((w0 >>> 8) ^ w1 ^ w2 ^ (w3 >>> 8) ^ length, 0x9e3779b1) >>> (32 - PART_BITS);
    return this.#parts[family === 4 ? mixed : mixed + (1 << PART_BITS)]!;
  }
}

const emptyParts = (): Part[] =>
  Array.from({ length: 2 << PART_BITS }, (_, i) => {
    return { prefixes: new PrefixTable(i < 1 << PART_BITS ? 4 : 6), forms: [] };
  });

const idIn = (prefixes: PrefixTable, { w0, w1, w2, w3, length }: Prefix): PrefixId =>
  prefixes.find(w0, w1, w2, w3, length);

const sameNumbers = (a: Form, b: Form): boolean =>
  a.type === b.type &&
  a.scope === b.scope &&
  a.metric === b.metric &&
  a.oif === b.oif &&
  a.nexthopId === b.nexthopId;
