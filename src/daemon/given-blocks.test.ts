import { afterEach, describe, expect, test } from "vitest";
import { ipv4, prefixOf } from "../bgp/net/address.ts";
import { formatAddress } from "../bgp/net/text.ts";
import type { SessionsFound } from "../kernel/conntrack/session-commands.ts";
import { type BlockGrant, blockPlan } from "../model/blocks.ts";
import type { Model } from "../model/model.ts";
import { NO_NAT, POOL } from "../model/testing/values.ts";
import { givenIn } from "../nat/block-book.ts";
import { diff } from "../nat/diff.ts";
import { EMPTY_NAT, type NatTable } from "../nat/table.ts";
import { MemoryNft } from "../nat/testing/memory-nft.ts";
import { GivenBlocks } from "./given-blocks.ts";
import type { GrantChange } from "./records/block-lines.ts";

const NOTHING: SessionsFound = {
  ...{ tracked: 0, complete: true, matching: 0 },
  ...{ sessions: [], top: [], used: [], busy: [] },
};
const PRIVATE = [prefixOf(ipv4(0x0a410000), 29)];
/** 8 private addresses with a block each, and 4 blocks set aside. */
const modelOf = (overflowBlocks: number, portsPerAddress?: number): Model =>
  ({
    nat: {
      ...NO_NAT,
      private: PRIVATE,
      pools: [
        {
          ...POOL,
          ...{ ports: { first: 1024, last: 1023 + 12 * 16 }, blockSize: 16, overflowBlocks },
          limits: { ...POOL.limits, portsPerAddress },
        },
      ],
    },
  }) as unknown as Model;

let grants: GivenBlocks | undefined;
afterEach(() => grants?.stop());

/** A gateway at a time of its own, whose kernel holds what it is told at once. */
class World {
  model: Model = modelOf(4);
  nowMs = 0;
  asking: string[] = [];
  /** First ports of blocks in which there are flows. */
  readonly busy = new Set<number>();
  readonly noted: string[] = [];
  programmed = true;
  readonly grants: GivenBlocks;

  constructor(held: readonly BlockGrant[] = [], remembered: readonly BlockGrant[] = []) {
    this.grants = new GivenBlocks({
      model: () => this.model,
      programmed: () => (this.programmed ? this.table() : undefined),
      listSet: async () => this.asking.join(" "),
      sessions: async ({ blocks = [] }) => ({
        ...NOTHING,
        busy: blocks.map(({ first }) => Number(this.busy.has(first))),
      }),
      note: async (changes) => void this.noted.push(...changes.map(changeText)),
      changed: () => undefined,
      now: () => this.nowMs,
    });
    grants = this.grants;
    this.grants.begin(held, remembered);
  }

  table(): NatTable {
    const { pools } = this.model.nat;
    return {
      ...EMPTY_NAT,
      private: PRIVATE,
      pools,
      blocks: blockPlan(this.model.nat),
      givenBlocks: this.given(),
    };
  }

  given(): readonly BlockGrant[] {
    return this.grants.of(this.model);
  }

  async ask(...hosts: string[]): Promise<readonly string[]> {
    this.nowMs += 5000;
    this.asking = hosts;
    await this.grants.ask();
    return this.given().map(grantText);
  }

  async look(minutes: number): Promise<readonly string[]> {
    for (let i = 0; i < minutes * 2; i++) {
      this.nowMs += 30_000;
      await this.grants.look();
    }
    return this.given().map(grantText);
  }
}

const grantText = ({ holder, rank, block: { ports } }: BlockGrant): string =>
  `${formatAddress(holder)} ${rank} ${ports.first}`;
const changeText = ({ given, grant }: GrantChange): string => `${given ? "+" : "-"}${grantText(grant)}`;

const [A, B] = ["10.65.0.1", "10.65.0.2"];

