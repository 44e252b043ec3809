/** Single things as names and values below each other. */

import type { NatAnswer, PeerAnswer, StatusAnswer } from "../api/schema.ts";
import { type Column, fields, type Look, table } from "./table.ts";
import { clock } from "./text.ts";
import { haltText, lastErrorOf, peerName, stateWord } from "./views.ts";

type Problem = StatusAnswer["problems"][number];
type Pool = NatAnswer["pools"][number];

export const PROBLEMS: readonly Column<Problem>[] = [
  { header: "Problem", cell: (p) => p.code },
  { header: "Subject", cell: (p) => p.subject },
  { header: "Message", cell: (p) => p.message },
];

export function statusDetail(status: StatusAnswer, look: Look): string {
  const { config, dhcp, kernel, peers, problems } = status;
  const facts = fields([
    ["State", status.state],
    ["Host", `${status.hostname} (${status.role})`],
    ["AS", `${status.asn}, router ID ${status.routerId}`],
    ["Up", clock(status.uptimeSeconds)],
    ["Version", status.version],
    ["Peers", `${peers.established} established, ${peers.configured} configured by address`],
    ["Kernel", kernelText(kernel)],
    [
      "DHCP",
      dhcp &&
        `${dhcp.addresses} addresses, ${dhcp.running ? "dnsmasq runs" : "dnsmasq is down"}, ${dhcp.restarts} restarts`,
    ],
    ["Configuration", `${config.file}, loaded ${config.loadedAt}`],
    [
      "Refused",
      config.stale ? `the file on disk is not in force: ${config.error ?? "see the log"}` : undefined,
    ],
  ]);
  return problems.length === 0 ? facts : `${facts}\n${table(PROBLEMS, problems, look)}`;
}

function kernelText(kernel: StatusAnswer["kernel"]): string {
  if (kernel.type === "none") return "none: announce only";
  const state = kernel.connected ? "connected" : "not connected";
  return `${state}, ${kernel.routes} routes, ${kernel.restarts} restarts, ${kernel.driftRepairs} repairs`;
}

type Capability = NonNullable<PeerAnswer["capabilities"]>[number];

const CAPABILITIES: readonly Column<Capability>[] = [
  { header: "Capability", cell: (c) => c.name },
  { header: "We say", cell: (c) => c.local ?? "", clip: 50 },
  { header: "The peer says", cell: (c) => c.remote ?? "", clip: 50 },
];

export function peerDetail(peers: readonly PeerAnswer[], look: Look): string {
  return peers.map((peer) => onePeer(peer, look)).join("\n");
}

function onePeer(peer: PeerAnswer, look: Look): string {
  const { capabilities } = peer;
  const facts = peerFields(peer);
  return capabilities === undefined ? facts : `${facts}\n${table(CAPABILITIES, capabilities, look)}`;
}

function peerFields(peer: PeerAnswer): string {
  const { prefixes, gracefulRestart: restart } = peer;
  return fields([
    ["Peer", `${peerName(peer)}${peer.dynamic ? " (from a range)" : ""}`],
    ["Description", peer.description],
    ["Group", peer.group],
    ["AS", peer.asn === undefined ? "any but our own" : String(peer.asn)],
    ["Local AS", String(peer.localAsn)],
    ["Role", roleText(peer)],
    ["State", `${stateWord(peer)} for ${clock(peer.sinceSeconds)}`],
    ["Connection", connectionText(peer)],
    ["No session", haltText(peer)],
    ["Router ID", peer.routerId],
    ["Hold time", peer.holdSeconds === undefined ? undefined : `${peer.holdSeconds} s`],
    ["Timers", timersText(peer)],
    ["Families", peer.families.join(", ")],
    ["Several paths", addPathText(peer)],
    ["MD5", peer.md5 ? "yes" : "no"],
    ["TTL security", peer.ttlSecurity ? "yes" : "no"],
    ["Drained", peer.drains ? "yes: what leads over it is a last resort" : undefined],
    ["Graceful restart", restartText(restart)],
    ...restart.stale.map((stale): [string, string] => ["Stale", staleText(stale)]),
    ["BFD", bfdText(peer)],
    ["Prefixes", prefixesText(prefixes)],
    [
      "Prefix limit",
      peer.maxPrefixes && `${peer.maxPrefixes.limit}, a warning at ${peer.maxPrefixes.warnAt}`,
    ],
    ["Limits", limitsText(peer)],
    ["Received", countsText(peer.messages.received)],
    ["Sent", countsText(peer.messages.sent)],
    ["UPDATE errors", errorsText(peer)],
    ["Too long to send", peer.unsendable === 0 ? undefined : `${peer.unsendable} routes`],
    ["Flaps", String(peer.flaps)],
    ["Last error", lastErrorOf(peer)],
    ["Last sent", lastText(peer.lastNotificationSent)],
    ["Last received", lastText(peer.lastNotificationReceived)],
  ]);
}

function connectionText({ localAddress, openedBy }: PeerAnswer): string | undefined {
  if (openedBy === undefined) return undefined;
  const from = localAddress === undefined ? "" : `with our ${localAddress}, `;
  return `${from}opened by ${openedBy === "peer" ? "the peer" : "us"}`;
}

/** What each timer that runs will do, and when. */
const TIMERS: Readonly<Record<string, string>> = {
  hold: "given up",
  keepalive: "next keepalive",
  "connect-retry": "next attempt",
  "idle-hold": "next attempt",
  "send-hold": "given up as it reads nothing",
};

const timersText = ({ timers }: PeerAnswer): string =>
  Object.entries(timers)
    .filter(([timer]) => Object.hasOwn(TIMERS, timer))
    .map(([timer, seconds]) => `${TIMERS[timer]} in ${Math.ceil(seconds)} s`)
    .join(", ");

