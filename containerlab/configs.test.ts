import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { report } from "../src/config/check.ts";
import { load } from "../src/config/load.ts";

const here = new URL(".", import.meta.url);
const configurations = readdirSync(here, { recursive: true, encoding: "utf8" }).filter((name) =>
  /^[^/]+\/[^/]+\.yaml$/.test(name),
);

describe("every configuration of the labs is accepted without a warning", () => {
  test("there are some", () => expect(configurations).toContain("quickstart/gw.yaml"));

  test.each(configurations)("%s", (name) => {
    const loaded = load(readFileSync(new URL(name, here), "utf8"), { file: name, hostname: "lab" });
    expect(report(loaded)).toMatch(/^ok: [^\n]*\n$/);
    expect(loaded.warnings).toEqual([]);
  });
});
