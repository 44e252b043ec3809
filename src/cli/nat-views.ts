/** Sessions that are translated, and what of the pools is in use. */

import type {
  NatLiveTrace,
  NatLogAnswer,
  NatMappingsAnswer,
  NatPoolAnswer,
  NatSession,
  NatSessionsAnswer,
  NatTopAnswer,
  NatTraceAnswer,
} from "../api/nat-schema.ts";
import { type Column, fields, type Look, table } from "./table.ts";
import { clock } from "./text.ts";

const SESSIONS: readonly Column<NatSession>[] = [
  { header: "Proto", cell: (s) => s.protocol },
  { header: "Dir", cell: (s) => s.direction },
  { header: "Private", cell: (s) => s.private },
  { header: "Public", cell: (s) => s.public },
  { header: "Remote", cell: (s) => s.remote },
  { header: "Left", align: "right", cell: (s) => clock(s.leftSeconds) },
];

export function sessionsTable(answer: NatSessionsAnswer, look: Look): string {
  const { sessions } = answer;
  return `${summary(answer, sessions.length)}${sessions.length === 0 ? "" : `\n${table(SESSIONS, sessions, look)}`}`;
}

const TOP: readonly Column<NatTopAnswer["top"][number]>[] = [
  { header: "Private", cell: (t) => t.private },
  { header: "Sessions", align: "right", cell: (t) => String(t.sessions) },
];

export function topTable(answer: NatTopAnswer, look: Look): string {
  const { top } = answer;
  return `${summary(answer, undefined)}${top.length === 0 ? "" : `\n${table(TOP, top, look)}`}`;
}

function summary(
  { tracked, matching, complete }: Omit<NatTopAnswer, "top">,
  listed: number | undefined,
): string {
  const part = listed === undefined || listed === matching ? "" : `, ${listed} of them below`;
  return fields([
    ["Flows tracked", String(tracked)],
    ["Sessions", `${matching}${part}`],
    ["Incomplete", complete ? undefined : "there were more flows than could be looked at in time"],
  ]);
}

const POOLS: readonly Column<NatPoolAnswer>[] = [
  { header: "Pool", cell: (p) => p.pool },
  { header: "Address", cell: (p) => p.address },
  { header: "State", cell: (p) => p.state },
  { header: "Sessions", align: "right", cell: (p) => String(p.sessions) },
  { header: "Users", align: "right", cell: (p) => String(p.users) },
  { header: "Ports", align: "right", cell: (p) => String(p.ports) },
  { header: "TCP used", align: "right", cell: (p) => figure(p.used?.tcp) },
  { header: "UDP used", align: "right", cell: (p) => figure(p.used?.udp) },
  { header: "ICMP used", align: "right", cell: (p) => figure(p.used?.icmp) },
  {
    header: "Blocks given",
    align: "right",
    cell: ({ blocks }) => (blocks ? `${blocks.given} of ${blocks.total}` : ""),
  },
  {
    header: "Overflow",
    align: "right",
    cell: ({ overflow }) => (overflow ? `${overflow.given} of ${overflow.spare}` : ""),
  },
  { header: "Mapping", cell: (p) => p.mapping },
  { header: "Filtering", cell: (p) => p.filtering },
];

const figure = (value: number | undefined): string => (value === undefined ? "" : String(value));

export const poolsTable = (pools: readonly NatPoolAnswer[], look: Look): string => table(POOLS, pools, look);

const OUTPUTS: readonly Column<NatLogAnswer["outputs"][number]>[] = [
  { header: "Kind", cell: (o) => o.kind },
  { header: "To", cell: (o) => o.target },
  { header: "Written", align: "right", cell: (o) => String(o.written) },
  { header: "Lost", align: "right", cell: (o) => String(o.lost) },
  { header: "Waiting", align: "right", cell: (o) => `${o.waitingOctets} B` },
  { header: "Why", cell: (o) => o.lastError ?? "" },
];

export function logDetail({ events, destinations, lostInKernel, outputs }: NatLogAnswer, look: Look): string {
  if (outputs.length === 0) return "Nothing is logged: nat.log names neither a file nor a collector.\n";
  const head = fields([
    ["Events", events.join(", ")],
    ["Destinations", destinations ? "told" : "left out"],
    ["Lost in the kernel", String(lostInKernel)],
  ]);
  return `${head}\n${table(OUTPUTS, outputs, look)}`;
}

export const MAPPINGS: readonly Column<NatMappingsAnswer["mappings"][number]>[] = [
  { header: "Proto", cell: (m) => m.protocol },
  { header: "Private", cell: (m) => m.private },
  { header: "Public", cell: (m) => m.public },
  { header: "Left", align: "right", cell: (m) => clock(m.leftSeconds) },
];

export function mappingsDetail({ listen, epochSeconds, mappings }: NatMappingsAnswer, look: Look): string {
  if (listen.length === 0) return "Nobody is asked for mappings: nat.pcp.listen names no address.\n";
  const head = fields([
    ["Asked at", listen.join(", ")],
    ["Kept for", epochSeconds === undefined ? "not known yet" : clock(epochSeconds)],
    ["Mappings", String(mappings.length)],
  ]);
  return mappings.length === 0 ? head : `${head}\n${table(MAPPINGS, mappings, look)}`;
}

const STEPS: readonly Column<NatTraceAnswer["steps"][number]>[] = [
  { header: "Chain", cell: (s) => s.chain },
  { header: "Rule", cell: (s) => s.rule, clip: 60 },
];

const LIVE_STEPS: readonly Column<NatLiveTrace["steps"][number]>[] = [
  { header: "Table", cell: (s) => s.table },
  { header: "Chain", cell: (s) => s.chain },
  { header: "Verdict", cell: (s) => s.verdict },
  { header: "Rule", cell: (s) => s.rule ?? "", clip: 60 },
];

export function traceDetail(answer: NatTraceAnswer, look: Look): string {
  const { asked, verdict, why, pool, steps, programmed, live } = answer;
  const head = fields([
    ["Packet", asked],
    ["Verdict", verdict],
    ["Why", why],
    ["Destination", becomes(answer.destination)],
    ["Source", becomes(answer.source)],
    ["Pool", pool],
    ["Programmed", programmed ? undefined : "no: the kernel does not hold these rules"],
  ]);
  const rules = steps.length === 0 ? "" : `\n${table(STEPS, steps, look)}`;
  return `${head}${rules}${live === undefined ? "" : `\n${liveDetail(live, look)}`}`;
}

export function becomes(side: NatTraceAnswer["source"]): string | undefined {
  if (side === undefined) return undefined;
  const { address = "that of the interface it leaves by", ports } = side;
  return ports === undefined ? address : `${address}, port ${ports}`;
}

function liveDetail({ seen, steps, source, destination }: NatLiveTrace, look: Look): string {
  if (!seen) return "No such packet came in time.\n";
  const head = fields([["Seen", `a packet; its addresses were last ${source} > ${destination}`]]);
  return `${head}\n${table(LIVE_STEPS, steps, look)}`;
}
