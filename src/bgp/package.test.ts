/** What `npm pack` would publish: whole, alone, and usable by a program that has nothing but the package. */

import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { afterAll, beforeAll, expect, test } from "vitest";

const HERE = import.meta.dirname;
const ROOT = join(HERE, "../..");
const tsc = (...args: readonly string[]): string =>
  execFileSync(process.execPath, [join(ROOT, "node_modules/typescript/bin/tsc"), ...args], {
    // A place without a tsconfig.json, which tsc would complain about.
    cwd: directory,
    encoding: "utf8",
    stdio: "pipe",
  });

const npm = (...args: readonly string[]): string =>
  execFileSync("npm", args, { cwd: installed, encoding: "utf8", stdio: "pipe" });

let directory: string;
let installed: string;
let files: readonly string[];

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "bgp-ts-pack-"));
  installed = join(directory, "node_modules/@bgp-ts/core");
  mkdirSync(installed, { recursive: true });
  for (const name of ["package.json", "README.md", "LICENSE"])
    cpSync(join(HERE, name), join(installed, name));
  tsc("-p", join(HERE, "tsconfig.json"), "--outDir", join(installed, "dist"));
  // A leftover of somebody's, which is nobody else's business.
  writeFileSync(join(installed, "notes.txt"), "");
  const [packed] = JSON.parse(npm("pack", "--dry-run", "--json", "--ignore-scripts")) as [
    { files: { path: string }[] },
  ];
  files = packed.files.map(({ path }) => path);
}, 120_000);
afterAll(() => rmSync(directory, { recursive: true }));

test("it has the code, the types, what to read, and nothing else", () => {
  const manifest = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
  const { types, default: entry } = manifest.exports["."];
  for (const path of [types, entry]) expect(files).toContain(path.replace("./", ""));
  expect(files).toEqual(expect.arrayContaining(["package.json", "README.md", "LICENSE"]));
  const others = files.filter(
    (path) => !/^(package\.json|README\.md|LICENSE|dist\/.*(\.js|\.d\.ts))$/.test(path),
  );
  expect(others).toEqual([]);
  expect(files.filter((path) => /test|example/.test(path))).toEqual([]);
  expect(manifest.dependencies).toBeUndefined();
});

test("publint finds nothing to say of it", async () => {
  const { messages, pkg } = await publint({ pkgDir: installed, strict: true });
  expect(messages.map((message) => formatMessage(message, pkg, { color: false }))).toEqual([]);
});

test("its types are right for who imports it, and for who requires it", async () => {
  const [packed] = JSON.parse(npm("pack", "--json", "--ignore-scripts", "--pack-destination", directory));
  const tarball = readFileSync(join(directory, packed.filename));
  const analysis = await checkPackage(createPackageFromTarballData(tarball));
  // A program in CommonJS gets ES modules, which Node 20.19 and later can require.
  const others = analysis.types && analysis.problems.filter(({ kind }) => kind !== "CJSResolvesToESM");
  expect(others).toEqual([]);
}, 60_000);

test("each module has its types, and imports only what is in the package or in Node", () => {
  const modules = files.filter((path) => path.endsWith(".js"));
  expect(modules.length).toBeGreaterThan(50);
  for (const path of modules) {
    expect(files).toContain(path.replace(/\.js$/, ".d.ts"));
    const text = readFileSync(join(installed, path), "utf8");
    for (const [, from] of text.matchAll(/^(?:import|export) .*from "([^"]+)";$/gm)) {
      const inside = join(path, "..", from!);
      expect(from!.startsWith("node:") || files.includes(inside), `${path} imports ${from}`).toBe(true);
    }
  }
});

test("it writes no log and keeps nothing between two speakers", () => {
  for (const path of files.filter((name) => name.endsWith(".js"))) {
    const text = readFileSync(join(installed, path), "utf8");
    expect(text, path).not.toMatch(/\bconsole\.|process\.(stdout|stderr|env)/);
    expect(text, `${path} has a variable of the module`).not.toMatch(/^(export )?(let|var) /m);
  }
});

test("a program that has only the package type-checks and runs", () => {
  writeFileSync(join(directory, "package.json"), '{ "type": "module" }\n');
  const program = `import { formatPrefix, parsePrefix, type PeerOptions, Speaker } from "@bgp-ts/core";
const prefix = parsePrefix("192.0.2.0/24");
const ranges = (peers: readonly PeerOptions[]): number => peers.filter(({ remote }) => "range" in remote).length;
if (prefix !== undefined && ranges([]) === 0) console.log(typeof Speaker, formatPrefix(prefix));
`;
  writeFileSync(join(directory, "program.ts"), program);
  const types = ["--typeRoots", join(ROOT, "node_modules/@types"), "--types", "node"];
  tsc("--strict", "--module", "nodenext", "--target", "es2023", ...types, join(directory, "program.ts"));
  expect(execFileSync(process.execPath, [join(directory, "program.js")], { encoding: "utf8" })).toBe(
    "function 192.0.2.0/24\n",
  );
}, 120_000);
