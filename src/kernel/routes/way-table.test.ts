import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Address, contains, type Prefix, prefixOf } from "../../bgp/net/address.ts";
import { parseAddress, parsePrefix } from "../../bgp/net/text.ts";
import { NLM_F_REPLACE } from "../netlink/netlink.ts";
import { type Form, RTN_BLACKHOLE, RTN_UNICAST, type TableRoute } from "./route-message.ts";
import type { Way } from "./way-commands.ts";
import { type Place, WayTable } from "./way-table.ts";

const MAIN = 254;
const OURS = 100;
const LINKS: ReadonlyMap<number, Place> = new Map([
  [1, { name: "up1", up: true }],
  [2, { name: "up2", up: true }],
  [3, { name: "down", up: false }],
]);
const placeOf = (index: number): Place | undefined => LINKS.get(index);
const address = (text: string): Address => parseAddress(text)!;
const prefix = (text: string): Prefix => parsePrefix(text)!;

interface Written {
  readonly to: Prefix;
  readonly table: number;
  readonly metric: number;
  /** 0: it discards. */
  readonly oif: number;
  readonly gateway: Address | undefined;
}

function route({ to, table, metric, oif, gateway }: Written): TableRoute {
  const form: Form = {
    type: oif === 0 ? RTN_BLACKHOLE : RTN_UNICAST,
    scope: 0,
    metric,
    oif: gateway === undefined ? oif : 0,
    nexthopId: 0,
    inline: gateway === undefined || oif === 0 ? [] : [{ gateway, oif }],
  };
  return { prefix: to, table, protocol: 4, form };
}

const TARGETS = ["192.0.2.1", "192.0.2.130", "10.0.0.1", "2001:db8::1"].map(address);

const written: fc.Arbitrary<Written> = fc.record({
  to: fc
    .tuple(fc.constantFrom(...TARGETS), fc.constantFrom(0, 8, 24, 25, 32))
    .map(([target, length]) => prefixOf(target, length)),
  table: fc.constantFrom(MAIN, OURS),
  metric: fc.constantFrom(0, 10, 20),
  oif: fc.constantFrom(0, 1, 2, 3, 9),
  gateway: fc.constantFrom(undefined, address("10.9.9.9")),
});

const keyOf = ({ to, table, metric }: Written): string => JSON.stringify([to, table, metric]);

/** All routes that there are, put in order: a plain reading of how the kernel chooses. */
function slowly(routes: readonly Written[], target: Address, at = placeOf): Way {
  const order = routes
    .filter(({ to }) => contains(to, target))
    .sort((a, b) => b.to.length - a.to.length || a.metric - b.metric || a.table - b.table);
  let way: Way = { reachable: false, why: "no-route" };
  for (const { to, metric, oif, gateway } of order) {
    if (oif === 0) return { reachable: false, why: "discarded" };
    const place = at(oif);
    way = { reachable: false, why: "link-down" };
    if (place?.up !== true) continue;
    const hop = { interface: place.name, ...(gateway && { gateway }) };
    return { reachable: true, length: to.length, metric, hops: [hop] };
  }
  return way;
}

const table = (...routes: readonly Written[]): WayTable => {
  const made = new WayTable([OURS, MAIN]);
  made.clear();
  for (const each of routes) made.add(route(each));
  return made;
};

const plain = (to: string, oif: number, changes: Partial<Written> = {}): Written => ({
  to: prefix(to),
  table: MAIN,
  metric: 0,
  oif,
  gateway: undefined,
  ...changes,
});

interface Happening {
  readonly one: Written;
  readonly what: "add" | "replace" | "remove";
}

/** What the kernel would do and tell of it. */
function happen({ one, what }: Happening, there: Map<string, Written>, made: WayTable): void {
  const known = there.get(keyOf(one));
  if (what === "remove") {
    if (known !== undefined) made.remove(route(known));
    there.delete(keyOf(one));
  } else if (known === undefined || what === "replace") {
    made.add(route(one), known === undefined ? 0 : NLM_F_REPLACE);
    there.set(keyOf(one), one);
  }
}

test("finds what the kernel would take, from whatever events", () => {
  const happening = fc.record<Happening>({
    one: written,
    what: fc.constantFrom("add", "replace", "remove"),
  });
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 40 }), (happenings) => {
      const there = new Map<string, Written>();
      const made = table();
      for (const each of happenings) happen(each, there, made);
      expect(made.isDoubtful).toBe(false);
      const routes = [...there.values()];
      for (const target of TARGETS) expect(made.find(target, placeOf)).toEqual(slowly(routes, target));
    }),
  );
});

/** What the kernel would do, saying nothing of it. */
function fall(link: number, there: Map<string, Written>, made: WayTable): void {
  for (const [key, { oif }] of there) if (oif === link) there.delete(key);
  made.linkFell();
}

