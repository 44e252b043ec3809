/**
 * What one monitoring station is told of a speaker (RFC 7854): each session's beginning and end, and the tables that it
 * asked for: all that there is when it comes, and then what changes.
 *
 * What peers say and what they are told is relayed as it passes. Tables that we make ourselves (after import policy, the
 * Loc-RIB, before export policy) have no messages: of each prefix that was decided again the station is told what holds
 * when its turn comes, which needs one entry in a set however often it changes. All of it, and the tables that are sent in
 * pieces, obeys one rule: what is said last of a prefix is what holds. So nothing is remembered of what was said, and a
 * withdrawal may name what the station never heard of.
 */

import type { Family, Prefix } from "../net/address.ts";
import { sameAddress } from "../net/address.ts";
import { formatAddress } from "../net/text.ts";
import type { Loss } from "../speaker/loss.ts";
import type { Monitor, MonitoredSession } from "../speaker/monitor.ts";
import type { PathSnapshot, RouteSnapshot } from "../speaker/snapshots.ts";
import type { Speaker } from "../speaker/speaker.ts";
import { encodeMessage } from "../wire/codec.ts";
import type { Reaction } from "../wire/fault.ts";
import { nextHopOutside } from "../wire/next-hop-outside.ts";
import type { PathAttributes } from "../wire/path-attributes.ts";
import { decodeUpdate, Update } from "../wire/update.ts";
import { encodeEndOfRib } from "../wire/update-pack.ts";
import {
  type BmpPeer,
  type BmpPeerDown,
  erroredMessage,
  initiation,
  peerDown,
  peerUp,
  routeMonitoring,
  statistics,
  termination,
} from "./messages.ts";
import { Owed } from "./owed.ts";
import { LOC_RIB_WRITING, locRibOf, locRibOpen, peerOf, UNSPECIFIED, type Writing } from "./subject.ts";
import type { BmpTable } from "./tables.ts";
import { UpdateWriter } from "./update-writer.ts";

/** Routes of one call of {@link BmpStation.work}. */
const PIECE_ROUTES = 500;

/** RFC 4271 §8.1.4, event 17: another connection of the peer took the place of this one. */
const CONNECTION_ACKNOWLEDGED = 17;

/** Tables that no message of a session tells. */
const MADE_HERE: readonly BmpTable[] = ["post-policy", "rib-out-pre-policy", "loc-rib"];

const FAMILIES: readonly Family[] = [4, 6];

/** A table that is being sent. */
interface Dump {
  /** Undefined: of the speaker itself. */
  readonly session: MonitoredSession | undefined;
  readonly table: BmpTable;
  readonly families: Family[];
  /** -1: nothing is left of this family but to say so. */
  from: number;
}

export interface BmpSink {
  /** Takes whole messages. */
  send(octets: Uint8Array): void;
  /** There is something to tell: {@link BmpStation.work} wants to be called. */
  tables(): void;
}

export interface BmpSystem {
  readonly name: string;
  readonly description: string;
}

/** What of a speaker is told. */
export interface BmpScope {
  readonly system: BmpSystem;
  readonly tables: readonly BmpTable[];
}

export class BmpStation implements Monitor {
  readonly #speaker: Speaker;
  readonly #tables: ReadonlySet<BmpTable>;
  readonly #to: BmpSink;
  readonly #clock: () => number;
  readonly #dumps: Dump[] = [];
  readonly #owed: Owed = new Owed();
  readonly #writer: UpdateWriter = new UpdateWriter();
  readonly #update: Update = new Update();
  readonly #stop: () => void;
  readonly decided: Monitor["decided"];
  readonly sent: Monitor["sent"];

