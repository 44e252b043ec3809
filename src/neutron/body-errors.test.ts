import { describe } from "vitest";
import { ALICE } from "./testing/cloud.ts";
import { hold, NOBODY, type Row } from "./testing/rows.ts";

const network = (attributes: object) => () => ["POST", "networks", { network: attributes }] as const;
const bad = (message: string) => () => [400, "HTTPBadRequest", message] as const;

const ROWS: readonly Row[] = [
  ["no body", () => ["POST", "networks"], bad("Resource body required")],
  ["a body that is no object", () => ["POST", "networks", 7], bad("Body contains invalid data")],
  [
    "a resource that is no object",
    () => ["POST", "networks", { network: [] }],
    bad("Body contains invalid data"),
  ],
  ["another key", () => ["POST", "networks", { net: {} }], bad("Unable to find 'network' in request body")],
  [
    "a DELETE with a body",
    ({ port }) => ["DELETE", `ports/${port}`, {}],
    bad("Request body is not supported in DELETE."),
  ],
  ["an unknown attribute", network({ foo: 1 }), bad("Unrecognized attribute(s) 'foo'")],
  [
    "__proto__",
    () => ["POST", "networks", { network: JSON.parse('{"__proto__": 1}') }],
    bad("Unrecognized attribute(s) '__proto__'"),
  ],
  [
    "a missing attribute",
    () => ["POST", "ports", { port: {} }],
    bad("Failed to parse request. Required attribute 'network_id' not specified"),
  ],
  ["what POST may not say", network({ status: "UP" }), bad("Attribute 'status' not allowed in POST")],
  [
    "an id that another one has",
    ({ tenant }) => ["POST", "networks", { network: { id: tenant } }],
    ({ tenant }) => [409, "IdInUse", `There is a network with the id ${tenant} already.`],
  ],
  [
    "an id, which admins alone may say",
    network({ id: NOBODY }),
    () => [
      403,
      "PolicyNotAuthorized",
      "(rule:create_network and rule:create_network:id) is disallowed by policy",
    ],
    ALICE,
  ],
  [
    "what PUT may not say",
    ({ inner }) => ["PUT", `subnets/${inner}`, { subnet: { cidr: "10.0.0.0/8" } }],
    bad("Cannot update read-only attribute cidr"),
  ],
  [
    "no UUID",
    () => ["POST", "ports", { port: { network_id: "x" } }],
    bad("Invalid input for network_id. Reason: 'x' is not a valid UUID."),
  ],
  [
    "no address",
    ({ tenant }) => [
      "POST",
      "subnets",
      { subnet: { network_id: tenant, ip_version: 4, cidr: "10.1.0.0/24", gateway_ip: "x" } },
    ],
    bad("Invalid input for gateway_ip. Reason: 'x' is not a valid IP address."),
  ],
  [
    "no subnet",
    ({ tenant }) => ["POST", "subnets", { subnet: { network_id: tenant, ip_version: 4, cidr: "x" } }],
    bad("Invalid input for cidr. Reason: 'x' is not a valid IP subnet."),
  ],
  [
    "a text that is too long",
    network({ name: "n".repeat(256) }),
    bad(`Invalid input for name. Reason: '${"n".repeat(80)}…' exceeds maximum length of 255.`),
  ],
  [
    "no boolean",
    network({ shared: "x" }),
    () => [400, "InvalidInput", "Invalid input for operation: 'x' cannot be converted to boolean."],
  ],
  [
    "a number for a text",
    network({ name: 5 }),
    bad("Invalid input for name. Reason: '5' is not a valid string."),
  ],
  [
    "two projects",
    network({ project_id: "a", tenant_id: "b" }),
    bad("'project_id' and 'tenant_id' do not match"),
  ],
  [
    "another project's id",
    network({ project_id: "bob" }),
    bad(
      "Specifying 'project_id' other than the authenticated project in request is not allowed for the current user.",
    ),
    ALICE,
  ],
  [
    "an admin's attribute",
    network({ "router:external": true }),
    () => [
      403,
      "PolicyNotAuthorized",
      "(rule:create_network and rule:create_network:router:external) is disallowed by policy",
    ],
    ALICE,
  ],
  [
    "a reader who writes",
    network({}),
    () => [403, "PolicyNotAuthorized", "rule:create_network is disallowed by policy"],
    { projectId: "alice", role: "reader" },
  ],
  [
    "another project's object",
    ({ port }) => ["GET", `ports/${port}`],
    () => [404, "HTTPNotFound", "The resource could not be found."],
    ALICE,
  ],
  [
    "a shared one to change",
    ({ tenant }) => ["PUT", `networks/${tenant}`, { network: { name: "mine" } }],
    () => [403, "PolicyNotAuthorized", "rule:update_network is disallowed by policy"],
    ALICE,
  ],
  [
    "a path that is none",
    () => ["GET", "nonsense"],
    () => [404, "HTTPNotFound", "The resource could not be found."],
  ],
  ["an unknown filter", () => ["GET", "networks?foo=1"], bad("['foo'] is invalid attribute for filtering")],
  [
    "an unknown sort key",
    () => ["GET", "networks?sort_key=foo"],
    bad("['foo'] is invalid attribute for sort keys"),
  ],
  [
    "half a sort order",
    () => ["GET", "networks?sort_key=name&sort_key=id&sort_dir=asc"],
    bad("The number of sort_keys and sort_dirs must be same"),
  ],
  ["no limit", () => ["GET", "networks?limit=-1"], bad("Limit must be an integer 0 or greater and not '-1'")],
  [
    "an unknown marker",
    () => ["GET", `networks?limit=1&marker=${NOBODY}`],
    () => [404, "NetworkNotFound", `Network ${NOBODY} could not be found.`],
  ],
];

describe("bodies and attributes", () => {
  hold(ROWS);
});
