import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { contains, ipv4, overlaps, type Prefix, prefixOf } from "../bgp/net/address.ts";
import { formatPrefix } from "../bgp/net/text.ts";
import { storedPrefix } from "./addresses.ts";
import { freeIn, merged } from "./prefix-space.ts";
import { ADMIN, ALICE, Cloud } from "./testing/cloud.ts";

const network = (cloud: Cloud, caller = ADMIN): string => cloud.make("networks", "network", {}, caller).id;

test("a pool keeps its prefixes merged, and has lengths of its own", () => {
  const cloud = new Cloud();
  const prefixes = ["10.8.1.0/24", "10.8.0.0/24", "10.8.0.128/25", "10.9.0.0/24"];
  expect(cloud.make("subnetpools", "subnetpool", { prefixes })).toMatchObject({
    prefixes: ["10.8.0.0/23", "10.9.0.0/24"],
    ip_version: 4,
    min_prefixlen: 8,
    default_prefixlen: 8,
    max_prefixlen: 32,
    default_quota: null,
    is_default: false,
    shared: false,
  });
  expect(cloud.make("subnetpools", "subnetpool", { prefixes: ["2001:db8::/48"] })).toMatchObject({
    ip_version: 6,
    min_prefixlen: 64,
    max_prefixlen: 128,
  });
});

describe("a subnet of a pool", () => {
  const pool = (cloud: Cloud, attributes: object = {}): string =>
    cloud.make("subnetpools", "subnetpool", {
      prefixes: ["10.8.0.0/16"],
      default_prefixlen: 24,
      shared: true,
      ...attributes,
    }).id;

  test("takes the first prefix of the pool's length, or one that it names, and gives it back", () => {
    const cloud = new Cloud();
    const subnetpool_id = pool(cloud);
    const subnet = (attributes: object = {}): { readonly id: string; readonly cidr: unknown } => {
      const made = cloud.make("subnets", "subnet", {
        network_id: network(cloud),
        ip_version: 4,
        subnetpool_id,
        ...attributes,
      });
      return { id: made.id, cidr: made["cidr"] };
    };
    const first = subnet();
    expect([first.cidr, subnet({ prefixlen: 26 }).cidr, subnet({ cidr: "10.8.9.0/24" }).cidr]).toEqual([
      "10.8.0.0/24",
      "10.8.1.0/26",
      "10.8.9.0/24",
    ]);
    // The smallest piece that is large enough is cut, so that large ones stay whole.
    expect(subnet({ prefixlen: 26 }).cidr).toBe("10.8.1.64/26");
    cloud.ask("DELETE", `subnets/${first.id}`);
    expect(subnet().cidr).toBe("10.8.0.0/24");
  });

  test("may be of the default pool, and its network is in the pool's scope", () => {
    const cloud = new Cloud();
    const address_scope_id = cloud.make("address-scopes", "address_scope", {
      ip_version: 4,
      shared: true,
    }).id;
    const id = pool(cloud, { is_default: true, address_scope_id });
    const network_id = network(cloud, ALICE);
    const made = cloud.make(
      "subnets",
      "subnet",
      { network_id, ip_version: 4, use_default_subnetpool: true },
      ALICE,
    );
    expect(made).toMatchObject({ cidr: "10.8.0.0/24", subnetpool_id: id, gateway_ip: "10.8.0.1" });
    expect(made).not.toHaveProperty("use_default_subnetpool");
    expect(cloud.ask("GET", `networks/${network_id}`, undefined, ALICE).body["network"]).toMatchObject({
      ipv4_address_scope: address_scope_id,
      ipv6_address_scope: null,
    });
    // Another pool of the same scope may serve the same network.
    const beside = pool(cloud, { prefixes: ["10.7.0.0/16"], address_scope_id });
    expect(
      cloud.make("subnets", "subnet", { network_id, ip_version: 4, subnetpool_id: beside })["cidr"],
    ).toBe("10.7.0.0/24");
  });

  test("counts against what the pool gives each project", () => {
    const cloud = new Cloud();
    const subnetpool_id = pool(cloud, { default_quota: 512 });
    const subnet = (caller = ADMIN): number =>
      cloud.ask(
        "POST",
        "subnets",
        { subnet: { network_id: network(cloud, caller), ip_version: 4, subnetpool_id } },
        caller,
      ).status;
    expect([subnet(), subnet(), subnet(), subnet(ALICE)]).toEqual([201, 201, 409, 201]);
  });
});

