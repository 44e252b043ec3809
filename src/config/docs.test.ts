import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { MOST_PER_PREFIX, MOST_VRPS } from "../bgp/rpki/vrp-table.ts";
import { BLOCK_ADDRESSES, BLOCK_CHAINS } from "../model/block-rules.ts";
import { FORWARDED_PORTS } from "../model/forward-rules.ts";
import { PREFIX_PAIRS } from "../model/prefix-pair-rules.ts";
import { GRANTS, MAPPINGS } from "../nat/layout.ts";
import { RPKI_CACHES } from "./bgp-schema.ts";
import { report } from "./check.ts";
import { jsonSchema } from "./json-schema.ts";
import { FILE_ALIASES, FILE_DEPTH, FILE_OCTETS, FILE_TOKENS, FINDINGS, MISTAKES } from "./limits.ts";
import { load } from "./load.ts";
import { COLLECTORS } from "./nat-log-schema.ts";
import { POOL_ADDRESSES } from "./scalars.ts";
import { ENDPOINTS } from "./store-schema.ts";

const file = (path: string): string => readFileSync(new URL(`../../docs/${path}`, import.meta.url), "utf8");
const text = file("CONFIGURATION.md");

interface Node {
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly items?: Node;
  readonly anyOf?: readonly Node[];
}

/** Every key below a node, with the default that it has: "nat.pools[].ports". */
function* keysOf(node: Node, path: string): Generator<[string, unknown]> {
  for (const inner of node.anyOf ?? []) yield* keysOf(inner, path);
  if (node.items !== undefined) yield* keysOf(node.items, `${path}[]`);
  for (const [key, value] of Object.entries(node.properties ?? {})) {
    const full = path === "" ? key : `${path}.${key}`;
    yield [full, value.default];
    yield* keysOf(value, full);
  }
}

/** The rows of a page's tables, by key: the cells after it. */
function rowsOf(page: string): Map<string, string[]> {
  const lines = page.split("\n").filter((line) => line.startsWith("|"));
  const cells = lines.map((line) =>
    line
      .slice(1, -1)
      .split("|")
      .map((cell) => cell.trim()),
  );
  return new Map(cells.map(([key, ...rest]) => [key!.replaceAll("`", ""), rest]));
}

/** A rule's keys stand alone, since import and export share them. */
const rows = rowsOf(text);

const keys = [...keysOf(jsonSchema() as Node, "")].map(([path, standard]): [string, unknown] => {
  return [path.replace(/^bgp\.peers\[\]\.(?:import|export)\[\]\./u, ""), standard];
});

describe("CONFIGURATION.md", () => {
  test.each(keys)("%s has its row, with its default", (path, standard) => {
    const cells = rows.get(path);
    expect(cells, path).toHaveLength(3);
    if (standard === undefined) return;
    const shown = cells?.[1]?.replaceAll(/[`"\s]/gu, "");
    expect(shown).toBe(
      (typeof standard === "string" ? standard : JSON.stringify(standard)).replaceAll(/["\s]/gu, ""),
    );
  });

  test("has no row of a key that there is not", () => {
    const known = new Set(keys.map(([path]) => path));
    const documented = [...text.matchAll(/^\| `([^`]+)`/gmu)].map(([, key]) => key!);
    expect(documented.filter((key) => !known.has(key))).toEqual([]);
  });

  test("shows only configuration that loads", () => {
    const blocks = [
      ...text.matchAll(
        /^```yaml\n((?:bgp|networks|nat|floatingIps|anycast|ports|api|store|kernel|log):[\s\S]*?)^```/gmu,
      ),
    ];
    expect(blocks.length).toBeGreaterThanOrEqual(9);
    for (const [, block] of blocks) {
      const whole = block!.startsWith("bgp:") ? block! : `bgp: { asn: 65000, routerId: 192.0.2.1 }\n${block}`;
      expect(report(load(whole, { file: "g.yaml", hostname: "h" }))).toMatch(/^ok: /u);
    }
  });
});

test("SITE.md: the files of its machines load", () => {
  const files = [...file("SITE.md").matchAll(/^cat >(\w+)\.yaml <<'EOF'\n([\s\S]*?)^EOF/gmu)];
  expect(files.map(([, name]) => name)).toEqual(["gw1", "host1"]);
  for (const [, , whole] of files)
    expect(report(load(whole!, { file: "g.yaml", hostname: "h" }))).toMatch(/^ok: /u);
});

describe("LIMITS.md", () => {
  test.each([
    ["size of gateway.yaml", `${FILE_OCTETS / 1024 / 1024} MiB`],
    ["YAML tokens of gateway.yaml", FILE_TOKENS],
    ["nesting in gateway.yaml", FILE_DEPTH],
    ["YAML aliases in gateway.yaml", FILE_ALIASES],
    ["errors and warnings shown of gateway.yaml", FINDINGS],
    ["mistakes looked at in gateway.yaml", MISTAKES],
    ["addresses of a NAT pool", POOL_ADDRESSES],
    ["mappings of NAT", MAPPINGS],
    ["mappings that hosts asked for", GRANTS],
    ["collectors of nat.log, of each kind", COLLECTORS],
    ["private addresses with a port block", BLOCK_ADDRESSES],
    ["port blocks of a pool address", BLOCK_CHAINS],
    ["forwarded ports of all floating IPs", FORWARDED_PORTS],
    ["pairs of prefixes (NPTv6)", PREFIX_PAIRS],
    ["RPKI caches", RPKI_CACHES],
    ["members of an etcd cluster", ENDPOINTS],
    ["VRPs of one RPKI cache", MOST_VRPS],
    ["VRPs of one prefix", MOST_PER_PREFIX],
  ])("%s: %s", (what, limit) => {
    const shown = typeof limit === "number" ? String(limit).replace(/\B(?=(\d{3})+$)/gu, " ") : limit;
    expect(rowsOf(file("LIMITS.md")).get(what)?.[0]).toBe(shown);
  });
});
