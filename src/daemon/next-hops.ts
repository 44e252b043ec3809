/**
 * The next hops that peers' paths need, and what the kernel says of them: asked of netd, judged, told to the speaker, and
 * kept for the plan and for whoever looks.
 */

import { type Address, compareAddresses } from "../bgp/net/address.ts";
import { formatAddress } from "../bgp/net/text.ts";
import type { NextHopNeeds, NextHopTold } from "../bgp/rib/next-hops.ts";
import type { Hop, NextHopWay, Problem, Way } from "../gateway/intent.ts";
import { type Hops, type JudgedNextHop, judgeNextHop } from "../gateway/next-hops.ts";
import { MAX_NEXT_HOPS } from "../kernel/routes/way-commands.ts";

/** Who is affected by what becomes of next hops. */
export interface NextHopWorld {
  /** Asks the kernel. */
  track(needs: NextHopNeeds): void;
  /** Tells the speaker. */
  tell(told: readonly NextHopTold[]): void;
  /** Resolves when the speaker has decided by what it was told. */
  decided(): Promise<void>;
  /** Nothing leads to some any more that were in use. */
  lost(nextHops: readonly Address[]): void;
  /** {@link NextHopTracker.hops}, or {@link NextHopTracker.problems}, are others. */
  changed(): void;
}

interface Entry {
  readonly address: Address;
  /** False: there are too many. */
  asked: boolean;
  way: Way | undefined;
}

export interface NextHopSnapshot extends JudgedNextHop {
  readonly address: Address;
  readonly way: Way | undefined;
}

export class NextHopTracker {
  readonly #world: NextHopWorld;
  /** By address text. Bounded by what accepted paths name. */
  readonly #entries = new Map<string, Entry>();
  #asked = 0;
  #viaDefault: boolean;
  #hops: Hops = new Map();

  constructor(world: NextHopWorld, viaDefault: boolean) {
    this.#world = world;
    this.#viaDefault = viaDefault;
  }

  /**
   * Where packets to next hops leave. One that cannot be reached any more stays until the speaker has decided by that:
   * before, nobody knows what to put in its place.
   */
  get hops(): Hops {
    return this.#hops;
  }

  /** What paths begin and cease to need. */
  need({ wanted, released }: NextHopNeeds): void {
    const gone = released.filter((address) => this.#forget(address));
    for (const address of wanted) {
      this.#entries.set(formatAddress(address), { address, asked: false, way: undefined });
    }
    this.#ask(gone);
  }

  /** What the kernel says. */
  hear(ways: readonly NextHopWay[]): void {
    const heard: Entry[] = [];
    for (const { nextHop, way } of ways) {
      const entry = this.#entries.get(formatAddress(nextHop));
      // It may be that nobody needs it any more.
      if (entry === undefined) continue;
      entry.way = way;
      heard.push(entry);
    }
    this.#judge(heard);
  }

  /** The kernel's process is another one, and has forgotten. */
  askAgain(): void {
    for (const entry of this.#entries.values()) entry.asked = false;
    this.#asked = 0;
    this.#ask([]);
  }

  /** @param viaDefault - as in {@link judgeNextHop} */
  configure(viaDefault: boolean): void {
    if (viaDefault === this.#viaDefault) return;
    this.#viaDefault = viaDefault;
    this.#judge([...this.#entries.values()].filter(({ way }) => way !== undefined));
  }

  /** All of them, by address. */
  all(): NextHopSnapshot[] {
    const all = [...this.#entries.values()].sort((a, b) => compareAddresses(a.address, b.address));
    return all.map((entry) => ({ address: entry.address, way: entry.way, ...this.#judged(entry) }));
  }

  /** Undefined: no accepted path has it. */
  get(address: Address): JudgedNextHop | undefined {
    const entry = this.#entries.get(formatAddress(address));
    return entry && this.#judged(entry);
  }

  /** Those that cannot be reached. */
  problems(): Problem[] {
    const answered = this.all().filter(({ way, reachable }) => !reachable && way !== undefined);
    return answered.map(({ address, reason = "" }) => ({
      code: "nexthop.unresolved",
      subject: formatAddress(address),
      message: `${reason}: its routes are not used`,
    }));
  }

  #judged({ address, way, asked }: Entry): JudgedNextHop {
    const judged = judgeNextHop(address, way, this.#viaDefault);
    return asked ? judged : { ...judged, reason: `more than ${MAX_NEXT_HOPS} next hops are in use` };
  }

  #judge(entries: readonly Entry[]): void {
    if (entries.length === 0) return;
    const hops = new Map(this.#hops);
    const told: NextHopTold[] = [];
    const lost: Address[] = [];
    let missing = false;
    let changed = false;
    for (const entry of entries) {
      const judged = this.#judged(entry);
      const key = formatAddress(entry.address);
      told.push({ nextHop: entry.address, reachable: judged.reachable, metric: judged.metric });
      if (!judged.reachable) {
        if (hops.has(key)) lost.push(entry.address);
        missing ||= !hops.has(key);
      } else if (!sameHops(hops.get(key), judged.hops)) {
        hops.set(key, judged.hops);
        changed = true;
      }
    }
    this.#world.tell(told);
    if (lost.length > 0) this.#world.lost(lost);
    if (changed) this.#become(hops);
    else if (missing) this.#world.changed();
    if (lost.length > 0) void this.#world.decided().then(() => this.#drop());
  }

  /** Leaves out what cannot be reached. */
  #drop(): void {
    const hops = [...this.#hops].filter(([key]) => {
      const entry = this.#entries.get(key);
      return entry !== undefined && this.#judged(entry).reachable;
    });
    if (hops.length < this.#hops.size) this.#become(new Map(hops));
  }

  #become(hops: Hops): void {
    this.#hops = hops;
    this.#world.changed();
  }

  #forget(address: Address): boolean {
    const key = formatAddress(address);
    const entry = this.#entries.get(key);
    this.#entries.delete(key);
    if (entry?.asked !== true) return false;
    this.#asked--;
    if (this.#hops.has(key)) this.#hops = new Map([...this.#hops].filter(([other]) => other !== key));
    return true;
  }

  #ask(released: readonly Address[]): void {
    const wanted: Address[] = [];
    for (const entry of this.#entries.values()) {
      if (this.#asked === MAX_NEXT_HOPS) break;
      if (entry.asked) continue;
      entry.asked = true;
      this.#asked++;
      wanted.push(entry.address);
    }
    if (wanted.length + released.length > 0) this.#world.track({ wanted, released });
  }
}

function sameHops(a: readonly Hop[] | undefined, b: readonly Hop[]): boolean {
  return a !== undefined && a.length === b.length && JSON.stringify(a) === JSON.stringify(b);
}
