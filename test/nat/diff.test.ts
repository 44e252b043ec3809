/** The laws of the difference, judged by the real nft. */

import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ipv4 } from "../../src/bgp/net/address.ts";
import { diff, diffTables } from "../../src/nat/diff.ts";
import { floatingOf } from "../../src/nat/listing.ts";
import { EMPTY_NAT, type NatTable } from "../../src/nat/table.ts";
import { natTables } from "../../src/nat/testing/tables.ts";
import { makeNamespace, type Namespace } from "./namespace.ts";

let space: Namespace;
beforeAll(() => {
  space = makeNamespace("diff");
});
afterAll(() => space.remove());

/** Each run lists a whole table several times, and a busy machine has not much time for it. */
const LIMIT_MS = 180_000;
/** The laws themselves are src/nat's, of more tables and with nft played; here nft is asked whether it is played well. */
const RUNS = { numRuns: 20 };

const apply = async (text: string): Promise<void> => {
  if (text !== "") await space.nft(text);
};

describe("what nft lists compares equal with what was wanted", { timeout: LIMIT_MS }, () => {
  test("from nothing", async () => {
    await fc.assert(
      fc.asyncProperty(natTables, async (table) => {
        await apply(diff(table, undefined));
        expect(diff(table, await space.listing())).toBe("");
      }),
      RUNS,
    );
  });

  test("from any table to any other, by its listing and by the table itself", async () => {
    await fc.assert(
      fc.asyncProperty(natTables, natTables, natTables, async (a, b, c) => {
        await apply(diff(a, await space.listing()));
        await apply(diff(b, await space.listing()));
        expect(diff(b, await space.listing())).toBe("");
        await apply(diffTables(b, c));
        expect(diff(c, await space.listing())).toBe("");
      }),
      RUNS,
    );
  });

  test("keeping what is not wanted, then not", async () => {
    await fc.assert(
      fc.asyncProperty(natTables, natTables, async (a, b) => {
        await apply(diff(a, await space.listing()));
        await apply(diff(b, await space.listing(), { keep: true }));
        expect(diff(b, await space.listing(), { keep: true })).toBe("");
        await apply(diff(b, await space.listing()));
        expect(diff(b, await space.listing())).toBe("");
      }),
      RUNS,
    );
  });
});

const table: NatTable = {
  ...EMPTY_NAT,
  floating: [{ floating: ipv4(0xac100103), fixed: ipv4(0x0a41000d), egress: "floating" }],
};

test.each([
  ["a timer that is gone", "flush chain inet gatewayd timers; delete ct timeout inet gatewayd udp_timers"],
  ["a timer that was added", "add ct timeout inet gatewayd mine { protocol udp; }"],
  ["a rule that is gone", "flush chain inet gatewayd srcnat"],
  ["a rule that was added", "add rule inet gatewayd dstnat drop"],
  ["a chain that was added", "add chain inet gatewayd mine"],
  ["a set that was added", "add set inet gatewayd mine { type ipv4_addr; }"],
  ["an element that is gone", "delete element inet gatewayd floating { 172.16.1.3 }"],
  ["an element that was added", "add element inet gatewayd exempt { 10.0.0.5-10.0.0.9 }"],
  ["an element with a comment", 'add element inet gatewayd pooled { 10.0.0.5 comment "x, y" }'],
  ["the whole table", "delete table inet gatewayd"],
])("repairs %s", async (_, damage) => {
  await apply(diff(table, await space.listing()));
  await space.nft(`${damage}\n`);
  await apply(diff(table, await space.listing()));
  expect(diff(table, await space.listing())).toBe("");
});

test("one floating IP moved among many is a transaction of four elements each way", async () => {
  const many = Array.from({ length: 4000 }, (_, i) => ({
    floating: ipv4(0xac100000 + i),
    fixed: ipv4(0x0a410000 + i),
    egress: "fixed" as const,
  }));
  const before: NatTable = { ...EMPTY_NAT, floating: many };
  const moved = many.map((m, i) => (i === 7 ? { ...m, fixed: ipv4(0x0a460000) } : m));
  const after: NatTable = { ...EMPTY_NAT, floating: moved };
  await apply(diff(before, await space.listing()));
  const text = diffTables(before, after);
  expect(text.trim().split("\n")).toHaveLength(6);
  await apply(text);
  expect(diff(after, await space.listing()) === "").toBe(true);
  expect(floatingOf((await space.listing()) ?? "")).toHaveLength(many.length);
});
