/** Random requests, and what each is of what there is. */

import fc from "fast-check";
import type { Caller } from "../caller.ts";
import type { ApiRequest } from "../service.ts";
import type { Reading } from "../tables.ts";
import { ADMIN, ALICE, BOB } from "./cloud.ts";

/** One of all ids that there are, of whatever kind: most requests are nonsense, and all must be borne. */
type Pick = (n: number, of?: (typeof NAMED)[number]) => string;

/** Method, path and body. */
type Asking = readonly [ApiRequest["method"], string, unknown?];

export const NAMED = [
  "networks",
  "subnets",
  "ports",
  "routers",
  "floatingips",
  "subnetpools",
  "address_scopes",
] as const;

const SHAPES: readonly ((pick: Pick, n: number) => Asking)[] = [
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

/** One request, but for what it picks of what there is. */
export interface Step {
  readonly shape: number;
  readonly n: number;
  readonly caller: Caller;
}

export const STEP: fc.Arbitrary<Step> = fc.record({
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

/** What a step asks, of what there is by then. */
export const requestOf = ({ shape, n }: Step, reading: Reading): Asking => SHAPES[shape]!(pickOf(reading), n);

export const request = (method: ApiRequest["method"], path: string, body?: unknown): ApiRequest => {
  return { method, path: path.split("/"), query: [], body, url: "http://test" };
};
