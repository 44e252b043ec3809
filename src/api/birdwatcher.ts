/**
 * What alice-lg asks of a route server that it takes for BIRD behind a birdwatcher: the paths and member names are
 * theirs, and so are numbers as text. `api = http://127.0.0.1:9696/birdwatcher` in its configuration.
 */

import type { FastifyInstance, FastifyRequest } from "fastify";
import { Refusal } from "./answers.ts";
import { readPrefix } from "./query.ts";

export interface BirdwatcherSource {
  status(): BirdStatus;
  /** By name, which is the peer's address. */
  protocols(): Readonly<Record<string, BirdProtocol>>;
  /** What a peer told us and import policy accepted, or with `filtered` what it did not. Undefined: no such peer. */
  routes(protocol: string, filtered: boolean): Promise<readonly BirdRoute[]> | undefined;
  /** Every accepted path of a prefix, or of the longest one that holds an address. */
  lookUp(prefix: string): readonly BirdRoute[];
}

/** Times are "2006-01-02 15:04:05", UTC. */
interface BirdStatus {
  readonly current_server: string;
  readonly last_reboot: string;
  readonly last_reconfig: string;
  readonly message: string;
  readonly router_id: string;
  readonly version: string;
}

export interface BirdProtocol {
  readonly protocol: string;
  readonly bird_protocol: "BGP";
  readonly state: "up" | "start";
  readonly state_changed: string;
  /** The same, for those who ask for the short list. */
  readonly since: string;
  readonly bgp_state: string;
  readonly neighbor_address: string;
  readonly neighbor_as: number;
  readonly description: string;
  readonly last_error: string;
  readonly routes: { readonly imported: number; readonly filtered: number; readonly exported: number };
}

export interface BirdRoute {
  readonly network: string;
  readonly gateway: string;
  readonly from_protocol: string;
  readonly learnt_from: string;
  readonly interface: string;
  readonly metric: number;
  readonly primary: boolean;
  /** When its session came up. */
  readonly age: string;
  readonly type: readonly string[];
  readonly bgp: {
    readonly origin: string;
    readonly as_path: readonly string[];
    readonly next_hop: string;
    readonly local_pref: string;
    readonly med: string;
    readonly communities: readonly (readonly number[])[];
    readonly large_communities: readonly (readonly number[])[];
    readonly ext_communities: readonly (readonly string[])[];
  };
}

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
