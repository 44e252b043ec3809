import { describe, expect, test } from "vitest";
import type { Address } from "../bgp/net/address.ts";
import { parseAddress } from "../bgp/net/text.ts";
import type { Model } from "../model/model.ts";
import { POOL } from "../model/testing/values.ts";
import { Bench, type Given } from "./testing/bench.ts";
import { floatingIp, health, learned, model, network, PRIVATE, port, service } from "./testing/values.ts";
import { type MemoryWorld, NO_FAULTS } from "./testing/world.ts";

const HOST = model({
  ports: [port("tap0", "10.65.0.13")],
  floatingIps: [floatingIp("172.16.1.3", "10.65.0.13")],
});

describe("order", () => {
  test("a floating IP is announced after its route and its translation, and removed after its withdrawal", async () => {
    const bench = new Bench();
    await bench.give({ model: HOST });
    expect(bench.happened()).toEqual([
      "taps tap0",
      "put 10.65.0.13/32",
      "put 172.16.1.3/32",
      "nat",
      "announce 10.65.0.13/32",
      "announce 172.16.1.3/32",
    ]);
    await bench.give({ model: { ...HOST, floatingIps: [] } });
    expect(bench.happened()).toEqual([
      "withdraw 172.16.1.3/32",
      "nat",
      "remove 172.16.1.3/32",
      "forget 172.16.1.3 10.65.0.13",
    ]);
  });

  test("planning what is there changes nothing", async () => {
    const bench = new Bench();
    await bench.give({ model: HOST, learned: [learned("0.0.0.0/0", "default", "192.168.8.11")] });
    bench.happened();
    await bench.give({});
    await bench.advance(200_000);
    expect(bench.happened()).toEqual([]);
    expect(bench.reconciler.snapshot().driftRepairs).toBe(0);
  });

  test("at the gateway a move is one replaced translation, without a withdrawal", async () => {
    const gateway = (to: string): Model =>
      model({ role: "gateway", floatingIps: [floatingIp("172.16.1.3", to)] });
    const hosts = ["13", "14"].map((n) => learned(`10.65.0.${n}/32`, "host", `192.168.8.${n}`));
    const bench = new Bench();
    await bench.give({ model: gateway("10.65.0.13"), learned: hosts });
    bench.happened();
    await bench.give({ model: gateway("10.65.0.14") });
    expect(bench.happened()).toEqual(["nat", "forget 172.16.1.3 10.65.0.13"]);
    expect(bench.world.nft.element("floating", "172.16.1.3")).toBe("10.65.0.14");
  });

  test("a translation that leads to another place waits for the route there", async () => {
    const gateway = model({ role: "gateway", floatingIps: [floatingIp("172.16.1.3", "10.65.0.99")] });
    const bench = new Bench();
    await bench.give({ model: gateway, learned: [learned("10.65.0.99/32", "host", "192.168.8.11")] });
    bench.happened();
    await bench.give({ model: { ...HOST, role: "gateway" } });
    expect(bench.happened().slice(0, 4)).toEqual([
      "taps tap0",
      "put 10.65.0.13/32",
      "put 172.16.1.3/32",
      "nat",
    ]);
    expect(bench.world.violations).toEqual([]);
  });

  test("a learned route is advertised once it is in the kernel, and not longer than that", async () => {
    const bench = new Bench();
    await bench.give({ model: model(), learned: [learned("203.0.113.9/32", "public", "192.168.8.11")] });
    const happened = bench.happened().filter((line) => line !== "nat");
    expect(happened).toEqual(["put 203.0.113.9/32", "installed 203.0.113.9/32"]);
    await bench.give({ links: [] });
    expect(bench.happened()).toEqual(["uninstalled 203.0.113.9/32", "remove 203.0.113.9/32"]);
    expect(bench.reconciler.snapshot().problems.map((p) => p.code)).toEqual(["nexthop.unresolved"]);
  });
});

