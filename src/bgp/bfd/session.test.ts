import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type BfdPacket, type BfdState, decodeBfd } from "./packet.ts";
import {
  administrativelyDown,
  type BfdSession,
  type BfdStep,
  type BfdTiming,
  beginSession,
  changeTiming,
  expire,
  nextDeadline,
  receive,
} from "./session.ts";

const TIMING: BfdTiming = { intervalMs: 50, multiplier: 3 };
const OURS = 7;

const heard = (state: BfdState, more: Partial<BfdPacket> = {}): BfdPacket => ({
  diagnostic: 0,
  state,
  poll: false,
  final: false,
  independent: true,
  demand: false,
  multiplier: 3,
  myDiscriminator: 9,
  yourDiscriminator: OURS,
  desiredMinTxUs: 50_000,
  requiredMinRxUs: 50_000,
  ...more,
});

/** A session in a state, reached as on the wire, at time 0. */
function sessionIn(state: BfdState): BfdSession {
  const down = beginSession(OURS, TIMING, 0);
  if (state === "down") return down;
  if (state === "admin-down") return administrativelyDown(down, 0);
  return receive(down, heard(state === "init" ? "down" : "init"), 0).session;
}

describe("the state machine of RFC 5880 §6.2, state by what is heard", () => {
  test.each<[from: BfdState, heard: BfdState, to: BfdState, diagnostic: number]>([
    ["down", "admin-down", "down", 0],
    ["down", "down", "init", 0],
    ["down", "init", "up", 0],
    ["down", "up", "down", 0],
    ["init", "admin-down", "down", 3],
    ["init", "down", "init", 0],
    ["init", "init", "up", 0],
    ["init", "up", "up", 0],
    ["up", "admin-down", "down", 3],
    ["up", "down", "down", 3],
    ["up", "init", "up", 0],
    ["up", "up", "up", 0],
    ["admin-down", "down", "admin-down", 7],
    ["admin-down", "up", "admin-down", 7],
  ])("%s, hears %s: %s with diagnostic %i", (from, said, to, diagnostic) => {
    const { session } = receive(sessionIn(from), heard(said), 1);
    expect(session).toMatchObject({ state: to, diagnostic });
  });
});

test("a packet for another session changes nothing", () => {
  const up = sessionIn("up");
  expect(receive(up, heard("down", { yourDiscriminator: 8 }), 1)).toEqual({ session: up, packet: undefined });
});

describe("the Detection Time (§6.8.4)", () => {
  test.each<[string, Partial<BfdPacket>, number]>([
    ["their multiplier times their interval", { desiredMinTxUs: 100_000, multiplier: 4 }, 400],
    ["our own interval, where they would send faster", { desiredMinTxUs: 10_000, multiplier: 2 }, 100],
  ])("%s", (_, packet, ms) => {
    const up = receive(sessionIn("init"), heard("up", { final: true, ...packet }), 1000).session;
    const settled = receive(up, heard("up", { final: true, ...packet }), 1000).session;
    expect(settled.detectAtMs).toBe(1000 + ms);
    expect(expire(settled, 1000 + ms - 0.1, 0).session.state).toBe("up");
    expect(expire(settled, 1000 + ms, 0)).toMatchObject({
      session: { state: "down", diagnostic: 1, remote: { discriminator: 0 } },
      packet: { state: "down", diagnostic: 1, yourDiscriminator: 0, desiredMinTxUs: 1_000_000 },
    });
  });
});

