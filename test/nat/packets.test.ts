/**
 * Real packets through the real tables: client - gw - vm-a, vm-b, a VM with a public address. `gw` is the machine that
 * translates; by its table it is a compute host with these VMs, or a gateway.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Address, ipv4, type Prefix } from "../../src/bgp/net/address.ts";
import { parseAddress, parsePrefix } from "../../src/bgp/net/text.ts";
import { diff } from "../../src/nat/diff.ts";
import { EMPTY_NAT, type ForwardMapping, type NatTable } from "../../src/nat/table.ts";
import { shows } from "../requirements/shows.ts";
import { makeNamespace, type Namespace } from "./namespace.ts";

const address = (text: string): Address => parseAddress(text) ?? ipv4(0);
const prefix = (text: string): Prefix => parsePrefix(text) ?? { ...ipv4(0), length: 0 };
const script = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

const FLOATING = "172.16.1.3";
const VMS = { "vm-a": "10.65.0.13", "vm-b": "10.65.0.14", "vm-pub": "203.0.113.7" } as const;
type Vm = keyof typeof VMS;

const HOST: NatTable = {
  ...EMPTY_NAT,
  floating: [{ floating: address(FLOATING), fixed: address(VMS["vm-a"]), egress: "fixed" }],
  exempt: ["10.0.0.0/8", "203.0.113.0/24"].map(prefix),
  untracked: [prefix("203.0.113.0/24")],
  metadata: {
    to: { address: address("127.0.0.1"), port: 8775 },
    interfaces: ["tap-vm-a", "tap-vm-b", "tap-vm-pub"],
  },
};

/** Some that do not follow each other. */
const POOL = ["198.51.100.10", "198.51.100.12", "192.0.2.77"];
const GATEWAY: NatTable = {
  ...HOST,
  private: [prefix("10.65.0.0/16")],
  pools: [
    {
      name: "default",
      addresses: POOL.map(address),
      private: [],
      draining: false,
      ports: { first: 20_000, last: 20_999 },
      mapping: "endpointIndependent",
      filtering: "addressAndPortDependent",
    },
  ],
  inside: ["10.65.0.0/16", "203.0.113.0/24"].map(prefix),
};

/** Pools of their own for some of vm-b's addresses: one public address, and several, within each other. */
const [SOLE, SEVERAL] = ["198.51.100.20", ["198.51.100.21", "198.51.100.22"]] as const;
const SEPARATE: NatTable = {
  ...GATEWAY,
  pools: [
    ...GATEWAY.pools,
    { ...GATEWAY.pools[0]!, name: "sole", addresses: [address(SOLE)], private: [prefix("10.65.0.16/28")] },
    {
      ...GATEWAY.pools[0]!,
      name: "several",
      addresses: SEVERAL.map(address),
      private: [prefix("10.65.0.24/29")],
      ports: { first: 30_000, last: 30_999 },
      mapping: "addressAndPortDependent",
    },
  ],
};

const spaces = new Map<string, Namespace>();
const servers: ChildProcess[] = [];
const at = (name: string): Namespace => spaces.get(name) ?? makeNamespace("missing");

const gw = (): Namespace => at("gw");

beforeAll(async () => {
  for (const name of ["client", "gw", ...Object.keys(VMS)]) spaces.set(name, makeNamespace(name));
  for (const key of ["ip_forward=1", "conf.all.rp_filter=0", "conf.default.rp_filter=0"]) {
    gw().run("sysctl", "-qw", `net.ipv4.${key}`);
  }
  gw().join("tap-client", at("client"));
  gw().run("ip", "address", "add", "198.51.100.1/24", "dev", "tap-client");
  // Proxy ARP answers the VMs for their gateway address only if there is a way to it, elsewhere.
  gw().run("ip", "route", "add", "default", "via", "198.51.100.2");
  at("client").run("ip", "address", "add", "198.51.100.2/24", "dev", "eth0");
  for (const to of ["172.16.1.0/24", "203.0.113.0/24", ...POOL, SOLE, ...SEVERAL, "10.65.0.0/16"]) {
    at("client").run("ip", "route", "add", to, "via", "198.51.100.1");
  }
  for (const [name, own] of Object.entries(VMS)) {
    const vm = at(name);
    const tap = `tap-${name}`;
    gw().join(tap, vm);
    vm.run("ip", "address", "add", `${own}/32`, "dev", "eth0");
    vm.run("ip", "route", "add", "169.254.1.1", "dev", "eth0");
    vm.run("ip", "route", "add", "default", "via", "169.254.1.1");
    gw().run("ip", "route", "add", own, "dev", tap);
    for (const key of ["proxy_arp", "route_localnet"])
      gw().run("sysctl", "-qw", `net.ipv4.conf.${tap}.${key}=1`);
    gw().run("sysctl", "-qw", `net.ipv4.neigh.${tap}.proxy_delay=0`);
  }
  gw().run("ip", "route", "add", FLOATING, "dev", "tap-vm-a");
  for (const pooled of [...POOL, SOLE, ...SEVERAL]) gw().run("ip", "route", "add", "blackhole", pooled);
  await Promise.all([...Object.keys(VMS), "client"].map((name) => serve(name, 80)));
  await serve("gw", 8775);
});

