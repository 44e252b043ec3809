/**
 * Our routes in one table of the kernel. Ours is what bears our rtnetlink protocol number; nothing else is ever
 * changed or removed, not even by accident:
 *
 * A new route is added with NLM_F_EXCL, so that a foreign one with the same prefix and metric is an error and not a
 * victim. A changed one is not replaced (NLM_F_REPLACE takes the first route with that prefix and metric, whoever
 * owns it) but appended behind the old one, which then is deleted by all that it consists of. Packets follow the
 * old route until that moment and the new one from it: no packet is without a route, and a route that somebody
 * slipped in meanwhile is left alone.
 *
 * The book of what is there comes from a dump, and from a new one whenever an event says that it may be wrong.
 */

import type { Family, Prefix } from "../../bgp/net/address.ts";
import { formatPrefix } from "../../bgp/net/text.ts";
import {
  type KernelRoute,
  prefixAt,
  type Redirection,
  ROW_OCTETS,
  type RouteRows,
  type Target,
  targetAt,
} from "../commands.ts";
import { InvalidCommand } from "../fields.ts";
import type { LinkTable } from "../links.ts";
import { type Message, NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE } from "../netlink/netlink.ts";
import type { NetlinkSocket, OnRefusal, Refusal } from "../netlink/netlink-socket.ts";
import type { Nexthops } from "./nexthops.ts";
import { RouteBook } from "./route-book.ts";
import {
  describeRoute,
  type Form,
  inTheWay,
  metricOf,
  RTM_DELROUTE,
  RTM_GETROUTE,
  RTM_NEWROUTE,
  RTN_UNICAST,
  routeIn,
  type TableRoute,
  writeRoute,
  writeRouteDump,
} from "./route-message.ts";
import { formOf, groupsOf, isResilient, redirect, targetOf, typeOf } from "./targets.ts";

const EEXIST = 17;
const ENOENT = 2;
const ESRCH = 3;
const NONE = -1;

/** One row on its way into the kernel. */
interface Change {
  readonly row: number;
  readonly prefix: Prefix;
  readonly had: number;
  readonly wants: number;
  refusal: Refusal | undefined;
}

/** Forms that were found already, or why there is none, for targets whose form does not depend on the route. */
type Known = Record<Family, Map<Target | InvalidCommand, number | string>>;

export class Routes {
  readonly #socket: NetlinkSocket;
  readonly #nexthops: Nexthops;
  readonly #links: LinkTable;
  readonly #table: number;
  readonly #protocol: number;
  readonly #book = new RouteBook();
  #stale = true;

  constructor(socket: NetlinkSocket, nexthops: Nexthops, links: LinkTable, table: number, protocol: number) {
    this.#socket = socket;
    this.#nexthops = nexthops;
    this.#links = links;
    this.#table = table;
    this.#protocol = protocol;
  }

  /** Says that the book may be wrong: it is read anew before it is used again. */
  distrust(): void {
    this.#stale = true;
  }

