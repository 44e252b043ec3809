/**
 * Gives port blocks to private addresses that ask for them, and takes them back when no flow uses them any more.
 *
 * The rules let an address ask when its blocks are nearly used up, or when it has none (nat/blocks.ts). It is looked often
 * enough that a block is there before the last port of those before is taken, unless they fill faster than that. What is
 * given is in the history before the kernel hears of it. After a start, what the kernel holds is what is given.
 */

import { type Address, sameAddress } from "../bgp/net/address.ts";
import { formatAddress } from "../bgp/net/text.ts";
import type { Problem } from "../gateway/intent.ts";
import type { SessionQuery, SessionsFound } from "../kernel/conntrack/session-commands.ts";
import { type BlockGrant, type BlockPlan, blockPlan, spareCount } from "../model/blocks.ts";
import type { Model } from "../model/model.ts";
import { BlockBook } from "../nat/block-book.ts";
import { sameBlocks } from "../nat/blocks.ts";
import { addressesIn } from "../nat/limits.ts";
import type { NatTable } from "../nat/table.ts";
import { transitorySeconds } from "../nat/timers.ts";
import type { GrantChange } from "./records/block-lines.ts";

const ASK_EVERY_MS = 250;
/** An address stands among those that ask for a second; what it asked for before it was given a block is no question. */
const DEAF_MS = 3000;
const LOOK_EVERY_MS = 30_000;

export interface GivenBlocksOptions {
  readonly model: () => Model;
  /** The table that the kernel holds; undefined while it is not the one that is wanted. */
  readonly programmed: () => NatTable | undefined;
  readonly listSet: (name: string) => Promise<string | undefined>;
  readonly sessions: (query: SessionQuery) => Promise<SessionsFound>;
  /** Resolves when the changes are remembered. */
  readonly note: (changes: readonly GrantChange[]) => Promise<void>;
  /** {@link GivenBlocks.of} says something else. */
  readonly changed: (changes: readonly GrantChange[]) => void;
  readonly now: () => number;
}

export class GivenBlocks {
  readonly #options: GivenBlocksOptions;
  readonly #timers: readonly NodeJS.Timeout[];
  #model: Model | undefined;
  #plan: BlockPlan | undefined;
  #book: BlockBook | undefined;
  #current: readonly BlockGrant[] = [];
  #resting: readonly BlockGrant[] = [];
  #asking: Promise<void> | undefined;
  /** When an address was given its last block, by its word. */
  readonly #givenMs = new Map<number, number>();
  /** When a flow was last seen in a block. */
  readonly #busyMs = new Map<BlockGrant, number>();

  constructor(options: GivenBlocksOptions) {
    this.#options = options;
    this.#timers = [
      setInterval(() => (this.#asking ??= this.#askOnce()), ASK_EVERY_MS),
      setInterval(() => void this.look().catch(() => undefined), LOOK_EVERY_MS),
    ];
  }

  /**
   * Begins with what there is.
   * @param held - what the kernel has, by the rules of a gateway that ran before this one
   * @param remembered - what the history says is given: what of it the kernel does not hold rests
   */
  begin(held: readonly BlockGrant[], remembered: readonly BlockGrant[]): void {
    this.#model = this.#options.model();
    this.#plan = blockPlan(this.#model.nat);
    this.#open(
      held,
      remembered.filter((grant) => !held.some((of) => sameBlock(of, grant))),
    );
    const news = this.#current.filter((grant) => !remembered.some((of) => sameBlock(of, grant)));
    void this.#options.note(this.#changes(news, true));
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }

