/** The command tree. What a command prints lies in the views; this says what there is and how it is called. */

import { isIP } from "node:net";
import { Argument, Command, Option } from "commander";
import type { NextHopAnswer } from "../api/next-hop-schema.ts";
import type {
  AnnouncementAnswer,
  AnycastAnswer,
  FloatingIpAnswer,
  MonitorAnswer,
  NatAnswer,
  PeerAnswer,
  PeerErrorAnswer,
  ReceivedAnswer,
  RouteAnswer,
  RpkiAnswer,
  RpkiPrefixAnswer,
  StatusAnswer,
} from "../api/schema.ts";
import { get } from "./client.ts";
import { completionScript, LIVE, SHELLS, type Shell } from "./completion.ts";
import { addCredentials } from "./credentials.ts";
import { natDetail, peerDetail, statusDetail } from "./details.ts";
import { errorsDetail } from "./errors-view.ts";
import { addEvents } from "./events.ts";
import { addExplain } from "./explain.ts";
import { addPaging, DEFAULT_SOCKET, examples, type Flags, optionsOf, pathOf } from "./flags.ts";
import { addImport } from "./import/import.ts";
import type { Io } from "./io.ts";
import { addMrt } from "./mrt.ts";
import { addNat } from "./nat.ts";
import { nextHopsTable } from "./next-hop-views.ts";
import { addObjects, objectNames } from "./objects/commands.ts";
import { addOwn } from "./own.ts";
import { addOrders } from "./peer-orders.ts";
import { rpkiDetail, rpkiPrefixDetail } from "./rpki-views.ts";
import { FORMATS, type Subject, show } from "./show.ts";
import { addStore } from "./store.ts";
import { addUsers } from "./users.ts";
import { parseOrigin, parseSeconds } from "./values.ts";
import {
  advertisedTable,
  announcementsTable,
  anycastTable,
  floatingIpsTable,
  monitorsTable,
  peersTable,
  receivedTable,
  routeDetail,
  routesTable,
} from "./views.ts";

const WATCH_SECONDS = 2;

export function buildProgram(io: Io, version: string): Command {
  const program = new Command("gwctl")
    .description(
      "Look into a running gatewayd, and make its objects. Commands may be abbreviated: gwctl s p is gwctl show peers.",
    )
    .version(version, "-V, --version", "print the version")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
      getOutHelpWidth: () => io.stdout.columns ?? 80,
      getErrHelpWidth: () => io.stderr.columns ?? 80,
    })
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError("(--help shows what there is)")
    .addOption(new Option("--socket <path>", `unix socket of gatewayd (GWCTL_SOCKET; ${DEFAULT_SOCKET})`))
    .addOption(
      new Option("--url <url>", "its address instead, e.g. https://gw1.example:9696")
        .conflicts("socket")
        .argParser(parseOrigin),
    )
    .addOption(new Option("--os-cacert <path>", "who signed the certificate of an https URL (OS_CACERT)"))
    .addOption(new Option("-o, --output <format>", "how to print it").choices(FORMATS).default("table"))
    .addOption(new Option("--no-headers", "tables without their first line"))
    .addOption(
      new Option("-w, --watch [seconds]", `again and again, every ${WATCH_SECONDS} s`)
        .preset(String(WATCH_SECONDS))
        .argParser(parseSeconds),
    )
    .addHelpText(
      "after",
      examples("gwctl show peers", "gwctl show routes --kind floating -o json", "gwctl -w show nat"),
    )
    .addHelpText("after", "\nExit status: 0 ok, 1 error, 2 usage, 3 not found, 5 gatewayd unreachable.");
  addCredentials(program, io);
  const showing = program
    .command("show")
    // So short since always, whatever else begins with it.
    .alias("s")
    .description("show peers, routes, announcements and what else gatewayd knows")
    .addHelpText(
      "after",
      examples("gwctl show status", "gwctl show peer 198.51.100.2", "gwctl show route 192.0.2.53/32"),
    );
  for (const add of SHOWN) add(showing, io);
  for (const add of COMMANDS) add(program, io);
  return program;
}

function addPeers(showing: Command, io: Io): void {
  showing
    .command("peers")
    .alias("peer")
    .description("BGP sessions; with an address, all about one")
    .addArgument(new Argument("[address]", "of one peer"))
    .addHelpText("after", examples("gwctl show peers -o wide", "gwctl show peer 198.51.100.2"))
    .action(async (address: string | undefined, _flags: unknown, command: Command) => {
      const subject: Subject<readonly PeerAnswer[]> =
        address === undefined
          ? { path: pathOf("peers", { limit: "10000" }), render: peersTable, all: true }
          : { path: pathOf("peers", { peer: address }), render: peerDetail };
      await show(subject, optionsOf(command, io), io);
    });
}

