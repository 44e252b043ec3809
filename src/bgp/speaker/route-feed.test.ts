import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ipv4 } from "../net/address.ts";
import { formatAddress, formatPrefix } from "../net/text.ts";
import type { PeerId } from "../rib/peer-table.ts";
import { attributesWith, host, Lab } from "../rib/testing/lab.ts";
import { RouteFeed } from "./route-feed.ts";

const peers = [1, 2, 3];
const prefixes = [1, 2, 3, 4, 5, 6];

type Step =
  | { readonly announce: number; readonly from: number }
  | { readonly withdraw: number; readonly from: number }
  | { readonly decide: number }
  | { readonly take: number };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({ announce: fc.constantFrom(...prefixes), from: fc.constantFrom(...peers) }),
    fc.record({ withdraw: fc.constantFrom(...prefixes), from: fc.constantFrom(...peers) }),
    fc.record({ decide: fc.nat(4) }),
    fc.record({ take: fc.nat(4) }),
  ),
  { maxLength: 60 },
);

/** A RIB, a feed of it, and who takes it: next hops by row, and what prefix each row was when it was taken first. */
class Taker {
  readonly lab = new Lab({ multipath: 4 });
  readonly feed = new RouteFeed(
    this.lab.rib,
    () => undefined,
    () => undefined,
  );
  readonly byRow = new Map<number, string>();
  readonly names = new Map<number, string>();
  readonly ids: PeerId[] = peers.map((n) =>
    this.lab.addPeer({ address: ipv4(0x0a000000 + n), asn: 64_500 + n }),
  );

  play(step: Step): void {
    const { lab, ids } = this;
    if ("announce" in step) {
      const attributes = attributesWith({ nextHop: ipv4(0x0a000000 + step.from) });
      lab.announce(ids[step.from - 1]!, [host(step.announce)], attributes);
    } else if ("withdraw" in step) lab.withdraw(ids[step.from - 1]!, [host(step.withdraw)]);
    else if ("decide" in step) this.decide(step.decide);
    else this.take(step.take);
  }

  decide(budget: number): void {
    this.lab.rib.v4.best.decideSome(budget, (row) => this.feed.note(4, row));
  }

  take(most: number): void {
    const feed = this.feed.of(4);
    for (let n = 0; n < most; n++) {
      const row = feed.next();
      if (row < 0) return;
      const name = formatPrefix(feed.prefix(row));
      expect(this.names.get(row) ?? name).toBe(name);
      const lone = feed.loneNextHop(row);
      const hops = feed.paths(row).map(({ nextHop }) => formatAddress(nextHop));
      expect(lone < 0 ? hops.length : [formatAddress(this.feed.nextHop(lone))]).toEqual(
        lone < 0 ? hops.length : hops,
      );
      this.names.set(row, name);
      this.byRow.set(row, hops.sort().join(" "));
      if (hops.length > 0) continue;
      this.names.delete(row);
      this.byRow.delete(row);
      feed.release(row);
    }
  }

  /** "10.1.0.1/32 10.0.0.1 10.0.0.2" */
  get known(): string[] {
    return [...this.byRow].map(([row, hops]) => `${this.names.get(row)} ${hops}`).sort();
  }
}

describe("a feed", () => {
  test("that is taken in pieces, in whatever order things happen, comes to what is chosen", () => {
    fc.assert(
      fc.property(steps, fc.boolean(), (script, fromTheStart) => {
        const taker = new Taker();
        if (fromTheStart) taker.feed.begin();
        for (const step of script) taker.play(step);
        taker.feed.begin();
        taker.decide(1000);
        taker.take(1000);
        const late = new RouteFeed(
          taker.lab.rib,
          () => undefined,
          () => undefined,
        );
        late.begin();
        const chosen: string[] = [];
        for (let row = late.of(4).next(); row >= 0; row = late.of(4).next()) {
          const hops = late
            .of(4)
            .paths(row)
            .map(({ nextHop }) => formatAddress(nextHop));
          chosen.push(`${formatPrefix(late.of(4).prefix(row))} ${hops.sort().join(" ")}`);
        }
        expect(taker.known).toEqual(chosen.sort());
        expect(taker.feed.of(4).pending).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  test("finds what is held, and the longest of it that holds an address", () => {
    const feed = new RouteFeed(
      new Lab().rib,
      () => undefined,
      () => undefined,
    ).of(4);
    const wide = feed.open({ ...ipv4(0x0a000000), length: 8 });
    const narrow = feed.open({ ...ipv4(0x0a010000), length: 16 });
    const at = ipv4(0x0a010203);
    expect(feed.find({ ...ipv4(0x0a010000), length: 16 })).toBe(narrow);
    expect(feed.longestMatch(at, 32, () => true)).toBe(narrow);
    expect(feed.longestMatch(at, 15, () => true)).toBe(wide);
    expect(feed.longestMatch(at, 32, (row) => row === wide)).toBe(wide);
    feed.release(narrow);
    expect(feed.find({ ...ipv4(0x0a010000), length: 16 })).toBe(-1);
    expect(feed.longestMatch(at, 32, () => true)).toBe(wide);
    expect(feed.longestMatch(ipv4(0x0b000000), 32, () => true)).toBe(-1);
  });

  test("keeps the number of a next hop that is held, in both families and behind an interface", () => {
    const { rib } = new Lab();
    const feed = new RouteFeed(
      rib,
      () => undefined,
      () => undefined,
    );
    const zoned = { family: 6 as const, w0: 0xfe800000, w1: 0, w2: 0, w3: 1, zone: "eth0" };
    for (const address of [
      ipv4(0x0a000001),
      zoned,
      { family: 6 as const, w0: 0x20010db8, w1: 1, w2: 2, w3: 3 },
    ]) {
      const number = rib.pool.nextHops.take(address);
      feed.holdNextHop(number);
      rib.pool.nextHops.give(number);
      expect(feed.nextHop(number)).toEqual(address);
      feed.releaseNextHop(number);
    }
  });
});
