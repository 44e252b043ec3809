/** What becomes of a packet: by the rules that are wanted, and by what a real one did. */

import type { NatTraceAnswer } from "../../api/nat-schema.ts";
import type { NatTraceQuery } from "../../api/source.ts";
import { type Address, ipv4 } from "../../bgp/net/address.ts";
import { formatAddress, formatEndpoint, parseAddress } from "../../bgp/net/text.ts";
import type { Followed, PacketQuery } from "../../kernel/nft/trace-commands.ts";
import type { Translated } from "../../nat/rule-walk.ts";
import { EMPTY_NAT, type NatTable } from "../../nat/table.ts";
import { tracePacket } from "../../nat/trace.ts";
import type { PcpServer } from "../pcp/pcp-server.ts";

/** As nft names them in rules of ours. */
const PROTOCOLS: Readonly<Record<number, string>> = {
  ...{ 1: "icmp", 6: "tcp", 17: "udp", 33: "dccp" },
  ...{ 47: "gre", 50: "esp", 58: "ipv6-icmp", 132: "sctp", 136: "udplite" },
};

/** What answers follow from. */
export interface TraceSource {
  readonly reconciler: {
    snapshot(): { readonly intent?: { readonly nat: NatTable } | undefined; readonly natProgrammed: boolean };
  };
  readonly pcp: Pick<PcpServer, "granting"> | undefined;
  readonly forwarding: { follow(query: PacketQuery): Promise<Followed | undefined> };
}

export async function traceAnswer(
  { reconciler, forwarding, pcp }: TraceSource,
  query: NatTraceQuery,
): Promise<NatTraceAnswer> {
  const { intent, natProgrammed } = reconciler.snapshot();
  const packet = {
    ...{ source: parsed(query.source), destination: parsed(query.destination) },
    protocol: PROTOCOLS[query.protocol] ?? String(query.protocol),
    ...{ sourcePort: query.sport, destinationPort: query.dport },
  };
  const { verdict, why, steps, source, destination, pool } = tracePacket(
    intent?.nat ?? EMPTY_NAT,
    packet,
    (pcp?.granting.list() ?? []).map(({ grant }) => grant),
  );
  const followed = query.live === undefined ? undefined : await forwarding.follow(queryOf(query, query.live));
  return {
    asked: `${packet.protocol} ${sideText(packet.source, query.sport)} > ${sideText(packet.destination, query.dport)}`,
    ...{ verdict, why },
    ...(destination && { destination: sideOf(destination) }),
    ...(source && { source: sideOf(source) }),
    ...(pool !== undefined && { pool }),
    ...{ steps, programmed: natProgrammed },
    ...(query.live !== undefined && {
      live: followed === undefined ? { seen: false, steps: [] } : { seen: true, ...followed },
    }),
  };
}

function queryOf(
  { source, destination, protocol, sport, dport }: NatTraceQuery,
  seconds: number,
): PacketQuery {
  return {
    ...{ source: parsed(source), destination: parsed(destination), protocol, waitMs: seconds * 1000 },
    ...(sport !== undefined && { sourcePort: sport }),
    ...(dport !== undefined && { destinationPort: dport }),
  };
}

const sideOf = ({ address, ports }: Translated): { address?: string; ports?: string } => ({
  ...(address !== undefined && { address }),
  ...(ports !== undefined && { ports }),
});

const sideText = (address: Address, port: number | undefined): string =>
  port === undefined ? formatAddress(address) : formatEndpoint({ address, port });

/** The API has looked at it: an address. */
const parsed = (text: string): Address => parseAddress(text) ?? ipv4(0);
