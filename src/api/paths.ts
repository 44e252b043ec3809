/** The paths of the API: each reads its query, asks the source, and answers. */

import { Readable } from "node:stream";
import { setImmediate as turn } from "node:timers/promises";
import type { FastifyInstance } from "fastify";
import { Refusal } from "./answers.ts";
import { addBirdwatcher } from "./birdwatcher.ts";
import { openApi } from "./openapi/document.ts";
import { badCursor, cut, sendPage } from "./pages.ts";
import {
  readAnnouncementQuery,
  readBlockQuery,
  readErrorsQuery,
  readExplainQuery,
  readMappingsQuery,
  readNothing,
  readOrderQuery,
  readPaging,
  readPeersQuery,
  readReceivedQuery,
  readRouteQuery,
  readRpkiQuery,
  readSessionsQuery,
  readStopQuery,
  readTraceQuery,
  readWhoQuery,
} from "./query.ts";
import type { PeerAnswer } from "./schema.ts";
import {
  type ApiControl,
  type ApiSource,
  CursorError,
  type Page,
  PEER_ORDERS,
  type PeerRequest,
} from "./source.ts";

export function addPaths(app: FastifyInstance, source: ApiSource): void {
  addState(app, source);
  addLists(app, source);
  addMonitors(app, source);
  addPagedLists(app, source);
  addReceived(app, source);
  addErrors(app, source);
  addBirdwatcher(app, source.birdwatcher);
}

const STOP_PATH = "/api/v1/stop";
const orderPath = (order: PeerRequest["order"]): string => `/api/v1/peer/${order}`;

/** What is done and not asked. */
export const CONTROL_PATHS: readonly string[] = [STOP_PATH, ...PEER_ORDERS.map(orderPath)];

export function addControl(app: FastifyInstance, control: ApiControl): void {
  // The answer is on its way before the end begins, which closes the connection.
  app.post(STOP_PATH, (request, reply) => reply.code(202).send(control.stop(readStopQuery(request.query))));
  for (const order of PEER_ORDERS) {
    const takesText = order === "shutdown" || order === "reset";
    app.post(orderPath(order), (request, reply) => {
      const query = readOrderQuery(request.query, takesText);
      const answer = control.order({ ...query, order });
      if (answer === undefined) throw unknownPeer(query.peer);
      return reply.code(202).send(answer);
    });
  }
}

function addState(app: FastifyInstance, source: ApiSource): void {
  app.get("/api/v1/status", (request) => {
    readNothing(request.query);
    return source.status();
  });
  app.get("/api/v1/nat", (request) => {
    readNothing(request.query);
    return source.nat();
  });
  app.get("/api/v1/store", (request) => {
    readNothing(request.query);
    return source.store();
  });
  app.get("/api/v1/nat/who", (request) => source.natWho(readWhoQuery(request.query)));
  app.get("/api/v1/nat/sessions", (request) => source.natSessions(readSessionsQuery(request.query)));
  app.get("/api/v1/nat/top", (request) => source.natTop(readSessionsQuery(request.query)));
  app.get("/api/v1/nat/pools", (request) => {
    readNothing(request.query);
    return source.natPools();
  });
  app.get("/api/v1/nat/trace", (request) => source.natTrace(readTraceQuery(request.query)));
  app.get("/api/v1/nat/log", (request) => {
    readNothing(request.query);
    return source.natLog();
  });
  app.get("/api/v1/nat/mappings", (request) => source.natMappings(readMappingsQuery(request.query)));
  app.get("/api/v1/nat/block", (request) => source.natBlock(readBlockQuery(request.query)));
  app.get("/api/v1/explain", (request) => source.explain(readExplainQuery(request.query)));
  app.get("/api/v1/rpki", (request) => {
    readNothing(request.query);
    return source.rpki();
  });
  app.get("/api/v1/rpki/prefix", (request) => source.rpkiPrefix(readRpkiQuery(request.query)));
  let document: object | undefined;
  app.get("/api/v1/openapi.json", async (request) => {
    readNothing(request.query);
    document ??= openApi((await source.status()).version);
    return document;
  });
  app.get("/api/v1/mrt/table", (request, reply) => {
    readNothing(request.query);
    const file = Readable.from(inTurns(source.mrtTable()), { objectMode: false });
    return reply.header("content-type", "application/octet-stream").send(file);
  });
}

