/** gwctl explain: one address with everything that is known of it. */

import { Argument, type Command } from "commander";
import type {
  ExplainAnswer,
  ExplainedAnnouncement,
  ExplainedCondition,
  ExplainedOwner,
} from "../api/explain-schema.ts";
import type { NatBlockAnswer, NatTraceAnswer } from "../api/nat-schema.ts";
import type { RoutePath } from "../api/schema.ts";
import { PROBLEMS } from "./details.ts";
import { lineOf } from "./events.ts";
import { examples, optionsOf, pathOf } from "./flags.ts";
import type { Io } from "./io.ts";
import { becomes, MAPPINGS } from "./nat-views.ts";
import { show } from "./show.ts";
import { type Column, fields, type Look, table } from "./table.ts";
import { printable } from "./text.ts";
import { communitiesOf } from "./views.ts";

export function addExplain(program: Command, io: Io): void {
  program
    .command("explain")
    .description(
      "whose an address is, who is told of it and why, where it is routed, what it is translated to",
    )
    .addArgument(
      new Argument(
        "<about>",
        "an address or a prefix; or a floating IP, port, router, pool, … by id or name",
      ),
    )
    .option("--from <address>", "who sends the packets to it that are looked at (somebody outside)")
    .addHelpText(
      "after",
      examples(
        "gwctl explain 172.16.1.3",
        "gwctl explain vm-a -o json",
        "gwctl explain 172.16.1.3 --from 10.65.0.20",
      ),
    )
    .action(async (about: string, flags: { readonly from?: string }, command: Command) => {
      const path = pathOf("explain", { about, from: flags.from });
      await show<ExplainAnswer>({ path, render: explainDetail }, optionsOf(command, io), io);
    });
}

function explainDetail(answer: ExplainAnswer, look: Look): string {
  const { summary, prefix, handling, owners, announcements, translation, problems, events } = answer;
  const head = fields([
    ["Prefix", prefix],
    ["Handling", handling.text],
    ["Kernel", kernelText(answer)],
  ]);
  const parts = [
    ...(owners.length === 0 ? [] : [table(OWNERS, owners, look)]),
    ...announcements.map((one) => announcementText(one, look)),
    ...(answer.route === undefined ? [] : [table(PATHS, answer.route.paths, look)]),
    ...(translation.traces.length === 0 ? [] : [table(TRACES, translation.traces, look)]),
    ...(translation.block === undefined ? [] : [fields([["Port block", blockText(translation.block)]])]),
    ...(translation.mappings.length === 0 ? [] : [table(MAPPINGS, translation.mappings, look)]),
    ...(problems.length === 0 ? [] : [table(PROBLEMS, problems, look)]),
    ...(events.length === 0 ? [] : [events.map((event) => lineOf(event, "table")).join("")]),
  ];
  return [`${printable(summary)}\n`, head, ...parts].join("\n");
}

function kernelText({ kernel }: ExplainAnswer): string {
  if (kernel === undefined) return "no route of ours, and no network of a link: a default route, or none";
  const { prefix, via, origin, installed } = kernel;
  const whose =
    origin === "link" ? "a network of that link" : installed ? "a route of ours" : "wanted, and not there";
  return `${prefix} by ${via.join(", ") || "nothing"} (${whose})`;
}

const OWNERS: readonly Column<ExplainedOwner>[] = [
  { header: "Whose", cell: (o) => o.what },
  { header: "Name", cell: (o) => o.name ?? "" },
  { header: "Id", cell: (o) => o.id ?? "" },
  { header: "Project", cell: (o) => o.project ?? "" },
  { header: "Host", cell: (o) => o.host ?? "" },
  { header: "Interface", cell: (o) => o.interface ?? "" },
  { header: "Status", cell: (o) => o.status ?? "" },
  { header: "Said by", cell: (o) => ({ file: "gateway.yaml", api: "API", machine: "machine" })[o.origin] },
];

const CONDITIONS: readonly Column<ExplainedCondition>[] = [
  { header: "Holds", cell: (c) => (c.holds ? "yes" : "NO"), color: (c) => (c.holds ? "green" : "red") },
  { header: "Condition", cell: (c) => c.claim },
  { header: "Because", cell: (c) => c.because },
];

function announcementText(announcement: ExplainedAnnouncement, look: Look): string {
  const { prefix, kind, origin, announced, conditions, peers } = announcement;
  const how =
    origin === "own"
      ? announced
        ? "announced"
        : "not announced"
      : announced
        ? "passed on"
        : "not passed on";
  const head = `${prefix} (${kind}) is ${how}${conditions.length === 0 && peers.length === 0 ? "" : ":"}\n`;
  const told = peers.flatMap((peer): Told[] =>
    peer.told.length === 0 ? [{ peer, as: undefined }] : peer.told.map((as) => ({ peer, as })),
  );
  return [
    `${head}${conditions.length === 0 ? "" : table(CONDITIONS, conditions, look)}`,
    ...(told.length === 0 ? [] : [table(TOLD, told, look)]),
  ].join("\n");
}

type Peer = ExplainedAnnouncement["peers"][number];

interface Told {
  readonly peer: Peer;
  /** Undefined: nothing. */
  readonly as: Peer["told"][number] | undefined;
}

const TOLD: readonly Column<Told>[] = [
  { header: "To peer", cell: ({ peer }) => peer.peer },
  { header: "Told", cell: ({ peer }) => (peer.sent ? "yes" : "no") },
  {
    header: "Why",
    cell: ({ peer }) => [peer.reason, peer.rule].filter((text) => text !== undefined).join(" "),
  },
  { header: "Next hop", cell: ({ as }) => as?.nextHop ?? "" },
  { header: "MED", align: "right", cell: ({ as }) => String(as?.med ?? "") },
  { header: "Communities", cell: ({ as }) => communitiesOf(as) },
  { header: "AS path", cell: ({ as }) => as?.asPath ?? "" },
];

const PATHS: readonly Column<RoutePath>[] = [
  { header: "Path", cell: (p) => p.status },
  { header: "Next hop", cell: (p) => p.nextHop },
  { header: "Peer", cell: (p) => p.peer },
  { header: "Pref", align: "right", cell: (p) => String(p.localPref) },
  { header: "AS path", cell: (p) => p.asPath },
  { header: "Import rule", cell: (p) => p.rule ?? "" },
  { header: "Why not", cell: (p) => p.reason ?? "" },
];

const TRACES: readonly Column<NatTraceAnswer>[] = [
  { header: "Packet", cell: (t) => t.asked },
  { header: "Verdict", cell: (t) => t.verdict },
  { header: "New destination", cell: (t) => becomes(t.destination) ?? "" },
  { header: "New source", cell: (t) => becomes(t.source) ?? "" },
  { header: "Pool", cell: (t) => t.pool ?? "" },
  { header: "Why", cell: (t) => t.why },
];

const blockText = ({ block, why }: NatBlockAnswer): string =>
  block === undefined ? `none: ${why}` : `${block.address} ports ${block.ports}: ${why}`;
