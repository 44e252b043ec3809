/** Lists of many objects: found by an index, and mostly the text of the time before. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hostPrefix } from "../bgp/net/address.ts";
import { ChangeMarks } from "../bgp/net/change-marks.ts";
import { parseAddress } from "../bgp/net/text.ts";
import type { View } from "./members.ts";
import { Draft } from "./tables.ts";
import { ADMIN, ALICE, BOB, type Site, site } from "./testing/cloud.ts";

const rows = (at: Site, target: string, caller = ADMIN): readonly View[] =>
  at.cloud.ask("GET", target, undefined, caller).body["floatingips"] as View[];

const make = (at: Site, more: object = {}): string =>
  at.cloud.make("floatingips", "floatingip", { floating_network_id: at.public, ...more }).id;

const FILTERED = [
  "id",
  "floating_ip_address",
  "port_id",
  "router_id",
  "floating_network_id",
  "status",
] as const;

test("a filter finds what is found by looking at all of them, by an index or without", () => {
  const at = site();
  make(at, { port_id: at.port });
  for (let i = 0; i < 4; i++) make(at);
  const all = rows(at, "floatingips");
  const asked = fc.subarray([...FILTERED], { minLength: 1, maxLength: 2 }).chain((names) =>
    fc.tuple(
      ...names.map((name) => {
        const known = [...new Set(all.map((row) => String(row[name] ?? "")))];
        return fc
          .array(fc.constantFrom(...known, "", "no such thing"), { minLength: 1, maxLength: 3 })
          .map((values) => [name, values] as const);
      }),
    ),
  );
  fc.assert(
    fc.property(asked, (filters) => {
      const query = filters.flatMap(([name, values]) => values.map((value) => `${name}=${value}`)).join("&");
      const expected = all.filter((row) =>
        filters.every(([name, values]) => values.includes(String(row[name] ?? ""))),
      );
      const found = rows(at, `floatingips?${query}`);
      expect(new Set(found.map((row) => row["id"]))).toEqual(new Set(expected.map((row) => row["id"])));
      expect(found).toHaveLength(expected.length);
    }),
  );
});

test.each(["", "&floating_network_id=NETWORK", "&status=DOWN"])(
  "pages in either direction are all that there is, by id, whatever came and went meanwhile%s",
  (filter) => {
    const at = site();
    const ids = Array.from({ length: 7 }, () => make(at));
    const search = filter.replace("NETWORK", at.public);
    const page = (more: string): readonly View[] => rows(at, `floatingips?limit=2${search}${more}`);
    expect(page("")).toHaveLength(2);
    at.cloud.ask("DELETE", `floatingips/${ids[3]}`);
    ids[3] = make(at);
    ids.sort();
    for (const backwards of [false, true]) {
      const order = backwards ? ids.toReversed() : ids;
      const direction = backwards ? "&page_reverse=True" : "";
      const found: unknown[] = [];
      for (let marker = ""; found.length <= ids.length; ) {
        const views = page(direction + marker).map((view) => view["id"]);
        if (views.length === 0) break;
        found.push(...(backwards ? views.reverse() : views));
        marker = `&marker=${found.at(-1)}`;
      }
      expect(found).toEqual(order);
    }
    expect(at.cloud.ask("GET", `floatingips?limit=1&marker=none${search}`).status).toBe(404);
  },
);

test("a page says whether there are others before and behind it", () => {
  const at = site();
  const ids = Array.from({ length: 3 }, () => make(at)).sort();
  const links = (more: string): unknown =>
    (at.cloud.ask("GET", `floatingips?limit=1${more}`).body["floatingips_links"] as { rel: string }[])?.map(
      ({ rel }) => rel,
    );
  expect(links("")).toEqual(["next"]);
  expect(links(`&marker=${ids[0]}`)).toEqual(["next", "previous"]);
  expect(links(`&marker=${ids[1]}`)).toEqual(["previous"]);
  expect(links(`&marker=${ids[2]}&page_reverse=True`)).toEqual(["next", "previous"]);
  expect(links(`&marker=${ids[1]}&page_reverse=True`)).toEqual(["next"]);
  expect(links("&page_reverse=True")).toEqual(["previous"]);
});

describe("a list that is asked for again tells what is so by then", () => {
  test.each<[string, (at: Site, id: string) => unknown, object]>([
    [
      "the name of its port",
      (at) => at.cloud.ask("PUT", `ports/${at.port}`, { port: { name: "other" } }),
      { port_details: expect.objectContaining({ name: "other" }) },
    ],
    [
      "that it leads nowhere",
      (at, id) => at.cloud.ask("PUT", `floatingips/${id}`, { floatingip: { port_id: null } }),
      { port_id: null, port_details: null, status: "DOWN" },
    ],
    ["nothing new", () => undefined, { status: "ACTIVE" }],
  ])("%s", (_name, change, expected) => {
    const at = site();
    const id = make(at, { port_id: at.port });
    expect(rows(at, "floatingips")).toMatchObject([{ status: "ACTIVE" }]);
    change(at, id);
    expect(rows(at, "floatingips")).toMatchObject([expected]);
    expect(rows(at, "floatingips")).toEqual([at.cloud.ask("GET", `floatingips/${id}`).body["floatingip"]]);
  });

  test("that it cannot be reached any more", () => {
    let reachable = true;
    const marks = new ChangeMarks();
    const at = site({ isReachable: () => reachable, marks });
    make(at, { port_id: at.port });
    const [row] = rows(at, "floatingips");
    expect(row).toMatchObject({ status: "ACTIVE", port_details: { status: "ACTIVE" } });
    reachable = false;
    for (const name of ["floating_ip_address", "fixed_ip_address"])
      marks.note(marks.ofPrefix(hostPrefix(parseAddress(String(row?.[name]))!)));
    expect(rows(at, "floatingips")).toMatchObject([{ status: "DOWN", port_details: { status: "DOWN" } }]);
  });

  test("that the host of its port says otherwise", () => {
    let says = true;
    const marks = new ChangeMarks();
    const at = site({ hostSays: () => says, marks });
    make(at, { port_id: at.port });
    expect(rows(at, "floatingips")).toMatchObject([{ port_details: { status: "ACTIVE" } }]);
    says = false;
    marks.noteName(String(at.cloud.tables.get("ports", at.port)?.["binding:host_id"]));
    expect(rows(at, "floatingips")).toMatchObject([{ port_details: { status: "DOWN" } }]);
  });

  test("that some of its ports lead elsewhere, or nowhere any more", () => {
    const at = site();
    const id = make(at);
    const forwardings = (): unknown => rows(at, "floatingips")[0]?.["port_forwardings"];
    expect(forwardings()).toEqual([]);
    const [fixed] = at.cloud.tables.get("ports", at.port)!.fixed_ips;
    const made = at.cloud.make(`floatingips/${id}/port_forwardings`, "port_forwarding", {
      protocol: "tcp",
      internal_port_id: at.port,
      internal_ip_address: fixed!.ip_address,
      internal_port: 80,
      external_port: 8080,
    });
    expect(forwardings()).toMatchObject([{ external_port: 8080 }]);
    const path = `floatingips/${id}/port_forwardings/${made.id}`;
    at.cloud.ask("PUT", path, { port_forwarding: { external_port: 8081 } });
    expect(forwardings()).toMatchObject([{ external_port: 8081 }]);
    at.cloud.ask("DELETE", path);
    expect(forwardings()).toEqual([]);
  });

  test("to each what it may see", () => {
    const at = site();
    make(at, { project_id: "alice" });
    const seen = [ALICE, ADMIN, BOB].map((caller) => rows(at, "floatingips", caller).length);
    expect(seen).toEqual([1, 1, 0]);
  });
});

test("a draft counts what is there, what it adds and what it takes away", () => {
  const at = site();
  const [first, second] = [make(at), make(at)];
  const draft = new Draft(at.cloud.tables);
  const count = (): number => draft.count("floatingips", "project", "admin");
  expect(count()).toBe(2);
  draft.remove("floatingips", first);
  expect(count()).toBe(1);
  const other = at.cloud.tables.get("floatingips", second)!;
  draft.put("floatingips", { ...other, description: "changed" });
  expect(count()).toBe(1);
  draft.put("floatingips", { ...other, project_id: "alice" });
  expect(count()).toBe(0);
  draft.put("floatingips", { ...other, id: "new" });
  expect(count()).toBe(1);
});
