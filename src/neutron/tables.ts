/**
 * All objects, found by id and by what they refer to; and a draft of changes over them.
 *
 * A draft reads as if its changes were made and leaves the tables as they are: a request is worked out on a draft, its
 * changes are committed to the store, and only then applied here. Cost of any look-up is the number of what is found.
 */

import { parseAddress } from "../bgp/net/text.ts";
import { IdOrder, sortedFrom } from "./id-order.ts";
import { type Collection, isRouterInterface, type Objects } from "./objects.ts";
import { TakenAddresses } from "./taken-addresses.ts";
import { Texts } from "./texts.ts";

type Keys<T> = (object: T) => readonly string[];

const present = (value: string | null): string[] => (value === null || value === "" ? [] : [value]);

/** What each collection can be found by. */
export interface IndexNames {
  readonly networks: "project";
  readonly subnets: "project" | "network" | "pool";
  readonly subnetpools: "project" | "scope";
  readonly address_scopes: "project";
  readonly ports:
    | "project"
    | "network"
    | "device"
    | "host"
    | "subnet"
    | "address"
    | "mac"
    | "group"
    | "interface";
  readonly routers: "project";
  readonly floatingips: "project" | "network" | "port" | "router" | "address";
  readonly port_forwardings: "project" | "floating" | "port";
  readonly security_groups: "project";
  readonly security_group_rules: "project" | "group" | "remote";
  readonly quotas: never;
}

const INDEXES: {
  readonly [C in Collection]: Readonly<Record<IndexNames[C], Keys<Objects[C]>>>;
} = {
  networks: { project: (o) => [o.project_id] },
  subnets: {
    project: (o) => [o.project_id],
    network: (o) => [o.network_id],
    pool: (o) => present(o.subnetpool_id),
  },
  subnetpools: { project: (o) => [o.project_id], scope: (o) => present(o.address_scope_id) },
  address_scopes: { project: (o) => [o.project_id] },
  ports: {
    project: (o) => [o.project_id],
    network: (o) => [o.network_id],
    device: (o) => present(o.device_id),
    host: (o) => present(o["binding:host_id"]),
    subnet: (o) => o.fixed_ips.map((ip) => ip.subnet_id),
    address: (o) => o.fixed_ips.map((ip) => addressKey(ip.subnet_id, ip.ip_address)),
    mac: (o) => [macKey(o.network_id, o.mac_address)],
    group: (o) => o.security_groups,
    // Of routers' interfaces only, by subnet: a subnet has many ports, and few of these.
    interface: (o) => (isRouterInterface(o) ? o.fixed_ips.map((ip) => ip.subnet_id) : []),
  },
  routers: { project: (o) => [o.project_id] },
  floatingips: {
    project: (o) => [o.project_id],
    network: (o) => [o.floating_network_id],
    port: (o) => present(o.port_id),
    router: (o) => present(o.router_id),
    address: (o) => [o.floating_ip_address],
  },
  port_forwardings: {
    project: (o) => [o.project_id],
    floating: (o) => [o.floatingip_id],
    port: (o) => [o.internal_port_id],
  },
  security_groups: { project: (o) => [o.project_id] },
  security_group_rules: {
    project: (o) => [o.project_id],
    group: (o) => [o.security_group_id],
    remote: (o) => present(o.remote_group_id),
  },
  quotas: {},
};

/** A MAC is one port's in its network. */
export const macKey = (networkId: string, mac: string): string => `${networkId} ${mac}`;

/** Addresses are compared in one spelling, which is how they are stored. */
export const addressKey = (subnetId: string, address: string): string => `${subnetId} ${address}`;

/** Others whose JSON shows something of an object. */
const SHOWN_IN: {
  readonly [C in Collection]?: (object: Objects[C], tables: Tables) => Iterable<string>;
} = {
  ports: ({ id }, tables) => Array.from(tables.by("floatingips", "port", id), (floating) => floating.id),
  port_forwardings: ({ floatingip_id }) => [floatingip_id],
};

const COLLECTIONS: readonly Collection[] = Object.keys(INDEXES) as Collection[];

export interface Change<C extends Collection = Collection> {
  readonly collection: C;
  readonly id: string;
  /** Undefined: it is removed. */
  readonly object: Objects[C] | undefined;
}

/** A change that was done. */
export interface Applied {
  readonly collection: Collection;
  readonly id: string;
  readonly before: Objects[Collection] | undefined;
  readonly after: Objects[Collection] | undefined;
}

/** What handlers look at. */
export interface Reading {
  get<C extends Collection>(collection: C, id: string): Objects[C] | undefined;
  all<C extends Collection>(collection: C): Iterable<Objects[C]>;
  /** Those that have `key` in that index. */
  by<C extends Collection>(collection: C, index: IndexNames[C], key: string): Iterable<Objects[C]>;
}

