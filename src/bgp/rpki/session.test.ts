import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodePdu } from "./pdu.ts";
import {
  ANSWER_MS,
  beginRtr,
  conflict,
  connected,
  expire,
  failed,
  nextDeadline,
  type RtrSession,
  type RtrStep,
  receive,
} from "./session.ts";
import {
  cacheReset,
  endOfData,
  errorReport,
  notify,
  response,
  routerKey,
  vrp,
} from "./testing/cache-octets.ts";

const take = (session: RtrSession, octets: Uint8Array, nowMs = 0): RtrStep =>
  receive(session, decodePdu(octets), octets, nowMs, 0);

/** After these PDUs, on a connection that was made at 0. */
function after(...pdus: readonly Uint8Array[]): RtrSession {
  let { session } = connected(expire(beginRtr(0), 0, 0).session, 0);
  for (const octets of pdus) session = take(session, octets).session;
  return session;
}

const SYNCHRONIZED = [response(1, 7), vrp(1, "10.0.0.0/8-8 AS1"), endOfData(1, 7, 3, [100, 10, 1000])];

const hex = (octets: Uint8Array): string => Buffer.from(octets).toString("hex");
const RESET_QUERY = "0102000000000008";
const SERIAL_QUERY = "010100070000000c00000003";

/** What is to be done, in words; of what is sent, the type and the code. */
const words = ({ actions }: RtrStep): string[] =>
  actions.map((action) => {
    if (action.do !== "send") return action.do;
    return action.octets[1] === 10 ? `report ${action.octets[3]}` : hex(action.octets);
  });

describe("on time", () => {
  test("it dials, asks, asks again at the refresh interval, and lets its data go at the expire interval", () => {
    const begun = expire(beginRtr(5), 5, 0);
    expect([words(begun), words(connected(begun.session, 6))]).toEqual([["dial"], [RESET_QUERY]]);
    const ready = after(...SYNCHRONIZED);
    expect([ready.at, nextDeadline(ready), ready.expireAtMs]).toEqual(["ready", 100_000, 1_000_000]);
    const asked = expire(ready, 100_000, 0);
    expect(words(asked)).toEqual([SERIAL_QUERY]);
    const silent = expire(asked.session, 100_000 + ANSWER_MS, 0);
    expect([words(silent), silent.session.basis?.serial]).toEqual([["close", "note"], 3]);
    expect(words(expire(silent.session, 1_000_000, 0))).toEqual(["forget", "dial"]);
  });

  test.each([
    [
      [0, 0, 0],
      [1, 1, 600],
    ],
    [
      [0xffff_ffff, 0xffff_ffff, 0xffff_ffff],
      [86_400, 7200, 172_800],
    ],
    // RFC 8210 §6: data must not expire before they could have been refreshed.
    [
      [86_400, 600, 7200],
      [86_400, 600, 86_401],
    ],
  ])("intervals %j count as %j", (given, [refreshSeconds, retrySeconds, expireSeconds]) => {
    const { intervals } = after(response(1, 7), endOfData(1, 7, 1, given));
    expect(intervals).toEqual({ refreshSeconds, retrySeconds, expireSeconds });
  });

  test("waits after failures double up to the retry interval, jittered to 75–100 %", () => {
    let session = after(...SYNCHRONIZED);
    const waits = Array.from({ length: 7 }, (_, i) => {
      session = failed(session, "reset", 0, i === 6 ? 0.999_999 : 0).session;
      return Math.round(session.dueAtMs);
    });
    expect(waits).toEqual([750, 1500, 3000, 6000, 7500, 7500, 10_000]);
  });
});

