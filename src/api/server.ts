/**
 * The HTTP API: the same paths on a unix socket and, when told, by TCP; beyond this machine with TLS only. Another
 * listener gives metrics and health alone.
 *
 * Whoever may open the socket (owner and group) may have everything done, whoever is on this machine may look; others,
 * and whoever changes something by TCP, need a token (guard.ts). Nobody can keep it busy: connections, headers, bodies,
 * times and answers all have limits.
 */

import { STATUS_CODES } from "node:http";
import { Server as SecureServer } from "node:https";
import { isIP, type Socket } from "node:net";
import type { SecureContextOptions } from "node:tls";
import Fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from "fastify";
import { ERRORS, type ErrorCode, Refusal, rawAnswer, toJson } from "./answers.ts";
import { addEvents, type EventFeed } from "./events.ts";
import { type AuthorityOf, addGuard, isStillGood, type Reach } from "./guard.ts";
import { addKeystone } from "./keystone.ts";
import type { IdentityApi } from "./keystone-session.ts";
import { OPERATIONS } from "./openapi/operations.ts";
import { addOpenstack, isOpenstack, type NetworkingApi } from "./openstack.ts";
import { addOwn, changesOwn, type OwnApi } from "./own.ts";
import { addControl, addHealth, addPaths, CONTROL_PATHS, HEALTH_PATHS } from "./paths.ts";
import { RateLimit } from "./rate-limit.ts";
import { claimSocket, ListenError, type SocketFile } from "./socket.ts";
import type { ApiControl, ApiSource } from "./source.ts";
import { addUnasked } from "./unasked.ts";

export interface ApiOptions {
  /** The unix socket; its directory is made when missing. At most 99 octets. */
  readonly socketPath: string;
  /** Beyond loopback only with a certificate; port 0 takes a free one. */
  readonly tcp?: At;
  /** For metrics and health alone, which nobody needs a token for. */
  readonly metrics?: At;
  /** Has `tcp` and `metrics` speak TLS. */
  readonly certificate?: Certificate;
  /** Who may do what with the gateway itself; absent: what comes over the socket may all, and others nothing that takes a token. */
  readonly authority?: AuthorityOf;
  /** What whoever may open the socket may have done; nobody else may. */
  readonly control?: ApiControl;
  /** OpenStack's Networking API, below /v2.0. */
  readonly networking?: NetworkingApi;
  /** Pools and anycast services that can be made; absent: none can. */
  readonly own?: OwnApi;
  /** What happens, for those who follow it; absent: nobody can. */
  readonly events?: EventFeed;
  /** Who may use it, below /v3. */
  readonly identity?: IdentityApi;
  readonly log: ApiLog;
  /** Called once per answer. `route` is a path of ours or "unknown", so that it can be a label. */
  readonly onAnswer?: (route: string, code: number) => void;
  readonly limits?: Partial<ApiLimits>;
}

interface At {
  readonly host: string;
  readonly port: number;
}

/** In PEM. */
interface Certificate {
  readonly cert: string;
  readonly key: string;
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
  /** Over TCP, of each address; to the Networking API with a token, of each project. */
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
  /** Opens every listener or none; gives where they are: a path, "https://192.0.2.1:9696". @throws ListenError */
  listen(): Promise<readonly string[]>;
  /** Shows another certificate from the next connection on. Those that there are go on. */
  useCertificate(certificate: Certificate): void;
  /** Answers what was asked, closes every connection and removes the socket file. */
  close(): Promise<void>;
}

export function createApi(source: ApiSource, options: ApiOptions): Api {
  const limits = { ...API_LIMITS, ...options.limits };
  const apps: FastifyInstance[] = [];
  let file: SocketFile | undefined;
  let { certificate } = options;

  const close = async (): Promise<void> => {
    await Promise.all(apps.splice(0).map((app) => closeWithin(app, limits.closeMs)));
    await file?.remove();
    file = undefined;
  };
  const open = async (fill: Fill, reach: Reach, at: At | { readonly path: string }): Promise<string> => {
    const app = emptyApp(options, limits, reach === "socket" ? undefined : certificate);
    apps.push(app);
    fill(app, source, options, limits, reach);
    await app.ready();
    return await app.listen({ ...at, backlog: limits.connections });
  };
  return {
    close,
    useCertificate: (next) => {
      certificate = next;
      for (const { server } of apps)
        if (server instanceof SecureServer) server.setSecureContext(secure(next));
    },
    listen: async () => {
      const { socketPath, tcp, metrics } = options;
      try {
        file = await claimSocket(socketPath);
        await open(fillWhole, "socket", { path: file.bindPath });
        await file.publish();
        const listening = [socketPath];
        if (tcp !== undefined) {
          const reach = isLoopback(tcp.host) ? "machine" : "world";
          if (reach === "world") requireTls(tcp, certificate);
          listening.push(await open(fillWhole, reach, tcp));
        }
        if (metrics !== undefined) listening.push(await open(fillMetrics, "world", metrics));
        return listening;
      } catch (error) {
        await close();
        throw error instanceof ListenError ? error : listenFailure(options, error);
      }
    },
  };
}

const isLoopback = (host: string): boolean => host === "::1" || (isIP(host) === 4 && host.startsWith("127."));

