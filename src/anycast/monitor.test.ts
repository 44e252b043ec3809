import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ipv4 } from "../bgp/net/address.ts";
import type { AnycastService, HealthCheck } from "../model/model.ts";
import { Monitor } from "./monitor.ts";

const MEMBER = ipv4(0x0a410014);
const CHECK: HealthCheck = {
  type: "tcp",
  port: 53,
  path: "/",
  intervalMs: 1000,
  timeoutMs: 500,
  fall: 3,
  rise: 2,
};

const service = (check: Partial<HealthCheck> = {}): AnycastService => ({
  name: "dns",
  address: ipv4(0xc0000235),
  members: [MEMBER],
  health: { ...CHECK, ...check },
  whenAllFail: "withdraw",
});

/** A member that answers at once, refuses at once, or says nothing; and a monitor that watches it. */
class Bench {
  readonly monitor = new Monitor();
  now = 0;

  constructor(check: Partial<HealthCheck> = {}) {
    this.monitor.watch([service(check)], [MEMBER], 0);
  }

  get up(): boolean | undefined {
    return this.monitor.health().get("dns")?.get("10.65.0.20");
  }

  /** Runs the checks up to `until`; returns when health changed, or undefined. */
  run(until: number, memberAt: (now: number) => "good" | "refuses" | "silent"): number | undefined {
    for (let due = this.monitor.nextDue(); due !== undefined && due <= until; due = this.monitor.nextDue()) {
      this.now = due;
      for (const probe of this.monitor.nextProbes(due)) {
        const behaviour = memberAt(due);
        if (behaviour === "silent") this.now += probe.check.timeoutMs;
        const outcome =
          behaviour === "good" ? { ok: true as const } : { ok: false as const, error: behaviour };
        if (this.monitor.result(probe, outcome, this.now)) return this.now;
      }
    }
    return undefined;
  }
}

test("a new member is checked at once, and is up after `rise` good checks", () => {
  const bench = new Bench();
  expect(bench.monitor.state("dns", MEMBER).health).toBe("unknown");
  expect(bench.run(10_000, () => "good")).toBe(1000);
  expect(bench.monitor.state("dns", MEMBER)).toEqual({ health: "up", lastError: undefined });
});

test("a failed member tells why, and comes back after `rise` good checks", () => {
  const bench = new Bench();
  bench.run(1000, () => "good");
  const fellAt = bench.run(10_000, () => "refuses") ?? 0;
  expect(bench.monitor.state("dns", MEMBER)).toEqual({ health: "down", lastError: "refuses" });
  expect(bench.run(fellAt + 10_000, () => "good")).toBe(fellAt + 2000);
  expect(bench.up).toBe(true);
});

describe("a failure is found within interval x fall, if all its timeouts fit in there", () => {
  test.each(["refuses", "silent"] as const)("when the member %s, whenever it fails", (behaviour) => {
    const checks = fc.record({
      intervalMs: fc.integer({ min: 100, max: 5000 }),
      fall: fc.integer({ min: 2, max: 6 }),
      share: fc.double({ min: 0.05, max: 1, noNaN: true }),
      failsAfter: fc.integer({ min: 0, max: 5000 }),
    });
    fc.assert(
      fc.property(checks, ({ intervalMs, fall, share, failsAfter }) => {
        const bench = new Bench({
          intervalMs,
          fall,
          timeoutMs: Math.floor((intervalMs * share * (fall - 1)) / fall),
        });
        const upAt = bench.run(100_000, () => "good") ?? 0;
        const failedAt = upAt + failsAfter + 1;
        const foundAt =
          bench.run(1e6, (now) => (now < failedAt ? "good" : behaviour)) ?? Number.POSITIVE_INFINITY;
        expect(bench.up).toBe(false);
        expect(foundAt - failedAt).toBeLessThanOrEqual(intervalMs * fall + 1);
      }),
    );
  });

  test("with fall 1 too, as long as a check takes no more than half the interval", () => {
    const bench = new Bench({ fall: 1, timeoutMs: 500 });
    const upAt = bench.run(10_000, () => "good") ?? 0;
    const foundAt = bench.run(10_000, (now) => (now <= upAt ? "good" : "silent")) ?? 0;
    expect(foundAt - upAt).toBeLessThanOrEqual(1000);
  });
});

test("one bad check among good ones changes nothing", () => {
  const bench = new Bench();
  bench.run(1000, () => "good");
  let checks = 0;
  expect(bench.run(60_000, () => (checks++ % 3 === 0 ? "refuses" : "good"))).toBeUndefined();
});

test("what is known stays when a service is watched again, and goes when its check changes", () => {
  const bench = new Bench();
  bench.run(1000, () => "good");
  bench.monitor.watch([service()], [MEMBER], 1500);
  expect(bench.up).toBe(true);
  bench.monitor.watch([service({ port: 54 })], [MEMBER], 1500);
  expect(bench.up).toBeUndefined();
  bench.monitor.watch([service({ port: 54 })], [], 1500);
  expect(bench.monitor.nextDue()).toBeUndefined();
  expect(bench.monitor.state("dns", MEMBER).health).toBe("unchecked");
});

test("a late result of a check that is not watched any more says nothing", () => {
  const { monitor } = new Bench({ rise: 1 });
  const [probe] = monitor.nextProbes(0);
  monitor.watch([service({ port: 54 })], [MEMBER], 10);
  expect(probe !== undefined && monitor.result(probe, { ok: true }, 20)).toBe(false);
});

test("a drained member is out of service until it is taken back, whatever its checks say", () => {
  const bench = new Bench();
  bench.run(1000, () => "good");
  expect(bench.monitor.drain("dns", MEMBER, true)).toBe(true);
  bench.run(5000, () => "good");
  expect(bench.up).toBe(false);
  expect(bench.monitor.drain("dns", MEMBER, false)).toBe(true);
  expect(bench.up).toBe(true);
});