/** Of a small space, so that they often meet. */
const small = fc
  .record({ host: fc.nat(255), length: fc.integer({ min: 24, max: 32 }) })
  .map(({ host, length }) => storedPrefix(`10.8.0.${host}/${length}`));
const hostsOf = (prefixes: readonly Prefix[]): Set<number> => {
  const hosts = new Set<number>();
  for (const { w0, length } of prefixes) {
    for (let i = 0; i < 2 ** (32 - length); i++) hosts.add((w0 & 255) + i);
  }
  return hosts;
};

describe("lists of prefixes are sets of addresses", () => {
  test("merging keeps the set, and leaves nothing to be merged", () => {
    fc.assert(
      fc.property(fc.array(small, { maxLength: 12 }), (prefixes) => {
        const fewer = merged(prefixes);
        expect([...hostsOf(fewer)].sort()).toEqual([...hostsOf(prefixes)].sort());
        expect(merged(fewer.toReversed()).map(formatPrefix)).toEqual(fewer.map(formatPrefix));
      }),
    );
  });

  test("what is free is the whole less what is taken", () => {
    const whole = storedPrefix("10.8.0.0/24");
    fc.assert(
      fc.property(fc.array(small, { maxLength: 12 }), (taken) => {
        const free = [...freeIn(whole, taken)];
        const used = hostsOf(taken);
        const left = [...hostsOf([whole])].filter((host) => !used.has(host));
        expect([...hostsOf(free)].sort()).toEqual(left.sort());
        expect(free.every((prefix) => contains(whole, prefix))).toBe(true);
        expect(free.some((prefix) => taken.some((one) => overlaps(one, prefix)))).toBe(false);
      }),
    );
  });
});

const made = (): { cloud: Cloud; pool: string; net: string; subnets: readonly string[] } => {
  const cloud = new Cloud();
  const net = network(cloud, ALICE);
  const subnets = ["10.20.0.0/24", "10.30.0.0/24", "2001:db8:1::/64"].map(
    (cidr) =>
      cloud.make(
        "subnets",
        "subnet",
        { network_id: net, cidr, ip_version: cidr.includes(":") ? 6 : 4 },
        ALICE,
      ).id,
  );
  const pool = cloud.make("subnetpools", "subnetpool", { prefixes: ["10.8.0.0/16"] }, ALICE).id;
  return { cloud, pool, net, subnets };
};
const onboard = (pool: string): string => `subnetpools/${pool}/onboard_network_subnets`;

test("subnets of a network are taken into a pool: those of its family, and the pool grows by them", () => {
  const { cloud, pool, net, subnets } = made();
  const [first, second, other] = subnets;
  expect(cloud.ask("PUT", onboard(pool), { network_id: net }, ALICE)).toEqual({
    status: 200,
    body: [
      { id: first, cidr: "10.20.0.0/24" },
      { id: second, cidr: "10.30.0.0/24" },
    ],
  });
  const poolOf = (id: string | undefined): unknown =>
    (cloud.ask("GET", `subnets/${id}`).body["subnet"] as { subnetpool_id: unknown }).subnetpool_id;
  expect([first, second, other].map(poolOf)).toEqual([pool, pool, null]);
  expect(cloud.ask("GET", `subnetpools/${pool}`).body["subnetpool"]).toMatchObject({
    prefixes: ["10.8.0.0/16", "10.20.0.0/24", "10.30.0.0/24"],
  });
  // From now on the pool gives out neither of them again, and they are the network's way to more of it.
  const more = { network_id: net, ip_version: 4, subnetpool_id: pool, cidr: "10.30.0.0/24" };
  expect(cloud.ask("POST", "subnets", { subnet: more }, ALICE).status).toBe(409);
  expect(cloud.ask("POST", "subnets", { subnet: { ...more, cidr: "10.8.1.0/24" } }, ALICE).status).toBe(201);
});

const PLACE = fc
  .tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 16, max: 24 }))
  .map(([third, length]) => formatPrefix(prefixOf(ipv4((10 << 24) | (8 << 16) | (third << 8)), length)));

