/** A peer, a pool and a NAT with every key at its default, for tests to change what they are about. */

import { parseAddress } from "../../bgp/net/text.ts";
import { NO_LIMITS } from "../address-limits.ts";
import type { Model, Peer, Pool } from "../model.ts";
import { NO_NAT_LOG } from "../nat-log.ts";
import { NO_PCP } from "../pcp.ts";

export const PEER: Peer = {
  remote: { address: parseAddress("192.0.2.2")! },
  extendedNextHop: false,
  group: undefined,
  description: undefined,
  asn: 65000,
  holdMs: 90_000,
  port: 179,
  passive: false,
  localAddress: undefined,
  passwordFile: undefined,
  password: undefined,
  maxPeers: 1024,
  ttlSecurity: false,
  families: [4, 6],
  routeReflectorClient: false,
  asRules: {
    role: undefined,
    strictRole: false,
    localAs: undefined,
    allowOwnAs: 0,
    enforceFirstAs: true,
    removePrivateAs: false,
    asOverride: false,
    routeServerClient: false,
  },
  shutdown: undefined,
  maxPrefixes: undefined,
  maxAsPathLength: 255,
  maxCommunities: 1000,
  acceptAsSets: false,
  passUnknownAttributes: false,
  addPath: { receive: false, send: 0 },
  bfd: undefined,
  longLivedMs: undefined,
  gracefulShutdown: false,
  honorGracefulShutdown: true,
  importRules: undefined,
  exportRules: undefined,
};

export const NO_NAT: Model["nat"] = {
  private: [],
  except: [],
  pools: [],
  prefixes: [],
  overflowAt: 75,
  blockHistory: "/var/lib/gatewayd/blocks.jsonl",
  log: NO_NAT_LOG,
  pcp: NO_PCP,
  alg: [],
  timeouts: {
    udpMs: 300_000,
    icmpMs: 60_000,
    tcpEstablishedMs: 7_440_000,
    tcpOpeningMs: 240_000,
    tcpClosingMs: 240_000,
  },
};

export const POOL: Pool = {
  name: "default",
  addresses: [parseAddress("198.51.100.10")!],
  private: [],
  draining: false,
  ports: { first: 1024, last: 65535 },
  blockSize: 0,
  overflowBlocks: 0,
  limits: NO_LIMITS,
  mapping: "endpointIndependent",
  filtering: "addressAndPortDependent",
};
