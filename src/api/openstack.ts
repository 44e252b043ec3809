/**
 * The Networking API's face: paths below /v2.0, and the discovery documents that clients look at first.
 *
 * Bodies are read here and by keystone.ts, and nowhere else of the API. Who asks is found out before a body is read.
 */

import { randomUUID } from "node:crypto";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Caller } from "../neutron/caller.ts";
import { errorBody, Fault, notFound } from "../neutron/fault.ts";
import { RESOURCES } from "../neutron/resources.ts";
import type { ApiAnswer, ApiRequest } from "../neutron/service.ts";
import { ERRORS, Refusal, toJson } from "./answers.ts";
import { jsonOf, readJsonOnly } from "./json-body.ts";
import { inTurns } from "./pieces.ts";
import type { RateLimit } from "./rate-limit.ts";

/** What stands behind the paths. */
export interface NetworkingApi {
  /** @throws Fault */
  readonly ask: (caller: Caller, request: ApiRequest) => Promise<ApiAnswer>;
  /**
   * Who it is that has this token, or has none.
   * @param isLocal - the request came over the unix socket, whose file says who may
   */
  readonly caller: (token: string | undefined, isLocal: boolean) => Caller | undefined;
}

const METHODS = ["GET", "POST", "PUT", "DELETE"] as const;

/** Requests to the Networking and Identity APIs. */
export const isOpenstack = ({ url }: FastifyRequest): boolean =>
  url === "/" || /^\/(v2\.0|v3|projects|os-quota-sets)(\/|\?|$)/.test(url);

export interface Listener {
  /** The unix socket. */
  readonly isLocal: boolean;
  /** Undefined: clients ask as often as they like. */
  readonly rate: RateLimit | undefined;
  readonly log: FaultLog;
}

export function addOpenstack(
  app: FastifyInstance,
  api: NetworkingApi,
  { isLocal, rate, log }: Listener,
): void {
  void app.register((inner, _options, ready) => {
    readJsonOnly(inner);
    inner.addHook("onRequest", async (request, reply) => {
      void reply.header("x-openstack-request-id", `req-${randomUUID()}`);
      const caller = callerOf(request, api, isLocal);
      refuseHaste(rate, caller === undefined ? request.ip : `project ${caller.projectId}`, reply);
      if (request.url !== "/" && caller === undefined) await refuseStranger(request, reply);
    });
    inner.setErrorHandler((error, _request, reply) => sendFault(reply, faultOf(error, log)));
    inner.get("/", (request) => ({ versions: [versionAt(request)] }));
    inner.route({
      method: [...METHODS],
      url: "/v2.0/*",
      handler: async (request, reply) => await answer(request, reply, api, isLocal),
    });
    inner.route({
      method: [...METHODS],
      url: "/v2.0",
      handler: async (request, reply) => await answer(request, reply, api, isLocal),
    });
    ready();
  });
}

/** @throws Fault when the client has asked too often */
export function refuseHaste(rate: RateLimit | undefined, client: string, reply: FastifyReply): void {
  const seconds = rate?.take(client, performance.now()) ?? 0;
  if (seconds === 0) return;
  void reply.header("retry-after", String(seconds));
  throw new Fault(429, "OverLimit", `Too many requests. Come again in ${seconds} s.`);
}

/** One line for an answer that failed by a bug of ours. */
export type FaultLog = (message: string, facts: Readonly<Record<string, unknown>>) => void;

function callerOf(request: FastifyRequest, api: NetworkingApi, isLocal: boolean): Caller | undefined {
  const token = request.headers["x-auth-token"];
  return api.caller(typeof token === "string" ? token : undefined, isLocal);
}

/** As keystonemiddleware says it: where tokens are to be had stands in a header. */
async function refuseStranger(request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const message = "The request you have made requires authentication.";
  await reply
    .code(401)
    .header("www-authenticate", `Keystone uri="${baseOf(request)}/v3"`)
    .send({ error: { code: 401, title: "Unauthorized", message } });
}

export const baseOf = (request: FastifyRequest): string =>
  `${request.protocol}://${request.host || "localhost"}`;

const versionAt = (request: FastifyRequest): object => ({
  id: "v2.0",
  status: "CURRENT",
  links: [{ rel: "self", href: `${baseOf(request)}/v2.0/` }],
});

async function answer(
  request: FastifyRequest,
  reply: FastifyReply,
  api: NetworkingApi,
  isLocal: boolean,
): Promise<FastifyReply> {
  const [path = "", search = ""] = request.url.split("?", 2);
  const parts = partsOf(path);
  if (parts.length === 0) return await reply.send({ resources: resourcesAt(request) });
  const caller = callerOf(request, api, isLocal);
  if (caller === undefined) throw notFound();
  const ifMatch = request.headers["if-match"];
  const {
    status,
    body,
    pieces,
    notes = [],
  } = await api.ask(caller, {
    method: request.method as ApiRequest["method"],
    path: parts,
    query: [...new URLSearchParams(search)],
    body: jsonOf(request.body),
    url: `${baseOf(request)}${path}`,
    ...(ifMatch !== undefined && { ifMatch }),
  });
  void reply.code(status);
  if (notes.length > 0) void reply.header(NOTE, notes.slice(0, NOTES_MAX));
  if (pieces === undefined) return await reply.send(body);
  return await reply.type("application/json; charset=utf-8").send(inTurns(pieces));
}

/** What of an object does nothing. Clients that do not know the header show the object all the same. */
const NOTE = "x-gatewayd-note";
/** Of a router with hundreds of networks the first say enough; a client takes no more than some KiB of headers. */
const NOTES_MAX = 10;

const resourcesAt = (request: FastifyRequest): object[] =>
  Object.values(RESOURCES)
    .filter(({ within }) => within === undefined)
    .map(({ name, path, collection }) => ({
      name,
      collection,
      links: [{ rel: "self", href: `${baseOf(request)}/v2.0/${path}` }],
    }));

/** Pieces of the path behind /v2.0; old clients end it in ".json". */
function partsOf(path: string): string[] {
  const pieces = path.replace(/\.json$/, "").split("/");
  try {
    return pieces
      .slice(2)
      .filter((piece) => piece !== "")
      .map(decodeURIComponent);
  } catch {
    throw notFound();
  }
}

const TYPES: ReadonlyMap<number, string> = new Map([
  [403, "HTTPForbidden"],
  [413, "HTTPRequestEntityTooLarge"],
]);

/** Also what fastify throws of itself: a body that is too large, or that never came whole. */
export function faultOf(error: unknown, log: FaultLog): Fault {
  if (error instanceof Fault) return error;
  const { message } = error as Error;
  const { statusCode = 500 } =
    error instanceof Refusal
      ? { statusCode: ERRORS[error.detail.code] }
      : (error as { readonly statusCode?: number });
  if (statusCode < 500) return new Fault(statusCode, TYPES.get(statusCode) ?? "HTTPBadRequest", message);
  log("networking answer failed", { err: error });
  const text = "Request Failed: internal server error while processing your request.";
  return new Fault(500, "HTTPInternalServerError", text);
}

export const sendFault = (reply: FastifyReply, fault: Fault): FastifyReply =>
  reply
    .code(fault.detail.status)
    .type("application/json; charset=utf-8")
    .send(toJson(errorBody(fault)));
