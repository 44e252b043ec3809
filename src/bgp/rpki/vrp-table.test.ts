import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { contains, type Prefix, prefixOf } from "../net/address.ts";
import { NO_PREFIX } from "../net/prefix-table.ts";
import { formatPrefix, parsePrefix } from "../net/text.ts";
import { MOST_CHANGED, MOST_PER_PREFIX, VALIDITIES, type Validity, type Vrp, VrpTable } from "./vrp-table.ts";

const prefix = (text: string): Prefix => parsePrefix(text)!;

/** "10.1.0.0/16-24 AS65001" */
function vrp(text: string): Vrp {
  const [, at, maxLength, asn] = /^(\S+)-(\d+) AS(\d+)$/.exec(text)!;
  return { prefix: prefix(at!), maxLength: Number(maxLength), asn: Number(asn) };
}

function tableOf(...texts: string[]): VrpTable {
  const table = new VrpTable();
  table.begin(0, true);
  for (const text of texts) expect(table.tell(0, true, vrp(text))).toBeUndefined();
  table.commit(0);
  table.believe(1);
  return table;
}

const verdict = (table: VrpTable, text: string, originAs: number): Validity => {
  const { family, w0, w1, w2, w3, length } = prefix(text);
  return VALIDITIES[table.validity(family, w0, w1, w2, w3, length, originAs)]!;
};

describe("validity (RFC 6811 §2)", () => {
  const table = tableOf(
    "10.1.0.0/16-24 AS65001",
    "10.1.0.0/16-16 AS65002",
    "10.1.2.0/24-24 AS65003",
    "10.9.0.0/16-32 AS0",
    "10.8.0.0/16-16 AS0",
    "10.8.0.0/16-16 AS65001",
    "2001:db8::/32-48 AS65001",
  );
  test.each<[string, number, Validity]>([
    ["10.1.0.0/16", 65001, "valid"],
    ["10.1.5.0/24", 65001, "valid"],
    ["10.1.5.0/25", 65001, "invalid"], // longer than maxLength
    ["10.1.0.0/16", 65002, "valid"], // another VRP of the same prefix
    ["10.1.0.0/17", 65002, "invalid"],
    ["10.1.2.0/24", 65003, "valid"],
    ["10.1.2.0/24", 65001, "valid"], // by the less specific one
    ["10.1.2.0/24", 65004, "invalid"],
    ["10.0.0.0/8", 65001, "not-found"], // VRPs cover what is within them, not what they are within
    ["10.2.0.0/16", 65001, "not-found"],
    ["0.0.0.0/0", 65001, "not-found"],
    ["10.9.0.0/16", 65001, "invalid"], // AS 0: nobody
    ["10.9.0.0/16", 0, "invalid"], // a path without an origin, such as one that ends with an AS_SET
    ["10.1.0.0/16", 0, "invalid"],
    ["10.2.0.0/16", 0, "not-found"],
    ["10.8.0.0/16", 65001, "valid"], // AS 0 takes nothing from others
    ["2001:db8:1::/48", 65001, "valid"],
    ["2001:db8:1::/49", 65001, "invalid"],
    ["2001:db9::/48", 65001, "not-found"],
  ])("%s of AS %i: %s", (text, originAs, expected) => {
    expect(verdict(table, text, originAs)).toBe(expected);
  });

  test("is explained by the VRPs that cover", () => {
    expect(
      table.covering(prefix("10.1.2.0/25")).map(({ asn, prefix: at }) => [formatPrefix(at), asn]),
    ).toEqual([
      ["10.1.2.0/24", 65003],
      ["10.1.0.0/16", 65002],
      ["10.1.0.0/16", 65001],
    ]);
  });
});

