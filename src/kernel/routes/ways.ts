/**
 * How the kernel gets to each next hop that the core asks about, without any route of ours: the connected networks, and
 * what the operator or other routing daemons put into our table and the main one.
 *
 * Events only say that there may be another way; {@link Ways.look} finds the ways of all next hops at once, so that a
 * flood of events costs as much as its owner lets it. A look costs some lookups per next hop. What is read anew, after
 * an event was lost, or a link came back without the IPv4 routes that it went with, is both tables whole.
 */

import { type Address, contains, type Family, isLinkLocal } from "../../bgp/net/address.ts";
import { formatAddress } from "../../bgp/net/text.ts";
import type { Link, LinkChanges } from "../commands.ts";
import type { LinkTable } from "../links.ts";
import type { Message } from "../netlink/netlink.ts";
import type { NetlinkSocket } from "../netlink/netlink-socket.ts";
import { dumpNexthops, isNexthopEvent, nexthopIn, RTM_DELNEXTHOP } from "./nexthop-message.ts";
import { RTM_DELROUTE, RTM_GETROUTE, RTM_NEWROUTE, routeIn, writeRouteDump } from "./route-message.ts";
import type { NextHopWay, Way } from "./way-commands.ts";
import { WayTable } from "./way-table.ts";

const MAIN_TABLE = 254;
const ENOENT = 2;

interface Tracked {
  readonly address: Address;
  /** What was told of it, as text; undefined: nothing yet. */
  told: string | undefined;
}

export class Ways {
  readonly #socket: NetlinkSocket;
  readonly #links: LinkTable;
  readonly #tables: readonly number[];
  readonly #protocol: number;
  readonly #table: WayTable;
  /** By address text. */
  readonly #tracked = new Map<string, Tracked>();
  /** Indexes of the links that were up. */
  readonly #up = new Set<number>();
  /** Of those that were up before. */
  readonly #fallen = new Set<number>();
  #due = false;

  constructor(socket: NetlinkSocket, links: LinkTable, table: number, protocol: number) {
    this.#socket = socket;
    this.#links = links;
    this.#tables = table === MAIN_TABLE ? [MAIN_TABLE] : [table, MAIN_TABLE];
    this.#protocol = protocol;
    this.#table = new WayTable(this.#tables);
  }

  /** Some way may be another than was told. */
  get isDue(): boolean {
    return this.#due && this.#tracked.size > 0;
  }

  /** Whom to look for from now on, and whom no more. */
  track(wanted: readonly Address[], released: readonly Address[]): void {
    for (const address of released) this.#tracked.delete(formatAddress(address));
    for (const address of wanted) this.#tracked.set(formatAddress(address), { address, told: undefined });
    this.#due = true;
  }

  /** Takes an event. Those of our own changes do not come here. */
  hear(message: Message): void {
    if (this.#table.isDoubtful) {
      // What is read anew will have it.
      this.#due = true;
    } else if (message.type === RTM_NEWROUTE || message.type === RTM_DELROUTE) this.#hearRoute(message);
    else if (isNexthopEvent(message)) this.#hearNexthop(message);
  }

  /** Events were lost. */
  distrust(): void {
    this.#table.doubt();
    this.#due = true;
  }

  linksChanged({ changed, gone }: LinkChanges): void {
    const down = [...gone, ...changed.filter(isDown).map((link) => link.index)];
    for (const index of down) {
      if (!this.#up.delete(index)) continue;
      this.#fallen.add(index);
      this.#table.linkFell();
    }
    for (const { index, up } of changed) {
      if (!up) continue;
      this.#up.add(index);
      if (this.#fallen.delete(index)) this.#table.doubt();
    }
    for (const index of gone) this.#fallen.delete(index);
    this.#due = true;
  }

  /** The ways that are others than was told, each with its next hop. @throws SystemError */
  look(): NextHopWay[] {
    this.#due = false;
    if (this.#table.isDoubtful) this.#read();
    const told: NextHopWay[] = [];
    for (const tracked of this.#tracked.values()) {
      const way = this.#wayTo(tracked.address);
      const text = JSON.stringify(way);
      if (text === tracked.told) continue;
      tracked.told = text;
      told.push({ nextHop: tracked.address, way });
    }
    return told;
  }

  #wayTo(address: Address): Way {
    const { zone } = address;
    if (zone !== undefined && isLinkLocal(address)) {
      if (this.#links.placeOf(zone)?.up !== true) return { reachable: false, why: "link-down" };
      return { reachable: true, length: 64, metric: 0, hops: [{ interface: zone }] };
    }
    if (this.#links.owns(address)) return { reachable: false, why: "own-address" };
    return this.#table.find(address, (index) => this.#links.at(index));
  }

  #hearRoute(message: Message): void {
    const route = routeIn(message);
    if (route === undefined || route.protocol === this.#protocol || !this.#tables.includes(route.table))
      return;
    if (message.type === RTM_NEWROUTE) this.#table.add(route, message.flags);
    else this.#table.remove(route);
    if (this.#due) return;
    for (const { address } of this.#tracked.values()) {
      if (!contains(route.prefix, address)) continue;
      this.#due = true;
      return;
    }
  }

  #hearNexthop(message: Message): void {
    const told = nexthopIn(message);
    if (told === undefined || told.protocol === this.#protocol) return;
    if (message.type === RTM_DELNEXTHOP) this.#table.removeNexthop(told.id);
    else this.#table.setNexthop(told.id, told.nexthop);
    this.#due = true;
  }

  #read(): void {
    this.#table.clear();
    dumpNexthops(
      this.#socket,
      ({ id, nexthop }) => this.#table.setNexthop(id, nexthop),
      () => undefined,
    );
    for (const table of this.#tables) for (const family of [4, 6] as const) this.#readRoutes(table, family);
  }

  #readRoutes(table: number, family: Family): void {
    const refusal = this.#socket.dump(
      RTM_GETROUTE,
      (to) => writeRouteDump(to, family, table, 0),
      (message) => {
        // The protocol stands in a fixed place: of a million routes, most are ours.
        if (message.payload[5] === this.#protocol) return;
        const route = routeIn(message);
        if (route?.table === table) this.#table.add(route);
      },
      // What changed meanwhile is told in events, which are taken in after this.
      () => undefined,
    );
    // ENOENT: nobody has put anything into that table yet.
    if (refusal !== undefined && refusal.errno !== ENOENT)
      throw new Error(`routes cannot be read: ${refusal.message}`);
  }
}

const isDown = ({ up }: Link): boolean => !up;
