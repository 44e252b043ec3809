/**
 * The kernel as netd sees it: carries commands out, and hears what others do.
 *
 * Before each command all events that have come are read, so that it works on what is there and not on what was.
 */

import { setImmediate } from "node:timers/promises";
import { type Advertisement, decodeAdvertisements, decodeInterfaces } from "./advertisement-commands.ts";
import {
  CODE,
  type Drift,
  decodeRedirections,
  decodeRows,
  decodeTranslation,
  encodeJson,
  encodeRoutes,
  type LinkChanges,
  type Neighbour,
  type Settings,
  type Translation,
  type Warning,
} from "./commands.ts";
import { Conntrack, conntrackUse } from "./conntrack/conntrack.ts";
import { decodeSessionQuery, type SessionQuery } from "./conntrack/session-commands.ts";
import { SessionWalker } from "./conntrack/session-walk.ts";
import { SessionWatch } from "./conntrack/session-watch.ts";
import { InvalidCommand, parseJson } from "./fields.ts";
import { LinkTable } from "./links.ts";
import { Neighbours } from "./neighbours.ts";
import type { IcmpSocket } from "./netlink/ffi.ts";
import type { Message } from "./netlink/netlink.ts";
import { NetlinkSocket } from "./netlink/netlink-socket.ts";
import { Watch } from "./netlink/watch.ts";
import { decodeEndpointQuery } from "./nft/endpoints.ts";
import { concernsOurTable, type Nft } from "./nft/nft.ts";
import { decodeHelpers, decodeSetName } from "./nft/nft-commands.ts";
import { refusesNft } from "./nft/nft-guard.ts";
import { followPacket } from "./nft/packet-trace.ts";
import { decodePacketQuery, type PacketQuery } from "./nft/trace-commands.ts";
import { Nexthops } from "./routes/nexthops.ts";
import { Routes } from "./routes/routes.ts";
import { decodeTracking, type NextHopWay } from "./routes/way-commands.ts";
import { Ways } from "./routes/ways.ts";
import { prepareNamespace, prepareTap } from "./sysctls.ts";

const NETLINK_ROUTE = 0;
const NETLINK_NETFILTER = 12;
/** Links, IPv4 and IPv6 addresses, IPv4 and IPv6 routes, nexthops. */
const ROUTE_GROUPS = [1, 5, 9, 7, 11, 32];
const NFNLGRP_NFTABLES = 7;
/** Routes of one answer: some 5 ms of the time of who writes it, and of who reads it. */
const READ_ROWS = 4096;
/** Octets of one answer, of a listing that for a million floating IPs is longer than a frame may be. */
const READ_OCTETS = 256 * 1024;
const NOTHING = Buffer.alloc(0);

/** By prefix, or by place. */
type RouteErrors = ReadonlyMap<string | number, string>;

/** Hears what the machine did not do itself. */
export interface Listener {
  links(changes: LinkChanges): void;
  drift(what: Drift): void;
  neighbour(neighbour: Neighbour): void;
  /** Some way to a next hop may be another: {@link Machine.lookForWays} is to be called, at a time of the listener's choice. */
  waysDue(): void;
  warning(warning: Warning): void;
}

export class Machine {
  readonly warnings: readonly Warning[];
  readonly #socket = new NetlinkSocket(NETLINK_ROUTE);
  readonly #links = new LinkTable(this.#socket);
  readonly #nexthops: Nexthops;
  readonly #routes: Routes;
  readonly #ways: Ways;
  readonly #nft: Nft;
  readonly #routeWatch = new Watch(NETLINK_ROUTE, ROUTE_GROUPS, this.#socket.port);
  readonly #nftWatch: Watch;
  readonly #listener: Listener;
  readonly #neighbours: Neighbours | undefined;
  #conntrack: Conntrack | undefined;
  #walker: SessionWalker | undefined;
  readonly #sessionWatch = new SessionWatch();
  #following = false;
  /** What of the text of our table was read and not yet asked for. */
  #listing: Buffer = NOTHING;
  #last: Promise<unknown> = Promise.resolve();

