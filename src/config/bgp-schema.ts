/** The `bgp` section: speaker settings, and peers with what their groups have in common merged in. */

import { z } from "zod";
import type { Family } from "../bgp/net/address.ts";
import type { BgpSettings, Peer } from "../model/model.ts";
import { addPath, NO_ADD_PATH } from "./add-path-schema.ts";
import { asKeys, asRulesOf } from "./as-schema.ts";
import { beliefs, beliefsOf } from "./belief-schema.ts";
import { bmp, mrt } from "./monitor-schema.ts";
import { isOnLink, numberOf, peerAsn, remoteFaults, remoteOf } from "./peer-remote.ts";
import { type Named, nameFaults, policies, prefixSets, resolved, rules } from "./policy-schema.ts";
import { gracefulRestart, peerRestart } from "./restart-schema.ts";
import {
  absolutePath,
  address,
  asn,
  choice,
  description,
  duration,
  flag,
  holdTime,
  integer,
  interfaceName,
  list,
  mapping,
  name,
  port,
  prefix,
  routerId,
  scopedAddress,
} from "./scalars.ts";
import { maxPrefixes, shutdown } from "./session-schema.ts";
import { suggestion } from "./suggest.ts";

const family: z.ZodType<Family> = choice(["ipv4", "ipv6"]).transform((text) => (text === "ipv4" ? 4 : 6));

const families = list(family).min(1, { error: "at least one of ipv4, ipv6" });

/** As they would stand in the file: they reach the model and the JSON Schema from here. */
const PEER_DEFAULTS = {
  holdTime: "90s",
  port: 179,
  passive: false,
  maxPeers: 1024,
  ttlSecurity: false,
  families: ["ipv4", "ipv6"],
  routeReflectorClient: false,
  gracefulShutdown: false,
  honorGracefulShutdown: true,
  shutdown: false,
};

const peerDefaults = {
  holdTime: holdTime.parse(PEER_DEFAULTS.holdTime),
  port: PEER_DEFAULTS.port,
  passive: PEER_DEFAULTS.passive,
  maxPeers: PEER_DEFAULTS.maxPeers,
  ttlSecurity: PEER_DEFAULTS.ttlSecurity,
  families: families.parse(PEER_DEFAULTS.families),
  routeReflectorClient: PEER_DEFAULTS.routeReflectorClient,
  honorGracefulShutdown: PEER_DEFAULTS.honorGracefulShutdown,
};

const bfd: z.ZodType<Peer["bfd"] | false> = z.union(
  [
    z.literal(false),
    mapping({
      interval: duration("10ms", "10s")
        .prefault("300ms")
        .meta({ description: "Between two packets, both ways; the slower end counts." }),
      multiplier: integer(1, 255)
        .prefault(3)
        .meta({ description: "Packets missed in a row that make the peer's session fall." }),
    }).transform((given) => ({ intervalMs: given.interval, multiplier: given.multiplier })),
  ],
  { error: "a mapping, or false" },
);

