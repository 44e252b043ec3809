/**
 * The routes of others in the kernel, and which of them leads to an address: the longest prefix, of those the lowest
 * metric, as the kernel chooses. Ours are left out, so that no route of ours is held by itself.
 *
 * Kept by events. The few that do not say for certain what there is after them (several routes of one prefix and metric)
 * make the table {@link WayTable.isDoubtful}: then it is to be filled anew.
 */

import { type Address, type Family, isLinkLocal, prefixOf, widthOf } from "../../bgp/net/address.ts";
import { formatPrefix } from "../../bgp/net/text.ts";

import { NLM_F_REPLACE } from "../netlink/netlink.ts";
import type { Member, Nexthop } from "./nexthop-message.ts";
import { RouteBook } from "./route-book.ts";
import { type Form, RTN_UNICAST, type TableRoute } from "./route-message.ts";
import type { Hop, Way } from "./way-commands.ts";

/** A link by its number. */
export interface Place {
  readonly name: string;
  readonly up: boolean;
}

/** Routes of one family and metric in one table: one per prefix. */
interface Layer {
  readonly family: Family;
  readonly table: number;
  readonly metric: number;
  readonly book: RouteBook;
  /** Lengths that there are or were. */
  readonly lengths: Set<number>;
}

const NO_ROUTE = { reachable: false, why: "no-route" } as const;

export class WayTable {
  readonly #tables: readonly number[];
  /** The lowest metric first. There are as many as the routing daemons of this machine use metrics. */
  #layers: Layer[] = [];
  /** Prefixes of which there is more than one route with one metric, with that metric. */
  readonly #aliased = new Set<string>();
  readonly #nexthops = new Map<number, Nexthop>();
  #doubtful = true;
  /** A link went down since it was filled. */
  #isWorn = false;

  /** @param tables - the routing tables that count; of two routes alike, that of the earlier table does */
  constructor(tables: readonly number[]) {
    this.#tables = tables;
  }

  /** Something happened of which no event tells all: fill it anew. True at first. */
  get isDoubtful(): boolean {
    return this.#doubtful;
  }

  doubt(): void {
    this.#doubtful = true;
  }

  /**
   * A link went down. The kernel takes IPv4 routes over it away without a word; here they count for nothing while it is
   * down, which comes to the same: a full table need not be read before it is known what leads where now. What is told
   * of their prefixes after that is told of a kernel that they are not in, so then it has to be.
   */
  linkFell(): void {
    this.#isWorn = true;
    // Of several alike only the first is known here, and that may be the one that went.
    if (this.#aliased.size > 0) this.#doubtful = true;
  }

  /** Empties it, to be filled from dumps with {@link add} and {@link setNexthop}. */
  clear(): void {
    this.#layers = [];
    this.#aliased.clear();
    this.#nexthops.clear();
    this.#doubtful = false;
    this.#isWorn = false;
  }

  add(route: TableRoute, flags = 0): void {
    // There is one on every link; addresses in it are found by their zone.
    if (isLinkLocal(route.prefix)) return;
    const layer = this.#layerOf(route);
    const form = layer.book.intern(route.form);
    const present = layer.book.get(route.prefix);
    if (present === form) return;
    const key = keyOf(route);
    if (present !== undefined && (flags & NLM_F_REPLACE) === 0) {
      // The kernel goes by the first of them.
      this.#aliased.add(key);
      if (this.#isWorn) this.#doubtful = true;
      return;
    }
    if (this.#aliased.has(key)) this.#doubtful = true;
    layer.lengths.add(route.prefix.length);
    layer.book.set(route.prefix, form);
  }

  remove(route: TableRoute): void {
    const layer = this.#layerOf(route);
    const present = layer.book.get(route.prefix);
    if (present === undefined) return;
    // One of several, or one hop of an IPv6 route with several.
    if (this.#aliased.has(keyOf(route)) || present !== layer.book.intern(route.form)) this.#doubtful = true;
    else layer.book.delete(route.prefix);
  }

  setNexthop(id: number, nexthop: Nexthop): void {
    // It may be another one of that number, and routes through the one before are gone.
    if (this.#isWorn && this.#nexthops.has(id)) this.#doubtful = true;
    this.#nexthops.set(id, nexthop);
  }

  /** The kernel takes the routes through it away with it, and need not say so. */
  removeNexthop(id: number): void {
    if (this.#nexthops.delete(id)) this.#doubtful = true;
  }

  /**
   * How packets to an address leave this machine. A route over links that are down counts for nothing: the next best one
   * leads there.
   */
  find(address: Address, placeOf: (index: number) => Place | undefined): Way {
    let way: Way = NO_ROUTE;
    for (const { length, metric, form } of this.#routesTo(address)) {
      if (form.type !== RTN_UNICAST) return { reachable: false, why: "discarded" };
      const hops = this.#hopsOf(form, placeOf);
      if (hops.length > 0) return { reachable: true, length, metric, hops };
      way = { reachable: false, why: "link-down" };
    }
    return way;
  }

  /** All of them, the best first. */
  *#routesTo(address: Address): Generator<{ length: number; metric: number; form: Form }> {
    const { family } = address;
    for (let length = widthOf(family); length >= 0; length--) {
      for (const layer of this.#layers) {
        if (layer.family !== family || !layer.lengths.has(length)) continue;
        const id = layer.book.get(prefixOf(address, length));
        if (id !== undefined) yield { length, metric: layer.metric, form: layer.book.form(id) };
      }
    }
  }

  #hopsOf(form: Form, placeOf: (index: number) => Place | undefined): Hop[] {
    const ways = form.nexthopId === 0 ? inlineOf(form) : this.#singlesOf(form.nexthopId);
    return ways.flatMap(({ gateway, oif }) => {
      const place = placeOf(oif);
      if (place?.up !== true) return [];
      return [gateway === undefined ? { interface: place.name } : { gateway, interface: place.name }];
    });
  }

  #singlesOf(id: number): (Nexthop & { kind: "single" })[] {
    const nexthop = this.#nexthops.get(id);
    if (nexthop === undefined) return [];
    if (nexthop.kind === "single") return [nexthop];
    return nexthop.members.flatMap((member: Member) => {
      const single = this.#nexthops.get(member.id);
      return single?.kind === "single" ? [single] : [];
    });
  }

  #layerOf({ prefix: { family }, table, form: { metric } }: TableRoute): Layer {
    const known = this.#layers.find(
      (layer) => layer.metric === metric && layer.family === family && layer.table === table,
    );
    if (known !== undefined) return known;
    const order = (layer: Layer): number => this.#tables.indexOf(layer.table);
    const layer = { family, table, metric, book: new RouteBook(), lengths: new Set<number>() };
    this.#layers = [...this.#layers, layer].sort((a, b) => a.metric - b.metric || order(a) - order(b));
    return layer;
  }
}

const inlineOf = ({ oif, inline }: Form): Form["inline"] =>
  oif === 0 ? inline : [{ gateway: undefined, oif }];

const keyOf = ({ prefix, table, form }: TableRoute): string =>
  `${formatPrefix(prefix)} ${table} ${form.metric}`;
