/** The NAT table of a plan: what is translated here, and what is left alone. */

import { compareAddresses, comparePrefixes, contains, hostPrefix, type Prefix } from "../bgp/net/address.ts";
import { formatAddress } from "../bgp/net/text.ts";
import { NO_LIMITS } from "../model/address-limits.ts";
import { blockPlan } from "../model/blocks.ts";
import type { Model, Pool } from "../model/model.ts";
import { ALL_HOSTS } from "../model/pcp.ts";
import { compareForwards } from "../nat/forwards.ts";
import { floatingAddresses, type NatTable, type PoolMapping } from "../nat/table.ts";
import type { Draft } from "./draft.ts";

/** @param taps - the interfaces of ports that are there */
export function planNat(draft: Draft, taps: readonly string[]): NatTable {
  const { model } = draft.input;
  const translates = model.role === "gateway" && model.nat.pools.length > 0;
  const routed = routedPrefixes(draft);
  const metadata = metadataOf(draft, taps);
  const grants = translates && model.nat.pcp.listen.length > 0;
  return {
    floating: draft.floating.toSorted((a, b) => compareAddresses(a.floating, b.floating)),
    forwards: draft.forwards.toSorted(compareForwards),
    private: translates ? sorted(servedOf(model)) : [],
    pools: translates ? model.nat.pools.map(poolMapping) : [],
    blocks: translates ? blockPlan(model.nat) : undefined,
    overflowAt: model.nat.overflowAt,
    givenBlocks: translates ? draft.input.givenBlocks : [],
    algs: model.nat.alg,
    grants,
    prefixes: model.role === "gateway" ? model.nat.prefixes : [],
    limits: (translates ? model.nat.pools[0]?.limits : undefined) ?? NO_LIMITS,
    exempt: sorted([
      ...model.nat.except,
      ...model.nat.private,
      ...routed,
      ...(metadata === undefined ? [] : [hostPrefix(metadata.to.address)]),
      // Announcements of ours come from an address that may be a private one.
      ...(grants ? [hostPrefix(ALL_HOSTS)] : []),
    ]),
    inside:
      model.role === "gateway"
        ? sorted([...model.nat.private, ...networksOf(model), ...ourPeers(model)])
        : [],
    untracked: sorted(routed),
    metadata,
    timeouts: {
      udpSeconds: secondsOf(model.nat.timeouts.udpMs),
      icmpSeconds: secondsOf(model.nat.timeouts.icmpMs),
      tcpEstablishedSeconds: secondsOf(model.nat.timeouts.tcpEstablishedMs),
      tcpOpeningSeconds: secondsOf(model.nat.timeouts.tcpOpeningMs),
      tcpClosingSeconds: secondsOf(model.nat.timeouts.tcpClosingMs),
    },
  };
}

const poolMapping = ({ blockSize: _, overflowBlocks: __, limits: ___, ...pool }: Pool): PoolMapping => pool;

/** Pools that name nobody serve all that others do not; without one, the rest leaves as it is. */
const servedOf = ({ nat }: Model): readonly Prefix[] =>
  nat.pools.some((pool) => pool.private.length === 0)
    ? nat.private
    : nat.pools.flatMap((pool) => pool.private);

/** The kernel counts whole seconds; nothing ends before its time. */
const secondsOf = (ms: number): number => Math.ceil(ms / 1000);

/** What is routed and never translated on this machine: public networks, anycast, floating IPs that live elsewhere. */
function routedPrefixes(draft: Draft): Prefix[] {
  const { model, learned } = draft.input;
  const here = new Set(floatingAddresses(draft).map(formatAddress));
  const networks = networksOf(model);
  const prefixes = [...networks, ...model.anycast.map((service) => hostPrefix(service.address))];
  const add = (prefix: Prefix): void => {
    if (!here.has(formatAddress(prefix))) prefixes.push(prefix);
  };
  for (const { address } of model.floatingIps) add(hostPrefix(address));
  for (const prefix of learned.routed()) {
    if (!networks.some((network) => contains(network, prefix))) add(prefix);
  }
  return prefixes;
}

const networksOf = (model: Model): Prefix[] => model.networks.map((network) => network.cidr);

/** Our own speakers: what comes from them goes back to them directly. */
const ourPeers = (model: Model): Prefix[] =>
  model.bgp.peers
    .filter((peer) => peer.asn === model.bgp.asn)
    .flatMap(({ remote }) => {
      // From link-local addresses nothing is forwarded.
      if ("interface" in remote) return [];
      return "address" in remote ? hostPrefix(remote.address) : remote.range;
    });

function metadataOf(draft: Draft, taps: readonly string[]): NatTable["metadata"] {
  const { metadata: to } = draft.input.model;
  if (to === undefined) return undefined;
  if (to.address.family === 4) return { to, interfaces: taps.filter((name) => isNftName(draft, name)) };
  const subject = formatAddress(to.address);
  const message = `metadata service ${subject} is not offered: 169.254.169.254 leads to IPv4 addresses only`;
  draft.problems.push({ code: "metadata.ipv6", subject, message });
  return undefined;
}

/** Linux allows quotes and braces in the name of an interface; nftables has no way to write them. */
function isNftName(draft: Draft, name: string): boolean {
  if (/^[\w.@+-]+$/.test(name)) return true;
  const message = `the metadata service is not offered to ${name}: nftables cannot write that name`;
  draft.problems.push({ code: "metadata.interface", subject: name, message });
  return false;
}

/** In order, each once. */
function sorted(prefixes: readonly Prefix[]): Prefix[] {
  const all = prefixes.toSorted(comparePrefixes);
  return all.filter((prefix, i) => i === 0 || comparePrefixes(all[i - 1] ?? prefix, prefix) !== 0);
}
