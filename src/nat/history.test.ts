import { expect, test } from "vitest";
import { type Address, ipv4 } from "../bgp/net/address.ts";
import { formatAddress, parseAddress, parsePrefix } from "../bgp/net/text.ts";
import type { BlockPlan } from "../model/blocks.ts";
import { type Epoch, overflowAt, tenureAt, tenuresOfPort, tenuresOfPrivate } from "./history.ts";

const address = (text: string): Address => parseAddress(text) ?? ipv4(0);
const plan = (ranges: readonly string[], blockSize = 1000): BlockPlan => ({
  private: ranges.map((text) => parsePrefix(text)!),
  pools: [{ addresses: [address("198.51.100.10")], ports: { first: 2000, last: 9999 }, blockSize }],
});

const EPOCHS: readonly Epoch[] = [
  { fromMs: 100, plan: plan(["10.65.0.0/31"]) },
  { fromMs: 200, plan: plan(["10.65.0.0/31", "10.66.0.0/32"]) },
  { fromMs: 300, plan: plan(["10.66.0.0/32", "10.65.0.0/31"]) },
  { fromMs: 400, plan: { private: [], pools: [] } },
  { fromMs: 500, plan: plan(["10.66.0.0/32"], 500) },
];

test.each([
  [99, undefined],
  [100, "10.65.0.0"],
  [299, "10.65.0.0"],
  [300, "10.66.0.0"],
  [399, "10.66.0.0"],
  [400, "nobody"],
  [500, "10.66.0.0"],
  [9999, "10.66.0.0"],
])("at %i port 2000 was %s's", (atMs, holder) => {
  const then = tenureAt(tenuresOfPort({ epochs: EPOCHS, spans: [] }, address("198.51.100.10"), 2000), atMs);
  expect(then && (then.holder === undefined ? "nobody" : formatAddress(then.holder))).toBe(holder);
});

test("a change that leaves a port with its holder is no change of it", () => {
  const list = tenuresOfPort({ epochs: EPOCHS, spans: [] }, address("198.51.100.10"), 2000);
  expect(list.map(({ fromMs, untilMs }) => [fromMs, untilMs])).toEqual([
    [100, 300],
    [300, 400],
    [400, 500],
    [500, undefined],
  ]);
});

test("a private address keeps its block until the block moves, or becomes another one", () => {
  const list = tenuresOfPrivate({ epochs: EPOCHS, spans: [] }, address("10.66.0.0"));
  expect(list.map(({ fromMs, block }) => [fromMs, block?.ports])).toEqual([
    [100, undefined],
    [200, { first: 4000, last: 4999 }],
    [300, { first: 2000, last: 2999 }],
    [400, undefined],
    [500, { first: 2000, last: 2499 }],
  ]);
});

test("a block that was given is its holder's as long as nothing is computed of it", () => {
  const [host, pooled] = [address("10.66.0.0"), address("198.51.100.10")];
  const block = { address: pooled, ports: { first: 5000, last: 5999 } };
  const past = {
    epochs: EPOCHS,
    spans: [{ grant: { holder: host, rank: 1 as const, block }, fromMs: 220, untilMs: 360 }],
  };
  const who = (atMs: number): string | undefined => {
    const then = tenureAt(tenuresOfPort(past, pooled, 5500), atMs)?.holder;
    return then && formatAddress(then);
  };
  expect([219, 220, 359, 360].map(who)).toEqual([undefined, "10.66.0.0", "10.66.0.0", undefined]);
  expect([219, 220, 359, 360].map((atMs) => overflowAt(past, host, atMs).length)).toEqual([0, 1, 1, 0]);
});
