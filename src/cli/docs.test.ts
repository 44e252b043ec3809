import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ERRORS } from "../api/answers.ts";
import { sampleSource } from "../api/sample.ts";
import { API_LIMITS, type Api, createApi } from "../api/server.ts";
import { EXIT } from "./io.ts";
import { type Run, run } from "./testing/place.ts";

const page = (name: string): string => readFileSync(new URL(`../../docs/${name}`, import.meta.url), "utf8");
const CLI = page("CLI.md");
const API = page("API.md");

let directory: string;
let socketPath: string;
let api: Api;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "gatewayd-docs-"));
  socketPath = join(directory, "gatewayd.sock");
  api = createApi(sampleSource(), { socketPath, log: () => undefined });
  await api.listen();
});
afterAll(async () => {
  await api.close();
  await rm(directory, { recursive: true });
});

const gwctl = (argv: readonly string[]): Promise<Run> => run(argv, { env: { GWCTL_SOCKET: socketPath } });

describe("docs/CLI.md", () => {
  const shown = [...CLI.matchAll(/```\n\$ gwctl (.+)\n([^`]+)```/g)].map(([, line, out]) => [line!, out!]);

  test("has examples", () => {
    expect(shown.length).toBeGreaterThan(1);
  });
  test.each(shown)("gwctl %s prints what it says", async (line, out) => {
    expect(await gwctl(line.split(" "))).toEqual({ exit: 0, out, err: "" });
  });
  test("lists every command of show, and no other", async () => {
    const listed = [...CLI.matchAll(/^\| `gwctl show (\w+)/gm)].map(([, name]) => name!);
    const { out } = await gwctl(["show", "--help"]);
    const commands = out.slice(out.indexOf("Commands:"), out.indexOf("help [command]"));
    const names = [...commands.matchAll(/^ {2}(\w+)(?:\|(\w+))?/gm)].flatMap(([, name, alias]) => [
      name,
      alias,
    ]);
    expect(listed.filter((name) => !names.includes(name))).toEqual([]);
    const main = [...commands.matchAll(/^ {2}(\w+)/gm)].map(([, name]) => name!);
    expect(main.filter((name) => !listed.includes(name))).toEqual([]);
  });
  test("lists every exit status", () => {
    const listed = [...CLI.matchAll(/^\| (\d+) \|/gm)].map(([, status]) => Number(status));
    expect(listed).toEqual(Object.values(EXIT).toSorted((a, b) => a - b));
  });
});

describe("docs/API.md", () => {
  test("lists every error code with its status", () => {
    const listed = [...API.matchAll(/^\| `([\w.]+)` \| (\d{3}) \|/gm)].map(([, code, status]) => [
      code,
      Number(status),
    ]);
    expect(Object.fromEntries(listed)).toEqual(ERRORS);
  });
  test("lists the limits that there are", () => {
    const { headerMs, requestMs, silentMs, connections, bodyBytes, headerBytes } = API_LIMITS;
    expect(API).toContain(`| header of a request | ${headerBytes / 1024} KiB, within ${headerMs / 1000} s |`);
    expect(API).toContain(`| whole request | within ${requestMs / 1000} s |`);
    expect(API).toContain(`| body | ${bodyBytes / 1_048_576} MiB;`);
    expect(API).toContain(`does not read | ${silentMs / 1000} s |`);
    expect(API).toContain(`| connections | ${connections} per listener`);
  });
});
