/**
 * What many objects have alike stands in memory once: ids of networks and projects, times, lists of nothing. Text that was
 * read is otherwise as many copies as there are objects, and those are hundreds of thousands.
 */

/** Different texts that are kept for sharing; when there are more, it begins anew. */
const TEXTS_MAX = 65_536;

/** Members whose values are mostly those of other objects. */
const SHARED: ReadonlySet<string> = new Set([
  "project_id",
  "network_id",
  "floating_network_id",
  "router_id",
  "subnet_id",
  "created_at",
  "updated_at",
  "name",
  "description",
  "status",
  "device_owner",
  "binding:host_id",
  "binding:vnic_type",
]);

const NOTHING: readonly never[] = Object.freeze([]);
const EMPTY: object = Object.freeze({});

export class SharedValues {
  readonly #texts = new Map<string, string>();

  /** Takes over a value that was read from JSON, and that nobody else has. */
  of<T>(value: T): T {
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return (value.length === 0 ? NOTHING : this.#all(value)) as T;
    const members = value as Record<string, unknown>;
    let isEmpty = true;
    for (const name in members) {
      isEmpty = false;
      const member = members[name];
      if (typeof member === "object") members[name] = this.of(member);
      else if (typeof member === "string" && SHARED.has(name)) members[name] = this.#text(member);
    }
    return isEmpty ? (EMPTY as T) : value;
  }

  #all(list: unknown[]): unknown[] {
    for (const [i, item] of list.entries()) {
      list[i] = typeof item === "string" ? this.#text(item) : this.of(item);
    }
    return list;
  }

  #text(text: string): string {
    const known = this.#texts.get(text);
    if (known !== undefined) return known;
    if (this.#texts.size >= TEXTS_MAX) this.#texts.clear();
    this.#texts.set(text, text);
    return text;
  }
}