  /**
   * Begins at once with what there is.
   * @param clock - milliseconds since 1970
   */
  constructor(speaker: Speaker, { system, tables }: BmpScope, to: BmpSink, clock: () => number) {
    this.#speaker = speaker;
    this.#tables = new Set(tables);
    this.#to = to;
    this.#clock = clock;
    if (MADE_HERE.some((table) => tables.includes(table))) this.decided = (prefix) => this.#owe(prefix);
    if (tables.includes("rib-out-post-policy")) {
      this.sent = (session, message) => this.#relay(peerOf(session), "rib-out-post-policy", message);
    }
    to.send(initiation(system));
    if (this.#tables.has("loc-rib")) {
      const open = locRibOpen(speaker.options);
      const facts = {
        local: UNSPECIFIED[4],
        localPort: 0,
        remotePort: 0,
        openSent: open,
        openReceived: open,
      };
      to.send(peerUp(locRibOf(speaker.options), clock(), facts));
      this.#dump(undefined, "loc-rib", FAMILIES);
    }
    for (const session of speaker.sessions()) {
      this.#introduce(session);
      this.#dumpAll(session);
    }
    this.#stop = speaker.monitor(this);
  }

  /** What a session begins with is told as its UPDATEs come and go; what could be sent to it was there before. */
  up(session: MonitoredSession): void {
    this.#introduce(session);
    if (this.#tables.has("rib-out-pre-policy")) {
      this.#dump(session, "rib-out-pre-policy", session.negotiated.families);
    }
  }

  updated(session: MonitoredSession, message: Uint8Array, reaction: Reaction | undefined): void {
    const isTaken = reaction === undefined || reaction === "attribute-discard";
    if (this.#tables.has("pre-policy")) {
      if (isTaken) this.#relay(peerOf(session), "pre-policy", message);
      else this.#send(erroredMessage(peerOf(session), this.#clock(), message));
    }
    // What ends the session withdraws everything.
    if (reaction === "session-reset") return;
    if (isTaken && !this.#tables.has("post-policy")) return;
    decodeUpdate(message, session.negotiated.decode, this.#update);
    if (!isTaken) this.#withdrawNamed(session, "pre-policy");
    this.#owePostPolicy(session, isTaken);
  }

  swept(session: MonitoredSession): void {
    if (!this.#tables.has("pre-policy") && !this.#tables.has("post-policy")) return;
    // No message names what went: the station forgets the session and is told it anew.
    this.#forget(session, { by: "local", event: 0 });
    this.#introduce(session);
    this.#dumpAll(session);
  }

  down(session: MonitoredSession, loss: Loss): void {
    this.#forget(session, downOf(loss));
  }

  /** Tells the next piece of what is owed. False: all of it is told. */
  work(): boolean {
    for (let left = PIECE_ROUTES; left > 0 && this.#owed.size > 0; left--)
      this.#tellPrefix(this.#owed.take()!);
    this.#dumpSome();
    return this.#owed.size > 0 || this.#dumps.length > 0;
  }

  /** How it is with every session. */
  report(): void {
    const atMs = this.#clock();
    if (this.#tables.has("loc-rib")) {
      const locRib = this.#speaker.rib.v4.best.size + this.#speaker.rib.v6.best.size;
      this.#send(statistics(locRibOf(this.#speaker.options), atMs, { locRib }));
    }
    const isTold = this.#tables.has("rib-out-post-policy");
    const sessions = new Map(this.#speaker.sessions().map((up) => [formatAddress(up.remote), up]));
    for (const { address, updateErrors, prefixes } of this.#speaker.peers()) {
      const session = sessions.get(formatAddress(address));
      if (session === undefined) continue;
      const counts = {
        treatedAsWithdraw: updateErrors["treat-as-withdraw"],
        adjRibIn: prefixes.received,
        ...(isTold && { postPolicyAdjRibOut: prefixes.advertised }),
      };
      this.#send(statistics(peerOf(session), atMs, counts));
    }
  }

  /** Hears no more; `politely`: and says so. */
  end(politely: boolean): void {
    this.#stop();
    this.#dumps.length = 0;
    if (politely) this.#send(termination());
  }

  #introduce(session: MonitoredSession): void {
    const { local = UNSPECIFIED[session.remote.family], ports, openSent, openReceived } = session;
    const { local: localPort = 0, remote: remotePort = 0 } = ports ?? {};
    const facts = { local, localPort, remotePort, openSent, openReceived };
    this.#send(peerUp(peerOf(session), this.#clock(), facts));
  }

  #dumpAll(session: MonitoredSession): void {
    for (const table of this.#tables) {
      if (table !== "loc-rib") this.#dump(session, table, session.negotiated.families);
    }
  }

  #dump(session: MonitoredSession | undefined, table: BmpTable, families: readonly Family[], from = 0): void {
    this.#dumps.push({ session, table, families: [...families], from });
    this.#to.tables();
  }

  #owe(prefix: Prefix): void {
    this.#owed.add(prefix);
    this.#to.tables();
  }

  #forget(session: MonitoredSession, why: BmpPeerDown): void {
    const others = this.#dumps.filter((dump) => dump.session !== session);
    this.#dumps.splice(0, this.#dumps.length, ...others);
    this.#send(peerDown(peerOf(session), this.#clock(), why));
  }