function limitsText({ limits: { maxAsPathLength, maxCommunities } }: PeerAnswer): string {
  const rows = [
    [maxAsPathLength, "AS numbers"],
    [maxCommunities, "communities"],
  ] as const;
  return rows.flatMap(([most, what]) => (most === undefined ? [] : [`${most} ${what}`])).join(", ");
}

function errorsText(peer: PeerAnswer): string {
  const some = Object.values(peer.updateErrors).some((count) => count > 0);
  return `${countsText(peer.updateErrors)}${some ? `; gwctl show errors ${peer.address}` : ""}`;
}

const lastText = (said: PeerAnswer["lastNotificationSent"]): string | undefined =>
  said && `${said.at} NOTIFICATION ${said.text}`;

function restartText({ negotiated, stalePaths, longLived }: PeerAnswer["gracefulRestart"]): string {
  const long = Object.entries(longLived).map(
    ([family, seconds]) => `, ${family} long-lived for ${clock(seconds)}`,
  );
  return `${negotiated ? "" : "not "}negotiated${long.join("")}, ${stalePaths} stale paths`;
}

type Stale = PeerAnswer["gracefulRestart"]["stale"][number];

const staleText = ({ family, phase, paths, sinceSeconds, leftSeconds }: Stale): string =>
  `${family}, ${phase}: ${paths} paths for ${clock(sinceSeconds)}, ${clock(leftSeconds)} left`;

/** RFC 9234: ours, and what the peer says. */
function roleText({ role, remoteRole }: PeerAnswer): string | undefined {
  if (role === undefined && remoteRole === undefined) return undefined;
  return `${role ?? "none"}; the peer says ${remoteRole ?? "nothing"}`;
}

function bfdText({ bfd }: PeerAnswer): string | undefined {
  if (bfd === undefined) return undefined;
  if (bfd.problem !== undefined) return `not running: ${bfd.problem}`;
  const why = bfd.state === "up" || bfd.diagnostic === undefined ? "" : `, ${bfd.diagnostic}`;
  const timing = `every ${Math.round(bfd.intervalSeconds * 1000)} ms, ${bfd.multiplier} may be missed`;
  return `${bfd.state}${why}; the peer says ${bfd.remoteState}; ${timing}`;
}

function prefixesText({ received, accepted, advertised, refused }: PeerAnswer["prefixes"]): string {
  const text = `${received} received, ${accepted} accepted, ${advertised} advertised`;
  return refused === 0 ? text : `${text}; ${refused} paths refused: 256 of their prefix were there`;
}

function addPathText({ addPath: { send, receive } }: PeerAnswer): string {
  const ways = [
    ["sent", send],
    ["received", receive],
  ] as const;
  const texts = ways.flatMap(([way, families]) =>
    families.length === 0 ? [] : [`${way} (${families.join(", ")})`],
  );
  return texts.length === 0 ? "no" : texts.join(", ");
}

const countsText = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .map(([what, count]) => `${count} ${what}`)
    .join(", ");

const lostText = ({ insertFailed, dropped }: NonNullable<NatAnswer["conntrack"]>): string =>
  `${insertFailed} without a free port, ${dropped} without an entry`;

function natLimitsText({ limits }: NatAnswer): string {
  const rows = [
    [limits.sessionsPerAddress, "sessions"],
    [limits.newSessionsPerSecond, "new ones a second"],
    [limits.portsPerAddress, "ports"],
  ] as const;
  const texts = rows.flatMap(([most, what]) => (most === undefined ? [] : [`${most} ${what}`]));
  return texts.length === 0 ? "" : `${texts.join(", ")} for each private address`;
}

const POOLS: readonly Column<Pool>[] = [
  { header: "Pool", cell: (p) => p.name },
  { header: "Ports", cell: (p) => p.ports },
  { header: "Block", align: "right", cell: (p) => (p.blockSize === 0 ? "" : String(p.blockSize)) },
  { header: "Mapping", cell: (p) => p.mapping },
  { header: "Filtering", cell: (p) => p.filtering },
  { header: "Serves", cell: (p) => p.private?.join(" ") ?? "the rest", clip: 40 },
  { header: "Addresses", align: "right", cell: (p) => String(p.addresses.length) },
  { header: "From", cell: (p) => p.addresses.join(" "), clip: 60 },
];

const silenceText = (timeouts: NatAnswer["timeouts"]): string =>
  `udp ${timeouts.udp} s, icmp ${timeouts.icmp} s, tcp ${timeouts.tcpEstablished} s, opening ${timeouts.tcpOpening} s, closing ${timeouts.tcpClosing} s`;

export function natDetail(nat: NatAnswer, look: Look): string {
  const facts = fields([
    ["Programmed", nat.programmed ? "yes" : "no"],
    ["Floating IPs", String(nat.floating)],
    ["Private", nat.private.join(" ")],
    ["Prefixes", nat.prefixes?.map(({ internal, external }) => `${internal} as ${external}`).join(", ")],
    ["Never translated", nat.exempt.join(" ")],
    ["Never tracked", nat.untracked.join(" ")],
    ["Silence allowed", silenceText(nat.timeouts)],
    ["Flows tracked", nat.conntrack && `${nat.conntrack.entries} of ${nat.conntrack.limit}`],
    ["Flows lost", nat.conntrack && lostText(nat.conntrack)],
    ["Limits", natLimitsText(nat)],
    [
      "Refused",
      nat.refused &&
        `${nat.refused.sessions} for sessions, ${nat.refused.rate} for new sessions, ${nat.refused.ports} for ports`,
    ],
  ]);
  return nat.pools.length === 0 ? facts : `${facts}\n${table(POOLS, nat.pools, look)}`;
}