function addRoutes(showing: Command, io: Io): void {
  const command = showing
    .command("routes")
    .alias("route")
    .description("routes of all peers and our own; with a prefix, all its paths and why each is (not) used")
    .addArgument(new Argument("[prefix]", "one prefix; a bare address: the route that it takes"))
    .option("--kind <kind>", "floating, public, anycast, pool, default, host, or other")
    .option("--local", "only what this gateway originates");
  addPaging(command)
    .addHelpText(
      "after",
      examples(
        "gwctl show routes --kind anycast",
        "gwctl show route 192.0.2.53/32",
        "gwctl show routes --all -o json",
      ),
    )
    .action(async (prefix: string | undefined, flags: Flags) => {
      const { kind, local, limit, all } = flags;
      const subject: Subject<readonly RouteAnswer[]> =
        prefix === undefined
          ? {
              path: pathOf("routes", { kind, local: local && "true", limit: pageSize(limit, all) }),
              render: routesTable,
              all: all === true,
            }
          : {
              path: pathOf("routes", { prefix }),
              render: routeDetail,
              missing: `there is no route to ${prefix}`,
            };
      await show(subject, optionsOf(command, io), io);
    });
}

function addAnnouncements(showing: Command, io: Io): void {
  const command = showing
    .command("announcements")
    .description("what each peer was told")
    .option("--peer <address>", "only to this peer")
    .option("--prefix <prefix>", "only this prefix")
    .option("--kind <kind>", "floating, public, anycast, pool, default, host, or other");
  addPaging(command)
    .addHelpText(
      "after",
      examples(
        "gwctl show announcements --peer 198.51.100.2",
        "gwctl show announcements --prefix 172.16.1.3/32 -o json",
      ),
    )
    .action(async ({ peer, prefix, kind, limit, all }: Flags) => {
      const subject: Subject<readonly AnnouncementAnswer[]> = {
        path: pathOf("announcements", { peer, prefix, kind, limit: pageSize(limit, all) }),
        render: announcementsTable,
        all: all === true,
      };
      await show(subject, optionsOf(command, io), io);
    });
}

/** What goes to and fro with one peer. */
function addTables(showing: Command, io: Io): void {
  const received = showing
    .command("received")
    .description("what a peer told us, also what was rejected, and what import policy made of it")
    .addArgument(new Argument("<address>", "of the peer"))
    .option("--prefix <prefix>", "only this prefix");
  addPaging(received)
    .addHelpText("after", examples("gwctl show received 198.51.100.2"))
    .action(async (peer: string, { prefix, limit, all }: Flags) => {
      const subject: Subject<readonly ReceivedAnswer[]> = {
        path: pathOf("received", { peer, prefix, limit: pageSize(limit, all) }),
        render: receivedTable,
        all: all === true,
      };
      await show(subject, optionsOf(received, io), io);
    });
  const advertised = showing
    .command("advertised")
    .description("what a peer was told: the attributes as sent, and the rule that let them out")
    .addArgument(new Argument("<address>", "of the peer"))
    .option("--prefix <prefix>", "only this prefix");
  addPaging(advertised)
    .addHelpText("after", examples("gwctl show advertised 198.51.100.2"))
    .action(async (peer: string, { prefix, limit, all }: Flags) => {
      const subject: Subject<readonly AnnouncementAnswer[]> = {
        path: pathOf("announcements", { peer, prefix, limit: pageSize(limit, all) }),
        render: advertisedTable,
        all: all === true,
      };
      await show(subject, optionsOf(advertised, io), io);
    });
}

function addErrors(showing: Command, io: Io): void {
  const errors = showing
    .command("errors")
    .description(
      "the last messages of a peer that were wrong: what that cost, by which RFC, and their octets",
    )
    .addArgument(new Argument("<address>", "of the peer"))
    .addHelpText(
      "after",
      examples("gwctl show errors 198.51.100.2", "gwctl show errors 198.51.100.2 -o json"),
    );
  errors.action(async (peer: string) => {
    const path = pathOf("errors", { peer });
    const subject: Subject<readonly PeerErrorAnswer[]> = { path, render: errorsDetail };
    await show(subject, optionsOf(errors, io), io);
  });
}

function addTranslation(showing: Command, io: Io): void {
  const floating = showing.command("floatingips").alias("floatingip");
  addPaging(floating.description("floating IPs: to whom, where, and whether they work"))
    .addHelpText("after", examples("gwctl show floatingips", "gwctl show floatingips -o yaml"))
    .action(async ({ limit, all }: Flags) => {
      const subject: Subject<readonly FloatingIpAnswer[]> = {
        path: pathOf("floatingips", { limit: pageSize(limit, all) }),
        render: floatingIpsTable,
        all: all === true,
      };
      await show(subject, optionsOf(floating, io), io);
    });
  const nat = showing
    .command("nat")
    .description("pools, what is translated and what never is")
    .addHelpText("after", examples("gwctl show nat", "gwctl show nat --watch 5"));
  nat.action(async () => {
    const subject: Subject<NatAnswer> = { path: pathOf("nat", {}), render: natDetail };
    await show(subject, optionsOf(nat, io), io);
  });
}