const common = {
  asn: peerAsn.optional().meta({
    description: "The peer's AS number; external: any but our own; internal, or our own: an iBGP peer.",
  }),
  description: description.optional().meta({ description: "Shown wherever the peer is." }),
  holdTime: holdTime.optional().meta({
    default: PEER_DEFAULTS.holdTime,
    description: "Silence after which the session is given up; the smaller of both ends' counts.",
  }),
  port: port.optional().meta({ default: PEER_DEFAULTS.port, description: "TCP port that we connect to." }),
  passive: flag
    .optional()
    .meta({ default: PEER_DEFAULTS.passive, description: "Never connect, only listen. Ranges always are." }),
  localAddress: address
    .optional()
    .meta({ description: "Our end of the session. Default: the kernel chooses." }),
  passwordFile: absolutePath
    .optional()
    .meta({ description: "A file that holds the session's password (TCP-MD5, RFC 2385)." }),
  ttlSecurity: flag.optional().meta({
    default: PEER_DEFAULTS.ttlSecurity,
    description: "The peer is one hop away, and both sides send with TTL 255 (GTSM, RFC 5082).",
  }),
  families: families
    .optional()
    .meta({ default: PEER_DEFAULTS.families, description: "Routes that the session carries." }),
  extendedNextHop: flag.optional().meta({
    description:
      "IPv4 routes may have IPv6 next hops (RFC 8950). Default: true for link-local peers, else false.",
  }),
  routeReflectorClient: flag.optional().meta({
    default: PEER_DEFAULTS.routeReflectorClient,
    description: "iBGP only: reflect its routes to other iBGP peers, and theirs to it (RFC 4456).",
  }),
  ...asKeys,
  addPath: addPath.optional().meta({
    default: false,
    description: "Several paths of one prefix, where the peer agrees (RFC 7911); `send` and `both` send all.",
  }),
  maxPeers: integer(1, 10_000).optional().meta({
    default: PEER_DEFAULTS.maxPeers,
    description: "Of a range: how many peers may be connected at a time.",
  }),
  maxPrefixes: maxPrefixes.optional().meta({
    description:
      "A peer that sends more is disconnected: a number, or a mapping; every path counts. Default: no limit.",
  }),
  shutdown: shutdown.optional().meta({
    default: PEER_DEFAULTS.shutdown,
    description: "No session: true, or words that the other side's operator reads (RFC 9003).",
  }),
  ...beliefs,
  bfd: bfd.optional().meta({
    description: "Watch the peer by single-hop BFD (RFC 5881). Default: only by holdTime.",
  }),
  gracefulShutdown: flag.optional().meta({
    default: PEER_DEFAULTS.gracefulShutdown,
    description: "Its session is about to end: make what leads over it a last resort, both ways (RFC 8326).",
  }),
  honorGracefulShutdown: flag.optional().meta({
    default: PEER_DEFAULTS.honorGracefulShutdown,
    description: "eBGP only: what the peer marks with graceful-shutdown gets local preference 0 (RFC 8326).",
  }),
  gracefulRestart: peerRestart.meta({ description: "What differs from bgp.gracefulRestart." }),
  import: rules.optional().meta({
    description:
      "What we believe: rules, or a name of `policies`. The first match wins, no match is rejected.",
  }),
  export: rules.optional().meta({
    description:
      "What we announce: rules, or a name of `policies`. The first match wins, no match is rejected.",
  }),
};

const group = mapping(common);

const peer = mapping({
  address: scopedAddress
    .optional()
    .meta({ description: "The peer's address. One of this, `range` and `interface`." }),
  range: prefix
    .optional()
    .meta({ description: "Whoever connects from here is a peer. One of this, `address` and `interface`." }),
  interface: interfaceName.optional().meta({
    description:
      "The one router at the other end of this interface, by link-local addresses. One of this, `address` and `range`.",
  }),
  group: name
    .optional()
    .meta({ description: "A name of `groups`, whose settings count where none stand here." }),
  ...common,
});

/** A cache has a connection and memory of its own: more than a few is a mistake. */
export const RPKI_CACHES = 8;

const rpki = mapping({
  caches: list(
    mapping({
      address: address.meta({ description: "Of an RPKI-to-Router server, such as StayRTR or Routinator." }),
      port: port.prefault(323).meta({ description: "Its TCP port for RTR without TLS." }),
      preference: integer(1, 255)
        .prefault(1)
        .meta({ description: "Of the caches that have data, those with the lowest are believed." }),
    }),
  )
    .max(RPKI_CACHES, { error: `at most ${RPKI_CACHES}` })
    .prefault([])
    .meta({ description: "Who tells which AS may originate which prefix (RFC 8210)." }),
});

const listen = mapping({
  addresses: list(address)
    .prefault(["0.0.0.0", "::"])
    .meta({ description: "Local addresses that BGP listens on; none: we only connect." }),
  port: port.prefault(179).meta({ description: "TCP port that BGP listens on." }),
});

