/** What a reload changes, in words: which sessions reset and why, and which other things come, go or change. */

import { formatAddress, formatEndpoint, formatPrefix } from "../bgp/net/text.ts";
import type { Model, Peer } from "../model/model.ts";

export interface Change {
  /** Such as "peer 198.51.100.2", "floating IP 172.16.1.3" or "kernel". */
  readonly subject: string;
  readonly change: "added" | "removed" | "changed";
  /** The keys of gateway.yaml that differ; empty for what is added or removed. */
  readonly keys: readonly string[];
  /** True when an established BGP session ends by it. */
  readonly resets: boolean;
}

/** Peer settings that a session is built on: it must begin anew for them to count. */
const SESSION_KEYS = {
  asn: (peer: Peer) => peer.asn,
  holdTime: (peer: Peer) => peer.holdMs,
  port: (peer: Peer) => peer.port,
  passive: (peer: Peer) => peer.passive,
  localAddress: (peer: Peer) => peer.localAddress,
  passwordFile: (peer: Peer) => peer.password,
  ttlSecurity: (peer: Peer) => peer.ttlSecurity,
  families: (peer: Peer) => peer.families,
  extendedNextHop: (peer: Peer) => peer.extendedNextHop,
  routeReflectorClient: (peer: Peer) => peer.routeReflectorClient,
  acceptAsSets: (peer: Peer) => peer.acceptAsSets,
  "gracefulRestart.longLived": (peer: Peer) => peer.longLivedMs,
  role: (peer: Peer) => peer.asRules.role,
  strictRole: (peer: Peer) => peer.asRules.strictRole,
  localAs: (peer: Peer) => peer.asRules.localAs,
  enforceFirstAs: (peer: Peer) => peer.asRules.enforceFirstAs,
  routeServerClient: (peer: Peer) => peer.asRules.routeServerClient,
  addPath: ({ addPath: { receive, send } }: Peer) => [receive, send !== 0],
} as const;

/** Peer settings that an established session takes on as it is. */
const SOFT_KEYS = {
  allowOwnAs: (peer: Peer) => peer.asRules.allowOwnAs,
  removePrivateAs: (peer: Peer) => peer.asRules.removePrivateAs,
  asOverride: (peer: Peer) => peer.asRules.asOverride,
  // How many, where it goes on being several, is no matter of the session.
  "addPath.send": ({ addPath: { send } }: Peer) => send,
  shutdown: (peer: Peer) => peer.shutdown,
  maxPrefixes: (peer: Peer) => peer.maxPrefixes,
  maxPeers: (peer: Peer) => peer.maxPeers,
  maxAsPathLength: (peer: Peer) => peer.maxAsPathLength,
  maxCommunities: (peer: Peer) => peer.maxCommunities,
  passUnknownAttributes: (peer: Peer) => peer.passUnknownAttributes,
  bfd: (peer: Peer) => peer.bfd,
  gracefulShutdown: (peer: Peer) => peer.gracefulShutdown,
  honorGracefulShutdown: (peer: Peer) => peer.honorGracefulShutdown,
  import: (peer: Peer) => peer.importRules,
  export: (peer: Peer) => peer.exportRules,
  description: (peer: Peer) => peer.description,
  group: (peer: Peer) => peer.group,
} as const;

/** Speaker settings that every session was opened with. */
const SPEAKER_KEYS = {
  asn: (model: Model) => model.bgp.asn,
  routerId: (model: Model) => model.bgp.routerId,
  clusterId: (model: Model) => model.bgp.clusterId,
  gracefulRestart: (model: Model) => model.bgp.gracefulRestart,
} as const;

const OTHER_KEYS = {
  role: (model: Model) => model.role,
  hostname: (model: Model) => model.hostname,
  "bgp.listen": (model: Model) => model.bgp.listen,
  "bgp.bmp": (model: Model) => model.bgp.bmp,
  "bgp.mrt": (model: Model) => model.bgp.mrt,
  "bgp.multipath": (model: Model) => model.bgp.multipath,
  "bgp.multipathRelax": (model: Model) => model.bgp.multipathRelax,
  "bgp.linkBandwidth": (model: Model) => model.bgp.linkBandwidth,
  "bgp.decision": (model: Model) => model.bgp.decision,
  "bgp.nextHopTracking": (model: Model) => model.bgp.nextHopTracking,
  "nat.private": (model: Model) => model.nat.private,
  "nat.except": (model: Model) => model.nat.except,
  "nat.overflowAt": (model: Model) => model.nat.overflowAt,
  "nat.timeouts": (model: Model) => model.nat.timeouts,
  "nat.log": (model: Model) => model.nat.log,
  "nat.alg": (model: Model) => model.nat.alg,
  "nat.prefixes": (model: Model) => model.nat.prefixes,
  "nat.pcp": (model: Model) => model.nat.pcp,
  "nat.blockHistory": (model: Model) => model.nat.blockHistory,
  metadata: (model: Model) => model.metadata,
  kernel: (model: Model) => model.kernel,
} as const;

