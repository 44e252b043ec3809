/** What must hold whatever happens: models, links, peers, health and faults by chance, on virtual time. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatPrefix } from "../bgp/net/text.ts";
import type { Model } from "../model/model.ts";
import type { Health } from "./intent.ts";
import { Bench, type Given } from "./testing/bench.ts";
import { hopsOnLinks, reroutings } from "./testing/hops.ts";
import { type OracleInput, planWithLearned } from "./testing/oracle.ts";
import { address, floatingIps, health, judgements, learnedRoutes, links, models } from "./testing/values.ts";
import { type Faults, NO_FAULTS } from "./testing/world.ts";

type Change =
  | Partial<Given>
  | { readonly amended: Model["floatingIps"] }
  | { readonly faults: Faults }
  | { readonly lost: string }
  | { readonly afterMs: number };

const faults: fc.Arbitrary<Faults> = fc.record({
  routes: fc
    .subarray(["172.16.1.3/32", "10.65.0.13/32", "203.0.113.0/24", "0.0.0.0/0", "192.0.2.53/32"])
    .map((keys) => new Set(keys)),
  nat: fc.boolean(),
  dead: fc.boolean(),
  mute: fc.boolean(),
});

const changes: fc.Arbitrary<Change[]> = fc.array(
  fc.oneof(
    models.map((m) => ({ model: m })),
    links.map((l) => ({ links: l })),
    learnedRoutes.map((l) => ({ learned: l })),
    judgements.map((h) => ({ health: h })),
    reroutings.map((h) => ({ hops: h })),
    fc.constant({ complete: true }),
    { arbitrary: floatingIps.map((f) => ({ amended: f })), weight: 4 },
    faults.map((f) => ({ faults: f })),
    fc.constantFrom("192.168.8.11", "192.168.8.12", "192.0.9.9").map((lost) => ({ lost })),
    fc.constantFrom(50, 1000, 4000, 61_000).map((afterMs) => ({ afterMs })),
  ),
  { maxLength: 12 },
);

async function play(bench: Bench, script: readonly Change[], pause: boolean): Promise<void> {
  for (const change of script) {
    if ("afterMs" in change) await bench.advance(change.afterMs);
    else if ("lost" in change) bench.reconciler.lost([address(change.lost)], bench.world.flushed());
    else if ("faults" in change) bench.world.faults = change.faults;
    else if ("amended" in change) {
      bench.amend(change.amended);
      if (pause) await bench.idle();
    } else if (pause) await bench.give(change);
    else {
      bench.change(change);
      // Some way into the pass, wherever that is.
      await Promise.resolve();
      await Promise.resolve();
    }
  }
  await bench.idle();
}

/** Hundreds of worlds on a machine that has other things to do. */
const LIMIT_MS = 120_000;

describe("laws", { timeout: LIMIT_MS }, () => {
  test("whatever happens in whatever order, nothing is announced that does not work, and all comes right", async () => {
    const ending = fc.tuple(models, links, learnedRoutes, judgements, reroutings);
    await fc.assert(
      fc.asyncProperty(changes, ending, fc.boolean(), fc.boolean(), async (script, end, complete, pause) => {
        const bench = new Bench();
        bench.given.complete = complete;
        await play(bench, script, pause);
        const [lastModel, lastLinks, lastLearned, judged, hops] = end;
        const last = {
          model: lastModel,
          links: lastLinks,
          learned: lastLearned,
          health: allJudged(judged),
          hops: hops ?? hopsOnLinks(lastLearned, lastLinks),
          complete: true,
        };
        bench.world.faults = NO_FAULTS;
        await bench.give(last);
        await bench.advance(120_000);
        const fresh = new Bench();
        await fresh.give(last);
        expect(bench.state()).toEqual(fresh.state());
        expect(bench.state()).toMatchObject(expectedOf(last));
        expect(bench.reconciler.snapshot()).toMatchObject({ synced: true, natProgrammed: true });
        bench.happened();
        await bench.give({});
        expect(bench.happened()).toEqual([]);
        expect(bench.world.violations).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  test("a process that takes over from any other comes to the same as one that starts from nothing", async () => {
    const given = fc.tuple(models, links, learnedRoutes, judgements);
    await fc.assert(
      fc.asyncProperty(given, given, async ([m1, l1, r1, h1], [m2, l2, r2, h2]) => {
        const before = new Bench();
        await before.give({ model: m1, links: l1, learned: r1, health: h1 });
        await before.reconciler.stop();
        before.world.announced.clear();
        before.world.marked.clear();
        const after = new Bench(before.world);
        const last = { model: m2, links: l2, learned: r2, health: allJudged(h2) };
        await after.give({ ...last, learned: [], complete: false });
        await after.give({ ...last, complete: true });
        const fresh = new Bench();
        await fresh.give({ ...last, complete: true });
        expect(after.state()).toEqual(fresh.state());
        expect(after.world.violations).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });
});

/** What the slow and simple way comes to. */
function expectedOf({
  model,
  links,
  learned,
  hops,
  health,
}: Omit<OracleInput, "resumed" | "leaving" | "givenBlocks">): {
  routes: string[];
  marked: string[];
} {
  const given = {
    model,
    links,
    learned,
    hops,
    health,
    resumed: new Map(),
    leaving: { ports: [], floating: [] },
    givenBlocks: [],
  };
  const { routes } = planWithLearned(given);
  const lines = routes.map(({ prefix, target }) => `${formatPrefix(prefix)} ${JSON.stringify(target)}`);
  const forwarded = routes.filter(({ target }) => target.to === "via");
  return { routes: lines.sort(), marked: forwarded.map(({ prefix }) => formatPrefix(prefix)).sort() };
}

/** Every member judged: a member that is not is as it was, which is what these laws are not about. */
function allJudged(judged: Health): Health {
  const members = judged.get("dns");
  const isUp = (member: string): boolean => members?.get(member) ?? false;
  return health({ "10.65.0.13": isUp("10.65.0.13"), "10.65.0.14": isUp("10.65.0.14") });
}
