/**
 * Random requests of the Networking API on a real store, which is killed while it is asked: what was answered is there,
 * and nothing is there in part.
 */

import { setImmediate } from "node:timers/promises";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { World } from "../../../src/neutron/caller.ts";
import { Fault } from "../../../src/neutron/fault.ts";
import { Keeper } from "../../../src/neutron/keeper.ts";
import type { Reading } from "../../../src/neutron/tables.ts";
import { countingWorld } from "../../../src/neutron/testing/cloud.ts";
import { broken } from "../../../src/neutron/testing/invariants.ts";
import { NAMED, request, requestOf, STEP, type Step } from "../../../src/neutron/testing/requests.ts";
import type { Store } from "../../../src/store/store.ts";

/** A store whose data outlive it. */
export interface Mortal {
  open(): Promise<Store>;
  /** At once, and without a word; it can be opened again. */
  kill(): Promise<void>;
  remove(): Promise<void>;
}

const UNAVAILABLE = 503;

type Texts = ReadonlySet<string>;

const textsOf = (reading: Reading): Texts =>
  new Set(NAMED.flatMap((name) => Array.from(reading.all(name), (object) => JSON.stringify(object))));

interface Life {
  readonly steps: readonly Step[];
  /** In the middle of which it is killed, after so many turns of the event loop. */
  readonly last: Step;
  readonly turns: number;
}

const LIFE: fc.Arbitrary<Life> = fc.record({
  steps: fc.array(STEP, { minLength: 5, maxLength: 15 }),
  last: STEP,
  turns: fc.nat(6),
});

/** @param kills - of one store, which is opened anew after each */
export function networkingLaw(
  make: () => Promise<Mortal>,
  { runs, kills }: Record<"runs" | "kills", number>,
): void {
  test("law: killed in the middle of a request, it has all that was answered, and no part of any other", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(LIFE, { minLength: kills, maxLength: kills }), async (lives) => {
        const mortal = await make();
        const world = countingWorld();
        for (const life of lives) await isThere(mortal, await lived(mortal, world, life));
        await mortal.remove();
      }),
      { numRuns: runs },
    );
  }, 300_000);
}

/** What is to be there afterwards; undefined: nobody was told whether the last request was done. */
async function lived(mortal: Mortal, world: World, { steps, last, turns }: Life): Promise<Texts | undefined> {
  const store = await mortal.open();
  const keeper = await Keeper.open(store, () => world, nothing);
  const ask = (step: Step): Promise<number> =>
    keeper.ask(step.caller, request(...requestOf(step, keeper.reading))).then(() => 200, statusOf);
  for (const step of steps) expect(await ask(step)).toBeLessThan(500);
  const asked = ask(last);
  for (let turn = 0; turn < turns; turn++) await setImmediate();
  await mortal.kill();
  const isTold = (await asked) !== UNAVAILABLE;
  const told = textsOf(keeper.reading);
  keeper.close();
  await store.close();
  return isTold ? told : undefined;
}

async function isThere(mortal: Mortal, texts: Texts | undefined): Promise<void> {
  const store = await mortal.open();
  const keeper = await Keeper.open(store, countingWorld, nothing);
  expect(broken(keeper.reading)).toEqual([]);
  if (texts !== undefined) expect(textsOf(keeper.reading)).toEqual(texts);
  keeper.close();
  await store.close();
}

function statusOf(error: unknown): number {
  if (error instanceof Fault) return error.detail.status;
  throw error;
}

function nothing(): void {
  // Nobody follows.
}
