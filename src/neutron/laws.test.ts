import fc from "fast-check";
import { expect, test } from "vitest";
import { MemoryStore } from "../store/memory.ts";
import { Fault } from "./fault.ts";
import { Keeper } from "./keeper.ts";
import type { ApiRequest } from "./service.ts";
import type { Reading } from "./tables.ts";
import { ADMIN, ALICE, BOB, countingWorld, site } from "./testing/cloud.ts";
import { broken } from "./testing/invariants.ts";

/** One of all ids that there are, of whatever kind: most requests are nonsense, and all must be borne. */
type Pick = (n: number, of?: (typeof NAMED)[number]) => string;

const NAMED = [
  ...(["networks", "subnets", "ports", "routers", "floatingips"] as const),
  ...(["subnetpools", "address_scopes"] as const),
] as const;

const SHAPES: readonly ((pick: Pick, n: number) => readonly [ApiRequest["method"], string, unknown?])[] = [
  () => ["POST", "networks", { network: { "router:external": true } }],
  (pick, n) => [
    "POST",
    "subnets",
    { subnet: { network_id: pick(n), ip_version: 4, cidr: `10.${n % 4}.0.0/29` } },
  ],
  (pick, n) => ["POST", "ports", { port: { network_id: pick(n) } }],
  (pick, n) => [
    "POST",
    "ports",
    { port: { network_id: pick(n), fixed_ips: [{ ip_address: `10.65.0.${n % 9}` }] } },
  ],
  (pick, n) => ["PUT", `ports/${pick(n)}`, { port: { fixed_ips: [{ ip_address: `10.65.0.${n % 9}` }] } }],
  (pick, n) => [
    "POST",
    "subnetpools",
    {
      subnetpool: {
        prefixes: [`10.${n % 4}.0.0/28`],
        address_scope_id: n % 3 === 0 ? pick(n, "address_scopes") : null,
      },
    },
  ],
  () => ["POST", "address-scopes", { address_scope: { ip_version: 4 } }],
  (pick, n) => [
    "POST",
    "subnets",
    {
      subnet: {
        network_id: pick(n, "networks"),
        ip_version: 4,
        subnetpool_id: pick(n >> 3, "subnetpools"),
        prefixlen: 29 + (n % 2),
      },
    },
  ],
  (pick, n) => [
    "PUT",
    `subnetpools/${pick(n, "subnetpools")}/add_prefixes`,
    { prefixes: [`10.${n % 7}.0.0/29`] },
  ],
  (pick, n) => [
    "PUT",
    `subnetpools/${pick(n, "subnetpools")}/remove_prefixes`,
    { prefixes: [`10.${n % 7}.0.0/30`] },
  ],
  (pick, n) => [
    "PUT",
    `subnetpools/${pick(n, "subnetpools")}/onboard_network_subnets`,
    { network_id: pick(n >> 3, "networks") },
  ],
  (pick, n) => [
    "PUT",
    `subnetpools/${pick(n, "subnetpools")}`,
    { subnetpool: { address_scope_id: pick(n >> 3, "address_scopes") } },
  ],
  () => ["POST", "routers", { router: {} }],
  (pick, n) => ["PUT", `routers/${pick(n)}/add_router_interface`, { subnet_id: pick(n >> 3) }],
  (pick, n) => ["PUT", `routers/${pick(n)}/add_router_interface`, { port_id: pick(n >> 3) }],
  (pick, n) => ["PUT", `routers/${pick(n)}/remove_router_interface`, { subnet_id: pick(n >> 3) }],
  (pick, n) => [
    "PUT",
    `routers/${pick(n)}`,
    { router: { external_gateway_info: n % 3 === 0 ? {} : { network_id: pick(n >> 3) } } },
  ],
  (pick, n) => [
    "POST",
    "floatingips",
    { floatingip: { floating_network_id: pick(n), port_id: n % 2 === 0 ? null : pick(n >> 3) } },
  ],
  (pick, n) => [
    "PUT",
    `floatingips/${pick(n)}`,
    { floatingip: { port_id: n % 2 === 0 ? null : pick(n >> 3) } },
  ],
  (pick, n) => [
    "POST",
    `floatingips/${pick(n)}/port_forwardings`,
    {
      port_forwarding: {
        internal_port_id: pick(n >> 3),
        protocol: "tcp",
        internal_port: 1 + (n % 3),
        external_port: 1 + (n % 5),
      },
    },
  ],
  ...[
    ...["networks", "subnets", "ports", "routers", "floatingips", "security-groups"],
    ...["subnetpools", "address-scopes"],
  ].map((path) => (pick: Pick, n: number) => ["DELETE", `${path}/${pick(n)}`] as const),
];

const STEP = fc.record({
  shape: fc.nat(SHAPES.length - 1),
  n: fc.nat(4096),
  caller: fc.constantFrom(ADMIN, ADMIN, ALICE, BOB),
});

const pickOf =
  (reading: Reading): Pick =>
  (at, of) => {
    const ids = (of === undefined ? NAMED : [of]).flatMap((collection) =>
      Array.from<{ readonly id: string }, string>(reading.all(collection), ({ id }) => id),
    );
    return ids[at % Math.max(1, ids.length)] ?? "none";
  };

test("no sequence of requests gives an address twice or leaves a reference to nothing", () => {
  fc.assert(
    fc.property(fc.array(STEP, { maxLength: 60 }), (steps) => {
      const { cloud } = site();
      for (const { shape, n, caller } of steps) {
        const [method, path, body] = SHAPES[shape]!(pickOf(cloud.tables), n);
        const { status } = cloud.ask(method, path, body, caller);
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

const request = (method: ApiRequest["method"], path: string, body?: unknown): ApiRequest => {
  return { method, path: path.split("/"), query: [], body, url: "http://test" };
};

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
      for (const { shape, n, caller } of steps) {
        const before = keeper.holds.revision;
        const [method, path, body] = SHAPES[shape]!(pickOf(keeper.reading), n);
        await keeper.ask(caller, request(method, path, body)).catch((error: unknown) => {
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
