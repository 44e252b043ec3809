import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Refusal } from "../../api/answers.ts";
import { load } from "../../config/load.ts";
import type { Model } from "../../model/model.ts";
import { MemoryStore } from "../../store/memory.ts";
import { OwnObjects } from "./own.ts";

const FILE = `
bgp: { asn: 65000, routerId: 192.0.2.1 }
networks: [{ name: public, cidr: 203.0.113.0/24 }]
nat:
  private: [10.65.0.0/16, 10.66.0.0/16]
  pools: [{ name: default, addresses: 198.51.100.10 }]
anycast: [{ name: dns, address: 192.0.2.53 }]
`;

function fileOf(text: string): Model {
  const loaded = load(text, { file: "g.yaml", hostname: "gw1" });
  if (!loaded.ok) throw new TypeError(loaded.errors.map(({ message }) => message).join());
  return loaded.model;
}

let store: MemoryStore;
let file: Model;
let own: OwnObjects;
let changes: number;

const open = (): Promise<OwnObjects> =>
  OwnObjects.open(store, {
    file: () => file,
    model: () => own.extend(file),
    changed: () => {
      changes += 1;
    },
  });

beforeEach(async () => {
  store = new MemoryStore();
  file = fileOf(FILE);
  changes = 0;
  own = await open();
});
afterEach(async () => {
  own.close();
  await store.close();
});

const namesOf = ({ anycast, nat }: Model): string[] => [...anycast, ...nat.pools].map(({ name }) => name);

async function refused(done: () => Promise<unknown>): Promise<string> {
  try {
    await done();
  } catch (error) {
    if (error instanceof Refusal) return `${error.detail.code} ${error.message}`;
    throw error;
  }
  return "";
}

const POOL = { addresses: ["198.51.100.40"], private: ["10.66.0.0/16"] };

test("what is made is part of the model, kept, shared and deleted", async () => {
  expect(await own.put("pools", "second", POOL)).toBe(true);
  expect(await own.put("pools", "second", { ...POOL, ports: "2000-3000" })).toBe(false);
  expect(await own.put("anycast", "ntp", { address: "192.0.2.54", members: ["10.65.0.20"] })).toBe(true);
  expect(namesOf(own.extend(file))).toEqual(["dns", "ntp", "default", "second"]);
  expect(own.extend(file)).toBe(own.extend(file));
  expect(own.list("pools")).toEqual([
    { name: "default", origin: "file" },
    { name: "second", origin: "api", definition: { ...POOL, ports: "2000-3000" } },
  ]);
  expect(changes).toBeGreaterThan(3);
  const other = await open();
  expect(namesOf(other.extend(file))).toEqual(["dns", "ntp", "default", "second"]);
  await other.remove("pools", "second");
  await expect.poll(() => namesOf(own.extend(file))).toEqual(["dns", "ntp", "default"]);
  other.close();
});

describe("what is refused changes nothing", () => {
  test.each<["anycast" | "pools", string, unknown, string]>([
    ["pools", "p", 7, "object.invalid a JSON object is expected"],
    ["pools", "p", { name: "p", ...POOL }, "object.invalid the path says the name already"],
    ["pools", "p", {}, "object.invalid addresses: missing"],
    ["pools", "p", { addresses: ["198.51.100.999"] }, "object.invalid addresses[0]: expected"],
    ["pools", "p", { ...POOL, port: "1-2" }, "object.invalid port: unknown key"],
    ["pools", "a/b", POOL, "object.invalid name: expected a name"],
    ["pools", "router-1", POOL, "object.invalid router-1 is a name of what objects make"],
    ["anycast", "shared-1", { address: "192.0.2.1" }, "object.invalid shared-1 is a name"],
    ["pools", "default", POOL, "object.ofFile default stands in gateway.yaml"],
    ["pools", "p", { addresses: ["198.51.100.10"] }, "object.conflict 198.51.100.10"],
    ["pools", "p", { addresses: ["203.0.113.7"] }, "object.conflict 203.0.113.7"],
    ["pools", "p", { ...POOL, private: ["172.16.0.0/12"] }, "object.conflict 172.16.0.0/12 is in no range"],
    ["anycast", "a", { address: "192.0.2.53" }, "object.conflict 192.0.2.53"],
    [
      "anycast",
      "a",
      { address: "192.0.2.54", health: { type: "tcp", port: 0 } },
      "object.invalid health.port",
    ],
  ])("%s %s %j", async (kind, name, definition, said) => {
    const before = own.extend(file);
    expect(await refused(() => own.put(kind, name, definition).then(() => undefined))).toContain(said);
    expect(own.extend(file)).toBe(before);
  });

  test("neither is what there is not, or the file has", async () => {
    expect(await refused(() => own.remove("pools", "nothing"))).toContain("object.unknown");
    expect(await refused(() => own.remove("anycast", "dns"))).toContain("object.ofFile");
  });
});

