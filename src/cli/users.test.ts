import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { login } from "../identity/login.ts";
import { parsePeople } from "../identity/people.ts";
import { EXIT } from "./io.ts";
import { type Run, run } from "./testing/place.ts";

let directory: string;
const at = (name: string): string => join(directory, name);

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "gwctl-users-"));
  writeFileSync(at("password"), "sesame\n");
});
afterEach(() => rmSync(directory, { recursive: true }));

const user = (line: string): Promise<Run> => run(["user", ...line.split(" "), "--file", at("tokens")]);

const isIn = async (password: string): Promise<boolean> => {
  const asked = { methods: ["password"], password: { user: { name: "alice", password } } };
  const people = parsePeople(readFileSync(at("tokens"), "utf8"));
  const standing = { isRevoked: () => false, credential: () => undefined };
  const door = { people, standing, credentialsOf: () => [], now: 0 };
  return (await login(door, { auth: { identity: asked } })) !== undefined;
};

test("a user is made, changed, listed and taken out", async () => {
  expect((await user(`set alice --project web --password-file ${at("password")}`)).exit).toBe(EXIT.ok);
  expect(statSync(at("tokens")).mode & 0o777 & ~0o640).toBe(0);
  expect(await isIn("sesame")).toBe(true);
  expect((await user("set alice --project db --role reader")).exit).toBe(EXIT.ok);
  expect((await user("list")).out).toBe("alice: member of web, reader of db\n");
  writeFileSync(at("password"), "open");
  await user(`set alice --password-file ${at("password")}`);
  expect([await isIn("sesame"), await isIn("open")]).toEqual([false, true]);
  expect((await user("delete alice")).exit).toBe(EXIT.ok);
  expect((await user("list")).out).toBe("");
});

test.each([
  ["set alice", EXIT.usage, /--project and --password-file/],
  ["set alice --project web --password-file /nowhere", EXIT.error, /nowhere/],
  ["set alice --project web --role king", EXIT.usage, /king/],
  ["delete alice", EXIT.error, /tokens/],
])("%s is refused, and says why", async (line, exit, words) => {
  const said = await user(line);
  expect(said.exit).toBe(exit);
  expect(said.err).toMatch(words);
});
