import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { KeptIdentity } from "../identity/kept.ts";
import { hashPassword } from "../identity/password.ts";
import type { People } from "../identity/people.ts";
import { sessionOf, TOKEN_SECONDS } from "../identity/tokens.ts";
import { MemoryStore } from "../store/memory.ts";
import { sampleSource } from "./sample.ts";
import { type Api, createApi } from "./server.ts";

const WEB = { id: "a".repeat(32), name: "web" };
const ALICE = "1".repeat(32);
const BOB = "2".repeat(32);
let directory: string;
let api: Api;
let base: string;
let people: People | undefined;
let now = 1_800_000_000;
let kept: KeptIdentity;
const store = new MemoryStore();

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "gatewayd-keystone-"));
  const password = await hashPassword("sesame");
  const users = [
    { id: ALICE, name: "alice", password, roles: { [WEB.id]: "admin" as const } },
    { id: BOB, name: "bob", password, roles: { [WEB.id]: "member" as const } },
  ];
  kept = await KeptIdentity.open(store);
  people = { secret: Buffer.alloc(32).toString("base64"), projects: [WEB], users };
  api = createApi(sampleSource({}), {
    socketPath: join(directory, "gw.sock"),
    tcp: { host: "127.0.0.1", port: 0 },
    log: () => {},
    identity: { kept, people: () => people, now: () => now },
  });
  base = (await api.listen())[1]!;
});
afterAll(async () => {
  await api.close();
  kept.close();
  await store.close();
  await rm(directory, { recursive: true });
});

const log = (password: string, name = "alice"): Promise<Response> =>
  post({
    auth: {
      identity: {
        methods: ["password"],
        password: { user: { name, domain: { id: "default" }, password } },
      },
      scope: { project: { name: "web", domain: { id: "default" } } },
    },
  });

const post = (body: unknown): Promise<Response> =>
  fetch(`${base}/v3/auth/tokens`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });

test("the version leads to itself", async () => {
  const { version } = (await (await fetch(`${base}/v3`)).json()) as {
    version: { id: string; links: object[] };
  };
  expect(version).toMatchObject({ id: "v3.14", links: [{ rel: "self", href: `${base}/v3/` }] });
});

test("a login gives a token with a catalog, and the token opens the rest", async () => {
  const entered = await log("sesame");
  expect(entered.status).toBe(201);
  const subject = entered.headers.get("x-subject-token")!;
  const { token } = (await entered.json()) as {
    token: { catalog: { type: string; endpoints: { url: string }[] }[] };
  };
  expect(token).toMatchObject({
    user: { name: "alice", domain: { id: "default" } },
    project: { name: "web" },
    roles: [{ name: "admin" }, { name: "member" }, { name: "reader" }],
    expires_at: "2027-01-15T09:00:00.000000Z",
  });
  expect(token.catalog.map(({ type, endpoints }) => [type, endpoints[0]?.url])).toEqual([
    ["network", base],
    ["identity", `${base}/v3`],
  ]);
  const ask = async (path: string): Promise<unknown> =>
    (
      await fetch(`${base}${path}`, { headers: { "x-auth-token": subject, "x-subject-token": subject } })
    ).json();
  expect(await ask("/v3/projects?name=web")).toMatchObject({ projects: [{ id: WEB.id, name: "web" }] });
  expect(await ask(`/v3/projects/${WEB.id}`)).toMatchObject({ project: { name: "web" } });
  expect(await ask("/v3/users/nobody")).toMatchObject({ error: { code: 404 } });
  expect(await ask("/v3/auth/tokens")).toMatchObject({ token: { project: { name: "web" } } });
  now += TOKEN_SECONDS;
  expect(await ask("/v3/projects")).toMatchObject({ error: { code: 401 } });
  now -= TOKEN_SECONDS;
});

test("a login that fails says nothing about why", async () => {
  const answer = await log("wrong");
  expect([answer.status, await answer.json()]).toEqual([
    401,
    {
      error: {
        code: 401,
        title: "Unauthorized",
        message: "The request you have made requires authentication.",
      },
    },
  ]);
});

test.each([[undefined], [[]], [{ auth: {} }], [{ auth: { identity: { methods: {} } } }]])(
  "%j is no login",
  async (body) => {
    const answer = await post(body);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ error: { code: 400 } });
  },
);

test("without users there is nobody", async () => {
  const before = people;
  people = undefined;
  expect((await log("sesame")).status).toBe(401);
  people = before;
  expect((await log("sesame")).status).toBe(201);
});

