/** The model that is kept up is, after any requests, the one that is made anew. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Model } from "../model/model.ts";
import { KeptModel } from "./kept-model.ts";
import { answerTo } from "./service.ts";
import { Draft } from "./tables.ts";
import { ADMIN, type Site, site } from "./testing/cloud.ts";
import { withObjects } from "./wanted.ts";

const file = (role: Model["role"], hostname: string): Model =>
  ({
    role,
    hostname,
    networks: [],
    nat: { private: [], except: [], pools: [] },
    floatingIps: [],
    anycast: [],
    ports: [],
  }) as unknown as Model;

const HOSTS = ["gw1", "host1", ""] as const;
const LISTED = ["floatingips", "ports", "routers"] as const;

/** One request, made up when those before are done: the numbers choose among what there is. */
type Step = readonly [kind: number, which: number, other: number];

interface Request {
  readonly method: "POST" | "PUT" | "DELETE";
  readonly path: string;
  readonly body?: object;
}

function requestOf(at: Site, [kind, which, other]: Step): Request | undefined {
  const ids = Object.fromEntries(
    LISTED.map((collection) => [collection, [...at.cloud.tables.all(collection)].map(({ id }) => id)]),
  ) as Record<(typeof LISTED)[number], string[]>;
  const pick = (list: readonly string[], n: number): string | undefined => list[n % Math.max(1, list.length)];
  const instances = [...at.cloud.tables.all("ports")]
    .filter((p) => p.device_owner === "")
    .map(({ id }) => id);
  const floating = pick(ids.floatingips, which);
  const port = pick(instances, other);
  const put = (path: string, name: string, change: object): Request => ({
    method: "PUT",
    path,
    body: { [name]: change },
  });
  const choices: readonly (() => Request | undefined)[] = [
    () => ({ method: "POST", path: "floatingips", body: { floatingip: { floating_network_id: at.public } } }),
    () => ({ method: "POST", path: "ports", body: { port: { network_id: at.tenant } } }),
    () => floating && put(`floatingips/${floating}`, "floatingip", { port_id: port ?? null }),
    () => floating && put(`floatingips/${floating}`, "floatingip", { port_id: port ?? null }),
    () => floating && put(`floatingips/${floating}`, "floatingip", { port_id: null }),
    () => floating && { method: "DELETE", path: `floatingips/${floating}` },
    () => port && { method: "DELETE", path: `ports/${port}` },
    () => port && put(`ports/${port}`, "port", { "binding:host_id": HOSTS[which % 3] }),
    () => port && put(`ports/${port}`, "port", { allowed_address_pairs: pairsAt(which) }),
    () => put(`routers/${at.router}`, "router", { distributed: which % 2 === 0 }),
    () => put(`routers/${at.router}`, "router", { admin_state_up: which % 4 !== 0 }),
    () => port && put(`ports/${port}`, "port", { name: "another" }),
  ] as const as readonly (() => Request | undefined)[];
  return choices[kind % choices.length]!();
}

/** Also an address that floating IPs have: whoever is first keeps it. */
const pairsAt = (which: number): object[] =>
  which % 3 === 0 ? [] : [{ ip_address: which % 3 === 1 ? "172.16.1.3" : "10.65.0.200" }];

/** Does it, if it is allowed, and says what it did. */
function done(at: Site, kept: KeptModel, { method, path, body }: Request): void {
  const { cloud } = at;
  const draft = new Draft(cloud.tables);
  try {
    const request = { method, path: path.split("/"), query: [], body, url: "" };
    answerTo({ draft, caller: ADMIN, world: cloud.world }, request);
  } catch {
    return;
  }
  kept.changed(cloud.tables.apply(draft.changes), cloud.tables);
}

const PLACES = [
  ["a gateway", "gateway", "gw1"],
  ["a host", "compute", "host1"],
] as const;

describe.each(PLACES)("%s", (_name, role, hostname) => {
  test("after any requests, looked at now and then", () => {
    const step: fc.Arbitrary<Step> = fc.tuple(fc.nat(11), fc.nat(11), fc.nat(11));
    fc.assert(
      fc.property(fc.array(fc.tuple(step, fc.boolean()), { maxLength: 40 }), (script) => {
        const at = site();
        const kept = new KeptModel();
        const given = file(role, hostname);
        const { tables } = at.cloud;
        for (const [each, looks] of script) {
          const request = requestOf(at, each);
          if (request !== undefined) done(at, kept, request);
          if (looks)
            expect(kept.model(given, tables, "floating")).toEqual(withObjects(given, tables, "floating"));
        }
        const model = kept.model(given, tables, "floating");
        expect(model).toEqual(withObjects(given, tables, "floating"));
        expect(kept.model(given, tables, "floating")).toBe(model);
      }),
      { numRuns: 100 },
    );
  });
});

test("one more leaves the rest as it is, to the very object", () => {
  const at = site();
  const kept = new KeptModel();
  const given = file("gateway", "gw1");
  const post = (port_id: string): void =>
    done(at, kept, {
      method: "POST",
      path: "floatingips",
      body: { floatingip: { floating_network_id: at.public, port_id } },
    });
  post(at.port);
  const before = kept.model(given, at.cloud.tables, "floating");
  const { id } = at.cloud.make("ports", "port", { network_id: at.tenant });
  post(id);
  const after = kept.model(given, at.cloud.tables, "floating");
  expect(after.floatingIps).toHaveLength(2);
  expect(after.floatingIps).toContain(before.floatingIps[0]);
  for (const key of ["anycast", "nat", "ports", "networks"] as const) expect(after[key]).toBe(before[key]);
});