/** "198.51.100.2", "192.168.8.0/24" or "eth0": what names a peer. */
function remoteText({ remote }: Peer): string {
  if ("interface" in remote) return remote.interface;
  return "range" in remote ? formatPrefix(remote.range) : formatAddress(remote.address);
}

/** Every difference, the speaker's first. Empty when both models say the same. */
export function diff(before: Model, after: Model): Change[] {
  const speaker = differing(SPEAKER_KEYS, before, after);
  const others = differing(OTHER_KEYS, before, after);
  return [
    ...(speaker.length === 0 ? [] : [changed("bgp", speaker, true)]),
    ...others.map((key) => changed(key, [key], false)),
    ...peerChanges(before, after),
    ...listChanges("RPKI cache", before.bgp.rpki.caches, after.bgp.rpki.caches, formatEndpoint),
    ...listChanges("network", before.networks, after.networks, ({ name }) => name),
    ...listChanges("pool", before.nat.pools, after.nat.pools, ({ name }) => name),
    ...listChanges("floating IP", before.floatingIps, after.floatingIps, ({ address }) =>
      formatAddress(address),
    ),
    ...listChanges("anycast service", before.anycast, after.anycast, ({ name }) => name),
    ...listChanges("port", before.ports, after.ports, (port) => port.interface),
  ];
}

/** One line of a reload's log or of a check against what runs. */
export function describe({ subject, change, keys, resets }: Change): string {
  if (change !== "changed") return `${subject} ${change}`;
  const what = keys.length === 1 && keys[0] === subject ? "changed" : `${keys.join(", ")} changed`;
  if (subject === "bgp") return `${subject}: every session resets because ${what}`;
  if (!subject.startsWith("peer ")) return subject === keys[0] ? `${subject} changed` : `${subject}: ${what}`;
  if (resets) return `${subject}: session ${keys.includes("shutdown") ? "ends" : "resets"} because ${what}`;
  const policy = keys.every((key) => key === "import" || key === "export");
  return policy ? `${subject}: policy only, no reset` : `${subject}: ${what}, no reset`;
}

function peerChanges(before: Model, after: Model): Change[] {
  const found: Change[] = [];
  for (const [name, old, now] of paired(before.bgp.peers, after.bgp.peers, remoteText)) {
    const subject = `peer ${name}`;
    if (old === undefined) found.push({ subject, change: "added", keys: [], resets: false });
    else if (now === undefined) found.push({ subject, change: "removed", keys: [], resets: true });
    else {
      const hard = differing(SESSION_KEYS, old, now);
      const keys = [...hard, ...differing(SOFT_KEYS, old, now)];
      const ends = old.shutdown === undefined && (hard.length > 0 || now.shutdown !== undefined);
      if (keys.length > 0) found.push(changed(subject, keys, ends));
    }
  }
  return found;
}

function listChanges<T extends object>(
  what: string,
  before: readonly T[],
  after: readonly T[],
  nameOf: (entry: T) => string,
): Change[] {
  const found: Change[] = [];
  for (const [name, old, now] of paired(before, after, nameOf)) {
    const subject = `${what} ${name}`;
    if (old === undefined) found.push({ subject, change: "added", keys: [], resets: false });
    else if (now === undefined) found.push({ subject, change: "removed", keys: [], resets: false });
    else {
      const keys = (Object.keys(now) as (keyof T & string)[]).filter((key) => !same(old[key], now[key]));
      if (keys.length > 0) found.push(changed(subject, keys, false));
    }
  }
  return found;
}

const changed = (subject: string, keys: readonly string[], resets: boolean): Change => {
  return { subject, change: "changed", keys, resets };
};

/** Entries of the same name, those only in `before` last. */
function* paired<T>(
  before: readonly T[],
  after: readonly T[],
  nameOf: (entry: T) => string,
): Generator<[string, T | undefined, T | undefined]> {
  const old = new Map(before.map((entry) => [nameOf(entry), entry]));
  const now = new Set<string>();
  for (const entry of after) {
    const name = nameOf(entry);
    now.add(name);
    yield [name, old.get(name), entry];
  }
  for (const [name, entry] of old) if (!now.has(name)) yield [name, entry, undefined];
}

function differing<T>(keys: Readonly<Record<string, (of: T) => unknown>>, before: T, after: T): string[] {
  return Object.entries(keys).flatMap(([key, read]) => (same(read(before), read(after)) ? [] : [key]));
}

/** Equal as values. Models hold only plain data, and lists whose order counts. */
function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].every((key) =>
    same((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]),
  );
}
