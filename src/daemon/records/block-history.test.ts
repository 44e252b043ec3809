import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Address, ipv4 } from "../../bgp/net/address.ts";
import { parseAddress, parsePrefix } from "../../bgp/net/text.ts";
import { model as modelWith } from "../../gateway/testing/values.ts";
import { NO_LIMITS } from "../../model/address-limits.ts";
import { type BlockGrant, type BlockPlan, blockPlan } from "../../model/blocks.ts";
import type { Forward, Nat } from "../../model/model.ts";
import { blockAnswer, whoAnswer } from "../answers/block-answers.ts";
import { BlockHistory } from "./block-history.ts";
import { BLOCK_EPOCHS, decodeHistory, encodeEpoch } from "./block-lines.ts";

const address = (text: string): Address => parseAddress(text) ?? ipv4(0);
const MODEL = modelWith();
const silent = pino({ level: "silent" }, new PassThrough());

const nat = (ranges: readonly string[]): Nat => ({
  ...MODEL.nat,
  private: ranges.map((text) => parsePrefix(text)!),
  pools: [
    {
      name: "default",
      addresses: ["198.51.100.10", "198.51.100.12", "198.51.100.13"].map(address),
      private: [],
      draining: false,
      ports: { first: 1024, last: 65_535 },
      blockSize: 1024,
      overflowBlocks: 0,
      limits: NO_LIMITS,
      mapping: "addressAndPortDependent",
      filtering: "addressAndPortDependent",
    },
  ],
});
const plan = (...ranges: readonly string[]): BlockPlan => blockPlan(nat(ranges))!;

let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "gatewayd-blocks-"));
  file = join(directory, "state", "blocks.jsonl");
});
afterEach(() => rmSync(directory, { recursive: true }));

async function remembered(
  ...plans: readonly (readonly [BlockPlan | undefined, number])[]
): Promise<BlockHistory> {
  const history = new BlockHistory(file, silent);
  for (const [blocks, atMs] of plans) history.take(blocks, atMs);
  await history.close();
  return history;
}

describe("the file", () => {
  test("is not made while there are no blocks", async () => {
    const history = await remembered([undefined, 1]);
    expect(history.problem).toBeUndefined();
    expect(() => readFileSync(file)).toThrow(/ENOENT/);
  });

  test("gets a line for each change, and the next process knows all of them", async () => {
    const a = plan("10.65.0.0/24");
    const b = plan("10.65.0.0/25");
    const history = await remembered([a, 1000], [a, 2000], [b, 3000], [undefined, 4000], [undefined, 5000]);
    expect(readFileSync(file, "utf8").trim().split("\n")).toHaveLength(3);
    const again = new BlockHistory(file, silent);
    expect(again.epochs).toEqual(history.epochs);
    expect(again.epochs.map(({ fromMs }) => fromMs)).toEqual([1000, 3000, 4000]);
    expect(again.epochs[0]?.plan).toEqual(a);
  });

  test("remembers what was given, and until when, also when a line is cut off", async () => {
    const grant = (first: number): BlockGrant => ({
      holder: address("10.65.0.7"),
      rank: 1,
      block: { address: address("198.51.100.10"), ports: { first, last: first + 1023 } },
    });
    const history = await remembered([plan("10.65.0.0/24"), 1000]);
    await history.note([1024, 2048].map((first) => ({ atMs: 2000, given: true, grant: grant(first) })));
    await history.note([{ atMs: 3000, given: false, grant: grant(1024) }]);
    appendFileSync(file, '{"at":"1970-01-01T00:00:04.000Z","taken":[2048,3071],"address":"198.51.100.10"}\n');
    const again = new BlockHistory(file, silent);
    expect(again.spans).toEqual(history.spans);
    expect(again.spans.map(({ fromMs, untilMs }) => [fromMs, untilMs])).toEqual([
      [2000, 3000],
      [2000, undefined],
    ]);
    expect(again.given).toEqual([grant(2048)]);
  });

  test("cut off in the middle of a line loses that line and none that comes after", async () => {
    await remembered([plan("10.65.0.0/24"), 1000]);
    appendFileSync(file, '{"from":"2026-11-');
    await remembered([plan("10.66.0.0/24"), 2000]);
    const { epochs, broken } = decodeHistory(readFileSync(file, "utf8"));
    expect([epochs.length, broken]).toEqual([2, 1]);
  });

  test("that cannot be written is a problem until it can", async () => {
    writeFileSync(join(directory, "state"), "in the way");
    const history = await remembered([plan("10.65.0.0/24"), 1000]);
    expect(history.problem).toMatchObject({ code: "nat.history", subject: file });
    rmSync(join(directory, "state"));
    history.take(plan("10.65.0.0/24"), 2000);
    await history.close();
    expect(history.problem).toBeUndefined();
    expect(decodeHistory(readFileSync(file, "utf8"))).toMatchObject({
      epochs: [{ fromMs: 1000 }],
      broken: 0,
    });
  });

  test("that is no file is a problem", () => {
    expect(new BlockHistory(directory, silent).problem?.message).toMatch(/no regular file/);
  });
});

const GOOD = { from: "2026-11-22T10:00:00.000Z", private: ["10.65.0.0/24"] };
const POOL = { addresses: ["198.51.100.1"], ports: [1024, 2047], blockSize: 64 };

