/** How long conntrack keeps what is translated here. Everything else on this machine keeps the timers of the machine. */

import type { CtObjects } from "./layout.ts";
import type { NatTable } from "./table.ts";

/** States as nft names them; `syn_sent2` is that of a connection which both sides open at once. */
const TCP_OPENING = ["syn_sent", "syn_recv", "syn_sent2"] as const;

/** The `close` that follows a RST is one of them: that may be forged, and is not the end of a session (RFC 7857 section 2.2). */
const TCP_CLOSING = ["fin_wait", "close_wait", "last_ack", "time_wait", "close"] as const;

/**
 * RFC 5382 REQ-5 counts silence, whatever was said last: the kernel would give up earlier where data was sent again and
 * again (`retrans`) or is not acknowledged yet (`unack`), and a host may only be away.
 */
const TCP_ESTABLISHED = ["established", "retrans", "unack"] as const;

export function timers(table: NatTable): CtObjects {
  const { timeouts } = table;
  const tcp = new Map<string, number>([
    ...TCP_OPENING.map((state) => [state, timeouts.tcpOpeningSeconds] as const),
    ...TCP_ESTABLISHED.map((state) => [state, timeouts.tcpEstablishedSeconds] as const),
    ...TCP_CLOSING.map((state) => [state, timeouts.tcpClosingSeconds] as const),
  ]);
  const udp = new Map([
    ["unreplied", timeouts.udpSeconds],
    ["replied", timeouts.udpSeconds],
  ]);
  return new Map([
    [timerOf("tcp", table), bodyOf("tcp", tcp)],
    [timerOf("udp", table), bodyOf("udp", udp)],
    [timerOf("icmp", table), bodyOf("icmp", new Map([["replied", timeouts.icmpSeconds]]))],
  ]);
}

/** nft lists no values of ICMP: the name says it, so that another value is another timer. */
const timerOf = (protocol: Protocol, { timeouts }: NatTable): string =>
  protocol === "icmp" ? `icmp_${timeouts.icmpSeconds}s` : `${protocol}_timers`;

/** The most that a connection which is not established may be silent, in seconds. */
export const transitorySeconds = ({ timeouts }: NatTable): number =>
  Math.max(timeouts.tcpOpeningSeconds, timeouts.tcpClosingSeconds);

/** What sets the timer of a new flow. */
export const setTimer = (protocol: Protocol, table: NatTable): string =>
  `ct timeout set "${timerOf(protocol, table)}"`;

export const timerRules = (table: NatTable): readonly string[] =>
  (["udp", "tcp", "icmp"] as const).map(
    (protocol) => `meta l4proto ${protocol} ${setTimer(protocol, table)}`,
  );

/**
 * Before what translates, in chains that see the first packet of a flow alone: there an entry is not confirmed yet, and the
 * other packets pay nothing for it.
 */
export const WITH_TIMERS = "jump timers";

function bodyOf(protocol: Protocol, seconds: ReadonlyMap<string, number>): string {
  const policy = Object.keys(LISTED_DEFAULTS[protocol]).map((state) => `${state} : ${seconds.get(state)}`);
  return `protocol ${protocol}; l3proto ip; policy = { ${policy.join(", ")} };`;
}

/** The timers of each protocol, in the order of nft's list, which leaves out what has these values (nft 1.0.6). */
const LISTED_DEFAULTS = {
  tcp: {
    syn_sent: 120,
    syn_recv: 60,
    established: 432_000,
    fin_wait: 120,
    close_wait: 60,
    last_ack: 30,
    time_wait: 120,
    close: 10,
    syn_sent2: 120,
    retrans: 300,
    unack: 300,
  },
  udp: { unreplied: 30, replied: 120 },
  icmp: { replied: 0 },
} as const;
type Protocol = keyof typeof LISTED_DEFAULTS;

/** What is in the braces of a listed timer, as {@link timers} spells it; undefined when it is none of ours. */
export function parseTimer(name: string, lines: readonly string[]): string | undefined {
  const [, protocol] = /^protocol (tcp|udp|icmp)$/.exec(lines[0] ?? "") ?? [];
  const [, policy] = /^policy = \{ (.*) \}$/.exec(lines[2] ?? "") ?? [];
  if (protocol === undefined || policy === undefined || lines[1] !== "l3proto ip" || lines.length !== 3)
    return undefined;
  const seconds = new Map<string, number>(Object.entries(LISTED_DEFAULTS[protocol as Protocol]));
  for (const [, state = "", value] of policy.matchAll(/(\w+) : (\d+)/g)) seconds.set(state, Number(value));
  const [, named] = /^icmp_(\d+)s$/.exec(name) ?? [];
  if (named !== undefined) seconds.set("replied", Number(named));
  return bodyOf(protocol as Protocol, seconds);
}
