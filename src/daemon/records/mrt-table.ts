/** The speaker's table as an MRT file. */

import { tableDump } from "../../bgp/mrt/table-dump.ts";
import type { PathSnapshot, RouteSnapshot } from "../../bgp/speaker/snapshots.ts";
import type { Gateway } from "../gateway.ts";

export function mrtTable({ speaker, model }: Gateway): Iterable<Uint8Array> {
  const seconds = Math.floor(Date.now() / 1000);
  const peers = speaker.peers().map(({ address, asn = 0, routerId = 0, inStateMs }) => ({
    routerId,
    address,
    asn,
    sinceSeconds: seconds - Math.floor(inStateMs / 1000),
  }));
  return tableDump({
    self: { routerId: model.bgp.routerId, asn: model.bgp.asn },
    seconds,
    viewName: model.hostname,
    peers,
    routes: usable(speaker.routes()),
  });
}

function* usable(routes: Iterable<RouteSnapshot>): Generator<RouteSnapshot> {
  for (const route of routes) yield { ...route, paths: route.paths.filter(isAccepted) };
}

const isAccepted = ({ status }: PathSnapshot): boolean => status !== "rejected";
