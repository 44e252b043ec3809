import { describe, expect, test } from "vitest";
import type { KernelRoute, LearnedRoute } from "./intent.ts";
import { Bench } from "./testing/bench.ts";
import { hopsOnLinks } from "./testing/hops.ts";
import { address, LINKS, learned, model } from "./testing/values.ts";

const A = "192.168.8.11";
const B = "192.168.8.12";
const C = "192.168.8.13";
const NEVER = new Promise<void>(() => undefined);

const prefixes = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `203.${i >> 8}.${i & 255}.1/32`);

const through = (at: readonly string[], ...nextHops: readonly string[]): LearnedRoute[] =>
  at.map((prefix) => learned(prefix, "public", ...nextHops));

/** The gateways that the kernel's routes lead to, each as often as there are such. */
function led(bench: Bench): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { target } of bench.world.routes.values()) {
    const text = gatewaysOf(target);
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  return counts;
}

const gatewaysOf = (target: KernelRoute["target"]): string =>
  target.to === "via" ? target.nextHops.map(({ address: { w0 } }) => `.${w0 & 255}`).join(" ") : target.to;

async function holding(learnedRoutes: readonly LearnedRoute[]): Promise<Bench> {
  const bench = new Bench();
  const hops = hopsOnLinks(through(["203.0.113.1/32"], A, B, C), LINKS);
  await bench.give({ model: model(), hops, learned: learnedRoutes });
  bench.happened();
  return bench;
}

describe.each([10, 10_000])("of %d routes", (count) => {
  const all = prefixes(count);

  test("a lost member of their group is one change", async () => {
    const bench = await holding(through(all, A, B));
    bench.reconciler.lost([address(A)], NEVER);
    await bench.idle();
    expect(bench.happened()).toEqual([`redirect via ${A} eth0 1, ${B} eth0 1 to via ${B} eth0 1`]);
    expect(led(bench)).toEqual(new Map([[".12", count]]));
    await bench.give({ learned: through(all, B) });
    expect(bench.happened()).toEqual([]);
  });

  test("of next hops that are lost together each is one change", async () => {
    const bench = await holding(all.flatMap((prefix, i) => through([prefix], i % 2 === 0 ? A : B)));
    bench.reconciler.lost([address(A), address(B)], NEVER);
    await bench.give({ learned: through(all, C) });
    expect(bench.happened()).toEqual([A, B].map((from) => `redirect via ${from} eth0 1 to via ${C} eth0 1`));
    expect(led(bench)).toEqual(new Map([[".13", count]]));
  });

  test("a lost next hop is one change, to what peers still tell", async () => {
    const bench = await holding(through(all, A));
    bench.reconciler.lost([address(A)], NEVER);
    await bench.give({ learned: through(all, B) });
    expect(bench.happened()).toEqual([`redirect via ${A} eth0 1 to via ${B} eth0 1`]);
    expect(led(bench)).toEqual(new Map([[".12", count]]));
  });
});

test("those that what most of them want is not right for are put right", async () => {
  const [few, most] = [prefixes(1000).slice(0, 100), prefixes(1000).slice(100)];
  const bench = await holding(through(prefixes(1000), A));
  bench.reconciler.lost([address(A)], NEVER);
  await bench.give({ learned: [...through(few, C), ...through(most, B)] });
  expect(bench.happened().filter((line) => !line.startsWith("redirect"))).toEqual(
    few.map((prefix) => `put ${prefix}`),
  );
  expect(led(bench)).toEqual(
    new Map([
      [".13", 100],
      [".12", 900],
    ]),
  );
});

test("a next hop is lost until it is decided: who tells it then, means it", async () => {
  const bench = await holding(through(prefixes(10), A, B));
  bench.reconciler.lost([address(A)], Promise.resolve());
  await bench.idle();
  expect(led(bench)).toEqual(new Map([[".11 .12", 10]]));
});

test("one that is there again is used again", async () => {
  const bench = await holding(through(prefixes(10), A, B));
  bench.reconciler.lost([address(A)], NEVER);
  await bench.idle();
  expect(led(bench)).toEqual(new Map([[".12", 10]]));
  bench.reconciler.found(address(A));
  await bench.idle();
  expect(led(bench)).toEqual(new Map([[".11 .12", 10]]));
});

test("resilient groups are of one route each, and are changed by it", async () => {
  const bench = await holding([learned("192.0.2.53/32", "anycast", A, B)]);
  bench.reconciler.lost([address(A)], NEVER);
  await bench.idle();
  expect(bench.happened()).toEqual(["put 192.0.2.53/32"]);
});

test("a kernel that refuses is asked for each route", async () => {
  const bench = await holding(through(prefixes(10), A, B));
  bench.world.refusesRedirections = true;
  bench.reconciler.lost([address(A)], NEVER);
  await bench.idle();
  expect(bench.happened().filter((line) => line.startsWith("put"))).toHaveLength(10);
  expect(led(bench)).toEqual(new Map([[".12", 10]]));
});

test("a process that dies over it is asked anew", async () => {
  const bench = await holding(through(prefixes(10), A, B));
  bench.world.faults = { ...bench.world.faults, mute: true };
  bench.reconciler.lost([address(A)], NEVER);
  await bench.idle();
  bench.world.faults = { ...bench.world.faults, dead: false };
  bench.reconciler.resync();
  await bench.advance(10_000);
  expect(led(bench)).toEqual(new Map([[".12", 10]]));
});
