/**
 * What must hold between the values of a model, and what is doubtful. Pure: a model in, violations out.
 *
 * What one value alone can violate (its range, its spelling) is the business of whoever reads it. Cost is
 * n log n in the number of addresses and prefixes, since a file or the API may hold a hundred thousand of them.
 */

import { type Address, contains, isLinkLocal, type Prefix, widthOf } from "../bgp/net/address.ts";
import { formatAddress, formatEndpoint, formatPrefix } from "../bgp/net/text.ts";
import { addressViolations } from "./address-rules.ts";
import { asViolations } from "./as-rules.ts";
import { blockViolations, limitViolations } from "./block-rules.ts";
import { forwardViolations } from "./forward-rules.ts";
import type { AnycastService, Model, Peer, PeerRemote, Rule } from "./model.ts";
import { pcpViolations } from "./pcp-rules.ts";
import { poolViolations } from "./pool-rules.ts";
import { prefixPairViolations } from "./prefix-pair-rules.ts";
import { isUnicast, nested } from "./prefixes.ts";
import { statelessViolations } from "./stateless-rules.ts";
import { error, type Violation, warning } from "./violation.ts";

/**
 * All violations of a model, or of those parts of it that could be read: a rule about a part that is not there is
 * not checked. Empty: valid.
 */
export function violations(parts: Partial<Model>): Violation[] {
  return [
    ...peerViolations(parts),
    ...rpkiViolations(parts),
    ...addressViolations(parts),
    ...forwardViolations(parts),
    ...statelessViolations(parts),
    ...roleViolations(parts),
    ...poolViolations(parts),
    ...prefixPairViolations(parts),
    ...pcpViolations(parts),
    ...blockViolations(parts),
    ...limitViolations(parts),
    ...anycastViolations(parts),
    ...kernelViolations(parts),
  ];
}

function peerViolations({ bgp }: Partial<Model>): Violation[] {
  if (bgp === undefined) return [];
  const found: Violation[] = [];
  const seen = new Map<string, number>();
  const ranges: { readonly prefix: Prefix; readonly label: string; readonly path: (string | number)[] }[] =
    [];
  for (const [i, peer] of bgp.peers.entries()) {
    const path = ["bgp", "peers", i];
    found.push(...remoteViolations(peer, path, bgp.listen.addresses.length > 0));
    found.push(...policyViolations(peer, path, peer.asn === bgp.asn));
    found.push(...asViolations(peer, path, bgp.asn));
    found.push(...reflectionViolations(peer, path, peer.asn === bgp.asn));
    if ("range" in peer.remote) {
      ranges.push({ prefix: peer.remote.range, label: `bgp.peers[${i}]`, path: [...path, "range"] });
      continue;
    }
    const [key, text] =
      "interface" in peer.remote
        ? (["interface", peer.remote.interface] as const)
        : (["address", formatAddress(peer.remote.address)] as const);
    const first = seen.get(text);
    if (first === undefined) seen.set(text, i);
    else found.push(error([...path, key], `${text} is bgp.peers[${first}] already`));
  }
  found.push(...unsignedViolations(bgp.peers), ...linkLocalPasswords(bgp.peers));
  for (const { inner, outer } of nested(ranges)) {
    found.push(error(inner.path, `overlaps ${outer.label} (${formatPrefix(outer.prefix)})`));
  }
  return found;
}

function rpkiViolations({ bgp }: Partial<Model>): Violation[] {
  if (bgp === undefined) return [];
  const names = bgp.rpki.caches.map(formatEndpoint);
  const twice = names.flatMap((name, i) => {
    const first = names.indexOf(name);
    if (first === i) return [];
    return [error(["bgp", "rpki", "caches", i], `${name} is bgp.rpki.caches[${first}] already`)];
  });
  return names.length === 0 ? bgp.peers.flatMap(unknownValidities) : twice;
}

function unknownValidities({ importRules, exportRules }: Peer, i: number): Violation[] {
  const message = "there is no cache in bgp.rpki: every route is not-found";
  const hint = "add `rpki: { caches: [{ address: 192.0.2.1 }] }` to bgp";
  return Object.entries({ import: importRules ?? [], export: exportRules ?? [] }).flatMap(([key, rules]) =>
    rules.flatMap(({ match }, at) =>
      match.rpki === undefined ? [] : [warning(["bgp", "peers", i, key, at, "match", "rpki"], message, hint)],
    ),
  );
}

