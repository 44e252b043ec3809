import { describe, expect, test } from "vitest";
import { formatPrefix } from "../bgp/net/text.ts";
import type { FloatingIp } from "../model/model.ts";
import { Bench } from "./testing/bench.ts";
import { planWithLearned } from "./testing/oracle.ts";
import { floatingIp, forwarding, LINKS, learned, model, port } from "./testing/values.ts";

const PORTS = [port("tap0", "10.65.0.13"), port("tap1", "10.65.0.14")];
const hosts = ["13", "14"].map((n) => learned(`10.65.0.${n}/32`, "host", `192.168.8.${n}`));

describe("at a host", () => {
  test.each([
    ["all are here", ["10.65.0.13", "10.65.0.14"], 2, []],
    ["one is elsewhere", ["10.65.0.13", "10.65.0.99"], 0, ["floating.spread"]],
    ["none is here", ["10.65.0.99"], 0, []],
  ])("of those that ports lead to %s", (_, to, forwards, problems) => {
    const floatingIps = [forwarding("172.16.1.5", ...to)];
    const { nat, announcements, ...rest } = planWithLearned({
      ...{
        model: model({ ports: PORTS, floatingIps }),
        links: LINKS,
        learned: [],
        leaving: { ports: [], floating: [] },
        givenBlocks: [],
      },
      ...{ health: new Map(), resumed: new Map(), hops: new Map() },
    });
    expect(nat.forwards).toHaveLength(forwards);
    expect(announcements.some(({ kind }) => kind === "floating")).toBe(forwards > 0);
    expect(nat.untracked.map(formatPrefix)).toEqual(forwards > 0 ? [] : ["172.16.1.5/32"]);
    expect(rest.problems.map(({ code }) => code)).toEqual(problems);
  });
});

describe("at a gateway", () => {
  const edge = (...floatingIps: readonly FloatingIp[]): ReturnType<typeof model> =>
    model({ role: "gateway", floatingIps });

  test("it is announced while there is a way to one of them, and not when the kernel refuses its ports", async () => {
    const bench = new Bench();
    const both = edge(forwarding("172.16.1.5", "10.65.0.13", "10.65.0.14"));
    await bench.give({ model: both, learned: hosts });
    await bench.give({ learned: hosts.slice(1) });
    expect([...bench.world.announced.keys()]).toEqual(["172.16.1.5/32"]);
    bench.world.faults = { ...bench.world.faults, nat: true };
    await bench.give({ model: edge(forwarding("172.16.1.5", "10.65.0.14")) });
    expect([...bench.world.announced.keys()]).toEqual([]);
    await bench.give({ learned: [] });
    expect([...bench.world.announced.keys()]).toEqual([]);
    expect(bench.world.violations).toEqual([]);
  });

  test("the flows of a port that leads elsewhere are forgotten, and no others", async () => {
    const bench = new Bench();
    await bench.give({
      model: edge(forwarding("172.16.1.5", "10.65.0.13", "10.65.0.13", "10.65.0.13")),
      learned: hosts,
    });
    bench.happened();
    await bench.give({ model: edge(forwarding("172.16.1.5", "10.65.0.13", "10.65.0.14")) });
    expect(bench.happened()).toEqual(["nat", "forget 172.16.1.5 10.65.0.13 tcp 81-82"]);
  });

  test.each([
    ["whole", floatingIp("172.16.1.5", "10.65.0.13"), "forget 172.16.1.5 10.65.0.13"],
    ["by port", forwarding("172.16.1.5", "10.65.0.13"), "forget 172.16.1.5 10.65.0.13 tcp 80-80"],
  ])(
    "after a start, one that led somewhere %s and leads otherwise now is announced, and the flows of before are forgotten",
    async (_, was, forgotten) => {
      const before = new Bench();
      await before.give({ model: edge(was), learned: hosts });
      await before.reconciler.stop();
      before.world.announced.clear();
      before.world.marked.clear();
      before.happened();
      const now =
        was.to === undefined
          ? floatingIp("172.16.1.5", "10.65.0.14")
          : forwarding("172.16.1.5", "10.65.0.14");
      const after = new Bench(before.world);
      await after.give({ model: edge(now), learned: hosts.slice(1), complete: false });
      expect([...after.world.announced.keys()]).toEqual(["172.16.1.5/32"]);
      // As a whole it comes first, and would hide its ports.
      if (was.to !== undefined) expect(after.world.nft.elements("floating").size).toBe(0);
      await after.give({ complete: true });
      expect(after.world.nft.elements(was.to === undefined ? "forwards" : "floating").size).toBe(0);
      expect(after.happened()).toContain(forgotten);
      expect(after.world.violations).toEqual([]);
    },
  );
});