describe("how fast it sends", () => {
  const gap = (session: BfdSession, unit: number): number =>
    expire(session, 5000, unit).session.sendAtMs - 5000;
  const polled = receive(sessionIn("up"), heard("up", { final: true }), 1).session;
  test.each<[string, BfdSession, unit: number, ms: number]>([
    ["down: a second (§6.8.3), less the jitter", { ...sessionIn("down") }, 0, 750],
    ["up: 75 to 100 % (§6.8.7)", { ...polled, detectAtMs: 9999 }, 0, 37.5],
    ["up: 75 to 100 %, the upper end", { ...polled, detectAtMs: 9999 }, 1, 50],
    [
      "multiplier 1: no more than 90 %",
      { ...polled, timing: { intervalMs: 50, multiplier: 1 }, detectAtMs: 9999 },
      1,
      45,
    ],
    [
      "no faster than the other side can take",
      receive(polled, heard("up", { requiredMinRxUs: 400_000, desiredMinTxUs: 9_000_000 }), 2).session,
      1,
      400,
    ],
  ])("%s", (_, session, unit, ms) => {
    expect(gap(session, unit)).toBeCloseTo(ms, 6);
  });

  test("not at all to who wants none, nor to who is in Demand mode once all is settled", () => {
    const mute = receive(polled, heard("up", { requiredMinRxUs: 0 }), 2).session;
    const demanding = receive(polled, heard("up", { demand: true }), 2).session;
    for (const session of [mute, demanding]) expect(expire(session, 100, 0).packet).toBeUndefined();
  });
});

describe("the Poll Sequence (§6.5, §6.8.3)", () => {
  const settled = receive(sessionIn("up"), heard("up", { final: true }), 0).session;

  test("Up begins one, since the interval is no longer a second; the Final ends it", () => {
    expect(sessionIn("up").polling).toBe(true);
    expect(expire(sessionIn("up"), 1, 0).packet).toMatchObject({ poll: true, desiredMinTxUs: 50_000 });
    expect(settled).toMatchObject({ polling: false, inForce: { desiredMinTxUs: 50_000 } });
  });

  test("slower counts for our own sending once it is answered, for what we expect at once", () => {
    const slower = changeTiming(settled, { intervalMs: 200, multiplier: 3 }, 1);
    expect(slower).toMatchObject({
      polling: true,
      inForce: { desiredMinTxUs: 50_000, requiredMinRxUs: 200_000 },
    });
    const answered = receive(slower, heard("up", { final: true }), 2).session;
    expect(answered).toMatchObject({ polling: false, inForce: { desiredMinTxUs: 200_000 } });
  });

  test("faster is the other way round", () => {
    const faster = changeTiming(settled, { intervalMs: 20, multiplier: 3 }, 1);
    expect(faster.inForce).toEqual({ desiredMinTxUs: 20_000, requiredMinRxUs: 50_000 });
    expect(receive(faster, heard("up", { final: true }), 2).session.inForce.requiredMinRxUs).toBe(20_000);
  });

  test("a Poll is answered at once by a Final that is no Poll", () => {
    const { packet } = receive(sessionIn("up"), heard("up", { poll: true }), 1);
    expect(packet).toMatchObject({ final: true, poll: false });
  });
});

/** Two machines and a way between them that loses packets, on virtual time. */
class Pair {
  readonly ends: [BfdSession, BfdSession];
  nowMs = 0;
  readonly #lost: (nowMs: number) => boolean;
  readonly #random: () => number;
  #onTheWay: { atMs: number; to: 0 | 1; packet: BfdPacket }[] = [];

  constructor(timings: readonly [BfdTiming, BfdTiming], seed: number, lost: (nowMs: number) => boolean) {
    this.ends = [beginSession(1, timings[0], 0), beginSession(2, timings[1], 0)];
    this.#lost = lost;
    let state = seed;
    this.#random = () => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return state / 2 ** 32;
    };
  }

  chance(share: number): boolean {
    return this.#random() < share;
  }

  run(untilMs: number): void {
    for (;;) {
      const atMs = Math.min(...this.ends.map(nextDeadline), ...this.#onTheWay.map((p) => p.atMs));
      if (atMs > untilMs) break;
      this.nowMs = Math.max(this.nowMs, atMs);
      const arrived = this.#onTheWay.filter((p) => p.atMs <= this.nowMs);
      this.#onTheWay = this.#onTheWay.filter((p) => p.atMs > this.nowMs);
      for (const { to, packet } of arrived) this.#take(to, receive(this.ends[to], packet, this.nowMs));
      for (const end of [0, 1] as const) this.#take(end, expire(this.ends[end], this.nowMs, this.#random()));
    }
    this.nowMs = untilMs;
  }

  #take(end: 0 | 1, { session, packet }: BfdStep): void {
    this.ends[end] = session;
    if (packet === undefined || this.#lost(this.nowMs)) return;
    this.#onTheWay.push({ atMs: this.nowMs + 1 + this.#random(), to: end === 0 ? 1 : 0, packet });
  }
}

