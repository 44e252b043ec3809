import { describe, expect, test } from "vitest";
import { parseAddress } from "../../bgp/net/text.ts";
import type { PeerEvent } from "../../bgp/speaker/events.ts";
import { keptLog, type Line } from "../testing/lines.ts";
import { MALFORMED_LINES, REMEMBERED_PEERS, SpeakerLog, STRANGER_LINES, STRANGER_MS } from "./speaker-log.ts";

const PEER = "192.0.2.2";
const UP: PeerEvent = { on: "session-up", asn: 64512, families: [4], holdSeconds: 9, gracefulRestart: true };
const failed = (reason: string): PeerEvent => ({ on: "connection-failed", reason });

function linesOf(events: readonly (PeerEvent & { readonly from?: string })[], now = (): number => 0): Line[] {
  const { log, lines } = keptLog();
  const speakerLog = new SpeakerLog(log, { now });
  for (const { from = PEER, ...event } of events)
    speakerLog.take({ peer: parseAddress(from)!, ...event } as never);
  return lines;
}

test.each<[PeerEvent, Partial<Line>]>([
  [UP, { level: "info", event: "bgp.session.up", asn: 64512, families: [4], holdSeconds: 9 }],
  [
    { on: "session-down", reason: "hold timer", retained: true },
    { event: "bgp.session.down", retained: true },
  ],
  [
    { on: "notification-sent", code: 6, subcode: 2, words: "Cease", communication: "bye" },
    { event: "bgp.notification.sent", code: 6, subcode: 2, communication: "bye" },
  ],
  [
    { on: "notification-received", code: 6, subcode: 2, words: "Cease", communication: undefined },
    { event: "bgp.notification.received", words: "Cease" },
  ],
  [
    {
      on: "malformed-update",
      rfc: "RFC 7606 section 7.1",
      reaction: "treat-as-withdraw",
      why: "ORIGIN: 3",
      attribute: 1,
    },
    { event: "bgp.update.malformed", reaction: "treat-as-withdraw", why: "ORIGIN: 3", attribute: 1 },
  ],
  [
    { on: "max-prefix", limit: 1, received: 2, restartSeconds: undefined },
    { level: "error", event: "bgp.peer.max-prefix", limit: 1 },
  ],
  [
    { on: "max-prefix-near", warnAt: 8, limit: 10, received: 9 },
    { event: "bgp.peer.max-prefix-near", warnAt: 8, limit: 10, received: 9 },
  ],
  [
    { on: "shutdown", text: "new optics" },
    { event: "bgp.peer.shutdown", text: "new optics" },
  ],
  [{ on: "started" }, { event: "bgp.peer.started" }],
  [
    { on: "collision", kept: "local" },
    { event: "bgp.connection.collision", kept: "local" },
  ],
  [
    { on: "end-of-rib", family: 6, sweptPaths: 3 },
    { event: "bgp.peer.end-of-rib", family: 6, sweptPaths: 3 },
  ],
  [
    { on: "stale-expired", family: 4, sweptPaths: 3 },
    { event: "bgp.peer.stale-expired", sweptPaths: 3 },
  ],
  [
    { on: "long-lived-stale", family: 6, paths: 3, seconds: 3600 },
    { level: "warn", event: "bgp.peer.long-lived-stale", family: 6, paths: 3, seconds: 3600 },
  ],
  [
    { on: "drained", drained: true },
    { event: "bgp.peer.drain", drained: true },
  ],
  [{ on: "dynamic-peer-created" }, { event: "bgp.peer.created" }],
  [{ on: "dynamic-peer-gone" }, { event: "bgp.peer.gone" }],
  [
    { on: "unsendable", family: 4, prefixes: 2 },
    { event: "bgp.route.unsendable", prefixes: 2 },
  ],
  [
    { on: "no-next-hop", family: 6 },
    { level: "warn", event: "bgp.session.no-next-hop", family: 6 },
  ],
])("%j", (event, line) => {
  expect(linesOf([event])).toMatchObject([{ peer: PEER, ...line }]);
});