describe("who asks", () => {
  test("is given a block that is set aside, once for what it asked", async () => {
    const world = new World();
    expect(await world.ask(A)).toEqual([`${A} 1 1152`]);
    world.nowMs += 500;
    await world.grants.ask();
    expect(world.given()).toHaveLength(1);
    expect(world.given()).toBe(world.given());
    expect(await world.ask(A, B, "192.0.2.1")).toEqual([`${A} 1 1152`, `${A} 2 1168`, `${B} 1 1184`]);
    expect(world.noted).toEqual([`+${A} 1 1152`, `+${A} 2 1168`, `+${B} 1 1184`]);
    expect(world.grants.problem).toBeUndefined();
    await world.ask(A, B);
    expect(world.given()).toHaveLength(4);
    expect(world.grants.problem).toMatchObject({ code: "nat.blocks", subject: "198.51.100.10" });
    expect(world.grants.useOf(POOL.addresses[0]!)).toEqual({ spare: 4, given: 4 });
    expect(world.grants.useOfPools()).toEqual([{ address: POOL.addresses[0], spare: 4, given: 4 }]);
  });

  test("is given none that its limit of ports has no room for", async () => {
    const world = new World();
    world.model = modelOf(4, 40);
    await world.ask(A);
    expect(await world.ask(A)).toEqual([`${A} 1 1152`]);
  });

  test("is given its first where none is computed", async () => {
    const world = new World();
    world.model = modelOf(5);
    world.given();
    expect(await world.ask(A)).toEqual([`${A} 0 1024`]);
  });

  test("is not heard while the kernel does not hold the rules", async () => {
    const world = new World();
    world.programmed = false;
    expect(await world.ask(A)).toEqual([]);
  });
});

describe("a block that no flow uses", () => {
  test("is taken back after five minutes, rests, and is somebody else's then", async () => {
    const world = new World();
    await world.ask(A);
    world.busy.add(1152);
    expect(await world.look(60)).toHaveLength(1);
    world.busy.clear();
    expect(await world.look(4)).toHaveLength(1);
    // A flow begins when the kernel still has the block.
    world.nowMs += 60_000;
    await world.grants.look();
    world.busy.add(1152);
    expect(await world.look(10)).toEqual([]);
    expect(await world.ask(B)).toEqual([`${B} 1 1168`]);
    expect(world.noted.at(-1)).toBe(`+${B} 1 1168`);
    world.busy.clear();
    await world.look(1);
    expect(world.noted.at(-1)).toBe(`-${A} 1 1152`);
    expect(await world.ask(A)).toContain(`${A} 1 1152`);
  });

  test("stays while a later one of the same address is used", async () => {
    const world = new World();
    await world.ask(A);
    await world.ask(A);
    world.busy.add(1168);
    expect(await world.look(20)).toHaveLength(2);
    world.busy.clear();
    expect(await world.look(6)).toEqual([]);
  });
});

describe("after a start", () => {
  const gatewayBefore = async (): Promise<{ held: readonly BlockGrant[]; given: readonly BlockGrant[] }> => {
    const world = new World();
    await world.ask(A, B);
    const nft = new MemoryNft();
    nft.apply(diff(world.table(), undefined));
    world.grants.stop();
    const given = world.given();
    return { held: givenIn(nft.listing() ?? "", blockPlan(world.model.nat)!), given };
  };

  test("what the kernel holds is what is given", async () => {
    const { held, given } = await gatewayBefore();
    const world = new World(held, given);
    expect(world.given()).toEqual(given);
    expect(world.noted).toEqual([]);
  });

  test("what nobody remembers is written down, and what the kernel lacks rests until no flow uses it", async () => {
    const { held, given } = await gatewayBefore();
    expect(new World(held, []).noted).toEqual([`+${A} 1 1152`, `+${B} 1 1168`]);
    const world = new World([], given);
    world.busy.add(1152);
    expect(await world.ask(A)).toEqual([`${A} 1 1184`]);
    await world.look(1);
    expect(world.noted.at(-1)).toBe(`-${B} 1 1168`);
  });

  test("of another plan nothing is kept that does not fit into it", async () => {
    const { held, given } = await gatewayBefore();
    const world = new World(held, given);
    world.model = modelOf(3);
    expect(world.given().map(grantText)).toEqual([`${B} 1 1168`]);
    expect(world.noted).toEqual([`-${A} 1 1152`]);
  });
});
