/** What is wanted of all sessions: some of them, who has most, or what each public address has in use. */

import type { Address } from "../../bgp/net/address.ts";
import { formatAddress } from "../../bgp/net/text.ts";
import type { Session } from "./conntrack-entry.ts";
import type {
  FoundSession,
  PortBlock,
  SessionFilter,
  SessionQuery,
  SessionsFound,
} from "./session-commands.ts";
import type { WideAddresses } from "./wide-addresses.ts";

export interface Gathering {
  /** What it is given is overwritten by the next one. */
  take(session: Readonly<Session>): void;
  result(): Omit<SessionsFound, "tracked" | "complete">;
}

/** @param wide - what the numbers of IPv6 addresses mean */
export function gathering(query: SessionQuery, wide: WideAddresses): Gathering {
  const textOf = (number: number): string => formatAddress(wide.addressOf(number));
  const collect = collectorOf(query, textOf);
  const matches = matcher(query.filter, wide);
  let matching = 0;
  return {
    take: (session) => {
      if (!matches(session)) return;
      matching++;
      collect.take(session);
    },
    result: () => ({ matching, sessions: [], top: [], used: [], busy: [], ...collect.result() }),
  };
}

type Collector = {
  take(session: Readonly<Session>): void;
  result(): Partial<Pick<SessionsFound, "sessions" | "top" | "used" | "busy">>;
};

type AddressText = (number: number) => string;

function collectorOf({ want, limit, blocks = [] }: SessionQuery, textOf: AddressText): Collector {
  switch (want) {
    case "sessions":
      return some(limit, textOf);
    case "top":
      return top(limit, textOf);
    case "used":
      return used(textOf);
    case "blocks":
      return busy(blocks);
    default:
      return want satisfies never;
  }
}

function busy(blocks: readonly PortBlock[]): Collector {
  const counts = new Array<number>(blocks.length).fill(0);
  const byAddress = new Map<number, number[]>();
  const inOrder = [...blocks.keys()].sort((a, b) => blocks[a]!.first - blocks[b]!.first);
  for (const at of inOrder) {
    const { w0 } = blocks[at]!.address;
    byAddress.set(w0, [...(byAddress.get(w0) ?? []), at]);
  }
  return {
    take: ({ public: outer, publicPort: port }) => {
      const places = byAddress.get(outer);
      if (places === undefined) return;
      let [low, high] = [0, places.length];
      while (high - low > 1) {
        const middle = (low + high) >>> 1;
        if (blocks[places[middle]!]!.first <= port) low = middle;
        else high = middle;
      }
      const { first, last } = blocks[places[low]!]!;
      if (first <= port && port <= last) counts[places[low]!]!++;
    },
    result: () => ({ busy: counts }),
  };
}

function matcher(filter: SessionFilter, wide: WideAddresses): (session: Readonly<Session>) => boolean {
  const { protocol, port } = filter;
  const numberOf = (address: Address | undefined): number | undefined => address && wide.numberOf(address);
  const [inner, outer, remote] = [filter.private, filter.public, filter.remote].map(numberOf);
  return (session) =>
    (protocol === undefined || session.protocol === protocol) &&
    (inner === undefined || session.private === inner) &&
    (outer === undefined || session.public === outer) &&
    (remote === undefined || session.remote === remote) &&
    (port === undefined || session.publicPort === port);
}

function some(limit: number, textOf: AddressText): Collector {
  const sessions: FoundSession[] = [];
  return {
    take: (session) => {
      if (sessions.length === limit) return;
      sessions.push({
        ...session,
        private: textOf(session.private),
        public: textOf(session.public),
        remote: textOf(session.remote),
      });
    },
    result: () => ({ sessions }),
  };
}

function top(limit: number, textOf: AddressText): Collector {
  const countByAddress = new Map<number, number>();
  return {
    take: ({ private: inner }) => countByAddress.set(inner, (countByAddress.get(inner) ?? 0) + 1),
    result: () => {
      const sorted = [...countByAddress].sort((a, b) => b[1] - a[1] || a[0] - b[0]).slice(0, limit);
      return { top: sorted.map(([word, sessions]) => ({ private: textOf(word), sessions })) };
    },
  };
}

const [ICMP, TCP, UDP] = [1, 6, 17];
/** Public addresses whose ports are counted: 24 KiB each. */
const COUNTED_ADDRESSES = 4096;

interface Use {
  sessions: number;
  readonly users: Set<number>;
  /** A bit for each port in use, by protocol. */
  readonly ports: ReadonlyMap<number, Uint8Array> | undefined;
}

function used(textOf: AddressText): Collector {
  const useByAddress = new Map<number, Use>();
  const useOf = (word: number): Use => {
    const known = useByAddress.get(word);
    if (known !== undefined) return known;
    const counted = useByAddress.size < COUNTED_ADDRESSES;
    const ports = counted
      ? new Map([ICMP, TCP, UDP].map((protocol) => [protocol, new Uint8Array(8192)]))
      : undefined;
    const use = { sessions: 0, users: new Set<number>(), ports };
    useByAddress.set(word, use);
    return use;
  };
  return {
    take: ({ public: outer, private: inner, protocol, publicPort: port }) => {
      const use = useOf(outer);
      use.sessions++;
      use.users.add(inner);
      const bits = use.ports?.get(protocol);
      if (bits !== undefined) bits[port >> 3]! |= 1 << (port & 7);
    },
    result: () => ({ used: [...useByAddress].map(([word, use]) => usedOf(textOf(word), use)) }),
  };
}

function usedOf(address: string, { sessions, users, ports }: Use): SessionsFound["used"][number] {
  const count = (protocol: number): number => bitsIn(ports?.get(protocol));
  const counts = ports && { icmp: count(ICMP), tcp: count(TCP), udp: count(UDP) };
  return { public: address, sessions, users: users.size, ...(counts && { ports: counts }) };
}

function bitsIn(octets: Uint8Array | undefined): number {
  let bits = 0;
  for (const octet of octets ?? []) for (let rest = octet; rest > 0; rest &= rest - 1) bits++;
  return bits;
}
