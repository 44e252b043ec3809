import { readFileSync } from "node:fs";
import { afterEach, expect } from "vitest";
import { formatAddress, formatPrefix } from "../../src/bgp/net/text.ts";
import type { Link } from "../../src/kernel/commands.ts";
import { available, eventually, kernelTest, readAll, useLab } from "./lab.ts";
import { link, links, manyPrefixes, route, textOf, via } from "./sample.ts";

const here = useLab("links");

afterEach(async () => {
  if (!available) return;
  const { routes } = await readAll(here.kernel);
  await here.kernel.removeRoutes(routes.map((one) => one.prefix));
});

type Shown = Partial<Record<"lo" | "d0" | "d1" | "p0" | "p1" | "br0" | "br1", string>>;

const shown = (all: readonly Link[]): Shown =>
  Object.fromEntries(
    all.map(({ name, up, addresses }) => [
      name,
      [
        up ? "up" : "down",
        ...addresses.map(({ address, length }) => `${formatAddress(address)}/${length}`),
      ].join(" "),
    ]),
  );

kernelTest("links and addresses are known from the start, and followed", async () => {
  let seen: Shown = {};
  const stop = here.kernel.onLinks((all) => {
    seen = shown(all);
  });
  expect(seen).toMatchObject({
    lo: "up 127.0.0.1/8 ::1/128",
    d0: "up 10.0.0.1/24 2001:db8::1/64",
    d1: "up 10.0.1.1/24 2001:db8:1::1/64",
    p0: "up",
  });
  here.lab.ip("addr", "add", "10.7.0.1", "peer", "10.7.0.2/32", "dev", "d0");
  await eventually("an address comes", () => seen.d0?.includes("10.7.0.1/32") ?? false);
  here.lab.ip("addr", "del", "10.7.0.1", "peer", "10.7.0.2/32", "dev", "d0");
  await eventually("an address goes", () => !(seen.d0?.includes("10.7.0.1/32") ?? true));
  here.lab.ip("link", "add", "br0", "type", "bridge");
  here.lab.ip("link", "set", "br0", "up");
  await eventually("a link comes", () => seen.br0 !== undefined);
  here.lab.ip("link", "set", "p1", "master", "br0");
  here.lab.ip("link", "set", "p1", "nomaster");
  here.lab.ip("link", "set", "br0", "down");
  here.lab.ip("link", "set", "br0", "name", "br1");
  await eventually("a link is renamed", () => seen.br1 === "down" && seen.br0 === undefined);
  here.lab.ip("link", "del", "br1");
  await eventually("a link goes", () => seen.br1 === undefined);
  expect(seen.p1).toBe("up");
  stop();
});

kernelTest(
  "when a link goes down, what the kernel took away is told, and what is read is what is left",
  async () => {
    const drift: string[] = [];
    const stop = here.kernel.onDrift((what) => drift.push(...what));
    // A plain IPv4 route waits for its carrier, and what shares a group for its next hops. Other objects are gone with it.
    const stays = [
      route("198.51.100.4/32", link("d1")),
      route("198.51.100.1/32", link("d0")),
      route("198.51.100.5/32", links("d1")),
      route("198.51.100.2/32", via("10.0.0.2 d0")),
      route("198.51.100.3/32", via("10.0.0.2 d0")),
    ];
    await here.kernel.putRoutes([
      route("198.51.100.1/32", link("d0")),
      route("198.51.100.5/32", links("d0", "d1")),
      stays[0]!,
      ...stays.slice(3),
    ]);
    let up = true;
    const stopLinks = here.kernel.onLinks((all) => {
      up = all.find(({ name }) => name === "d0")?.up ?? false;
    });
    here.lab.ip("link", "set", "p0", "down");
    await eventually("the link is known to be down", () => !up);
    await eventually("the loss is told", () => drift.includes("routes"));
    expect(textOf((await readAll(here.kernel)).routes)).toEqual(textOf(stays));
    here.lab.ip("link", "set", "p0", "up");
    await eventually("the link is back", () => up);
    const all = [
      route("198.51.100.1/32", link("d0")),
      route("198.51.100.5/32", links("d0", "d1")),
      stays[0]!,
      ...stays.slice(3),
    ];
    expect(await here.kernel.putRoutes(all)).toEqual(new Map());
    expect(textOf((await readAll(here.kernel)).routes)).toEqual(textOf(all));
    stop();
    stopLinks();
  },
);

async function linkIs(name: string, up: boolean): Promise<void> {
  let seen: boolean | undefined;
  const stop = here.kernel.onLinks((all) => {
    seen = all.find((one) => one.name === name)?.up;
  });
  await eventually(`${name} is ${up ? "up" : "down"}`, () => seen === up);
  stop();
}