/** The kernel asks every address in a range with a password for one: it knows no exceptions. */
function unsignedViolations(peers: readonly Peer[]): Violation[] {
  const signed = peers.filter(({ remote, passwordFile }) => "range" in remote && passwordFile !== undefined);
  const found: Violation[] = [];
  for (const [i, { remote, passwordFile }] of peers.entries()) {
    if (!("address" in remote) || passwordFile !== undefined) continue;
    const { address } = remote;
    if (!signed.some((range) => "range" in range.remote && contains(range.remote.range, address))) continue;
    const message = `${formatAddress(address)} has no password, and lies in a range that has one`;
    found.push(error(["bgp", "peers", i], message, "give it a `passwordFile`; it may be the same one"));
  }
  return found;
}

/** The kernel asks for passwords by address and not by interface: peers by interface have one for all of them. */
function linkLocalPasswords(peers: readonly Peer[]): Violation[] {
  const [first, ...others] = peers.filter(({ remote }) => "interface" in remote);
  return others
    .filter(({ passwordFile }) => passwordFile !== first?.passwordFile)
    .map((peer) => {
      const message = "peers by interface have one password, or none of them has";
      const path = ["bgp", "peers", peers.indexOf(peer)];
      return error(path, message, "give all of them the same `passwordFile`");
    });
}

function remoteViolations(peer: Peer, path: Violation["path"], listening: boolean): Violation[] {
  const found: Violation[] = [];
  const { remote, localAddress } = peer;
  const there = remoteAddressOf(remote);
  if ("address" in remote && !isUnicast(remote.address)) {
    found.push(error([...path, "address"], `${formatAddress(remote.address)} is no unicast address`));
  }
  if ("address" in remote && isLinkLocal(remote.address) && remote.address.zone === undefined) {
    const text = formatAddress(remote.address);
    const message = `${text} is link-local: it stands behind an interface`;
    found.push(error([...path, "address"], message, `say which: ${text}%eth0`));
  }
  if (localAddress !== undefined && there === undefined) {
    const message = "a session with a peer by interface has the link-local address of that interface";
    found.push(error([...path, "localAddress"], message, "take this line out"));
  }
  if (localAddress !== undefined && there !== undefined && localAddress.family !== there.family) {
    const message = `${formatAddress(localAddress)} is of another family than the peer`;
    found.push(
      error([...path, "localAddress"], message, `give an IPv${there.family} address of this machine`),
    );
  }
  if (peer.passive && !listening) {
    const message = "this peer connects to us, and bgp.listen.addresses is empty";
    found.push(error(path, message, "give an address to listen on"));
  }
  return found;
}

function remoteAddressOf(remote: PeerRemote): Address | undefined {
  if ("interface" in remote) return undefined;
  return "range" in remote ? remote.range : remote.address;
}

function reflectionViolations(peer: Peer, path: Violation["path"], internal: boolean): Violation[] {
  if (internal || !peer.routeReflectorClient) return [];
  const message = "an eBGP peer cannot be a client: routes are reflected between iBGP peers (RFC 4456)";
  return [
    error([...path, "routeReflectorClient"], message, "take this line out, or give the peer our own asn"),
  ];
}

function policyViolations(peer: Peer, path: Violation["path"], internal: boolean): Violation[] {
  const found: Violation[] = [];
  const lists = [
    ["import", peer.importRules, "believed"],
    ["export", peer.exportRules, "sent"],
  ] as const;
  for (const [key, rules, verb] of lists) {
    if (rules === undefined && !internal) {
      const message = `eBGP without ${key} rules: this peer is ${verb} nothing (RFC 8212)`;
      found.push(
        warning(path, message, `add \`${key}\` rules, here or in its group; \`[]\` says that it is meant`),
      );
    }
    for (const [i, rule] of (rules ?? []).entries()) {
      found.push(...ruleViolations(rule, [...path, key, i]), ...holeViolations(rule, key, [...path, key, i]));
      if (key !== "import" || peer.asn !== "external" || rule.set?.prepend === undefined) continue;
      const message = "import prepends the peer's AS number, and `asn: external` does not say which that is";
      found.push(error([...path, key, i, "set", "prepend"], message, "give the peer's AS number"));
    }
  }
  return found;
}