describe("caches", () => {
  test("what is told counts when all of it has come, and from a cache that is believed", () => {
    const table = tableOf("10.1.0.0/16-16 AS1");
    expect(changed(table)).toEqual(["10.1.0.0/16"]);
    table.begin(0, false);
    expect(table.tell(0, false, vrp("10.1.0.0/16-16 AS1"))).toBeUndefined();
    expect(table.tell(0, true, vrp("10.1.0.0/16-16 AS2"))).toBeUndefined();
    expect([verdict(table, "10.1.0.0/16", 1), changed(table)]).toEqual(["valid", []]);
    table.commit(0);
    expect([verdict(table, "10.1.0.0/16", 1), verdict(table, "10.1.0.0/16", 2)]).toEqual([
      "invalid",
      "valid",
    ]);
    expect(changed(table)).toEqual(["10.1.0.0/16"]);
    table.believe(2);
    expect([verdict(table, "10.1.0.0/16", 1), changed(table)]).toEqual(["not-found", ["10.1.0.0/16"]]);
  });

  test("changing whom to believe changes only what they do not agree upon", () => {
    const table = tableOf("10.1.0.0/16-16 AS1", "10.2.0.0/16-16 AS1");
    table.begin(1, true);
    for (const text of ["10.2.0.0/16-16 AS1", "10.3.0.0/16-16 AS1"]) table.tell(1, true, vrp(text));
    table.commit(1);
    changed(table);
    table.believe(2);
    expect(changed(table)).toEqual(["10.1.0.0/16", "10.3.0.0/16"]);
    expect([table.believed(4), table.count(0, 4), table.count(1, 4)]).toEqual([2, 2, 2]);
  });

  test("an answer that breaks off leaves nothing behind", () => {
    const table = tableOf("10.1.0.0/16-16 AS1");
    table.begin(0, true);
    table.tell(0, true, vrp("10.2.0.0/16-16 AS1"));
    table.begin(0, false);
    expect(table.tell(0, true, vrp("10.1.0.0/16-16 AS1"))).toBe("duplicate");
    expect(table.tell(0, false, vrp("10.2.0.0/16-16 AS1"))).toBe("unknown");
    table.commit(0);
    expect([table.count(0, 4), verdict(table, "10.2.0.0/16", 1)]).toEqual([1, "not-found"]);
  });

  test("more changes than are told apart are a change of everything, until they are taken", () => {
    const table = tableOf();
    table.begin(0, true);
    for (let i = 0; i <= MOST_CHANGED; i++) {
      const at: Prefix = { family: 4, w0: i * 256, w1: 0, w2: 0, w3: 0, length: 24 };
      expect(table.tell(0, true, { prefix: at, maxLength: 24, asn: 1 })).toBeUndefined();
    }
    table.commit(0);
    expect([changed(table), changed(table)]).toEqual([["0.0.0.0/0"], []]);
    table.begin(0, false);
    table.tell(0, false, vrp("0.0.1.0/24-24 AS1"));
    table.commit(0);
    expect(changed(table)).toEqual(["0.0.1.0/24"]);
  });

  test("a prefix has so many VRPs and no more", () => {
    const table = new VrpTable();
    table.begin(0, true);
    const said = Array.from({ length: MOST_PER_PREFIX + 1 }, (_, i) =>
      table.tell(0, true, vrp(`10.0.0.0/8-8 AS${i}`)),
    );
    expect(said.filter((refusal) => refusal !== undefined)).toEqual(["too many"]);
  });
});

/** In steps that end within the table. */
function look(table: VrpTable): void {
  for (const family of [4, 6] as const) while (table.lookSome(family, 3) > 0);
}

const changed = (table: VrpTable): string[] => {
  look(table);
  const found = table.takeChanged(4);
  if (found === undefined) return [];
  return Array.from({ length: found.extent }, (_, id) => id)
    .filter((id) => found.has(id))
    .map((id) => formatPrefix(found.prefix(id as never)))
    .sort();
};

