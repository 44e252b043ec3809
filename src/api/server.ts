/**
 * The HTTP API: the same paths on a unix socket and, when told, on TCP loopback.
 *
 * It only reads, but for some paths of the unix socket that end the daemon or act on a peer, and for the Networking API,
 * which asks who is asking (openstack.ts). Whoever may open the socket (owner and group) or is on this machine may ask;
 * so nothing else here is secret, and nobody can keep it busy: connections, headers, bodies, times and answers all have
 * limits.
 */

import { STATUS_CODES } from "node:http";
import { isIP, type Socket } from "node:net";
import Fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from "fastify";
import { ERRORS, type ErrorCode, Refusal, rawAnswer, toJson } from "./answers.ts";
import { addEvents, type EventFeed } from "./events.ts";
import { addKeystone } from "./keystone.ts";
import type { IdentityApi } from "./keystone-session.ts";
import { addOpenstack, type NetworkingApi, takesBody } from "./openstack.ts";
import { addControl, addPaths, CONTROL_PATHS } from "./paths.ts";
import { RateLimit } from "./rate-limit.ts";
import { claimSocket, ListenError, type SocketFile } from "./socket.ts";
import type { ApiControl, ApiSource } from "./source.ts";

export interface ApiOptions {
  /** The unix socket; its directory is made when missing. At most 99 octets. */
  readonly socketPath: string;
  /** A loopback address; port 0 takes a free one. */
  readonly tcp?: { readonly host: string; readonly port: number };
  /** What whoever may open the socket may have done; nobody else may. */
  readonly control?: ApiControl;
  /** OpenStack's Networking API, below /v2.0. */
  readonly networking?: NetworkingApi;
  /** What happens, for those who follow it; absent: nobody can. */
  readonly events?: EventFeed;
  /** Who may use it, below /v3. */
  readonly identity?: IdentityApi;
  readonly log: ApiLog;
  /** Called once per answer. `route` is a path of ours or "unknown", so that it can be a label. */
  readonly onAnswer?: (route: string, code: number) => void;
  readonly limits?: Partial<ApiLimits>;
}

/** One line: fixed words, then facts. */
type ApiLog = (message: string, facts: Readonly<Record<string, unknown>>) => void;

export interface ApiLimits {
  /** Until the last header of a request is there, counted from the connection or the request before. */
  readonly headerMs: number;
  /** Until its last octet is there. */
  readonly requestMs: number;
  /** Octets neither sent nor taken for this long end a connection, e.g. a client that does not read. */
  readonly silentMs: number;
  /** Between two requests of one connection. */
  readonly keepAliveMs: number;
  readonly bodyBytes: number;
  readonly headerBytes: number;
  /** Per listener; more are closed at once. */
  readonly connections: number;
  /** To the Networking and Identity APIs over TCP, of each project and of each address without a token. */
  readonly requestsPerSecond: number;
  /** Of these, how many may come at once after a pause. */
  readonly requestsAtOnce: number;
  /** How long close() waits for answers under way. */
  readonly closeMs: number;
}

export const API_LIMITS: ApiLimits = {
  headerMs: 10_000,
  requestMs: 30_000,
  silentMs: 30_000,
  keepAliveMs: 30_000,
  bodyBytes: 1_048_576,
  headerBytes: 16_384,
  connections: 64,
  requestsPerSecond: 200,
  requestsAtOnce: 500,
  closeMs: 2_000,
};

export interface Api {
  /** Opens every listener or none; gives where they are: a path, "http://127.0.0.1:9696". @throws ListenError */
  listen(): Promise<readonly string[]>;
  /** Answers what was asked, closes every connection and removes the socket file. */
  close(): Promise<void>;
}