/** RFC 7999 §3.3: who asks for a blackhole may do so for what he may announce, and for nothing else. */
function holeViolations(
  { match, set }: Rule,
  key: "import" | "export",
  path: Violation["path"],
): Violation[] {
  if (set?.blackhole !== true) return [];
  const at = [...path, "set", "blackhole"];
  if (key === "export") {
    const message = "a blackhole is made of what a peer tells us: export rules cannot";
    return [error(at, message, "tell a peer to make one with `set: { communities: [blackhole] }`")];
  }
  if (match.prefixes !== undefined || match.within !== undefined || match.ranges !== undefined) return [];
  const message = "this rule lets the peer blackhole any prefix of the Internet";
  return [error(at, message, "say in `match.within`, `prefix` or `prefixSet` which ones it may announce")];
}

function ruleViolations(rule: Rule, path: Violation["path"]): Violation[] {
  const found: Violation[] = [];
  const { within, lengths } = rule.match;
  if (lengths !== undefined && within === undefined) {
    const message = "length counts only together with within";
    found.push(error([...path, "match", "length"], message, "add `within: 0.0.0.0/0` for any IPv4 prefix"));
  } else if (lengths !== undefined && !within?.some((prefix) => canHold(prefix, lengths))) {
    const message = `no prefix within ${within?.map(formatPrefix).join(", ")} has such a length`;
    found.push(error([...path, "match", "length"], message));
  }
  if (rule.then === "reject" && rule.set !== undefined) {
    found.push(warning([...path, "set"], "a route that is rejected is not changed", "take `set` out"));
  }
  return found;
}

const canHold = (prefix: Prefix, lengths: { min: number; max: number }): boolean =>
  lengths.max >= prefix.length && lengths.min <= widthOf(prefix.family);

function roleViolations({ role, nat, metadata }: Partial<Model>): Violation[] {
  const found: Violation[] = [];
  const pools = nat?.pools ?? [];
  if (role === "compute" && pools.length > 0) {
    const message = "pools are for role gateway, and this is role compute";
    found.push(error(["nat", "pools"], message, "move the pools to the gateway's file"));
  }
  if (pools.length > 0 && nat?.private.length === 0) {
    const message = "there are pools, and no private addresses that could use them";
    found.push(error(["nat", "pools"], message, "add `private: [10.0.0.0/8]`, or whatever is yours, to nat"));
  }
  if (metadata === undefined) return found;
  if (role === "gateway") {
    const message = "is for role compute, and this is role gateway";
    found.push(error(["metadata"], message, "move it to the file of the host that the ports are on"));
  }
  if (metadata.address.family !== 4) {
    found.push(error(["metadata"], "must be an IPv4 address: it stands in for 169.254.169.254"));
  }
  return found;
}

function anycastViolations({ anycast = [] }: Partial<Model>): Violation[] {
  return anycast.flatMap((service, i) => serviceViolations(service, ["anycast", i]));
}

function serviceViolations(service: AnycastService, path: Violation["path"]): Violation[] {
  const found: Violation[] = [];
  const { members, health } = service;
  if (members.length === 0 && health !== undefined) {
    found.push(error([...path, "health"], "there are no members to check", "add `members`"));
  } else if (members.length === 0) {
    found.push(warning(path, "no members: nothing on this machine answers for it", "add `members`"));
  }
  if (health !== undefined && health.timeoutMs > health.intervalMs) {
    const message = `${health.timeoutMs} ms is longer than the interval, ${health.intervalMs} ms`;
    found.push(error([...path, "health", "timeout"], message, "make it the interval at most"));
  }
  for (const [i, member] of members.entries()) {
    if (member.family === service.address.family) continue;
    const message = `${formatAddress(member)} is of another family than ${formatAddress(service.address)}`;
    found.push(error([...path, "members", i], message));
  }
  return found;
}

/** Protocol numbers that other programs mark their routes with (linux/rtnetlink.h, and FRR's zebra). */
const TAKEN: ReadonlyMap<number, string> = new Map([
  [9, "router advertisements"],
  [11, "zebra"],
  [12, "BIRD"],
  [16, "DHCP clients"],
  [18, "keepalived"],
  [42, "Babel"],
  [99, "Open/R"],
  [186, "FRR (BGP)"],
  [187, "FRR (IS-IS)"],
  [188, "FRR (OSPF)"],
  [189, "FRR (RIP)"],
  [192, "FRR (EIGRP)"],
]);

function kernelViolations({ kernel }: Partial<Model>): Violation[] {
  const owner = kernel?.type === "linux" ? TAKEN.get(kernel.protocol) : undefined;
  if (owner === undefined) return [];
  const message = `${kernel?.protocol} marks the routes of ${owner}: they would be taken for ours, and removed`;
  return [warning(["kernel", "protocol"], message, "leave it out for 86, or take a number that nobody uses")];
}
