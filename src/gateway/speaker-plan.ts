/**
 * What the BGP speaker and its peers are told, from the model.
 *
 * A peer's policy is four parts, in this order: what no configuration can turn off (guards), what gives a route its
 * kind (classification), the rules that were configured, and what becomes of the rest. Kinds are tags; on iBGP
 * sessions they travel as large communities, which are scrubbed on eBGP sessions both ways: what an outsider says
 * about our kinds is not believed, and nothing of it leaves.
 */

import {
  type Address,
  contains,
  hostPrefix,
  ipv4,
  ipv6,
  type Prefix,
  prefixOf,
  widthOf,
} from "../bgp/net/address.ts";
import type { Changes, Match, Policy, PrefixRange, Rule } from "../bgp/policy/rules.ts";
import type { PeerOptions, PrefixLimit, SpeakerOptions } from "../bgp/speaker/options.ts";
import type {
  PrefixLimit as ConfiguredLimit,
  Rule as ConfiguredRule,
  Model,
  Peer,
  RuleChanges,
  RuleMatch,
} from "../model/model.ts";
import { aggregated } from "./aggregated.ts";
import { KIND_COMMUNITY, kindCommunity, TOLD_KINDS, tagOf } from "./kinds.ts";

/** @param restarting - the kernel still holds routes of a process before this one (RFC 4724 §4.1) */
export function speakerOptions(model: Model, restarting: boolean): SpeakerOptions {
  const { bgp, kernel } = model;
  return {
    asn: bgp.asn,
    routerId: bgp.routerId,
    ...(bgp.clusterId && { clusterId: bgp.clusterId }),
    multipath: bgp.multipath,
    multipathRelax: bgp.multipathRelax,
    decision: bgp.decision,
    ...(bgp.gracefulRestart && {
      gracefulRestart: {
        restartSeconds: Math.ceil(bgp.gracefulRestart.restartMs / 1000),
        notification: bgp.gracefulRestart.notification,
        staleSeconds: Math.ceil(bgp.gracefulRestart.staleMs / 1000),
        // Who only announces forwards nothing that could be lost with the process: F holds from its first OPEN on.
        restarting: restarting || kernel.type === "none",
      },
    }),
    advertiseInstalledOnly: kernel.type === "linux",
    // Without a kernel there is nobody to ask.
    tracksNextHops: kernel.type === "linux",
  };
}

/** RFC 1997 */
const NO_EXPORT = 0xffff_ff01;

/** In the order of the model. */
export function peerOptions(model: Model): PeerOptions[] {
  const policies = policiesOf(model);
  return model.bgp.peers.map((peer) => {
    const { remote } = peer;
    const policy = policies(peer);
    return {
      remote: "range" in remote ? { range: remote.range, limit: peer.maxPeers } : remote,
      remoteAsn: peer.asn,
      port: peer.port,
      passive: peer.passive || "range" in remote,
      holdSeconds: Math.ceil(peer.holdMs / 1000),
      families: peer.families,
      extendedNextHop: peer.extendedNextHop,
      importPolicy: policy.import,
      exportPolicy: policy.export,
      nextHopSelf: true,
      ...(peer.password !== undefined && { password: peer.password }),
      ...(peer.ttlSecurity && { ttlSecurity: true }),
      reflectorClient: peer.routeReflectorClient,
      ...asOptions(peer.asRules),
      ...(peer.localAddress && { localAddress: peer.localAddress }),
      ...((peer.addPath.receive || peer.addPath.send !== 0) && { addPath: peer.addPath }),
      ...(peer.shutdown !== undefined && { shutdown: peer.shutdown }),
      ...(peer.maxPrefixes && { maxPrefixes: prefixLimit(peer.maxPrefixes) }),
      maxAsPathLength: peer.maxAsPathLength,
      maxCommunities: peer.maxCommunities,
      acceptAsSets: peer.acceptAsSets,
      passUnknownAttributes: peer.passUnknownAttributes,
      ...(peer.bfd && { bfd: peer.bfd }),
      gracefulShutdown: peer.gracefulShutdown,
      honorGracefulShutdown: peer.honorGracefulShutdown,
      ...(peer.longLivedMs && { longLivedSeconds: inSeconds(peer.longLivedMs) }),
      ...(peer.description !== undefined && { description: peer.description }),
      ...(peer.group !== undefined && { group: peer.group }),
    };
  });
}

/** Interfaces whose other end is a peer. */
export const peerInterfaces = (model: Model): string[] =>
  model.bgp.peers.flatMap(({ remote }) => ("interface" in remote ? [remote.interface] : []));

const inSeconds = (ms: NonNullable<Peer["longLivedMs"]>): NonNullable<PeerOptions["longLivedSeconds"]> =>
  Object.fromEntries(Object.entries(ms).map(([family, time]) => [family, Math.ceil(time / 1000)]));

