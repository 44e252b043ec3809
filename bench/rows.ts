/** What is measured: so many senders of the same prefixes, so many receivers. */

import type { PrefixPlan } from "./load.ts";

/**
 * What comes after convergence. "ends": the first sender leaves, then all is withdrawn. "rounds": all is withdrawn and
 * announced again, a hundred times.
 */
export type Ending = "ends" | "rounds" | "nothing";

export interface Row {
  readonly name: string;
  readonly senders: number;
  readonly receivers: number;
  readonly plan: PrefixPlan;
  readonly then: Ending;
}

const hosts = (count: number): PrefixPlan => ({ family: 4, length: 32, count });

export const ROWS: readonly Row[] = [
  { name: "1to1", senders: 1, receivers: 1, plan: hosts(1_000_000), then: "ends" },
  { name: "2to1", senders: 2, receivers: 1, plan: hosts(500_000), then: "ends" },
  { name: "4to4", senders: 4, receivers: 4, plan: hosts(200_000), then: "ends" },
  { name: "16to16", senders: 16, receivers: 16, plan: hosts(50_000), then: "ends" },
  { name: "1to50", senders: 1, receivers: 50, plan: hosts(100_000), then: "ends" },
  {
    name: "2to1-v6-128",
    senders: 2,
    receivers: 1,
    plan: { family: 6, length: 128, count: 500_000 },
    then: "ends",
  },
  {
    name: "2to1-v6-48",
    senders: 2,
    receivers: 1,
    plan: { family: 6, length: 48, count: 500_000 },
    then: "ends",
  },
  { name: "4x1M", senders: 4, receivers: 1, plan: hosts(1_000_000), then: "nothing" },
  { name: "rounds", senders: 1, receivers: 1, plan: hosts(100_000), then: "rounds" },
];