export const HEALTH_PATHS: readonly string[] = ["/metrics", "/healthz", "/readyz"];

/** Probes and scrapers append parameters of their own, so these ignore the query. */
export function addHealth(app: FastifyInstance, source: ApiSource): void {
  app.get("/healthz", () => ({ ready: true, reasons: [] }));
  app.get("/readyz", async (_request, reply) => {
    const answer = await source.ready();
    return reply.code(answer.ready ? 200 : 503).send(answer);
  });
  app.get("/metrics", async (_request, reply) => {
    const { contentType, body } = await source.metrics();
    return reply.header("content-type", contentType).send(body);
  });
}

/** Lists that the source gives whole; pages are cut here. */
function addLists(app: FastifyInstance, source: ApiSource): void {
  app.get("/api/v1/peers", async (request, reply) => {
    const { peer, ...paging } = readPeersQuery(request.query);
    const peers = await source.peers();
    if (peer === undefined)
      return sendPage(
        request,
        reply,
        cut(peers, (p) => p.address, paging),
      );
    const named = peers.filter((p) => isNamed(p, peer));
    if (named.length === 0) throw unknownPeer(peer);
    return named;
  });
  app.get("/api/v1/floatingips", async (request, reply) => {
    const paging = readPaging(request.query);
    return sendPage(
      request,
      reply,
      cut(await source.floatingIps(), (f) => f.address, paging),
    );
  });
  app.get("/api/v1/nexthops", async (request, reply) => {
    const paging = readPaging(request.query);
    return sendPage(
      request,
      reply,
      cut(await source.nextHops(), (n) => n.nextHop, paging),
    );
  });
  app.get("/api/v1/anycast", async (request, reply) => {
    const paging = readPaging(request.query);
    return sendPage(
      request,
      reply,
      cut(await source.anycast(), (a) => a.name, paging),
    );
  });
}

function addMonitors(app: FastifyInstance, source: ApiSource): void {
  app.get("/api/v1/monitors", async (request, reply) => {
    const paging = readPaging(request.query);
    return sendPage(
      request,
      reply,
      cut(await source.monitors(), (monitor) => monitor.target, paging),
    );
  });
}

/** Lists too long to be made whole: the source cuts the pages. */
function addPagedLists(app: FastifyInstance, source: ApiSource): void {
  app.get("/api/v1/routes", async (request, reply) => {
    const query = readRouteQuery(request.query);
    return sendPage(request, reply, await pageOf(() => source.routes(query)));
  });
  app.get("/api/v1/announcements", async (request, reply) => {
    const query = readAnnouncementQuery(request.query);
    const page = await pageOf(() => source.announcements(query));
    if (query.peer !== undefined && page.items.length === 0) await requirePeer(source, query.peer);
    return sendPage(request, reply, page);
  });
}

function addReceived(app: FastifyInstance, source: ApiSource): void {
  app.get("/api/v1/received", async (request, reply) => {
    const query = readReceivedQuery(request.query);
    const page = await pageOf(() => source.received(query));
    if (page.items.length === 0) await requirePeer(source, query.peer);
    return sendPage(request, reply, page);
  });
}

function addErrors(app: FastifyInstance, source: ApiSource): void {
  app.get("/api/v1/errors", async (request) => {
    const query = readErrorsQuery(request.query);
    const errors = await source.errors(query);
    if (errors === undefined) throw unknownPeer(query.peer);
    return errors;
  });
}

/** Between two pieces everything else gets its chance, however fast the client reads. */
async function* inTurns(pieces: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) {
    yield piece;
    await turn();
  }
}

async function requirePeer(source: ApiSource, name: string): Promise<void> {
  const peers = await source.peers();
  if (!peers.some((p) => isNamed(p, name))) throw unknownPeer(name);
}

/** By its address, or by the interface that it is behind. */
const isNamed = (peer: PeerAnswer, name: string): boolean => peer.address === name || peer.interface === name;

const unknownPeer = (name: string): Refusal =>
  new Refusal("peer.unknown", `no peer has the address ${name}`, "GET /api/v1/peers lists them");

async function pageOf<T>(ask: () => Page<T> | Promise<Page<T>>): Promise<Page<T>> {
  try {
    return await ask();
  } catch (error) {
    throw error instanceof CursorError ? badCursor() : error;
  }
}
