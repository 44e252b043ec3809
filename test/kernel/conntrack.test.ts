import { expect } from "vitest";
import type { Address } from "../../src/bgp/net/address.ts";
import { parseAddress } from "../../src/bgp/net/text.ts";
import type { SessionQuery, SessionsFound } from "../../src/kernel/conntrack/session-commands.ts";
import { kernelTest, useLab } from "./lab.ts";

const here = useLab("conntrack");
const CLIENT = "192.0.2.9";

interface Flow {
  readonly from: string;
  readonly to: string;
  readonly answeredBy: string;
  readonly answersTo: string;
}

function address(text: string): Address {
  const parsed = parseAddress(text);
  if (parsed === undefined) throw new Error(text);
  return parsed;
}

function insert({ from, to, answeredBy, answersTo }: Flow, ports: readonly string[]): void {
  const tuples = ["-s", from, "-d", to, "-r", answeredBy, "-q", answersTo];
  const timeout = ["--timeout", "300"];
  here.lab.run("conntrack", "-I", ...tuples, ...ports, ...timeout);
}

const tcp = (source: number, destination: number): string[] => [
  ...["-p", "tcp", "--sport", `${source}`, "--dport", `${destination}`, "--state", "ESTABLISHED"],
  ...["--reply-port-src", `${destination}`, "--reply-port-dst", `${source}`],
];
const udp = (source: number, destination: number): string[] => [
  ...["-p", "udp", "--sport", `${source}`, "--dport", `${destination}`],
  ...["--reply-port-src", `${destination}`, "--reply-port-dst", `${source}`],
];
const icmp = (id: number): string[] => [
  ...["-p", "icmp", "--icmp-type", "8", "--icmp-code", "0", "--icmp-id", `${id}`],
];

const inbound = (floating: string, fixed: string): Flow => ({
  from: CLIENT,
  to: floating,
  answeredBy: fixed,
  answersTo: CLIENT,
});
const outbound = (floating: string, fixed: string): Flow => ({
  from: fixed,
  to: CLIENT,
  answeredBy: CLIENT,
  answersTo: floating,
});

kernelTest("exactly the entries of one translation are removed, both ways", async () => {
  const gone: readonly [Flow, string[]][] = [
    [inbound("172.16.1.3", "10.65.0.13"), tcp(1000, 80)],
    [inbound("172.16.1.3", "10.65.0.13"), udp(1000, 53)],
    [outbound("172.16.1.3", "10.65.0.13"), tcp(2000, 443)],
    [outbound("172.16.1.3", "10.65.0.13"), icmp(7)],
    // The VM reaches itself by its floating IP.
    [
      { from: "10.65.0.13", to: "172.16.1.3", answeredBy: "10.65.0.13", answersTo: "172.16.1.3" },
      tcp(3000, 80),
    ],
  ];
  const kept: readonly [Flow, string[]][] = [
    [inbound("172.16.1.3", "10.65.0.14"), tcp(1001, 80)],
    [inbound("172.16.1.4", "10.65.0.13"), tcp(1002, 80)],
    [outbound("172.16.1.4", "10.65.0.13"), tcp(2001, 443)],
    [outbound("172.16.1.3", "10.65.0.14"), udp(2002, 53)],
    [{ from: "10.65.0.13", to: CLIENT, answeredBy: CLIENT, answersTo: "10.65.0.13" }, tcp(2003, 443)],
    [{ from: CLIENT, to: "10.65.0.13", answeredBy: "10.65.0.13", answersTo: CLIENT }, tcp(2004, 443)],
  ];
  for (const [flow, ports] of kept) insert(flow, ports);
  const list = (): string[] =>
    here.lab
      .run("conntrack", "-L")
      .trim()
      .split("\n")
      .map((line) => line.replace(/^(\S+\s+\d+) \d+ /, "$1 "))
      .sort();
  const before = list();
  expect(before).toHaveLength(kept.length);
  for (const [flow, ports] of gone) insert(flow, ports);
  const translation = { public: address("172.16.1.3"), private: address("10.65.0.13") };
  expect(await here.kernel.conntrack()).toMatchObject({ count: kept.length + gone.length });
  expect(await here.kernel.forget(translation)).toBe(gone.length);
  expect(list()).toEqual(before);
  expect(await here.kernel.forget(translation)).toBe(0);
});

