import { mkdtemp, rm } from "node:fs/promises";
import { type IncomingHttpHeaders, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { KeptIdentity } from "../identity/kept.ts";
import type { Caller } from "../neutron/caller.ts";
import { Keeper } from "../neutron/keeper.ts";
import { ADMIN, countingWorld } from "../neutron/testing/cloud.ts";
import { MemoryStore } from "../store/memory.ts";
import { DEPTH_MAX } from "./json-body.ts";
import { sampleSource } from "./sample.ts";
import { API_LIMITS, type Api, createApi } from "./server.ts";

let directory: string;
let api: Api;
let keeper: Keeper;
let tcp: URL;
const store = new MemoryStore();
const TOKENS: ReadonlyMap<string, Caller> = new Map([["alice", { projectId: "alice", role: "member" }]]);

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "gatewayd-openstack-"));
  const world = countingWorld();
  keeper = await Keeper.open(
    store,
    () => world,
    () => {},
  );
  api = createApi(sampleSource({}), {
    socketPath: join(directory, "gw.sock"),
    tcp: { host: "127.0.0.1", port: 0 },
    log: () => {},
    networking: {
      ask: (caller, asked) => keeper.ask(caller, asked),
      caller: (token, isLocal) => (isLocal ? ADMIN : TOKENS.get(token ?? "")),
    },
  });
  tcp = new URL((await api.listen())[1]!);
});
afterAll(async () => {
  await api.close();
  keeper.close();
  await store.close();
  await rm(directory, { recursive: true });
});

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
}

interface Asking {
  readonly method?: string;
  readonly body?: string | object;
  readonly headers?: Readonly<Record<string, string>>;
  readonly overTcp?: boolean;
  readonly socket?: string;
}

function ask(
  path: string,
  { method = "GET", body, headers = {}, overTcp = false, socket = "gw.sock" }: Asking = {},
): Promise<Answer> {
  const text = typeof body === "object" ? JSON.stringify(body) : body;
  const to = overTcp ? { host: tcp.hostname, port: tcp.port } : { socketPath: join(directory, socket) };
  const type = text === undefined ? {} : { "content-type": "application/json" };
  return new Promise((resolve, reject) => {
    const asked = request(
      { ...to, path, method, headers: { ...type, ...headers }, agent: false },
      (incoming) => {
        let said = "";
        incoming.setEncoding("utf8").on("data", (piece: string) => {
          said += piece;
        });
        incoming.on("end", () =>
          resolve({
            status: incoming.statusCode ?? 0,
            headers: incoming.headers,
            body: said === "" ? undefined : JSON.parse(said),
          }),
        );
      },
    );
    // What is too large is answered before all of it was taken.
    asked.on("error", (error: NodeJS.ErrnoException) => (error.code === "EPIPE" ? undefined : reject(error)));
    asked.end(text);
  });
}

test("clients find the version without being asked who they are", async () => {
  const { status, body } = await ask("/", { overTcp: true });
  expect(status).toBe(200);
  expect(body).toEqual({
    versions: [{ id: "v2.0", status: "CURRENT", links: [{ rel: "self", href: `${tcp.origin}/v2.0/` }] }],
  });
});

test("an object is made, shown, changed and deleted", async () => {
  const made = await ask("/v2.0/networks", { method: "POST", body: { network: { name: "a" } } });
  expect([made.status, String(made.headers["x-openstack-request-id"]).slice(0, 4)]).toEqual([201, "req-"]);
  const { id } = (made.body as { network: { id: string } }).network;
  expect((await ask("/v2.0/networks.json?name=a&fields=id")).body).toEqual({ networks: [{ id }] });
  const put = { method: "PUT", body: { network: { name: "b" } } };
  const stale = await ask(`/v2.0/networks/${id}`, { ...put, headers: { "if-match": "revision_number=7" } });
  expect(stale.status).toBe(412);
  expect((await ask(`/v2.0/networks/${id}`, put)).status).toBe(200);
  const gone = await ask(`/v2.0/networks/${id}`, { method: "DELETE" });
  expect([gone.status, gone.body]).toEqual([204, undefined]);
});

