/** gwctl nat: whose a port is, which block an address has, the sessions that there are. */

import { Argument, type Command, Option } from "commander";
import type {
  NatBlockAnswer,
  NatLogAnswer,
  NatMappingsAnswer,
  NatPoolAnswer,
  NatSessionsAnswer,
  NatTopAnswer,
  NatTraceAnswer,
} from "../api/nat-schema.ts";
import { examples, optionsOf, pathOf } from "./flags.ts";
import { EXIT, Failure, type Io } from "./io.ts";
import { logDetail, mappingsDetail, poolsTable, sessionsTable, topTable, traceDetail } from "./nat-views.ts";
import { show } from "./show.ts";
import { fields } from "./table.ts";

export function addNat(program: Command, io: Io): void {
  const nat = program
    .command("nat")
    .description("whose a port of a pool is, or was; which ports a private address has; sessions and pools")
    .addHelpText("after", examples("gwctl nat who 198.51.100.10:3127", "gwctl nat block 10.65.0.13"));
  addSessions(nat, io);
  addLog(nat, io);
  addMappings(nat, io);
  addTrace(nat, io);
  nat
    .command("who")
    .description("the private address behind a public address and port, now or at a time")
    .addArgument(new Argument("<endpoint>", "such as 198.51.100.10:3127"))
    .addArgument(new Argument("[at...]", "at, and a time with its zone or a day"))
    .addHelpText(
      "after",
      examples(
        "gwctl nat who 198.51.100.10:3127",
        "gwctl nat who 198.51.100.10:3127 at 2026-11-17T12:00:00Z",
      ),
    )
    .action(async (endpoint: string, time: readonly string[], _flags: unknown, command: Command) => {
      const [, address, port] = /^([\d.]+):(\d+)$/.exec(endpoint) ?? [];
      if (address === undefined) throw new Failure(EXIT.usage, `expected ADDRESS:PORT, not ${endpoint}`);
      await showBlock(pathOf("nat/who", { address, port, at: timeOf(time) }), command, io);
    });
  nat
    .command("block")
    .description("the ports of a private address, now or at a time")
    .addArgument(new Argument("<address>", "private"))
    .addArgument(new Argument("[at...]", "at, and a time with its zone or a day"))
    .addHelpText("after", examples("gwctl nat block 10.65.0.13", "gwctl nat block 10.65.0.13 at 2026-11-17"))
    .action(async (address: string, time: readonly string[], _flags: unknown, command: Command) => {
      await showBlock(pathOf("nat/block", { address, at: timeOf(time) }), command, io);
    });
}

function addSessions(nat: Command, io: Io): void {
  nat
    .command("sessions")
    .description("sessions that are translated; --watch shows them live, --top who has most")
    .option("--private <address>", "only of this private address")
    .option("--public <address>", "only through this public address")
    .option("--port <number>", "only through this port of it")
    .option("--remote <address>", "only with this address outside")
    .option("--protocol <protocol>", "only tcp, udp, icmp, icmpv6 or of this number")
    .option("--top", "private addresses by their sessions, the most first")
    .option("--limit <n>", "at most so many (1000)")
    .addHelpText(
      "after",
      examples("gwctl nat sessions --private 10.65.0.13", "gwctl nat sessions --top --limit 10 --watch"),
    )
    .action(async (flags: SessionFlags, command: Command) => {
      const { private: inner, public: outer, port, remote, protocol, limit } = flags;
      const query = { private: inner, public: outer, port, remote, protocol, limit };
      const options = optionsOf(command, io);
      if (flags.top === true) {
        await show<NatTopAnswer>({ path: pathOf("nat/top", query), render: topTable }, options, io);
      } else {
        const path = pathOf("nat/sessions", query);
        await show<NatSessionsAnswer>({ path, render: sessionsTable }, options, io);
      }
    });
  nat
    .command("pools")
    .description("the addresses of the pools, and what of them is in use")
    .addHelpText("after", examples("gwctl nat pools", "gwctl nat pools --watch"))
    .action(async (_flags: unknown, command: Command) => {
      const subject = { path: pathOf("nat/pools", {}), render: poolsTable };
      await show<readonly NatPoolAnswer[]>(subject, optionsOf(command, io), io);
    });
}