kernelTest.each([10, 2000])(
  "%i routes whose link goes lead elsewhere by a handful of messages",
  async (count) => {
    const prefixes = manyPrefixes(count);
    const [before, after] = [via("10.0.0.2 d0"), via("10.0.1.2 d1")];
    const drift: string[] = [];
    const stop = here.kernel.onDrift((what) => drift.push(...what));
    await here.kernel.putRoutes(prefixes.map((one) => ({ prefix: one, target: before })));
    const group = here.lab.groupOf("20.0.0.0/24");
    const monitor = await here.lab.monitor("monitor", "route", "nexthop");
    try {
      here.lab.ip("link", "set", "p0", "down");
      await eventually("they throw packets away", () => here.lab.membersOf(group).join() === "blackhole");
      expect(await here.kernel.redirect([{ from: before, to: after }])).toEqual(new Map());
      expect(here.lab.groupOf("20.0.0.0/24")).toBe(group);
      expect(here.lab.membersOf(group)).toEqual(["via 10.0.1.2 dev d1", "dev lo"]);
      here.lab.ip("route", "add", "192.0.2.2/32", "dev", "d1");
      await eventually("the monitor has caught up", () => monitor.seen("192.0.2.2/32"));
      expect(monitor.lines().filter((line) => line.includes(" nhid "))).toEqual([]);
      expect(monitor.lines().filter((line) => line.includes("id 860")).length).toBeLessThan(10);
      here.lab.ip("route", "del", "192.0.2.2/32");
    } finally {
      monitor.stop();
      stop();
      here.lab.ip("link", "set", "p0", "up");
      await linkIs("d0", true);
    }
    const wanted = prefixes.map((one) => ({ prefix: one, target: after }));
    expect(textOf((await readAll(here.kernel)).routes)).toEqual(textOf(wanted));
    expect(drift).toEqual([]);
  },
);

kernelTest("a link that comes back gives its routes their next hops again, IPv6 alike", async () => {
  const routes = [
    route("203.0.113.9/32", via("10.0.0.2 d0")),
    route("203.0.113.10/32", via("10.0.0.2 d0", "10.0.1.2 d1")),
    route("2001:db8:f::9/128", via("2001:db8:0::2 d0")),
  ];
  await here.kernel.putRoutes(routes);
  const ids = routes.map(({ prefix: at }) => here.lab.groupOf(formatPrefix(at)));
  const before = ids.map((id) => here.lab.membersOf(id));
  here.lab.ip("link", "set", "p0", "down");
  const left = [["blackhole"], ["via 10.0.1.2 dev d1", "dev lo"], ["blackhole"]];
  await eventually(
    "its next hops are gone",
    () => `${ids.map((id) => here.lab.membersOf(id))}` === `${left}`,
  );
  here.lab.ip("link", "set", "p0", "up");
  await eventually("they are back", () => `${ids.map((id) => here.lab.membersOf(id))}` === `${before}`);
  expect(textOf((await readAll(here.kernel)).routes)).toEqual(textOf(routes));
});

const sysctl = (name: string): string => here.lab.run("sysctl", "-n", name).trim();

kernelTest("a tap gets what it needs, one that is not there is named", async () => {
  here.lab.ip("tuntap", "add", "tap0.5", "mode", "tap");
  expect(await here.kernel.prepareTaps(["tap0.5", "gone"])).toEqual(
    new Map([["gone", "there is no interface gone"]]),
  );
  const values = [
    "net/ipv4/conf/tap0.5/proxy_arp",
    "net/ipv4/neigh/tap0.5/proxy_delay",
    "net/ipv4/conf/tap0.5/forwarding",
    "net/ipv4/conf/tap0.5/route_localnet",
    "net/ipv4/conf/tap0.5/send_redirects",
    "net/ipv4/conf/all/send_redirects",
    "net/ipv6/conf/tap0.5/proxy_ndp",
    "net/ipv6/conf/tap0.5/forwarding",
  ].map((name) => sysctl(name));
  expect(values).toEqual(["1", "0", "1", "1", "0", "0", "1", "1"]);
  expect(["net.ipv4.ip_forward", "net.ipv4.nexthop_compat_mode"].map(sysctl)).toEqual(["1", "0"]);
});

const READ_ONLY = `{
  const libc = koffi.load("libc.so.6");
  const unshare = libc.func("int unshare(int)");
  const mount = libc.func("int mount(const char *, const char *, const char *, ulong, void *)");
  const done = unshare(0x20000) || mount("none", "/", null, 0x44000, null)
    || mount("/proc/sys", "/proc/sys", null, 0x1000, null) || mount("none", "/proc/sys", null, 0x1021, null);
  if (done !== 0) throw new Error("mount");
}`;

kernelTest(
  "where /proc/sys is read-only, what is right already is good, and what is wrong is named",
  async () => {
    for (const i of [0, 1]) here.lab.ip("link", "add", `t${i}`, "type", "veth", "peer", "name", `u${i}`);
    await here.kernel.prepareTaps(["t0"]);
    here.lab.run("sysctl", "-qw", "net.ipv4.nexthop_compat_mode=1");
    const blind = await here.lab.start({ script: here.lab.launcher(READ_ONLY) });
    expect(await blind.prepareTaps(["t0", "t1"])).toEqual(
      new Map([
        ["t1", expect.stringMatching(/^net\.ipv4\.conf\.t1\.proxy_arp is 0 and must be 1: EROFS: read-only/)],
      ]),
    );
    const warned: string[] = [];
    blind.onUp((warnings) => warned.push(...warnings.map(({ code, subject }) => `${code} ${subject}`)));
    expect(warned).toEqual(["sysctl.unset net.ipv4.nexthop_compat_mode"]);
    here.lab.run("sysctl", "-qw", "net.ipv4.nexthop_compat_mode=0");
  },
);

kernelTest("netd has no privilege but CAP_NET_ADMIN", () => {
  const pid = here.lab.netdPid();
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const of = (field: string): string | undefined => new RegExp(`^${field}:\\s+(.*)$`, "m").exec(status)?.[1];
  expect(of("CapEff")).toBe("0000000000001000");
  expect(of("CapPrm")).toBe("0000000000001000");
  expect(of("Uid")).toBe("65534\t65534\t65534\t65534");
  expect(of("NoNewPrivs")).toBe("1");
});
