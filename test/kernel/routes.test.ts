import fc from "fast-check";
import { afterEach, expect } from "vitest";
import { formatPrefix } from "../../src/bgp/net/text.ts";
import type { KernelRoute, Target } from "../../src/kernel/commands.ts";
import { available, eventually, kernelTest, readAll, useLab } from "./lab.ts";
import {
  blackhole,
  EVERY_KIND,
  link,
  links,
  manyPrefixes,
  prefix,
  resilient,
  route,
  TARGETS4,
  TARGETS6,
  textOf,
  unreachable,
  via,
} from "./sample.ts";

const here = useLab("routes");

afterEach(async () => {
  if (!available) return;
  const { routes } = await readAll(here.kernel);
  await here.kernel.removeRoutes(routes.map((one) => one.prefix));
});

const held = async (): Promise<string[]> => textOf((await readAll(here.kernel)).routes);

kernelTest("what was put is what is read, for every kind of target", async () => {
  expect(await here.kernel.putRoutes(EVERY_KIND)).toEqual(new Map());
  expect(await held()).toEqual(textOf(EVERY_KIND));
});

kernelTest("a route of one link is plain, as ip route shows it", async () => {
  await here.kernel.putRoutes([route("172.16.1.3/32", link("d0"))]);
  expect(here.lab.ip("route", "show", "172.16.1.3").trim()).toBe("172.16.1.3 dev d0 proto 86 scope link");
});

kernelTest("putting what is there sends nothing to the kernel, and neither does another netd", async () => {
  await here.kernel.putRoutes(EVERY_KIND);
  const before = here.lab.state();
  const monitor = await here.lab.monitor("monitor", "route", "nexthop");
  try {
    const told = monitor.lines().length;
    await here.kernel.putRoutes(EVERY_KIND);
    const second = await here.lab.start();
    await second.putRoutes(EVERY_KIND);
    expect(textOf((await readAll(second)).routes)).toEqual(textOf(EVERY_KIND));
    await second.close();
    here.lab.ip("route", "add", "192.0.2.2/32", "dev", "d0");
    await eventually("the monitor has caught up", () => monitor.seen("192.0.2.2/32"));
    const since = monitor
      .lines()
      .slice(told)
      .filter((line) => !line.includes("192.0.2.1 "));
    expect(since.map((line) => line.trim())).toEqual(["192.0.2.2 dev d0 scope link"]);
    here.lab.ip("route", "del", "192.0.2.2/32", "dev", "d0");
    expect(here.lab.state()).toBe(before);
  } finally {
    monitor.stop();
  }
});

kernelTest("any sequence of puts and removes leaves what a map would hold", async () => {
  const prefixes4 = ["198.51.100.1/32", "198.51.100.0/24", "0.0.0.0/0"];
  const prefixes6 = ["2001:db8:f::1/128", "2001:db8:f::/64", "::/0"];
  const change = fc.oneof(
    fc.record({ at: fc.constantFrom(...prefixes4), target: fc.option(fc.constantFrom(...TARGETS4)) }),
    fc.record({ at: fc.constantFrom(...prefixes6), target: fc.option(fc.constantFrom(...TARGETS6)) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(change, { maxLength: 6 }), { maxLength: 5 }), async (batches) => {
      const model = new Map<string, KernelRoute>();
      await here.kernel.removeRoutes([...prefixes4, ...prefixes6].map(prefix));
      for (const batch of batches) {
        const puts = batch.flatMap(({ at, target }) => (target === null ? [] : [route(at, target)]));
        const removes = batch.flatMap(({ at, target }) => (target === null ? [prefix(at)] : []));
        expect(await here.kernel.putRoutes(puts)).toEqual(new Map());
        expect(await here.kernel.removeRoutes(removes)).toEqual(new Map());
        for (const put of puts) model.set(formatPrefix(put.prefix), put);
        for (const removed of removes) model.delete(formatPrefix(removed));
        expect(await held()).toEqual(textOf([...model.values()]));
      }
    }),
    { numRuns: 60 },
  );
  await here.kernel.removeRoutes([...prefixes4, ...prefixes6].map(prefix));
  expect(here.lab.ip("nexthop").trim()).toBe("");
});

