/** Policies of peers, compiled: one filter for all that are equal, so that their peers share update groups. */

import { type EntryRules, withEntry } from "../policy/entry.ts";
import { compilePolicy } from "../policy/evaluate.ts";
import type { Policy } from "../policy/rules.ts";
import type { RouteFilter } from "../rib/route-filter.ts";
import type { VrpTable } from "../rpki/vrp-table.ts";
import { exportAdditions, importAdditions } from "./maintenance.ts";
import type { PeerOptions } from "./options.ts";

/** A filter that may have to be made. */
interface Wanted {
  readonly key: string;
  readonly make: () => RouteFilter;
}

export class Filters {
  readonly #asn: number;
  readonly #vrps: VrpTable;
  #held: Map<string, RouteFilter> = new Map();
  /** Equal policies have equal numbers: as text, one may be megabytes, and there are several to each peer. */
  #numberByText: Map<string, number> = new Map();
  readonly #numberByPolicy: WeakMap<Policy, number> = new WeakMap();
  #lastNumber = 0;

  /** @param asn - the speaker's own */
  constructor(asn: number, vrps: VrpTable) {
    this.#asn = asn;
    this.#vrps = vrps;
  }

  /** Makes what these peers need, and lets go of all else. @throws RangeError for a wrong pattern or localAs */
  renew(peers: readonly PeerOptions[]): void {
    const held = new Map<string, RouteFilter>();
    for (const { key, make } of peers.flatMap((options) => this.#both(options, false))) {
      held.set(key, held.get(key) ?? this.#held.get(key) ?? make());
    }
    // Those of peers that are drained by hand stay, so that such a peer is not told everything again.
    for (const { key } of peers.flatMap((options) => this.#both(options, true))) {
      const filter = this.#held.get(key);
      if (filter !== undefined) held.set(key, filter);
    }
    this.#held = held;
    const policies = peers.flatMap(({ importPolicy, exportPolicy }) => [importPolicy, exportPolicy]);
    const numbers = new Set(policies.map((policy) => this.#numberOf(policy)));
    for (const [text, number] of this.#numberByText) {
      if (!numbers.has(number)) this.#numberByText.delete(text);
    }
  }

  /** @param drained - by hand (RFC 8326), beside what the options say */
  importOf(options: PeerOptions, drained: boolean): RouteFilter {
    return this.#filterOf(this.#import(options, drained));
  }

  /** @param drained - as above */
  exportOf(options: PeerOptions, drained: boolean): RouteFilter {
    return this.#filterOf(this.#export(options, drained));
  }

  #both(options: PeerOptions, drained: boolean): Wanted[] {
    return [this.#import(options, drained), this.#export(options, drained)];
  }

  #filterOf({ key, make }: Wanted): RouteFilter {
    const filter = this.#held.get(key) ?? make();
    this.#held.set(key, filter);
    return filter;
  }

  #import(options: PeerOptions, drained: boolean): Wanted {
    const policy = this.#policy(options.importPolicy, importAdditions(options, this.#asn, drained));
    const entry = entryOf(options, this.#asn);
    if (entry === undefined) return policy;
    return { key: `${JSON.stringify(entry)} ${policy.key}`, make: () => withEntry(policy.make(), entry) };
  }

  #export(options: PeerOptions, drained: boolean): Wanted {
    return this.#policy(options.exportPolicy, exportAdditions(options, drained));
  }

  #policy(configured: Policy, additions: Partial<Policy>): Wanted {
    return {
      key: `${this.#numberOf(configured)} ${JSON.stringify(additions)}`,
      make: () => compilePolicy({ ...configured, ...additions }, this.#vrps),
    };
  }

  #numberOf(policy: Policy): number {
    const known = this.#numberByPolicy.get(policy);
    if (known !== undefined) return known;
    const text = JSON.stringify(policy);
    const number = this.#numberByText.get(text) ?? ++this.#lastNumber;
    this.#numberByText.set(text, number);
    this.#numberByPolicy.set(policy, number);
    return number;
  }
}

/** Undefined for most peers: then the policy is asked at once. */
function entryOf(options: PeerOptions, asn: number): EntryRules | undefined {
  const { role, localAs, allowOwnAs = 0 } = options;
  // What is asked of the peer's own number holds for nobody where that may be any.
  const remoteAsn = options.remoteAsn === "external" ? 0 : options.remoteAsn;
  if (localAs !== undefined && new Set([asn, remoteAsn, localAs.asn]).size < 3) {
    throw new RangeError(
      `localAs ${localAs.asn}, our AS ${asn} and the peer's AS ${remoteAsn} must all differ`,
    );
  }
  if (remoteAsn === asn || (role === undefined && localAs === undefined)) return undefined;
  return { remoteAsn, role, localAsn: localAs?.asn, prepends: localAs?.noPrepend !== true, allowOwnAs };
}
