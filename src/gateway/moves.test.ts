/** What moves to another host stays where it was until others reach it there: docs/adr/0003. */

import { describe, expect, test } from "vitest";
import { Bench, type Given } from "./testing/bench.ts";
import { floatingIp, forwarding, LINKS, learned, model, port } from "./testing/values.ts";

const HOST = model({
  ports: [port("tap0", "10.65.0.13")],
  floatingIps: [floatingIp("172.16.1.3", "10.65.0.13")],
});

const PORTED = model({
  ports: [port("tap0", "10.65.0.13"), port("tap1", "10.65.0.14")],
  floatingIps: [forwarding("172.16.1.3", "10.65.0.13", "10.65.0.14")],
});

describe.each([
  [
    "as a whole",
    HOST,
    floatingIp("172.16.1.3", "10.65.0.99"),
    ["remove 172.16.1.3/32"],
    ["forget 172.16.1.3 10.65.0.13"],
  ],
  [
    "port by port",
    PORTED,
    forwarding("172.16.1.3", "10.65.0.13", "10.65.0.99"),
    [],
    ["forget 172.16.1.3 10.65.0.13 tcp 80-80", "forget 172.16.1.3 10.65.0.14 tcp 81-81"],
  ],
])(
  "a floating IP that is translated %s and moves to another host",
  (_, host, elsewhere, removed, forgotten) => {
    const moved = { ...host, floatingIps: [elsewhere] };

    test("stays until a peer announces it, and a moment longer, as the last resort", async () => {
      const bench = new Bench();
      await bench.give({ model: host });
      bench.happened();
      await bench.give({ model: moved });
      await bench.advance(2000);
      expect(bench.happened().filter((line) => line !== "nat")).toEqual(["announce 172.16.1.3/32"]);
      expect(bench.world.announced.get("172.16.1.3/32")).toMatchObject({ med: 0xffff_ffff });
      await bench.give({ learned: [learned("172.16.1.3/32", "floating", "192.168.8.12")] });
      await bench.advance(999);
      expect(bench.happened()).toEqual([]);
      await bench.advance(1);
      expect(bench.happened()).toEqual([
        "withdraw 172.16.1.3/32",
        "put 172.16.1.3/32",
        "installed 172.16.1.3/32",
        "nat",
        ...forgotten,
      ]);
    });

    test("goes after 3 s when nobody does", async () => {
      const bench = new Bench();
      await bench.give({ model: host });
      await bench.give({ model: moved });
      await bench.advance(2999);
      expect(bench.world.announced.has("172.16.1.3/32")).toBe(true);
      bench.happened();
      await bench.advance(1);
      expect(bench.happened()).toEqual(["withdraw 172.16.1.3/32", "nat", ...removed, ...forgotten]);
    });

    test("goes at once when its interface does", async () => {
      const bench = new Bench();
      await bench.give({ model: host });
      await bench.give({ model: moved });
      await bench.give({ links: LINKS.filter((l) => l.name !== "tap0") });
      expect([...bench.world.announced.keys()]).not.toContain("172.16.1.3/32");
    });

    test("and comes back before that is as if it had never gone", async () => {
      const bench = new Bench();
      await bench.give({ model: host });
      const before = bench.state();
      await bench.give({ model: moved });
      await bench.give({ model: host });
      await bench.advance(10_000);
      expect(bench.state()).toEqual(before);
      expect(bench.happened()).not.toContain("withdraw 172.16.1.3/32");
    });
  },
);

test("what its old instance begins leaves with a floating IP no longer: answers would come to the new one", async () => {
  const bench = new Bench();
  const [mapping] = HOST.floatingIps;
  await bench.give({ model: { ...HOST, floatingIps: [{ ...mapping!, egress: "floating" }] } });
  expect([...bench.world.nft.elements("egress")].map(String)).toEqual(["10.65.0.13,172.16.1.3"]);
  bench.happened();
  const elsewhere = { ...floatingIp("172.16.1.3", "10.65.0.99"), egress: "floating" as const };
  await bench.give({ model: { ...HOST, floatingIps: [elsewhere] } });
  expect([...bench.world.nft.elements("egress")]).toEqual([]);
  expect([...bench.world.nft.elements("floating")].map(String)).toEqual(["172.16.1.3,10.65.0.13"]);
  expect(bench.happened().filter((line) => line.startsWith("forget"))).toEqual([]);
});

