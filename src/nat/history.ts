/** Whose a port was at a time in the past: what follows from the plan that was in force then. */

import { type Address, sameAddress } from "../bgp/net/address.ts";
import { type Block, type BlockPlan, blockOf, holderOf } from "../model/blocks.ts";

/** A plan and when it came into force. */
export interface Epoch {
  readonly fromMs: number;
  /** Without pools: from then on there were no blocks. */
  readonly plan: BlockPlan;
}

/** A time during which nothing changed for whom it is about. */
export interface Tenure {
  readonly fromMs: number;
  /** Undefined: it lasts. */
  readonly untilMs: number | undefined;
  /** Undefined: nobody had it. */
  readonly holder: Address | undefined;
  readonly block: Block | undefined;
}

/** Who had a port, one after the other, from the first line on. */
export const tenuresOfPort = (epochs: readonly Epoch[], address: Address, port: number): Tenure[] =>
  tenures(epochs, (plan) => {
    const holder = holderOf(plan, address, port);
    return { holder, block: holder && blockOf(plan, holder) };
  });

/** What block a private address had, one after the other. */
export const tenuresOfPrivate = (epochs: readonly Epoch[], holder: Address): Tenure[] =>
  tenures(epochs, (plan) => {
    const block = blockOf(plan, holder);
    return { holder: block && holder, block };
  });

/** The one at a time; undefined: that was before the first. */
export const tenureAt = (list: readonly Tenure[], atMs: number): Tenure | undefined =>
  list.findLast(({ fromMs }) => fromMs <= atMs);

type Tenancy = Pick<Tenure, "holder" | "block">;

function tenures(epochs: readonly Epoch[], of: (plan: BlockPlan) => Tenancy): Tenure[] {
  const list: Tenure[] = [];
  for (const { fromMs, plan } of epochs) {
    const now = of(plan);
    const last = list.at(-1);
    if (last !== undefined && sameTenancy(last, now)) continue;
    if (last !== undefined) list[list.length - 1] = { ...last, untilMs: fromMs };
    list.push({ ...now, fromMs, untilMs: undefined });
  }
  return list;
}

function sameTenancy(a: Tenancy, b: Tenancy): boolean {
  if (a.holder === undefined || b.holder === undefined) return a.holder === b.holder;
  if (!sameAddress(a.holder, b.holder) || a.block === undefined || b.block === undefined) return false;
  const { address, ports } = a.block;
  return (
    sameAddress(address, b.block.address) &&
    ports.first === b.block.ports.first &&
    ports.last === b.block.ports.last
  );
}
