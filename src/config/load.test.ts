import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { report } from "./check.ts";
import { render } from "./findings.ts";
import { FILE_DEPTH, FILE_OCTETS, FINDINGS } from "./limits.ts";
import { type Loaded, load } from "./load.ts";

const read = (text: string): Loaded => load(text, { file: "g.yaml", hostname: "gw1" });

const rendered = (loaded: Loaded): string =>
  [...(loaded.ok ? [] : loaded.errors), ...loaded.warnings].map(render).join("\n");

const BASE = "bgp: { asn: 65000, routerId: 192.0.2.1 }\n";

/** Cases of a file in fixtures/: "=== name", the configuration, "=>", and exactly what is said about it. */
function cases(file: string, atLeast: number): [string, string, string][] {
  const text = readFileSync(new URL(`fixtures/${file}`, import.meta.url), "utf8");
  const found = text.split(/^=== /mu).slice(1);
  expect(found.length).toBeGreaterThanOrEqual(atLeast);
  return found.map((row) => {
    const [, name, yaml, said] = /^(.*)\n([\s\S]*?)\n?=>\n([\s\S]*)\n$/u.exec(row)!;
    return [name!, yaml!, said!];
  });
}

describe("one value is wrong", () => {
  test.each(cases("values.txt", 84))("%s", (_name, yaml, said) => {
    expect(rendered(read(yaml))).toBe(said);
  });
});

describe("values do not go together", () => {
  test.each(cases("rules.txt", 78))("%s", (_name, yaml, said) => {
    expect(rendered(read(yaml))).toBe(said);
  });
});

describe("not the YAML that we take", () => {
  test.each(cases("syntax.txt", 17))("%s", (_name, yaml, said) => {
    expect(rendered(read(yaml))).toBe(said);
  });

  test.each([
    ["a NUL", "bgp:\n  asn: \u0000", "g.yaml:2:8: not text: U+0000"],
    ["octets that were no UTF-8", "\ufffdELF", "g.yaml:1:1: not text: U+FFFD"],
    ["an escape sequence", "bgp: \u001b[2J", "g.yaml:1:6: not text: U+001B"],
    [
      "one octet too many",
      `${BASE}#${"x".repeat(FILE_OCTETS)}`,
      "g.yaml:1:1: the file is larger than 16 MiB",
    ],
  ])("%s", (_name, yaml, said) => {
    expect(rendered(read(yaml)).split("\n")[0]).toBe(said);
  });
});

