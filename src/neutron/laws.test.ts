import fc from "fast-check";
import { expect, test } from "vitest";
import { MemoryStore } from "../store/memory.ts";
import { Fault } from "./fault.ts";
import { Keeper } from "./keeper.ts";
import { ADMIN, countingWorld, site } from "./testing/cloud.ts";
import { broken } from "./testing/invariants.ts";
import { NAMED, request, requestOf, STEP } from "./testing/requests.ts";

test("no sequence of requests gives an address twice or leaves a reference to nothing", () => {
  fc.assert(
    fc.property(fc.array(STEP, { maxLength: 60 }), (steps) => {
      const { cloud } = site();
      for (const step of steps) {
        const [method, path, body] = requestOf(step, cloud.tables);
        const { status } = cloud.ask(method, path, body, step.caller);
        expect(status).toBeLessThan(500);
        expect(broken(cloud.tables)).toEqual([]);
      }
    }),
    { numRuns: 150 },
  );
});

test("no JSON makes a handler fail otherwise than with a fault", () => {
  const paths = ["networks", "subnets", "ports", "routers", "floatingips", "security-group-rules"];
  const names = ["network", "subnet", "port", "router", "floatingip", "security_group_rule"];
  const attributes = fc.constantFrom(
    ...["name", "network_id", "cidr", "ip_version", "fixed_ips", "external_gateway_info", "allocation_pools"],
    ...["port_id", "routes", "mac_address", "allowed_address_pairs", "shared", "gateway_ip", "tenant_id"],
  );
  fc.assert(
    fc.property(fc.nat(5), fc.dictionary(attributes, fc.jsonValue()), fc.boolean(), (kind, given, isPut) => {
      const { cloud, router, port } = site();
      const id = names[kind] === "router" ? router : port;
      const path = isPut ? `${paths[kind]}/${id}` : paths[kind]!;
      expect(cloud.ask(isPut ? "PUT" : "POST", path, { [names[kind]!]: given }).status).toBeLessThan(500);
    }),
  );
});

test("a hundred requests at once, over two processes on one store, get a hundred addresses", async () => {
  const store = new MemoryStore();
  const world = countingWorld();
  const keepers = await Promise.all(
    [0, 1].map(() =>
      Keeper.open(
        store,
        () => world,
        () => {},
      ),
    ),
  );
  const [keeper, other] = keepers as [Keeper, Keeper];
  const made = async (path: string, name: string, attributes: object): Promise<string> => {
    const { body } = await keeper.ask(ADMIN, request("POST", path, { [name]: attributes }));
    return (body as Record<string, { id: string }>)[name]!.id;
  };
  const network_id = await made("networks", "network", { "router:external": true });
  await made("subnets", "subnet", { network_id, ip_version: 4, cidr: "172.16.1.0/24" });
  await keeper.ask(ADMIN, request("PUT", "quotas/admin", { quota: { floatingip: -1 } }));
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, i) =>
      (i % 2 === 0 ? keeper : other).ask(
        ADMIN,
        request("POST", "floatingips", { floatingip: { floating_network_id: network_id } }),
      ),
    ),
  );
  const addresses = answers.map(
    ({ body }) => (body as { floatingip: { floating_ip_address: string } }).floatingip.floating_ip_address,
  );
  expect(new Set(addresses).size).toBe(100);
  expect(broken(other.reading)).toEqual([]);
  for (const each of keepers) each.close();
  await store.close();
});

test("a keeper that begins anew knows what was there", async () => {
  const store = new MemoryStore();
  const first = await Keeper.open(store, countingWorld, () => {});
  await first.ask(ADMIN, request("POST", "networks", { network: { name: "a/b" } }));
  await first.ask(ADMIN, request("PUT", "quotas/a%2Fb", { quota: { port: 1 } }));
  const second = await Keeper.open(store, countingWorld, () => {});
  expect([...second.reading.all("networks")]).toEqual([...first.reading.all("networks")]);
  expect(second.reading.get("quotas", "a%2Fb")?.limits).toEqual({ port: 1 });
});

test("a request is one commit: whoever is killed between any two, and begins anew, finds nothing broken", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(STEP, { minLength: 30, maxLength: 80 }), async (steps) => {
      const store = new MemoryStore();
      const world = countingWorld();
      const open = (): Promise<Keeper> =>
        Keeper.open(
          store,
          () => world,
          () => {},
        );
      const keeper = await open();
      for (const step of steps) {
        const before = keeper.holds.revision;
        const asked = keeper.ask(step.caller, request(...requestOf(step, keeper.reading)));
        await asked.catch((error: unknown) => {
          expect(error).toBeInstanceOf(Fault);
        });
        expect(keeper.holds.revision - before).toBeLessThanOrEqual(1);
        const after = await open();
        expect(broken(after.reading)).toEqual([]);
        for (const name of NAMED)
          expect(new Set(after.reading.all(name))).toEqual(new Set(keeper.reading.all(name)));
        after.close();
      }
      keeper.close();
      await store.close();
    }),
    { numRuns: 20 },
  );
});