kernelTest("of a floating IP whose ports are forwarded, exactly those of some ports", async () => {
  here.lab.run("conntrack", "-F");
  const forwarded = inbound("172.16.1.5", "10.65.0.13");
  const kept: readonly [Flow, string[]][] = [
    [forwarded, tcp(1000, 79)],
    [forwarded, tcp(1000, 91)],
    [forwarded, udp(1000, 80)],
    [inbound("172.16.1.5", "10.65.0.14"), tcp(1001, 80)],
    [outbound("172.16.1.5", "10.65.0.13"), tcp(80, 80)],
  ];
  for (const [flow, ports] of kept) insert(flow, ports);
  for (const port of [80, 85, 90]) insert(forwarded, tcp(1000, port));
  const ports = { protocol: "tcp", first: 80, last: 90 } as const;
  const gone = { public: address("172.16.1.5"), private: address("10.65.0.13"), ports };
  expect(await here.kernel.forget(gone)).toBe(3);
  expect(await here.kernel.conntrack()).toMatchObject({ count: kept.length });
  here.lab.run("conntrack", "-F");
});

kernelTest(
  "of a pool address that is gone, the flows of all that left as it, and what came in by it",
  async () => {
    here.lab.run("conntrack", "-F");
    const kept: readonly [Flow, string[]][] = [
      [outbound("198.51.100.11", "10.65.0.13"), tcp(1001, 80)],
      [inbound("172.16.1.3", "10.65.0.13"), udp(1002, 80)],
    ];
    for (const [flow, ports] of kept) insert(flow, ports);
    for (const [last, ports] of [tcp(1003, 80), udp(1004, 80), icmp(7)].entries())
      insert(outbound("198.51.100.10", `10.65.0.${last + 1}`), ports);
    insert(inbound("198.51.100.10", "10.65.0.13"), udp(1005, 80));
    expect(await here.kernel.forget({ public: address("198.51.100.10") })).toBe(4);
    expect(await here.kernel.conntrack()).toMatchObject({ count: kept.length });
    here.lab.run("conntrack", "-F");
  },
);

kernelTest("the mappings of a pool address that is gone go with its flows, and no others", async () => {
  const [gone, stays] = ["198.51.100.10", "198.51.100.11"];
  const pair = (outer: string, port: number, inner = "10.65.0.13"): string =>
    [`add element inet gatewayd mapping { udp . ${inner} . ${port} : ${outer} . ${port} }`]
      .concat(`add element inet gatewayd endpoints { ${outer} . udp . ${port} : ${inner} . ${port} }`)
      .join("\n");
  const map = (name: string, type: string): string =>
    `add map inet gatewayd ${name} { type ${type} : ipv4_addr . inet_service; size 65536; flags dynamic,timeout; }`;
  const there = [pair(gone, 1001), pair(gone, 1002), pair(stays, 1003), pair(gone, 1004)];
  await here.kernel.applyNat(
    [
      ...["add table inet gatewayd", map("mapping", "inet_proto . ipv4_addr . inet_service")],
      ...[map("endpoints", "ipv4_addr . inet_proto . inet_service"), ...there],
      // Another address's by now.
      `add element inet gatewayd mapping { udp . 10.65.0.14 . 1005 : ${stays} . 1005 }`,
      `add element inet gatewayd endpoints { ${gone} . udp . 1005 : 10.65.0.14 . 1005 }`,
    ].join("\n"),
  );
  // Of one of them there is no flow, and of one flow no mapping.
  for (const port of [1001, 1002, 1006]) insert(outbound(gone, "10.65.0.13"), udp(port, 80));
  insert(outbound(gone, "10.65.0.14"), udp(1005, 80));
  insert(outbound(stays, "10.65.0.13"), udp(1003, 80));
  expect(await here.kernel.forget({ public: address(gone) })).toBe(4);
  const keys = (name: string, key: RegExp): (string | undefined)[] =>
    [...here.lab.run("nft", "list", "map", "inet", "gatewayd", name).matchAll(key)]
      .map(([, one]) => one)
      .sort();
  expect(keys("mapping", /udp \. [\d.]+ \. (\d+) :/g)).toEqual(["1003", "1004", "1005"]);
  expect(keys("endpoints", /udp \. (\d+) :/g)).toEqual(["1003", "1004"]);
  here.lab.run("conntrack", "-F");
});

kernelTest("of IPv6 too, exactly those of one translation, both ways", async () => {
  const client = "2001:db8:9::9";
  const came = (to: string, fixed: string): Flow => ({
    ...{ from: client, to, answeredBy: fixed, answersTo: client },
  });
  const left = (fixed: string, as: string): Flow => ({
    ...{ from: fixed, to: client, answeredBy: client, answersTo: as },
  });
  const [outer, inner] = ["2001:db8:a::3", "fd00::13"] as const;
  const kept: readonly [Flow, string[]][] = [
    [came("2001:db8:a::4", inner), tcp(1, 2)],
    [came(outer, "fd00::14"), tcp(2, 2)],
    [left(inner, "2001:db8:a::4"), udp(3, 2)],
    [left("fd00::14", outer), udp(4, 2)],
    [left(inner, inner), tcp(5, 2)],
  ];
  for (const [flow, ports] of kept) insert(flow, ports);
  const list = (): number => here.lab.run("conntrack", "-L", "-f", "ipv6").trim().split("\n").length;
  const before = list();
  insert(came(outer, inner), tcp(6, 2));
  insert(left(inner, outer), udp(7, 2));
  expect(await here.kernel.forget({ public: address(outer), private: address(inner) })).toBe(2);
  expect(list()).toBe(before);
  here.lab.run("conntrack", "-F");
});

