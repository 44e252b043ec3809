import Fastify, { type FastifyInstance, type FastifyReply } from "fastify";
import { expect, test } from "vitest";
import { ERRORS, Refusal } from "./answers.ts";
import { type Authority, addGuard, type Guard, isStillGood, type Reach } from "./guard.ts";
import { RateLimit } from "./rate-limit.ts";

const TOKENS: ReadonlyMap<string, Authority> = new Map([
  ["admin", "write"],
  ["auditor", "read"],
  ["tenant", "none"],
]);

function guarded(guard: Partial<Guard> & Pick<Guard, "reach">): FastifyInstance {
  const app = Fastify();
  const authority: Guard["authority"] = (token, isSocket) => (isSocket ? "write" : TOKENS.get(token ?? ""));
  addGuard(app, { secured: true, rate: undefined, authority, ...guard });
  app.setErrorHandler((error, _request, reply: FastifyReply) => {
    if (!(error instanceof Refusal)) throw error;
    return reply.code(ERRORS[error.detail.code]).send(error.answer);
  });
  for (const url of ["/api/v1/peers", "/api/v1/explain", "/healthz", "/metrics"]) app.get(url, () => []);
  app.put("/api/v1/pools/one", () => []);
  app.get("/v2.0/networks", () => []);
  return app;
}

const asks = async (
  app: FastifyInstance,
  method: "GET" | "PUT",
  url: string,
  token: string,
): Promise<number> =>
  (await app.inject({ method, url, ...(token !== "" && { headers: { "x-auth-token": token } }) })).statusCode;

test.each<[Reach, "GET" | "PUT", string, Readonly<Record<string, number>>]>([
  ["socket", "GET", "/api/v1/peers", { "": 200, forged: 200 }],
  ["socket", "PUT", "/api/v1/pools/one", { "": 200 }],
  ["machine", "GET", "/api/v1/peers", { "": 200, forged: 200 }],
  // It tells of the objects of all projects.
  ["machine", "GET", "/api/v1/explain", { "": 401, forged: 401, tenant: 403, auditor: 200, admin: 200 }],
  ["machine", "GET", "/api/v1/%65xplain?about=x", { "": 401, tenant: 403, auditor: 200 }],
  ["socket", "GET", "/api/v1/explain", { "": 200 }],
  ["machine", "PUT", "/api/v1/pools/one", { "": 401, forged: 401, tenant: 403, auditor: 403, admin: 200 }],
  ["world", "GET", "/api/v1/peers", { "": 401, forged: 401, tenant: 403, auditor: 200, admin: 200 }],
  ["world", "PUT", "/api/v1/pools/one", { "": 401, forged: 401, tenant: 403, auditor: 403, admin: 200 }],
  ["world", "GET", "/metrics", { "": 401, auditor: 200 }],
  ["world", "GET", "/nowhere", { "": 401, admin: 404 }],
  ["world", "GET", "/healthz", { "": 200 }],
  // It asks for itself.
  ["world", "GET", "/v2.0/networks", { "": 200 }],
])("%s: %s %s", async (reach, method, url, statuses) => {
  const app = guarded({ reach });
  for (const [token, status] of Object.entries(statuses)) {
    expect([token, await asks(app, method, url, token)]).toEqual([token, status]);
  }
});

test("whoever was let in is still good as long as the token is", async () => {
  const tokens = new Map(TOKENS);
  const guard: Guard = {
    ...{ reach: "world", secured: true, rate: undefined },
    authority: (token) => tokens.get(token ?? ""),
  };
  const seen: boolean[] = [];
  const app = Fastify();
  app.get("/api/v1/events", (request) => seen.push(isStillGood(guard, request)));
  const ask = (): Promise<number> => asks(app, "GET", "/api/v1/events", "auditor");
  await ask();
  tokens.set("auditor", "none");
  await ask();
  tokens.delete("auditor");
  await ask();
  expect(seen).toEqual([true, false, false]);
});

test("a stranger is told where tokens are to be had", async () => {
  const app = guarded({ reach: "world" });
  const { headers } = await app.inject({ url: "/api/v1/peers", headers: { host: "gw1.example:9696" } });
  expect(headers["www-authenticate"]).toBe('Keystone uri="http://gw1.example:9696/v3"');
});

test.each<[Reach, boolean, number]>([
  ["machine", false, 403],
  ["machine", true, 200],
  ["socket", false, 200],
])("a rebound name at %s, TLS: %s: %i", async (reach, secured, status) => {
  const app = guarded({ reach, secured });
  const answer = await app.inject({ url: "/api/v1/peers", headers: { host: "rebound.example" } });
  expect(answer.statusCode).toBe(status);
});

test("whoever asks too often is told when to come again, with a token too", async () => {
  const app = guarded({ reach: "world", rate: new RateLimit(0.001, 2) });
  const statuses = [];
  for (let i = 0; i < 3; i++) statuses.push(await asks(app, "GET", "/api/v1/peers", "admin"));
  expect(statuses).toEqual([200, 200, 429]);
  const { headers } = await app.inject({ url: "/api/v1/peers" });
  expect(Number(headers["retry-after"])).toBeGreaterThan(1);
});
