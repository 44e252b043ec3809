import { afterEach, expect } from "vitest";
import { eventually, kernelTest, readAll, useLab } from "./lab.ts";
import { link, prefix, route } from "./sample.ts";

const here = useLab("nat");

const TABLE = `table inet gatewayd {
	map floating {
		type ipv4_addr : ipv4_addr
		elements = { 172.16.1.3 : 10.65.0.13 }
	}

	chain inbound {
		type nat hook prerouting priority dstnat; policy accept;
		dnat ip to ip daddr map @floating
	}
}
`;

afterEach(async () => {
  if ((await readAll(here.kernel)).nat !== undefined)
    await here.kernel.applyNat("delete table inet gatewayd");
});

kernelTest("what was applied is listed as nft lists it; without a table there is nothing", async () => {
  expect((await readAll(here.kernel)).nat).toBeUndefined();
  await here.kernel.applyNat(TABLE);
  const { nat } = await readAll(here.kernel);
  expect(nat).toBe(here.lab.run("nft", "-s", "list", "table", "inet", "gatewayd"));
  expect(nat).toContain("172.16.1.3 : 10.65.0.13");
});

kernelTest("a transaction is done whole or not at all, and says what was wrong", async () => {
  await here.kernel.applyNat(TABLE);
  const before = (await readAll(here.kernel)).nat;
  await expect(
    here.kernel.applyNat(
      "add element inet gatewayd floating { 172.16.1.4 : 10.65.0.14 }\nadd element inet gatewayd nowhere { 1.1.1.1 : 2.2.2.2 }\n",
    ),
  ).rejects.toMatchObject({ code: "refused", message: expect.stringContaining("No such file or directory") });
  expect((await readAll(here.kernel)).nat).toBe(before);
});

kernelTest("text that names another table is refused before nftables sees it", async () => {
  here.lab.run("nft", "add table inet other");
  await expect(here.kernel.applyNat("delete table inet other")).rejects.toMatchObject({ code: "invalid" });
  await expect(here.kernel.applyNat("flush ruleset")).rejects.toMatchObject({ code: "invalid" });
  expect(here.lab.run("nft", "list", "tables")).toContain("table inet other");
  here.lab.run("nft", "delete table inet other");
});

kernelTest("a map of 50 000 floating IPs is applied and listed", async () => {
  await here.kernel.applyNat(TABLE);
  const elements = Array.from(
    { length: 50_000 },
    (_, i) => `100.64.${i >> 8}.${i & 255} : 10.1.${i >> 8}.${i & 255}`,
  );
  await here.kernel.applyNat(`add element inet gatewayd floating { ${elements.join(", ")} }`);
  expect((await readAll(here.kernel)).nat?.match(/100\.64\./g)).toHaveLength(50_000);
});

kernelTest("what others change is told, what we change is not", async () => {
  const told: string[] = [];
  const stop = here.kernel.onDrift((what) => told.push(...what));
  try {
    await here.kernel.applyNat(TABLE);
    await here.kernel.applyNat("add element inet gatewayd floating { 172.16.1.9 : 10.65.0.19 }");
    await here.kernel.putRoutes([route("198.51.100.1/32", link("d0"))]);
    await here.kernel.putRoutes([route("198.51.100.1/32", link("d1"))]);
    await here.kernel.removeRoutes([prefix("198.51.100.1/32")]);
    here.lab.run("nft", "add table inet other; delete table inet other");
    here.lab.ip("route", "add", "192.0.2.0/24", "dev", "d0");
    here.lab.ip("route", "del", "192.0.2.0/24");
    // The events of one socket come in order: the first that is told is this one, and nothing before it.
    here.lab.run("nft", "delete element inet gatewayd floating { 172.16.1.9 }");
    await eventually("the foreign change is told", () => told.length > 0);
    expect(told).toEqual(["nat"]);
    told.length = 0;
    await here.kernel.putRoutes([route("198.51.100.1/32", link("d0"))]);
    here.lab.ip("route", "del", "198.51.100.1/32");
    await eventually("the foreign change is told", () => told.length > 0);
    expect(told).toEqual(["routes"]);
    expect((await readAll(here.kernel)).routes).toEqual([]);
    told.length = 0;
    here.lab.run("nft", "flush", "ruleset");
    await eventually("the flush is told", () => told.length > 0);
    expect(told).toEqual(["nat"]);
  } finally {
    stop();
  }
});

kernelTest("the chain of the limits is listed with its counters, and only while it is there", async () => {
  expect(await here.kernel.limited()).toBeUndefined();
  await here.kernel.applyNat(
    "add table inet gatewayd\nadd chain inet gatewayd limited\nadd rule inet gatewayd limited counter drop\n",
  );
  expect(await here.kernel.limited()).toContain("counter packets 0 bytes 0 drop");
  // What is listed to be compared has none.
  expect((await readAll(here.kernel)).nat).not.toContain("packets");
});

kernelTest("what nobody else changed since it was listed need not be listed again", async () => {
  const found = async (): Promise<string> => (await here.kernel.read(() => undefined, true)).is;
  await here.kernel.applyNat(TABLE);
  await readAll(here.kernel);
  expect(await found()).toBe("known");
  await here.kernel.applyNat("add element inet gatewayd floating { 172.16.1.9 : 10.65.0.19 }");
  expect(await found()).toBe("known");
  // What is refused changes nothing, but of that nobody can be sure.
  await expect(here.kernel.applyNat("add element inet gatewayd nowhere { 1.1.1.1 }")).rejects.toThrow();
  expect([await found(), await found()]).toEqual(["listed", "known"]);
  here.lab.run("nft", "add element inet gatewayd floating { 172.16.1.10 : 10.65.0.20 }");
  expect([await found(), await found()]).toEqual(["listed", "known"]);
  here.lab.run("nft", "add element inet gatewayd floating { 172.16.1.11 : 10.65.0.21 }");
  await here.kernel.applyNat("add element inet gatewayd floating { 172.16.1.12 : 10.65.0.22 }");
  expect([await found(), await found()]).toEqual(["listed", "known"]);
});