export function createApi(source: ApiSource, options: ApiOptions): Api {
  const limits = { ...API_LIMITS, ...options.limits };
  const apps: FastifyInstance[] = [];
  let file: SocketFile | undefined;

  const close = async (): Promise<void> => {
    await Promise.all(apps.splice(0).map((app) => closeWithin(app, limits.closeMs)));
    await file?.remove();
    file = undefined;
  };
  const open = async (onSocket: boolean): Promise<FastifyInstance> => {
    const app = buildApp(source, options, limits, onSocket);
    apps.push(app);
    await app.ready();
    return app;
  };
  return {
    close,
    listen: async () => {
      try {
        file = await claimSocket(options.socketPath);
        await (await open(true)).listen({ path: file.bindPath, backlog: limits.connections });
        await file.publish();
        if (options.tcp === undefined) return [options.socketPath];
        requireLoopback(options.tcp.host);
        const tcp = await (await open(false)).listen({ ...options.tcp, backlog: limits.connections });
        return [options.socketPath, tcp];
      } catch (error) {
        await close();
        throw error instanceof ListenError ? error : listenFailure(options, error);
      }
    },
  };
}

function requireLoopback(host: string): void {
  // Nothing here asks who is asking, so no other machine may ask.
  if (host === "::1" || (isIP(host) === 4 && host.startsWith("127."))) return;
  throw new ListenError("tcp.notLoopback", host, `${host} is not a loopback address; use 127.0.0.1 or ::1`);
}

function listenFailure(options: ApiOptions, error: unknown): ListenError {
  const { syscall, message } = error as NodeJS.ErrnoException;
  const atTcp = options.tcp !== undefined && message.includes(`${options.tcp.host}:${options.tcp.port}`);
  const where = atTcp ? `${options.tcp?.host}:${options.tcp?.port}` : options.socketPath;
  return new ListenError(
    "failed",
    where,
    `the API cannot listen on ${where} (${syscall}): ${message}`,
    error,
  );
}

async function closeWithin(app: FastifyInstance, closeMs: number): Promise<void> {
  const deadline = setTimeout(() => app.server.closeAllConnections(), closeMs);
  try {
    app.server.closeIdleConnections();
    await app.close();
  } finally {
    clearTimeout(deadline);
  }
}

function buildApp(
  source: ApiSource,
  options: ApiOptions,
  limits: ApiLimits,
  onSocket: boolean,
): FastifyInstance {
  const app = Fastify({
    logger: false,
    bodyLimit: limits.bodyBytes,
    requestTimeout: limits.requestMs,
    connectionTimeout: limits.silentMs,
    keepAliveTimeout: limits.keepAliveMs,
    return503OnClosing: false,
    http: {
      headersTimeout: limits.headerMs,
      maxHeaderSize: limits.headerBytes,
      // Node looks for late clients every 30 s unless told otherwise: later than either limit.
      connectionsCheckingInterval: Math.min(1000, limits.headerMs),
    },
    clientErrorHandler: answerClientError,
    frameworkErrors: (error, _request, reply) => {
      void (reply as FastifyReply).code(400).send(new Refusal("request.malformed", error.message).answer);
    },
  });
  app.server.maxConnections = limits.connections;
  app.setReplySerializer(toJson);
  addChecks(app, limits, onSocket);
  addErrors(app, options.log);
  app.addHook("onResponse", async (request, reply) => {
    options.onAnswer?.(request.is404 ? "unknown" : (request.routeOptions.url ?? "unknown"), reply.statusCode);
  });
  addPaths(app, source);
  if (options.events !== undefined) addEvents(app, options.events);
  if (onSocket && options.control !== undefined) addControl(app, options.control);
  addOpenstackAnd(app, options, limits, onSocket);
  return app;
}

/** Whoever may open the socket is not held up: it is the operator's own. */
function addOpenstackAnd(
  app: FastifyInstance,
  { identity, networking, log }: ApiOptions,
  { requestsPerSecond, requestsAtOnce }: ApiLimits,
  onSocket: boolean,
): void {
  const rate = onSocket ? undefined : new RateLimit(requestsPerSecond, requestsAtOnce);
  if (identity !== undefined) addKeystone(app, identity, rate, log);
  if (networking !== undefined) addOpenstack(app, networking, { isLocal: onSocket, rate, log });
}

