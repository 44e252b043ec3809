import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { Caller } from "./caller.ts";
import { POLICIES } from "./policies.ts";
import { ADMIN, ALICE } from "./testing/cloud.ts";
import { estate } from "./testing/estate.ts";
import { CALLERS, ROWS } from "./testing/policy-rows.ts";

test.each(ROWS)("%s", (rule, method, path, body, statuses) => {
  const said = CALLERS.map((caller) => {
    const { cloud, id } = estate();
    // A network with ports is not deleted, whoever asks, nor is a subnet.
    if (rule === "delete_network" || rule === "delete_subnet") cloud.ask("DELETE", `ports/${id["port"]}`);
    const target = path.replace(/:(\w+)/g, (_, name: string) => id[name]!);
    return cloud.ask(method, target, body?.(id), caller).status;
  });
  expect(said).toEqual(statuses);
});

test("of a port on somebody's shared network its owner may change neither MAC nor address", () => {
  const { cloud, id } = estate();
  const port = cloud.make("ports", "port", { network_id: id["shared"] }, ALICE).id;
  for (const given of [{ mac_address: "fa:16:3e:00:00:79" }, { fixed_ips: [{ ip_address: "10.1.0.99" }] }]) {
    const [name] = Object.keys(given);
    expect(cloud.said("PUT", `ports/${port}`, { port: given }, ALICE)).toEqual({
      ...{ status: 403, type: "PolicyNotAuthorized" },
      message: `(rule:update_port and rule:update_port:${name}) is disallowed by policy`,
    });
  }
});

test("what an attribute's policy hides is shown to admins alone", () => {
  const { cloud, id } = estate();
  const hidden = [...POLICIES.keys()]
    .filter((rule) => rule.startsWith("get_port:"))
    .map((rule) => rule.slice(9));
  const shown = (caller: Caller): string[] =>
    Object.keys(cloud.ask("GET", `ports/${id["port"]}`, undefined, caller).body["port"] as object);
  expect(hidden).toHaveLength(4);
  expect(shown(ADMIN)).toEqual(expect.arrayContaining(hidden));
  expect(shown(ALICE).filter((name) => hidden.includes(name))).toEqual([]);
});

test("every policy is asked for above, or is the BGP API's", () => {
  const asked = new Set(ROWS.map(([rule]) => rule.split(" ")[0]));
  const others = [...POLICIES.keys()].filter(
    (rule) => !asked.has(rule) && !rule.startsWith("get_port:binding"),
  );
  expect(others).toEqual(["get_bgp_speaker", "get_bgp_peer"]);
});

const WORDS: Readonly<Record<string, string>> = {
  "": "nobody",
  project: "the project that has it, or will",
  networkOwner: "the project that has its network",
  "project, networkOwner": "the project that has it, or its network",
  "project, shared": "the project that has it; everybody, where it is shared",
  "project, shared, external": "the project that has it; everybody, where it is shared or external",
  "project, sharedNetwork": "the project that has it; everybody, where its network is shared",
  "networkOwner, sharedNetwork": "the project that has its network; everybody, where that is shared",
};

test("docs/API.md has every policy beside whom it lets in", () => {
  const page = readFileSync(new URL("../../docs/API.md", import.meta.url), "utf8");
  const byGrounds = new Map<string, string[]>();
  for (const [rule, grounds] of POLICIES) {
    const key = grounds.join(", ");
    byGrounds.set(key, [...(byGrounds.get(key) ?? []), `\`${rule}\``]);
  }
  const rows = [...byGrounds].map(([key, rules]) => `| ${WORDS[key]} | ${rules.join(", ")} |`);
  for (const row of rows) expect(page).toContain(row);
});