/** Why nothing leads there may differ: the kernel does not know any more that something did. */
const reachably = (way: Way): Way | undefined => (way.reachable ? way : undefined);

test("of links that went down nothing has to be read anew: what went with them counts for nothing", () => {
  const happening = fc.record<Happening>({
    one: written,
    what: fc.constantFrom("add", "replace", "remove"),
  });
  const both = fc.record({
    before: fc.array(happening, { maxLength: 20 }),
    falls: fc.constantFrom(1, 2),
    after: fc.array(happening, { maxLength: 10 }),
  });
  fc.assert(
    fc.property(both, ({ before, falls, after }) => {
      const there = new Map<string, Written>();
      const made = table();
      const at = (index: number): Place | undefined => (index === falls ? undefined : placeOf(index));
      for (const each of before) happen(each, there, made);
      fall(falls, there, made);
      for (const each of after) if (each.one.oif !== falls) happen(each, there, made);
      fc.pre(!made.isDoubtful);
      const routes = [...there.values()];
      for (const target of TARGETS)
        expect(reachably(made.find(target, at))).toEqual(reachably(slowly(routes, target, at)));
    }),
  );
});

describe("what no event tells for certain is doubted", () => {
  const one = plain("192.0.2.0/24", 1);
  const other = plain("192.0.2.0/24", 2);

  test("at first, before anything was read", () => {
    expect(new WayTable([MAIN]).isDoubtful).toBe(true);
  });

  test("the removal of one of two routes alike; until then the first counts", () => {
    const made = table(one, other);
    expect([made.isDoubtful, made.find(address("192.0.2.1"), placeOf)]).toMatchObject([
      false,
      { hops: [{ interface: "up1" }] },
    ]);
    made.remove(route(other));
    expect(made.isDoubtful).toBe(true);
  });

  test("the replacement of one of them", () => {
    const made = table(one, other);
    made.add(route({ ...one, oif: 3 }), NLM_F_REPLACE);
    expect(made.isDoubtful).toBe(true);
  });

  test("the removal of a route that is another than is known; of an unknown one there is no doubt", () => {
    const made = table(one);
    made.remove(route(plain("192.0.2.0/25", 1)));
    expect(made.isDoubtful).toBe(false);
    made.remove(route(other));
    expect(made.isDoubtful).toBe(true);
  });

  test("which of two routes alike is left, when a link went down", () => {
    const made = table(one, other);
    made.linkFell();
    expect(made.isDoubtful).toBe(true);
  });

  test("whether a route stands beside one that may have gone with a link, or in its place", () => {
    const made = table(one);
    made.linkFell();
    expect(made.isDoubtful).toBe(false);
    made.add(route(other));
    expect(made.isDoubtful).toBe(true);
  });

  test("whether a nexthop object is another one of its number, when a link went down", () => {
    const made = table();
    const single = { kind: "single", family: 4, oif: 1, gateway: undefined } as const;
    made.setNexthop(7, single);
    made.linkFell();
    made.setNexthop(8, single);
    expect(made.isDoubtful).toBe(false);
    made.setNexthop(7, single);
    expect(made.isDoubtful).toBe(true);
  });

  test("the end of a nexthop object", () => {
    const made = table();
    made.setNexthop(7, { kind: "single", family: 4, oif: 1, gateway: undefined });
    made.removeNexthop(8);
    expect(made.isDoubtful).toBe(false);
    made.removeNexthop(7);
    expect(made.isDoubtful).toBe(true);
  });
});

test("networks of link-local addresses, one on every link, are nobody's way and not routes alike", () => {
  const made = table(plain("fe80::/64", 1), plain("fe80::/64", 2));
  made.linkFell();
  expect(made.isDoubtful).toBe(false);
});

test("routes may lead through nexthop objects and groups of them, which may change", () => {
  const made = table();
  const gateway = address("10.9.9.9");
  made.setNexthop(1, { kind: "single", family: 4, oif: 1, gateway });
  made.setNexthop(2, { kind: "single", family: 4, oif: 3, gateway });
  made.setNexthop(3, {
    kind: "group",
    members: [
      { id: 1, weight: 1 },
      { id: 2, weight: 1 },
    ],
    idleTicks: undefined,
  });
  const through = route(plain("192.0.2.0/24", 0));
  made.add({ ...through, form: { ...through.form, type: RTN_UNICAST, nexthopId: 3 } });
  const hops = (): unknown => made.find(address("192.0.2.1"), placeOf);
  expect(hops()).toMatchObject({ hops: [{ gateway, interface: "up1" }] });
  made.setNexthop(2, { kind: "single", family: 4, oif: 2, gateway });
  expect(hops()).toMatchObject({ hops: [{ interface: "up1" }, { interface: "up2" }] });
});
