/**
 * One address with everything that is known of it: whose it is, how it is handled, who is told of it and why, where the
 * kernel sends its packets and what it makes of them, and what happened to it last.
 *
 * Nothing is decided here. Each part asks those who decided; what it costs does not depend on how many routes there are.
 */

import { Refusal } from "../../../api/answers.ts";
import type { EventAnswer } from "../../../api/event-schema.ts";
import type { ExplainAnswer, ExplainedOwner } from "../../../api/explain-schema.ts";
import type { RouteAnswer } from "../../../api/schema.ts";
import type { ExplainQuery } from "../../../api/source.ts";
import { formatPrefix } from "../../../bgp/net/text.ts";
import { type Whose, whose } from "../../../neutron/whose.ts";
import { routesPage } from "../bgp-answers.ts";
import { announcementsOf } from "./announcements.ts";
import { handlingOf } from "./handling.ts";
import { ownersOf } from "./owners.ts";
import type { ExplainSource } from "./source.ts";
import { type Subject, subjectOf } from "./subject.ts";
import { translationOf } from "./translation.ts";
import { type WayOut, wayAnswer, wayOut } from "./ways.ts";

/** Events of an answer. */
const EVENTS_MAX = 20;

/** @throws Refusal when nobody here knows what is asked for */
export async function explainAnswer(
  source: ExplainSource,
  { about, from }: ExplainQuery,
): Promise<ExplainAnswer> {
  const subject = subjectOf(source, about);
  const found = whose(source.objects.reading, subject.prefix, subject.isAddress);
  const owners = ownersOf(source, subject, found);
  const route = await routeOf(source, subject);
  const way = wayOut(source, subject.prefix);
  const announcements = announcementsOf(source, subject, found, isTold(route) ? route : undefined);
  if (owners.length === 0 && announcements.length === 0 && !isWay(way) && !isTold(route))
    throw unknown(subject);
  return {
    asked: about,
    prefix: formatPrefix(subject.prefix),
    summary: summaryOf(subject, owners, route),
    owners,
    handling: handlingOf(source, subject, found, owners),
    announcements,
    ...(way !== undefined && { kernel: wayAnswer(way) }),
    ...(route !== undefined && { route: withoutExports(route) }),
    translation: await translationOf(source, subject, found, from),
    problems: source.problems.filter(({ subject: of, message }) => mentions(subject, `${of} ${message}`)),
    events: eventsOf(source.events, subject, found),
  };
}

const isWay = (way: WayOut | undefined): boolean => way !== undefined && way.prefix.length > 0;

/** More than a default route, and not our own. */
const isTold = (route: RouteAnswer | undefined): boolean =>
  route !== undefined && !route.local && !route.prefix.endsWith("/0");

async function routeOf(
  { speaker, now, nextHop }: ExplainSource,
  { text }: Subject,
): Promise<RouteAnswer | undefined> {
  const { items } = await routesPage(speaker, { ...now, nextHop }, { prefix: text, limit: 1 });
  return items[0];
}

const withoutExports = ({ exports: _, ...route }: RouteAnswer): RouteAnswer => route;

const unknown = ({ text }: Subject): Refusal =>
  new Refusal(
    "explain.unknown",
    `nobody here knows ${text}: nothing of gateway.yaml, no object, and no route but a default one`,
    `GET /api/v1/nat/trace tells what becomes of a packet there, and /api/v1/routes?prefix=${text} which route it takes`,
  );

function summaryOf(
  { text }: Subject,
  [first]: readonly ExplainedOwner[],
  route: RouteAnswer | undefined,
): string {
  if (first !== undefined) return `${text} is ${first.text}`;
  const peers = [...new Set(route?.paths.map(({ peer }) => peer))].join(", ");
  return route === undefined || !isTold(route)
    ? `${text} is nobody's here`
    : `${text} is not ours: ${route.prefix} was told by ${peers}`;
}

/** The address alone, and no longer one that begins or ends with it. */
function mentions({ text }: Pick<Subject, "text">, words: string): boolean {
  for (let at = words.indexOf(text); at >= 0; at = words.indexOf(text, at + 1)) {
    const [before, behind] = [words[at - 1] ?? "", words.slice(at + text.length, at + text.length + 2)];
    if (!/[\w.:]/.test(before) && !/^(\w|\.\w|:[\w:])/.test(behind)) return true;
  }
  return false;
}

/** Of the address, and of the objects that have it. */
function eventsOf(
  events: readonly EventAnswer[],
  { text }: Subject,
  { floating, ports }: Whose,
): EventAnswer[] {
  const names = [text, ...[...floating, ...ports].map(({ id }) => id)];
  return events
    .filter((event) => {
      const words = JSON.stringify(event);
      return names.some((name) => mentions({ text: name }, words));
    })
    .slice(-EVENTS_MAX);
}