function addRpki(showing: Command, io: Io): void {
  const rpki = showing
    .command("rpki")
    .description("RPKI caches; with a prefix, who may originate it, and whether its origin does")
    .addArgument(new Argument("[prefix]", "a prefix, or an address"))
    .addArgument(new Argument("[asn]", "an origin: 64512 or AS64512; else those of the paths that we know"))
    .addHelpText(
      "after",
      examples("gwctl show rpki", "gwctl show rpki 192.0.2.0/24", "gwctl show rpki 192.0.2.0/24 64512"),
    );
  rpki.action(async (prefix: string | undefined, origin: string | undefined) => {
    if (prefix === undefined) {
      const subject: Subject<RpkiAnswer> = { path: pathOf("rpki", {}), render: rpkiDetail };
      return await show(subject, optionsOf(rpki, io), io);
    }
    const asn = origin?.replace(/^as/i, "");
    const path = pathOf("rpki/prefix", { prefix, asn });
    const subject: Subject<RpkiPrefixAnswer> = { path, render: rpkiPrefixDetail };
    await show(subject, optionsOf(rpki, io), io);
  });
}

function addState(showing: Command, io: Io): void {
  const anycast = showing
    .command("anycast")
    .description("anycast services, their members and their health")
    .addHelpText("after", examples("gwctl show anycast", "gwctl show anycast -w 1"));
  anycast.action(async () => {
    const path = pathOf("anycast", { limit: "10000" });
    const subject: Subject<readonly AnycastAnswer[]> = { path, render: anycastTable, all: true };
    await show(subject, optionsOf(anycast, io), io);
  });
  const nextHops = showing
    .command("nexthops")
    .description("next hops of routes, whether the kernel gets there, and how")
    .addHelpText("after", examples("gwctl show nexthops", "gwctl show nexthops -w 1"));
  nextHops.action(async () => {
    const path = pathOf("nexthops", { limit: "10000" });
    const subject: Subject<readonly NextHopAnswer[]> = { path, render: nextHopsTable, all: true };
    await show(subject, optionsOf(nextHops, io), io);
  });
  const monitors = showing
    .command("monitors")
    .description("who is told what peers say: BMP stations and MRT files")
    .addHelpText("after", examples("gwctl show monitors", "gwctl show monitors -o json"));
  monitors.action(async () => {
    const path = pathOf("monitors", { limit: "10000" });
    const subject: Subject<readonly MonitorAnswer[]> = { path, render: monitorsTable, all: true };
    await show(subject, optionsOf(monitors, io), io);
  });
  const status = showing
    .command("status")
    .description("the gateway itself: state, configuration, problems")
    .addHelpText("after", examples("gwctl show status", "gwctl show status -o json"));
  status.action(async () => {
    const subject: Subject<StatusAnswer> = { path: pathOf("status", {}), render: statusDetail };
    await show(subject, optionsOf(status, io), io);
  });
}

function addCompletion(program: Command, io: Io): void {
  program
    .command("completion")
    .description("print a completion script for a shell")
    .addArgument(new Argument("<shell>", "which").choices(SHELLS))
    .addHelpText(
      "after",
      examples(
        "gwctl completion bash > /etc/bash_completion.d/gwctl",
        "gwctl completion zsh > /usr/local/share/zsh/site-functions/_gwctl",
        "gwctl completion fish > ~/.config/fish/completions/gwctl.fish",
      ),
    )
    .action((shell: Shell) => {
      io.stdout.write(completionScript(program, shell));
    });
  program
    .command("__complete", { hidden: true })
    .addArgument(new Argument("<what>", "what to list").choices([...LIVE.values()]))
    .action(async (what: string, _flags: unknown, command: Command) => {
      const words = what === "peers" ? await peerWords(command, io) : await objectNames(what, command, io);
      for (const word of words) io.stdout.write(`${word}\n`);
    });
}

/** The shell expands what it gets here. */
async function peerWords(command: Command, io: Io): Promise<readonly string[]> {
  const { json } = await get(optionsOf(command, io).target, pathOf("peers", {}), io.signal);
  return (json as readonly PeerAnswer[]).map(({ address }) => address).filter((text) => isIP(text) !== 0);
}

/** All of them come in the largest pages that the API gives. */
const pageSize = (limit: string | undefined, all: true | undefined): string | undefined =>
  all === true ? "10000" : limit;

/** Below `show`, in the order of its help. */
const SHOWN: readonly ((showing: Command, io: Io) => void)[] = [
  addPeers,
  addRoutes,
  addAnnouncements,
  addTables,
  addErrors,
  addTranslation,
  addRpki,
  addState,
];

const COMMANDS: readonly ((program: Command, io: Io) => void)[] = [
  addExplain,
  addOrders,
  addNat,
  addEvents,
  addObjects,
  addOwn,
  addStore,
  addImport,
  addUsers,
  addMrt,
  addCompletion,
];
