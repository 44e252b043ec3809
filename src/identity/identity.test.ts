import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { type Door, isLogin, login } from "./login.ts";
import { hashPassword, isPassword } from "./password.ts";
import { type People, parsePeople } from "./people.ts";
import { issue, type Session, type Standing, sessionOf as sessionFor, TOKEN_SECONDS } from "./tokens.ts";

const WEB = { id: "a".repeat(32), name: "web" };
const DB = { id: "b".repeat(32), name: "db" };
const NOW = 1_800_000_000;

/** Nothing was said since tokens were made. */
const NOTHING: Standing = { isRevoked: () => false, credential: () => undefined };
const door = (now: number): Door => ({ people, standing: NOTHING, credentialsOf: () => [], now });
const sessionOf = (who: People, token: string, now: number): Session | undefined =>
  sessionFor(who, token, now, NOTHING);

let people: People;
beforeAll(async () => {
  const alice = {
    id: "1".repeat(32),
    name: "alice",
    password: await hashPassword("sesame"),
    roles: { [WEB.id]: "member" as const },
  };
  people = { secret: Buffer.alloc(32, 7).toString("base64"), projects: [WEB, DB], users: [alice] };
});

const body = (user: object, scope?: object): object => ({
  auth: { identity: { methods: ["password"], password: { user } }, ...(scope !== undefined && { scope }) },
});

describe("who may come in", () => {
  const domain = { id: "default" };
  test.each<[string, object, object | undefined, boolean]>([
    ["name and password", { name: "alice", domain, password: "sesame" }, undefined, true],
    ["id and password", { id: "1".repeat(32), password: "sesame" }, undefined, true],
    [
      "into a project by name",
      { name: "alice", domain, password: "sesame" },
      { project: { name: "web", domain } },
      true,
    ],
    [
      "into a project by id",
      { name: "alice", domain, password: "sesame" },
      { project: { id: WEB.id } },
      true,
    ],
    ["another password", { name: "alice", domain, password: "Sesame" }, undefined, false],
    ["no password", { name: "alice", domain }, undefined, false],
    ["a password that is no text", { name: "alice", domain, password: { length: 1 } }, undefined, false],
    ["nobody", { name: "mallory", domain, password: "sesame" }, undefined, false],
    ["another domain", { name: "alice", domain: { id: "x" }, password: "sesame" }, undefined, false],
    [
      "into another's project",
      { name: "alice", domain, password: "sesame" },
      { project: { id: DB.id } },
      false,
    ],
    [
      "into no project",
      { name: "alice", domain, password: "sesame" },
      { project: { name: "x", domain } },
      false,
    ],
    [
      "into a project that is no object",
      { name: "alice", domain, password: "sesame" },
      { project: 7 },
      false,
    ],
  ])("%s", async (_name, user, scope, isIn) => {
    const entered = await login(door(NOW), body(user, scope));
    expect(entered?.session.project.name).toBe(isIn ? "web" : undefined);
  });

  test("no body makes it fail otherwise", async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (json) => {
        const asked = { auth: { identity: { methods: ["token"], token: json }, scope: json } };
        expect(isLogin(asked)).toBe(true);
        expect(await login(door(NOW), asked)).toBeUndefined();
        expect(isLogin(json)).toBe(false);
      }),
    );
  });
});

describe("a token", () => {
  const made = (): string => issue(people, people.users[0]!, WEB, NOW);

  test("says who, where and until when", () => {
    expect(sessionOf(people, made(), NOW)).toMatchObject({
      user: { name: "alice" },
      project: WEB,
      role: "member",
      expiresAt: NOW + TOKEN_SECONDS,
    });
  });

  test("is over in time, and one got by it no later", async () => {
    const token = made();
    expect(sessionOf(people, token, NOW + TOKEN_SECONDS - 1)).toBeDefined();
    expect(sessionOf(people, token, NOW + TOKEN_SECONDS)).toBeUndefined();
    const again = { auth: { identity: { methods: ["token"], token: { id: token } } } };
    const second = await login(door(NOW + 1000), again);
    expect(second?.session.expiresAt).toBe(NOW + TOKEN_SECONDS);
  });

  test("ends with the password, the role or the user", () => {
    const token = made();
    const [alice] = people.users as [People["users"][number]];
    const sessionWith = (users: People["users"]): unknown => sessionOf({ ...people, users }, token, NOW);
    expect(sessionWith([{ ...alice, password: "scrypt:1:1:1:AA==:AA==" }])).toBeUndefined();
    expect(sessionWith([{ ...alice, roles: {} }])).toBeUndefined();
    expect(sessionWith([])).toBeUndefined();
  });

  test("with one character changed is forged", () => {
    const token = made();
    fc.assert(
      fc.property(fc.nat(token.length - 1), fc.constantFrom(..."Aa0_-.z"), (at, character) => {
        const changed = token.slice(0, at) + character + token.slice(at + 1);
        fc.pre(changed !== token);
        expect(sessionOf(people, changed, NOW)).toBeUndefined();
      }),
    );
  });

  test("of any text is none", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(sessionOf(people, text, NOW)).toBeUndefined();
      }),
    );
  });
});

test("a password is kept as what scrypt makes of it, each time anew", async () => {
  const [one, two] = await Promise.all([hashPassword("x"), hashPassword("x")]);
  expect(one).not.toBe(two);
  expect([await isPassword("x", one!), await isPassword("y", one!)]).toEqual([true, false]);
  await expect(hashPassword("")).rejects.toThrow(RangeError);
});

describe("a file of users", () => {
  const good = (): object => JSON.parse(JSON.stringify(people)) as object;
  test("is read as it was written", () => {
    expect(parsePeople(JSON.stringify(people))).toEqual(people);
  });

  test.each<[string, (value: ReturnType<typeof good>) => unknown, RegExp]>([
    ["no JSON", () => undefined, /no JSON/],
    ["no object", () => [], /no object/],
    ["a short secret", (file) => ({ ...file, secret: "AA==" }), /secret/],
    ["no users", (file) => ({ ...file, users: 1 }), /lists/],
    [
      "a plain password",
      (file) => ({ ...file, users: [{ ...people.users[0], password: "sesame" }] }),
      /password/,
    ],
    [
      "an unknown role",
      (file) => ({ ...file, users: [{ ...people.users[0], roles: { [WEB.id]: "king" } }] }),
      /role/,
    ],
    ["a lost project", (file) => ({ ...file, projects: [] }), /which there is not/],
    ["a name twice", (file) => ({ ...file, projects: [WEB, { ...DB, name: "web" }] }), /two projects/],
  ])("with %s is refused, without a secret in the words", (_name, change, words) => {
    const text = JSON.stringify(change(good())) ?? "{";
    expect(() => parsePeople(text)).toThrow(words);
    expect(() => parsePeople(text)).not.toThrow(/sesame|AA==/);
  });
});
