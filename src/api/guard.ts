/** Who may ask, by how far a listener reaches. The Networking and Identity APIs ask for themselves. */

import { isIP } from "node:net";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { Refusal } from "./answers.ts";
import { baseOf, isOpenstack } from "./openstack.ts";
import type { RateLimit } from "./rate-limit.ts";

/** socket: whoever the file lets in. machine: whoever is on this machine. world: whoever has a way here. */
export type Reach = "socket" | "machine" | "world";

/** What somebody may do with the gateway itself, each with what stands before it. */
const AUTHORITIES = ["none", "read", "write"] as const;
export type Authority = (typeof AUTHORITIES)[number];

/** Undefined: nobody knows who asks. @param isSocket - the request came over the unix socket */
export type AuthorityOf = (token: string | undefined, isSocket: boolean) => Authority | undefined;

export interface Guard {
  readonly reach: Reach;
  /** It speaks TLS. */
  readonly secured: boolean;
  readonly authority: AuthorityOf | undefined;
  /** Undefined: clients ask as often as they like. */
  readonly rate: RateLimit | undefined;
}

export function addGuard(app: FastifyInstance, guard: Guard): void {
  app.addHook("onRequest", async (request, reply) => {
    // A certificate names whom a client means to speak to, so that rebinding is no way in.
    if (guard.reach === "machine" && !guard.secured) requireLocalHost(request);
    if (isOpenstack(request) || request.url === "/healthz") return;
    requirePatience(guard.rate, request, reply);
    requireAuthority(guard, request, reply);
  });
}

/** A name that someone else's DNS points at 127.0.0.1 makes a browser on this machine read for them. */
function requireLocalHost(request: FastifyRequest): void {
  const { hostname } = request;
  if (hostname === "localhost" || isIP(hostname.replace(/^\[|\]$/g, "")) !== 0) return;
  throw new Refusal("host.refused", "the Host header must be an address or localhost");
}

function requirePatience(rate: RateLimit | undefined, request: FastifyRequest, reply: FastifyReply): void {
  const seconds = rate?.take(request.ip, performance.now()) ?? 0;
  if (seconds === 0) return;
  void reply.header("retry-after", String(seconds));
  throw new Refusal("request.tooMany", `too many requests; come again in ${seconds} s`);
}

function requireAuthority(guard: Guard, request: FastifyRequest, reply: FastifyReply): void {
  const wanted = authorityFor(guard.reach, request);
  if (wanted === "none") return;
  const given = authorityOf(guard, request);
  if (given === undefined) {
    void reply.header("www-authenticate", `Keystone uri="${baseOf(request)}/v3"`);
    throw new Refusal(
      "token.missing",
      "this takes a token that is good, in X-Auth-Token",
      "POST /v3/auth/tokens",
    );
  }
  if (!suffices(given, wanted)) {
    const hint = "admins may all, and any role in the project admin may GET";
    throw new Refusal("role.refused", "this takes another role", hint);
  }
}

/** Whether somebody who was let in would be again: tokens end, and are revoked. */
export function isStillGood(guard: Guard, request: FastifyRequest): boolean {
  const wanted = authorityFor(guard.reach, request);
  return wanted === "none" || suffices(authorityOf(guard, request) ?? "none", wanted);
}

const suffices = (given: Authority, wanted: Authority): boolean =>
  AUTHORITIES.indexOf(given) >= AUTHORITIES.indexOf(wanted);

function authorityOf({ reach, authority }: Guard, { headers }: FastifyRequest): Authority | undefined {
  const token = headers["x-auth-token"];
  const isSocket = reach === "socket";
  if (authority === undefined) return SOCKET_ALONE.get(isSocket);
  return authority(typeof token === "string" ? token : undefined, isSocket);
}

/** Where nobody is known, whoever may open the socket is the operator. */
const SOCKET_ALONE: ReadonlyMap<boolean, Authority> = new Map([[true, "write"]]);

/** Tells of objects of all projects, which the Networking API shows to their own alone. */
const OF_PROJECTS = "/api/v1/explain";

function authorityFor(reach: Reach, { method, is404, routeOptions }: FastifyRequest): Authority {
  const reads = method === "GET" || method === "HEAD";
  if (reads && routeOptions.url === OF_PROJECTS) return "read";
  // What there is to ask stands in the answer to what there is not.
  if (reach === "world") return reads ? "read" : "write";
  return reads || is404 ? "none" : "write";
}
