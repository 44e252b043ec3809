import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { MrtReader } from "../../bgp/mrt/reader.ts";
import { parseAddress, parsePrefix } from "../../bgp/net/text.ts";
import type { MonitoredPeer } from "../../bgp/speaker/monitor.ts";
import { NOTHING_NEGOTIATED } from "../../bgp/wire/context.ts";
import { messageLengthAt } from "../../bgp/wire/header.ts";
import { PrefixBatch } from "../../bgp/wire/prefix-batch.ts";
import { packWithdrawn } from "../../bgp/wire/update-pack.ts";
import { fileAt, MRT_WAITING_OCTETS, MrtRecorder, removeOldest } from "./mrt-recorder.ts";

const PEER: MonitoredPeer = {
  remote: parseAddress("192.0.2.2")!,
  remoteAsn: 64_512,
  local: undefined,
  localAsn: 65_000,
  negotiated: undefined,
};

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "mrt-recorder-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

describe("the file of a moment", () => {
  const at = (text: string): number => Date.parse(text);
  test.each([
    ["/a/u.%Y%m%d.%H%M", 900_000, "2026-11-22T09:07:03Z", "/a/u.20261122.0900"],
    ["/a/u.%Y%m%d.%H%M", 900_000, "2026-11-22T09:15:00Z", "/a/u.20261122.0915"],
    ["/a/u.%Y%m%d.%H%M%S", 60_000, "2026-11-22T23:59:59.999Z", "/a/u.20261122.235900"],
    ["/a/%d/u", 86_400_000, "2026-02-28T23:59:59Z", "/a/28/u"],
    ["/a/always", 900_000, "2026-11-22T09:07:03Z", "/a/always"],
  ])("%s every %i ms, at %s: %s", (updates, rotateMs, moment, file) => {
    expect(fileAt({ updates, rotateMs, keep: 1 }, at(moment))).toBe(file);
  });
});

test("the oldest files go, and only those that the path describes", async () => {
  const names = [
    "u.1.20250101",
    "u.1.20251231",
    "u.1.20260101",
    "ux1.20240101",
    "u.1.20240101.gz",
    "u.1.2024",
  ];
  for (const name of names) writeFileSync(join(directory, name), "");
  await removeOldest({ updates: join(directory, "u.1.%Y%m%d"), rotateMs: 60_000, keep: 2 });
  expect(readdirSync(directory).sort()).toEqual(names.filter((name) => name !== "u.1.20250101").sort());
});

describe("a recorder", () => {
  const lines: string[] = [];
  const log = pino({ base: null }, { write: (line: string) => void lines.push(line) });
  const recorder = (path: string): MrtRecorder => {
    lines.length = 0;
    return new MrtRecorder({ updates: join(directory, path), rotateMs: 60_000, keep: 2 }, log);
  };

  test("writes what waits when it is closed", async () => {
    const recording = recorder("updates");
    recording.received(PEER, new Uint8Array(19));
    recording.stateChanged(PEER, "idle", "connect");
    await recording.close();
    expect(readdirSync(directory)).toEqual(["updates"]);
    expect(recording.state).toMatchObject({ records: 2, waiting: 0, lost: 0, lastError: undefined });
  });

  test("marks a message with path identifiers by the family that it speaks of (RFC 8050)", async () => {
    const negotiated = {
      decode: { ...NOTHING_NEGOTIATED, addPath: [4] },
    } as unknown as NonNullable<MonitoredPeer["negotiated"]>;
    const recording = recorder("updates");
    for (const text of ["203.0.113.0/24", "2001:db8::/48"]) {
      const batch = new PrefixBatch(1);
      const prefix = parsePrefix(text)!;
      batch.reset(prefix.family);
      batch.push(prefix, 7);
      const message = new Uint8Array(4096);
      packWithdrawn(message, 0, batch, 0, { addPath: prefix.family === 4, maxOctets: 4096 });
      recording.received({ ...PEER, negotiated }, message.subarray(0, messageLengthAt(message, 0)));
    }
    await recording.close();
    const records = [...new MrtReader().push(readFileSync(join(directory, "updates")))];
    expect(records).toMatchObject([{ addPath: true }, { addPath: false }]);
  });

  test("counts what it cannot write, and says so once", async () => {
    const recording = recorder("no/such/updates");
    for (let i = 0; i < 3; i++) {
      recording.received(PEER, new Uint8Array(19));
      await recording.close();
    }
    expect(recording.state).toMatchObject({ records: 0, waiting: 0, lost: 3 });
    expect(recording.state.lastError).toContain("ENOENT");
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain("mrt.failed");
  });

  test("keeps no more waiting than the limit", async () => {
    const recording = recorder("updates");
    const message = new Uint8Array(65_535);
    const most = Math.ceil(MRT_WAITING_OCTETS / message.length) + 10;
    for (let i = 0; i < most; i++) recording.received(PEER, message);
    const { waiting, lost } = recording.state;
    expect(waiting).toBeLessThanOrEqual(MRT_WAITING_OCTETS);
    expect(lost).toBeGreaterThan(0);
    await recording.close();
    expect(recording.state).toMatchObject({ waiting: 0, records: most - lost });
  });
});