function asOptions({ role, localAs, removePrivateAs, ...others }: Peer["asRules"]): Partial<PeerOptions> {
  return {
    ...others,
    ...(role && { role }),
    ...(localAs && { localAs }),
    ...(removePrivateAs !== false && {
      removePrivateAs: removePrivateAs === true ? "if-only" : removePrivateAs,
    }),
  };
}

const prefixLimit = ({ limit, warnAt, restartMs }: ConfiguredLimit): PrefixLimit => ({
  limit,
  warnAt,
  ...(restartMs !== undefined && { restartSeconds: restartMs / 1000 }),
});

interface Policies {
  readonly import: Policy;
  readonly export: Policy;
}

/**
 * The policies of a peer. What all peers share is made once, and peers with the same configured rules get the very
 * same policies, so that the speaker can tell by `===` who belongs in one update group.
 */
function policiesOf(model: Model): (peer: Peer) => Policies {
  const shared = {
    internal: {
      import: classification(model, true),
      export: [scrub(model), ...announceKinds(model)],
    },
    external: {
      import: [scrub(model), ...importGuards(model), ...classification(model, false)],
      export: [...exportGuards(model), scrub(model)],
    },
  };
  const known = new Map<string, Policies>();
  return (peer) => {
    const internal = peer.asn === model.bgp.asn;
    // Without a number no rule prepends it (model/rules.ts).
    const theirs = peer.asn === "external" ? 0 : peer.asn;
    const importRules = peer.importRules && rulesFor("import", peer, peer.importRules, theirs);
    const exportRules = peer.exportRules && rulesFor("export", peer, peer.exportRules, model.bgp.asn);
    const key = JSON.stringify([internal, importRules, exportRules]);
    const held = known.get(key);
    if (held !== undefined) return held;
    const base = internal ? shared.internal : shared.external;
    const policies = {
      import: policyOf(base.import, importRules, internal),
      export: policyOf(base.export, exportRules, internal),
    };
    known.set(key, policies);
    return policies;
  };
}

/** RFC 8212: without rules an eBGP peer is sent and believed nothing; an iBGP peer is one of us. */
function policyOf(base: readonly Rule[], configured: readonly Rule[] | undefined, internal: boolean): Policy {
  if (configured === undefined && internal) return { rules: base, otherwise: "accept" };
  const rules = configured ?? [ruleOf("no rules (RFC 8212)", {}, "reject", undefined)];
  return { rules: [...base, ...rules], otherwise: "reject" };
}

/** @param asn - what `prepend` puts in front of a path */
function rulesFor(
  direction: "import" | "export",
  peer: Peer,
  configured: readonly ConfiguredRule[],
  asn: number,
): Rule[] {
  return configured.flatMap((rule, i) =>
    isAbout(rule.match, peer) ? compiled(`${rule.policy ?? direction}[${i}]`, rule, asn) : [],
  );
}

/** Who is at the other end does not change, so that it is asked once and not for every route. */
function isAbout({ peers, groups }: RuleMatch, { remote, group }: Peer): boolean {
  const there = placeOf(remote);
  if (peers?.some((prefix) => contains(prefix, there)) === false) return false;
  return groups === undefined || (group !== undefined && groups.includes(group));
}

/** All that a peer's address can be. */
function placeOf(remote: Peer["remote"]): Prefix {
  if ("interface" in remote) return LINK_LOCAL;
  return "range" in remote ? remote.range : hostPrefix(remote.address);
}

/** RFC 4291 §2.5.6 */
const LINK_LOCAL = prefixOf(ipv6(0xfe80_0000, 0, 0, 0), 10);

/** Own networks and services first, then default, then the large community, else other: the last to match decides. */
function classification(model: Model, internal: boolean): Rule[] {
  const rules: Rule[] = [tagging("other", {}, tagOf("other"))];
  if (internal) {
    for (const kind of TOLD_KINDS) {
      const match = { largeCommunities: [kindCommunity(model.bgp.asn, kind)] };
      rules.push(tagging(`community.${kind}`, match, tagOf(kind)));
    }
  }
  rules.push(tagging("default", { prefixes: DEFAULTS.map(exactly) }, tagOf("default")));
  for (const network of model.networks) {
    const kind = network.announce === "aggregate" ? "host" : "public";
    const inside = [moreSpecific(network.cidr)];
    rules.push(tagging(`network.${network.name}`, { prefixes: inside }, tagOf(kind)));
  }
  if (model.anycast.length > 0) {
    const services = model.anycast.map((service) => exactly(hostPrefix(service.address)));
    rules.push(tagging("anycast", { prefixes: services }, tagOf("anycast")));
  }
  return rules;
}

const tagging = (name: string, match: Match, tag: number): Rule => next(`kind.${name}`, match, { tag });

const scrub = (model: Model): Rule =>
  next("kind.scrub", {}, { removeLargeCommunities: [model.bgp.asn, KIND_COMMUNITY] });

