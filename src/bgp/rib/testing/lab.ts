/** A RIB with peers for tests: paths are announced by name, and what each peer was sent is kept as a map. */

import { type Address, ipv4, type Prefix } from "../../net/address.ts";
import { formatPrefix } from "../../net/text.ts";
import { originatedAttributes, type PathAttributes } from "../../wire/path-attributes.ts";
import { PrefixBatch } from "../../wire/prefix-batch.ts";
import type { AttrId } from "../attribute-pool.ts";
import { type ImportLimits, NO_IMPORT_LIMITS } from "../import-limits.ts";
import type { ExportClass } from "../outgoing.ts";
import type { PeerId, RibPeer } from "../peer-table.ts";
import { Rib, type RibOptions } from "../rib.ts";
import type { AttributeClass, RouteFilter, Verdict } from "../route-filter.ts";
import type { UpdateSink } from "../update-runs.ts";

export const OUR_ASN = 65000;
export const OUR_ADDRESS: Address = ipv4(0x0a0000fe);

export const OPTIONS: RibOptions = {
  asn: OUR_ASN,
  routerId: 0x0a0000fe,
  clusterId: 0x0a0000fe,
  multipath: 1,
  multipathRelax: true,
  alwaysCompareMed: false,
  missingMedAsWorst: false,
  advertiseInstalledOnly: false,
};

/** A filter that says one thing of every route. */
export function filterSaying(verdict: Partial<Verdict>): RouteFilter {
  const said: Verdict = { accepted: true, rule: "all", tag: undefined, change: undefined, ...verdict };
  return {
    onlyClass: {} as AttributeClass,
    usesPrefix: false,
    honorsGracefulShutdown: false,
    usesValidity: false,
    classify: () => ({}) as AttributeClass,
    judge: () => said,
  };
}

export const ACCEPT: RouteFilter = filterSaying({});
export const REJECT: RouteFilter = filterSaying({ accepted: false, rule: "none" });

/** 10.1.0.n/32. */
export const host = (n: number): Prefix => ({ ...ipv4(0x0a010000 + n), length: 32 });

export const attributesWith = (changes: Partial<PathAttributes>): PathAttributes => ({
  ...originatedAttributes(ipv4(0xc0000201)),
  ...changes,
});

export function batchOf(prefixes: readonly Prefix[], pathId = 0): PrefixBatch {
  const batch = new PrefixBatch(4);
  batch.reset(prefixes[0]?.family ?? 4);
  for (const prefix of prefixes) batch.push(prefix, pathId);
  return batch;
}

export class Lab {
  readonly rib: Rib;
  /** By peer: what it holds, prefix text (with ADD-PATH and "#", path identifier) to attribute set. */
  readonly held: Map<PeerId, Map<string, AttrId>> = new Map();
  /** By peer: withdrawals of what it did not hold. */
  readonly needless: string[] = [];
  /** Called before a peer's announcement is kept. */
  onAnnounce: (peer: PeerId, name: string, attrs: AttrId) => void = () => undefined;
  /** UPDATEs, were each run to fit in one. */
  messages = 0;

  constructor(options: Partial<RibOptions> = {}) {
    this.rib = new Rib({ ...OPTIONS, ...options });
  }

  addPeer(
    peer: Partial<RibPeer>,
    filter: RouteFilter = ACCEPT,
    limits: ImportLimits = NO_IMPORT_LIMITS,
  ): PeerId {
    return this.rib.addPeer(
      { address: ipv4(0x0a000001), asn: 65001, external: true, routerId: 1, ...peer },
      filter,
      limits,
    );
  }

  announce(peer: PeerId, prefixes: readonly Prefix[], attributes: PathAttributes, pathId = 0): void {
    const attrs = this.rib.pool.intern(attributes);
    this.rib.v4.received.announce(peer, attrs, batchOf(prefixes, pathId));
    this.rib.pool.release(attrs);
  }

  withdraw(peer: PeerId, prefixes: readonly Prefix[], pathId = 0): void {
    this.rib.v4.received.withdraw(peer, batchOf(prefixes, pathId));
  }

  originate(prefix: Prefix, attributes: PathAttributes, tag = 0): void {
    const attrs = this.rib.pool.intern(attributes);
    this.rib.v4.received.originate(prefix, attrs, tag);
    this.rib.pool.release(attrs);
  }

  /** What is held when all that is no longer used has been forgotten. */
  left(): { readonly prefixes: number; readonly attributes: number } {
    this.rib.forgetSome(Number.MAX_SAFE_INTEGER);
    return { prefixes: this.rib.v4.prefixes.size, attributes: this.rib.pool.size };
  }

  /** Sweeps and decides until nothing is left; returns the prefixes that changed, as text. */
  decide(budget = 1000): string[] {
    const { received, best, prefixes } = this.rib.v4;
    const changed: string[] = [];
    while (best.pending > 0) {
      received.sweepSome(budget);
      best.decideSome(budget, (prefix) => changed.push(formatPrefix(prefixes.prefix(prefix))));
    }
    return changed;
  }

  /** Joins the peer to an update group; from then on what it holds is kept. */
  join(peer: PeerId, changes: Partial<ExportClass> = {}): void {
    const { external } = this.rib.peers.get(peer);
    this.held.set(peer, new Map());
    this.rib.v4.exports.join(peer, exportClassWith({ external, ...changes }));
  }

  /** Hands out what there is, to those that are ready. */
  send(isReady: (peer: PeerId) => boolean = () => true, limit = 1000): void {
    for (const group of this.rib.v4.exports.groups) {
      while (group.drain(limit, isReady, this.sink) > 0);
      for (const peer of group.members) {
        if (isReady(peer)) while (group.catchUp(peer, limit, this.sink) > 0);
      }
    }
  }

  readonly sink: UpdateSink = {
    announce: (attrs, prefixes, recipients) => {
      this.messages++;
      for (const peer of recipients) {
        for (let row = 0; row < prefixes.count; row++) {
          const name = nameAt(prefixes, row);
          this.onAnnounce(peer, name, attrs);
          this.held.get(peer)!.set(name, attrs);
        }
      }
    },
    withdraw: (prefixes, recipients) => {
      this.messages++;
      for (const peer of recipients) {
        for (let row = 0; row < prefixes.count; row++) {
          const text = nameAt(prefixes, row);
          if (!this.held.get(peer)!.delete(text)) this.needless.push(text);
        }
      }
    },
  };
}

function nameAt(prefixes: PrefixBatch, row: number): string {
  const pathId = prefixes.pathId[row]!;
  return `${formatPrefix(prefixes.at(row))}${pathId === 0 ? "" : `#${pathId}`}`;
}

export const exportClassWith = (changes: Partial<ExportClass>): ExportClass => ({
  filter: ACCEPT,
  external: true,
  reflectorClient: false,
  routeServerClient: false,
  role: undefined,
  asView: undefined,
  nextHopSelf: false,
  as4: true,
  extendedMessage: false,
  passesUnknown: true,
  longLived: false,
  localAddress: OUR_ADDRESS,
  sixNextHop: true,
  paths: 0,
  ...changes,
});
