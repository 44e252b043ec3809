import { describe, expect, test } from "vitest";
import { ipv4, prefixOf } from "../bgp/net/address.ts";
import type { BlockPlan } from "../model/blocks.ts";
import { POOL } from "../model/testing/values.ts";
import { diffTables } from "./diff.ts";
import { render } from "./render.ts";
import { EMPTY_NAT, type NatTable, type PoolMapping } from "./table.ts";

const PRIVATE = [prefixOf(ipv4(0x0a410000), 29)];
const PORTS = { first: 1024, last: 1023 + 12 * 16 };

/** Eight private addresses, and twelve blocks of 16 ports of one address. */
function tableOf(
  mapping: PoolMapping["mapping"],
  block: Partial<BlockPlan["pools"][number]>,
  overflowAt = 75,
): NatTable {
  const pool: PoolMapping = { ...POOL, ports: PORTS, mapping };
  const blockPool = { addresses: pool.addresses, ports: PORTS, blockSize: 16, ...block };
  return {
    ...EMPTY_NAT,
    ...{ private: PRIVATE, pools: [pool], blocks: { private: PRIVATE, pools: [blockPool] }, overflowAt },
  };
}

const MODES = [
  ["endpointIndependent", ["filling", "blocks"], ["opened_0", "opened_1", "opened_2"]],
  ["addressAndPortDependent", ["spread"], ["toward_0", "toward_1", "toward_2", "toward_3"]],
] as const;

/** What the rules of both modes count up to. */
const marksIn = (table: NatTable): number[] => {
  const { spread, blocks, filling } = render(table).chains;
  const rules = [...spread, ...blocks, ...filling].join("\n");
  return [...new Set([...rules.matchAll(/ct count (?:over )?(\d+)/g)].map(([, count]) => Number(count)))];
};

describe.each(MODES)("%s", (mapping, chains, sets) => {
  test.each([
    ["three quarters", 75, 12],
    ["all of it", 100, 16],
    ["whole flows", 70, 11],
    ["one at least", 5, 1],
  ])("another block is asked for at: %s", (_, overflowAt, mark) => {
    expect(marksIn(tableOf(mapping, { overflowBlocks: 4 }, overflowAt))).toEqual([mark]);
  });

  test.each([
    ["nothing can be given", { overflowBlocks: 0 }, []],
    ["some are set aside", { overflowBlocks: 4 }, [12]],
    // Eight private addresses, and six blocks.
    ["all are given", { blockSize: 32 }, [24]],
  ])("nothing is counted where nothing can come of it: %s", (_, block, marks) => {
    expect(marksIn(tableOf(mapping, block))).toEqual(marks);
  });

  test("another mark begins to count anew", () => {
    const [before, after] = [75, 50].map((at) => tableOf(mapping, { overflowBlocks: 4 }, at));
    const change = diffTables(before!, after!);
    const flushed = (kind: string): (string | undefined)[] =>
      [...change.matchAll(new RegExp(`flush ${kind} inet gatewayd (\\w+)`, "g"))].map(([, name]) => name);
    expect(flushed("chain")).toEqual(chains);
    expect(flushed("set").toSorted()).toEqual(sets);
  });
});
