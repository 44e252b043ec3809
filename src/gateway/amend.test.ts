/** Changes of floating IPs alone, which are seen to by themselves: they come to what a pass over everything comes to. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatPrefix } from "../bgp/net/text.ts";
import { Bench } from "./testing/bench.ts";
import { hopsOnLinks, reroutings } from "./testing/hops.ts";
import {
  floatingIp,
  floatingIps,
  LINKS,
  learned,
  learnedRoutes,
  links,
  model,
  models,
  port,
} from "./testing/values.ts";

/** Hundreds of worlds on a machine that has other things to do. */
const LIMIT_MS = 120_000;

test("a model whose floating IPs alone change, again and again, comes to what its last one comes to", {
  timeout: LIMIT_MS,
}, async () => {
  const given = fc.tuple(models, links, learnedRoutes, reroutings);
  const script = fc.array(floatingIps, { minLength: 1, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(given, script, fc.boolean(), async ([m, l, told, hops], changes, pause) => {
      const bench = new Bench();
      const first = { model: m, links: l, learned: told, hops: hops ?? hopsOnLinks(told, l) };
      await bench.give(first);
      for (const each of changes) {
        bench.amend(each);
        if (pause) await bench.idle();
      }
      await bench.idle();
      // What moved away is kept a while.
      await bench.advance(10_000);
      const fresh = new Bench();
      await fresh.give({ ...first, model: bench.given.model });
      expect(bench.state()).toEqual(fresh.state());
      expect(bench.reconciler.snapshot().intent).toEqual(fresh.reconciler.snapshot().intent);
      expect(bench.world.violations).toEqual([]);
    }),
    { numRuns: 200 },
  );
});

test("floating IPs and what leads to them change, again and again, and come to what the last of both comes to", {
  timeout: LIMIT_MS,
}, async () => {
  const step = fc.oneof(
    floatingIps.map((changed) => ({ floatingIps: changed })),
    learnedRoutes.map((told) => ({ learned: told })),
  );
  const script = fc.array(step, { minLength: 1, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(models, learnedRoutes, script, fc.boolean(), async (m, told, changes, pause) => {
      const hops = hopsOnLinks(
        [...told, ...changes.flatMap((each) => ("learned" in each ? each.learned : []))],
        LINKS,
      );
      const bench = new Bench();
      const first = { model: m, learned: told, hops };
      await bench.give(first);
      for (const each of changes) {
        if ("learned" in each) bench.tell(each.learned);
        else bench.amend(each.floatingIps);
        if (pause) await bench.idle();
      }
      await bench.idle();
      // What moved away is kept a while.
      await bench.advance(10_000);
      const fresh = new Bench();
      await fresh.give({ ...first, model: bench.given.model, learned: bench.given.learned });
      expect(bench.state()).toEqual(fresh.state());
      expect(bench.reconciler.snapshot().intent).toEqual(fresh.reconciler.snapshot().intent);
      expect(bench.world.violations).toEqual([]);
    }),
    { numRuns: 200 },
  );
});

const HOST = learned("10.65.0.0/24", "host", "192.168.8.11");
const OURS = [port("tap0", "10.65.0.13"), port("tap1", "10.65.0.14")];
const others = [floatingIp("172.16.1.4", "10.65.0.14"), floatingIp("172.16.1.5", "10.65.0.14")];
const CLOUDS = [
  [
    "at a gateway",
    { given: { model: model({ role: "gateway", floatingIps: others }), learned: [HOST] }, routes: [] },
  ],
  [
    "on a host",
    {
      given: { model: model({ role: "compute", ports: OURS, floatingIps: others }) },
      routes: ["172.16.1.3/32"],
    },
  ],
] as const;

describe("at a gateway, a host that comes and goes", () => {
  const instance = learned("10.65.0.14/32", "host", "192.168.8.12");
  const others3 = [floatingIp("172.16.1.3", "10.65.0.13"), floatingIp("172.16.1.4", "10.65.0.14")];
  const started = async (): Promise<Bench> => {
    const bench = new Bench();
    const told = [learned("10.65.0.13/32", "host", "192.168.8.11"), instance];
    await bench.give({ model: model({ role: "gateway", floatingIps: others3 }), learned: told });
    bench.happened();
    return bench;
  };

  test("takes what leads to it along, and nothing else is looked at", async () => {
    const bench = await started();
    const known = bench.reconciler.snapshot().intent;
    const kept = bench.given.learned.slice(0, 1);
    bench.tell(kept);
    await bench.idle();
    expect(bench.happened()).toEqual([
      "uninstalled 10.65.0.14/32",
      "withdraw 172.16.1.4/32",
      "remove 10.65.0.14/32",
    ]);
    const now = bench.reconciler.snapshot().intent;
    expect(now?.nat).toBe(known?.nat);
    expect(now?.announcements).toEqual(known?.announcements.slice(0, 1));
    expect(now?.announcements[0]).toBe(known?.announcements[0]);
    bench.tell([...kept, instance]);
    await bench.idle();
    expect(bench.happened()).toEqual([
      "put 10.65.0.14/32",
      "installed 10.65.0.14/32",
      "announce 172.16.1.4/32",
    ]);
    expect(bench.world.violations).toEqual([]);
  });
});

describe.each(CLOUDS)("%s, among others", (_name, { given, routes }) => {
  const started = async (): Promise<Bench> => {
    const bench = new Bench();
    await bench.give(given);
    bench.happened();
    return bench;
  };
  const come = [...others, floatingIp("172.16.1.3", "10.65.0.13")];

  test("one that comes is put, translated and announced, and one that goes the other way round", async () => {
    const bench = await started();
    bench.amend(come);
    await bench.idle();
    expect(bench.happened()).toEqual([...routes.map((key) => `put ${key}`), "nat", "announce 172.16.1.3/32"]);
    bench.amend(others);
    await bench.idle();
    expect(bench.happened()).toEqual([
      "withdraw 172.16.1.3/32",
      "nat",
      ...routes.map((key) => `remove ${key}`),
      "forget 172.16.1.3 10.65.0.13",
    ]);
  });

  test("what was planned of the others is not planned again", async () => {
    const bench = await started();
    const known = (): Map<string, unknown> =>
      new Map(
        bench.reconciler.snapshot().intent?.announcements.map((each) => [formatPrefix(each.prefix), each]),
      );
    const before = known();
    bench.amend(come);
    await bench.idle();
    for (const [key, announcement] of before) expect(known().get(key)).toBe(announcement);
    expect(known().size).toBe(before.size + 1);
  });

  test("one that the kernel refuses is not announced, and comes right later", async () => {
    const bench = await started();
    bench.world.faults = { ...bench.world.faults, nat: true };
    bench.amend(come);
    await bench.idle();
    expect(bench.world.announced.has("172.16.1.3/32")).toBe(false);
    expect(bench.world.announced.has("172.16.1.4/32")).toBe(true);
    bench.world.faults = { ...bench.world.faults, nat: false };
    await bench.advance(60_000);
    expect(bench.world.announced.has("172.16.1.3/32")).toBe(true);
    expect(bench.world.violations).toEqual([]);
  });

  test("one whose address a peer announces a moment later is somebody else's again when it goes", async () => {
    const bench = await started();
    bench.amend(come);
    await bench.idle();
    bench.amend(others);
    await bench.idle();
    const told = [
      "learned" in given ? given.learned : [],
      learned("172.16.1.3/32", "floating", "192.168.8.12"),
    ];
    await bench.give({ learned: told.flat() });
    expect(bench.world.routes.get("172.16.1.3/32")).toMatchObject({ target: { to: "via" } });
  });
});