interface Told {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

async function call(
  token: string,
  method: string,
  path: string,
  body?: object,
  subject = token,
): Promise<Told> {
  const headers = {
    "x-auth-token": token,
    "x-subject-token": subject,
    ...(body && { "content-type": "application/json" }),
  };
  const answer = await fetch(`${base}${path}`, {
    method,
    headers,
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, body: text === "" ? {} : (JSON.parse(text) as Told["body"]) };
}

const enter = async (identity: object): Promise<string | undefined> =>
  (await post({ auth: { identity } })).headers.get("x-subject-token") ?? undefined;
const known = new Map<string, Promise<string>>();
const freshTokenOf = async (name: string): Promise<string> =>
  (await log("sesame", name)).headers.get("x-subject-token")!;

/** A password takes its time to be checked. */
function tokenOf(name: string): Promise<string> {
  const token = known.get(name) ?? freshTokenOf(name);
  known.set(name, token);
  return token;
}

describe("a token that is revoked", () => {
  test("opens nothing any more, also after a restart; others of the same user do", async () => {
    const [one, other] = [await freshTokenOf("bob"), await tokenOf("bob")];
    expect((await call(one, "DELETE", "/v3/auth/tokens")).status).toBe(204);
    expect([await call(one, "GET", "/v3/projects"), await call(other, "GET", "/v3/projects")]).toMatchObject([
      { status: 401 },
      { status: 200 },
    ]);
    const again = await KeptIdentity.open(store);
    const session = sessionOf(people!, one, now, again);
    expect([session, sessionOf(people!, other, now, again)?.user.name]).toEqual([undefined, "bob"]);
    again.close();
  });

  test("is one's own, or anybody's for an admin", async () => {
    const [alice, bob] = [await tokenOf("alice"), await freshTokenOf("bob")];
    expect((await call(bob, "DELETE", "/v3/auth/tokens", undefined, alice)).status).toBe(403);
    expect((await call(alice, "DELETE", "/v3/auth/tokens", undefined, bob)).status).toBe(204);
    expect((await call(alice, "DELETE", "/v3/auth/tokens", undefined, bob)).status).toBe(404);
  });

  test("is forgotten when it would have ended", async () => {
    const old = await KeptIdentity.open(store);
    await old.revoke("long-ago", now - 1, now);
    await old.revoke("fresh", now + 60, now);
    expect((await store.read("/v1/identity/revoked/")).entries.has("/v1/identity/revoked/long-ago")).toBe(
      false,
    );
    old.close();
  });
});

const credentialsOf = (user: string): string => `/v3/users/${user}/application_credentials`;
const make = (token: string, attributes: object, user = BOB): Promise<Told> =>
  call(token, "POST", credentialsOf(user), { application_credential: attributes });
const made = async (token: string, attributes: object): Promise<{ id: string; secret: string }> => {
  const { status, body } = await make(token, attributes);
  expect(status).toBe(201);
  return body["application_credential"] as { id: string; secret: string };
};
const by = (given: object): Promise<string | undefined> =>
  enter({ methods: ["application_credential"], application_credential: given });

describe("an application credential", () => {
  test("logs in by its id or its name, says its secret once, and ends its tokens with itself", async () => {
    const bob = await tokenOf("bob");
    const { id, secret } = await made(bob, { name: "terraform", description: "plans" });
    const token = await by({ id, secret });
    expect(
      await by({ name: "terraform", secret, user: { name: "bob", domain: { id: "default" } } }),
    ).toBeDefined();
    expect([
      await by({ id, secret: "wrong" }),
      await by({ id: "x", secret }),
      await by({ name: "x", secret }),
    ]).toEqual([undefined, undefined, undefined]);
    const shown = await call(bob, "GET", `${credentialsOf(BOB)}/${id}`);
    expect(shown.body["application_credential"]).toMatchObject({
      name: "terraform",
      project_id: WEB.id,
      roles: [{ name: "member" }, { name: "reader" }],
    });
    expect(JSON.stringify(shown.body)).not.toMatch(/secret|scrypt/);
    expect((await call(token!, "GET", "/v3/auth/tokens")).body["token"]).toMatchObject({
      user: { name: "bob" },
      application_credential: { id, restricted: true },
    });
    expect((await call(token!, "GET", "/v3/projects")).status).toBe(200);
    expect((await call(bob, "DELETE", `${credentialsOf(BOB)}/${id}`)).status).toBe(204);
    expect((await call(token!, "GET", "/v3/projects")).status).toBe(401);
    expect((await call(bob, "GET", `${credentialsOf(BOB)}/${id}`)).status).toBe(404);
  });

  test("has no more than the roles that were asked for, and ends in time", async () => {
    const bob = await tokenOf("bob");
    const expires_at = new Date((now + 100) * 1000).toISOString();
    const { id, secret } = await made(bob, { name: "reader", roles: [{ name: "reader" }], expires_at });
    const token = await by({ id, secret });
    expect((await call(token!, "GET", "/v3/auth/tokens")).body["token"]).toMatchObject({
      roles: [{ name: "reader" }],
      expires_at: expires_at.replace(/\.\d+Z/, ".000000Z"),
    });
    now += 100;
    expect([await by({ id, secret }), (await call(token!, "GET", "/v3/projects")).status]).toEqual([
      undefined,
      401,
    ]);
    now -= 100;
  });

  test("makes no other one unless it is unrestricted", async () => {
    const bob = await tokenOf("bob");
    const [tied, free] = [
      await made(bob, { name: "tied" }),
      await made(bob, { name: "free", unrestricted: true }),
    ];
    const [one, other] = [await by(tied), await by(free)];
    expect((await make(one!, { name: "more" })).status).toBe(403);
    expect((await make(other!, { name: "more" })).status).toBe(201);
  });
});

describe("an application credential is refused", () => {
  test.each<[string, object, string, number]>([
    ["no name", {}, BOB, 400],
    ["a name twice", { name: "tied" }, BOB, 409],
    ["somebody else's", { name: "x" }, ALICE, 403],
    ["a greater role", { name: "x", roles: [{ name: "admin" }] }, BOB, 400],
    ["a role that there is not", { name: "x", roles: [{ name: "king" }] }, BOB, 400],
    ["an end in the past", { name: "x", expires_at: "2001-01-01T00:00:00" }, BOB, 400],
    ["an end that is no time", { name: "x", expires_at: {} }, BOB, 400],
    ["an empty secret", { name: "x", secret: "" }, BOB, 400],
    ["a long secret", { name: "x", secret: "x".repeat(2000) }, BOB, 400],
  ])("with %s", async (_name, attributes, user, status) => {
    const answer = await make(await tokenOf("bob"), attributes, user);
    expect([answer.status, answer.body]).toMatchObject([status, { error: { code: status } }]);
  });
});