test("a pool address that goes is withdrawn first, and its flows are forgotten last", async () => {
  const [first, second] = ["198.51.100.10", "198.51.100.11"].map((text) => parseAddress(text)!);
  const gateway = (addresses: readonly Address[]): Model =>
    model({ role: "gateway", nat: { ...PRIVATE, pools: [{ ...POOL, addresses }] } });
  const bench = new Bench();
  await bench.give({ model: gateway([first!, second!]) });
  bench.happened();
  await bench.give({ model: gateway([second!]) });
  expect(bench.happened()).toEqual([
    "withdraw 198.51.100.10/32",
    "nat",
    "remove 198.51.100.10/32",
    "forget 198.51.100.10 all",
  ]);
});

describe("refusals", () => {
  test("a route that the kernel refuses is not announced, tried on a ladder, and keeps nothing else", async () => {
    const bench = new Bench();
    bench.world.faults = { ...NO_FAULTS, routes: new Set(["172.16.1.3/32"]) };
    await bench.give({ model: HOST });
    expect([...bench.world.announced.keys()]).toEqual(["10.65.0.13/32"]);
    bench.happened();
    await bench.advance(100 + 200 + 400 + 800);
    expect(bench.happened()).toEqual(new Array(4).fill("put 172.16.1.3/32"));
    const { failures, problems } = bench.reconciler.snapshot();
    expect(failures.get("172.16.1.3/32")).toBe("No such device");
    expect(problems.map((p) => p.code)).toEqual(["route.refused"]);
    bench.world.faults = NO_FAULTS;
    await bench.advance(30_000);
    expect(bench.world.announced.has("172.16.1.3/32")).toBe(true);
    expect(bench.reconciler.snapshot().problems).toEqual([]);
  });

  test("when NAT is refused, what was translated before stays announced and what is new is not", async () => {
    const bench = new Bench();
    await bench.give({ model: HOST });
    bench.world.faults = { ...NO_FAULTS, nat: true };
    const more = { ...HOST, floatingIps: [...HOST.floatingIps, floatingIp("172.16.1.4", "10.65.0.13")] };
    await bench.give({ model: more });
    await bench.advance(5000);
    expect([...bench.world.announced.keys()].sort()).toEqual(["10.65.0.13/32", "172.16.1.3/32"]);
    expect(bench.reconciler.snapshot().natProgrammed).toBe(false);
    bench.world.faults = NO_FAULTS;
    await bench.advance(30_000);
    expect(bench.world.announced.has("172.16.1.4/32")).toBe(true);
  });

  test("while netd is dead what must go is withdrawn, what works stays, and nothing new is announced", async () => {
    const bench = new Bench();
    await bench.give({
      model: { ...HOST, floatingIps: [...HOST.floatingIps, floatingIp("172.16.1.4", "10.65.0.13")] },
    });
    bench.world.faults = { ...NO_FAULTS, dead: true };
    await bench.give({ model: HOST });
    await bench.give({ model: { ...HOST, ports: [...HOST.ports, port("tap1", "10.65.0.14")] } });
    expect([...bench.world.announced.keys()].sort()).toEqual(["10.65.0.13/32", "172.16.1.3/32"]);
    expect(bench.reconciler.snapshot()).toMatchObject({
      synced: false,
      problems: [{ code: "kernel.unavailable" }],
    });
    bench.world.faults = NO_FAULTS;
    bench.happened();
    bench.reconciler.resync();
    await bench.reconciler.idle();
    expect(bench.reconciler.snapshot()).toMatchObject({ synced: true, problems: [], driftRepairs: 0 });
    expect(bench.world.announced.has("10.65.0.14/32")).toBe(true);
  });
});

describe("what others change is put right", () => {
  test("by the audit, and counted", async () => {
    const bench = new Bench();
    await bench.give({ model: HOST });
    bench.world.routes.delete("172.16.1.3/32");
    bench.world.nft.apply("flush chain inet gatewayd dstnat\n");
    bench.happened();
    await bench.advance(60_000);
    expect(bench.happened()).toEqual(["put 172.16.1.3/32", "nat"]);
    expect(bench.reconciler.snapshot().driftRepairs).toBe(2);
    expect(bench.world.announced.has("172.16.1.3/32")).toBe(true);
  });

  test("a link that was away has its routes put again", async () => {
    const bench = new Bench();
    await bench.give({ model: HOST });
    bench.happened();
    bench.reconciler.linkChanged("tap0");
    await bench.reconciler.idle();
    expect(bench.happened()).toEqual(["taps tap0", "put 10.65.0.13/32", "put 172.16.1.3/32"]);
  });
});

