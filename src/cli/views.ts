/** Lists as tables: which columns, in which order, from what the API answers. */

import type {
  AnnouncementAnswer,
  AnycastAnswer,
  FloatingIpAnswer,
  MonitorAnswer,
  PeerAnswer,
  ReceivedAnswer,
  RouteAnswer,
  RouteExport,
  RoutePath,
  ValidityAnswer,
} from "../api/schema.ts";
import { nextHopColumns } from "./next-hop-views.ts";
import { type Color, type Column, type Look, table } from "./table.ts";
import { clock } from "./text.ts";

/** Free text in a table that is not wide. */
const TEXT_COLUMNS = 60;

const yes = (claim: boolean): string => (claim ? "yes" : "no");
const figure = (value: number | undefined): string => (value === undefined ? "" : String(value));

/** Columns that only a wide table has. */
const wideOnly = <T>(look: Look, columns: readonly Column<T>[]): readonly Column<T>[] =>
  look.wide ? columns : [];

/** The order that people scan: Cisco's and FRR's, then what came of it. */
export function peersTable(peers: readonly PeerAnswer[], look: Look): string {
  const columns: Column<PeerAnswer>[] = [
    { header: "Peer", cell: peerName },
    { header: "AS", align: "right", cell: (p) => figure(p.asn) },
    { header: "Up/Down", align: "right", cell: (p) => clock(p.sinceSeconds) },
    { header: "State/PfxRcd", align: "right", cell: stateOrPrefixes, color: colorOfPeer },
    { header: "Received", align: "right", cell: (p) => String(p.prefixes.received) },
    { header: "Accepted", align: "right", cell: (p) => String(p.prefixes.accepted) },
    { header: "Advertised", align: "right", cell: (p) => String(p.prefixes.advertised) },
    ...wideOnly<PeerAnswer>(look, [
      { header: "Flaps", align: "right", cell: (p) => String(p.flaps) },
      { header: "Hold", align: "right", cell: (p) => figure(p.holdSeconds) },
      { header: "Drained", cell: (p) => (p.drains ? "yes" : "no") },
      { header: "BFD", cell: (p) => p.bfd?.state ?? "" },
      { header: "Router ID", cell: (p) => p.routerId ?? "" },
      { header: "Families", cell: (p) => p.families.join(",") },
      { header: "Group", cell: (p) => p.group ?? "" },
      { header: "Description", cell: (p) => p.description ?? "" },
      { header: "Last error", cell: lastErrorOf },
    ]),
    ...(look.wide ? [] : [{ header: "Description/Last error", clip: TEXT_COLUMNS, cell: describe }]),
  ];
  return table(columns, peers, look);
}

/** "198.51.100.2", or "eth0 (fe80::1)" for the one who is behind an interface. */
export function peerName({ address, interface: name }: PeerAnswer): string {
  if (name === undefined) return address;
  const there = address.slice(0, address.indexOf("%"));
  return there === "::" ? name : `${name} (${there})`;
}

const STATES: Readonly<Record<PeerAnswer["state"], string>> = {
  idle: "Idle",
  connect: "Connect",
  active: "Active",
  "open-sent": "OpenSent",
  "open-confirm": "OpenConfirm",
  established: "Established",
};

/** As routers show them. */
const HALTS = { shutdown: "Idle(Admin)", "max-prefixes": "Idle(PfxCt)" } as const;

/** The state in the spelling of RFC 4271 §8.2.2, with the reason where none is wanted. */
export const stateWord = ({ state, halt }: PeerAnswer): string =>
  halt === undefined || state === "established" ? STATES[state] : HALTS[halt.reason];

/** Why no session is wanted, and until when. */
export function haltText({ halt, maxPrefixes }: PeerAnswer): string | undefined {
  if (halt === undefined) return undefined;
  if (halt.reason === "shutdown") return halt.text === undefined ? "shut down" : `shut down: ${halt.text}`;
  const { restartsInSeconds: left } = halt;
  const limit = maxPrefixes === undefined ? "" : ` (${maxPrefixes.limit})`;
  return `more prefixes than allowed${limit}; ${left === undefined ? "until it is started" : `again in ${clock(left)}`}`;
}