  /** What is given by this model's plan; the same value until that changes. */
  of(model: Model): readonly BlockGrant[] {
    if (model === this.#model) return this.#current;
    this.#model = model;
    const plan = blockPlan(model.nat);
    if (sameBlocks(plan, this.#plan)) return this.#current;
    this.#plan = plan;
    const before = [...this.#current, ...this.#resting];
    this.#open(this.#current, []);
    const gone = before.filter((grant) => !this.#current.includes(grant));
    void this.#options.note(this.#changes(gone, false));
    return this.#current;
  }

  /** How many blocks of a pool's address can be given, and how many are; undefined: its ports are shared. */
  useOf(address: Address): { readonly spare: number; readonly given: number } | undefined {
    const pool = this.#plan?.pools.find(({ addresses }) => addresses.some(({ w0 }) => w0 === address.w0));
    if (this.#plan === undefined || pool === undefined) return undefined;
    return { spare: spareCount(this.#plan, pool), given: this.#book?.takenOf(address) ?? 0 };
  }

  /** The same of each pool that has blocks, all of its addresses together; it is known by any of them. */
  useOfPools(): readonly { readonly address: Address; readonly spare: number; readonly given: number }[] {
    return (this.#plan?.pools ?? []).flatMap(({ addresses }) => {
      const [address] = addresses;
      if (address === undefined) return [];
      const { spare } = this.useOf(address) ?? { spare: 0 };
      if (spare === 0) return [];
      const given = addresses.reduce((sum, one) => sum + (this.#book?.takenOf(one) ?? 0), 0);
      return { address, spare: spare * addresses.length, given };
    });
  }

  /** A pool address that has hardly a block left to give. */
  get problem(): Problem | undefined {
    for (const { block } of this.#current) {
      const { spare, given } = this.useOf(block.address) ?? { spare: 0, given: 0 };
      if (given < spare * NEARLY_ALL) continue;
      const subject = formatAddress(block.address);
      const message = `${given} of the ${spare} blocks of ${subject} that can be given are given: who asks for one when none is left has to do with the ports that it has`;
      return { code: "nat.blocks", subject, message };
    }
    return undefined;
  }

  /** Gives a block to each address that asks for one, as far as there are any. */
  async ask(): Promise<void> {
    const { programmed, model, listSet, now } = this.#options;
    const plan = this.#plan;
    if (plan === undefined || programmed() === undefined) return;
    if (plan.pools.every((pool) => spareCount(plan, pool) === 0)) return;
    const listed = await listSet("asking");
    const book = this.#book;
    if (listed === undefined || book === undefined) return;
    const nowMs = now();
    for (const [word, atMs] of this.#givenMs) if (nowMs - atMs >= DEAF_MS) this.#givenMs.delete(word);
    const mostPorts = model().nat.pools[0]?.limits.portsPerAddress ?? Number.POSITIVE_INFINITY;
    const given = addressesIn(listed).flatMap((holder) => {
      if (this.#givenMs.has(holder.w0)) return [];
      const grant = book.give(holder, mostPorts);
      if (grant === undefined) return [];
      this.#givenMs.set(holder.w0, nowMs);
      this.#busyMs.set(grant, nowMs);
      return grant;
    });
    if (given.length === 0) return;
    const changes = this.#changes(given, true);
    await this.#options.note(changes);
    this.#now(book, changes);
  }

  /** Takes back what no flow has used for as long as one that nobody sees could last. */
  async look(): Promise<void> {
    const { programmed, sessions, note } = this.#options;
    const [book, table, grants, resting] = [this.#book, programmed(), this.#current, this.#resting];
    if (book === undefined || table === undefined || grants.length + resting.length === 0) return;
    const blocks = [...grants, ...resting].map(({ block }) => ({ address: block.address, ...block.ports }));
    const { busy, complete } = await sessions({ want: "blocks", blocks, filter: {}, limit: 1 });
    if (!complete || book !== this.#book) return;
    const free = resting.filter((_, i) => busy[grants.length + i] === 0);
    for (const { block } of free) book.free(block);
    const idle = this.#idle(grants, busy, table);
    for (const grant of idle) book.takeBack(grant);
    this.#resting = [...this.#resting.filter((grant) => !free.includes(grant)), ...idle];
    const changes = this.#changes(free, false);
    if (changes.length + idle.length > 0) this.#now(book, changes);
    await note(changes);
  }

  #idle(grants: readonly BlockGrant[], busy: readonly number[], table: NatTable): BlockGrant[] {
    const nowMs = this.#options.now();
    const { udpSeconds, icmpSeconds } = table.timeouts;
    const restMs = Math.max(udpSeconds, transitorySeconds(table), icmpSeconds) * 1000;
    for (const [i, grant] of grants.entries())
      if (busy[i] !== 0 || !this.#busyMs.has(grant)) this.#busyMs.set(grant, nowMs);
    const quiet = grants.filter((grant) => nowMs - this.#busyMs.get(grant)! >= restMs);
    // The rules try blocks in order, and none behind one that is not there.
    const lastRank = new Map<number, number>();
    for (const { holder, rank } of grants.filter((grant) => !quiet.includes(grant)))
      lastRank.set(holder.w0, Math.max(rank, lastRank.get(holder.w0) ?? 0));
    return quiet.filter(({ holder, rank }) => rank > (lastRank.get(holder.w0) ?? -1));
  }

  async #askOnce(): Promise<void> {
    // While netd is away nobody can be heard; who asks then asks again.
    await this.ask().catch(() => undefined);
    this.#asking = undefined;
  }

  #open(grants: readonly BlockGrant[], resting: readonly BlockGrant[]): void {
    this.#book = this.#plan && new BlockBook(this.#plan, grants, resting);
    this.#current = this.#book?.grants ?? [];
    this.#resting = resting;
  }

  #changes(grants: readonly BlockGrant[], given: boolean): GrantChange[] {
    const atMs = this.#options.now();
    return grants.map((grant) => ({ atMs, given, grant }));
  }

  #now(book: BlockBook, changes: readonly GrantChange[]): void {
    if (book !== this.#book) return;
    this.#current = book.grants;
    const held = new Set(this.#current);
    for (const grant of this.#busyMs.keys()) if (!held.has(grant)) this.#busyMs.delete(grant);
    this.#options.changed(changes);
  }
}

const NEARLY_ALL = 0.9;

const sameBlock = (a: BlockGrant, b: BlockGrant): boolean =>
  sameAddress(a.holder, b.holder) &&
  sameAddress(a.block.address, b.block.address) &&
  a.block.ports.first === b.block.ports.first;