const NONE: readonly never[] = [];

/** Ids by key, in the order in which they came. Most keys have one, of hundreds of thousands: a set for each is too much. */
class Index {
  readonly #ids = new Map<string, string | Set<string>>();

  at(key: string): Iterable<string> {
    const ids = this.#ids.get(key);
    return typeof ids === "string" ? [ids] : (ids ?? NONE);
  }

  count(key: string): number {
    const ids = this.#ids.get(key);
    return typeof ids === "string" ? 1 : (ids?.size ?? 0);
  }

  add(key: string, id: string): void {
    const ids = this.#ids.get(key);
    if (ids === undefined) this.#ids.set(key, id);
    else if (typeof ids !== "string") ids.add(id);
    else if (ids !== id) this.#ids.set(key, new Set([ids, id]));
  }

  delete(key: string, id: string): void {
    const ids = this.#ids.get(key);
    if (ids === id) this.#ids.delete(key);
    if (!(ids instanceof Set)) return;
    ids.delete(id);
    if (ids.size === 0) this.#ids.delete(key);
  }
}

export class Tables implements Reading {
  readonly #rows: Map<Collection, Map<string, Objects[Collection]>> = new Map(
    COLLECTIONS.map((collection) => [collection, new Map()]),
  );
  readonly #indexes: Map<Collection, Map<string, Index>> = new Map(
    COLLECTIONS.map((collection) => [
      collection,
      new Map(Object.keys(INDEXES[collection]).map((name) => [name, new Index()])),
    ]),
  );
  /** Of these objects, for those who see all of them and for others. */
  readonly texts: Readonly<Record<"admin" | "other", Texts>> = { admin: new Texts(), other: new Texts() };
  /** Ids in order, of collections that pages were asked of. */
  readonly #inOrder: Map<Collection, IdOrder> = new Map();
  /** By subnet. */
  readonly #taken: Map<string, TakenAddresses> = new Map();

  get<C extends Collection>(collection: C, id: string): Objects[C] | undefined {
    return this.#rowsOf(collection).get(id);
  }

  /** Those behind an id, or before it and backwards; undefined: from the end. */
  *inOrder<C extends Collection>(
    collection: C,
    from: string | undefined,
    backwards: boolean,
  ): Generator<Objects[C]> {
    const rows = this.#rowsOf(collection);
    let ids = this.#inOrder.get(collection);
    if (ids === undefined) {
      ids = new IdOrder(rows.keys());
      this.#inOrder.set(collection, ids);
    }
    for (const id of ids.from(from, backwards)) yield rows.get(id)!;
  }

  all<C extends Collection>(collection: C): Iterable<Objects[C]> {
    return this.#rowsOf(collection).values();
  }

  by<C extends Collection>(collection: C, index: IndexNames[C], key: string): Iterable<Objects[C]> {
    const ids = this.#indexOf(collection, index).at(key);
    return ids === NONE ? NONE : this.#rowsWith(collection, ids);
  }

  count<C extends Collection>(collection: C, index: IndexNames[C], key: string): number {
    return this.#indexOf(collection, index).count(key);
  }

  *#rowsWith<C extends Collection>(collection: C, ids: Iterable<string>): Generator<Objects[C]> {
    const rows = this.#rowsOf(collection);
    for (const id of ids) yield rows.get(id)!;
  }

  counts(): Readonly<Record<Collection, number>> {
    const entries = COLLECTIONS.map((collection) => [collection, this.#rowsOf(collection).size]);
    return Object.fromEntries(entries) as Record<Collection, number>;
  }

  /** Of a subnet the lowest IPv4 address in that range which no port has, drafts left aside. */
  firstFree(subnetId: string, low: number, high: number): number | undefined {
    return this.#takenOf(subnetId).firstFree(low, high);
  }

  /** Returns what each of them changed. */
  apply(changes: readonly Change[]): readonly Applied[] {
    return changes.map(({ collection, id, object }) => {
      const old = this.get(collection, id);
      if (old !== undefined) this.#unlink(collection, id, old);
      this.#keepOrder(collection, id, old !== undefined, object !== undefined);
      this.#forgetTexts(collection, old ?? object);
      if (object === undefined) this.#rowsOf(collection).delete(id);
      else {
        this.#rowsOf(collection).set(id, object);
        for (const [index, key] of keysOf(collection, object)) this.#indexOf(collection, index).add(key, id);
      }
      this.#eachAddress(collection, old, "delete");
      this.#eachAddress(collection, object, "add");
      if (collection === "subnets" && object === undefined) this.#taken.delete(id);
      return { collection, id, before: old, after: object };
    });
  }

  #keepOrder(collection: Collection, id: string, was: boolean, is: boolean): void {
    const ids = was === is ? undefined : this.#inOrder.get(collection);
    if (is) ids?.add(id);
    else ids?.delete(id);
  }

  #forgetTexts<C extends Collection>(collection: C, object: Objects[C] | undefined): void {
    if (object === undefined) return;
    const others = SHOWN_IN[collection]?.(object, this) ?? NONE;
    for (const texts of Object.values(this.texts)) {
      texts.forget(object.id);
      for (const id of others) texts.forget(id);
    }
  }

  #unlink(collection: Collection, id: string, old: Objects[Collection]): void {
    for (const [index, key] of keysOf(collection, old)) this.#indexOf(collection, index).delete(key, id);
  }

  #eachAddress(collection: Collection, object: Objects[Collection] | undefined, act: "add" | "delete"): void {
    if (collection !== "ports" || object === undefined) return;
    for (const { subnet_id, ip_address } of (object as Objects["ports"]).fixed_ips) {
      const address = parseAddress(ip_address);
      if (address?.family === 4) this.#takenOf(subnet_id)[act](address.w0);
    }
  }

  #takenOf(subnetId: string): TakenAddresses {
    const known = this.#taken.get(subnetId);
    if (known !== undefined) return known;
    const taken = new TakenAddresses();
    this.#taken.set(subnetId, taken);
    return taken;
  }

  #rowsOf<C extends Collection>(collection: C): Map<string, Objects[C]> {
    return this.#rows.get(collection) as Map<string, Objects[C]>;
  }

  #indexOf(collection: Collection, index: string): Index {
    return this.#indexes.get(collection)!.get(index)!;
  }
}