describe("laws", () => {
  const somePrefix = fc.tuple(fc.nat(3), fc.integer({ min: 0, max: 6 })).map(([bits, length]): Prefix => {
    return prefixOf({ family: 4, w0: (bits << 28) >>> 0, w1: 0, w2: 0, w3: 0 }, length);
  });
  const someVrp = fc
    .record({ prefix: somePrefix, more: fc.nat(4), asn: fc.nat(2) })
    .map(
      ({ prefix: at, more, asn }): Vrp => ({ prefix: at, maxLength: Math.min(32, at.length + more), asn }),
    );
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.record({ cache: fc.nat(2), all: fc.boolean(), vrps: fc.array(fc.tuple(fc.boolean(), someVrp)) }),
    fc.record({ believe: fc.nat(7) }),
    fc.record({ forget: fc.nat(2) }),
  );

  /** How far it is looked at before the next step; undefined: to the end. */
  const someRows = fc.option(fc.nat(6), { nil: undefined });

  test("any history leaves what a plain list says, and names every prefix whose routes it changed", () => {
    const routes = Array.from({ length: 4 * 9 * 3 }, (_, i): [Prefix, number] => {
      const [bits, length, asn] = [i & 3, (i >>> 2) % 9, Math.floor(i / 36)];
      return [prefixOf({ family: 4, w0: (bits << 28) >>> 0, w1: 0, w2: 0, w3: 0 }, length), asn];
    });
    fc.assert(
      fc.property(fc.array(fc.tuple(step, someRows), { maxLength: 12 }), (steps) => {
        const both = new Both();
        let before = routes.map(([at, asn]) => both.plain(at, asn));
        for (const [one, rows] of steps) {
          both.take(one);
          const after = routes.map(([at, asn]) => both.plain(at, asn));
          expect(routes.map(([at, asn]) => verdict(both.table, formatPrefix(at), asn))).toEqual(after);
          expect([0, 1, 2].map((cache) => both.table.count(cache, 4))).toEqual(both.counts());
          if (rows !== undefined) {
            both.table.lookSome(4, rows);
            continue;
          }
          look(both.table);
          expect(both.table.believed(4)).toBe(both.believed());
          const noted = both.table.takeChanged(4);
          const covered = ([at]: [Prefix, number]): boolean =>
            noted !== undefined && noted.covering(at.w0, 0, 0, 0, at.length) !== NO_PREFIX;
          expect(routes.filter((route, i) => before[i] !== after[i] && !covered(route))).toEqual([]);
          before = after;
        }
      }),
    );
  });
});

type Step =
  | { readonly cache: number; readonly all: boolean; readonly vrps: readonly [boolean, Vrp][] }
  | { readonly believe: number }
  | { readonly forget: number };

/** The table, and the same as plain lists. */
class Both {
  readonly table: VrpTable = new VrpTable();
  readonly #held: Map<string, Vrp>[] = [new Map(), new Map(), new Map()];
  #mask = 0;

  take(step: Step): void {
    if ("believe" in step) {
      this.#mask = step.believe;
      this.table.believe(step.believe);
    } else if ("forget" in step) {
      this.#held[step.forget] = new Map();
      this.table.forget(step.forget);
    } else this.#told(step);
  }

  counts(): number[] {
    return this.#held.map(({ size }) => size);
  }

  believed(): number {
    const vrps = this.#held.flatMap((held, cache) =>
      (this.#mask & (1 << cache)) === 0 ? [] : [...held.keys()],
    );
    return new Set(vrps).size;
  }

  plain(at: Prefix, originAs: number): Validity {
    const covering = this.#held
      .filter((_, cache) => (this.#mask & (1 << cache)) !== 0)
      .flatMap((vrps) => [...vrps.values()])
      .filter((one) => contains(one.prefix, at));
    if (covering.length === 0) return "not-found";
    const matches = covering.filter(({ maxLength, asn }) => asn === originAs && at.length <= maxLength);
    return originAs !== 0 && matches.length > 0 ? "valid" : "invalid";
  }

  #told({ cache, all, vrps }: Extract<Step, { readonly all: boolean }>): void {
    const now = all ? new Map<string, Vrp>() : new Map(this.#held[cache]);
    this.table.begin(cache, all);
    for (const [announces, told] of vrps) {
      const refused = this.table.tell(cache, announces, told) !== undefined;
      expect(refused).toBe(announces === now.has(key(told)));
      if (announces) now.set(key(told), told);
      else now.delete(key(told));
    }
    this.table.commit(cache);
    this.#held[cache] = now;
  }
}

const key = ({ prefix: at, maxLength, asn }: Vrp): string => `${formatPrefix(at)}-${maxLength} AS${asn}`;