describe("hostile text is refused soon, and never throws", () => {
  const deep = `more than ${FILE_DEPTH} lists and mappings inside each other`;
  const bomb = `a: &a [x, x, x, x]\nb: &b [*a, *a, *a, *a]\nc: &c [*b, *b, *b, *b]\nd: &d [*c, *c, *c, *c]\n`;
  const keys = Array.from({ length: 20_000 }, (_, i) => `k${i}: 1`).join("\n");
  test.each([
    ["open brackets", "[".repeat(1_000_000), deep],
    ["open braces", "{a: ".repeat(500_000), deep],
    ["nested list items", "- ".repeat(500_000), deep],
    ["nested complex keys", "? ".repeat(500_000), deep],
    ["nested empty keys", ": ".repeat(500_000), deep],
    ["tokens without end", "a: b\n".repeat(600_000), "the file has more than 2000000 YAML tokens"],
    [
      "an alias bomb",
      `${bomb}e: &e [*d, *d, *d, *d]\nf: [*e, *e, *e, *e]\n`,
      "aliases: Excessive alias count",
    ],
    ["aliases without end", `a: &a x\nb: [${"*a, ".repeat(2000)}]`, "the file has more than 1000 aliases"],
    ["many keys", keys, "k0: unknown key"],
    ["one long key", `${"k".repeat(5_000_000)}: 1`, "The : indicator must be at most 1024 chars"],
    ["one long line", `bgp: ${"x".repeat(5_000_000)}`, "bgp: expected a mapping, got"],
    ["documents without end", "---\n".repeat(20_000), "a second YAML document"],
    ["directives without end", "%a\n".repeat(20_000), "Missing directives-end"],
  ])("%s", (_name, yaml, said) => {
    const loaded = read(yaml);
    expect(loaded.ok).toBe(false);
    expect(report(loaded)).toContain(said);
    expect(report(loaded).length).toBeLessThan(FINDINGS * 1000);
  });

  test("errors beyond the limit are not listed, and it says so", () => {
    const loaded = read(`${BASE}floatingIps: [${"{}, ".repeat(500)}]`);
    expect(!loaded.ok && loaded.errors.length).toBe(FINDINGS);
    expect(report(loaded)).toMatch(/refused: more than 100 errors\n$/u);
  });

  test("a file may not steer the terminal that its errors are shown on", () => {
    const said = report(read(`${BASE}"\\e]0;x\\u202e": 1\nlog: "\u009b2J"`));
    expect(said.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });
});

describe("report", () => {
  test("sums up what is good", () => {
    expect(
      report(read(`${BASE}nat: { private: 10.0.0.0/8, pools: [{ name: a, addresses: 192.0.2.8/29 }] }`)),
    ).toBe("ok: role gateway, AS 65000, 1 pool, 8 pool addresses\n");
  });

  describe("mapping, filtering and blockSize of a pool", () => {
    const said = (keys: string): string =>
      report(
        read(`${BASE}nat: { private: 10.0.0.0/28, pools: [{ name: a, addresses: 192.0.2.8, ${keys} }] }`),
      );

    test.each([
      "blockSize: 1024",
      "blockSize: 1024, mapping: endpointIndependent, filtering: addressDependent",
      "blockSize: 1024, overflowBlocks: 3",
    ])("%s", (keys) => {
      expect(said(keys)).toMatch(/^ok: /u);
    });

    test.each([
      [
        "mapping: addressAndPortDependent, filtering: addressDependent",
        "write `mapping: endpointIndependent`",
      ],
    ])("%s", (keys, message) => {
      expect(said(keys)).toContain(message);
      expect(said(keys)).toMatch(/\nrefused: 1 error\n$/u);
    });
  });

  test("warns and accepts", () => {
    const text =
      "bgp: { asn: 1, routerId: 192.0.2.1, peers: [{ range: 192.0.2.0/24, asn: 2, import: [], export: [] }] }";
    expect(report(read(text))).toBe("ok: role gateway, AS 1, 1 peer range\n");
    expect(report(read(text.replace("import: [], ", "")))).toMatch(
      /warning: [\s\S]*\nok: .*1 peer range, 1 warning\n$/u,
    );
  });

  test.each([
    ["", { type: "local", path: "/var/lib/gatewayd" }],
    ["store: {}", { type: "local", path: "/var/lib/gatewayd" }],
    ["store: { type: none }", { type: "none" }],
    ["api: { auth: none }", { type: "local", path: "/var/lib/gatewayd" }],
    // A second gateway of a machine, or one to try with, must not wait for the directory of the first.
    ["api: { socket: /run/other/gatewayd.sock }", { type: "none" }],
    ["api: { socket: /run/other/gatewayd.sock }\nstore: {}", { type: "local", path: "/var/lib/gatewayd" }],
    ["store: { type: etcd, endpoints: ['http://[::1]:2379'] }", { path: "/var/lib/gatewayd" }],
    [
      "api: { socket: /run/other/gatewayd.sock }\nstore: { type: etcd, endpoints: ['http://[::1]:2379'] }",
      { type: "etcd", path: undefined },
    ],
    [
      "store: { type: etcd, endpoints: ['http://[::1]:2379'], path: /a, user: b, passwordFile: /c }",
      { path: "/a" },
    ],
  ])("with %j, the store is %j", (text, store) => {
    expect(read(`${BASE}${text}`)).toMatchObject({ ok: true, store });
  });

  test("counts what is wrong", () => {
    expect(report(read(`${BASE}logg: {}\nnats: {}`))).toMatch(/\nrefused: 2 errors\n$/u);
  });
});
