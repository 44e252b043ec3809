/** What the kernel is known to hold of ours, from its own mouth and from what it acknowledged since. */

import { sameAddress } from "../bgp/net/address.ts";
import { addressKey, formatPrefix } from "../bgp/net/text.ts";
import { diff, diffTables, keptBeside } from "../nat/diff.ts";
import { goneForwards } from "../nat/forwards.ts";
import { floatingOf, forwardsOf, pooledOf } from "../nat/listing.ts";
import { NOTHING_PROVIDED, type Provided, providedBy, providedByListing } from "../nat/provided.ts";
import { stepsTo } from "../nat/steps.ts";
import type { FloatingMapping, NatTable, Translations } from "../nat/table.ts";
import type { KernelRoute, NatFound, Translation } from "./intent.ts";
import { interfacesOf, sameTarget } from "./routes.ts";

export class KernelState {
  /** Of the plan's own prefixes, by prefix text. */
  routes: Map<string, KernelRoute> = new Map();
  /** Routes that the kernel may have dropped by itself, by prefix text: they are put again. */
  readonly doubted: Set<string> = new Set();
  #listing: string | undefined;
  /** True while nothing was changed since the listing was made. */
  #listingIsFresh = false;
  /** The table that was last found to be there, or acknowledged. */
  #nat: NatTable | undefined;
  /** True when elements may be there that the table does not have. */
  #leftovers = false;
  /** True when an acknowledgement is missing, so that what is read next may differ without anybody's fault. */
  #uncertain = true;

  /**
   * Takes over what was read. Returns how many things were not as they had been acknowledged: somebody else changed
   * them.
   * @param elsewhere - how many of the learned routes were not
   */
  observed(routes: readonly KernelRoute[], nat: NatFound, elsewhere: number): number {
    const found = new Map(routes.map((route) => [formatPrefix(route.prefix), route]));
    const natDrift = nat.is === "known" ? 0 : this.#natDrift(nat.text);
    const drift = this.#uncertain ? 0 : this.#routeDrift(found) + natDrift + elsewhere;
    this.routes = found;
    this.doubted.clear();
    if (nat.is === "listed") {
      this.#listing = nat.text;
      this.#listingIsFresh = true;
      this.#nat = undefined;
    }
    this.#uncertain = false;
    return drift;
  }

  /** Whether all that is there, unless others changed it, is what was acknowledged. */
  get knowsNat(): boolean {
    return this.#nat !== undefined && !this.#leftovers && !this.#uncertain;
  }

  /** Something was asked of the kernel and not answered. */
  lost(): void {
    this.#uncertain = true;
  }

  doubt(name: string): void {
    for (const [key, route] of this.routes) {
      if (interfacesOf(route.target).includes(name)) this.doubted.add(key);
    }
  }

  holds(key: string, goal: KernelRoute): boolean {
    const known = this.routes.get(key);
    return known !== undefined && sameTarget(known.target, goal.target);
  }

  /** The tables on the way to `wanted`, each of which is to be {@link natChange}d to before the next; `keep` as there. */
  natSteps(wanted: NatTable, keep: boolean): Iterable<NatTable> {
    const floating = this.#nat?.floating ?? floatingOf(this.#listing ?? "");
    return stepsTo(wanted, { floating, table: keep ? undefined : this.#nat });
  }

  /** The transaction that makes the kernel's table `wanted`; `keep` as in nat/diff.ts. */
  natChange(wanted: NatTable, keep: boolean): string {
    if (this.#nat === undefined || this.#goesByListing(keep)) return diff(wanted, this.#listing, { keep });
    const kept = this.#leftovers ? keptBeside(this.#nat, this.#listing) : undefined;
    return diffTables(this.#nat, wanted, kept);
  }

  /** The change to `table` was none, or the kernel acknowledged it. Returns the translations that are gone with it. */
  natHolds(table: NatTable, keep: boolean, changed: boolean): Translation[] {
    const before = this.#nat ?? translationsIn(this.#listing ?? "");
    // What was acknowledged since is taken away with the change, whatever else is kept.
    const stays = keep && (this.#nat === undefined || this.#goesByListing(keep));
    this.#leftovers = keep;
    if (changed) this.#listingIsFresh = false;
    if (!keep) {
      // All of it is in the table now, and of a million floating IPs it is long.
      this.#listing = undefined;
      this.#listingIsFresh = false;
    }
    this.#nat = table;
    return [
      ...gone(before.floating, table, stays),
      ...goneForwards(before.forwards, table.forwards, stays),
      ...(stays ? [] : gonePooled(before.pools, table.pools)),
    ];
  }

  /** What was left there may be wanted again; only the listing knows of it. */
  #goesByListing(keep: boolean): boolean {
    return keep && this.#listingIsFresh;
  }

  /** The kernel has this very table, and nothing beside it. */
  isAt(table: NatTable): boolean {
    return this.#nat === table && !this.#leftovers;
  }

  /** The kernel acknowledged a change from the table that it had. */
  natIs(table: NatTable): void {
    this.#listingIsFresh = false;
    this.#nat = table;
  }

  /** True when what was read last has to be read again before the rest of it can be removed. */
  get hasLeftovers(): boolean {
    return this.#leftovers && this.#nat !== undefined;
  }

  /** The translations in force. `wanted` tells which rules make them so. */
  provided(wanted: NatTable): Provided {
    if (this.#nat !== undefined) return providedBy(this.#nat);
    return this.#listing === undefined ? NOTHING_PROVIDED : providedByListing(this.#listing, wanted);
  }

  #routeDrift(found: ReadonlyMap<string, KernelRoute>): number {
    let drift = 0;
    for (const [key, route] of found) if (!this.holds(key, route)) drift++;
    for (const key of this.routes.keys()) if (!found.has(key) && !this.doubted.has(key)) drift++;
    return drift;
  }

  #natDrift(listing: string | undefined): number {
    if (this.#nat === undefined) return 0;
    return diff(this.#nat, listing, { keep: this.#leftovers }) === "" ? 0 : 1;
  }
}

const translationsIn = (listing: string): Translations & { readonly pools: readonly Pooled[] } => ({
  floating: floatingOf(listing),
  forwards: forwardsOf(listing),
  pools: [{ addresses: pooledOf(listing) }],
});

type Pooled = Pick<NatTable["pools"][number], "addresses">;

/** Addresses that no pool has any more. */
function gonePooled(before: readonly Pooled[], after: readonly Pooled[]): Translation[] {
  if (before === after) return [];
  const now = new Set(after.flatMap(({ addresses }) => addresses.map(({ w0 }) => w0)));
  return before.flatMap(({ addresses }) =>
    addresses.filter(({ w0 }) => !now.has(w0)).map((address) => ({ public: address })),
  );
}

/** Pairs of `before` that `after` does not have; with `keep`, only those whose floating IP leads elsewhere now. */
function gone(
  before: readonly FloatingMapping[],
  { floating: after, forwards }: Translations,
  keep: boolean,
): Translation[] {
  const isMore = before.length <= after.length && before.every((mapping, i) => mapping === after[i]);
  if (isMore) return [];
  const now = new Map(after.map((m) => [addressKey(m.floating), m.fixed]));
  const forwarded = new Set(forwards.map((forward) => addressKey(forward.floating)));
  return before.flatMap(({ floating, fixed }) => {
    const key = addressKey(floating);
    const to = now.get(key);
    const stays = to === undefined ? keep && !forwarded.has(key) : sameAddress(to, fixed);
    return stays ? [] : [{ public: floating, private: fixed }];
  });
}
