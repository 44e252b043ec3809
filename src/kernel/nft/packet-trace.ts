/**
 * Follows a real packet through nftables. A rule in a table of its own marks it, long before our rules see it; the kernel
 * then tells of each rule that matches. The table belongs to netd's socket: it is gone when it has been of use, and
 * also when netd dies meanwhile.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { addressAt, formatAddress } from "../../bgp/net/text.ts";
import { attributesIn, type Message, readText } from "../netlink/netlink.ts";
import { Watch } from "../netlink/watch.ts";
import type { Nft } from "./nft.ts";
import type { Followed, FollowedStep, PacketQuery } from "./trace-commands.ts";

const NETLINK_NETFILTER = 12;
const NFNLGRP_NFTRACE = 9;
const NFT_MSG_TRACE = (10 << 8) | 17;
const NFGENMSG_OCTETS = 4;
/** Attributes of a trace (linux/netfilter/nf_tables.h). */
const TRACE = { table: 1, chain: 2, handle: 3, type: 4, verdict: 5, id: 6, network: 8 } as const;
const TYPE_POLICY = 1;
const TYPE_RETURN = 2;

const TABLE = "gatewayd_trace";
/** Before everything that is usual: conntrack is at -200, and our first chain at -451. */
const PRIORITY = -460;
/** Behind everything: what it has become by then. */
const LAST_PRIORITY = 200;
const LOOK_EVERY_MS = 20;
/** A packet is through within microseconds; what comes later is of another one. */
const SETTLE_MS = 100;

interface Event {
  readonly id: number;
  readonly table: string;
  readonly chain: string;
  readonly handle: bigint | undefined;
  readonly verdict: string;
  readonly source: string | undefined;
  readonly destination: string | undefined;
}

/** Undefined: no packet came in time. @throws Error when somebody else's is being followed, or nftables refuses */
export async function followPacket(nft: Nft, query: PacketQuery): Promise<Followed | undefined> {
  const watch = new Watch(NETLINK_NETFILTER, [NFNLGRP_NFTRACE], undefined);
  const refused = nft.run(markerText(query));
  if (refused !== undefined) {
    watch.close();
    throw new Error(refused);
  }
  try {
    const events = await eventsOfOne(watch, query.waitMs);
    return events && followed(nft, events);
  } finally {
    nft.run(`delete table inet ${TABLE}`);
    watch.close();
  }
}

function markerText(query: PacketQuery): string {
  const { source, destination, protocol, sourcePort, destinationPort } = query;
  const port = (which: "sport" | "dport", value: number | undefined): string =>
    value === undefined ? "" : `th ${which} ${value} `;
  const ip = source.family === 4 ? "ip" : "ip6";
  const packet = `${ip} saddr ${formatAddress(source)} ${ip} daddr ${formatAddress(destination)} meta l4proto ${protocol} ${port("sport", sourcePort)}${port("dport", destinationPort)}`;
  return [
    `create table inet ${TABLE} { flags owner; }`,
    `add chain inet ${TABLE} followed { type filter hook prerouting priority ${PRIORITY}; policy accept; }`,
    `add chain inet ${TABLE} left { type filter hook postrouting priority ${LAST_PRIORITY}; policy accept; }`,
    // Whoever sends more than that is not told of more.
    `add rule inet ${TABLE} followed ${packet}limit rate 10/second burst 1 packets meta nftrace set 1`,
  ].join("\n");
}

/** All events of the first packet that is marked. */
async function eventsOfOne(watch: Watch, waitMs: number): Promise<readonly Event[] | undefined> {
  const events: Event[] = [];
  const take = (message: Message): void => {
    const event = eventIn(message);
    if (event === undefined) return;
    // Others may follow packets of their own.
    const isFirst = events.length === 0 && event.table === TABLE;
    if (isFirst || events[0]?.id === event.id) events.push(event);
  };
  for (let waitedMs = 0; waitedMs < waitMs; waitedMs += LOOK_EVERY_MS) {
    watch.drain(take);
    if (events.length > 0) {
      await sleep(SETTLE_MS);
      watch.drain(take);
      return events;
    }
    await sleep(LOOK_EVERY_MS);
  }
  return undefined;
}

function eventIn({ type, payload }: Message): Event | undefined {
  if (type !== NFT_MSG_TRACE) return undefined;
  const attributes = attributesIn(payload, NFGENMSG_OCTETS);
  const text = (of: number): string => readText(attributes.get(of) ?? Buffer.alloc(0));
  return {
    id: attributes.get(TRACE.id)?.readUInt32BE() ?? 0,
    table: text(TRACE.table),
    chain: text(TRACE.chain),
    handle: attributes.get(TRACE.handle)?.readBigUInt64BE(),
    verdict: verdictIn(attributes),
    ...addressesOf(attributes.get(TRACE.network)),
  };
}

/** @param header - of IPv4 or IPv6 */
function addressesOf(header: Buffer | undefined): Pick<Event, "source" | "destination"> {
  const family = header !== undefined && header[0]! >> 4 === 6 ? 6 : 4;
  const [at, octets] = family === 4 ? [12, 4] : [8, 16];
  if (header === undefined || header.length < at + 2 * octets)
    return { source: undefined, destination: undefined };
  const text = (from: number): string => formatAddress(addressAt(header, from, family));
  return { source: text(at), destination: text(at + octets) };
}

const VERDICTS: Readonly<Record<number, string>> = {
  0: "drop",
  1: "accept",
  [-1]: "continue",
  [-2]: "break",
  [-3]: "jump",
  [-4]: "goto",
  [-5]: "return",
};

function verdictIn(attributes: ReadonlyMap<number, Buffer>): string {
  const type = attributes.get(TRACE.type)?.readUInt32BE();
  if (type === TYPE_RETURN) return "return";
  const verdict = attributes.get(TRACE.verdict);
  const parts = verdict === undefined ? undefined : attributesIn(verdict, 0);
  const code = parts?.get(1)?.readInt32BE();
  const chain = parts?.get(2);
  const word = code === undefined ? "accept" : (VERDICTS[code] ?? String(code));
  if (type === TYPE_POLICY) return `policy ${word}`;
  return chain === undefined ? word : `${word} ${readText(chain)}`;
}

function followed(nft: Nft, events: readonly Event[]): Followed {
  const rulesByChain = new Map<string, ReadonlyMap<bigint, string>>();
  const ruleOf = ({ chain, handle }: Event): string | undefined => {
    const rules = rulesByChain.get(chain) ?? nft.listRules(chain);
    rulesByChain.set(chain, rules);
    return handle === undefined ? undefined : rules.get(handle);
  };
  const steps = events
    .filter(({ table }) => table !== TABLE)
    .map((event): FollowedStep => {
      const rule = event.table === "gatewayd" ? ruleOf(event) : undefined;
      const { table, chain, verdict } = event;
      return { table, chain, ...(rule !== undefined && { rule }), verdict };
    });
  const last = (of: (event: Event) => string | undefined): string =>
    events.map(of).findLast((address) => address !== undefined) ?? "";
  return { steps, source: last((event) => event.source), destination: last((event) => event.destination) };
}