kernelTest.each<[string, Target, Target]>([
  ["203.0.113.9/32", link("d0"), via("10.0.1.2 d1")],
  ["203.0.113.9/32", blackhole, unreachable],
  ["203.0.113.9/32", via("10.0.0.2 d0"), via("10.0.0.2 d0", "10.0.1.2 d1")],
  ["2001:db8:f::9/128", link("d0"), via("2001:db8:1::2 d1")],
  ["2001:db8:f::9/128", via("2001:db8:1::2 d1"), links("d0", "d1")],
])("a change of %s never leaves it without a route", async (at, from, to) => {
  await here.kernel.putRoutes([route(at, from)]);
  const monitor = await here.lab.monitor(at.includes(":") ? "-6" : "-4", "monitor", "route");
  try {
    await here.kernel.putRoutes([route(at, to)]);
    await eventually("both halves are seen", () => monitor.linesAbout(at).length === 2);
    const halves = monitor.linesAbout(at).map((line) => line.startsWith("Deleted"));
    expect(halves).toEqual([false, true]);
    expect(await held()).toEqual(textOf([route(at, to)]));
  } finally {
    monitor.stop();
  }
});

kernelTest.each<[string, readonly string[], string]>([
  ["0.0.0.0/0", ["default", "via", "10.0.0.9", "dev", "d0"], "proto boot, via 10.0.0.9 dev d0"],
  ["192.0.2.0/24", ["blackhole", "192.0.2.0/24", "proto", "static"], "proto static, blackhole"],
  ["192.0.2.0/24", ["192.0.2.0/24", "dev", "d1", "proto", "99"], "proto 99, dev d1"],
  [
    "::/0",
    ["default", "via", "2001:db8::9", "dev", "d0", "metric", "1024"],
    "proto boot, via 2001:db8::9 dev d0",
  ],
])("a foreign route for %s is named and left alone", async (at, words, what) => {
  const family = at.includes(":") ? "-6" : "-4";
  here.lab.ip(family, "route", "add", ...words);
  const before = here.lab.state();
  const target = at.includes(":") ? via("2001:db8:1::2 d1") : via("10.0.1.2 d1");
  try {
    expect(await here.kernel.putRoutes([route(at, target), route("198.51.100.7/32", link("d0"))])).toEqual(
      new Map([[at, `a route for ${at} that is not ours (${what}) is in the way`]]),
    );
    expect(await held()).toEqual(textOf([route("198.51.100.7/32", link("d0"))]));
    await here.kernel.removeRoutes([prefix("198.51.100.7/32"), prefix(at)]);
    expect(here.lab.state()).toBe(before);
  } finally {
    here.lab.ip(family, "route", "del", ...words);
  }
});

kernelTest(
  "a foreign route that took the place of ours, or slipped in before it, survives our change",
  async () => {
    const at = "192.0.2.0/24";
    await here.kernel.putRoutes([route(at, link("d0"))]);
    here.lab.ip("route", "prepend", at, "dev", "d1", "proto", "boot");
    await here.kernel.putRoutes([route(at, via("10.0.0.2 d0"))]);
    expect(here.lab.ip("route", "show", at)).toContain(`${at} dev d1 scope link`);
    here.lab.ip("route", "del", at, "proto", "86");
    here.lab.ip("route", "del", at);
    await here.kernel.putRoutes([route(at, link("d0"))]);
    here.lab.ip("route", "replace", at, "dev", "d1", "proto", "boot");
    expect((await here.kernel.putRoutes([route(at, via("10.0.0.2 d0"))])).get(at)).toContain(
      "proto boot, dev d1",
    );
    expect(here.lab.ip("route", "show", at).trim()).toBe(`${at} dev d1 scope link`);
    here.lab.ip("route", "del", at);
  },
);