function addLog(nat: Command, io: Io): void {
  nat
    .command("log")
    .description("who is told what becomes of translations, and what of it was lost")
    .addHelpText("after", examples("gwctl nat log", "gwctl nat log --watch"))
    .action(async (_flags: unknown, command: Command) => {
      const subject = { path: pathOf("nat/log", {}), render: logDetail };
      await show<NatLogAnswer>(subject, optionsOf(command, io), io);
    });
}

function addMappings(nat: Command, io: Io): void {
  nat
    .command("mappings")
    .description("mappings that private hosts asked for (PCP, NAT-PMP), and how long each lives")
    .option("--private <address>", "only of this private address")
    .addHelpText("after", examples("gwctl nat mappings", "gwctl nat mappings --private 10.65.0.13 --watch"))
    .action(async (flags: { readonly private?: string }, command: Command) => {
      const path = pathOf("nat/mappings", { private: flags.private });
      await show<NatMappingsAnswer>({ path, render: mappingsDetail }, optionsOf(command, io), io);
    });
}

/** What --live waits when it says no number. */
const LIVE_SECONDS = "10";

function addTrace(nat: Command, io: Io): void {
  nat
    .command("trace")
    .description("which rules, which mapping and which block a packet would take; --live follows a real one")
    .addArgument(new Argument("<source>", "IP address"))
    .addArgument(new Argument("<destination>", "IP address"))
    .option("--protocol <protocol>", "tcp, udp, icmp, icmpv6 or a number (tcp)")
    .option("--sport <port>", "source port")
    .option("--dport <port>", "destination port")
    .addOption(
      new Option("--live [seconds]", `wait so long for such a packet, at most 25 s (${LIVE_SECONDS})`).preset(
        LIVE_SECONDS,
      ),
    )
    .addHelpText(
      "after",
      examples(
        "gwctl nat trace 10.65.0.20 192.0.2.80 --sport 41000 --dport 443",
        "gwctl nat trace 10.65.0.20 192.0.2.80 --protocol icmp --live 20",
      ),
    )
    .action(async (source: string, destination: string, flags: TraceFlags, command: Command) => {
      const { protocol, sport, dport, live } = flags;
      const path = pathOf("nat/trace", { source, destination, protocol, sport, dport, live });
      await show<NatTraceAnswer>({ path, render: traceDetail }, optionsOf(command, io), io);
    });
}

interface TraceFlags {
  readonly protocol?: string;
  readonly sport?: string;
  readonly dport?: string;
  readonly live?: string;
}

interface SessionFlags {
  readonly private?: string;
  readonly public?: string;
  readonly port?: string;
  readonly remote?: string;
  readonly protocol?: string;
  readonly top?: true;
  readonly limit?: string;
}

/** "at 2026-11-17T12:00:00Z"; the word may be left out. */
function timeOf(words: readonly string[]): string | undefined {
  const [time, ...rest] = words[0] === "at" ? words.slice(1) : words;
  if ((words.length > 0 && time === undefined) || rest.length > 0) {
    throw new Failure(EXIT.usage, "expected at TIME, such as at 2026-11-17T12:00:00Z");
  }
  return time;
}

async function showBlock(path: string, command: Command, io: Io): Promise<void> {
  await show<NatBlockAnswer>(
    {
      path,
      render: blockDetail,
      missing: ({ asked, why, private: holder, before }) =>
        holder === undefined ? `${asked}: ${why}${before === undefined ? "" : pastText(before)}` : undefined,
    },
    optionsOf(command, io),
    io,
  );
}

const pastText = (before: NonNullable<NatBlockAnswer["before"]>): string =>
  `; flows that were open at ${before.until} are ${before.private}'s`;

function blockDetail(answer: NatBlockAnswer): string {
  const { asked, at, block, since, until, before, overflow = [] } = answer;
  return fields([
    ["Asked for", asked],
    ["At", at],
    ["Private address", answer.private],
    ["Block", block && `${block.address} ports ${block.ports}`],
    ["Why", answer.why],
    ["Since", since],
    ["Until", until],
    [
      "Overflow",
      overflow.map((of) => `${of.address} ports ${of.ports}, since ${of.since}`).join("; ") || undefined,
    ],
    ["Before", before && `${before.private}, until ${before.until}; of flows that were open then`],
  ]);
}