describe("a pool that sources go out by is neither deleted nor changed away", () => {
  const OTHERS = "object.conflict first is in use: no pool serves 10.65.0.0-10.65.255.255 of nat.private";
  beforeEach(async () => {
    file = fileOf(FILE.replace(/ {2}pools: .*\n/, ""));
    await own.put("pools", "first", { addresses: ["198.51.100.41"] });
    await own.put("pools", "second", POOL);
  });
  test("as long as no other serves them", async () => {
    expect(await refused(() => own.remove("pools", "first"))).toBe(OTHERS);
    expect(namesOf(own.extend(file))).toEqual(["dns", "first", "second"]);
    for (const more of [{ private: ["10.66.1.0/24"] }, { draining: true }]) {
      const changed = { addresses: ["198.51.100.41"], ...more };
      expect(await refused(() => own.put("pools", "first", changed))).toMatch(
        /^object\.conflict no pool serves /,
      );
    }
  });
  test("and is, when the others do, or there is no pool left to hold to its rules", async () => {
    await own.remove("pools", "second");
    await own.remove("pools", "first");
    expect(namesOf(own.extend(file))).toEqual(["dns"]);
  });
});

test("a file that takes an address or a name has it, and the object is told to be left out", async () => {
  await own.put("pools", "second", POOL);
  await own.put("anycast", "ntp", { address: "192.0.2.54" });
  file = fileOf(FILE.replace("address: 192.0.2.53", "address: 192.0.2.54"));
  expect(namesOf(own.extend(file))).toEqual(["dns", "default", "second"]);
  expect(own.problems()).toMatchObject([{ code: "object.leftOut", subject: "anycast ntp" }]);
  file = fileOf(FILE.replace("name: default", "name: second"));
  expect(namesOf(own.extend(file))).toEqual(["dns", "ntp", "second"]);
  expect(own.problems()).toMatchObject([{ code: "object.leftOut", subject: "pools second" }]);
  expect(own.list("pools")).toEqual([{ name: "second", origin: "file" }]);
  file = fileOf(FILE);
  expect(namesOf(own.extend(file))).toEqual(["dns", "ntp", "default", "second"]);
  expect(own.problems()).toEqual([]);
});

test("of two gateways that write at once, one sees what the other has made", async () => {
  const other = await open();
  const results = await Promise.all([
    refused(() => own.put("anycast", "a", { address: "192.0.2.60" })),
    refused(() => other.put("anycast", "b", { address: "192.0.2.60" })),
  ]);
  expect(results.filter((said) => said === "")).toHaveLength(1);
  expect(results.join("")).toContain("object.conflict");
  other.close();
});

test("what this gateway does not understand is left alone", async () => {
  await store.commit({ put: [{ key: "/v1/gateway/pools/later", value: '{"unheardOf":1}' }] });
  await store.commit({ put: [{ key: "/v1/gateway/tunnels/x", value: "{}" }] });
  await own.put("pools", "second", POOL);
  expect(own.list("pools").map(({ name }) => name)).toEqual(["default", "second"]);
});
