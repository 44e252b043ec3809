import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Address, ipv4, ipv6 } from "../net/address.ts";
import { formatAddress } from "../net/text.ts";
import { NextHops } from "./next-hops.ts";
import { ACCEPT, attributesWith, host, Lab, REJECT } from "./testing/lab.ts";

const ADDRESSES: readonly Address[] = [
  ipv4(0xc0000201),
  ipv4(0xc0000202),
  ipv6(0x20010db8, 0, 0, 1),
  { ...ipv6(0xfe800000, 0, 0, 1), zone: "eth0" },
  { ...ipv6(0xfe800000, 0, 0, 1), zone: "eth1" },
];

/** Whoever asks for what is wanted, and answers nothing by itself. */
class Caller {
  readonly nextHops = new NextHops();
  readonly asked = new Set<string>();
  readonly looked = new Set<string>();
  readonly ids = ADDRESSES.map((): number[] => []);

  constructor() {
    this.nextHops.track();
  }

  do(what: Step["what"], which: number): void {
    const id = this.ids[which]!.at(-1);
    if (what === "take") this.ids[which]!.push(this.nextHops.take(ADDRESSES[which]!));
    else if (what === "needs") this.hear();
    else if (what === "tell") this.nextHops.tell(ADDRESSES[which]!, { reachable: true, metric: 7 });
    else if (id !== undefined) this.use(what, which, id);
  }

  use(what: "give" | "look", which: number, id: number): void {
    if (what === "give") this.nextHops.give(this.ids[which]!.pop()!);
    else if (!this.nextHops.isReachable(id)) this.looked.add(formatAddress(ADDRESSES[which]!));
  }

  hear(): void {
    const { wanted = [], released = [] } = this.nextHops.takeNeeds() ?? {};
    for (const name of released.map(formatAddress)) expect(this.asked.delete(name)).toBe(true);
    for (const name of wanted.map(formatAddress)) {
      expect(this.asked.has(name)).toBe(false);
      this.asked.add(name);
    }
  }
}

interface Step {
  readonly what: "take" | "give" | "look" | "tell" | "needs";
  readonly which: number;
}

describe("tracked", () => {
  const step: fc.Arbitrary<Step> = fc.record({
    what: fc.constantFrom("take", "give", "look", "tell", "needs"),
    which: fc.nat(ADDRESSES.length - 1),
  });

  test("who is asked for is used and was looked at, and each once, whatever came in which order", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const caller = new Caller();
        for (const { what, which } of steps) caller.do(what, which);
        caller.hear();
        const used = new Set(ADDRESSES.filter((_, i) => caller.ids[i]!.length > 0).map(formatAddress));
        for (const name of caller.asked)
          expect([used.has(name), caller.looked.has(name)]).toEqual([true, true]);
      }),
    );
  });

  test("an answer counts until the last path is gone; whoever comes after asks anew", () => {
    const nextHops = new NextHops();
    nextHops.track();
    const [address] = ADDRESSES as [Address];
    const first = nextHops.take(address);
    expect(nextHops.isReachable(first)).toBe(false);
    expect(nextHops.takeNeeds()).toEqual({ wanted: [address], released: [] });
    expect(nextHops.tell(address, { reachable: true, metric: 20 })).toBe(first);
    expect([nextHops.isReachable(first), nextHops.metric(first)]).toEqual([true, 20]);
    nextHops.give(first);
    expect(nextHops.takeNeeds()).toEqual({ wanted: [], released: [address] });
    expect(nextHops.tell(address, { reachable: true, metric: 20 })).toBe(-1);
    expect(nextHops.isReachable(nextHops.take(address))).toBe(false);
    expect(nextHops.takeNeeds()).toEqual({ wanted: [address], released: [] });
  });
});

test("paths wait for the answer; the next hops of rejected ones are nobody's business", () => {
  const lab = new Lab({ tracksNextHops: true });
  const [good, bad] = [ipv4(0xc0000201), ipv4(0xc0000202)];
  const accepted = lab.addPeer({ address: good }, ACCEPT);
  const rejected = lab.addPeer({ address: bad }, REJECT);
  lab.announce(accepted, [host(1)], attributesWith({ nextHop: good }));
  lab.announce(rejected, [host(1)], attributesWith({ nextHop: bad }));
  lab.decide();
  const { best, prefixes } = lab.rib.v4;
  const chosen = (): number => best.selectedCount(prefixes.longestMatch(host(1)));
  expect(chosen()).toBe(0);
  expect(lab.rib.pool.nextHops.takeNeeds()).toEqual({ wanted: [good], released: [] });
  lab.rib.setNextHops([{ nextHop: good, reachable: true, metric: 0 }]);
  lab.decide();
  expect(chosen()).toBe(1);
  lab.rib.setNextHops([
    { nextHop: good, reachable: false, metric: 0 },
    { nextHop: bad, reachable: true, metric: 0 },
  ]);
  lab.decide();
  expect(chosen()).toBe(0);
});
