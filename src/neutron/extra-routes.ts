/** Extra routes of a router put beside those that it has, and taken from them: two who do so at once undo nothing. */

import { unwrap } from "./body.ts";
import { membersOf, type Work } from "./handler.ts";
import { type View, viewOf } from "./members.ts";
import type { HostRoute, Router } from "./objects.ts";
import { requireWrite } from "./policies.ts";
import { routers } from "./routers.ts";
import { hostRoute, list } from "./values.ts";

const routesIn = (body: unknown): readonly HostRoute[] =>
  list(hostRoute)(unwrap(body, "router")["routes"] ?? [], "routes");

const isIn = (routes: readonly HostRoute[], { destination, nexthop }: HostRoute): boolean =>
  routes.some((route) => route.destination === destination && route.nexthop === nexthop);

/** Those that it has already are no error. @throws Fault */
export function addExtraRoutes(work: Work, router: Router, body: unknown): View {
  requireWrite(work.caller, "add_extraroutes");
  const added = routesIn(body).filter((route) => !isIn(router.routes, route));
  return withRoutes(work, router, [...router.routes, ...added]);
}

/** Those that it does not have are no error. @throws Fault */
export function removeExtraRoutes(work: Work, router: Router, body: unknown): View {
  requireWrite(work.caller, "remove_extraroutes");
  const removed = routesIn(body);
  return withRoutes(
    work,
    router,
    router.routes.filter((route) => !isIn(removed, route)),
  );
}

function withRoutes(work: Work, router: Router, routes: readonly HostRoute[]): View {
  const changed = routers.update(work, router, { router: { routes } });
  return { router: viewOf(membersOf(routers, work.draft, work.world), changed) };
}