const timing = fc.record({
  intervalMs: fc.integer({ min: 10, max: 1000 }),
  multiplier: fc.integer({ min: 2, max: 10 }),
});
const states = (pair: Pair): BfdState[] => pair.ends.map(({ state }) => state);

describe("two machines", () => {
  test("come to agree that they are up, whatever was lost before, and whatever either is told to be", () => {
    fc.assert(
      fc.property(
        timing,
        timing,
        timing,
        fc.integer(),
        fc.double({ min: 0, max: 0.9, noNaN: true }),
        (a, b, c, seed, loss) => {
          const pair: Pair = new Pair([a, b], seed, (nowMs) => nowMs < 20_000 && pair.chance(loss));
          pair.run(10_000);
          pair.ends[0] = changeTiming(pair.ends[0], c, pair.nowMs);
          pair.run(40_000);
          expect(states(pair)).toEqual(["up", "up"]);
          expect(pair.ends.map(({ polling }) => polling)).toEqual([false, false]);
          expect(pair.ends[0].inForce).toEqual(pair.ends[0].offered);
        },
      ),
      { numRuns: 60 },
    );
  });

  test("never fall while nothing is lost, also when both are told to be otherwise", () => {
    fc.assert(
      fc.property(timing, timing, timing, fc.integer(), (a, b, c, seed) => {
        const pair = new Pair([a, b], seed, () => false);
        pair.run(5000);
        expect(states(pair)).toEqual(["up", "up"]);
        for (const end of [0, 1] as const) {
          pair.ends[end] = changeTiming(pair.ends[end], c, pair.nowMs);
          for (let i = 0; i < 300; i++) {
            pair.run(pair.nowMs + 10);
            expect(states(pair)).toEqual(["up", "up"]);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  test("both notice a cut within the Detection Time that each computed", () => {
    fc.assert(
      fc.property(timing, timing, fc.integer(), (a, b, seed) => {
        const pair = new Pair([a, b], seed, (nowMs) => nowMs >= 10_000);
        pair.run(10_000);
        expect(states(pair)).toEqual(["up", "up"]);
        const slowest = Math.max(a.intervalMs, b.intervalMs);
        pair.run(10_003 + slowest * Math.max(a.multiplier, b.multiplier));
        expect(states(pair)).toEqual(["down", "down"]);
        expect(pair.ends.map(({ diagnostic }) => diagnostic)).toEqual([1, 1]);
      }),
      { numRuns: 60 },
    );
  });
});

test("no octets, at any time, make a session throw or send faster than is asked for", () => {
  const event = fc.tuple(fc.uint8Array({ minLength: 24, maxLength: 26 }), fc.integer({ min: 0, max: 2000 }));
  fc.assert(
    fc.property(fc.array(event, { maxLength: 50 }), (events) => {
      let session = beginSession(1, TIMING, 0);
      let nowMs = 0;
      for (const [octets, afterMs] of events) {
        nowMs += afterMs;
        octets.set([0x20, (octets[1]! & 0xf8) | 0, 3, 24, 1, 1, 1, 1, 0, 0, 0, 1]);
        const packet = decodeBfd(octets);
        if (packet !== undefined) session = receive(session, packet, nowMs).session;
        const due = session.sendAtMs <= nowMs;
        session = expire(session, nowMs, 0).session;
        if (due) expect(session.sendAtMs - nowMs).toBeGreaterThanOrEqual(TIMING.intervalMs * 0.75);
        else expect(session.sendAtMs).toBeGreaterThan(nowMs);
      }
    }),
  );
});
