/** What of an address is announced to whom, and why or why not. */

import type { ExplainedAnnouncement, ExplainedCondition } from "../../../api/explain-schema.ts";
import type { RouteAnswer } from "../../../api/schema.ts";
import { contains, type Prefix, sameAddress } from "../../../bgp/net/address.ts";
import { formatPrefix, parsePrefix } from "../../../bgp/net/text.ts";
import type { Announcement } from "../../../gateway/intent.ts";
import { wholes } from "../../../gateway/plan-edge.ts";
import type { Kind } from "../../../model/model.ts";
import type { Whose } from "../../../neutron/whose.ts";
import { exportsWith } from "../bgp-answers.ts";
import {
  floatingConditions,
  kernelConditions,
  localCondition,
  networkCondition,
  objectConditions,
  serviceConditions,
} from "./conditions.ts";
import type { ExplainSource } from "./source.ts";
import type { Subject } from "./subject.ts";

/** Something that this machine would announce if all of that held. */
interface Wanted {
  readonly prefix: Prefix;
  readonly kind: Kind;
  readonly conditions: readonly ExplainedCondition[];
}

/** @param route - of the longest prefix that holds it, where a peer told that and it is no default */
export function announcementsOf(
  source: ExplainSource,
  subject: Subject,
  found: Whose,
  route: RouteAnswer | undefined,
): ExplainedAnnouncement[] {
  const all = [...wantedOf(source, subject, found), ...networksOf(source, subject)];
  const wanted = new Map(all.map((one) => [formatPrefix(one.prefix), one]));
  for (const { prefix, kind } of source.now.intent?.announcements ?? []) {
    const key = formatPrefix(prefix);
    if (contains(prefix, subject.prefix) && !wanted.has(key))
      wanted.set(key, { prefix, kind, conditions: [] });
  }
  const own = [...wanted.values()]
    .toSorted((a, b) => b.prefix.length - a.prefix.length)
    .map((one) => ownAnswer(source, one));
  const isOwn = own.some(({ prefix, announced }) => announced && prefix === route?.prefix);
  return route === undefined || isOwn ? own : [passedOn(source, route), ...own];
}

/** What the model and the objects want announced of the very address, in the order of their right to it. */
function wantedOf(source: ExplainSource, { prefix, isAddress }: Subject, found: Whose): Wanted[] {
  if (!isAddress) return [];
  const { model } = source;
  const [object] = found.floating;
  const floating = model.floatingIps.find(({ address }) => sameAddress(address, prefix));
  const service = model.anycast.find(({ address }) => sameAddress(address, prefix));
  const port = localCondition(source, prefix);
  const of = (kind: Kind, conditions: readonly ExplainedCondition[]): Wanted[] => [
    { prefix, kind, conditions },
  ];
  if (port !== undefined) return of(planned(source, prefix)?.kind ?? "host", [port]);
  if (service !== undefined)
    return of("anycast", serviceConditions(source, service, planned(source, prefix) !== undefined));
  const isAnothers = floating === undefined && planned(source, prefix) !== undefined;
  if (isAnothers || (object === undefined && floating === undefined)) return [];
  const ofObject = object === undefined ? [] : objectConditions(source, object);
  if (floating !== undefined) return of("floating", [...ofObject, ...floatingConditions(source, floating)]);
  // The rest of why not stands among its owners.
  const isRefused = ofObject.every(({ holds }) => holds);
  const because = "gateway.yaml, or an object that was made before, has it for something else";
  return of("floating", [
    ...ofObject,
    ...(isRefused ? [{ claim: "its addresses are free", holds: false, because }] : []),
  ]);
}

/** Public networks that gateways announce as a whole. */
const networksOf = (source: ExplainSource, { prefix }: Subject): Wanted[] =>
  source.model.role === "gateway"
    ? wholes(source.model)
        .filter(({ cidr }) => contains(cidr, prefix))
        .map(({ cidr }) => ({
          prefix: cidr,
          kind: "public",
          conditions: [networkCondition(planned(source, cidr) !== undefined)],
        }))
    : [];

const planned = ({ now }: ExplainSource, prefix: Prefix): Announcement | undefined =>
  now.intent?.announcements.find(
    (one) => one.prefix.length === prefix.length && sameAddress(one.prefix, prefix),
  );

function ownAnswer(source: ExplainSource, { prefix, kind, conditions }: Wanted): ExplainedAnnouncement {
  const key = formatPrefix(prefix);
  const announced = source.now.announced.has(key);
  const plan = planned(source, prefix);
  const all = [...conditions, ...(plan === undefined ? [] : kernelConditions(source, plan))];
  const isLate = !announced && all.every(({ holds }) => holds);
  const because = "the last change is still being made, or waits for one before it";
  return {
    prefix: key,
    kind,
    origin: "own",
    announced,
    conditions: isLate ? [...all, { claim: "the gateway has done it", holds: false, because }] : all,
    peers: announced ? exportsWith(source.speaker, prefix) : [],
  };
}

/** What a peer told, and this machine tells others. */
function passedOn({ speaker, model }: ExplainSource, route: RouteAnswer): ExplainedAnnouncement {
  const { prefix, kind, paths, installed } = route;
  const best = paths.find(({ status }) => status === "best");
  const told = [...new Set(paths.map(({ peer }) => peer))].join(", ");
  const lost = paths.find(({ reason }) => reason !== undefined)?.reason;
  const at = parsePrefix(prefix);
  const peers = at === undefined ? [] : exportsWith(speaker, at);
  const conditions: ExplainedCondition[] = [
    {
      claim: "a path of a peer is used",
      holds: best !== undefined,
      because:
        best === undefined
          ? (lost ?? `told by ${told}: ${paths[0]?.status ?? "no path"}`)
          : `${best.peer}, next hop ${best.nextHop}`,
    },
    ...(model.kernel.type === "none"
      ? []
      : [
          {
            claim: `the kernel has the route ${prefix}`,
            holds: installed,
            because: installed ? "acknowledged" : "not acknowledged",
          },
        ]),
  ];
  return { prefix, kind, origin: "learned", announced: peers.some(({ sent }) => sent), conditions, peers };
}