function requireTls({ host }: At, certificate: Certificate | undefined): void {
  // Tokens and passwords would be read on the way.
  if (certificate !== undefined) return;
  throw new ListenError("tcp.withoutTls", host, `${host} is not a loopback address; it takes a certificate`);
}

function listenFailure(options: ApiOptions, error: unknown): ListenError {
  const { syscall, message } = error as NodeJS.ErrnoException;
  const places = [options.tcp, options.metrics].flatMap((at) => (at ? `${at.host}:${at.port}` : []));
  const where = places.find((place) => message.includes(place)) ?? options.socketPath;
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

/** RFC 9325 §3.1.1: nothing older. */
const secure = ({ cert, key }: Certificate): SecureContextOptions => ({ cert, key, minVersion: "TLSv1.2" });

/** Without paths. */
function emptyApp(
  options: ApiOptions,
  limits: ApiLimits,
  certificate: Certificate | undefined,
): FastifyInstance {
  const http = {
    headersTimeout: limits.headerMs,
    maxHeaderSize: limits.headerBytes,
    // Node looks for late clients every 30 s unless told otherwise: later than either limit.
    connectionsCheckingInterval: Math.min(1000, limits.headerMs),
  };
  const https = certificate && { ...http, ...secure(certificate), handshakeTimeout: limits.headerMs };
  const app: FastifyInstance = Fastify({
    logger: false,
    bodyLimit: limits.bodyBytes,
    requestTimeout: limits.requestMs,
    connectionTimeout: limits.silentMs,
    keepAliveTimeout: limits.keepAliveMs,
    return503OnClosing: false,
    clientErrorHandler: answerClientError,
    frameworkErrors: (error, _request, reply) => {
      void (reply as FastifyReply).code(400).send(new Refusal("request.malformed", error.message).answer);
    },
    ...(https === undefined ? { http } : { https }),
  });
  app.server.maxConnections = limits.connections;
  app.setReplySerializer(toJson);
  addErrors(app, options.log);
  app.addHook("onRequest", async (_request, reply) => {
    void reply.headers({ "cache-control": "no-store", "x-content-type-options": "nosniff" });
  });
  app.addHook("onResponse", async (request, reply) => {
    options.onAnswer?.(request.is404 ? "unknown" : (request.routeOptions.url ?? "unknown"), reply.statusCode);
  });
  return app;
}

type Fill = (
  app: FastifyInstance,
  source: ApiSource,
  options: ApiOptions,
  limits: ApiLimits,
  reach: Reach,
) => void;

const fillMetrics: Fill = (app, source, _options, limits) => {
  addChecks(app, limits, HEALTH_PATHS);
  addHealth(app, source);
};

const fillWhole: Fill = (app, source, options, limits, reach) => {
  // Whoever may open the socket is not held up: it is the operator's own.
  const rate =
    reach === "socket" ? undefined : new RateLimit(limits.requestsPerSecond, limits.requestsAtOnce);
  const { identity, networking, own, events, control, authority, log } = options;
  const guard = { reach, secured: options.certificate !== undefined, authority, rate };
  addGuard(app, guard);
  addChecks(app, limits, PATHS);
  addPaths(app, source);
  addHealth(app, source);
  if (own !== undefined) addOwn(app, own);
  if (events !== undefined) addEvents(app, events, (request) => isStillGood(guard, request));
  if (reach === "socket" && control !== undefined) addControl(app, control);
  if (identity !== undefined) addKeystone(app, identity, rate, log);
  if (networking === undefined) return;
  const listener = { isLocal: reach === "socket", rate, log };
  addOpenstack(app, networking, listener);
  addUnasked(app, networking, identity?.people, listener);
};

function addChecks(app: FastifyInstance, limits: ApiLimits, paths: readonly string[]): void {
  app.addHook("onRequest", async (request, reply) => {
    if (hasBody(request) && (request.is404 || !(isOpenstack(request) || changesOwn(request)))) {
      // No other path takes a body. It is not read: the answer is the connection's last, whatever is still on its way.
      void reply.header("connection", "close");
      if (Number(request.headers["content-length"]) > limits.bodyBytes) {
        throw new Refusal("body.tooLarge", `a body has at most ${limits.bodyBytes} octets`);
      }
    }
    if (request.is404) throw refusePath(request, paths);
  });
  // Never reached with an answer of its own: the hook refuses unknown paths before a body is read.
  app.setNotFoundHandler((request) => {
    throw refusePath(request, paths);
  });
}

function hasBody({ headers }: FastifyRequest): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

const PATHS: readonly string[] = [
  ...OPERATIONS.filter(({ method, path }) => method === "get" && !path.includes("{")).map(({ path }) => path),
  ...["status", "protocols/bgp", "protocols/short", "routes/prefix"].map((name) => `/birdwatcher/${name}`),
];

function refusePath(request: FastifyRequest, paths: readonly string[]): Refusal {
  const path = request.url.split("?")[0] ?? "";
  if (paths.includes(path)) {
    return new Refusal("method.refused", `${request.method} is not possible here`, "use GET");
  }
  if (CONTROL_PATHS.includes(path)) {
    return new Refusal(
      "method.refused",
      `${request.method} is not possible here`,
      "use POST, on the unix socket",
    );
  }
  return new Refusal("path.unknown", "there is nothing at this path", `paths are ${paths.join(", ")}`);
}

function addErrors(app: FastifyInstance, log: ApiLog): void {
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
