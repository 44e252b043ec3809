import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { describe, expect, test } from "vitest";
import { parseAddress } from "../../bgp/net/text.ts";
import type { Link } from "../../gateway/intent.ts";
import type { Model } from "../../model/model.ts";
import { changeBetween, DhcpServer, mutenessOf, uplinkOf, wantedOf } from "./dhcp-server.ts";

const lines = {
  ranges: ["dhcp-range=set:s,10.65.0.0,static,255.255.255.0,86400"],
  networks: ["10.65.0.0"],
  hosts: new Map([["10.65.0.2", "fa:16:3e:00:00:01,10.65.0.2"]]),
  options: ["tag:s,option:router,10.65.0.1"],
  taps6: new Set(["tap1", "tap2"]),
};
const link = (name: string, up: boolean, ...addresses: string[]): Link => ({
  name,
  index: 1,
  up,
  addresses: addresses.map((address) => ({ address: parseAddress(address)!, length: 24 })),
});
const eth0 = link("eth0", true, "192.0.2.1");
const before = wantedOf(lines, eth0, [eth0, link("tap1", true), link("tap2", false), link("tap3", true)]);

describe("what dnsmasq is told of a change", () => {
  test.each<[string, Partial<typeof lines>, string]>([
    ["nothing is another", {}, "none"],
    ["another instance", { hosts: new Map([...lines.hosts, ["10.65.0.3", "x"]]) }, "reload"],
    ["other options", { options: [] }, "reload"],
    ["an instance less, whose address may become another's", { hosts: new Map() }, "restart"],
    ["an address with another MAC", { hosts: new Map([["10.65.0.2", "x"]]) }, "restart"],
    ["another subnet", { ranges: [...lines.ranges, "dhcp-range=…"] }, "restart"],
  ])("%s", (_name, change, said) => {
    expect(changeBetween(before, { ...before, lines: { ...lines, ...change } })).toBe(said);
  });

  test("another uplink", () => {
    expect(changeBetween(before, { ...before, uplink: "eth1" })).toBe("restart");
  });

  test.each<[string, readonly Link[], string]>([
    ["went: what comes back may have another DUID", [link("tap2", true)], "restart"],
    ["went down", [link("tap1", false)], "restart"],
    ["came", [link("tap1", true), link("tap2", true)], "none"],
    ["stayed, and one went where no DHCPv6 is spoken", [link("tap1", true)], "none"],
  ])("a tap %s", (_name, links, said) => {
    expect(changeBetween(before, wantedOf(lines, eth0, links))).toBe(said);
  });
});

test.each<[string, readonly string[], readonly Link[], boolean]>([
  ["no IPv6 address", ["192.0.2.1"], [link("tap1", true)], true],
  ["one of its link alone", ["192.0.2.1", "fe80::1"], [link("tap1", true)], true],
  ["one that is routed", ["192.0.2.1", "fe80::1", "2001:db8::1"], [link("tap1", true)], false],
  ["one of the site", ["fd00::1"], [link("tap1", true)], false],
  ["none, and nobody to ask", [], [link("tap1", false), link("tap3", true)], false],
])("an uplink with %s", (_name, addresses, links, isMute) => {
  const uplink = link("eth0", true, ...addresses);
  const problem = mutenessOf(wantedOf(lines, uplink, links), uplink);
  expect(problem?.code).toBe(isMute ? "dhcp.mute" : undefined);
});

test.each<[string, readonly [string, boolean, string][], string | undefined]>([
  [
    "the one with the router id",
    [
      ["lo", true, "127.0.0.1"],
      ["a", true, "10.0.0.1"],
      ["b", true, "192.0.2.1"],
    ],
    "b",
  ],
  [
    "else the first one",
    [
      ["lo", true, "127.0.0.1"],
      ["a", true, "10.0.0.1"],
      ["b", true, "10.0.1.1"],
    ],
    "a",
  ],
  [
    "that is up and no tap",
    [
      ["a", false, "192.0.2.1"],
      ["tap1", true, "10.0.0.1"],
      ["b", true, "10.0.1.1"],
    ],
    "b",
  ],
  [
    "none",
    [
      ["lo", true, "127.0.0.1"],
      ["a", true, "2001:db8::1"],
    ],
    undefined,
  ],
])("the uplink is %s", (_name, given, found) => {
  const links = given.map(([name, up, address]) => link(name, up, address));
  const model = {
    bgp: { routerId: parseAddress("192.0.2.1")! },
    ports: [{ interface: "tap1", addresses: [] }],
  } as unknown as Model;
  expect(uplinkOf(model, links)?.name).toBe(found);
});

test("what a gatewayd that was killed has left is ended, also when nobody is to be served any more", async () => {
  const directory = mkdtempSync(join(tmpdir(), "gatewayd-dhcp-"));
  const waits = ["-e", "setInterval(() => undefined, 1000)", join(directory, "dnsmasq.conf")];
  const left = spawn(process.execPath, waits, { stdio: "ignore" });
  const ended = once(left, "exit");
  await once(left, "spawn");
  writeFileSync(join(directory, "pid"), String(left.pid));
  const server = new DhcpServer(directory, pino({ enabled: false }), () => undefined);
  server.want({ ...lines, hosts: new Map() }, eth0, [eth0]);
  expect(await ended).toEqual([null, "SIGKILL"]);
  expect(existsSync(join(directory, "pid"))).toBe(false);
  rmSync(directory, { recursive: true });
});