test("what of an object does nothing is said in a header beside it", async () => {
  const body = { security_group: { name: "web" } };
  const { status, headers } = await ask("/v2.0/security-groups", { method: "POST", body });
  expect([status, headers["x-gatewayd-note"]]).toEqual([
    201,
    "gatewayd filters no packets: security groups and their rules are kept, and do nothing",
  ]);
  expect((await ask("/v2.0/networks")).headers["x-gatewayd-note"]).toBeUndefined();
});

test("links of pages lead back here", async () => {
  for (const name of ["p1", "p2"]) await ask("/v2.0/routers", { method: "POST", body: { router: { name } } });
  const { body } = await ask("/v2.0/routers?limit=1&sort_key=name");
  const [{ href }] = (body as { routers_links: [{ href: string }] }).routers_links;
  const next = await ask(href.slice(href.indexOf("/v2.0")));
  expect((next.body as { routers: { name: string }[] }).routers.map(({ name }) => name)).toEqual(["p2"]);
});

describe("who asks", () => {
  test.each([{}, { "x-auth-token": "forged" }, { "x-auth-token": "__proto__" }])(
    "%j is a stranger",
    async (headers) => {
      const { status, body, headers: answered } = await ask("/v2.0/networks", { overTcp: true, headers });
      expect(status).toBe(401);
      expect(answered["www-authenticate"]).toBe(`Keystone uri="${tcp.origin}/v3"`);
      expect(body).toEqual({
        error: {
          code: 401,
          title: "Unauthorized",
          message: "The request you have made requires authentication.",
        },
      });
    },
  );

  test("who has a token is its project", async () => {
    const headers = { "x-auth-token": "alice" };
    const body = { network: { name: "hers" } };
    const { body: made } = await ask("/v2.0/networks", { method: "POST", body, headers, overTcp: true });
    expect((made as { network: { project_id: string } }).network.project_id).toBe("alice");
  });
});

describe("what a client without a catalog looks for here", () => {
  let beside: Api;
  const PROJECTS = [
    { id: "b".repeat(32), name: "web" },
    { id: "c".repeat(32), name: "admin" },
  ];
  beforeAll(async () => {
    beside = createApi(sampleSource({}), {
      socketPath: join(directory, "beside.sock"),
      log: () => {},
      networking: { ask: (caller, asked) => keeper.ask(caller, asked), caller: () => ADMIN },
      identity: {
        people: () => ({ secret: "", users: [], projects: PROJECTS }),
        now: () => 0,
        kept: await KeptIdentity.open(store),
      },
    });
    await beside.listen();
  });
  afterAll(async () => await beside.close());
  const ids = ({ status, body }: Answer): unknown =>
    status !== 200
      ? status
      : ((body as { projects?: { id: string }[] }).projects?.map(({ id }) => id) ?? body);

  test.each<[string, string, unknown]>([
    ["beside.sock", "/projects", ["admin", PROJECTS[0]!.id]],
    ["beside.sock", "/projects?name=web", [PROJECTS[0]!.id]],
    ["beside.sock", "/projects?name=admin", ["admin"]],
    ["beside.sock", "/projects?name=nope", []],
    ["beside.sock", "/projects/nope", 404],
    ["beside.sock", `/projects/${PROJECTS[0]!.id}`, { project: expect.objectContaining({ name: "web" }) }],
    // Without a file of users, a project is whatever somebody calls so.
    ["gw.sock", "/projects/web", { project: expect.objectContaining({ id: "web", name: "web" }) }],
    ["gw.sock", "/projects?name=web", ["web"]],
    ["gw.sock", "/projects", ["admin"]],
    ["gw.sock", "/os-quota-sets/web/defaults", { quota_set: {} }],
  ])("%s %s", async (socket, path, expected) => {
    expect(ids(await ask(path, { socket }))).toEqual(expected);
  });
  test.each(["/projects", "/projects/web", "/os-quota-sets/web"])(
    "%s is not there where somebody is asked who he is",
    async (path) => expect((await ask(path, { overTcp: true })).status).toBe(404),
  );
});