kernelTest("routes of other tables and protocols are not ours to read or remove", async () => {
  here.lab.ip("route", "add", "192.0.2.0/24", "dev", "d0", "table", "100", "proto", "86");
  here.lab.ip("route", "add", "192.0.3.0/24", "dev", "d0", "proto", "static");
  expect(await held()).toEqual([]);
  expect(await here.kernel.removeRoutes([prefix("192.0.2.0/24"), prefix("192.0.3.0/24")])).toEqual(new Map());
  expect(here.lab.ip("route", "show", "table", "100").trim()).toBe("192.0.2.0/24 dev d0 proto 86 scope link");
  expect(here.lab.ip("route", "show", "192.0.3.0/24")).toContain("proto static");
  here.lab.ip("route", "del", "192.0.3.0/24");
  here.lab.ip("route", "flush", "table", "100");
});

kernelTest("a table of its own, by a number above 255", async () => {
  const other = await here.lab.start({ routeTable: 70_000 });
  expect((await readAll(other)).routes).toEqual([]);
  expect(await other.putRoutes(EVERY_KIND)).toEqual(new Map());
  expect(textOf((await readAll(other)).routes)).toEqual(textOf(EVERY_KIND));
  expect(await held()).toEqual([]);
  await other.removeRoutes(EVERY_KIND.map((one) => one.prefix));
  expect((await readAll(other)).routes).toEqual([]);
});

kernelTest.each<[string, Target, string]>([
  ["an unknown interface", link("nope"), "there is no interface nope"],
  ["a gateway that is not on the link", via("10.9.0.1 d0"), "Nexthop has invalid gateway"],
  ["a target without members", { to: "links", interfaces: [] }, "without members"],
  ["a member twice", via("10.0.0.2 d0", "10.0.0.2 d0"), "twice"],
  ["a name that no interface can have", link("../../etc"), "not the name of an interface"],
])("%s is told with the prefix, and the others are put", async (_name, target, message) => {
  const errors = await here.kernel.putRoutes([
    route("198.51.100.1/32", link("d0")),
    route("198.51.100.2/32", target),
    route("198.51.100.3/32", link("d1")),
  ]);
  expect([...errors.keys()]).toEqual(["198.51.100.2/32"]);
  expect(errors.get("198.51.100.2/32")).toContain(message);
  expect(await held()).toEqual(
    textOf([route("198.51.100.1/32", link("d0")), route("198.51.100.3/32", link("d1"))]),
  );
});

kernelTest("a change that fails leaves the route as it was", async () => {
  await here.kernel.putRoutes([route("198.51.100.1/32", via("10.0.0.2 d0"))]);
  const before = here.lab.state();
  const errors = await here.kernel.putRoutes([route("198.51.100.1/32", via("10.0.0.2 d0", "10.9.0.1 d0"))]);
  expect(errors.size).toBe(1);
  expect(here.lab.state()).toBe(before);
});

kernelTest("two routes of ours for one prefix, left by a change that was cut off, become one", async () => {
  await here.kernel.putRoutes([route("198.51.100.1/32", link("d0")), route("2001:db8:f::1/128", link("d0"))]);
  here.lab.ip("route", "append", "198.51.100.1/32", "dev", "d1", "proto", "86");
  here.lab.ip("-6", "route", "append", "2001:db8:f::1/128", "dev", "d1", "proto", "86");
  const wanted = [route("198.51.100.1/32", link("d1")), route("2001:db8:f::1/128", link("d1"))];
  expect(await here.kernel.putRoutes(wanted)).toEqual(new Map());
  expect(await held()).toEqual(textOf(wanted));
  expect(here.lab.ip("route", "show", "198.51.100.1").trim()).toBe("198.51.100.1 dev d1 proto 86 scope link");
  expect(here.lab.ip("-6", "route", "show", "2001:db8:f::1").trim().split("\n")).toHaveLength(1);
});