const stateOrPrefixes = (peer: PeerAnswer): string =>
  peer.state === "established" ? String(peer.prefixes.received) : stateWord(peer);

const colorOfPeer = (peer: PeerAnswer): Color => {
  if (peer.state === "established") return "green";
  return peer.state === "idle" ? "red" : "yellow";
};

export const lastErrorOf = (peer: PeerAnswer): string =>
  peer.lastError === undefined ? "" : `${peer.lastError.at} ${peer.lastError.text}`;

/** A session that is up needs no old error beside it. */
const describe = (peer: PeerAnswer): string =>
  [peer.description, peer.state === "established" ? undefined : (haltText(peer) ?? peer.lastError?.text)]
    .filter((text) => text !== undefined && text !== "")
    .join(": ");

/** A column of path identifiers, where there are any. */
export const pathIds = <T>(
  rows: readonly T[],
  pathIdOf: (row: T) => number | undefined,
): readonly Column<T>[] =>
  rows.some((row) => pathIdOf(row) !== undefined)
    ? [{ header: "Path ID", align: "right", cell: (row) => figure(pathIdOf(row)) }]
    : [];

interface RouteRow {
  readonly route: RouteAnswer;
  readonly path: RoutePath | undefined;
}

/** One line per path in use; a wide table has every path. */
export function routesTable(routes: readonly RouteAnswer[], look: Look): string {
  const rows = routes.flatMap((route) => rowsOf(route, look.wide));
  const columns: Column<RouteRow>[] = [
    { header: "Prefix", cell: ({ route }) => route.prefix },
    { header: "Kind", cell: ({ route }) => route.kind },
    { header: "Next hop", cell: ({ path }) => path?.nextHop ?? "" },
    { header: "Peer", cell: ({ path }) => path?.peer ?? "" },
    ...pathIds(rows, ({ path }) => path?.pathId),
    { header: "Path", cell: ({ path }) => statusOf(path) },
    { header: "Pref", align: "right", cell: ({ path }) => figure(path?.localPref) },
    { header: "MED", align: "right", cell: ({ path }) => figure(path?.med) },
    ...wideOnly<RouteRow>(look, [
      { header: "Origin", cell: ({ path }) => path?.origin ?? "" },
      ...validityOf<RouteRow>(
        routes.flatMap(({ paths }) => paths),
        ({ path }) => path?.rpki,
      ),
      { header: "Communities", cell: ({ path }) => communitiesOf(path) },
    ]),
    { header: "Local", cell: ({ route }) => yes(route.local) },
    { header: "Installed", cell: ({ route }) => yes(route.installed) },
    { header: "AS path", cell: ({ path }) => path?.asPath ?? "", clip: TEXT_COLUMNS },
  ];
  return table(columns, rows, look);
}

function rowsOf(route: RouteAnswer, all: boolean): RouteRow[] {
  const paths = route.paths.filter(({ status }) => all || status === "best" || status === "multipath");
  return paths.length === 0 ? [{ route, path: undefined }] : paths.map((path) => ({ route, path }));
}

/** The validity of origins; no column where there are no RPKI caches. */
const validityOf = <T>(
  told: readonly { readonly rpki?: ValidityAnswer }[],
  cell: (item: T) => ValidityAnswer | undefined,
): readonly Column<T>[] =>
  told.some(({ rpki }) => rpki !== undefined) ? [{ header: "RPKI", cell: (item) => cell(item) ?? "" }] : [];

const statusOf = (path: RoutePath | undefined): string =>
  path === undefined ? "" : `${path.status}${path.stale ? ",stale" : ""}`;

type Communities = Pick<RoutePath, "communities" | "largeCommunities" | "extendedCommunities">;

export const communitiesOf = (path: Communities | undefined): string =>
  [
    ...(path?.communities ?? []),
    ...(path?.extendedCommunities ?? []),
    ...(path?.largeCommunities ?? []),
  ].join(" ");

/** A column for Only to Customer (RFC 9234) where anything has it, which is seldom. */
function otcOf<T extends { readonly onlyToCustomer?: number }>(rows: readonly T[]): readonly Column<T>[] {
  if (rows.every(({ onlyToCustomer }) => onlyToCustomer === undefined)) return [];
  return [{ header: "OTC", align: "right", cell: (row) => figure(row.onlyToCustomer) }];
}

