import { readFileSync } from "node:fs";
import { Ajv } from "ajv";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Model } from "../model/model.ts";
import { report } from "./check.ts";
import { diff } from "./diff.ts";
import { jsonSchema } from "./json-schema.ts";
import { type Loaded, load } from "./load.ts";

const read = (text: string): Loaded => load(text, { file: "g.yaml", hostname: "gw1" });

const file = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

const EXAMPLES = ["examples/gateway.yaml", "examples/compute.yaml", "src/config/fixtures/whole.yaml"];

function modelOf(text: string): Model {
  const loaded = read(text);
  if (!loaded.ok) throw new Error(report(loaded));
  return loaded.model;
}

describe("examples", () => {
  test.each(EXAMPLES)("%s loads without a warning", (path) => {
    expect(report(read(file(path)))).toMatch(/^ok: [^\n]*\n$/u);
  });

  test("the one of the README has ten lines of configuration", () => {
    const lines = file("examples/gateway.yaml").split("\n");
    expect(lines.filter((line) => line !== "" && !line.startsWith("#"))).toHaveLength(10);
  });
});

describe("no text makes load throw", () => {
  test("any text", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => typeof read(text).ok === "boolean"));
  });

  test("anything that looks like YAML", () => {
    const pieces = [
      "a",
      ": ",
      "- ",
      "\n",
      "  ",
      "{",
      "}",
      "[",
      "]",
      "&x",
      "*x",
      "!!t ",
      "|",
      ">",
      "'",
      '"',
      "#",
      "? ",
    ];
    const word = fc.constantFrom(
      ...pieces,
      "bgp",
      "asn",
      "peers",
      "1",
      "~",
      "---\n",
      "%YAML 1.1\n",
      "<<",
      ",",
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 40 }), (words) => typeof read(words.join("")).ok === "boolean"),
      { numRuns: 1000 },
    );
  });
});

describe("no mistake in a good file makes load throw", () => {
  test("a good file with one piece taken out, put in, or repeated", () => {
    const good = file("src/config/fixtures/whole.yaml");
    const place = fc.nat(good.length);
    fc.assert(
      fc.property(place, fc.nat(30), fc.string({ maxLength: 8 }), fc.nat(2), (at, length, put, times) => {
        const piece = good.slice(at, at + length);
        const text = good.slice(0, at) + put + piece.repeat(times) + good.slice(at + length);
        const said = report(read(text));
        expect(said).toMatch(/^(ok|refused): /mu);
      }),
      { numRuns: 100 },
    );
  });

  test("any values in any section", () => {
    const sections = [
      "role",
      "bgp",
      "networks",
      "nat",
      "floatingIps",
      "anycast",
      "ports",
      "kernel",
      "api",
      "log",
    ];
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...sections), fc.json()), (given) => {
        const lines = Object.entries(given).map(([key, json]) => `${key}: ${json}`);
        expect(typeof read(lines.join("\n")).ok).toBe("boolean");
      }),
      { numRuns: 300 },
    );
  });
});

describe("equal text, equal model", () => {
  test.each(EXAMPLES)("%s", (path) => {
    const model = modelOf(file(path));
    expect(modelOf(file(path))).toEqual(model);
    expect(diff(model, modelOf(file(path)))).toEqual([]);
  });
});

describe("schema/gateway.schema.json", () => {
  test("is what the schema says", () => {
    const hint = "run `npm run build` and commit the file";
    expect(JSON.parse(file("schema/gateway.schema.json")), hint).toEqual(jsonSchema());
    expect(file("schema/gateway.schema.json"), hint).toBe(`${JSON.stringify(jsonSchema(), null, 2)}\n`);
  });

  test("is right about every file that is", async () => {
    const { parse } = await import("yaml");
    const valid = new Ajv({ strict: false, formats: { ipv4: true } }).compile(jsonSchema());
    for (const path of EXAMPLES) {
      valid(parse(file(path)));
      expect(valid.errors, path).toBeNull();
    }
    expect(valid({ bgp: { asn: 0, routerId: "192.0.2.1" } })).toBe(false);
    expect(valid({ bgp: { asn: 1, routerId: "192.0.2.1" }, stores: {} })).toBe(false);
  });
});
