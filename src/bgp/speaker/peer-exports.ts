/** What one peer is told: its membership in update groups, and the End-of-RIB that it is owed. */

import { type Address, type Family, isLinkLocal, unzoned } from "../net/address.ts";
import { sameView } from "../rib/as-view.ts";
import { ALL_PATHS, type ExportClass } from "../rib/outgoing.ts";
import type { PeerId } from "../rib/peer-table.ts";
import type { UpdateGroup } from "../rib/update-group.ts";
import type { Negotiated } from "../session/negotiation.ts";
import { MAX_EXTENDED_MESSAGE_OCTETS } from "../wire/context.ts";
import { afiSafiOf } from "../wire/messages.ts";
import { encodeRouteRefresh } from "../wire/route-refresh.ts";
import { encodeEndOfRib } from "../wire/update-pack.ts";
import type { Connection } from "./connection.ts";
import type { PeerEvent } from "./events.ts";
import type { PeerOptions } from "./options.ts";
import { asViewOf } from "./peer-options.ts";
import type { Shared } from "./shared.ts";
import type { Traffic } from "./traffic.ts";
import type { Link } from "./world.ts";

/** The peer whose exports these are. */
interface Exporter {
  readonly address: Address;
  readonly options: PeerOptions;
  readonly drains: boolean;
  readonly connection: Connection;
  readonly traffic: Traffic;
  readonly ribId: PeerId | undefined;
  readonly negotiated: Negotiated | undefined;
  /** Writes whole UPDATEs, of which there are `messages`. */
  write(octets: Uint8Array, messages: number): void;
}

export class PeerExports {
  /** Routes that it was not told because their attributes do not fit into a message, since it is known. */
  unsendable = 0;
  readonly #shared: Shared;
  readonly #peer: Exporter;
  readonly #groups: Map<Family, UpdateGroup> = new Map();
  /** Families of this session whose first table has not been sent whole. */
  readonly #owed: Set<Family> = new Set();

  /** Families that are being told again, and whose end is to be said (RFC 7313). */
  readonly #refreshed: Set<Family> = new Set();

  constructor(shared: Shared, peer: Exporter) {
    this.#shared = shared;
    this.#peer = peer;
  }

  /** So many prefixes were not told: their attributes do not fit into a message. */
  spared(family: Family, prefixes: number): void {
    this.unsendable += prefixes;
    this.#emit({ on: "unsendable", family, prefixes });
  }

  get groups(): ReadonlyMap<Family, UpdateGroup> {
    return this.#groups;
  }

  join(peer: PeerId, negotiated: Negotiated): void {
    for (const family of negotiated.families) {
      const exportClass = this.#classOf(family, negotiated);
      this.#owed.add(family);
      if (exportClass !== undefined) {
        this.#groups.set(family, this.#shared.rib.of(family).exports.join(peer, exportClass));
      } else this.#emit({ on: "no-next-hop", family });
    }
  }