  /** What is left of the message that was decoded last when policy has had its say. */
  #owePostPolicy(session: MonitoredSession, isTaken: boolean): void {
    if (!this.#tables.has("post-policy")) return;
    if (!isTaken) {
      this.#withdrawNamed(session, "post-policy");
      return;
    }
    const { withdrawn, announced, endOfRib } = this.#update;
    // A path that is gone cannot be looked up when its prefix has its turn.
    for (const batch of withdrawn) this.#withdraw(session, "post-policy", batch);
    // Told again after a restart it may be as it was, and nothing is decided.
    for (const { prefixes } of announced) {
      for (let row = 0; row < prefixes.count; row++) this.#owe(prefixes.at(row));
    }
    if (endOfRib !== undefined) this.#dump(session, "post-policy", [endOfRib], -1);
  }

  /** RFC 7606 §2: all that the message names is withdrawn, which the message itself does not say. */
  #withdrawNamed(session: MonitoredSession, table: BmpTable): void {
    if (!this.#tables.has(table)) return;
    const { withdrawn, announced } = this.#update;
    for (const batch of [...withdrawn, ...announced.map(({ prefixes }) => prefixes)]) {
      this.#withdraw(session, table, batch);
    }
  }

  #withdraw(session: MonitoredSession, table: BmpTable, batch: Update["withdrawn"][number]): void {
    const peer = peerOf(session);
    this.#writer.withdrawAll(writingOf(session, table), batch, (update) => this.#relay(peer, table, update));
  }

  #tellPrefix(prefix: Prefix): void {
    const [route] = this.#speaker.routes({ prefix });
    const best = bestOf(route);
    if (this.#tables.has("loc-rib")) this.#tell(undefined, "loc-rib", prefix, 0, best?.attributes);
    for (const session of this.#speaker.sessions()) {
      if (!session.negotiated.families.includes(prefix.family)) continue;
      if (this.#tables.has("rib-out-pre-policy")) {
        this.#tell(session, "rib-out-pre-policy", prefix, 0, outgoing(session, best));
      }
      if (this.#tables.has("post-policy")) this.#tellAccepted(session, prefix, route);
    }
  }

  #tellAccepted(session: MonitoredSession, prefix: Prefix, route: RouteSnapshot | undefined): void {
    for (const { peer, pathId, attributes, accepted, stale } of route?.paths ?? []) {
      if (stale || peer === undefined || !sameAddress(peer, session.remote)) continue;
      this.#tell(session, "post-policy", prefix, pathId, accepted ? attributes : undefined);
    }
  }

  /** The next piece of the first table. */
  #dumpSome(): void {
    const [dump] = this.#dumps;
    const [family] = dump?.families ?? [];
    if (dump === undefined || family === undefined) {
      this.#dumps.shift();
      return;
    }
    if (dump.from !== -1) dump.from = this.#dumpPiece(dump, family);
    // What is owed may be part of what the end is said of.
    if (dump.from !== -1 || this.#owed.size > 0) return;
    const peer = dump.session === undefined ? locRibOf(this.#speaker.options) : peerOf(dump.session);
    this.#relay(peer, dump.table, encodeEndOfRib(family));
    dump.families.shift();
    dump.from = 0;
  }

  /** Returns where the next piece begins. */
  #dumpPiece({ session, table, from }: Dump, family: Family): number {
    if (session === undefined || table === "rib-out-pre-policy") return this.#dumpBest(session, family, from);
    if (table === "rib-out-post-policy") return this.#dumpAdvertised(session, family, from);
    const { rows, next } = this.#speaker.receivedFrom(session.remote, family, from, PIECE_ROUTES);
    for (const { prefix, pathId, received, accepted, stale } of rows) {
      const attributes = table === "pre-policy" ? received : accepted;
      if (!stale && attributes !== undefined) this.#tell(session, table, prefix, pathId, attributes);
    }
    return next;
  }

  #dumpBest(session: MonitoredSession | undefined, family: Family, from: number): number {
    const { rows, next } = this.#speaker.routesFrom(family, from, PIECE_ROUTES);
    const table = session === undefined ? "loc-rib" : "rib-out-pre-policy";
    for (const route of rows) {
      const attributes = outgoing(session, bestOf(route));
      if (attributes !== undefined) this.#tell(session, table, route.prefix, 0, attributes);
    }
    return next;
  }

  #dumpAdvertised(session: MonitoredSession, family: Family, from: number): number {
    const { rows, next } = this.#speaker.advertisedFrom(session.remote, family, from, PIECE_ROUTES);
    for (const { prefix, pathId, attributes, held } of rows) {
      // What the peer holds of the others is told when they are.
      if (held) this.#tell(session, "rib-out-post-policy", prefix, pathId, attributes);
    }
    return next;
  }

  /** @param attributes - undefined: there is no such path, or no longer */
  #tell(
    session: MonitoredSession | undefined,
    table: BmpTable,
    prefix: Prefix,
    pathId: number,
    attributes: PathAttributes | undefined,
  ): void {
    const { options } = this.#speaker;
    const peer = session === undefined ? locRibOf(options) : peerOf(session);
    const writing = session === undefined ? LOC_RIB_WRITING : writingOf(session, table);
    if (attributes === undefined) {
      this.#relay(peer, table, this.#writer.withdrawn(writing, prefix, pathId));
      return;
    }
    const nextHop = nextHopOutside(attributes.nextHop, options.routerId);
    const update = this.#writer.announced(writing, prefix, pathId, { ...attributes, nextHop });
    if (update !== undefined) this.#relay(peer, table, update);
  }

  #send(octets: Uint8Array): void {
    this.#to.send(octets);
  }

  #relay(peer: BmpPeer, table: BmpTable, update: Uint8Array): void {
    this.#send(routeMonitoring(peer, table, this.#clock(), update));
  }
}

