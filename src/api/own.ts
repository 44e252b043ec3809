/** The paths by which pools and anycast services are made, changed and deleted. */

import type { FastifyInstance, FastifyRequest } from "fastify";
import { Fault } from "../neutron/fault.ts";
import { Refusal } from "./answers.ts";
import { jsonOf, readJsonOnly } from "./json-body.ts";
import { OWN_KINDS, type OwnAnswer, type OwnKind } from "./own-schema.ts";
import { cut, sendPage } from "./pages.ts";
import { readNothing, readPaging } from "./query.ts";

export interface OwnApi {
  /** By name: the file's and the API's. */
  readonly list: (kind: OwnKind) => readonly OwnAnswer[];
  /** @returns whether there was none of that name. @throws Refusal */
  readonly put: (kind: OwnKind, name: string, definition: unknown) => Promise<boolean>;
  /** @throws Refusal */
  readonly remove: (kind: OwnKind, name: string) => Promise<void>;
}

/** Requests whose bodies are read. */
export const changesOwn = ({ method, url }: FastifyRequest): boolean =>
  method === "PUT" && /^\/api\/v1\/(anycast|pools)\/[^/?]+(\?|$)/.test(url);

interface Named {
  readonly Params: { readonly name: string };
}

export function addOwn(app: FastifyInstance, own: OwnApi): void {
  app.get("/api/v1/pools", (request, reply) => {
    const paging = readPaging(request.query);
    return sendPage(
      request,
      reply,
      cut(own.list("pools"), ({ name }) => name, paging),
    );
  });
  void app.register((inner, _options, ready) => {
    readJsonOnly(inner);
    for (const kind of OWN_KINDS) {
      const path = `/api/v1/${kind}/:name`;
      inner.get<Named>(path, (request) => {
        readNothing(request.query);
        return find(own, kind, request.params.name);
      });
      inner.put<Named>(path, async (request, reply) => {
        readNothing(request.query);
        const { name } = request.params;
        const isNew = await own.put(kind, name, bodyOf(request));
        return await reply.code(isNew ? 201 : 200).send(find(own, kind, name));
      });
      inner.delete<Named>(path, async (request, reply) => {
        readNothing(request.query);
        await own.remove(kind, request.params.name);
        return await reply.code(204).send();
      });
    }
    ready();
  });
}

function find(own: OwnApi, kind: OwnKind, name: string): OwnAnswer {
  const found = own.list(kind).find((one) => one.name === name);
  if (found !== undefined) return found;
  throw new Refusal("object.unknown", `there is no such thing in ${kind}`, `GET /api/v1/${kind} lists them`);
}

function bodyOf({ body }: FastifyRequest): unknown {
  try {
    return jsonOf(body);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    throw new Refusal("request.invalid", error.message);
  }
}