const there = (...prefixes: string[]): Partial<Given> => ({
  learned: prefixes.map((prefix) => learned(prefix, "host", "192.168.8.12")),
});
const announced = ({ world }: Bench): string[] =>
  [...world.announced].map(([key, { med }]) => (med === undefined ? key : `${key} last resort`)).sort();

describe("a port that moves to another host", () => {
  const moved: Partial<Given> = { model: { ...HOST, ports: [] }, elsewhere: ["10.65.0.13"] };

  test("is reached here, with its floating IP, until peers announce both", async () => {
    const bench = new Bench();
    await bench.give({ model: HOST });
    bench.happened();
    await bench.give(moved);
    expect(bench.happened().sort()).toEqual(["announce 10.65.0.13/32", "announce 172.16.1.3/32"]);
    expect(announced(bench)).toEqual(["10.65.0.13/32 last resort", "172.16.1.3/32 last resort"]);
    await bench.give(there("10.65.0.13/32"));
    await bench.advance(2000);
    expect(bench.happened()).toEqual([]);
    await bench.give(there("10.65.0.13/32", "172.16.1.3/32"));
    await bench.advance(999);
    expect(announced(bench)).toHaveLength(2);
    await bench.advance(1);
    expect(announced(bench)).toEqual([]);
    expect(bench.happened()).toEqual([
      "withdraw 10.65.0.13/32",
      "withdraw 172.16.1.3/32",
      "put 10.65.0.13/32",
      "put 172.16.1.3/32",
      "installed 10.65.0.13/32",
      "installed 172.16.1.3/32",
      "nat",
      "forget 172.16.1.3 10.65.0.13",
    ]);
  });

  test.each<[string, (bench: Bench) => Promise<void>]>([
    ["for 3 s when nobody does", (bench) => bench.advance(3000)],
    [
      "and no longer than its interface",
      (bench) => bench.give({ links: LINKS.filter((l) => l.name !== "tap0") }),
    ],
    ["and not when it is deleted", (bench) => bench.give({ elsewhere: [] })],
  ])("%s", async (_, end) => {
    const bench = new Bench();
    await bench.give({ model: HOST });
    await bench.give({ ...moved, model: { ...HOST, ports: [], floatingIps: [] } });
    expect(announced(bench)).toEqual(["10.65.0.13/32 last resort"]);
    await end(bench);
    expect(announced(bench)).toEqual([]);
  });

  test("its floating IP has no time of its own", async () => {
    const bench = new Bench();
    await bench.give({ model: HOST });
    await bench.give(moved);
    await bench.advance(3000);
    expect(announced(bench)).toEqual([]);
  });

  test("and comes back as if it had never gone", async () => {
    const bench = new Bench();
    await bench.give({ model: HOST });
    const before = bench.state();
    await bench.give(moved);
    await bench.give({ model: HOST, elsewhere: [] });
    await bench.advance(10_000);
    expect(bench.state()).toEqual(before);
    expect(announced(bench)).toEqual(["10.65.0.13/32", "172.16.1.3/32"]);
  });
});

describe("a port that moves by files, of which each has its own host's ports alone,", () => {
  const without: Partial<Given> = { model: { ...HOST, ports: [] } };
  const alone: Partial<Given> = { model: { ...HOST, ports: [], floatingIps: [] } };

  test.each<[string, Partial<Given>, Partial<Given>, number]>([
    ["announced at its new host already: 1 s", there("10.65.0.13/32"), alone, 1000],
    ["announced there, and its floating IP is not: 3 s", {}, { ...without, ...there("10.65.0.13/32") }, 3000],
    ["led to by a floating IP: 3 s", {}, without, 3000],
  ])("is reached here when it is %s", async (_, before, after, keptMs) => {
    const bench = new Bench();
    await bench.give({ model: HOST });
    await bench.give(before);
    await bench.give(after);
    await bench.advance(keptMs - 1);
    expect(announced(bench)).toContain("10.65.0.13/32 last resort");
    await bench.advance(1);
    expect(announced(bench)).toEqual([]);
  });

  test("is deleted at once when nobody knows of it any more", async () => {
    const bench = new Bench();
    await bench.give({ model: HOST });
    await bench.give(alone);
    expect(announced(bench)).toEqual([]);
  });
});