const decision = mapping({
  alwaysCompareMed: flag
    .prefault(false)
    .meta({ description: "Compare MED between paths of different neighbour ASes too." }),
  missingMedAsWorst: flag
    .prefault(false)
    .meta({ description: "A path without MED is the worst, not the best." }),
});
export const bgp: z.ZodType<BgpSettings> = mapping({
  asn: asn.meta({ description: "Our AS number." }),
  routerId: routerId.meta({ description: "Our BGP identifier: an IPv4 address that no other speaker uses." }),
  clusterId: routerId.optional().meta({
    description:
      "What reflected routes are marked with (RFC 4456); the same on all reflectors of one cluster. Default: routerId.",
  }),
  listen: listen.prefault({}).meta({ description: "Where peers reach us." }),
  multipath: integer(1, 256).prefault(64).meta({ description: "Equal-cost paths installed per prefix." }),
  multipathRelax: flag.prefault(true).meta({
    description: "Paths into different neighbouring ASes are of equal cost when their AS paths are as long.",
  }),
  linkBandwidth: flag.prefault(true).meta({
    description: "Share flows by the link bandwidth communities of equal-cost paths, where all have one.",
  }),
  decision: decision
    .prefault({})
    .meta({ description: "How the best path is chosen, where not as RFC 4271 has it." }),
  gracefulRestart: gracefulRestart
    .prefault({})
    .meta({ description: "RFC 4724, so that a restart loses no route; false turns it off." }),
  gracefulShutdown: flag.prefault(PEER_DEFAULTS.gracefulShutdown).meta({
    description: "Every session is about to end: where peers and groups do not say otherwise (RFC 8326).",
  }),
  rpki: rpki.prefault({}).meta({ description: "Origin validation (RFC 6811), for `match.rpki`." }),
  bmp: list(bmp)
    .prefault([])
    .meta({ description: "Monitoring stations that are told what every peer says (BMP, RFC 7854)." }),
  mrt: mrt
    .prefault(false)
    .meta({ description: "Files of every message that peers send (MRT, RFC 6396); false: none." }),
  groups: z
    .record(name, group, { error: "a mapping of group names" })
    .prefault({})
    .meta({ description: "What peers have in common, by name." }),
  prefixSets: prefixSets
    .prefault({})
    .meta({ description: "Prefixes with ranges of lengths, by name, for `match.prefixSet`." }),
  policies: policies
    .prefault({})
    .meta({ description: "Lists of rules by name, for `import` and `export` of any peers." }),
  peers: list(peer).prefault([]).meta({ description: "Whom we speak to." }),
}).transform((given, context) => {
  const { groups, peers, prefixSets: sets, policies: shared, gracefulRestart: all, ...others } = given;
  const { gracefulShutdown, ...speaker } = others;
  const named = { policies: shared, prefixSets: sets };
  const reported = (path: readonly (string | number)[], { at, message, hint }: Fault): void =>
    context.addIssue({
      code: "custom",
      path: [...path, ...at],
      message,
      params: { sentence: true, hint },
      input: given,
    });
  for (const [key, list] of Object.entries(shared)) {
    for (const fault of nameFaults(list, named)) reported(["policies", key], fault);
  }
  for (const [key, entry] of Object.entries(groups)) {
    const faults = [...ruleFaults(entry, named), ...restartFaults(entry, all !== undefined)];
    for (const fault of faults) reported(["groups", key], fault);
  }
  const merged = peers.map((one, i) => {
    const faults = [...faultsOf(one, groups), ...ruleFaults(one, named)];
    for (const fault of [...faults, ...restartFaults(one, all !== undefined)]) reported(["peers", i], fault);
    const inherited = one.group === undefined ? undefined : groups[one.group];
    return mergePeer(one, inherited, named, {
      ownAsn: given.asn,
      longLivedMs: all?.longLivedMs,
      gracefulShutdown,
    });
  });
  const restart = all && { restartMs: all.restartMs, notification: all.notification, staleMs: all.staleMs };
  return { ...speaker, gracefulRestart: restart, clusterId: speaker.clusterId, peers: merged };
});

