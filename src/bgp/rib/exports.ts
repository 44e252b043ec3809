/** The update groups of one family, and which peer is in which. */

import { type Address, sameAddress } from "../net/address.ts";
import type { PrefixId } from "../net/prefix-table.ts";
import { sameView } from "./as-view.ts";
import { Exporter, type ExportInput, type ExportSettings } from "./exporter.ts";
import type { ExportClass } from "./outgoing.ts";
import type { PeerId } from "./peer-table.ts";
import { UpdateGroup } from "./update-group.ts";

export class Exports {
  readonly #input: ExportInput;
  readonly #settings: ExportSettings;
  readonly #groups: Set<UpdateGroup> = new Set();
  readonly #groupByPeer: Map<PeerId, UpdateGroup> = new Map();

  constructor(input: ExportInput, settings: ExportSettings) {
    this.#input = input;
    this.#settings = settings;
  }

  /** Those that have a member. */
  get groups(): ReadonlySet<UpdateGroup> {
    return this.#groups;
  }

  groupOf(peer: PeerId): UpdateGroup | undefined {
    return this.#groupByPeer.get(peer);
  }

  /** A session that holds nothing yet: everything will be handed out to it. */
  join(peer: PeerId, exportClass: ExportClass): UpdateGroup {
    this.leave(peer);
    const group = this.#groupFor(exportClass);
    group.join(peer);
    this.#groupByPeer.set(peer, group);
    return group;
  }

  /** The same session under another export policy: it is told again what it is to have, and what it is not. */
  move(peer: PeerId, exportClass: ExportClass): UpdateGroup {
    const from = this.#groupByPeer.get(peer);
    if (from === undefined) return this.join(peer, exportClass);
    const to = this.#groupFor(exportClass);
    if (to === from) return to;
    to.join(peer, (each) => from.eachHeldBy(peer, each));
    this.#groupByPeer.set(peer, to);
    this.#takeOut(peer, from);
    return to;
  }

  /** The session is gone. A peer that is in no group is passed over. */
  leave(peer: PeerId): void {
    const group = this.#groupByPeer.get(peer);
    if (group === undefined) return;
    this.#groupByPeer.delete(peer);
    this.#takeOut(peer, group);
  }

  /** The chosen paths of a prefix changed, or its place in the forwarding plane did. */
  mark(prefix: PrefixId): void {
    for (const group of this.#groups) group.mark(prefix);
  }

  /** Of the paths of a prefix only such changed as are not chosen: what concerns those who are sent several. */
  markPaths(prefix: PrefixId): void {
    for (const group of this.#groups) if (group.naming.byPath) group.mark(prefix);
  }

  #takeOut(peer: PeerId, group: UpdateGroup): void {
    group.leave(peer);
    if (group.members.length === 0) this.#groups.delete(group);
  }

  #groupFor(exportClass: ExportClass): UpdateGroup {
    for (const group of this.#groups) if (sameClass(group.exportClass, exportClass)) return group;
    const { paths, pool } = this.#input;
    const exporter = new Exporter(exportClass, this.#input, this.#settings);
    const group = new UpdateGroup(exporter, pool, paths);
    this.#groups.add(group);
    for (let id = 0; id < paths.prefixes.extent; id++) {
      if (paths.prefixes.has(id) && paths.selected(id) > 0) group.mark(id);
    }
    return group;
  }
}

const sameClass = (a: ExportClass, b: ExportClass): boolean =>
  a.filter === b.filter &&
  a.external === b.external &&
  a.reflectorClient === b.reflectorClient &&
  a.routeServerClient === b.routeServerClient &&
  a.role === b.role &&
  sameView(a.asView, b.asView) &&
  a.nextHopSelf === b.nextHopSelf &&
  a.as4 === b.as4 &&
  a.extendedMessage === b.extendedMessage &&
  a.passesUnknown === b.passesUnknown &&
  a.longLived === b.longLived &&
  a.paths === b.paths &&
  a.sixNextHop === b.sixNextHop &&
  sameAddress(a.localAddress, b.localAddress) &&
  isSameOrNone(a.linkLocal, b.linkLocal);

const isSameOrNone = (a: Address | undefined, b: Address | undefined): boolean =>
  a === undefined || b === undefined ? a === b : sameAddress(a, b);