  /** @throws SystemError */
  read(): KernelRoute[] {
    this.#load();
    const routes: KernelRoute[] = [];
    const targetByForm = new Map<Form, Target>();
    for (const [prefix, form] of this.#book.entries()) {
      const target = targetByForm.get(form) ?? targetOf(form, this.#nexthops, this.#links);
      targetByForm.set(form, target);
      routes.push({ prefix, target });
    }
    return routes;
  }

  /** Adds or changes. Errors by prefix; the other routes are in place. @throws SystemError */
  put(rows: RouteRows): Map<string, string> {
    const errors = new Map<string, string>();
    this.#refresh();
    const conflicts = this.#write(rows, errors);
    if (conflicts.length > 0) this.#settle(rows, conflicts, errors);
    this.#nexthops.collect();
    return errors;
  }

  /**
   * Has all routes that lead to one target lead to another: the kernel is told once for each group that they share,
   * whatever their number. Errors by the place of the redirection; of these every route leads where it led.
   * @throws SystemError
   */
  redirect(redirections: readonly Redirection[]): Map<number, string> {
    const errors = new Map<number, string>();
    // The groups are few and say what is there; the routes, of which there may be a million, are not asked.
    if (this.#stale) this.#nexthops.load();
    for (const [place, { from, to }] of redirections.entries()) {
      const groups = groupsOf(from, this.#nexthops, this.#links);
      const refused = redirect(groups, to, this.#nexthops, this.#links);
      if (refused !== undefined) errors.set(place, refused);
    }
    // Read without the routes, nothing is known to be of no use.
    if (!this.#stale) this.#nexthops.collect();
    return errors;
  }

  /** Removes; what is not there counts as removed. Errors by prefix. @throws SystemError */
  remove({ count, rows }: RouteRows): Map<string, string> {
    const errors = new Map<string, string>();
    this.#refresh();
    const removed: (readonly [Prefix, number])[] = [];
    const refused: OnRefusal = (tag, refusal) => {
      if (refusal.errno === ESRCH) return;
      const [prefix, form] = removed[tag]!;
      errors.set(formatPrefix(prefix), refusal.message);
      this.#hold(prefix, form);
    };
    for (let i = 0; i < count; i++) {
      const prefix = prefixAt(rows, i);
      const form = this.#book.get(prefix);
      if (form === undefined) continue;
      this.#queue(RTM_DELROUTE, 0, prefix, form, removed.length, refused);
      removed.push([prefix, form]);
      this.#release(prefix, form);
    }
    this.#socket.flush(refused);
    this.#nexthops.collect();
    return errors;
  }

  /** Whether the kernel may have taken something of ours away with this link. */
  usesLink(index: number): boolean {
    return this.#book.usesLink(index) || this.#nexthops.useLink(index);
  }

  /** Whether an event tells that a foreign hand changed a route or nexthop of ours. */
  concerns(message: Message): boolean {
    if (message.type !== RTM_NEWROUTE && message.type !== RTM_DELROUTE)
      return this.#nexthops.concerns(message);
    const route = routeIn(message);
    if (route === undefined || route.table !== this.#table) return false;
    if (route.protocol === this.#protocol) return true;
    if (message.type === RTM_DELROUTE || (message.flags & NLM_F_REPLACE) === 0) return false;
    return this.#book.get(route.prefix) !== undefined && route.form.metric === metricOf(route.prefix.family);
  }

  #refresh(): void {
    if (this.#stale) this.#load();
  }

  #load(): void {
    this.#socket.discard();
    const surplus: TableRoute[] = [];
    this.#nexthops.load();
    this.#book.clear();
    for (const family of [4, 6] as const) {
      const before = surplus.length;
      this.#dump(
        family,
        this.#protocol,
        (route) => this.#enter(route, surplus),
        () => {
          surplus.length = before;
        },
      );
    }
    for (const [, form] of this.#book.entries()) this.#nexthops.hold(form.nexthopId);
    this.#stale = false;
    this.#finish(surplus);
  }

  /** Two routes of ours for one prefix: a change that was cut off between its two halves. The second half counts. */
  #enter(route: TableRoute, surplus: TableRoute[]): void {
    const present = this.#book.get(route.prefix);
    const form = this.#book.intern(route.form);
    if (present === form) return;
    if (present !== undefined) {
      const metric = metricOf(route.prefix.family);
      if (route.form.metric !== metric && this.#book.form(present).metric === metric) {
        surplus.push(route);
        return;
      }
      surplus.push({ ...route, form: this.#book.form(present) });
    }
    this.#book.set(route.prefix, form);
  }

  #finish(surplus: readonly TableRoute[]): void {
    const ignored: OnRefusal = () => undefined;
    for (const { prefix, form } of surplus)
      this.#queue(RTM_DELROUTE, 0, prefix, this.#book.intern(form), 0, ignored);
    this.#socket.flush(ignored);
  }

  #dump(family: Family, protocol: number, each: (route: TableRoute) => void, again: () => void): void {
    const refusal = this.#socket.dump(
      RTM_GETROUTE,
      (to) => writeRouteDump(to, family, this.#table, protocol),
      (message) => {
        const route = routeIn(message);
        // Older kernels ignore the filter.
        if (route?.table === this.#table && (protocol === 0 || route.protocol === protocol)) each(route);
      },
      again,
    );
    // ENOENT: nobody has put anything into that table yet.
    if (refusal !== undefined && refusal.errno !== ENOENT)
      throw new Error(`routes cannot be read: ${refusal.message}`);
  }

  /** Writes what differs. @returns the rows for which something else is in the way, or was in our place */
  #write(rows: RouteRows, errors: Map<string, string>): number[] {
    const changes: Change[] = [];
    const conflicts: number[] = [];
    const refused: OnRefusal = (tag, refusal) => {
      const change = changes[tag];
      if (change !== undefined) change.refusal = refusal;
    };
    const known: Known = { 4: new Map(), 6: new Map() };
    for (let row = 0; row < rows.count; row++) {
      const prefix = prefixAt(rows.rows, row);
      const had = this.#book.get(prefix) ?? NONE;
      const wants = this.#formOf(rows.targets[targetAt(rows.rows, row)]!, prefix.family, had, known);
      if (typeof wants === "string") errors.set(formatPrefix(prefix), wants);
      else if (wants !== had) {
        const change: Change = { row, prefix, had, wants, refusal: undefined };
        this.#begin(change, changes.push(change) - 1, refused);
      }
    }
    this.#socket.flush(refused);
    const done: Change[] = [];
    for (const change of changes) {
      if (change.refusal === undefined) done.push(change);
      else if (this.#revert(change, change.refusal, errors)) conflicts.push(change.row);
    }
    this.#deleteOld(done, conflicts);
    return conflicts;
  }

  #formOf(target: Target | InvalidCommand, family: Family, had: number, known: Known): number | string {
    const before = known[family].get(target);
    if (before !== undefined) return before;
    const present = had === NONE ? undefined : this.#book.form(had);
    const form = formOf(target, family, present, this.#nexthops, this.#links);
    const result = typeof form === "string" ? form : this.#book.intern(form);
    if (target instanceof InvalidCommand || !isResilient(target)) known[family].set(target, result);
    return result;
  }

  /** First half of a change. The book is ahead of the kernel from here to the answer. */
  #begin(change: Change, tag: number, refused: OnRefusal): void {
    const { prefix, had, wants } = change;
    if (had === NONE) this.#queue(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, prefix, wants, tag, refused);
    else {
      const sameMetric = this.#book.form(had).metric === this.#book.form(wants).metric;
      const flags = NLM_F_CREATE | (sameMetric ? NLM_F_APPEND : NLM_F_EXCL);
      this.#queue(RTM_NEWROUTE, flags, prefix, wants, tag, refused);
    }
    this.#hold(prefix, wants);
  }

  /** @returns whether it was refused because there is a route already */
  #revert({ prefix, had, wants }: Change, refusal: Refusal, errors: Map<string, string>): boolean {
    this.#nexthops.drop(this.#book.form(wants).nexthopId);
    if (had === NONE) this.#book.delete(prefix);
    else this.#book.set(prefix, had);
    if (refusal.errno === EEXIST) return true;
    errors.set(formatPrefix(prefix), refusal.message);
    return false;
  }

  /** Second half of the changes whose first half was done. */
  #deleteOld(done: readonly Change[], conflicts: number[]): void {
    const gone: Change[] = [];
    const refused: OnRefusal = (tag) => {
      gone.push(done[tag]!);
    };
    for (const [tag, { prefix, had }] of done.entries()) {
      if (had === NONE) continue;
      this.#queue(RTM_DELROUTE, 0, prefix, had, tag, refused);
      this.#nexthops.drop(this.#book.form(had).nexthopId);
    }
    this.#socket.flush(refused);
    // The old route was not there any more: what we appended may stand behind a foreign one. Take it back and add it
    // as a new one, which says so.
    const ignored: OnRefusal = () => undefined;
    for (const { row, prefix, wants } of gone) {
      this.#queue(RTM_DELROUTE, 0, prefix, wants, 0, ignored);
      this.#release(prefix, wants);
      conflicts.push(row);
    }
    this.#socket.flush(ignored);
  }

  /** Second try for rows that met another route: with a fresh book, and then by saying what is in the way. */
  #settle(rows: RouteRows, conflicts: readonly number[], errors: Map<string, string>): void {
    this.#load();
    const again = subset(rows, lastOf(rows, conflicts));
    this.#exchangeDiscards(again);
    const still = this.#write(again, errors);
    if (still.length === 0) return;
    const foreign = this.#foreignAt(still.map((row) => prefixAt(again.rows, row)));
    for (const row of still) {
      const prefix = prefixAt(again.rows, row);
      const text = formatPrefix(prefix);
      errors.set(text, inTheWay(prefix, foreign.get(text) ?? "it came and went"));
      this.distrust();
    }
  }

  /**
   * IPv6 takes a blackhole and an unreachable route for the same thing and appends neither behind the other. Here the
   * old one goes first; the gap is two messages of one batch apart, and in it the packets follow a shorter prefix.
   */
  #exchangeDiscards({ count, rows, targets }: RouteRows): void {
    const ignored: OnRefusal = () => undefined;
    for (let i = 0; i < count; i++) {
      const prefix = prefixAt(rows, i);
      const had = this.#book.get(prefix);
      const target = targets[targetAt(rows, i)]!;
      if (prefix.family !== 6 || had === undefined || target instanceof InvalidCommand) continue;
      if (target.to !== "discard" || this.#book.form(had).type === RTN_UNICAST) continue;
      if (this.#book.form(had).type === typeOf(target)) continue;
      this.#queue(RTM_DELROUTE, 0, prefix, had, NONE, ignored);
      this.#release(prefix, had);
    }
  }

  #foreignAt(prefixes: readonly Prefix[]): Map<string, string> {
    const wanted = new Set(prefixes.map(formatPrefix));
    const found = new Map<string, string>();
    const nameOf = (index: number): string => this.#links.nameOf(index) ?? `link ${index}`;
    for (const family of [4, 6] as const) {
      if (!prefixes.some((prefix) => prefix.family === family)) continue;
      this.#dump(
        family,
        0,
        (route) => {
          const text = formatPrefix(route.prefix);
          if (route.protocol === this.#protocol || route.form.metric !== metricOf(family)) return;
          if (wanted.has(text)) found.set(text, describeRoute(route, nameOf));
        },
        () => found.clear(),
      );
    }
    return found;
  }

  #queue(type: number, flags: number, prefix: Prefix, form: number, tag: number, refused: OnRefusal): void {
    const to = this.#socket.queue(type, flags, tag, refused);
    writeRoute(to, { prefix, table: this.#table, protocol: this.#protocol, form: this.#book.form(form) });
    this.#socket.queued();
  }

  #hold(prefix: Prefix, form: number): void {
    this.#book.set(prefix, form);
    this.#nexthops.hold(this.#book.form(form).nexthopId);
  }

  #release(prefix: Prefix, form: number): void {
    this.#book.delete(prefix);
    this.#nexthops.drop(this.#book.form(form).nexthopId);
  }
}

/** For each chosen row, the last one of its prefix: of two in one frame the later counts. */
function lastOf({ count, rows }: RouteRows, chosen: readonly number[]): number[] {
  const lastByPrefix = new Map<string, number>();
  for (const row of chosen) lastByPrefix.set(formatPrefix(prefixAt(rows, row)), row);
  for (let row = 0; row < count; row++) {
    const text = formatPrefix(prefixAt(rows, row));
    if (lastByPrefix.has(text)) lastByPrefix.set(text, row);
  }
  return [...lastByPrefix.values()];
}

/** Some rows of a frame, with the same targets. */
function subset({ targets, rows }: RouteRows, chosen: readonly number[]): RouteRows {
  const picked = chosen.map((row) => rows.subarray(row * ROW_OCTETS, (row + 1) * ROW_OCTETS));
  return { targets, count: chosen.length, rows: Buffer.concat(picked) };
}
