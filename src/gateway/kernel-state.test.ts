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
      state.observed([], undefined, 0);
      expect(goneIn(state, both, true)).toEqual([]);
      expect(goneIn(state, one, true)).toEqual(["198.51.100.21"]);
    });

    test("is not what the one before it had, until all is known", () => {
      const nft = new MemoryNft();
      nft.apply(diff(both, undefined));
      const state = new KernelState();
      state.observed([], nft.listing(), 0);
      expect(goneIn(state, both, true)).toEqual([]);
      expect(goneIn(state, one, true)).toEqual([]);
      state.observed([], nft.listing(), 0);
      expect(goneIn(state, one, false)).toEqual(["198.51.100.21"]);
    });
  },
);