kernelTest("10 000 routes: put, read, put again, change, remove", async () => {
  const prefixes = manyPrefixes(10_000);
  const to = (target: Target): KernelRoute[] => prefixes.map((one) => ({ prefix: one, target }));
  expect(await here.kernel.putRoutes(to(via("10.0.0.2 d0")))).toEqual(new Map());
  expect(await held()).toEqual(textOf(to(via("10.0.0.2 d0"))));
  const before = here.lab.ip("nexthop");
  expect(await here.kernel.putRoutes(to(via("10.0.0.2 d0")))).toEqual(new Map());
  expect(here.lab.ip("nexthop")).toBe(before);
  expect(await here.kernel.putRoutes(to(via("10.0.0.2 d0", "10.0.1.2 d1")))).toEqual(new Map());
  expect(await held()).toEqual(textOf(to(via("10.0.0.2 d0", "10.0.1.2 d1"))));
  expect(await here.kernel.removeRoutes(prefixes)).toEqual(new Map());
  expect(here.lab.ip("route", "show", "proto", "86").trim()).toBe("");
  expect(here.lab.ip("nexthop").trim()).toBe("");
});

kernelTest("5 000 foreign routes in the way are 5 000 errors, and none of them is touched", async () => {
  const prefixes = manyPrefixes(5000);
  const batch = (verb: string): string =>
    prefixes.map((one) => `route ${verb} ${formatPrefix(one)} dev d1 proto static`).join("\n");
  here.lab.batch(batch("add"));
  const before = here.lab.state();
  const errors = await here.kernel.putRoutes(prefixes.map((one) => ({ prefix: one, target: link("d0") })));
  expect(errors.size).toBe(5000);
  for (const [at, message] of errors)
    expect(message).toContain(`${at} that is not ours (proto static, dev d1)`);
  expect(here.lab.state()).toBe(before);
  here.lab.batch(batch("del"));
});

kernelTest("10 000 routes lead elsewhere by one change of the group that they share", async () => {
  const prefixes = manyPrefixes(10_000);
  const before = via("10.0.0.2 d0");
  const after = via("10.0.1.2 d1");
  await here.kernel.putRoutes(prefixes.map((one) => ({ prefix: one, target: before })));
  const monitor = await here.lab.monitor("monitor", "route", "nexthop");
  try {
    const told = monitor.lines().length;
    expect(await here.kernel.redirect([{ from: before, to: after }])).toEqual(new Map());
    here.lab.ip("route", "add", "192.0.2.2/32", "dev", "d0");
    await eventually("the monitor has caught up", () => monitor.seen("192.0.2.2/32"));
    const since = monitor.lines().slice(told);
    // The next hop that is new, the group, and the next hop that nobody needs any more.
    expect(since.filter((line) => line.includes("id 860"))).toHaveLength(3);
    expect(since.length).toBeLessThan(10);
    here.lab.ip("route", "del", "192.0.2.2/32", "dev", "d0");
  } finally {
    monitor.stop();
  }
  const wanted = prefixes.map((one) => ({ prefix: one, target: after }));
  expect(await held()).toEqual(textOf(wanted));
  const another = await here.lab.start();
  expect(textOf((await readAll(another)).routes)).toEqual(textOf(wanted));
  await another.close();
});

kernelTest("a redirection of what nobody leads to, or to what cannot be, changes nothing", async () => {
  const here0 = via("10.0.0.2 d0");
  await here.kernel.putRoutes([route("198.51.100.1/32", here0)]);
  const before = here.lab.state();
  const errors = await here.kernel.redirect([
    { from: via("10.0.1.2 d1"), to: here0 },
    { from: here0, to: via("10.9.0.1 d0") },
    { from: here0, to: via("10.0.1.2 nope") },
    { from: via("10.0.0.2 nope"), to: here0 },
  ]);
  expect([...errors.values()]).toEqual([
    "no group leads there",
    expect.stringContaining("Nexthop has invalid gateway"),
    "there is no interface nope",
    "no group leads there",
  ]);
  expect(here.lab.state()).toBe(before);
});

