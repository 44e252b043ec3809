/** Application credentials, as Keystone's clients make, show and delete them. */

import type { FastifyInstance, FastifyRequest } from "fastify";
import { type Credential, makeCredential } from "../identity/credentials.ts";
import { at } from "../identity/json.ts";
import { ROLES, type Role } from "../identity/people.ts";
import type { Session } from "../identity/tokens.ts";
import { Fault } from "../neutron/fault.ts";
import { jsonOf } from "./json-body.ts";
import { forbidden, type IdentityApi, kept, requireSession, roleView, timeText } from "./keystone-session.ts";

/** Of one user. */
const USER_CREDENTIALS_MAX = 50;

const PATH = "/v3/users/:user/application_credentials";

interface Params {
  readonly Params: { readonly user: string; readonly id: string };
}

export function addCredentials(inner: FastifyInstance, api: IdentityApi): void {
  inner.post<Params>(PATH, async (request, reply) => {
    const session = requireUser(request, api, request.params.user);
    if (session.user.id !== request.params.user) throw forbidden("create_application_credential");
    // Or whoever has found one could stay for good.
    if (session.credential?.unrestricted === false) throw forbidden("create_application_credential");
    const { secret: given, ...asked } = read(jsonOf(request.body), session, api.now());
    const own = [...api.kept.credentialsOf(session.user.id)];
    if (own.some(({ name }) => name === asked.name)) {
      throw new Fault(409, "Conflict", `Duplicate entry found with name ${asked.name}.`);
    }
    if (own.length >= USER_CREDENTIALS_MAX) {
      const message = `Unable to create additional application credentials, maximum of ${USER_CREDENTIALS_MAX} already exceeded for user.`;
      throw new Fault(403, "Forbidden", message);
    }
    const { credential, secret } = await makeCredential(asked, given);
    await kept(api.kept.add(credential));
    void reply.code(201);
    return { application_credential: { ...view(credential), secret } };
  });
  inner.get<Params>(PATH, (request) => {
    requireUser(request, api, request.params.user);
    const name = new URLSearchParams(request.url.split("?")[1]).get("name");
    const found = [...api.kept.credentialsOf(request.params.user)];
    return {
      application_credentials: found.filter((each) => name === null || each.name === name).map(view),
      links: {},
    };
  });
  inner.get<Params>(`${PATH}/:id`, (request) => {
    requireUser(request, api, request.params.user);
    return { application_credential: view(find(api, request.params)) };
  });
  inner.delete<Params>(`${PATH}/:id`, async (request, reply) => {
    const session = requireUser(request, api, request.params.user);
    if (session.credential?.unrestricted === false) throw forbidden("delete_application_credential");
    await kept(api.kept.remove(find(api, request.params).id));
    return await reply.code(204).send();
  });
}

/** Users see and have their own; admins see and delete everybody's. @throws Fault */
function requireUser(request: FastifyRequest, api: IdentityApi, userId: string): Session {
  const { session } = requireSession(request, api);
  if (session.user.id === userId || session.role === "admin") return session;
  throw forbidden("list_application_credentials");
}

function find(api: IdentityApi, { user, id }: Params["Params"]): Credential {
  const found = api.kept.credential(id);
  if (found?.userId === user) return found;
  throw new Fault(404, "Not Found", `Could not find application credential: ${id.slice(0, 64)}.`);
}

type Asked = Omit<Credential, "id" | "secret"> & { readonly secret: string | undefined };

const invalid = (reason: string): Fault => new Fault(400, "Bad Request", reason);

function read(body: unknown, { user, project, role }: Session, now: number): Asked {
  const given = at(body, "application_credential");
  if (typeof given !== "object" || given === null) {
    throw invalid("'application_credential' is a required property");
  }
  const name = at(given, "name");
  if (typeof name !== "string" || !/^[^\p{C}]{1,255}$/u.test(name)) {
    throw invalid("Invalid input for field 'name': 1 to 255 characters");
  }
  const description = at(given, "description") ?? "";
  if (typeof description !== "string" || description.length > 255) {
    throw invalid("Invalid input for field 'description': at most 255 characters");
  }
  return {
    name,
    description,
    userId: user.id,
    projectId: project.id,
    role: roleOf(at(given, "roles"), role),
    expiresAt: endOf(at(given, "expires_at"), now),
    unrestricted: at(given, "unrestricted") === true,
    secret: secretOf(at(given, "secret")),
  };
}

function secretOf(given: unknown): string | undefined {
  if (given === undefined || given === null) return undefined;
  if (typeof given === "string" && given !== "" && Buffer.byteLength(given) <= 1024) return given;
  throw invalid("Invalid input for field 'secret': 1 to 1024 octets");
}

/** The greatest of the roles that were asked for, which must be the user's. */
function roleOf(given: unknown, own: Role): Role {
  if (given === undefined || given === null) return own;
  if (!Array.isArray(given) || given.length === 0) throw invalid("Invalid input for field 'roles': a list");
  const asked = given.map((each: unknown) => {
    const [id, name] = [at(each, "id"), at(each, "name")];
    const rank = ROLES.findIndex((role) => role === name || id === roleView(role).id);
    if (rank < ROLES.indexOf(own)) throw invalid("Invalid application credential: the user has no such role");
    return rank;
  });
  return ROLES[Math.min(...asked)]!;
}

function endOf(given: unknown, now: number): number | null {
  if (given === undefined || given === null) return null;
  // Keystone's times are in UTC, with or without saying so.
  const text = typeof given === "string" ? given.replace(/(?<!Z)$/, "Z") : "";
  const seconds = Math.floor(Date.parse(text) / 1000);
  if (seconds > now) return seconds;
  throw invalid("Invalid input for field 'expires_at': a time to come, as 2030-01-01T00:00:00");
}

function view(credential: Credential): object {
  const { id, name, description, projectId, userId, role, expiresAt, unrestricted } = credential;
  return {
    id,
    name,
    description,
    user_id: userId,
    project_id: projectId,
    roles: ROLES.slice(ROLES.indexOf(role)).map(roleView),
    expires_at: expiresAt === null ? null : timeText(expiresAt),
    unrestricted,
    links: {},
  };
}
