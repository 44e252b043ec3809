import { describe } from "vitest";
import type { View } from "./members.ts";
import { ADMIN, ALICE, BOB, type Cloud, type Site } from "./testing/cloud.ts";
import { hold, NOBODY, type Row } from "./testing/rows.ts";

const pool = (cloud: Cloud, attributes: object = {}, caller = ADMIN): View & { readonly id: string } =>
  cloud.make("subnetpools", "subnetpool", { prefixes: ["10.8.0.0/16"], ...attributes }, caller);
const scope = (cloud: Cloud, attributes: object = {}, caller = ADMIN): string =>
  cloud.make("address-scopes", "address_scope", { ip_version: 4, ...attributes }, caller).id;
const network = (cloud: Cloud): string => cloud.make("networks", "network", {}).id;
const only = (cloud: Cloud): string => [...cloud.tables.all("subnetpools")][0]!.id;
const onlyScope = (cloud: Cloud): string => [...cloud.tables.all("address_scopes")][0]!.id;

const create = (attributes: object) => () =>
  ["POST", "subnetpools", { subnetpool: { prefixes: ["10.8.0.0/16"], ...attributes } }] as const;
const cut = (attributes: (at: Site) => object) => (at: Site) =>
  ["POST", "subnets", { subnet: { ip_version: 4, network_id: at.tenant, ...attributes(at) } }] as const;
const fromPool = (poolAttributes: object, attributes: object) => (at: Site) => {
  const subnetpool_id = pool(at.cloud, poolAttributes).id;
  return cut(() => ({ network_id: network(at.cloud), subnetpool_id, ...attributes }))(at);
};
const badSubnet = (reason: string) => () => [400, "BadRequest", `Bad subnets request: ${reason}.`] as const;
const bounds = (text: string) => () =>
  [400, "IllegalSubnetPoolPrefixBounds", `Illegal prefix bounds: ${text}.`] as const;

const POOLS: readonly Row[] = [
  [
    "an unknown pool",
    () => ["GET", `subnetpools/${NOBODY}`],
    () => [404, "SubnetPoolNotFound", `Subnet pool ${NOBODY} could not be found.`],
  ],
  [
    "somebody else's pool",
    ({ cloud }) => ["GET", `subnetpools/${pool(cloud, {}, ALICE).id}`],
    () => [404, "HTTPNotFound", "The resource could not be found."],
    BOB,
  ],
  [
    "no prefixes",
    () => ["POST", "subnetpools", { subnetpool: {} }],
    () => [400, "HTTPBadRequest", "Failed to parse request. Required attribute 'prefixes' not specified"],
  ],
  [
    "an empty list of prefixes",
    create({ prefixes: [] }),
    () => [400, "EmptySubnetPoolPrefixList", "Empty subnet pool prefix list."],
  ],
  [
    "prefixes of both families",
    create({ prefixes: ["10.8.0.0/16", "2001:db8::/48"] }),
    () => [400, "PrefixVersionMismatch", "Cannot mix IPv4 and IPv6 prefixes in a subnet pool."],
  ],
  [
    "a least length above the greatest",
    create({ min_prefixlen: 26, max_prefixlen: 24 }),
    bounds("min_prefixlen=26, max_prefixlen=24"),
  ],
  [
    "a greatest length that no address has",
    create({ max_prefixlen: 33 }),
    bounds("max_prefixlen=33, ip_version_max=32"),
  ],
  [
    "a default below the least",
    create({ min_prefixlen: 20, default_prefixlen: 18 }),
    bounds("default_prefixlen=18, min_prefixlen=20"),
  ],
  [
    "a default above the greatest",
    create({ max_prefixlen: 24, default_prefixlen: 28 }),
    bounds("default_prefixlen=28, max_prefixlen=24"),
  ],
  [
    "a second default",
    ({ cloud }) => {
      pool(cloud, { is_default: true });
      return create({ is_default: true, prefixes: ["10.9.0.0/16"] })();
    },
    () => [
      400,
      "InvalidInput",
      "Invalid input for operation: A default subnetpool for this IP family has already been set. Only one default may exist per IP family.",
    ],
  ],
  [
    "shared, by a member",
    create({ shared: true }),
    () => [
      403,
      "PolicyNotAuthorized",
      "(rule:create_subnetpool and rule:create_subnetpool:shared) is disallowed by policy",
    ],
    ALICE,
  ],
  [
    "fewer prefixes than before",
    ({ cloud }) => ["PUT", `subnetpools/${pool(cloud).id}`, { subnetpool: { prefixes: ["10.8.0.0/17"] } }],
    () => [
      400,
      "IllegalSubnetPoolPrefixUpdate",
      "Illegal update to prefixes: Existing prefixes must be a subset of the new prefixes.",
    ],
  ],
  [
    "a pool in use",
    ({ cloud }) => {
      const { id } = pool(cloud);
      cloud.make("subnets", "subnet", {
        network_id: network(cloud),
        ip_version: 4,
        subnetpool_id: id,
        prefixlen: 24,
      });
      return ["DELETE", `subnetpools/${id}`];
    },
    () => [
      400,
      "SubnetPoolDeleteError",
      "Unable to delete subnet pool: Subnet pool has existing allocations.",
    ],
  ],
];

