import { describe, expect, test } from "vitest";
import { parseAddress } from "../../bgp/net/text.ts";
import type { Link } from "../../gateway/intent.ts";
import type { Model } from "../../model/model.ts";
import { changeBetween, uplinkOf } from "./dhcp-server.ts";

const lines = {
  ranges: ["dhcp-range=set:s,10.65.0.0,static,255.255.255.0,86400"],
  networks: ["10.65.0.0"],
  hosts: new Map([["10.65.0.2", "fa:16:3e:00:00:01,10.65.0.2"]]),
  options: ["tag:s,option:router,10.65.0.1"],
};
const before = { lines, uplink: "eth0" };

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
  const links: Link[] = given.map(([name, up, address], i) => ({
    name,
    index: i + 1,
    up,
    addresses: [{ address: parseAddress(address)!, length: 24 }],
  }));
  const model = {
    bgp: { routerId: parseAddress("192.0.2.1")! },
    ports: [{ interface: "tap1", addresses: [] }],
  } as unknown as Model;
  expect(uplinkOf(model, links)).toBe(found);
});