kernelTest("groups that came to be alike are redirected together, and resilient ones are not", async () => {
  const [east, west, both] = [via("10.0.0.2 d0"), via("10.0.1.2 d1"), via("10.0.0.2 d0", "10.0.1.2 d1")];
  const lone = resilient("10.0.0.2 d0");
  const put = (...targets: Target[]): Promise<unknown> =>
    here.kernel.putRoutes(targets.map((target, i) => route(`198.51.100.${i}/32`, target)));
  await put(east, west, both, lone);
  await here.kernel.redirect([{ from: both, to: west }]);
  await put(east, west, west, lone);
  const spread = via("10.0.1.3 d1", "10.0.0.3 d0");
  await here.kernel.redirect([{ from: west, to: spread }]);
  const wanted = [east, spread, spread, lone].map((target, i) => route(`198.51.100.${i}/32`, target));
  expect(await held()).toEqual(textOf(wanted));
});

const groupAt = (at: string): number => here.lab.groupOf(at);

kernelTest(
  "when a member of a resilient group goes, the others' flows stay; back, it takes none of theirs",
  async () => {
    const at = "192.0.2.53/32";
    const both = route(at, resilient("10.0.0.2 d0", "10.0.1.2 d1"));
    here.lab.run("sysctl", "-qw", "net.ipv4.fib_multipath_hash_policy=1");
    await here.kernel.putRoutes([both]);
    const id = groupAt(at);
    here.lab.sendFlows("192.0.2.53", 2000);
    const before = here.lab.buckets(id);
    expect(new Set(before)).toEqual(new Set(["10.0.0.2", "10.0.1.2"]));
    await here.kernel.putRoutes([route(at, resilient("10.0.1.2 d1"))]);
    expect(groupAt(at)).toBe(id);
    expect(here.lab.buckets(id)).toEqual(before.map(() => "10.0.1.2"));
    here.lab.sendFlows("192.0.2.53", 2000);
    await here.kernel.putRoutes([both]);
    expect(groupAt(at)).toBe(id);
    // A bucket that carries a flow changes hands when it has been silent for a minute: not in this test.
    expect(here.lab.buckets(id)).toEqual(before.map(() => "10.0.1.2"));
  },
);

kernelTest("of three members one goes: the buckets of the two others are where they were", async () => {
  const at = "192.0.2.53/32";
  await here.kernel.putRoutes([route(at, resilient("10.0.0.2 d0", "10.0.0.3 d0", "10.0.1.2 d1"))]);
  const id = groupAt(at);
  const before = here.lab.buckets(id);
  expect(new Set(before).size).toBe(3);
  await here.kernel.putRoutes([route(at, resilient("10.0.0.2 d0", "10.0.1.2 d1"))]);
  const after = here.lab.buckets(id);
  expect(new Set(after).size).toBe(2);
  for (const [i, gateway] of before.entries()) if (gateway !== "10.0.0.3") expect(after[i]).toBe(gateway);
});

kernelTest("weights are the kernel's, and another share is another group", async () => {
  const at = "203.0.113.77/32";
  const groups = (): string[] =>
    [...here.lab.ip("nexthop").matchAll(/ group (\S+)/g)].map(([, group]) =>
      group!.replaceAll(/\d{8}/g, "id"),
    );
  const before = groups();
  const weighed = via("10.0.0.2 d0 256", "10.0.1.2 d1 26");
  await here.kernel.putRoutes([route(at, weighed), route("203.0.113.78/32", weighed)]);
  expect(groups().filter((group) => !before.includes(group))).toEqual(["id,256/id,26"]);
  await here.kernel.putRoutes([route(at, via("10.0.0.2 d0", "10.0.1.2 d1 2"))]);
  expect(groups()).toEqual(expect.arrayContaining(["id,256/id,26", "id/id,2"]));
  await here.kernel.removeRoutes([prefix(at), prefix("203.0.113.78/32")]);
});

kernelTest("resilient groups are of one route each: changing one leaves the other alone", async () => {
  const pair = resilient("10.0.0.2 d0", "10.0.1.2 d1");
  await here.kernel.putRoutes([route("192.0.2.53/32", pair), route("192.0.2.54/32", pair)]);
  await here.kernel.putRoutes([route("192.0.2.53/32", resilient("10.0.0.2 d0"))]);
  expect(await held()).toEqual(
    textOf([route("192.0.2.53/32", resilient("10.0.0.2 d0")), route("192.0.2.54/32", pair)]),
  );
});
