/** Answers about BGP, as schemas; what their members mean stands in schema.ts. */

import { z } from "zod";
import type { NextHopAnswer } from "../next-hop-schema.ts";
import type {
  AnnouncementAnswer,
  MonitorAnswer,
  PeerAnswer,
  PeerErrorAnswer,
  ReceivedAnswer,
  RouteAnswer,
  RouteExport,
  RoutePath,
  RpkiAnswer,
  RpkiCacheAnswer,
  RpkiPrefixAnswer,
} from "../schema.ts";
import { answer, count, counts, flag, list, oneOf, seconds, text, texts, time } from "./answer.ts";

const asn = z.int().min(0).max(4_294_967_295);
const BFD = oneOf(["admin-down", "down", "init", "up"]);
const validity = oneOf(["valid", "invalid", "not-found"]);
const incident = answer<{ readonly at: string; readonly text: string }>({ at: time, text });

type Stale = PeerAnswer["gracefulRestart"]["stale"][number];
type Capability = NonNullable<PeerAnswer["capabilities"]>[number];

export const peer: z.ZodType<PeerAnswer> = answer<PeerAnswer>(
  {
    address: text,
    localAsn: asn,
    dynamic: flag,
    md5: flag,
    ttlSecurity: flag,
    state: oneOf(["idle", "connect", "active", "open-sent", "open-confirm", "established"]),
    sinceSeconds: seconds,
    timers: z.record(z.string(), z.number()),
    families: texts,
    limits: answer<PeerAnswer["limits"]>({}, { maxAsPathLength: count, maxCommunities: count }),
    addPath: answer<PeerAnswer["addPath"]>({ send: texts, receive: texts }),
    drains: flag,
    gracefulRestart: answer<PeerAnswer["gracefulRestart"]>({
      negotiated: flag,
      longLived: counts,
      stalePaths: count,
      stale: list(
        answer<Stale>({
          family: text,
          phase: oneOf(["restarting", "long-lived", "refreshing"]),
          paths: count,
          sinceSeconds: seconds,
          leftSeconds: seconds,
        }),
      ),
    }),
    prefixes: answer<PeerAnswer["prefixes"]>({
      received: count,
      accepted: count,
      advertised: count,
      refused: count,
    }),
    messages: answer<PeerAnswer["messages"]>({ received: counts, sent: counts }),
    updateErrors: counts,
    unsendable: count,
    flaps: count,
  },
  {
    interface: text,
    asn,
    anyAsn: z.literal(true),
    role: text,
    remoteRole: text,
    description: text,
    group: text,
    localAddress: text,
    openedBy: oneOf(["gateway", "peer"]),
    halt: answer<NonNullable<PeerAnswer["halt"]>>(
      { reason: oneOf(["shutdown", "max-prefixes"]) },
      { text, restartsInSeconds: seconds },
    ),
    routerId: text,
    holdSeconds: count,
    capabilities: list(answer<Capability>({ name: text }, { local: text, remote: text })),
    bfd: answer<NonNullable<PeerAnswer["bfd"]>>(
      { state: BFD, remoteState: BFD, intervalSeconds: seconds, multiplier: count },
      { diagnostic: text, problem: text },
    ),
    maxPrefixes: answer<NonNullable<PeerAnswer["maxPrefixes"]>>({ limit: count, warnAt: count }),
    lastError: incident,
    lastNotificationSent: incident,
    lastNotificationReceived: incident,
  },
);

type Fault = PeerErrorAnswer["faults"][number];

export const peerError: z.ZodType<PeerErrorAnswer> = answer<PeerErrorAnswer>({
  at: time,
  message: text,
  reaction: text,
  faults: list(answer<Fault>({ reaction: text, text, rfc: text }, { attribute: count })),
  octets: text,
});

export const monitor: z.ZodType<MonitorAnswer> = answer<MonitorAnswer>(
  {
    kind: oneOf(["bmp", "mrt"]),
    target: text,
    state: oneOf(["up", "down"]),
    messages: count,
    waitingOctets: count,
    lost: count,
  },
  { lastError: text },
);

const path = answer<RoutePath>(
  {
    peer: text,
    nextHop: text,
    asPath: text,
    origin: text,
    localPref: count,
    communities: texts,
    largeCommunities: texts,
    status: text,
    stale: flag,
  },
  {
    pathId: count,
    med: count,
    extendedCommunities: texts,
    onlyToCustomer: asn,
    igpMetric: count,
    reason: text,
    rule: text,
    rpki: validity,
  },
);

export const route: z.ZodType<RouteAnswer> = answer<RouteAnswer>(
  { prefix: text, kind: text, local: flag, installed: flag, paths: list(path) },
  { exports: list(answer<RouteExport>({ peer: text, sent: flag, reason: text }, { rule: text })) },
);

export const announcement: z.ZodType<AnnouncementAnswer> = answer<AnnouncementAnswer>(
  {
    prefix: text,
    kind: text,
    peer: text,
    nextHop: text,
    asPath: text,
    origin: text,
    communities: texts,
    largeCommunities: texts,
  },
  {
    pathId: count,
    localPref: count,
    med: count,
    extendedCommunities: texts,
    onlyToCustomer: asn,
    rule: text,
  },
);

export const received: z.ZodType<ReceivedAnswer> = answer<ReceivedAnswer>(
  {
    prefix: text,
    kind: text,
    peer: text,
    accepted: flag,
    rule: text,
    changes: z.record(z.string(), text),
    nextHop: text,
    asPath: text,
    origin: text,
    communities: texts,
    largeCommunities: texts,
    stale: flag,
  },
  {
    pathId: count,
    rpki: validity,
    localPref: count,
    med: count,
    extendedCommunities: texts,
    onlyToCustomer: asn,
  },
);

export const nextHop: z.ZodType<NextHopAnswer> = answer<NextHopAnswer>(
  {
    nextHop: text,
    reachable: flag,
    via: list(answer<NextHopAnswer["via"][number]>({ interface: text }, { gateway: text })),
  },
  { reason: text, metric: count, route: text },
);

const vrps = answer<RpkiAnswer["vrps"]>({ ipv4: count, ipv6: count });

const cache = answer<RpkiCacheAnswer>(
  {
    address: text,
    port: count,
    preference: count,
    state: oneOf(["waiting", "connecting", "querying", "receiving", "ready"]),
    believed: flag,
    vrps,
  },
  { version: count, sessionId: count, serial: count, expiresSeconds: seconds, lastError: incident },
);

export const rpki: z.ZodType<RpkiAnswer> = answer<RpkiAnswer>({ caches: list(cache), vrps });

export const rpkiPrefix: z.ZodType<RpkiPrefixAnswer> = answer<RpkiPrefixAnswer>({
  prefix: text,
  origins: list(answer<RpkiPrefixAnswer["origins"][number]>({ asn, validity })),
  vrps: list(answer<RpkiPrefixAnswer["vrps"][number]>({ prefix: text, maxLength: count, asn })),
});
