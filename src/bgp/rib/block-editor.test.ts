import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Family, ipv4, ipv6 } from "../net/address.ts";
import { applyChanges } from "../policy/changes.ts";
import { composedEdits, editsOf } from "../policy/edits.ts";
import type { Changes } from "../policy/rules.ts";
import type { PathAttributes } from "../wire/path-attributes.ts";
import { AttributePool, NO_ATTRIBUTES } from "./attribute-pool.ts";
import type { ExportClass } from "./outgoing.ts";
import { attributes, option, u32 } from "./testing/arbitrary-attributes.ts";
import { attributesWith, filterSaying, host, Lab } from "./testing/lab.ts";

/** Few values, so that what is added is there already, and what is removed is. */
const some = fc.integer({ min: 1, max: 4 });
const large = fc.tuple(some, some, some);
const patterns = fc.array(
  fc.constantFrom(
    { words: [2], masks: [-1] },
    { words: [0], masks: [1] },
    { words: [1, 2], masks: [-1, 0] },
    { words: [3, 0, 0], masks: [-1, 0, 0] },
  ),
  { maxLength: 2 },
);
const optional = { requiredKeys: [] };
const changes: fc.Arbitrary<Changes> = fc.record(
  {
    localPref: u32,
    med: u32,
    addCommunities: fc.array(some, { maxLength: 3 }),
    addExtendedCommunities: fc.array(fc.tuple(some, some), { maxLength: 2 }),
    addLargeCommunities: fc.array(large, { maxLength: 2 }),
    removeCommunities: patterns,
    removeLargeCommunities: fc.tuple(some, some),
    prepend: fc.record({ asn: u32, times: fc.integer({ min: 0, max: 3 }) }),
    tag: some,
  },
  optional,
);
const lists = fc.record({
  communities: fc.array(some, { maxLength: 4 }),
  extendedCommunities: fc.array(fc.tuple(some, some), { maxLength: 3 }),
  largeCommunities: fc.uniqueArray(large, { maxLength: 3, selector: String }),
  onlyToCustomer: option(u32),
});
const paths = fc.tuple(attributes, lists).map(([one, other]): Partial<PathAttributes> => {
  // What is not there is not partial either.
  const partial = other.communities.length === 0 ? [] : (one.partial ?? []);
  return { ...one, ...other, partial };
});

/** Whether there is room for what is put in front of the path. */
const hasRoom = ({ asPath = [] }: Partial<PathAttributes>, all: readonly Changes[]): boolean =>
  all.every(({ prepend }) => prepend === undefined) || (asPath[0]?.asns.length ?? 0) < 250;

describe.each<Family>([4, 6])("IPv%i", (family) => {
  const nextHop = family === 4 ? ipv4(0x0a000001) : ipv6(0x20010db8, 0, 0, 1);

  test("edits of octets make what changes of values make, and are never left to them without need", () => {
    fc.assert(
      fc.property(paths, fc.array(changes, { minLength: 1, maxLength: 3 }), (given, all) => {
        const pool = new AttributePool({ asn: 65000, routerId: 1, clusterId: 1 });
        const path = attributesWith({ ...given, nextHop });
        const id = pool.intern(path);
        const slow = pool.intern(all.reduce(applyChanges, pool.attributes(id)));
        const fast = pool.internEdited(id, editsOf(all)!);
        expect([slow, NO_ATTRIBUTES]).toContain(fast);
        if (hasRoom(path, all)) expect(fast).toBe(slow);
      }),
      { numRuns: 500 },
    );
  });

  test("and selection reads the same of them", () => {
    fc.assert(
      fc.property(paths, changes, (given, change) => {
        const identity = { asn: 7, routerId: 1, clusterId: 2, missingMedAsWorst: true };
        const [one, other] = [new AttributePool(identity), new AttributePool(identity)];
        const path = attributesWith({ ...given, nextHop });
        const slow = one.intern(applyChanges(path, change));
        const fast = other.internEdited(other.intern(path), editsOf([change])!);
        fc.pre(fast !== NO_ATTRIBUTES);
        const row = ({ columns }: AttributePool, id: number): unknown[] =>
          Object.values(columns).map((column) =>
            ArrayBuffer.isView(column) ? Reflect.get(column, id) : column,
          );
        expect(row(other, fast).slice(0, -1)).toEqual(row(one, slow).slice(0, -1));
        expect(other.nextHops.take(nextHop)).toBe(other.columns.nextHop[fast]);
      }),
      { numRuns: 500 },
    );
  });
});

/** Octets of what a peer is sent of a path that another told, under policies that have edits of octets or have not. */
function sent(
  path: PathAttributes,
  policy: readonly Changes[],
  to: Partial<ExportClass>,
  edited: boolean,
): number[] {
  const filter = filterSaying({
    change: (given) => policy.reduce(applyChanges, given),
    edits: edited ? editsOf(policy) : undefined,
  });
  const lab = new Lab();
  const { external = true } = to;
  const from = lab.addPeer({}, filter);
  const peer = lab.addPeer({ address: ipv4(2), external });
  lab.join(peer, { ...to, filter });
  lab.announce(from, [host(1)], path);
  lab.decide();
  lab.send();
  return [...lab.held.get(peer)!.values()].flatMap((attrs) => {
    const { octets, start, end } = lab.rib.pool.block(attrs);
    return [...octets.subarray(start, end)];
  });
}

test("what goes out is the same, whichever way it was made", () => {
  const classes: fc.Arbitrary<Partial<ExportClass>> = fc.constantFrom(
    {},
    { external: false },
    { external: false, nextHopSelf: true },
    { role: "customer" as const },
    { as4: false },
    { passesUnknown: false },
  );
  fc.assert(
    fc.property(paths, fc.array(changes, { minLength: 1, maxLength: 2 }), classes, (given, policy, to) => {
      const path = attributesWith(given);
      expect(sent(path, policy, to, true)).toEqual(sent(path, policy, to, false));
    }),
    { numRuns: 300 },
  );
});

test("edits one after the other are one", () => {
  fc.assert(
    fc.property(changes, changes, (first, then) => {
      expect(composedEdits(editsOf([first])!, editsOf([then])!)).toEqual(editsOf([first, then]));
    }),
  );
});

test.each<[string, Changes]>([
  ["a MED that depends on what was there", { addMed: 1 }],
  ["a next hop", { nextHop: ipv4(1) }],
])("%s is changed as a value", (_, change) => {
  expect(editsOf([change])).toBeUndefined();
});

test("next hops behind an interface are changed as values", () => {
  const pool = new AttributePool({ asn: 65000, routerId: 1, clusterId: 1 });
  const nextHop = { ...ipv6(0xfe800000, 0, 0, 1), zone: "eth0" };
  expect(pool.internEdited(pool.intern(attributesWith({ nextHop })), [])).toBe(NO_ATTRIBUTES);
});