  /**
   * @param icmp - to look for neighbours with; undefined: that cannot be done
   * @throws SystemError
   */
  constructor(settings: Settings, nft: Nft, icmp: IcmpSocket | undefined, listener: Listener) {
    const { routeTable, protocol, fastSwitch } = settings;
    this.#nexthops = new Nexthops(this.#socket, settings);
    const dumps = new NetlinkSocket(NETLINK_ROUTE);
    const of = { socket: this.#socket, dumps, nexthops: this.#nexthops, links: this.#links };
    this.#routes = new Routes(of, routeTable, protocol, () => setImmediate());
    this.#ways = new Ways(this.#socket, this.#links, routeTable, protocol);
    this.#nft = nft;
    this.#nftWatch = new Watch(NETLINK_NETFILTER, [NFNLGRP_NFTABLES], nft.port);
    this.#listener = listener;
    this.#neighbours = icmp && new Neighbours(icmp, (neighbour) => listener.neighbour(neighbour));
    this.warnings = prepareNamespace(fastSwitch);
    this.#links.reload();
  }

  /** Descriptors that have something for {@link hear} when they can be read. */
  get watched(): readonly number[] {
    const fds = [this.#routeWatch.fd, this.#nftWatch.fd];
    return this.#neighbours === undefined ? fds : [...fds, this.#neighbours.fd];
  }

  /** All links, for the first time. */
  links(): LinkChanges {
    const links = this.#links.takeChanges();
    this.#ways.linksChanged(links);
    return links;
  }

  /** Takes in all events that have come. @throws SystemError */
  hear(): void {
    if (!this.#routeWatch.drain((message) => this.#routeEvent(message))) {
      this.#links.reload();
      this.#loseRoutes();
      this.#ways.distrust();
    }
    let foreign = false;
    const complete = this.#nftWatch.drain((message) => {
      foreign ||= concernsOurTable(message) && !this.#nft.caused(message);
    });
    if (foreign || !complete) this.#listener.drift("nat");
    const changes = this.#links.takeChanges();
    if (changes.changed.length > 0 || changes.gone.length > 0) {
      this.#listener.links(changes);
      this.#ways.linksChanged(changes);
      this.#nexthops.mend();
      this.tick();
    }
    if (this.#ways.isDue) this.#listener.waysDue();
    this.#neighbours?.hear(performance.now());
  }

  /** The ways to tracked next hops that are others than was told. @throws SystemError */
  lookForWays(): readonly NextHopWay[] {
    return this.#ways.look();
  }

  /** What time brings; called every second. */
  tick(): void {
    this.#neighbours?.tick(performance.now(), (name) => this.#links.placeOf(name));
  }

  /**
   * Carries a command out.
   * @returns the answer, or what will be; others may be carried out meanwhile
   * @throws InvalidCommand when it says what it must not; Error with the kernel's words when it cannot be done
   */
  carryOut(code: number, payload: Buffer): Buffer | Promise<Buffer> {
    this.hear();
    switch (code) {
      case CODE.read:
        return this.#inTurn(() => this.#read(parseJson(payload) === true));
      case CODE.readSome:
        return this.#readSome();
      case CODE.readListing:
        return this.#readListing();
      case CODE.putRoutes:
        return this.#inTurn(() => this.#changeRoutes(() => this.#routes.put(decodeRows(payload, true))));
      case CODE.removeRoutes:
        return this.#inTurn(() => this.#changeRoutes(() => this.#routes.remove(decodeRows(payload, false))));
      case CODE.redirect:
        return this.#changeRoutes(() => this.#routes.redirect(decodeRedirections(payload)));
      case CODE.applyNat:
        return this.#applyNat(payload.toString("utf8"));
      case CODE.forget:
        return encodeJson(this.#forget(decodeTranslation(payload)));
      case CODE.prepareTaps:
        return encodeJson(this.#prepareTaps(decodeInterfaces(payload)));
      case CODE.conntrack:
        return encodeJson(conntrackUse() ?? false);
      case CODE.limited:
        return encodeJson(this.#nft.listState("chain", "limited") ?? false);
      case CODE.sessions:
        return this.#sessions(decodeSessionQuery(payload));
      case CODE.nextSessions:
        return this.#sessionWatch.next();
      case CODE.endSessions:
        this.#sessionWatch.end();
        return encodeJson(true);
      case CODE.listSet:
        return encodeJson(this.#nft.listSet(decodeSetName(payload)) ?? false);
      case CODE.helpers:
        return encodeJson(this.#nft.lackedHelpers(decodeHelpers(payload)));
      case CODE.granted:
        return encodeJson(this.#nft.listState("map", "granted") ?? false);
      case CODE.endpoint:
        return encodeJson(this.#nft.findEndpoint(decodeEndpointQuery(payload)) ?? false);
      case CODE.follow:
        return this.#follow(decodePacketQuery(payload));
      case CODE.seek:
        return this.#seek(decodeInterfaces(payload));
      case CODE.advertise:
        return this.#advertise(decodeAdvertisements(payload));
      case CODE.track:
        return this.#track(payload);
      default:
        throw new InvalidCommand(`no command has the number ${code}`);
    }
  }

  async #follow(query: PacketQuery): Promise<Buffer> {
    if (this.#following) throw new Error("another packet is being followed: try again when it was");
    this.#following = true;
    try {
      return encodeJson((await followPacket(this.#nft, query)) ?? false);
    } finally {
      this.#following = false;
    }
  }

  async #sessions(query: SessionQuery): Promise<Buffer> {
    this.#walker ??= new SessionWalker();
    return encodeJson(await this.#walker.walk(query, () => setImmediate()));
  }

  /** One after the other, since the book of routes may have to be read in between. */
  #inTurn(work: () => Promise<Buffer>): Promise<Buffer> {
    const answer = this.#last.then(work);
    this.#last = answer.catch(() => undefined);
    return answer;
  }

  /** @param knowsNat - whoever asks knows what our table had when it was listed last, and what was done to it since */
  async #read(knowsNat: boolean): Promise<Buffer> {
    await this.#routes.read();
    if (knowsNat && this.#nft.isUntouched) return encodeJson("known");
    const listing = this.#nft.list();
    this.#listing = Buffer.from(listing ?? "");
    return encodeJson(listing === undefined ? "none" : "listed");
  }

  /** The next ones of what was read; none when that were all. */
  #readSome(): Buffer {
    const some = this.#routes.next(READ_ROWS);
    return encodeRoutes(some, 0, some.length);
  }

  /** The next octets of what was read of NAT; none when that was all. */
  #readListing(): Buffer {
    const some = this.#listing.subarray(0, READ_OCTETS);
    const rest = this.#listing.subarray(READ_OCTETS);
    this.#listing = rest.length > 0 ? rest : NOTHING;
    return some;
  }

  async #changeRoutes(change: () => RouteErrors | Promise<RouteErrors>): Promise<Buffer> {
    try {
      return encodeJson([...(await change())]);
    } catch (error) {
      // It is not known how far it came.
      this.#loseRoutes();
      throw error;
    }
  }

  #applyNat(text: string): Buffer {
    const refused = refusesNft(text);
    if (refused !== undefined) throw new InvalidCommand(`nftables text: ${refused}`);
    const failed = this.#nft.run(text);
    // Without the library's port its events look like foreign ones. All of them have come by now.
    if (this.#nft.port === undefined) this.#nftWatch.drain(() => undefined);
    if (failed !== undefined) throw new Error(failed);
    return encodeJson(true);
  }

  #forget(translation: Translation): number {
    this.#conntrack ??= new Conntrack();
    const { public: outer, private: inner } = translation;
    // First, while no packet of these flows can make them anew.
    return this.#conntrack.forget(translation, (ports) => {
      if (inner === undefined && outer.family === 4) this.#nft.forgetMappings(outer, ports);
    });
  }

  #prepareTaps(names: readonly string[]): [string, string][] {
    const errors: [string, string][] = [];
    for (const name of names) {
      const message = prepareTap(name, (warning) => this.#listener.warning(warning));
      if (message !== undefined) errors.push([name, message]);
    }
    return errors;
  }

  #seek(names: readonly string[]): Buffer {
    if (names.length > 0) this.#requireSocket("peers by interface must connect to us");
    this.#neighbours?.seek(names);
    this.tick();
    return encodeJson(true);
  }

  #advertise(advertisements: readonly Advertisement[]): Buffer {
    if (advertisements.length > 0) this.#requireSocket("instances do not learn of their IPv6 networks");
    this.#neighbours?.advertise(advertisements);
    this.tick();
    return encodeJson(true);
  }

  #requireSocket(otherwise: string): void {
    if (this.#neighbours !== undefined) return;
    const message = `without CAP_NET_RAW no router advertisements are sent or heard: ${otherwise}`;
    this.#listener.warning({ code: "neighbours.socket", subject: "netd", message });
  }

  #track(payload: Buffer): Buffer {
    const { wanted, released } = decodeTracking(payload);
    this.#ways.track(wanted, released);
    if (this.#ways.isDue) this.#listener.waysDue();
    return encodeJson(true);
  }

  #routeEvent(message: Message): void {
    this.#ways.hear(message);
    const lost = this.#links.apply(message);
    if (lost !== undefined ? this.#routes.loses(lost) : this.#routes.concerns(message)) this.#loseRoutes();
  }

  #loseRoutes(): void {
    this.#routes.distrust();
    this.#listener.drift("routes");
  }
}
