import { pino } from "pino";
import { afterEach, expect, test } from "vitest";
import { ipv4 } from "../bgp/net/address.ts";
import type { SessionsFound } from "../kernel/conntrack/session-commands.ts";
import type { Model } from "../model/model.ts";
import { NO_NAT, POOL } from "../model/testing/values.ts";
import { EMPTY_NAT, type NatTable } from "../nat/table.ts";
import { Drains } from "./drains.ts";

const OLD = { ...POOL, name: "old", addresses: [ipv4(0xc6336401), ipv4(0xc6336402)], draining: true };
const modelOf = (draining: boolean): Model =>
  ({ nat: { ...NO_NAT, pools: [POOL, { ...OLD, draining }] } }) as unknown as Model;

const NOTHING: SessionsFound = {
  tracked: 0,
  complete: true,
  matching: 0,
  sessions: [],
  top: [],
  busy: [],
  used: [],
};

let drains: Drains | undefined;
afterEach(() => drains?.stop());

/** A gateway in which these addresses have flows; `programmed` is false until the kernel has the table. */
function world(): { model: Model; used: string[]; programmed: boolean; complete: boolean; wakes: number } {
  const state = { model: modelOf(true), used: [] as string[], programmed: true, complete: true, wakes: 0 };
  drains = new Drains({
    model: () => state.model,
    programmed: (): NatTable | undefined =>
      state.programmed ? { ...EMPTY_NAT, pools: state.model.nat.pools } : undefined,
    sessions: async () => ({
      ...NOTHING,
      complete: state.complete,
      used: state.used.map((at) => ({ public: at, sessions: 1, users: 1 })),
    }),
    changed: () => state.wakes++,
    log: pino({ level: "silent" }),
  });
  return state;
}

const addressesOf = (model: Model): number[] =>
  model.nat.pools.flatMap(({ addresses }) => addresses.map(({ w0 }) => w0 & 255));

test("an address goes when no flow is left, each by itself, and the pool with the last", async () => {
  const state = world();
  state.used = ["198.51.100.1"];
  await drains!.look();
  expect([addressesOf(drains!.applied(state.model)), state.wakes]).toEqual([[10, 1], 1]);
  expect(drains!.applied(state.model)).toBe(drains!.applied(state.model));
  state.used = [];
  await drains!.look();
  expect([addressesOf(drains!.applied(state.model)), state.wakes]).toEqual([[10], 2]);
});

test.each([
  ["the kernel does not hold the table yet", { programmed: false }],
  ["not all flows could be looked at", { complete: false }],
])("nothing goes while %s", async (_, changes) => {
  const state = Object.assign(world(), changes);
  await drains!.look();
  expect([addressesOf(drains!.applied(state.model)), state.wakes]).toEqual([[10, 1, 2], 0]);
});

test("a pool that is in use again is looked at anew when it is drained again", async () => {
  const state = world();
  await drains!.look();
  expect(addressesOf(drains!.applied(state.model))).toEqual([10]);
  state.model = modelOf(false);
  expect(addressesOf(drains!.applied(state.model))).toEqual([10, 1, 2]);
  state.model = modelOf(true);
  expect(addressesOf(drains!.applied(state.model))).toEqual([10, 1, 2]);
});