const SCOPES: readonly Row[] = [
  [
    "an unknown scope",
    () => ["DELETE", `address-scopes/${NOBODY}`],
    () => [404, "AddressScopeNotFound", `Address scope ${NOBODY} could not be found.`],
  ],
  [
    "a scope in use",
    ({ cloud }) => {
      const id = scope(cloud);
      pool(cloud, { address_scope_id: id });
      return ["DELETE", `address-scopes/${id}`];
    },
    ({ cloud }) => [
      409,
      "AddressScopeInUse",
      `Unable to complete operation on address scope ${onlyScope(cloud)}. There are one or more subnet pools in use on the address scope.`,
    ],
  ],
  [
    "no longer shared",
    ({ cloud }) => [
      "PUT",
      `address-scopes/${scope(cloud, { shared: true })}`,
      { address_scope: { shared: false } },
    ],
    ({ cloud }) => [
      400,
      "AddressScopeUpdateError",
      `Unable to update address scope ${onlyScope(cloud)} : Shared address scope can't be unshared.`,
    ],
  ],
  [
    "shared, by a member",
    () => ["POST", "address-scopes", { address_scope: { ip_version: 4, shared: true } }],
    () => [
      403,
      "PolicyNotAuthorized",
      "(rule:create_address_scope and rule:create_address_scope:shared) is disallowed by policy",
    ],
    ALICE,
  ],
  [
    "a pool in somebody else's",
    ({ cloud }) => create({ address_scope_id: scope(cloud, {}, ALICE) })(),
    ({ cloud }) => [404, "AddressScopeNotFound", `Address scope ${onlyScope(cloud)} could not be found.`],
    BOB,
  ],
  [
    "a pool of the other family",
    ({ cloud }) => {
      const { id } = pool(cloud);
      return [
        "PUT",
        `subnetpools/${id}`,
        { subnetpool: { address_scope_id: scope(cloud, { ip_version: 6 }) } },
      ];
    },
    ({ cloud }) => [
      400,
      "IllegalSubnetPoolIpVersionAssociationToAddressScope",
      `Illegal subnetpool association: subnetpool ${only(cloud)} cannot associate with address scope ${onlyScope(cloud)} because subnetpool ip_version is not 6.`,
    ],
  ],
  [
    "two pools with the same prefix",
    ({ cloud }) => {
      const address_scope_id = scope(cloud);
      pool(cloud, { address_scope_id });
      return create({ address_scope_id, prefixes: ["10.8.9.0/24"] })();
    },
    () => [
      409,
      "AddressScopePrefixConflict",
      "Failed to associate address scope: subnetpools within an address scope must have unique prefixes.",
    ],
  ],
  [
    "a pool that was put in somebody's shared one",
    ({ cloud }) => {
      const address_scope_id = scope(cloud, { shared: true });
      const { id } = pool(cloud, { address_scope_id }, ALICE);
      return ["PUT", `subnetpools/${id}`, { subnetpool: { name: "mine" } }];
    },
    ({ cloud }) => [
      400,
      "IllegalSubnetPoolUpdate",
      `Illegal subnetpool update : subnetpool ${only(cloud)} cannot be updated when associated with shared address scope ${onlyScope(cloud)}.`,
    ],
    ALICE,
  ],
];