function addChecks(app: FastifyInstance, limits: ApiLimits, onSocket: boolean): void {
  app.addHook("onRequest", async (request, reply) => {
    void reply.headers({ "cache-control": "no-store", "x-content-type-options": "nosniff" });
    if (hasBody(request) && (request.is404 || !takesBody(request))) {
      // No other path takes a body. It is not read: the answer is the connection's last, whatever is still on its way.
      void reply.header("connection", "close");
      if (Number(request.headers["content-length"]) > limits.bodyBytes) {
        throw new Refusal("body.tooLarge", `a body has at most ${limits.bodyBytes} octets`);
      }
    }
    if (!onSocket) requireLocalHost(request);
    if (request.is404) throw refusePath(request);
  });
}

function hasBody({ headers }: FastifyRequest): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

/** A name that someone else's DNS points at 127.0.0.1 makes a browser on this machine read for them. */
function requireLocalHost(request: FastifyRequest): void {
  const { hostname } = request;
  if (hostname === "localhost" || isIP(hostname.replace(/^\[|\]$/g, "")) !== 0) return;
  throw new Refusal("host.refused", "the Host header must be an address or localhost");
}

const PATHS: readonly string[] = [
  ...[
    "status",
    "peers",
    "routes",
    "announcements",
    "received",
    "floatingips",
    "nat",
    "nat/who",
    "nat/block",
    "nat/sessions",
    "nat/top",
    "nat/pools",
    "nat/log",
    "nat/mappings",
    "nat/trace",
    "anycast",
    "nexthops",
    "rpki",
    "rpki/prefix",
    "store",
    "events",
    "monitors",
    "mrt/table",
  ].map((name) => `/api/v1/${name}`),
  ...["status", "protocols/bgp", "protocols/short", "routes/prefix"].map((name) => `/birdwatcher/${name}`),
  "/metrics",
  "/healthz",
  "/readyz",
];

function refusePath(request: FastifyRequest): Refusal {
  const path = request.url.split("?")[0] ?? "";
  if (PATHS.includes(path)) {
    return new Refusal("method.refused", `${request.method} is not possible here`, "use GET");
  }
  if (CONTROL_PATHS.includes(path)) {
    return new Refusal(
      "method.refused",
      `${request.method} is not possible here`,
      "use POST, on the unix socket",
    );
  }
  return new Refusal("path.unknown", "there is nothing at this path", `paths are ${PATHS.join(", ")}`);
}

function addErrors(app: FastifyInstance, log: ApiLog): void {
  // Never reached with an answer of its own: the onRequest hook refuses unknown paths before a body is read.
  app.setNotFoundHandler((request) => {
    throw refusePath(request);
  });
  app.setErrorHandler((error: FastifyError | Refusal, request, reply) => {
    const refusal = error instanceof Refusal ? error : refusalOf(error);
    const { code } = refusal.detail;
    if (code === "internal") log("api answer failed", { route: request.routeOptions.url, err: error });
    if (code === "method.refused") {
      const isControl = CONTROL_PATHS.includes(request.url.split("?")[0] ?? "");
      void reply.header("allow", isControl ? "POST" : "GET, HEAD");
    }
    return reply.code(ERRORS[code]).send(refusal.answer);
  });
}

/** What fastify throws of itself, without its words for our own bugs: they may hold what a caller must not see. */
function refusalOf(error: FastifyError): Refusal {
  const status = error.statusCode ?? 500;
  if (status === 413) return new Refusal("body.tooLarge", "the body is too large");
  if (status < 500) return new Refusal("request.invalid", error.message);
  return new Refusal("internal", "this could not be answered", "the log of gatewayd says why");
}

const CLIENT_ERRORS: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: ["request.timeout", "the request did not arrive in time"],
  HPE_HEADER_OVERFLOW: ["header.tooLarge", "the header is too large"],
};

function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === "ECONNRESET" || socket.destroyed) return;
  const [code, message] = CLIENT_ERRORS[error.code ?? ""] ?? ["request.malformed", "this is not HTTP/1.1"];
  if (socket.writable) socket.write(rawAnswer(new Refusal(code, message), STATUS_CODES[ERRORS[code]] ?? ""));
  socket.destroy();
}