afterAll(async () => {
  for (const server of servers) {
    server.kill("SIGKILL");
    await once(server, "exit");
  }
  for (const space of spaces.values()) await space.remove();
});

/** Joins a namespace's eth0 to gw's tap-NAME. */
async function serve(name: string, port: number): Promise<void> {
  const node = [process.execPath, script("echo.mjs"), String(port)];
  const server = spawn("ip", ["netns", "exec", at(name).name, ...node], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  servers.push(server);
  await once(server.stdout!, "data");
}

/** What the asked one sees, and from where the answer comes: "10.65.0.13:1234 from 172.16.1.3", or "silence". */
const ask = (
  who: string,
  protocol: "tcp" | "udp",
  to: string,
  port = 80,
  forMs = 30_000,
  own = "0.0.0.0",
): string =>
  at(who)
    .run(process.execPath, script("ask.mjs"), protocol, to, String(port), "0", String(forMs), own)
    .trim();
/** What is to be silent is listened to for a second only. */
const hears = (who: string, protocol: "tcp" | "udp", to: string, port = 80): string =>
  ask(who, protocol, to, port, 1000);

const sourceOf = (answer: string): string => answer.replace(/:\d+ from /, " from ");
const pings = (who: string, to: string): boolean => at(who).attempt("ping", "-c1", "-W5", to).status === 0;

async function install(table: NatTable): Promise<void> {
  await gw().nft(diff(table, await gw().listing()));
  gw().attempt("conntrack", "-F");
}

const tracked = (): string => gw().attempt("conntrack", "-L").stdout;

describe.each([
  ["at the host", HOST],
  ["at the gateway", GATEWAY],
])("a floating IP %s", (_, table) => {
  beforeAll(() => install(table));

  test.each(["tcp", "udp"] as const)(
    "%s from outside: the VM sees the client, the client the floating IP",
    (protocol) => {
      expect(sourceOf(ask("client", protocol, FLOATING))).toBe(`198.51.100.2 from ${FLOATING}`);
    },
  );

  test("ping from outside", () => {
    expect(pings("client", FLOATING)).toBe(true);
  });

  test.each(["tcp", "udp"] as const)("the VM itself (%s) sees itself as its floating IP", (protocol) => {
    expect(sourceOf(ask("vm-a", protocol, FLOATING))).toBe(`${FLOATING} from ${FLOATING}`);
  });

  test("the machine itself reaches it", () => {
    expect(ask("gw", "tcp", FLOATING)).toMatch(new RegExp(` from ${FLOATING}$`));
  });

  test.each(["vm-b", "vm-pub"] as const)("%s reaches it", (vm: Vm) => {
    const [source = ""] = sourceOf(ask(vm, "tcp", FLOATING)).split(" ");
    if (table === HOST) expect(source).toBe(VMS[vm]);
    // At a gateway the answer has to come back here: the source is one of ours.
    else expect(POOL).toContain(source);
  });

  test.each(["vm-a", "vm-b", "vm-pub"] as const)("%s reaches the metadata service", (vm) => {
    expect(sourceOf(ask(vm, "tcp", "169.254.169.254"))).toBe(`${VMS[vm]} from 169.254.169.254`);
  });
});

describe.each([
  ["at the host", HOST],
  ["at the gateway", GATEWAY],
])("ports of a floating IP %s", (_, table) => {
  const forward = (protocol: "tcp" | "udp", port: number, vm: Vm, toPort: number): ForwardMapping => ({
    floating: address(FLOATING),
    protocol,
    ports: { first: port, last: port + 1 },
    to: address(VMS[vm]),
    toPorts: { first: toPort, last: toPort },
  });
  beforeAll(() =>
    install({
      ...table,
      floating: [],
      forwards: [
        forward("tcp", 8080, "vm-a", 80),
        forward("udp", 8080, "vm-b", 80),
        forward("tcp", 9090, "vm-pub", 80),
      ],
    }),
  );

  test("lead each to its own, who sees the client; the client sees the floating IP", () => {
    const asked = [
      ["tcp", 8081, "vm-a"],
      ["udp", 8080, "vm-b"],
      ["tcp", 9090, "vm-pub"],
    ] as const;
    for (const [protocol, port] of asked)
      expect(sourceOf(ask("client", protocol, FLOATING, port))).toBe(`198.51.100.2 from ${FLOATING}`);
    const targets = [...tracked().matchAll(/^(tcp|udp).*dst=172\.16\.1\.3 .*dport=(\d+) src=([\d.]+)/gm)];
    expect(targets.map(([, ...found]) => found.join(" ")).sort()).toEqual(
      asked.map(([protocol, port, vm]) => `${protocol} ${port} ${VMS[vm]}`).sort(),
    );
  });

  test("what nobody forwards gets silence", () => {
    expect(hears("client", "udp", FLOATING, 9090)).toBe("silence");
    expect(at("client").attempt("ping", "-c1", "-W1", FLOATING).status).not.toBe(0);
  });

  test("a VM reaches itself by it, and sees itself as it", () => {
    expect(sourceOf(ask("vm-a", "tcp", FLOATING, 8080))).toBe(`${FLOATING} from ${FLOATING}`);
  });

  test.each(["vm-b", "vm-pub", "gw"] as const)("%s reaches it", (who) => {
    expect(ask(who, "tcp", FLOATING, 8080)).toMatch(new RegExp(` from ${FLOATING}$`));
  });

  test("new flows of those it leads to do not leave with it", () => {
    expect(ask("vm-a", "tcp", "198.51.100.2")).not.toContain(FLOATING);
  });
});

test("a VM whose new flows leave as its floating IP does so, but not to exempt destinations", async () => {
  const floating = HOST.floating.map((m) => ({ ...m, egress: "floating" as const }));
  await install({ ...GATEWAY, floating });
  expect(sourceOf(ask("vm-a", "tcp", "198.51.100.2"))).toMatch(`${FLOATING} from`);
  expect(sourceOf(ask("vm-a", "tcp", VMS["vm-b"]))).toMatch(`${VMS["vm-a"]} from`);
});

test("without pools a hairpinned flow leaves as the machine itself", async () => {
  await install({ ...GATEWAY, private: [], pools: [] });
  const [source = ""] = sourceOf(ask("vm-b", "tcp", FLOATING)).split(" ");
  expect(source).not.toBe(VMS["vm-b"]);
  expect(source).not.toBe("silence");
});

describe("private addresses and the pool", () => {
  beforeAll(() => install(GATEWAY));

  test("flows leave from one pool address per VM, from its ports, whatever the protocol", () => {
    shows("RFC 4787 REQ-2", "RFC 5508 REQ-1", "RFC 6888 REQ-1", "RFC 6888 REQ-2", "RFC 7857 §4");
    const seen = new Set<string>();
    for (let i = 0; i < 6; i++) {
      const answer = ask("vm-b", i % 2 === 0 ? "tcp" : "udp", "198.51.100.2");
      const [, source = "", port = ""] = /^([\d.]+):(\d+) from/.exec(answer) ?? [];
      expect(POOL).toContain(source);
      expect(Number(port)).toBeGreaterThanOrEqual(20_000);
      expect(Number(port)).toBeLessThanOrEqual(20_999);
      seen.add(source);
    }
    expect(pings("vm-b", "198.51.100.2")).toBe(true);
    const icmp = /icmp.*src=10\.65\.0\.14 .*src=198\.51\.100\.2 dst=([\d.]+)/.exec(tracked());
    seen.add(icmp?.[1] ?? "no icmp flow");
    expect(seen.size).toBe(1);
  });

  test("several VMs use all of them", () => {
    shows("RFC 6888 REQ-3", "RFC 6888 REQ-13");
    const vm = at("vm-b");
    const sources = new Set<string>();
    for (let i = 20; i < 30; i++) {
      const own = `10.65.0.${i}`;
      vm.run("ip", "address", "add", `${own}/32`, "dev", "eth0");
      gw().run("ip", "route", "add", own, "dev", "tap-vm-b");
      vm.run("ping", "-c1", "-W5", "-I", own, "198.51.100.2");
      sources.add(
        new RegExp(`src=${own} .*src=198\\.51\\.100\\.2 dst=([\\d.]+)`).exec(tracked())?.[1] ?? "none",
      );
    }
    expect([...sources].sort()).toEqual(POOL.toSorted());
  });

  test("pools of their own serve the longest range, with their own ports and mapping", async () => {
    await install(SEPARATE);
    /** The address that it leaves with, and the first digits of the port. */
    const seenOf = (own: string): string => {
      ask("vm-b", "udp", "198.51.100.2", 80, 30_000, own);
      const [, seen = "", port = ""] =
        new RegExp(`src=${own} .* dst=([\\d.]+) sport=80 dport=(\\d+)`).exec(tracked()) ?? [];
      return `${seen} ${port.slice(0, 2)}`;
    };
    expect(seenOf("10.65.0.20")).toBe(`${SOLE} 20`);
    expect(seenOf("10.65.0.23")).toBe(`${SOLE} 20`);
    expect(SEVERAL.map((to) => `${to} 30`)).toContain(seenOf("10.65.0.24"));
    expect(POOL.map((to) => `${to} 20`)).toContain(seenOf(VMS["vm-b"]));
    expect(hears("client", "tcp", SOLE)).toBe("silence");
    await install(GATEWAY);
  });

  test("what nobody asked for gets silence, not even a refusal", () => {
    for (const pooled of POOL) expect(hears("client", "tcp", pooled)).toBe("silence");
    expect(hears("client", "udp", POOL[0]!, 20_000)).toBe("silence");
  });

  test("exempt destinations see the true source", () => {
    shows("RFC 6888 REQ-6");
    expect(sourceOf(ask("vm-b", "tcp", VMS["vm-a"]))).toMatch(VMS["vm-b"]);
    expect(sourceOf(ask("vm-b", "tcp", VMS["vm-pub"]))).toMatch(VMS["vm-b"]);
  });
});

describe("timers", () => {
  /** What is left of them, by protocol and state. */
  const left = (): Record<string, number> =>
    Object.fromEntries(
      [...tracked().matchAll(/^(udp|icmp|tcp) +\d+ (\d+)(?: ([A-Z_]+) src)?.*$/gm)].map(
        ([, protocol, seconds, state]) => [`${protocol}${state ? ` ${state}` : ""}`, Number(seconds)],
      ),
    );

  test("are ours for flows that are translated, and the machine's for its own", async () => {
    shows("RFC 4787 REQ-5b", "RFC 5382 REQ-5a", "RFC 5508 REQ-2a");
    const timeouts = {
      udpSeconds: 3000,
      icmpSeconds: 2000,
      tcpEstablishedSeconds: 9000,
      tcpOpeningSeconds: 5000,
      tcpClosingSeconds: 4000,
    };
    await install({ ...GATEWAY, timeouts });
    ask("vm-b", "udp", "198.51.100.2");
    ask("vm-b", "tcp", "198.51.100.2");
    pings("vm-b", "198.51.100.2");
    const translated = left();
    for (const [flow, seconds] of [
      ["udp", 3000],
      ["tcp TIME_WAIT", 4000],
      ["icmp", 2000],
    ] as const) {
      expect(translated[flow], flow).toBeGreaterThan(seconds - 300);
      expect(translated[flow], flow).toBeLessThanOrEqual(seconds);
    }
    await install({ ...GATEWAY, timeouts });
    ask("gw", "udp", "198.51.100.2");
    ask("gw", "tcp", "198.51.100.2");
    pings("gw", "198.51.100.2");
    const own = Object.values(left());
    expect(own).toHaveLength(3);
    for (const seconds of own) expect(seconds).toBeLessThanOrEqual(120);
    // Through a floating IP, from outside.
    await install({ ...GATEWAY, timeouts });
    ask("client", "udp", FLOATING);
    expect(left()["udp"]).toBeGreaterThan(2700);
  });

  test("a change of them is a transaction that leaves the rest alone", async () => {
    await install(GATEWAY);
    const timeouts = { ...GATEWAY.timeouts, icmpSeconds: 77 };
    const text = diff({ ...GATEWAY, timeouts }, await gw().listing());
    expect(text.trim().split("\n")).toHaveLength(6);
    await gw().nft(text);
    pings("vm-b", "198.51.100.2");
    expect(left()["icmp"]).toBeGreaterThan(60);
  });
});

describe.each([
  ["at the host", HOST],
  ["at the gateway", GATEWAY],
])("a public address %s", (_, table) => {
  beforeAll(() => install(table));

  test("is reached and reaches out as itself, and conntrack knows nothing of it", () => {
    expect(sourceOf(ask("client", "tcp", VMS["vm-pub"]))).toBe(`198.51.100.2 from ${VMS["vm-pub"]}`);
    expect(sourceOf(ask("vm-pub", "udp", "198.51.100.2"))).toBe(`${VMS["vm-pub"]} from 198.51.100.2`);
    expect(pings("client", VMS["vm-pub"])).toBe(true);
    expect(tracked()).not.toContain(VMS["vm-pub"]);
  });

  test("may have a floating IP too", async () => {
    await install({
      ...table,
      floating: [{ floating: address(FLOATING), fixed: address(VMS["vm-pub"]), egress: "fixed" }],
    });
    expect(sourceOf(ask("client", "tcp", FLOATING))).toBe(`198.51.100.2 from ${FLOATING}`);
  });
});
