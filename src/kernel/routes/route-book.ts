/**
 * Which routes of ours are in the kernel: prefix -> form, as numbers. A form is all of a route but its prefix; there
 * are few of them (one per link and per nexthop), so a million routes are a million small integers.
 */

import type { Prefix } from "../../bgp/net/address.ts";
import { ipv4 } from "../../bgp/net/address.ts";
import type { Form } from "./route-message.ts";

export class RouteBook {
  readonly #forms: Form[] = [];
  readonly #idByForm = new Map<string, number>();
  #last = 0;
  readonly #ipv4 = new Map<number, number>();
  readonly #ipv6 = new Map<string, { readonly prefix: Prefix; form: number }>();

  clear(): void {
    this.#forms.length = 0;
    this.#idByForm.clear();
    this.#ipv4.clear();
    this.#ipv6.clear();
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
    this.#last = known ?? this.#forms.push(form) - 1;
    this.#idByForm.set(key, this.#last);
    return this.#last;
  }

  form(id: number): Form {
    return this.#forms[id]!;
  }

  get(prefix: Prefix): number | undefined {
    return prefix.family === 4 ? this.#ipv4.get(key4(prefix)) : this.#ipv6.get(key6(prefix))?.form;
  }

  set(prefix: Prefix, form: number): void {
    if (prefix.family === 4) this.#ipv4.set(key4(prefix), form);
    else this.#ipv6.set(key6(prefix), { prefix, form });
  }

  delete(prefix: Prefix): void {
    if (prefix.family === 4) this.#ipv4.delete(key4(prefix));
    else this.#ipv6.delete(key6(prefix));
  }

  *entries(): Generator<readonly [Prefix, Form]> {
    for (const [key, form] of this.#ipv4) {
      const length = key % 64;
      yield [{ ...ipv4((key - length) / 64), length }, this.#forms[form]!];
    }
    for (const { prefix, form } of this.#ipv6.values()) yield [prefix, this.#forms[form]!];
  }

  /** How many routes there are of each form. */
  routesByForm(): (readonly [Form, number])[] {
    const counts = new Uint32Array(this.#forms.length);
    for (const form of this.#ipv4.values()) counts[form]!++;
    for (const { form } of this.#ipv6.values()) counts[form]!++;
    return this.#forms.map((form, id) => [form, counts[id]!]);
  }

  /** Whether a route of ours names this link itself. */
  usesLink(index: number): boolean {
    return this.#forms.some((form) => form.oif === index || form.inline.some(({ oif }) => oif === index));
  }
}

const sameNumbers = (a: Form, b: Form): boolean =>
  a.type === b.type &&
  a.scope === b.scope &&
  a.metric === b.metric &&
  a.oif === b.oif &&
  a.nexthopId === b.nexthopId;

/** Exact in a double: 38 bits. */
const key4 = (prefix: Prefix): number => prefix.w0 * 64 + prefix.length;
const key6 = (p: Prefix): string => `${p.w0} ${p.w1} ${p.w2} ${p.w3} ${p.length}`;