test.each<[string, unknown]>([
  ["no JSON", undefined],
  ["no object", [1]],
  ["no time", { ...GOOD, from: "yesterday", pools: [POOL] }],
  ["no pools", GOOD],
  ["a private range of IPv6", { ...GOOD, private: ["2001:db8::/64"], pools: [POOL] }],
  ["private ranges that overlap", { ...GOOD, private: ["10.65.0.0/16", "10.65.7.0/24"], pools: [POOL] }],
  ["ports upside down", { ...GOOD, pools: [{ ...POOL, ports: [2047, 1024] }] }],
  ["a block of nothing", { ...GOOD, pools: [{ ...POOL, blockSize: 0 }] }],
  ["a block larger than the ports", { ...GOOD, pools: [{ ...POOL, blockSize: 1025 }] }],
  ["all addresses that there are", { ...GOOD, pools: [{ ...POOL, addresses: ["0.0.0.0-255.255.255.255"] }] }],
  ["a range upside down", { ...GOOD, pools: [{ ...POOL, addresses: ["198.51.100.2-198.51.100.1"] }] }],
])("a line with %s is left out and counted", (_, line) => {
  const text = line === undefined ? "{\n" : `${JSON.stringify(line)}\n`;
  expect(decodeHistory(`${encodeEpoch({ fromMs: 1, plan: plan("10.65.0.0/24") })}${text}`)).toMatchObject({
    epochs: [{ fromMs: 1 }],
    broken: 1,
  });
});

test("the latest changes are remembered, in an order that a clock set back does not spoil", () => {
  const lines = Array.from({ length: BLOCK_EPOCHS + 5 }, (_, i) =>
    encodeEpoch({ fromMs: i === 700 ? 3 : i, plan: plan("10.65.0.0/24") }),
  );
  const { epochs } = decodeHistory(lines.join(""));
  expect(epochs).toHaveLength(BLOCK_EPOCHS);
  expect(epochs[695]?.fromMs).toBe(699);
});

describe("whose a port is", () => {
  const ranges = ["10.65.0.0/26", "10.66.0.0/26"];
  const model = { ...MODEL, nat: nat(ranges.toReversed()) };
  const source = {
    model,
    nowMs: 9000,
    spans: [],
    epochs: [
      { fromMs: 1000, plan: plan(...ranges) },
      { fromMs: 5000, plan: plan(...ranges.toReversed()) },
    ],
  };
  const asked = { address: "198.51.100.10", port: 3100 };

  test("now, and who had it before", () => {
    expect(whoAnswer(source, asked)).toEqual({
      asked: "198.51.100.10:3100",
      at: "1970-01-01T00:00:09.000Z",
      private: "10.66.0.2",
      block: { address: "198.51.100.10", ports: "3072-4095" },
      why: "ports 3072-4095 of 198.51.100.10 are its block",
      since: "1970-01-01T00:00:05.000Z",
      before: { private: "10.65.0.2", until: "1970-01-01T00:00:05.000Z" },
    });
  });

  test("then", () => {
    const answer = whoAnswer(source, { ...asked, at: 4999 });
    expect(answer).toMatchObject({ private: "10.65.0.2", until: "1970-01-01T00:00:05.000Z" });
    expect(answer.before).toBeUndefined();
  });

  test.each([
    ["before the first line", { ...asked, at: 999 }, /nothing is remembered/],
    ["a port below the blocks", { ...asked, port: 80 }, /in no block/],
    ["an address of nobody", { ...asked, address: "192.0.2.1" }, /in no pool/],
  ])("%s: nobody, and why", (_, query, why) => {
    const answer = whoAnswer(source, query);
    expect(answer.private).toBeUndefined();
    expect(answer.why).toMatch(why);
  });

  test("a floating IP is who it leads to", () => {
    const floatingIps = [
      {
        address: address("172.16.1.3"),
        to: address("10.65.0.9"),
        egress: "fixed" as const,
        stateless: false,
        forwards: [],
      },
    ];
    const answer = whoAnswer(
      { ...source, model: { ...model, floatingIps } },
      { address: "172.16.1.3", port: 80 },
    );
    expect(answer).toMatchObject({ private: "10.65.0.9", why: "172.16.1.3 is its floating IP" });
  });

  test("the block of a private address, now and then", () => {
    const block = (at?: number): unknown =>
      blockAnswer(source, { address: "10.65.0.2", ...(at !== undefined && { at }) }).block;
    expect(block()).toEqual({ address: "198.51.100.12", ports: "4096-5119" });
    expect(block(4999)).toEqual({ address: "198.51.100.10", ports: "3072-4095" });
    expect(blockAnswer(source, { address: "10.9.9.9" }).why).toMatch(/in no range/);
  });
});

test("of a floating IP whose ports are forwarded, it is who has that port", () => {
  const forward = (protocol: "tcp" | "udp", first: number, to: string): Forward => ({
    protocol,
    ports: { first, last: first + 9 },
    to: address(to),
    toPorts: { first: 8080, last: 8080 },
  });
  const forwards = [
    forward("tcp", 80, "10.65.0.9"),
    forward("udp", 85, "10.65.0.9"),
    forward("udp", 95, "10.65.0.8"),
    forward("tcp", 100, "10.65.0.9"),
  ];
  const floatingIps = [
    {
      address: address("172.16.1.3"),
      to: undefined,
      egress: "floating" as const,
      stateless: false,
      forwards,
    },
  ];
  const who = (port: number): unknown =>
    whoAnswer(
      { model: { ...MODEL, floatingIps }, nowMs: 0, epochs: [], spans: [] },
      { address: "172.16.1.3", port },
    );
  expect(who(82)).toMatchObject({
    private: "10.65.0.9",
    why: "tcp 80-89 of 172.16.1.3 is forwarded to 10.65.0.9:8080",
  });
  expect(who(87)).toMatchObject({ private: "10.65.0.9", why: expect.stringContaining("; udp 85-94") });
  expect(who(101)).not.toHaveProperty("private");
  expect(who(79)).toMatchObject({
    why: "172.16.1.3 is a floating IP, and nothing is forwarded from port 79",
  });
});
