/**
 * What alice-lg asks of a route server that it takes for BIRD behind a birdwatcher: the paths and member names are
 * theirs, and so are numbers as text. `api = http://127.0.0.1:9696/birdwatcher` in its configuration.
 */

import type { FastifyInstance, FastifyRequest } from "fastify";
import { Refusal } from "./answers.ts";
import type { BirdwatcherSource } from "./birdwatcher-schema.ts";
import { readPrefix } from "./query.ts";

export function addBirdwatcher(app: FastifyInstance, source: BirdwatcherSource): void {
  const bird = "/birdwatcher";
  app.get(`${bird}/status`, () => ({ ...envelope(), status: source.status() }));
  // Alice adds parameters of its own, so only the one that means something is looked at.
  for (const list of ["bgp", "short"]) {
    app.get(`${bird}/protocols/${list}`, () => ({ ...envelope(), protocols: source.protocols() }));
  }
  app.get(`${bird}/routes/protocol/:protocol`, (request) => routesOf(source, request, false));
  app.get(`${bird}/routes/filtered/:protocol`, (request) => routesOf(source, request, true));
  app.get(`${bird}/routes/prefix`, (request) => ({
    ...envelope(),
    routes: source.lookUp(readPrefix(request.query)),
  }));
}

async function routesOf(source: BirdwatcherSource, { params }: FastifyRequest, filtered: boolean) {
  const { protocol } = params as { readonly protocol: string };
  const routes = source.routes(protocol, filtered);
  if (routes === undefined)
    throw new Refusal("peer.unknown", "no protocol has this name", "peers' addresses are");
  return { ...envelope(), routes: await routes };
}

/** Nothing is cached here: what is said holds now, and no longer. */
function envelope(): object {
  const now = new Date().toISOString();
  return {
    api: {
      Version: "2.2.0",
      result_from_cache: false,
      cache_status: { cached_at: { date: now, timezone_type: "UTC", timezone: "UTC" } },
    },
    ttl: now,
  };
}
