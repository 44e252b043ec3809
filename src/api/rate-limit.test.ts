import fc from "fast-check";
import { expect, test } from "vitest";
import { RateLimit } from "./rate-limit.ts";

test("so many at once, then so many a second, each client for itself", () => {
  const limit = new RateLimit(2, 3);
  const take = (client: string, ms: number): number => limit.take(client, ms);
  expect([take("a", 0), take("a", 0), take("a", 0), take("a", 0)]).toEqual([0, 0, 0, 1]);
  expect(take("b", 0)).toBe(0);
  expect([take("a", 500), take("a", 500), take("a", 999)]).toEqual([0, 1, 1]);
  expect([take("a", 10_000), take("a", 10_000), take("a", 10_000), take("a", 10_000)]).toEqual([0, 0, 0, 1]);
});

test("who waits as long as it was told is let in", () => {
  const limit = new RateLimit(0.25, 1);
  expect([limit.take("a", 0), limit.take("a", 1000), limit.take("a", 4000)]).toEqual([0, 3, 0]);
});

test("no sequence of requests lets more through than the burst and the rate", () => {
  const gaps = fc.array(fc.nat(2000), { maxLength: 100 });
  fc.assert(
    fc.property(
      gaps,
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 9 }),
      (steps, rate, burst) => {
        const limit = new RateLimit(rate, burst);
        let now = 0;
        let passed = 0;
        for (const step of steps) {
          now += step;
          if (limit.take("a", now) === 0) passed += 1;
        }
        expect(passed).toBeLessThanOrEqual(burst + (now / 1000) * rate + 1e-6);
      },
    ),
  );
});

test("names that are made up share what is left, and cost no memory for long", () => {
  const limit = new RateLimit(1, 1);
  for (let i = 0; i < 1024; i++) expect(limit.take(`client ${i}`, 0)).toBe(0);
  expect([limit.take("one more", 0), limit.take("another", 0)]).toEqual([0, 1]);
  expect(limit.take("later", 5000)).toBe(0);
});