test("a bug of ours is told as Neutron tells it, and no word of it goes out", async () => {
  const failing = createApi(sampleSource({}), {
    socketPath: join(directory, "failing.sock"),
    log: () => {},
    networking: { ask: () => Promise.reject(new RangeError("a secret")), caller: () => ADMIN },
  });
  await failing.listen();
  const { status, body } = await ask("/v2.0/networks", { socket: "failing.sock" });
  await failing.close();
  const message = "Request Failed: internal server error while processing your request.";
  const type = "HTTPInternalServerError";
  expect([status, body]).toEqual([500, { NeutronError: { type, message, detail: "" } }]);
});

test("who asks too often over TCP is told when to come again; the socket is not held up", async () => {
  const slow = createApi(sampleSource({}), {
    socketPath: join(directory, "slow.sock"),
    tcp: { host: "127.0.0.1", port: 0 },
    log: () => {},
    networking: {
      ask: (caller, asked) => keeper.ask(caller, asked),
      caller: (token, isLocal) => (isLocal ? ADMIN : TOKENS.get(token ?? "")),
    },
    identity: { people: () => undefined, now: () => 0, kept: await KeptIdentity.open(store) },
    limits: { requestsPerSecond: 0.001, requestsAtOnce: 2 },
  });
  const base = (await slow.listen())[1]!;
  const get = async (path: string, token?: string): Promise<readonly [number, string | null]> => {
    const answer = await fetch(
      `${base}${path}`,
      token === undefined ? {} : { headers: { "x-auth-token": token } },
    );
    return [answer.status, answer.headers.get("retry-after")];
  };
  expect([await get("/v2.0/networks", "alice"), await get("/v2.0/networks", "alice")]).toEqual([
    [200, null],
    [200, null],
  ]);
  expect(await get("/v2.0/networks", "alice")).toEqual([429, expect.stringMatching(/^\d+$/)]);
  // Forged tokens are one client, and nobody else's.
  expect((await get("/v2.0/networks", "forged"))[0]).toBe(401);
  expect((await get("/v3"))[0]).toBe(200);
  expect([(await get("/v2.0/networks", "another"))[0], (await get("/v3"))[0]]).toEqual([429, 429]);
  for (let i = 0; i < 4; i++) {
    expect((await ask("/v2.0/networks", { socket: "slow.sock" })).status).toBe(200);
  }
  await slow.close();
});

const manyKeys = (count: number): object =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, i]));

describe("what is hostile", () => {
  const deep = `${"[".repeat(DEPTH_MAX + 1)}${"]".repeat(DEPTH_MAX + 1)}`;
  test.each<[string, string, Asking, number, string]>([
    [
      "a large body",
      "networks",
      { body: `{"network":{"name":"${"x".repeat(API_LIMITS.bodyBytes)}"}}` },
      413,
      "HTTPRequestEntityTooLarge",
    ],
    ["a deep one", "networks", { body: `{"network":{"name":${deep}}}` }, 400, "HTTPBadRequest"],
    ["no JSON", "networks", { body: "{" }, 400, "HTTPBadRequest"],
    ["too many attributes", "networks", { body: { network: manyKeys(101) } }, 400, "HTTPBadRequest"],
    ["too many members", "networks", { body: { network: manyKeys(20_001) } }, 400, "HTTPBadRequest"],
    [
      "a form of a web page",
      "networks",
      { body: "{}", headers: { "content-type": "text/plain" } },
      415,
      "HTTPBadRequest",
    ],
    ["nothing", "networks", {}, 400, "HTTPBadRequest"],
    ["a path beyond", "networks/a/b/c/d", {}, 404, "HTTPNotFound"],
    ["a name of Object", "constructor", {}, 404, "HTTPNotFound"],
  ])("%s", async (_name, path, asking, status, type) => {
    const answer = await ask(`/v2.0/${path}`, { method: "POST", ...asking });
    expect(answer.status).toBe(status);
    expect(answer.body).toMatchObject({ NeutronError: { type, detail: "" } });
  });

  test("brackets in a text are no depth", async () => {
    const name = '["'.repeat(40);
    expect((await ask("/v2.0/networks", { method: "POST", body: { network: { name } } })).status).toBe(201);
  });

  test("a browser under another name is refused over TCP", async () => {
    const { status } = await ask("/v2.0/networks", { overTcp: true, headers: { host: "evil.example" } });
    expect(status).toBe(403);
  });
});
