/**
 * What the openstack client asks of other services where it has no catalog to find them by (`auth_type: none`): it
 * takes this one for all of them. `--project web` looks for a project at /projects, and `quota show` for the quotas of
 * Nova and Cinder, of which there are none. Answered only where nobody is asked who they are; elsewhere it is not there.
 */

import type { FastifyInstance } from "fastify";
import { DOMAIN } from "../identity/login.ts";
import { notFound } from "../neutron/fault.ts";
import type { IdentityApi } from "./keystone-session.ts";
import { faultOf, type Listener, type NetworkingApi, refuseHaste, sendFault } from "./openstack.ts";

interface Named {
  readonly id: string;
  readonly name: string;
}

/** @param people - undefined, or without any: a project is whatever somebody calls so */
export function addUnasked(
  app: FastifyInstance,
  { caller }: NetworkingApi,
  people: IdentityApi["people"] | undefined,
  { isLocal, rate, log }: Listener,
): void {
  /** The one that whoever is not asked is of comes first: users may have one of its name. */
  const known = (called: string | undefined): readonly Named[] => {
    const own = caller(undefined, isLocal)?.projectId ?? "";
    const told = people?.()?.projects;
    if (told === undefined && called !== undefined) return [{ id: called, name: called }];
    return [{ id: own, name: own }, ...(told ?? []).filter(({ name }) => name !== own)];
  };
  void app.register((inner, _options, ready) => {
    inner.addHook("onRequest", async (request, reply) => {
      refuseHaste(rate, request.ip, reply);
      if (caller(undefined, isLocal) === undefined) throw notFound();
    });
    inner.setErrorHandler((error, _request, reply) => sendFault(reply, faultOf(error, log)));
    inner.get("/projects", (request) => {
      const name = new URLSearchParams(request.url.split("?")[1]).get("name") ?? undefined;
      const found = known(name).filter((one) => name === undefined || one.name === name);
      return { projects: found.map(viewOf), links: {} };
    });
    inner.get<{ Params: { id: string } }>("/projects/:id", ({ params: { id } }) => {
      const found = known(id).find((one) => one.id === id);
      if (found === undefined) throw notFound();
      return { project: viewOf(found) };
    });
    inner.get("/os-quota-sets/*", () => ({ quota_set: {} }));
    ready();
  });
}

const viewOf = ({ id, name }: Named): object => ({
  id,
  name,
  domain_id: DOMAIN.id,
  enabled: true,
  links: {},
});