describe("why there is no session", () => {
  const levels = (lines: readonly Line[]): string[] => lines.map(({ level, reason }) => `${level} ${reason}`);
  test("is told once, and again when it is another", () => {
    const reasons = ["refused", "refused", "refused", "AS 1 where 2 is configured", "refused"].map(failed);
    expect(levels(linesOf(reasons))).toEqual([
      "warn refused",
      "debug refused",
      "debug refused",
      "warn AS 1 where 2 is configured",
      "warn refused",
    ]);
  });
  test("is told anew after a session, and for each peer", () => {
    const lines = linesOf([
      failed("refused"),
      UP,
      failed("refused"),
      { ...failed("refused"), from: "192.0.2.9" },
    ]);
    expect(levels(lines.filter(({ event }) => event === "bgp.connection.failed"))).toEqual([
      "warn refused",
      "warn refused",
      "warn refused",
    ]);
  });
  test("is told once of a guest that comes and goes", () => {
    const visit: PeerEvent[] = [
      { on: "dynamic-peer-created" },
      failed("refused"),
      { on: "dynamic-peer-gone" },
    ];
    const lines = linesOf(Array.from({ length: 100 }, () => visit).flat());
    expect(levels(lines.filter(({ level }) => level !== "debug"))).toEqual(["warn refused"]);
  });
  test("is remembered of so many peers and no more", () => {
    const guests = Array.from({ length: REMEMBERED_PEERS + 1 }, (_, i) => `10.0.${i >> 8}.${i & 255}`);
    const events = [...guests, guests[0]!, guests.at(-1)!].map((from) => ({ ...failed("refused"), from }));
    expect(levels(linesOf(events).slice(-2))).toEqual(["warn refused", "debug refused"]);
  });
});

test("malformed UPDATEs are few lines for each peer, and a count", () => {
  let now = 0;
  const { log, lines } = keptLog();
  const speakerLog = new SpeakerLog(log, { now: () => now });
  const facts = { reaction: "treat-as-withdraw", why: "ORIGIN: 3", rfc: "RFC 7606 section 7.1" } as const;
  const take = (from: string): void =>
    speakerLog.take({ peer: parseAddress(from)!, on: "malformed-update", attribute: 1, ...facts });
  for (let i = 0; i < 1000; i++) take(PEER);
  expect(lines).toHaveLength(MALFORMED_LINES);
  take("192.0.2.9");
  expect(lines).toHaveLength(MALFORMED_LINES + 1);
  now = 60_000;
  take(PEER);
  expect(lines.slice(-2)).toMatchObject([
    { event: "bgp.update.malformed.more", peer: PEER, messages: 1000 - MALFORMED_LINES },
    { event: "bgp.update.malformed", peer: PEER, ...facts },
  ]);
});

test("strangers are few lines, and a count", () => {
  let now = 0;
  const knocks = Array.from({ length: 2000 }, (): PeerEvent => ({ on: "stranger-refused" }));
  const { log, lines } = keptLog();
  const speakerLog = new SpeakerLog(log, { now: () => now });
  const knock = (): void => speakerLog.take({ peer: parseAddress(PEER)!, on: "stranger-refused" });
  for (const _ of knocks) knock();
  expect(lines).toHaveLength(STRANGER_LINES);
  expect(lines[0]).toMatchObject({ level: "warn", event: "bgp.stranger", from: PEER });
  now = STRANGER_MS;
  knock();
  expect(lines.slice(STRANGER_LINES)).toMatchObject([
    { event: "bgp.strangers", connections: 2000 - STRANGER_LINES },
    { event: "bgp.stranger" },
  ]);
});

test("an RPKI cache: told all, lost, its data expired; the same again at level debug", () => {
  const { log, lines } = keptLog();
  const speakerLog = new SpeakerLog(log, { now: () => 0 });
  const cache = { address: parseAddress("2001:db8::1")!, port: 323 };
  const told = { version: 1, sessionId: 7, serial: 3, vrps: { ipv4: 2, ipv6: 1 } } as const;
  const failed = { cache, on: "cache-failed", reason: "connection refused", retained: true } as const;
  speakerLog.take({ cache, on: "cache-synchronized", isFirst: true, ...told });
  speakerLog.take({ cache, on: "cache-synchronized", isFirst: false, ...told });
  for (let i = 0; i < 2; i++) speakerLog.take(failed);
  speakerLog.take({ cache, on: "cache-data-lost", reason: "expired" });
  expect(lines.map(({ level, event, cache: of }) => [level, event, of])).toEqual([
    ["info", "rpki.cache.synchronized", "[2001:db8::1]:323"],
    ["debug", "rpki.cache.synchronized", "[2001:db8::1]:323"],
    ["warn", "rpki.cache.failed", "[2001:db8::1]:323"],
    ["debug", "rpki.cache.failed", "[2001:db8::1]:323"],
    ["error", "rpki.cache.data-lost", "[2001:db8::1]:323"],
  ]);
});