/** One prefix: every path that anyone told us, and why it is or is not used. */
export function routeDetail(routes: readonly RouteAnswer[], look: Look): string {
  const paths = routes.flatMap((route) => route.paths);
  const columns: Column<RoutePath>[] = [
    { header: "Path", cell: statusOf },
    { header: "Next hop", cell: (p) => p.nextHop },
    { header: "Peer", cell: (p) => p.peer },
    ...pathIds(paths, (p) => p.pathId),
    { header: "Pref", align: "right", cell: (p) => String(p.localPref) },
    { header: "MED", align: "right", cell: (p) => figure(p.med) },
    { header: "Origin", cell: (p) => p.origin },
    { header: "Communities", cell: communitiesOf },
    ...otcOf(paths),
    { header: "AS path", cell: (p) => p.asPath },
    ...validityOf<RoutePath>(paths, (p) => p.rpki),
    { header: "Import rule", cell: (p) => p.rule ?? "" },
    ...nextHopColumns(paths),
  ];
  const exports: Column<RouteExport>[] = [
    { header: "To peer", cell: (e) => e.peer },
    { header: "Sent", cell: (e) => yes(e.sent) },
    { header: "Why", cell: (e) => [e.reason, e.rule].filter((text) => text !== undefined).join(" ") },
  ];
  const heads: Column<RouteAnswer>[] = [
    { header: "Prefix", cell: (r) => r.prefix },
    { header: "Kind", cell: (r) => r.kind },
    { header: "Local", cell: (r) => yes(r.local) },
    { header: "Installed", cell: (r) => yes(r.installed) },
  ];
  const one = (r: RouteAnswer): string[] => [
    table(heads, [r], look),
    table(columns, r.paths, look),
    ...(r.exports === undefined || r.exports.length === 0 ? [] : [table(exports, r.exports, look)]),
  ];
  return routes.flatMap(one).join("\n");
}

/** What one peer told us, and what import policy made of it. */
export function receivedTable(received: readonly ReceivedAnswer[], look: Look): string {
  const columns: Column<ReceivedAnswer>[] = [
    { header: "Prefix", cell: (r) => r.prefix },
    ...pathIds(received, (r) => r.pathId),
    { header: "Accepted", cell: (r) => yes(r.accepted), color: (r) => (r.accepted ? "green" : "red") },
    { header: "Rule", cell: (r) => r.rule },
    ...validityOf<ReceivedAnswer>(received, (r) => r.rpki),
    { header: "Next hop", cell: (r) => r.nextHop },
    { header: "Pref", align: "right", cell: (r) => figure(r.localPref) },
    { header: "MED", align: "right", cell: (r) => figure(r.med) },
    { header: "Origin", cell: (r) => r.origin },
    { header: "Communities", cell: communitiesOf, clip: TEXT_COLUMNS },
    ...otcOf(received),
    { header: "AS path", cell: (r) => r.asPath, clip: TEXT_COLUMNS },
    { header: "Changed to", cell: changesText, clip: TEXT_COLUMNS },
  ];
  return table(columns, received, look);
}

const changesText = ({ changes }: ReceivedAnswer): string =>
  Object.entries(changes)
    .map(([name, text]) => `${name}=${text === "" ? "none" : text}`)
    .join(", ");

/** What one peer was told, attribute by attribute, and by which rule. */
export function advertisedTable(advertised: readonly AnnouncementAnswer[], look: Look): string {
  const columns: Column<AnnouncementAnswer>[] = [
    { header: "Prefix", cell: (a) => a.prefix },
    ...pathIds(advertised, (a) => a.pathId),
    { header: "Kind", cell: (a) => a.kind },
    { header: "Rule", cell: (a) => a.rule ?? "" },
    { header: "Next hop", cell: (a) => a.nextHop },
    { header: "Pref", align: "right", cell: (a) => figure(a.localPref) },
    { header: "MED", align: "right", cell: (a) => figure(a.med) },
    { header: "Origin", cell: (a) => a.origin },
    { header: "Communities", cell: communitiesOf, clip: TEXT_COLUMNS },
    ...otcOf(advertised),
    { header: "AS path", cell: (a) => a.asPath, clip: TEXT_COLUMNS },
  ];
  return table(columns, advertised, look);
}