type PeerEntry = z.output<typeof peer>;
type Groups = Readonly<Record<string, z.output<typeof group>>>;

interface Fault {
  readonly at: readonly (string | number)[];
  readonly message: string;
  readonly hint?: string | undefined;
}

/** What the rules of a peer or a group name, and there is not. */
const ruleFaults = (entry: Groups[string], named: Named): Fault[] =>
  (["import", "export"] as const).flatMap((key) =>
    nameFaults(entry[key], named).map((fault) => ({ ...fault, at: [key, ...fault.at] })),
  );

/** RFC 9494 §4.1: there is no long-lived graceful restart without the short one. */
function restartFaults({ gracefulRestart: restart }: Groups[string], restarts: boolean): Fault[] {
  if (restarts || restart?.longLived === undefined) return [];
  const message = "stale routes are kept by graceful restart, and bgp.gracefulRestart is false";
  return [{ at: ["gracefulRestart", "longLived"], message, hint: "take one of the two out" }];
}

/** What keeps an entry of `peers` from being a peer. Empty: {@link mergePeer} gives a whole one. */
function faultsOf(entry: PeerEntry, groups: Groups): Fault[] {
  const faults: Fault[] = remoteFaults(entry);
  if (entry.range !== undefined && entry.passive === false) {
    faults.push({
      at: ["passive"],
      message: "peers of a range always are passive",
      hint: "take this line out",
    });
  }
  const known = entry.group === undefined || Object.hasOwn(groups, entry.group);
  if (!known) {
    const names = Object.keys(groups);
    const none = "there are no groups: define it under bgp.groups";
    const hint =
      suggestion(entry.group ?? "", names) ?? (names.length === 0 ? none : `groups: ${names.join(", ")}`);
    faults.push({ at: ["group"], message: `there is no group ${JSON.stringify(entry.group)}`, hint });
  }
  const inherited = entry.group === undefined ? undefined : groups[entry.group];
  if (known && entry.asn === undefined && inherited?.asn === undefined) {
    faults.push({
      at: [],
      message: "asn is missing",
      hint: "give the peer's AS number here or in its group",
    });
  }
  return faults;
}

/** @param all - what stands for all peers */
function mergePeer(
  entry: PeerEntry,
  inherited: Groups[string] | undefined,
  named: Named,
  all: Pick<Peer, "longLivedMs" | "gracefulShutdown"> & { readonly ownAsn: number },
): Peer {
  const given = { ...inherited, ...entry };
  const { gracefulRestart: restart, maxPeers = peerDefaults.maxPeers } = given;
  const remote = remoteOf(entry);
  return {
    remote,
    group: given.group,
    description: given.description,
    asn: numberOf(given.asn!, all.ownAsn),
    holdMs: given.holdTime ?? peerDefaults.holdTime,
    port: given.port ?? peerDefaults.port,
    passive: "range" in remote || (given.passive ?? peerDefaults.passive),
    localAddress: given.localAddress,
    maxPeers,
    passwordFile: given.passwordFile,
    password: undefined,
    ttlSecurity: given.ttlSecurity ?? peerDefaults.ttlSecurity,
    families: [...new Set(given.families ?? peerDefaults.families)],
    extendedNextHop: given.extendedNextHop ?? isOnLink(remote),
    routeReflectorClient: given.routeReflectorClient ?? peerDefaults.routeReflectorClient,
    asRules: asRulesOf(given),
    shutdown: given.shutdown === false ? undefined : given.shutdown,
    addPath: given.addPath ?? NO_ADD_PATH,
    maxPrefixes: given.maxPrefixes,
    ...beliefsOf(given),
    bfd: given.bfd === false ? undefined : given.bfd,
    longLivedMs: restart !== undefined && "longLived" in restart ? restart.longLived : all.longLivedMs,
    gracefulShutdown: given.gracefulShutdown ?? all.gracefulShutdown,
    honorGracefulShutdown: given.honorGracefulShutdown ?? peerDefaults.honorGracefulShutdown,
    importRules: resolved(given.import, named),
    exportRules: resolved(given.export, named),
  };
}
