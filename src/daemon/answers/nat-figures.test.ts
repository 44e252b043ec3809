import { expect, test } from "vitest";
import type { NatTraceAnswer } from "../../api/nat-schema.ts";
import { ipv4 } from "../../bgp/net/address.ts";
import { NO_NAT, POOL } from "../../model/testing/values.ts";
import { blockFigures, TraceTally } from "./nat-figures.ts";

test("blocks are told of by the name of their pool, as far as the model has it", () => {
  const uses = [
    { address: POOL.addresses[0]!, spare: 8, given: 3 },
    { address: ipv4(0xc0000201), spare: 2, given: 0 },
  ];
  const model = { nat: { ...NO_NAT, pools: [POOL] } };
  expect(blockFigures(model, { useOfPools: () => uses })).toEqual([{ pool: "default", spare: 8, given: 3 }]);
});

test("traces are counted by whether a real packet was seen, and by what became of it", () => {
  const tally = new TraceTally();
  const dry: NatTraceAnswer = {
    ...{ asked: "", verdict: "translated", why: "", steps: [], programmed: true },
  };
  const live = { ...dry, live: { seen: true, steps: [] } };
  for (const answer of [dry, live, dry, { ...dry, live: { seen: false, steps: [] } }]) tally.count(answer);
  tally.count({ ...dry, verdict: "dropped" });
  expect(tally.figures.map(({ kind, verdict, count }) => `${kind} ${verdict} ${count}`)).toEqual([
    "dry translated 2",
    "live translated 1",
    "unseen translated 1",
    "dry dropped 1",
  ]);
});