describe("after a restart", () => {
  const GATEWAY = model({
    role: "gateway",
    nat: PRIVATE,
    networks: [network("203.0.113.0/24", "aggregate")],
    floatingIps: [floatingIp("172.16.1.3", "10.65.0.99")],
  });
  const all = [
    learned("10.65.0.99/32", "host", "192.168.8.11"),
    learned("203.0.113.9/32", "public", "192.168.8.11", "192.168.8.12"),
    learned("172.16.1.9/32", "floating", "192.168.8.12"),
  ];

  /** The world of a process that ran and was killed: the kernel stays, the speaker is a new one. */
  async function predecessor(given: Partial<Given>): Promise<MemoryWorld> {
    const bench = new Bench();
    await bench.give(given);
    await bench.reconciler.stop();
    bench.world.announced.clear();
    bench.world.marked.clear();
    bench.world.trace.splice(0);
    return bench.world;
  }

  test("nothing is written when nothing changed, not even while peers are still to be heard", async () => {
    const bench = new Bench(await predecessor({ model: GATEWAY, learned: all }));
    await bench.give({ model: GATEWAY, complete: false });
    await bench.give({ learned: all.slice(0, 1) });
    await bench.give({ learned: [all[0]!, learned("203.0.113.9/32", "public", "192.168.8.11")] });
    await bench.give({ learned: all });
    await bench.give({ complete: true });
    const written = bench.happened().filter((line) => /^(put|remove|nat|forget)/.test(line));
    expect(written).toEqual([]);
    expect(bench.reconciler.snapshot().driftRepairs).toBe(0);
  });

  test("own things are announced at once, and what is not wanted any more goes only when peers have told all", async () => {
    const bench = new Bench(await predecessor({ model: GATEWAY, learned: all }));
    await bench.give({ model: { ...GATEWAY, floatingIps: [] }, complete: false });
    expect(bench.happened()).toEqual(["announce 198.51.100.10/32"]);
    expect(bench.world.nft.element("floating", "172.16.1.3")).toBe("10.65.0.99");
    await bench.give({ complete: true });
    const removed = bench.happened();
    expect(removed).toContain("forget 172.16.1.3 10.65.0.99");
    expect(bench.world.nft.element("floating", "172.16.1.3")).toBeUndefined();
  });

  test("an anycast member that served goes on serving until it is judged", async () => {
    const host = model({
      ports: [port("tap0", "10.65.0.13"), port("tap1", "10.65.0.14")],
      anycast: [service()],
    });
    const world = await predecessor({
      model: host,
      health: health({ "10.65.0.13": true, "10.65.0.14": false }),
    });
    const bench = new Bench(world);
    await bench.give({ model: host, complete: false });
    expect(bench.world.announced.has("192.0.2.53/32")).toBe(true);
    expect(bench.world.routes.get("192.0.2.53/32")?.target).toEqual({ to: "link", interface: "tap0" });
    await bench.give({ health: health({ "10.65.0.13": false }) });
    expect(bench.world.announced.has("192.0.2.53/32")).toBe(false);
  });

  test("on the first start a member serves only once it is judged", async () => {
    const host = model({ ports: [port("tap0", "10.65.0.13")], anycast: [service({ whenAllFail: "keep" })] });
    const bench = new Bench();
    await bench.give({ model: host });
    expect(bench.world.announced.has("192.0.2.53/32")).toBe(false);
    await bench.give({ health: health({ "10.65.0.13": true }) });
    expect(bench.world.announced.has("192.0.2.53/32")).toBe(true);
  });
});

test("a peer that takes nothing holds a removal up for a second and no longer", async () => {
  const bench = new Bench();
  await bench.give({ model: HOST });
  bench.happened();
  bench.world.stuck = true;
  bench.given.model = { ...HOST, floatingIps: [] };
  bench.reconciler.wake();
  for (let i = 0; i < 10; i++) await Promise.resolve();
  expect(bench.happened()).toEqual(["withdraw 172.16.1.3/32"]);
  bench.clock.step(1000);
  await bench.reconciler.idle();
  expect(bench.happened()).toContain("forget 172.16.1.3 10.65.0.13");
});