export class Draft implements Reading {
  readonly base: Tables;
  readonly #over: Tables = new Tables();
  readonly #changes: Map<string, Change> = new Map();

  constructor(base: Tables) {
    this.base = base;
  }

  get changes(): readonly Change[] {
    return [...this.#changes.values()];
  }

  get<C extends Collection>(collection: C, id: string): Objects[C] | undefined {
    // Most requests only look, and lists look a hundred thousand times.
    const isChanged = this.#changes.size > 0 && this.#changes.has(changeKey(collection, id));
    return isChanged ? this.#over.get(collection, id) : this.base.get(collection, id);
  }

  inOrder<C extends Collection>(
    collection: C,
    from: string | undefined,
    backwards: boolean,
  ): Iterable<Objects[C]> {
    if (this.#changes.size === 0) return this.base.inOrder(collection, from, backwards);
    return sortedFrom(this.all(collection), from, backwards);
  }

  all<C extends Collection>(collection: C): Iterable<Objects[C]> {
    const known = this.base.all(collection);
    return this.#changes.size === 0 ? known : this.#merged(collection, known, this.#over.all(collection));
  }

  by<C extends Collection>(collection: C, index: IndexNames[C], key: string): Iterable<Objects[C]> {
    const known = this.base.by(collection, index, key);
    if (this.#changes.size === 0) return known;
    return this.#merged(collection, known, this.#over.by(collection, index, key));
  }

  /** How many have `key` in that index. */
  count<C extends Collection>(collection: C, index: IndexNames[C], key: string): number {
    let count = this.base.count(collection, index, key) + this.#over.count(collection, index, key);
    for (const change of this.#changes.values()) {
      if (change.collection !== collection) continue;
      const before = this.base.get(collection, change.id);
      if (before !== undefined && hasKey(collection, before, index, key)) count--;
    }
    return count;
  }

  put<C extends Collection>(collection: C, object: Objects[C]): void {
    this.#change({ collection, id: object.id, object });
  }

  remove(collection: Collection, id: string): void {
    this.#change({ collection, id, object: undefined });
  }

  *#merged<C extends Collection>(
    collection: C,
    rows: Iterable<Objects[C]>,
    over: Iterable<Objects[C]>,
  ): Generator<Objects[C]> {
    for (const row of rows) if (!this.#changes.has(changeKey(collection, row.id))) yield row;
    yield* over;
  }

  #change(change: Change): void {
    this.#changes.set(changeKey(change.collection, change.id), change);
    this.#over.apply([change]);
  }
}

const changeKey = (collection: Collection, id: string): string => `${collection} ${id}`;

function hasKey<C extends Collection>(
  collection: C,
  object: Objects[C],
  index: IndexNames[C],
  key: string,
): boolean {
  const indexes: Readonly<Record<string, Keys<never>>> = INDEXES[collection];
  return indexes[index]!(object as never).includes(key);
}

function* keysOf(collection: Collection, object: Objects[Collection]): Generator<readonly [string, string]> {
  const indexes: Readonly<Record<string, Keys<never>>> = INDEXES[collection];
  for (const [index, read] of Object.entries(indexes)) {
    for (const key of read(object as never)) yield [index, key];
  }
}

/** The first of what may be many, or of none. */
export function first<T>(items: Iterable<T>): T | undefined {
  for (const item of items) return item;
  return undefined;
}
