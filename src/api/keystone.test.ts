import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { hashPassword } from "../identity/password.ts";
import type { People } from "../identity/people.ts";
import { TOKEN_SECONDS } from "../identity/tokens.ts";
import { sampleSource } from "./sample.ts";
import { type Api, createApi } from "./server.ts";

const WEB = { id: "a".repeat(32), name: "web" };
let directory: string;
let api: Api;
let base: string;
let people: People | undefined;
let now = 1_800_000_000;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "gatewayd-keystone-"));
  const password = await hashPassword("sesame");
  const users = [{ id: "1".repeat(32), name: "alice", password, roles: { [WEB.id]: "admin" as const } }];
  people = { secret: Buffer.alloc(32).toString("base64"), projects: [WEB], users };
  api = createApi(sampleSource({}), {
    socketPath: join(directory, "gw.sock"),
    tcp: { host: "127.0.0.1", port: 0 },
    log: () => {},
    identity: { people: () => people, now: () => now },
  });
  base = (await api.listen())[1]!;
});
afterAll(async () => {
  await api.close();
  await rm(directory, { recursive: true });
});

const log = (password: string): Promise<Response> =>
  post({
    auth: {
      identity: {
        methods: ["password"],
        password: { user: { name: "alice", domain: { id: "default" }, password } },
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
