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
 * The book of what is there comes from a dump, and from a new one whenever an event says that it may be wrong. Of a million
 * routes that takes seconds: it is read in slices, between which others have their turn, and which none of its own methods
 * but {@link Routes.redirect} may be called in.
 */

import type { Family, Prefix } from "../../bgp/net/address.ts";
import { formatPrefix } from "../../bgp/net/text.ts";
import {
  type KernelRoute,
  prefixAt,
  type Redirection,
  type RouteRows,
  type Target,
  targetAt,
} from "../commands.ts";
import { InvalidCommand } from "../fields.ts";
import type { LinkTable } from "../links.ts";
import { type Message, NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE } from "../netlink/netlink.ts";
import type { NetlinkSocket, OnRefusal, Refusal } from "../netlink/netlink-socket.ts";
import { lastOf, subset } from "./chosen-rows.ts";
import { foreignAt } from "./foreign-routes.ts";
import type { Nexthops } from "./nexthops.ts";
import { RouteBook } from "./route-book.ts";
import {
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

/** What the routes are written with. */
interface RoutesOf {
  readonly socket: NetlinkSocket;
  readonly dumps: NetlinkSocket;
  readonly nexthops: Nexthops;
  readonly links: LinkTable;
}

export class Routes {
  readonly #socket: NetlinkSocket;
  readonly #nexthops: Nexthops;
  readonly #links: LinkTable;
  readonly #table: number;
  readonly #protocol: number;
  readonly #book = new RouteBook();
  readonly #dumps: NetlinkSocket;
  readonly #turn: () => Promise<void>;
  #stale = true;
  #loading = false;
  #reading: Iterator<readonly [Prefix, Form]> | undefined;

  /**
   * @param dumps - a socket that nothing else is asked of
   * @param turn - lets others have their turn
   */
  constructor(
    { socket, dumps, nexthops, links }: RoutesOf,
    table: number,
    protocol: number,
    turn: () => Promise<void>,
  ) {
    this.#socket = socket;
    this.#dumps = dumps;
    this.#turn = turn;
    this.#nexthops = nexthops;
    this.#links = links;
    this.#table = table;
    this.#protocol = protocol;
  }

  /** Says that the book may be wrong: it is read anew before it is used again. */
  distrust(): void {
    this.#stale = true;
  }

  /** Reads what is there anew, to be had by {@link next}. @throws SystemError */
  async read(): Promise<void> {
    await this.#load();
    this.#reading = this.#book.entries();
  }

  /** The next ones of what was read, `most` of them; none when that were all. Each leads where it does by now. */
  next(most: number): KernelRoute[] {
    const routes: KernelRoute[] = [];
    const targetByForm = new Map<Form, Target>();
    while (routes.length < most) {
      const next = this.#reading?.next();
      if (next === undefined || next.done === true) break;
      const [prefix, form] = next.value;
      const target = targetByForm.get(form) ?? targetOf(form, this.#nexthops, this.#links);
      targetByForm.set(form, target);
      routes.push({ prefix, target });
    }
    return routes;
  }

  /** Adds or changes. Errors by prefix; the other routes are in place. @throws SystemError */
  async put(rows: RouteRows): Promise<Map<string, string>> {
    const errors = new Map<string, string>();
    if (this.#stale) await this.#load();
    const conflicts = this.#write(rows, errors);
    if (conflicts.length > 0) await this.#settle(rows, conflicts, errors);
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
    const known = !this.#stale && !this.#loading;
    if (!known) this.#nexthops.load();
    for (const [place, { from, to }] of redirections.entries()) {
      const groups = groupsOf(from, this.#nexthops, this.#links);
      const refused = redirect(groups, to, this.#nexthops, this.#links);
      if (refused !== undefined) errors.set(place, refused);
    }
    // Without the routes, nothing is known to be of no use.
    if (known) this.#nexthops.collect();
    return errors;
  }

  /** Removes; what is not there counts as removed. Errors by prefix. @throws SystemError */
  async remove({ count, rows }: RouteRows): Promise<Map<string, string>> {
    const errors = new Map<string, string>();
    if (this.#stale) await this.#load();
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

  /** A link lost something. True: routes of ours may be gone with it, or lead elsewhere. @throws SystemError */
  loses(index: number): boolean {
    const isLoss = this.#nexthops.useLink(index) && this.#nexthops.survey();
    return isLoss || this.#loading || this.#book.usesLink(index);
  }

  /** Whether an event tells that a foreign hand changed a route or nexthop of ours. */
  concerns(message: Message): boolean {
    if (message.type !== RTM_NEWROUTE && message.type !== RTM_DELROUTE)
      return this.#nexthops.concerns(message);
    const route = routeIn(message);
    if (route === undefined || route.table !== this.#table) return false;
    if (route.protocol === this.#protocol) return true;
    if (message.type === RTM_DELROUTE || (message.flags & NLM_F_REPLACE) === 0) return false;
    const isOurs = this.#loading || this.#book.get(route.prefix) !== undefined;
    return isOurs && route.form.metric === metricOf(route.prefix.family);
  }

  async #load(): Promise<void> {
    this.#loading = true;
    // Whatever is distrusted while it is read, is so after.
    this.#stale = false;
    try {
      await this.#readAll();
    } catch (error) {
      this.#stale = true;
      throw error;
    } finally {
      this.#loading = false;
    }
  }

  async #readAll(): Promise<void> {
    this.#socket.discard();
    const surplus: TableRoute[] = [];
    this.#nexthops.load();
    this.#book.clear();
    for (const family of [4, 6] as const) {
      const before = surplus.length;
      await this.#dump(
        family,
        this.#protocol,
        (route) => this.#enter(route, surplus),
        () => {
          surplus.length = before;
        },
      );
    }
    for (const [form, routes] of this.#book.routesByForm()) this.#nexthops.hold(form.nexthopId, routes);
    this.#finish(surplus);
  }

  /** Two routes of ours for one prefix: a change that was cut off between its two halves. The second half counts. */
  #enter(route: TableRoute, surplus: TableRoute[]): void {
    const present = this.#book.get(route.prefix);
    // The kernel says "blackhole" of a route as long as its group has nothing else.
    const type = route.form.nexthopId === 0 ? route.form.type : RTN_UNICAST;
    const form = this.#book.intern({ ...route.form, type });
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

  async #dump(
    family: Family,
    protocol: number,
    each: (route: TableRoute) => void,
    again: () => void,
  ): Promise<void> {
    const refusal = await this.#dumps.dumpInSlices(
      RTM_GETROUTE,
      (to) => writeRouteDump(to, family, this.#table, protocol),
      (message) => {
        const route = routeIn(message);
        // Older kernels ignore the filter.
        if (route?.table === this.#table && (protocol === 0 || route.protocol === protocol)) each(route);
      },
      again,
      this.#turn,
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
  async #settle(rows: RouteRows, conflicts: readonly number[], errors: Map<string, string>): Promise<void> {
    await this.#load();
    const again = subset(rows, lastOf(rows, conflicts));
    this.#exchangeDiscards(again);
    const still = this.#write(again, errors);
    if (still.length === 0) return;
    const foreign = await foreignAt(
      still.map((row) => prefixAt(again.rows, row)),
      this.#protocol,
      (index) => this.#links.nameOf(index) ?? `link ${index}`,
      (family, each, again) => this.#dump(family, 0, each, again),
    );
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
