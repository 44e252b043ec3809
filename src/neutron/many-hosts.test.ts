/** A site of a thousand hosts on one store: what each of them takes for its own. */

import { expect, test } from "vitest";
import type { Model } from "../model/model.ts";
import { MemoryStore } from "../store/memory.ts";
import { Keeper } from "./keeper.ts";
import { ADMIN, countingWorld } from "./testing/cloud.ts";
import { withObjects } from "./wanted.ts";

const HOSTS = 1000;

const fileOf = (hostname: string): Model =>
  ({
    role: "compute",
    hostname,
    networks: [],
    nat: { private: [], except: [], pools: [] },
    floatingIps: [],
    anycast: [],
    ports: [],
  }) as unknown as Model;

test("a port is the one host's that it is bound to, and on all thousand at once another's when it moves", async () => {
  const store = new MemoryStore();
  const world = countingWorld();
  let told = 0;
  const keepers: Keeper[] = [];
  for (let i = 0; i < HOSTS; i++)
    keepers.push(
      await Keeper.open(
        store,
        () => world,
        () => told++,
      ),
    );
  const change = async (method: "POST" | "PUT", path: string, name: string, attributes: object) => {
    // Any of them may be asked.
    const asked = keepers[told % HOSTS]!;
    const request = { method, path: path.split("/"), query: [], body: { [name]: attributes }, url: "" };
    const { body } = await asked.ask(ADMIN, request);
    await new Promise((resolve) => setImmediate(resolve));
    return (body as Record<string, { readonly id: string }>)[name]!.id;
  };
  const network_id = await change("POST", "networks", "network", {});
  await change("POST", "subnets", "subnet", { network_id, ip_version: 4, cidr: "10.65.0.0/16" });
  for (const at of [0, 1, 1, 500, 999]) {
    await change("POST", "ports", "port", { network_id, "binding:host_id": `host${at}` });
  }
  const hosts = (): number[] =>
    keepers.flatMap(({ reading }, at) =>
      withObjects(fileOf(`host${at}`), reading, "floating").ports.map(() => at),
    );
  expect(hosts()).toEqual([0, 1, 1, 500, 999]);
  const before = told;
  const [moved] = [...keepers[7]!.reading.by("ports", "host", "host999")];
  await change("PUT", `ports/${moved!.id}`, "port", { "binding:host_id": "host7" });
  expect(hosts()).toEqual([0, 1, 1, 7, 500]);
  expect(told - before).toBe(HOSTS);
  for (const keeper of keepers) keeper.close();
});