const SUBNETS: readonly Row[] = [
  [
    "a prefix and a length",
    fromPool({}, { cidr: "10.8.1.0/24", prefixlen: 24 }),
    badSubnet("cidr and prefixlen must not be supplied together"),
  ],
  [
    "a pool and the default one",
    fromPool({}, { use_default_subnetpool: true }),
    badSubnet("subnetpool_id and use_default_subnetpool cannot both be specified"),
  ],
  [
    "no default pool",
    cut(() => ({ use_default_subnetpool: true })),
    badSubnet("No default subnetpool found for IPv4"),
  ],
  [
    "a pool that there is not",
    cut(() => ({ subnetpool_id: NOBODY })),
    () => [404, "SubnetPoolNotFound", `Subnet pool ${NOBODY} could not be found.`],
  ],
  [
    "a pool of the other family",
    fromPool({ prefixes: ["2001:db8::/48"] }, {}),
    badSubnet("Cannot allocate IPv4 subnet from IPv6 subnet pool"),
  ],
  [
    "ranges in a prefix that is still to be found",
    fromPool({ default_prefixlen: 24 }, { allocation_pools: [{ start: "10.8.0.2", end: "10.8.0.9" }] }),
    badSubnet("allocation_pools allowed only for specific subnet requests"),
  ],
  [
    "longer than the pool gives",
    fromPool({ max_prefixlen: 24 }, { prefixlen: 25 }),
    () => [
      400,
      "MaxPrefixSubnetAllocationError",
      "Unable to allocate subnet with prefix length 25, maximum allowed prefix is 24.",
    ],
  ],
  [
    "shorter than the pool gives",
    fromPool({ min_prefixlen: 20 }, { prefixlen: 18 }),
    () => [
      400,
      "MinPrefixSubnetAllocationError",
      "Unable to allocate subnet with prefix length 18, minimum allowed prefix is 20.",
    ],
  ],
  [
    "more than the pool has",
    fromPool({}, { prefixlen: 12 }),
    () => [
      409,
      "SubnetAllocationError",
      "Failed to allocate subnet: Insufficient prefix space to allocate subnet size /12.",
    ],
  ],
  [
    "a prefix that is not the pool's",
    fromPool({}, { cidr: "10.9.0.0/24" }),
    () => [
      409,
      "SubnetAllocationError",
      "Failed to allocate subnet: Cannot allocate requested subnet from the available set of prefixes.",
    ],
  ],
  [
    "more than the pool gives a project",
    fromPool({ default_quota: 300 }, { prefixlen: 23 }),
    () => [409, "SubnetPoolQuotaExceeded", "Per-tenant subnet pool prefix quota exceeded."],
  ],
  [
    "a network of another pool",
    (at) => cut(() => ({ subnetpool_id: pool(at.cloud).id, prefixlen: 24 }))(at),
    () => [
      400,
      "NetworkSubnetPoolAffinityError",
      "Subnets hosted on the same network must be allocated from the same subnet pool.",
    ],
  ],
  [
    "a network of another scope",
    (at) => {
      const subnetpool_id = pool(at.cloud, { address_scope_id: scope(at.cloud) }).id;
      return cut(() => ({ subnetpool_id, prefixlen: 24 }))(at);
    },
    () => [
      400,
      "NetworkAddressScopeAffinityError",
      "Subnets of the same address family hosted on the same network must all be allocated from the same address scope.",
    ],
  ],
];

describe("subnet pools", () => hold(POOLS));
describe("address scopes", () => hold(SCOPES));
describe("subnets of a pool", () => hold(SUBNETS));
