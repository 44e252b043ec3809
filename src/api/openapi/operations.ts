/** Everything that can be asked of /api/v1 and beside it, a row each: the parameters that it takes and what it answers. */

import { z } from "zod";
import type { OwnKind } from "../own-schema.ts";
import { QUERIES } from "../query.ts";
import { PEER_ORDERS } from "../source.ts";
import { announcement, monitor, nextHop, peer, peerError, received, route, rpki, rpkiPrefix } from "./bgp.ts";
import { explanation } from "./explain.ts";
import {
  anycast,
  event,
  floatingIp,
  nat,
  natBlock,
  natLog,
  natMappings,
  natPool,
  natSessions,
  natTop,
  natTrace,
  own,
  ready,
  status,
  stop,
  store,
} from "./gateway.ts";

export interface Operation {
  readonly method: "get" | "post" | "put" | "delete";
  /** With a name in braces, where there is one. */
  readonly path: string;
  /** Of generated clients. */
  readonly id: string;
  readonly summary: string;
  readonly query: z.ZodObject;
  /** Undefined: it takes none. */
  readonly body?: z.ZodType;
  /** When it is done; 200 where it is not said. */
  readonly status?: number;
  /** Undefined: what it answers is no JSON, or nothing. */
  readonly answer: z.ZodType | undefined;
  /** Of the answer, where it is no JSON. */
  readonly media?: string;
  /** It answers pages: where the next one is stands in the Link header. */
  readonly isPaged?: true;
  /** Over the unix socket alone. */
  readonly isLocal?: true;
}

const get = (
  name: string,
  id: string,
  summary: string,
  query: z.ZodObject,
  answer: z.ZodType,
): Operation => ({
  method: "get",
  path: `/api/v1/${name}`,
  id,
  summary,
  query,
  answer,
});

const pages = (
  name: string,
  id: string,
  summary: string,
  query: z.ZodObject,
  item: z.ZodType,
): Operation => ({
  ...get(name, id, summary, query, z.array(item)),
  isPaged: true,
});

const none = QUERIES.nothing;
const anything = z.looseObject({});

/** Looked at, made or changed, and deleted by name. */
function named(kind: OwnKind, one: string, id: string): Operation[] {
  const base = { path: `/api/v1/${kind}/{name}`, query: none };
  const summary = `Of a name: makes ${one}, or changes it`;
  return [
    { ...base, method: "get", id: `get${id}`, summary: `Where ${one} is said, and how`, answer: own },
    { ...base, method: "put", id: `put${id}`, summary, body: anything, answer: own },
    {
      ...base,
      method: "delete",
      id: `delete${id}`,
      summary: `Deletes ${one}`,
      status: 204,
      answer: undefined,
    },
  ];
}

export const OPERATIONS: readonly Operation[] = [
  get("status", "getStatus", "The gateway itself: state, configuration in force, problems", none, status),
  pages("peers", "listPeers", "BGP sessions", QUERIES.peers, peer),
  pages("routes", "listRoutes", "What peers told us and what is our own", QUERIES.routes, route),
  pages("announcements", "listAnnouncements", "What each peer was told", QUERIES.announcements, announcement),
  pages("received", "listReceived", "What one peer told us", QUERIES.received, received),
  get(
    "errors",
    "listErrors",
    "The last messages of one peer that were wrong",
    QUERIES.errors,
    z.array(peerError),
  ),
  pages("floatingips", "listFloatingIps", "Floating IPs", QUERIES.paging, floatingIp),
  get(
    "explain",
    "explain",
    "One address: whose it is, who is told of it and why, where it is routed, what it is translated to",
    QUERIES.explain,
    explanation,
  ),
  get("nat", "getNat", "Pools, private and exempt prefixes", none, nat),
  get(
    "nat/who",
    "findNatUser",
    "The private address behind a public address and port",
    QUERIES.natWho,
    natBlock,
  ),
  get("nat/block", "getNatBlock", "The port block of a private address", QUERIES.natBlock, natBlock),
  get("nat/sessions", "listNatSessions", "Sessions that are translated", QUERIES.natSessions, natSessions),
  get("nat/top", "listNatTop", "Private addresses with the most sessions", QUERIES.natSessions, natTop),
  get("nat/trace", "traceNat", "What becomes of a packet by our rules", QUERIES.natTrace, natTrace),
  get("nat/log", "getNatLog", "Who is told what becomes of translations", none, natLog),
  get("nat/mappings", "listNatMappings", "Mappings that hosts asked for", QUERIES.natMappings, natMappings),
  get("nat/pools", "listNatPools", "Each address of the pools, and its use", none, z.array(natPool)),
  pages("anycast", "listAnycast", "Anycast services and their members", QUERIES.paging, anycast),
  ...named("anycast", "an anycast service", "AnycastService"),
  pages("pools", "listPools", "NAT pools, and where each is said", QUERIES.paging, own),
  ...named("pools", "a NAT pool", "Pool"),
  pages("nexthops", "listNextHops", "Next hops, and how the kernel gets there", QUERIES.paging, nextHop),
  get("rpki", "getRpki", "RPKI caches", none, rpki),
  get("rpki/prefix", "getRpkiPrefix", "The VRPs that cover a prefix", QUERIES.rpkiPrefix, rpkiPrefix),
  get(
    "events",
    "listEvents",
    "What happens; with follow=false what happened last",
    QUERIES.events,
    z.array(event),
  ),
  get("store", "getStore", "Where the objects of the Networking API are kept", none, store),
  pages("monitors", "listMonitors", "BMP stations and MRT files", QUERIES.paging, monitor),
  {
    ...get("mrt/table", "getMrtTable", "The table as an MRT file", none, anything),
    answer: undefined,
    media: "application/octet-stream",
  },
  get("openapi.json", "getOpenApi", "This document", none, anything),
  {
    method: "post",
    path: "/api/v1/stop",
    id: "stop",
    summary: "Ends gatewayd",
    query: QUERIES.stop,
    status: 202,
    answer: stop,
    isLocal: true,
  },
  ...PEER_ORDERS.map(
    (order): Operation => ({
      method: "post",
      path: `/api/v1/peer/${order}`,
      id: `${order}Peer`,
      summary: `What gwctl peer ${order === "refresh" ? "reset --soft" : order} does`,
      query: order === "shutdown" || order === "reset" ? QUERIES.orderWithText : QUERIES.order,
      status: 202,
      answer: peer,
      isLocal: true,
    }),
  ),
  ...(["healthz", "readyz"] as const).map(
    (name): Operation => ({
      method: "get",
      path: `/${name}`,
      id: `get${name === "healthz" ? "Health" : "Readiness"}`,
      summary: name === "healthz" ? "It answers" : "Everything is programmed; 503 before",
      query: anything,
      answer: ready,
    }),
  ),
  {
    method: "get",
    path: "/metrics",
    id: "getMetrics",
    summary: "Metrics as Prometheus text",
    query: anything,
    answer: undefined,
    media: "text/plain",
  },
];