kernelTest("of many entries only the wanted ones", async () => {
  const flows = Array.from({ length: 300 }, (_, i) => i);
  for (const i of flows) insert(inbound("172.16.2.1", `10.66.0.${1 + (i % 3)}`), udp(10_000 + i, 53));
  const removed = await here.kernel.forget({ public: address("172.16.2.1"), private: address("10.66.0.2") });
  expect(removed).toBe(100);
  expect(here.lab.run("conntrack", "-L", "-d", "172.16.2.1").trim().split("\n")).toHaveLength(200);
});

kernelTest(
  "sessions that are translated are found by their sides, counted by who has most, and by what is in use",
  async () => {
    here.lab.run("conntrack", "-F");
    for (let i = 0; i < 5; i++) {
      const ports = ["-p", "udp", "--sport", "4000", "--dport", `${i}`, "--reply-port-src", `${i}`];
      insert(outbound("198.51.100.10", "10.65.0.1"), [...ports, "--reply-port-dst", "1500"]);
    }
    insert(outbound("198.51.100.10", "10.65.0.2"), tcp(2000, 443));
    insert(outbound("198.51.100.11", "10.65.0.3"), icmp(77));
    insert(inbound("172.16.1.3", "10.65.0.2"), tcp(1000, 80));
    // Tracked, and not translated.
    insert({ from: CLIENT, to: "10.65.0.9", answeredBy: "10.65.0.9", answersTo: CLIENT }, tcp(2004, 443));
    const wide = { to: "2001:db8::9", answeredBy: "2001:db8::9" };
    insert({ ...wide, from: "fd00::13", answersTo: "2001:db8:a::3" }, udp(5000, 53));
    insert({ ...wide, from: "fd00::14", answersTo: "fd00::14" }, udp(5001, 53));
    const look = (want: "sessions" | "top" | "used", filter = {}, limit = 100): Promise<SessionsFound> =>
      here.kernel.sessions({ want, filter, limit });

    expect(await look("sessions", { public: address("198.51.100.10"), port: 1500 }, 2)).toMatchObject({
      tracked: 9,
      matching: 5,
      complete: true,
      sessions: [
        { private: "10.65.0.1", privatePort: 4000, publicPort: 1500, remote: CLIENT, outbound: true },
        {},
      ],
    });
    const [entering] = (
      await look("sessions", { private: address("10.65.0.2"), protocol: 6, public: address("172.16.1.3") })
    ).sessions;
    expect(entering).toMatchObject({
      outbound: false,
      public: "172.16.1.3",
      publicPort: 80,
      remotePort: 1000,
    });
    expect((await look("sessions", { protocol: 1 })).sessions).toMatchObject([
      { publicPort: 77, private: "10.65.0.3" },
    ]);
    // Of IPv6 too, by itself and among all.
    expect((await look("sessions", { private: address("fd00::13") })).sessions).toMatchObject([
      { private: "fd00::13", privatePort: 5000, public: "2001:db8:a::3", publicPort: 5000, remotePort: 53 },
    ]);
    expect(await look("sessions", { remote: address("2001:db8::9") })).toMatchObject({
      ...{ tracked: 2, matching: 1 },
    });
    expect(await look("sessions", {})).toMatchObject({ tracked: 11, matching: 9 });
    expect((await look("top", {}, 2)).top).toEqual([
      { private: "10.65.0.1", sessions: 5 },
      { private: "10.65.0.2", sessions: 2 },
    ]);
    const { used } = await look("used");
    expect(used.find((use) => use.public === "198.51.100.10")).toEqual({
      public: "198.51.100.10",
      sessions: 6,
      users: 2,
      ports: { icmp: 0, tcp: 1, udp: 1 },
    });
    // Other commands are answered while it looks, and several looks wait for each other.
    const looks = Array.from({ length: 5 }, () => look("top"));
    expect(await here.kernel.conntrack()).toMatchObject({ count: 11 });
    expect((await Promise.all(looks)).map(({ matching }) => matching)).toEqual([9, 9, 9, 9, 9]);
  },
);

kernelTest.each([
  ["another want", { want: "all", filter: {}, limit: 1 }],
  ["no filter", { want: "top", limit: 1 }],
  ["a port too large", { want: "top", filter: { port: 65_536 }, limit: 1 }],
  ["too many", { want: "top", filter: {}, limit: 10_001 }],
])("netd refuses a look with %s", async (_, query) => {
  await expect(here.kernel.sessions(query as unknown as SessionQuery)).rejects.toMatchObject({
    code: "invalid",
  });
});