const bestOf = (route: RouteSnapshot | undefined): PathSnapshot | undefined =>
  route?.paths.find(({ status }) => status === "best");

/** RFC 8671 §5.2: what export policy is asked about. A path does not go back to where it came from. */
function outgoing(
  session: MonitoredSession | undefined,
  best: PathSnapshot | undefined,
): PathAttributes | undefined {
  const isTheirs =
    best?.peer !== undefined && session !== undefined && sameAddress(best.peer, session.remote);
  return isTheirs ? undefined : best?.attributes;
}

function writingOf({ negotiated }: MonitoredSession, table: BmpTable): Writing {
  const { decode, addPath } = negotiated;
  const isOut = table === "rib-out-pre-policy" || table === "rib-out-post-policy";
  return { as4: decode.as4, addPath: isOut ? addPath.send : addPath.receive };
}

function downOf({ cause, notification }: Loss): BmpPeerDown {
  const octets = notification && encodeMessage({ type: "notification", notification });
  switch (cause) {
    case "notification-received":
      return octets === undefined ? { by: "remote" } : { by: "remote", notification: octets };
    case "transport":
      return { by: "remote" };
    case "replaced":
      return { by: "local", event: CONNECTION_ACKNOWLEDGED };
    case "notification-sent":
    case "stopped":
    case "collision":
      return octets === undefined ? { by: "local", event: 0 } : { by: "local", notification: octets };
    default:
      return cause satisfies never;
  }
}
