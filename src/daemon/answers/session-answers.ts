/** The sessions that are translated, as the API tells them. */

import type { NatPoolAnswer, NatSessionsAnswer, NatTopAnswer } from "../../api/nat-schema.ts";
import type { NatSessionsQuery } from "../../api/source.ts";
import type { Address } from "../../bgp/net/address.ts";
import { formatAddress, parseAddress } from "../../bgp/net/text.ts";
import type {
  FoundSession,
  SessionFilter,
  SessionQuery,
  SessionsFound,
} from "../../kernel/conntrack/session-commands.ts";
import {
  type BlockPlan,
  blocksPerAddress,
  isComputed,
  privateCount,
  wholeBlocks,
} from "../../model/blocks.ts";
import type { Model, Pool } from "../../model/model.ts";
import type { Drains } from "../drains.ts";
import type { GivenBlocks } from "../given-blocks.ts";

type Look = (query: SessionQuery) => Promise<SessionsFound>;

export async function sessionsAnswer(look: Look, query: NatSessionsQuery): Promise<NatSessionsAnswer> {
  const found = await look({ want: "sessions", filter: filterOf(query), limit: query.limit });
  const { tracked, matching, complete } = found;
  return { tracked, matching, complete, sessions: found.sessions.map(sessionAnswer) };
}

export async function topAnswer(look: Look, query: NatSessionsQuery): Promise<NatTopAnswer> {
  const found = await look({ want: "top", filter: filterOf(query), limit: query.limit });
  const { tracked, matching, complete, top } = found;
  return { tracked, matching, complete, top };
}

/**
 * Every address of every pool, in the order of the file.
 * @param plan - the blocks that are in force, which `gwctl nat who` answers from
 */
export async function poolAnswers(
  look: Look,
  { nat }: Model,
  plan: BlockPlan | undefined,
  drains: Pick<Drains, "isDrained">,
  given: Pick<GivenBlocks, "useOf">,
): Promise<NatPoolAnswer[]> {
  const { used } = await look({ want: "used", filter: {}, limit: 1 });
  const useByAddress = new Map(used.map((use) => [use.public, use]));
  let left = plan !== undefined && isComputed(plan) ? privateCount(plan) : 0;
  return nat.pools.flatMap((pool) => {
    const hasBlocks = pool.blockSize > 0 && !pool.draining;
    const total = hasBlocks ? wholeBlocks(pool) : 0;
    const computed = hasBlocks ? blocksPerAddress(pool) : 0;
    return pool.addresses.map((address) => {
      const own = Math.min(left, computed);
      left -= own;
      const overflow = given.useOf(address);
      const use = useByAddress.get(formatAddress(address));
      return {
        ...rowOf(pool, address),
        state: pool.draining ? (drains.isDrained(pool, address) ? "drained" : "draining") : "active",
        sessions: use?.sessions ?? 0,
        users: use?.users ?? 0,
        ...(use === undefined && { used: { icmp: 0, tcp: 0, udp: 0 } }),
        ...(use?.ports && { used: use.ports }),
        ...(total > 0 && { blocks: { total, given: own + (overflow?.given ?? 0) } }),
        ...(overflow !== undefined && overflow.spare > 0 && { overflow }),
      };
    });
  });
}

const rowOf = (
  { name, ports, mapping, filtering }: Pool,
  address: Address,
): Pick<NatPoolAnswer, "pool" | "address" | "ports" | "mapping" | "filtering"> => ({
  pool: name,
  address: formatAddress(address),
  ports: ports.last - ports.first + 1,
  mapping,
  filtering,
});

const PROTOCOLS: Readonly<Record<number, string>> = { 1: "icmp", 6: "tcp", 17: "udp", 58: "icmpv6" };

const endpointText = (address: string, port: number): string =>
  address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;

const sessionAnswer = (found: FoundSession): NatSessionsAnswer["sessions"][number] => ({
  protocol: PROTOCOLS[found.protocol] ?? String(found.protocol),
  direction: found.outbound ? "out" : "in",
  private: endpointText(found.private, found.privatePort),
  public: endpointText(found.public, found.publicPort),
  remote: endpointText(found.remote, found.remotePort),
  leftSeconds: found.leftSeconds,
});

/** The API has looked at the addresses. */
function filterOf({ port, protocol, ...query }: NatSessionsQuery): SessionFilter {
  const [inner, outer, remote] = [query.private, query.public, query.remote].map((text) =>
    parseAddress(text ?? ""),
  );
  return {
    ...(inner && { private: inner }),
    ...(outer && { public: outer }),
    ...(remote && { remote }),
    ...(port !== undefined && { port }),
    ...(protocol !== undefined && { protocol }),
  };
}
