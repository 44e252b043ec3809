/** Whose a port is, or was: from the port blocks in force at that time, or from the floating IPs of now. */

import type { NatBlockAnswer } from "../../api/nat-schema.ts";
import type { NatBlockQuery, NatWhoQuery } from "../../api/source.ts";
import { type Address, contains, ipv4, sameAddress } from "../../bgp/net/address.ts";
import { formatAddress, formatEndpoint, parseAddress } from "../../bgp/net/text.ts";
import type { Block, Rank } from "../../model/blocks.ts";
import type { FloatingIp, Model, Nat } from "../../model/model.ts";
import {
  overflowAt,
  type Past,
  type Tenure,
  tenureAt,
  tenuresOfPort,
  tenuresOfPrivate,
} from "../../nat/history.ts";
import { portText } from "../../nat/members.ts";

/** What answers follow from. */
export interface BlockSource extends Past {
  readonly model: Model;
  readonly nowMs: number;
}

export function whoAnswer(source: BlockSource, query: NatWhoQuery): NatBlockAnswer {
  const address = parsed(query.address);
  const atMs = query.at ?? source.nowMs;
  const asked = {
    asked: formatEndpoint({ address, port: query.port }),
    at: new Date(atMs).toISOString(),
  };
  const floating = source.model.floatingIps.find((f) => sameAddress(f.address, address));
  if (floating !== undefined && query.at === undefined) {
    return { ...asked, ...behind(floating, query.port) };
  }
  const list = tenuresOfPort(source, address, query.port);
  return { ...asked, ...answerAt(source, list, atMs, () => whyNobody(source, address, query.port)) };
}

function behind(
  { address, to, forwards }: FloatingIp,
  port: number,
): Pick<NatBlockAnswer, "private" | "why"> {
  const text = formatAddress(address);
  if (to !== undefined) return { private: formatAddress(to), why: `${text} is its floating IP` };
  const found = forwards.filter(({ ports }) => ports.first <= port && port <= ports.last);
  const [first, second] = found.map((forward) => forward.to);
  const ways = found.map(
    ({ protocol, ports, to: target, toPorts }) =>
      `${protocol} ${portText(ports)} of ${text} is forwarded to ${formatAddress(target)}:${portText(toPorts)}`,
  );
  const why = ways.join("; ") || `${text} is a floating IP, and nothing is forwarded from port ${port}`;
  const isOne = first !== undefined && (second === undefined || sameAddress(first, second));
  return { why, ...(isOne && { private: formatAddress(first) }) };
}

export function blockAnswer(source: BlockSource, query: NatBlockQuery): NatBlockAnswer {
  const address = parsed(query.address);
  const atMs = query.at ?? source.nowMs;
  const asked = { asked: query.address, at: new Date(atMs).toISOString() };
  const why = whyNoBlock(source.model.nat, address);
  const overflow = overflowAt(source, address, atMs).map(({ grant, fromMs, untilMs }) => ({
    ...blockText(grant.block),
    since: iso(fromMs),
    ...(untilMs !== undefined && { until: iso(untilMs) }),
  }));
  return {
    ...asked,
    ...answerAt(source, tenuresOfPrivate(source, address), atMs, () => why),
    ...(overflow.length > 0 && { overflow }),
  };
}

function whyNoBlock(nat: Nat, address: Address): string {
  if (!nat.private.some((range) => contains(range, address)))
    return `${formatAddress(address)} is in no range of nat.private`;
  return nat.pools.some(({ blockSize, draining }) => blockSize > 0 && !draining)
    ? "blocks are given when they are asked for, and it has not asked"
    : "private addresses share the ports of the pools";
}

function answerAt(
  { epochs }: BlockSource,
  list: readonly Tenure[],
  atMs: number,
  whyNobody: () => string,
): Omit<NatBlockAnswer, "asked" | "at"> {
  const [oldest] = epochs;
  const then = tenureAt(list, atMs);
  if (oldest === undefined) return { why: whyNobody() };
  if (then === undefined) return { why: `nothing is remembered of the time before ${iso(oldest.fromMs)}` };
  const before = list[list.indexOf(then) - 1]?.holder;
  const times = {
    since: iso(then.fromMs),
    ...(then.untilMs !== undefined && { until: iso(then.untilMs) }),
    ...(before && { before: { private: formatAddress(before), until: iso(then.fromMs) } }),
  };
  const { holder, block, rank } = then;
  if (holder === undefined || block === undefined) return { ...times, why: whyNobody() };
  const text = blockText(block);
  return {
    ...times,
    private: formatAddress(holder),
    block: text,
    why: `ports ${text.ports} of ${text.address} are ${rank === undefined ? "its block" : givenText(rank)}`,
  };
}

const givenText = (rank: Rank): string =>
  rank === 0 ? "the block that it was given" : "a block that it was given besides its own";

const blockText = ({ address, ports }: Block): { address: string; ports: string } => ({
  address: formatAddress(address),
  ports: portText(ports),
});

function whyNobody({ model }: BlockSource, address: Address, port: number): string {
  const text = formatAddress(address);
  const pool = model.nat.pools.find(({ addresses }) => addresses.some((a) => sameAddress(a, address)));
  if (pool === undefined) return `${text} is in no pool, and no floating IP`;
  if (pool.draining) return `pool ${pool.name} is draining: nobody is given a port of it any more`;
  if (pool.blockSize === 0)
    return `pool ${pool.name} has no blocks, private addresses share its ports: gwctl nat sessions --public ${text} --port ${port} says who uses this one now`;
  return `the port is in no block of ${text} that anybody has`;
}

const iso = (ms: number): string => new Date(ms).toISOString();

/** The API has looked at it: an IPv4 address. */
const parsed = (text: string): Address => parseAddress(text) ?? ipv4(0);
