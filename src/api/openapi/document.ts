/** The operations as an OpenAPI document (3.1.0), for what makes clients and pages of it. */

import { z } from "zod";
import { announcement, monitor, nextHop, peer, peerError, received, route, rpki, rpkiPrefix } from "./bgp.ts";
import { explanation } from "./explain.ts";
import {
  anycast,
  error,
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
import { OPERATIONS, type Operation } from "./operations.ts";

const COMPONENTS: Readonly<Record<string, z.ZodType>> = {
  Announcement: announcement,
  Anycast: anycast,
  Error: error,
  Event: event,
  Explanation: explanation,
  FloatingIp: floatingIp,
  Monitor: monitor,
  Nat: nat,
  NatBlock: natBlock,
  NatLog: natLog,
  NatMappings: natMappings,
  NatPool: natPool,
  NatSessions: natSessions,
  NatTop: natTop,
  NatTrace: natTrace,
  NextHop: nextHop,
  Own: own,
  Peer: peer,
  PeerError: peerError,
  Ready: ready,
  Received: received,
  Route: route,
  Rpki: rpki,
  RpkiPrefix: rpkiPrefix,
  Status: status,
  Stop: stop,
  Store: store,
};

type Json = Readonly<Record<string, unknown>>;

const JSON_TYPE = "application/json";

export function openApi(version: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const operation of OPERATIONS) {
    paths[operation.path] = { ...paths[operation.path], [operation.method]: described(operation) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "gatewayd",
      version,
      description:
        "The gateway's own API. OpenStack's Networking and Identity APIs, below /v2.0 and /v3, are described by OpenStack.",
    },
    paths,
    components: {
      schemas: Object.fromEntries(
        Object.entries(COMPONENTS).map(([name, schema]) => [name, bare(z.toJSONSchema(schema))]),
      ),
      securitySchemes: { token: { type: "apiKey", in: "header", name: "X-Auth-Token" } },
    },
    // On the unix socket, and to look on loopback, none is needed.
    security: [{ token: [] }, {}],
  };
}

function described({ id, summary, query, body, path, isLocal, ...operation }: Operation): object {
  return {
    operationId: id,
    summary,
    ...(isLocal === true && { description: "Over the unix socket alone." }),
    parameters: [...namesIn(path), ...parametersOf(query)],
    ...(body !== undefined && {
      requestBody: { required: true, content: { [JSON_TYPE]: { schema: schemaOf(body) } } },
    }),
    responses: {
      [operation.status ?? 200]: responseOf(operation),
      default: {
        description: "Why not",
        content: { [JSON_TYPE]: { schema: { $ref: "#/components/schemas/Error" } } },
      },
    },
  };
}

const namesIn = (path: string): object[] =>
  [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));

function responseOf({ answer, media, isPaged }: Pick<Operation, "answer" | "media" | "isPaged">): object {
  if (answer === undefined && media === undefined) return { description: "It is done" };
  const link = {
    description: "Where the next page is, rel=next (RFC 8288)",
    schema: { type: "string" },
  };
  return {
    description: "The answer",
    ...(isPaged === true && { headers: { Link: link } }),
    content:
      answer === undefined
        ? { [String(media)]: { schema: { type: "string" } } }
        : { [JSON_TYPE]: { schema: schemaOf(answer) } },
  };
}

/** By reference, where it is a component or a list of one. */
function schemaOf(answer: z.ZodType): object {
  const [name] = Object.entries(COMPONENTS).find(([, schema]) => schema === answer) ?? [];
  if (name !== undefined) return { $ref: `#/components/schemas/${name}` };
  if (answer instanceof z.ZodArray) return { type: "array", items: schemaOf(answer.element as z.ZodType) };
  return bare(z.toJSONSchema(answer));
}

function parametersOf(query: z.ZodObject): object[] {
  const { properties = {}, required = [] } = z.toJSONSchema(query, { io: "input" });
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: "query",
    required: required.includes(name),
    schema,
  }));
}

function bare({ $schema: _, ...schema }: Json): object {
  return schema;
}