describe("what a cache says", () => {
  test.each<[string, RtrSession, Uint8Array, readonly string[], RtrSession["at"]]>([
    ["a new serial number", after(...SYNCHRONIZED), notify(1, 7, 4), [SERIAL_QUERY], "querying"],
    ["the serial number that we have", after(...SYNCHRONIZED), notify(1, 7, 3), [], "ready"],
    // RFC 8210 §7
    ["anything, before a version is agreed upon", after(), notify(0, 9, 9), [], "querying"],
    [
      "it cannot tell what changed",
      after(...SYNCHRONIZED, notify(1, 7, 4)),
      cacheReset(1),
      [RESET_QUERY],
      "querying",
    ],
    ["router keys, which nobody here needs", after(response(1, 7)), routerKey(1), [], "receiving"],
    // RFC 8210 §8.4
    ["it has no data", after(), errorReport(1, 2, ""), ["note"], "ready"],
    ["it knows no version 1", after(), errorReport(0, 4, ""), ["close", "dial"], "connecting"],
    ["we are wrong", after(...SYNCHRONIZED), errorReport(1, 3, "no"), ["close", "note"], "waiting"],
    [
      "another session in answer to what changed",
      after(...SYNCHRONIZED, notify(1, 7, 4)),
      response(1, 8),
      ["report 0", "close", "note", "forget"],
      "waiting",
    ],
    ["a reset of a reset", after(), cacheReset(1), ["report 0", "close", "note"], "waiting"],
    ["an end of nothing", after(), endOfData(1, 7, 1), ["report 0", "close", "note"], "waiting"],
  ])("%s", (_what, session, octets, expected, at) => {
    const step = take(session, octets);
    expect([words(step), step.session.at]).toEqual([expected, at]);
  });

  test("a notification that comes meanwhile is acted upon at the end", () => {
    const busy = after(response(1, 7), notify(1, 7, 4));
    const step = take(busy, endOfData(1, 7, 3));
    expect(words(step)).toEqual(["commit", SERIAL_QUERY]);
  });

  test("after an error of its or ours, all is asked for again", () => {
    const ready = after(...SYNCHRONIZED);
    for (const step of [
      take(ready, errorReport(1, 0, "")),
      conflict(ready, "unknown", SYNCHRONIZED[1]!, 0, 0),
    ]) {
      expect([step.session.basis, step.session.expireAtMs]).toEqual([undefined, 1_000_000]);
      expect(words(connected(step.session, 0))).toEqual([RESET_QUERY]);
    }
  });

  test("one that hangs up on version 1 is tried in version 0, and the other way round", () => {
    const hungUp = failed(after(), "closed", 0, 0).session;
    expect(hungUp.version).toBe(0);
    expect(failed(connected(hungUp, 0).session, "closed", 0, 0).session.version).toBe(1);
  });
});

describe("laws", () => {
  test("nothing at all leads out of the states, or to a timer that is not ahead", () => {
    const pdu = fc.oneof(
      fc.constantFrom(
        ...[0, 1].flatMap((version) => [
          notify(version, 7, 4),
          response(version, 7),
          response(version, 8),
          vrp(version, "10.0.0.0/8-8 AS1"),
          endOfData(version, 7, 3),
          endOfData(version, 7, 4, [0, 0, 0]),
          cacheReset(version),
          errorReport(version, 2, ""),
          errorReport(version, 4, ""),
          routerKey(version),
        ]),
      ),
      fc.uint8Array({ minLength: 8, maxLength: 40 }),
    );
    const event = fc.oneof(
      { weight: 8, arbitrary: pdu.map((octets) => ({ on: "pdu" as const, octets })) },
      { weight: 2, arbitrary: fc.constant({ on: "closed" as const }) },
      { weight: 2, arbitrary: fc.nat(10_000_000).map((ms) => ({ on: "later" as const, ms })) },
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const driven = new Driven();
        for (const one of events) driven.take(one);
      }),
      { numRuns: 1000 },
    );
  });
});

type Happening =
  | { readonly on: "pdu"; readonly octets: Uint8Array }
  | { readonly on: "closed" }
  | { readonly on: "later"; readonly ms: number };

/** A session in a world where what is dialled connects. */
class Driven {
  #session: RtrSession = beginRtr(0);
  #nowMs = 0;

  constructor() {
    this.#go(expire(this.#session, 0, 0));
  }

  take(happening: Happening): void {
    const { at } = this.#session;
    const isOpen = at !== "waiting" && at !== "connecting";
    if (happening.on === "later") this.#wait(happening.ms);
    else if (!isOpen) return;
    else if (happening.on === "closed") this.#go(failed(this.#session, "closed", this.#nowMs, 0.5));
    else {
      const { octets } = happening;
      this.#go(receive(this.#session, decodePdu(octets), octets, this.#nowMs, 0.5));
    }
  }

  #wait(ms: number): void {
    this.#nowMs = Math.min(this.#nowMs + ms, nextDeadline(this.#session));
    if (nextDeadline(this.#session) <= this.#nowMs) this.#go(expire(this.#session, this.#nowMs, 0.5));
  }

  #go(step: RtrStep): void {
    this.#session = step.session;
    if (words(step).includes("dial")) this.#go(connected(this.#session, this.#nowMs));
    expect(nextDeadline(this.#session)).toBeGreaterThan(this.#nowMs);
  }
}