test("prefixes are put into a pool and taken out: it holds what was put in and not taken out since, and its subnets", () => {
  const step = fc.record({
    verb: fc.constantFrom("add", "remove"),
    prefixes: fc.array(PLACE, { minLength: 1, maxLength: 3 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const { cloud, pool } = made();
      const isIn = (prefixes: readonly string[], nth: number): boolean =>
        prefixes.some((text) => contains(storedPrefix(text), ipv4((10 << 24) | (8 << 16) | (nth << 8) | 1)));
      const subnet = { ip_version: 4, subnetpool_id: pool, cidr: "10.8.9.0/24" };
      const cut = cloud.make("subnets", "subnet", { ...subnet, network_id: network(cloud, ALICE) }, ALICE);
      const held = Array.from({ length: 256 }, () => true);
      for (const { verb, prefixes } of steps) {
        const { status } = cloud.ask("PUT", `subnetpools/${pool}/${verb}_prefixes`, { prefixes }, ALICE);
        const wanted = held.map((was, nth) => (isIn(prefixes, nth) ? verb === "add" : was));
        const isRefused = verb === "remove" && (isIn(prefixes, 9) || !wanted.includes(true));
        expect(status).toBe(isRefused ? 400 : 200);
        if (!isRefused) held.splice(0, held.length, ...wanted);
      }
      const kept = cloud.tables.get("subnetpools", pool)!.prefixes;
      expect(held.map((_, nth) => isIn(kept, nth))).toEqual(held);
      expect(isIn(kept, 9)).toBe(true);
      expect(cut["subnetpool_id"]).toBe(pool);
    }),
    { numRuns: 50 },
  );
});

test.each<[string, "add" | "remove", unknown, string, string]>([
  ["none", "add", { prefixes: [] }, "HTTPBadRequest", "Request body contains invalid data"],
  ["no body", "remove", undefined, "HTTPBadRequest", "Request body contains invalid data"],
  ["text", "remove", { prefixes: ["x"] }, "HTTPBadRequest", "'x' is not a valid IP subnet"],
  ["the other family", "add", { prefixes: ["2001:db8::/48"] }, "PrefixVersionMismatch", "Cannot mix IPv4"],
  ["all that there is", "remove", { prefixes: ["10.0.0.0/8"] }, "EmptySubnetPoolPrefixList", "Empty subnet"],
])("prefixes of a pool are left as they are: %s", (_, verb, body, type, text) => {
  const { cloud, pool } = made();
  const said = cloud.said("PUT", `subnetpools/${pool}/${verb}_prefixes`, body, ALICE);
  expect(said).toEqual({ status: 400, type, message: expect.stringContaining(text) });
  expect(cloud.tables.get("subnetpools", pool)!.prefixes).toEqual(["10.8.0.0/16"]);
});

test("pieces taken out of prefixes are no way to a pool without bounds", () => {
  const { cloud } = made();
  const { id } = cloud.make("subnetpools", "subnetpool", { prefixes: ["2001:db8::/32"] }, ALICE);
  const prefixes = Array.from({ length: 4 }, (_, nth) => `2001:db8:${nth}:1::1/128`);
  const said = cloud.said("PUT", `subnetpools/${id}/remove_prefixes`, { prefixes }, ALICE);
  expect(said).toMatchObject({ status: 400, message: expect.stringContaining("more than 256 items") });
});

test.each<[string, (place: ReturnType<typeof made>) => unknown, number, string]>([
  ["no network", () => ({}), 400, "Invalid input for operation: network_id must be specified.."],
  [
    "no id",
    () => ({ network_id: "calico" }),
    400,
    "Invalid input for network_id. Reason: 'calico' is not a valid UUID.",
  ],
  [
    "an unknown one",
    () => ({ network_id: "00000000-0000-4000-8000-0000000000ff" }),
    404,
    "Network 00000000-0000-4000-8000-0000000000ff could not be found.",
  ],
  [
    "a shared one of somebody else",
    ({ cloud }) => ({ network_id: cloud.make("networks", "network", { shared: true }).id }),
    403,
    "rule:update_network is disallowed by policy",
  ],
  [
    "what the pool has given already",
    ({ cloud, pool, net }) => {
      cloud.ask("PUT", onboard(pool), { network_id: net }, ALICE);
      return { network_id: net };
    },
    400,
    "conflicts with allocated prefixes in subnet pool",
  ],
  ["no body", () => undefined, 400, "Resource body required"],
])("what is not taken into a pool: %s", (_, bodyOf, status, text) => {
  const place = made();
  const { cloud, pool } = place;
  const body = bodyOf(place);
  const before = cloud.ask("GET", `subnetpools/${pool}`).body;
  const said = cloud.said("PUT", onboard(pool), body, ALICE);
  expect([said.status, said.message]).toEqual([status, expect.stringContaining(text)]);
  expect(cloud.ask("GET", `subnetpools/${pool}`).body).toEqual(before);
});
