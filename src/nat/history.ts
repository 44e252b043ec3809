/** Whose a port was at a time in the past: what follows from the plan that was in force then, and what was given besides. */

import { type Address, sameAddress } from "../bgp/net/address.ts";
import {
  type Block,
  type BlockGrant,
  type BlockPlan,
  blockOf,
  holderOf,
  type Rank,
} from "../model/blocks.ts";

/** A plan and when it came into force. */
export interface Epoch {
  readonly fromMs: number;
  /** Without pools: from then on there were no blocks. */
  readonly plan: BlockPlan;
}

/** A block that was given, and for how long. */
export interface GrantSpan {
  readonly grant: BlockGrant;
  readonly fromMs: number;
  /** Undefined: it lasts. */
  readonly untilMs: number | undefined;
}

/** Both in the order of time. */
export interface Past {
  readonly epochs: readonly Epoch[];
  readonly spans: readonly GrantSpan[];
}

/** A time during which nothing changed for whom it is about. */
export interface Tenure extends Tenancy {
  readonly fromMs: number;
  /** Undefined: it lasts. */
  readonly untilMs: number | undefined;
}

interface Tenancy {
  /** Undefined: nobody had it. */
  readonly holder: Address | undefined;
  readonly block: Block | undefined;
  /** Undefined: the block is computed, and not given. */
  readonly rank: Rank | undefined;
}

const NOBODY: Tenancy = { holder: undefined, block: undefined, rank: undefined };

/** Who had a port, one after the other, from the first line on. */
export function tenuresOfPort({ epochs, spans }: Past, address: Address, port: number): Tenure[] {
  const given = spans.filter(({ grant: { block } }) => isIn(block, address, port));
  return tenures(epochs, given, (plan) => {
    const holder = holderOf(plan, address, port);
    return holder && { holder, block: blockOf(plan, holder), rank: undefined };
  });
}

/** What block of its own a private address had, one after the other. */
export function tenuresOfPrivate({ epochs, spans }: Past, holder: Address): Tenure[] {
  const given = spans.filter(({ grant }) => grant.rank === 0 && sameAddress(grant.holder, holder));
  return tenures(epochs, given, (plan) => {
    const block = blockOf(plan, holder);
    return block && { holder, block, rank: undefined };
  });
}

/** The blocks that a private address had at a time besides its own. */
export const overflowAt = ({ spans }: Past, holder: Address, atMs: number): GrantSpan[] =>
  spans.filter((span) => span.grant.rank > 0 && sameAddress(span.grant.holder, holder) && lasts(span, atMs));

/** The one at a time; undefined: that was before the first. */
export const tenureAt = (list: readonly Tenure[], atMs: number): Tenure | undefined =>
  list.findLast(({ fromMs }) => fromMs <= atMs);

const isIn = ({ address, ports }: Block, at: Address, port: number): boolean =>
  sameAddress(address, at) && ports.first <= port && port <= ports.last;

const lasts = ({ fromMs, untilMs }: GrantSpan, atMs: number): boolean =>
  fromMs <= atMs && (untilMs === undefined || atMs < untilMs);

/** @param computed - who it is by a plan; undefined: nobody */
function tenures(
  epochs: readonly Epoch[],
  spans: readonly GrantSpan[],
  computed: (plan: BlockPlan) => Tenancy | undefined,
): Tenure[] {
  const list: Tenure[] = [];
  for (const fromMs of turnsOf(epochs, spans)) {
    const plan = epochs.findLast((epoch) => epoch.fromMs <= fromMs)?.plan;
    const given = spans.findLast((span) => lasts(span, fromMs))?.grant;
    const now = (plan && computed(plan)) ?? given ?? NOBODY;
    const last = list.at(-1);
    if (last !== undefined && sameTenancy(last, now)) continue;
    if (last !== undefined) list[list.length - 1] = { ...last, untilMs: fromMs };
    const { holder, block, rank } = now;
    list.push({ holder, block, rank, fromMs, untilMs: undefined });
  }
  return list;
}

/** When something may have become another's. */
const turnsOf = (epochs: readonly Epoch[], spans: readonly GrantSpan[]): number[] =>
  [
    ...new Set([
      ...epochs.map(({ fromMs }) => fromMs),
      ...spans.flatMap(({ fromMs, untilMs }) => (untilMs === undefined ? fromMs : [fromMs, untilMs])),
    ]),
  ].sort((a, b) => a - b);

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
