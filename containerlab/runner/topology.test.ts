import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { imageFor } from "./images.ts";
import { readTopology, TopologyError } from "./topology.ts";

const here = new URL("..", import.meta.url);
const schema: object = JSON.parse(readFileSync(new URL("clab.schema.json", here), "utf8"));
const shipped = readdirSync(here).filter((name) => name.endsWith(".clab.yml"));
const read = (text: string): ReturnType<typeof readTopology> => readTopology(text, schema, "/labs");

describe("every topology that is shipped", () => {
  test("there are some", () => expect(shipped).toContain("quickstart.clab.yml"));

  test.each(shipped)("%s is valid, and all of it has an effect here", (name) => {
    const topology = readTopology(readFileSync(new URL(name, here), "utf8"), schema, here.pathname);
    expect(topology.ignored).toEqual([]);
    expect(`${topology.name}.clab.yml`).toBe(name);
    for (const node of topology.nodes) {
      expect(imageFor(node.image), `${node.name}: ${node.image}`).toBeDefined();
      expect(node.privileged, `${node.name} is privileged`).toBe(false);
      for (const { source } of node.binds) expect(() => readFileSync(source), source).not.toThrow();
    }
  });
});

describe("what defaults, kinds, groups and the node say is merged", () => {
  const [node] = read(`
name: x
topology:
  defaults: { kind: linux, image: a, cap-add: [NET_ADMIN], sysctls: { one: 1, two: 1 }, exec: [default] }
  kinds: { linux: { sysctls: { two: 2, three: 2 }, cmd: "kind 'of thing'", exec: [kind] } }
  groups: { g: { image: b, cap-add: [CAP_NET_RAW], privileged: false, exec: [group] } }
  nodes: { n: { group: g, sysctls: { three: 3 }, env: { A: true }, exec: [node, node], binds: ["c/d:/e:ro", "/f:/g"] } }
`).nodes;

  test.each([
    ["image", "b"],
    ["privileged", false],
    ["capabilities", ["NET_ADMIN", "NET_RAW"]],
    ["sysctls", { one: "1", two: "2", three: "3" }],
    ["env", { A: "true" }],
    ["command", ["kind", "of thing"]],
    ["exec", [["default"], ["kind"], ["group"], ["node"], ["node"]]],
    [
      "binds",
      [
        { source: "/labs/c/d", target: "/e", readOnly: true },
        { source: "/f", target: "/g", readOnly: false },
      ],
    ],
  ])("%s", (key, expected) => {
    expect(node).toHaveProperty(key, expected);
  });
});

describe("links", () => {
  const { links } = read(`
name: x
topology:
  defaults: { kind: linux, image: a }
  nodes: { a: , b: }
  links:
    - { endpoints: ["a:eth1", "b:tap9a7e0868-da"], ipv4: [192.0.2.0/31, 192.0.2.1/31], mtu: 1500 }
    - { type: veth, endpoints: [{ node: a, interface: eth2, ipv4: 192.0.2.2/31 }, { node: b, interface: eth2, mac: "02:00:00:00:00:01" }] }
`);

  test("brief form", () => {
    expect(links[0]).toEqual({
      mtu: 1500,
      ends: [
        { node: "a", interface: "eth1", mac: undefined, addresses: ["192.0.2.0/31"] },
        { node: "b", interface: "tap9a7e0868-da", mac: undefined, addresses: ["192.0.2.1/31"] },
      ],
    });
  });

  test("extended form", () => {
    expect(links[1]).toEqual({
      mtu: 9500,
      ends: [
        { node: "a", interface: "eth2", mac: undefined, addresses: ["192.0.2.2/31"] },
        { node: "b", interface: "eth2", mac: "02:00:00:00:00:01", addresses: [] },
      ],
    });
  });
});

const topology = (rest: string, node = "{ kind: linux, image: a }"): string =>
  `name: x\ntopology: { nodes: { n: ${node} }${rest} }`;

describe("what cannot be built is refused by name", () => {
  test.each<[string, string, RegExp]>([
    ["no YAML", "name: [", /flow/i],
    ["no object", "3", /must be object/],
    ["an unknown key", topology("", "{ kind: linux, image: a, binbs: [] }"), /binbs/],
    ["another kind", topology("", "{ kind: bridge }"), /node n: only kind linux .* not bridge/],
    ["no image", topology("", "{ kind: linux }"), /node n: has no image/],
    [
      "another network",
      topology("", "{ kind: linux, image: a, network-mode: host }"),
      /node n: only network-mode/,
    ],
    ["another link", topology(", links: [{ type: dummy, endpoint: { node: n, interface: e } }]"), /dummy/],
    [
      "an unknown node",
      topology(', links: [{ endpoints: ["n:a", "m:a"] }]'),
      /link to m:a: there is no such/,
    ],
    [
      "a used interface",
      topology(', links: [{ endpoints: ["n:a", "n:b"] }, { endpoints: ["n:c", "n:a"] }]'),
      /n:a: that/,
    ],
    ["a long name", topology(', links: [{ endpoints: ["n:a", "n:abcdefghijklmnop"] }]'), /longer than 15/],
  ])("%s", (_, text, why) => {
    expect(() => read(text)).toThrow(TopologyError);
    expect(() => read(text)).toThrow(why);
  });

  test("what has no effect is named", () => {
    const { ignored } = read(
      'name: x\nprefix: ""\ntopology: { nodes: { n: { kind: linux, image: a, ports: ["1:1"] } } }',
    );
    expect(ignored).toEqual(["prefix", "n: ports"]);
  });
});
