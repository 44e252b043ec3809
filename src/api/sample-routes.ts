/** Routes of the {@link sampleSource}: what it has, what it told a peer, what a peer told it. */

import type { AnnouncementAnswer, ReceivedAnswer, RouteAnswer, RoutePath } from "./schema.ts";

function path(changes: Partial<RoutePath>): RoutePath {
  return {
    peer: "198.51.100.2",
    nextHop: "198.51.100.2",
    asPath: "64512",
    origin: "igp",
    localPref: 100,
    communities: [],
    largeCommunities: [],
    status: "best",
    stale: false,
    ...changes,
  };
}

export function sampleRoutes(): RouteAnswer[] {
  const host1 = { peer: "192.168.8.11", nextHop: "192.168.8.11", asPath: "" };
  const host2 = { peer: "192.168.8.12", nextHop: "192.168.8.12", asPath: "" };
  const own = { peer: "local", nextHop: "self", asPath: "" };
  return [
    { prefix: "0.0.0.0/0", kind: "default", local: false, installed: true, paths: [path({ med: 10 })] },
    { prefix: "10.65.0.13/32", kind: "host", local: false, installed: true, paths: [path(host1)] },
    { prefix: "172.16.1.3/32", kind: "floating", local: true, installed: true, paths: [path(own)] },
    {
      prefix: "192.0.2.53/32",
      kind: "anycast",
      local: false,
      installed: true,
      paths: [
        path(host1),
        path({ ...host2, status: "multipath" }),
        path({
          asPath: "64512 64513",
          communities: ["64512:100"],
          status: "localPref",
          rule: "transit[1]",
          rpki: "valid",
        }),
      ],
      exports: [
        { peer: "198.51.100.2", sent: true, reason: "accepted by rule", rule: "export[0]" },
        { peer: "198.51.100.3", sent: false, reason: "no session" },
      ],
    },
    { prefix: "198.51.100.10/32", kind: "pool", local: true, installed: true, paths: [path(own)] },
    { prefix: "203.0.113.0/24", kind: "public", local: true, installed: true, paths: [path(own)] },
  ];
}

export function sampleAnnouncements(): AnnouncementAnswer[] {
  const told = (prefix: string, kind: string): AnnouncementAnswer => ({
    prefix,
    kind,
    peer: "198.51.100.2",
    nextHop: "198.51.100.1",
    asPath: "65000",
    origin: "igp",
    communities: ["64512:100"],
    largeCommunities: [],
    rule: "export[0]",
  });
  return [
    told("172.16.1.3/32", "floating"),
    told("192.0.2.53/32", "anycast"),
    told("198.51.100.10/32", "pool"),
    told("203.0.113.0/24", "public"),
  ];
}

export function sampleReceived(): ReceivedAnswer[] {
  const told = {
    peer: "198.51.100.2",
    nextHop: "198.51.100.2",
    origin: "igp",
    largeCommunities: [],
    stale: false,
  };
  return [
    {
      ...told,
      prefix: "0.0.0.0/0",
      kind: "default",
      accepted: true,
      rule: "transit[1]",
      rpki: "not-found",
      changes: { localPref: "200", communities: "64512:100 65000:1" },
      asPath: "64512",
      communities: ["64512:100"],
    },
    {
      ...told,
      prefix: "10.0.0.0/8",
      kind: "other",
      accepted: false,
      rule: "transit[0]",
      rpki: "invalid",
      changes: {},
      asPath: "64512 64513",
      communities: [],
    },
  ];
}
