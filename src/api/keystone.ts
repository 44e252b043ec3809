/**
 * As much of OpenStack's Identity API v3 as clients need to begin: the version, tokens, the catalog, and projects and
 * users by name. Errors are Keystone's; a login that fails says nothing about why.
 */

import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { DOMAIN, type Door, isLogin, type Login, login } from "../identity/login.ts";
import { type People, ROLES } from "../identity/people.ts";
import type { Session } from "../identity/tokens.ts";
import { Fault } from "../neutron/fault.ts";
import { addCredentials } from "./credentials.ts";
import { jsonOf, readJsonOnly } from "./json-body.ts";
import {
  forbidden,
  type IdentityApi,
  kept,
  requireSession,
  roleView,
  sessionBy,
  timeText,
  unauthorized,
} from "./keystone-session.ts";
import { baseOf, type FaultLog, faultOf, refuseHaste } from "./openstack.ts";
import type { RateLimit } from "./rate-limit.ts";

/** Passwords that are checked at a time: each takes a thread for some 50 ms. More are told to come again. */
const LOGINS_MAX = 16;

const REGION = "RegionOne";

/** @param rate - undefined: clients ask as often as they like */
export function addKeystone(
  app: FastifyInstance,
  api: IdentityApi,
  rate: RateLimit | undefined,
  log: FaultLog,
): void {
  let checking = 0;
  void app.register((inner, _options, ready) => {
    readJsonOnly(inner);
    inner.addHook("onRequest", async (request, reply) => {
      refuseHaste(rate, request.ip, reply);
    });
    inner.setErrorHandler((error, _request, reply) => refuse(reply, faultOf(error, log)));
    for (const url of ["/v3", "/v3/"]) inner.get(url, (request) => ({ version: versionAt(request) }));
    inner.post("/v3/auth/tokens", async (request, reply) => {
      const body = jsonOf(request.body);
      if (!isLogin(body)) throw new Fault(400, "Bad Request", "Expecting to find identity in auth.");
      if (checking >= LOGINS_MAX) {
        void reply.header("retry-after", "1");
        throw new Fault(503, "Service Unavailable", "Too many passwords are being checked.");
      }
      checking += 1;
      const people = api.people();
      let entered: Login | undefined;
      try {
        entered = people && (await login(doorOf(api, people), body));
      } finally {
        checking -= 1;
      }
      if (entered === undefined) throw unauthorized();
      void reply.code(201).header("x-subject-token", entered.token);
      return { token: tokenView(request, entered.session, entered.methods) };
    });
    inner.get("/v3/auth/tokens", (request, reply) => {
      requireSession(request, api);
      const subject = request.headers["x-subject-token"];
      const session = sessionBy(api, subject);
      if (session === undefined) throw new Fault(404, "Not Found", "Could not find token.");
      void reply.header("x-subject-token", String(subject));
      return { token: tokenView(request, session, ["password"]) };
    });
    inner.delete("/v3/auth/tokens", async (request, reply) => {
      const { session: own } = requireSession(request, api);
      const session = sessionBy(api, request.headers["x-subject-token"]);
      if (session === undefined) throw new Fault(404, "Not Found", "Could not find token.");
      if (own.role !== "admin" && session.user.id !== own.user.id) throw forbidden("revoke_token");
      await kept(api.kept.revoke(session.id, session.expiresAt, api.now()));
      return await reply.code(204).send();
    });
    inner.get("/v3/auth/catalog", (request) => {
      requireSession(request, api);
      return { catalog: catalogAt(request), links: {} };
    });
    addLists(inner, api);
    addCredentials(inner, api);
    ready();
  });
}

/** Users see themselves and their projects, admins everybody. */
function addLists(inner: FastifyInstance, api: IdentityApi): void {
  const visible = (request: FastifyRequest): Record<"projects" | "users", readonly Named[]> => {
    const { people, session } = requireSession(request, api);
    const isAll = session.role === "admin";
    return {
      projects: people.projects.filter(({ id }) => isAll || Object.hasOwn(session.user.roles, id)),
      users: people.users.filter(({ id }) => isAll || id === session.user.id),
    };
  };
  for (const kind of ["projects", "users"] as const) {
    inner.get(`/v3/${kind}`, (request) => {
      const name = new URLSearchParams(request.url.split("?")[1]).get("name");
      const found = visible(request)[kind].filter((one) => name === null || one.name === name);
      return { [kind]: found.map(namedView), links: {} };
    });
    inner.get<{ Params: { id: string } }>(`/v3/${kind}/:id`, (request) => {
      const found = visible(request)[kind].find(({ id }) => id === request.params.id);
      if (found !== undefined) return { [kind.slice(0, -1)]: namedView(found) };
      throw new Fault(404, "Not Found", `Could not find ${kind.slice(0, -1)}.`);
    });
  }
  inner.get("/v3/auth/projects", (request) => ({
    projects: visible(request).projects.map(namedView),
    links: {},
  }));
}

interface Named {
  readonly id: string;
  readonly name: string;
}

/** The openstack client takes `links` out of what it shows, and fails where there are none. */
const namedView = ({ id, name }: Named): object => ({
  id,
  name,
  domain_id: DOMAIN.id,
  enabled: true,
  links: {},
});

const doorOf = (api: IdentityApi, people: People): Door => ({
  people,
  standing: api.kept,
  credentialsOf: (userId) => api.kept.credentialsOf(userId),
  now: api.now(),
});

const refuse = (reply: FastifyReply, { detail, message }: Fault): FastifyReply =>
  reply.code(detail.status).send({ error: { code: detail.status, title: detail.type, message } });

const versionAt = (request: FastifyRequest): object => ({
  id: "v3.14",
  status: "stable",
  updated: "2020-04-07T00:00:00Z",
  links: [{ rel: "self", href: `${baseOf(request)}/v3/` }],
  "media-types": [{ base: "application/json", type: "application/vnd.openstack.identity-v3+json" }],
});

function tokenView(request: FastifyRequest, session: Session, methods: Login["methods"]): object {
  const { user, project, role, issuedAt, expiresAt, credential } = session;
  // Upstream's implied roles: who may change may look.
  const roles = ROLES.slice(ROLES.indexOf(role));
  return {
    methods,
    user: { id: user.id, name: user.name, domain: DOMAIN, password_expires_at: null },
    project: { id: project.id, name: project.name, domain: DOMAIN },
    roles: roles.map(roleView),
    is_domain: false,
    issued_at: timeText(issuedAt),
    expires_at: timeText(expiresAt),
    audit_ids: [session.id],
    ...(credential !== undefined && {
      application_credential: {
        id: credential.id,
        name: credential.name,
        restricted: !credential.unrestricted,
      },
    }),
    catalog: catalogAt(request),
  };
}

/** The network's address ends without a version: clients add it themselves. */
function catalogAt(request: FastifyRequest): object[] {
  const base = baseOf(request);
  const services = [
    ["network", "neutron", base],
    ["identity", "keystone", `${base}/v3`],
  ] as const;
  return services.map(([type, name, url]) => ({
    id: name,
    type,
    name,
    endpoints: (["public", "internal", "admin"] as const).map((face) => ({
      id: `${name}-${face}`,
      interface: face,
      region: REGION,
      region_id: REGION,
      url,
    })),
  }));
}