  leave(peer: PeerId): void {
    for (const family of this.#groups.keys()) this.#shared.rib.of(family).exports.leave(peer);
    this.#groups.clear();
    this.#owed.clear();
    this.#refreshed.clear();
  }

  /** After another export policy or next hop rule: what differs is sent, on the same session. */
  move(): void {
    const { ribId, negotiated } = this.#peer;
    if (ribId === undefined || negotiated === undefined) return;
    for (const [family, group] of this.#groups) {
      const exportClass = { ...group.exportClass, ...this.#settingsOf(family, negotiated) };
      if (isSameClass(exportClass, group.exportClass)) continue;
      this.#groups.set(family, this.#shared.rib.of(family).exports.move(ribId, exportClass));
    }
  }

  /** ROUTE-REFRESH: everything again (RFC 2918 §4), between its begin and end where both know them (RFC 7313 §4.1). */
  resend(peer: PeerId, family: Family): void {
    // RFC 7313 §4.1: not before End-of-RIB. Asked for again meanwhile, it began already and ends later.
    const isBegun = this.#owed.has(family) || this.#refreshed.has(family);
    if (this.#peer.negotiated?.decode.enhancedRefresh === true && !isBegun) {
      this.#sendRefresh(family, "begin");
      this.#refreshed.add(family);
    }
    this.#groups.get(family)?.resend(peer);
  }

  /** Tells everything again, and asks for everything again. */
  refresh(peer: PeerId): void {
    const { negotiated } = this.#peer;
    for (const family of negotiated?.families ?? []) {
      this.resend(peer, family);
      if (negotiated?.routeRefresh === true) this.#sendRefresh(family, "request");
    }
  }

  /** Says of each first table (RFC 4724 §2), unless that is held back, and of each refresh, that it is out whole. */
  sendEnds(peer: PeerId, holdsEndOfRib: boolean): void {
    if (!holdsEndOfRib) this.#sendEndOfRibs(peer);
    for (const family of this.#refreshed) {
      if (!this.#isTold(peer, family)) continue;
      this.#refreshed.delete(family);
      this.#sendRefresh(family, "end");
    }
  }

  #sendEndOfRibs(peer: PeerId): void {
    for (const family of this.#owed) {
      if (!this.#isTold(peer, family)) continue;
      this.#owed.delete(family);
      this.#peer.write(encodeEndOfRib(family), 1);
    }
  }

  #isTold(peer: PeerId, family: Family): boolean {
    const group = this.#groups.get(family);
    if (this.#shared.rib.of(family).best.pending > 0) return false;
    return group === undefined || group.pendingFor(peer) === 0;
  }

  #sendRefresh(family: Family, subtype: "request" | "begin" | "end"): void {
    this.#peer.traffic.sent("route-refresh", 1);
    this.#peer.connection.write(encodeRouteRefresh({ ...afiSafiOf(family), subtype }));
  }

  /** Adj-RIB-Out of the session, all families. */
  advertised(peer: PeerId): number {
    let count = 0;
    for (const group of this.#groups.values()) count += group.advertised(peer);
    return count;
  }

  #classOf(family: Family, negotiated: Negotiated): ExportClass | undefined {
    const nextHop = ownNextHop(family, this.#peer.connection.link, negotiated);
    if (nextHop === undefined) return undefined;
    const { reflectorClient, routeServerClient, role } = this.#peer.options;
    const { external } = negotiated;
    return {
      ...this.#settingsOf(family, negotiated),
      external,
      reflectorClient: reflectorClient && !external,
      routeServerClient: routeServerClient === true && external,
      role: external ? role : undefined,
      as4: negotiated.encode.as4,
      extendedMessage: negotiated.maxOctets === MAX_EXTENDED_MESSAGE_OCTETS,
      longLived: negotiated.gracefulRestart?.longLived !== undefined,
      ...nextHop,
    };
  }

  #settingsOf(family: Family, { external, addPath }: Negotiated): ExportSettings {
    const { options, drains } = this.#peer;
    const most = options.addPath?.send === "all" ? ALL_PATHS : (options.addPath?.send ?? 0);
    return {
      filter: this.#shared.filters.exportOf(options, drains),
      asView: external ? asViewOf(this.#shared.options, options) : undefined,
      nextHopSelf: options.nextHopSelf,
      passesUnknown: options.passUnknownAttributes ?? false,
      paths: addPath.send.includes(family) ? most : 0,
    };
  }

  #emit(event: PeerEvent): void {
    this.#shared.emit(this.#peer.address, event);
  }
}

/** What stands for ourselves in what we announce on a session; undefined: nothing that the peer could use. */
function ownNextHop(
  family: Family,
  link: Link | undefined,
  { decode }: Negotiated,
): Pick<ExportClass, "localAddress" | "linkLocal" | "sixNextHop"> | undefined {
  const sixNextHop = family === 6 || decode.extendedNextHop;
  const own = sixNextHop && link?.local?.family === 6 ? link.local : link?.localIn(family);
  if (own === undefined) return undefined;
  const global = isLinkLocal(own) ? link?.globalBeside : undefined;
  const linkLocal = global && unzoned(own);
  return { localAddress: global ?? unzoned(own), linkLocal, sixNextHop };
}

/** Within one session only these can change. */
type ExportSettings = Pick<ExportClass, "filter" | "asView" | "nextHopSelf" | "passesUnknown" | "paths">;

const isSameClass = (a: ExportSettings, b: ExportSettings): boolean =>
  a.filter === b.filter &&
  a.nextHopSelf === b.nextHopSelf &&
  a.passesUnknown === b.passesUnknown &&
  a.paths === b.paths &&
  sameView(a.asView, b.asView);
