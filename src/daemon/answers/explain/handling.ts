/** What is done with packets to and from an address, and what says so. */

import type { ExplainAnswer, ExplainedOwner } from "../../../api/explain-schema.ts";
import { contains, sameAddress } from "../../../bgp/net/address.ts";
import { formatAddress } from "../../../bgp/net/text.ts";
import type { FloatingIp } from "../../../model/model.ts";
import type { Whose } from "../../../neutron/whose.ts";
import { nameOf, targets } from "./owners.ts";
import type { ExplainSource } from "./source.ts";
import type { Subject } from "./subject.ts";

type Handling = ExplainAnswer["handling"];

/** The first that there is an answer to. What gateway.yaml has an address for comes before an object. */
export function handlingOf(
  source: ExplainSource,
  { prefix }: Subject,
  found: Whose,
  owners: readonly ExplainedOwner[],
): Handling {
  const { model } = source;
  const [object] = found.floating;
  const floating = model.floatingIps.find(({ address }) => sameAddress(address, prefix));
  const isFloating = { kind: "floating", text: `${whatOf(floating)}, ${whereOf(source, object)}` } as const;
  if (floating !== undefined) return isFloating;
  const owned = (what: string): ExplainedOwner | undefined => owners.find((owner) => owner.what === what);
  if (model.anycast.some(({ address }) => sameAddress(address, prefix))) {
    return {
      kind: "anycast",
      text: "routed to whichever members serve it, each flow to one, and never translated",
    };
  }
  const pool = owned("pool");
  if (pool?.text.startsWith("an address") === true) {
    return {
      kind: "pool",
      text: `private sources go out with it (pool ${pool.name}); what nobody asked for is dropped`,
    };
  }
  if (object !== undefined) return isFloating;
  const network = owned("public network");
  if (network !== undefined) return { kind: "routed", text: `routed, and never translated: ${network.text}` };
  const inside = model.nat.private.some((range) => contains(range, prefix));
  const own = model.floatingIps.find(
    ({ to, egress }) => to !== undefined && sameAddress(to, prefix) && egress === "floating",
  );
  if (own !== undefined) {
    return {
      kind: "outbound",
      text: `goes out with floating IP ${formatAddress(own.address)}, and is reached by that from outside`,
    };
  }
  if (!inside)
    return {
      kind: "none",
      text: "routed as it is: no pool, no floating IP and no public network has to do with it",
    };
  return model.role === "gateway"
    ? {
        kind: "outbound",
        text: "private: translated to an address of a pool on its way out, and not reached from outside",
      }
    : { kind: "outbound", text: "private: the gateway translates it on its way out" };
}

function whatOf(floating: FloatingIp | undefined): string {
  if (floating === undefined) return "translated nowhere";
  const to = [...new Set(targets(floating).map(formatAddress))].join(" and ");
  if (floating.to === undefined) return `some ports are translated to ${to}, and nothing else of it`;
  return `${floating.stateless ? "translated without conntrack" : "translated"} to ${to} and back`;
}

function whereOf({ objects, model }: ExplainSource, object: Whose["floating"][number] | undefined): string {
  if (object === undefined) return "as gateway.yaml says";
  const router = objects.reading.get("routers", object.router_id ?? "");
  if (router === undefined) return "since it leads nowhere";
  const port = objects.reading.get("ports", object.port_id ?? "");
  const host = port?.["binding:host_id"] || "the port's host";
  if (router.distributed && port !== undefined) {
    return `on ${host === model.hostname ? "this machine" : host}, since router ${nameOf(router)} is distributed`;
  }
  return `at the gateway, since router ${nameOf(router)} is not distributed`;
}