export function announcementsTable(announcements: readonly AnnouncementAnswer[], look: Look): string {
  const columns: Column<AnnouncementAnswer>[] = [
    { header: "Prefix", cell: (a) => a.prefix },
    { header: "Kind", cell: (a) => a.kind },
    { header: "Peer", cell: (a) => a.peer },
    { header: "Next hop", cell: (a) => a.nextHop },
    { header: "MED", align: "right", cell: (a) => figure(a.med) },
    { header: "Communities", cell: (a) => a.communities.join(" "), clip: TEXT_COLUMNS },
    { header: "AS path", cell: (a) => a.asPath, clip: TEXT_COLUMNS },
  ];
  return table(columns, announcements, look);
}

const FLOATING_COLORS: Readonly<Record<FloatingIpAnswer["status"], Color>> = {
  ACTIVE: "green",
  DOWN: "yellow",
  ERROR: "red",
};

export function floatingIpsTable(floatingIps: readonly FloatingIpAnswer[], look: Look): string {
  const columns: Column<FloatingIpAnswer>[] = [
    { header: "Address", cell: (f) => f.address },
    { header: "To", cell: (f) => f.to ?? f.forwards?.map(forwardText).join(", ") ?? "", clip: TEXT_COLUMNS },
    { header: "Egress", cell: (f) => (f.stateless ? "stateless" : (f.egress ?? "")) },
    { header: "Place", cell: (f) => f.place },
    { header: "Status", cell: (f) => f.status, color: (f) => FLOATING_COLORS[f.status] },
    { header: "Announced", cell: (f) => yes(f.announced) },
    { header: "Reason", cell: (f) => f.reason ?? "", clip: TEXT_COLUMNS },
  ];
  return table(columns, floatingIps, look);
}

/** "tcp 443 > 10.65.0.13:8443". */
const forwardText = ({
  protocol,
  port,
  to,
  toPort,
}: NonNullable<FloatingIpAnswer["forwards"]>[number]): string => `${protocol} ${port} > ${to}:${toPort}`;

export function monitorsTable(monitors: readonly MonitorAnswer[], look: Look): string {
  const columns: Column<MonitorAnswer>[] = [
    { header: "Kind", cell: (m) => m.kind },
    { header: "Target", cell: (m) => m.target },
    { header: "State", cell: (m) => m.state, color: (m) => (m.state === "up" ? "green" : "red") },
    { header: "Messages", align: "right", cell: (m) => figure(m.messages) },
    { header: "Waiting octets", align: "right", cell: (m) => figure(m.waitingOctets) },
    { header: "Lost", align: "right", cell: (m) => figure(m.lost) },
    { header: "Last error", cell: (m) => m.lastError ?? "", clip: TEXT_COLUMNS },
  ];
  return table(columns, monitors, look);
}

interface MemberRow {
  readonly service: AnycastAnswer;
  readonly member: AnycastAnswer["members"][number] | undefined;
}

/** One line per member. */
export function anycastTable(services: readonly AnycastAnswer[], look: Look): string {
  const columns: Column<MemberRow>[] = [
    { header: "Service", cell: ({ service }) => service.name },
    { header: "Address", cell: ({ service }) => service.address },
    { header: "Announced", cell: ({ service }) => yes(service.announced) },
    { header: "Member", cell: ({ member }) => member?.address ?? "" },
    { header: "Place", cell: ({ member }) => member?.place ?? "" },
    { header: "Health", cell: ({ member }) => member?.health ?? "", color: ({ member }) => colorOf(member) },
    ...wideOnly<MemberRow>(look, [{ header: "Paths", cell: ({ service }) => service.paths.join(",") }]),
    { header: "Last error", cell: ({ member }) => member?.lastError ?? "", clip: TEXT_COLUMNS },
  ];
  const rows = services.flatMap((service): MemberRow[] =>
    service.members.length === 0
      ? [{ service, member: undefined }]
      : service.members.map((member) => ({ service, member })),
  );
  return table(columns, rows, look);
}

function colorOf(member: MemberRow["member"]): Color | undefined {
  if (member?.health === "up") return "green";
  return member?.health === "down" ? "red" : undefined;
}
