import { describe, expect, test } from "vitest";
import { ipv4 } from "../bgp/net/address.ts";
import { formatAddress } from "../bgp/net/text.ts";
import { POOL } from "../model/testing/values.ts";
import { diff } from "../nat/diff.ts";
import { EMPTY_NAT, type NatTable } from "../nat/table.ts";
import { MemoryNft } from "../nat/testing/memory-nft.ts";
import { KernelState } from "./kernel-state.ts";

const [A, B] = [ipv4(0xc6336414), ipv4(0xc6336415)];
const HOST = ipv4(0x0a410001);
const pool = (name: string, address: typeof A): NatTable["pools"][number] => ({
  ...POOL,
  ...{ name, addresses: [address] },
});

/** With something at 198.51.100.21 as well as at 198.51.100.20, and without. */
const CASES: readonly (readonly [string, NatTable, NatTable])[] = [
  ["a pool", { ...EMPTY_NAT, pools: [pool("a", A), pool("b", B)] }, { ...EMPTY_NAT, pools: [pool("a", A)] }],
  ["a floating IP", { ...EMPTY_NAT, floating: [{ floating: B, fixed: HOST, egress: "fixed" }] }, EMPTY_NAT],
];

describe.each(CASES)(
  "what is gone, when %s is taken out before all that is wanted is known",
  (_, both, one) => {
    const goneIn = (state: KernelState, table: NatTable, keep: boolean): string[] => {
      const changed = state.natChange(table, keep) !== "";
      return state.natHolds(table, keep, changed).map((gone) => formatAddress(gone.public));
    };

    test("is what this gateway itself had put there", () => {
      const state = new KernelState();
      state.observed([], { is: "listed", text: undefined }, 0);
      expect(goneIn(state, both, true)).toEqual([]);
      expect(goneIn(state, one, true)).toEqual(["198.51.100.21"]);
    });

    test("is not what the one before it had, until all is known", () => {
      const nft = new MemoryNft();
      nft.apply(diff(both, undefined));
      const state = new KernelState();
      state.observed([], { is: "listed", text: nft.listing() }, 0);
      expect(goneIn(state, both, true)).toEqual([]);
      expect(goneIn(state, one, true)).toEqual([]);
      state.observed([], { is: "listed", text: nft.listing() }, 0);
      expect(goneIn(state, one, false)).toEqual(["198.51.100.21"]);
    });
  },
);

test("what is known of the NAT table stays so when a read finds that nobody else changed it", () => {
  const [both, one] = [CASES[0]![1], CASES[0]![2]];
  const state = new KernelState();
  state.observed([], { is: "listed", text: undefined }, 0);
  expect(state.knowsNat).toBe(false);
  state.natHolds(both, false, true);
  expect([state.knowsNat, state.natChange(both, false)]).toEqual([true, ""]);
  expect(state.observed([], { is: "known" }, 0)).toBe(0);
  expect([state.knowsNat, state.natChange(both, false), state.isAt(both)]).toEqual([true, "", true]);
  expect(state.natChange(one, false)).toContain("198.51.100.21");
  state.lost();
  expect(state.knowsNat).toBe(false);
});

test("with leftovers of the process before, it is not all known", () => {
  const state = new KernelState();
  state.observed([], { is: "listed", text: undefined }, 0);
  state.natHolds(CASES[0]![1], true, true);
  expect(state.knowsNat).toBe(false);
});