const announceKinds = (model: Model): Rule[] =>
  TOLD_KINDS.map((kind) =>
    next(
      `kind.announce.${kind}`,
      { tags: [tagOf(kind)] },
      { addLargeCommunities: [kindCommunity(model.bgp.asn, kind)] },
    ),
  );

/** What is ours does not come from outside; whoever says so would draw our own traffic to himself. */
function importGuards(model: Model): Rule[] {
  return guards([
    ["guard.private", model.nat.private],
    ["guard.network", model.networks.map((network) => network.cidr)],
    ["guard.pool", aggregated(model.nat.pools.flatMap((pool) => pool.addresses))],
    ["guard.prefix", model.nat.prefixes.map(({ external }) => external)],
    ["guard.floating", aggregated(model.floatingIps.map((floating) => floating.address))],
  ]);
}

const exportGuards = (model: Model): Rule[] => guards([["guard.private", model.nat.private]]);

function guards(rows: readonly (readonly [name: string, prefixes: readonly Prefix[]])[]): Rule[] {
  return rows
    .filter(([, prefixes]) => prefixes.length > 0)
    .map(([name, prefixes]) => ruleOf(name, { prefixes: prefixes.map(within) }, "reject", undefined));
}

/** Nothing when no route can match. */
function compiled(name: string, rule: ConfiguredRule, asn: number): Rule[] {
  const { kinds, asPath, asPathLength, communities, nextHops, origins, rpki, ranges } = rule.match;
  const prefixes = ranges ?? rangesOf(rule.match);
  if (prefixes?.length === 0) return [];
  const match: Match = {
    ...(prefixes && { prefixes }),
    ...(kinds && { tags: kinds.map(tagOf) }),
    ...(asPath && { asPath }),
    ...(asPathLength && { asPathLength }),
    ...(communities && { anyCommunity: communities }),
    ...(nextHops && { nextHops }),
    ...(origins && { origins }),
    ...(rpki && { rpki }),
  };
  return [ruleOf(name, match, rule.then, rule.set && changesOf(rule.set, asn))];
}

/** Prefixes, within and lengths as one list of which any may hold; undefined: none of them was given. */
function rangesOf({ prefixes, within: outer, lengths }: RuleMatch): PrefixRange[] | undefined {
  if (prefixes === undefined && outer === undefined && lengths === undefined) return undefined;
  const ranges = (outer ?? DEFAULTS).map(within).flatMap((range) => {
    const minLength = Math.max(range.minLength, lengths?.min ?? 0);
    const maxLength = Math.min(range.maxLength, lengths?.max ?? range.maxLength);
    return minLength <= maxLength ? [{ prefix: range.prefix, minLength, maxLength }] : [];
  });
  if (prefixes === undefined) return ranges;
  return prefixes.filter((prefix) => ranges.some((range) => inRange(range, prefix))).map(exactly);
}

const inRange = ({ prefix, minLength, maxLength }: PrefixRange, candidate: Prefix): boolean =>
  candidate.length >= minLength && candidate.length <= maxLength && contains(prefix, candidate);

function changesOf(set: RuleChanges, asn: number): Changes {
  const { localPref, med, addMed, communities, extendedCommunities, largeCommunities } = set;
  const { removeCommunities, prepend, nextHop, blackhole = false } = set;
  // RFC 7999 §3.2: what is thrown away here is to be so within the AS of who asked for it, and ours.
  const added = blackhole ? [...(communities ?? []), NO_EXPORT] : communities;
  return {
    ...(localPref !== undefined && { localPref }),
    ...(med !== undefined && { med }),
    ...(addMed !== undefined && { addMed }),
    ...(added && { addCommunities: added }),
    ...(blackhole && { tag: tagOf("blackhole") }),
    ...(extendedCommunities && { addExtendedCommunities: extendedCommunities }),
    ...(largeCommunities && { addLargeCommunities: largeCommunities }),
    ...(removeCommunities && { removeCommunities }),
    ...(prepend !== undefined && { prepend: { asn, times: prepend } }),
    ...(nextHop && { nextHop }),
  };
}

const next = (name: string, match: Match, set: Changes): Rule => ruleOf(name, match, "next", set);

function ruleOf(name: string, match: Match, then: Rule["then"], set: Changes | undefined): Rule {
  return { name, match, then, ...(set && { set }) };
}

const DEFAULTS: readonly Prefix[] = [ipv4(0), ipv6(0, 0, 0, 0)].map((any: Address) => prefixOf(any, 0));

const exactly = (prefix: Prefix): PrefixRange => ({
  prefix,
  minLength: prefix.length,
  maxLength: prefix.length,
});

const within = (prefix: Prefix): PrefixRange => ({
  prefix,
  minLength: prefix.length,
  maxLength: widthOf(prefix.family),
});

const moreSpecific = (prefix: Prefix): PrefixRange => ({ ...within(prefix), minLength: prefix.length + 1 });
