/** Peers of the {@link sampleSource}: one that is up, one that is not. */

import type { PeerAnswer, PeerErrorAnswer } from "./schema.ts";

export function samplePeers(): PeerAnswer[] {
  return [
    {
      address: "198.51.100.2",
      asn: 64512,
      localAsn: 65000,
      role: "customer",
      remoteRole: "provider",
      description: "ToR 1",
      group: "upstream",
      dynamic: false,
      md5: true,
      ttlSecurity: true,
      state: "established",
      sinceSeconds: 93751,
      localAddress: "198.51.100.1",
      openedBy: "gateway",
      routerId: "198.51.100.2",
      holdSeconds: 9,
      timers: { hold: 7.4, keepalive: 1.2 },
      capabilities: [
        { name: "multiprotocol", local: "ipv4, ipv6", remote: "ipv4, ipv6" },
        { name: "route refresh", local: "yes", remote: "yes" },
        { name: "enhanced route refresh", local: "yes" },
        { name: "extended message", local: "yes", remote: "yes" },
        { name: "four octet as", local: "65000", remote: "64512" },
        { name: "graceful restart", local: "120 s, also on NOTIFICATION, ipv4, ipv6", remote: "60 s, ipv4" },
        { name: "unknown", remote: "code 73" },
      ],
      families: ["ipv4", "ipv6"],
      limits: { maxAsPathLength: 255, maxCommunities: 1000 },
      addPath: { send: [], receive: ["ipv4"] },
      drains: false,
      gracefulRestart: { negotiated: true, longLived: { ipv4: 3600 }, stalePaths: 0, stale: [] },
      bfd: { state: "up", remoteState: "up", intervalSeconds: 0.3, multiplier: 3 },
      prefixes: { received: 1, accepted: 1, advertised: 4, refused: 0 },
      maxPrefixes: { limit: 1000, warnAt: 750 },
      messages: {
        received: { open: 1, update: 2, keepalive: 31250 },
        sent: { open: 1, update: 5, keepalive: 31252 },
      },
      updateErrors: {},
      unsendable: 0,
      flaps: 0,
    },
    idle(),
  ];
}

function idle(): PeerAnswer {
  return {
    address: "198.51.100.3",
    asn: 64512,
    localAsn: 65000,
    description: "ToR 2",
    group: "upstream",
    dynamic: false,
    md5: true,
    ttlSecurity: false,
    state: "active",
    sinceSeconds: 751,
    timers: { "connect-retry": 4 },
    families: [],
    limits: { maxAsPathLength: 255, maxCommunities: 1000 },
    addPath: { send: [], receive: [] },
    drains: false,
    gracefulRestart: {
      negotiated: false,
      longLived: {},
      stalePaths: 2,
      stale: [{ family: "ipv4", phase: "long-lived", paths: 2, sinceSeconds: 192, leftSeconds: 3408 }],
    },
    prefixes: { received: 0, accepted: 0, advertised: 0, refused: 0 },
    messages: {
      received: { open: 1, update: 2, keepalive: 12, notification: 1 },
      sent: { open: 2, update: 5, keepalive: 13 },
    },
    updateErrors: { "treat-as-withdraw": 1 },
    unsendable: 0,
    flaps: 1,
    lastError: {
      at: "2026-11-21T09:50:33.000Z",
      text: 'received Cease, administrative shutdown: "maintenance until noon"',
    },
    lastNotificationReceived: {
      at: "2026-11-21T09:50:33.000Z",
      text: 'Cease, administrative shutdown: "maintenance until noon"',
    },
  };
}

/** An UPDATE of 192.0.2.0/24 whose AS path is 64512 0. */
export function sampleErrors(): PeerErrorAnswer[] {
  const marker = "ff".repeat(16);
  const fault = { text: "AS_PATH: AS 0", rfc: "RFC 7607 section 2", attribute: 2 };
  return [
    {
      at: "2026-11-21T09:48:02.000Z",
      message: "UPDATE",
      reaction: "treat-as-withdraw",
      faults: [{ reaction: "treat-as-withdraw", ...fault }],
      octets: `${marker}003302000000184001010040020a02020000fc0000000000400304c633640318c00002`,
    },
  ];
}

/** The first of them, with these changes. */
export const samplePeer = (changes: Partial<PeerAnswer>): PeerAnswer => ({
  ...samplePeers()[0]!,
  ...changes,
});
