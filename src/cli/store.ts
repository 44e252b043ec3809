/** gwctl store: where objects are kept, and from one place to another. */

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Argument, type Command } from "commander";
import type { StoreAnswer } from "../api/store-schema.ts";
import { examples, optionsOf, pathOf } from "./flags.ts";
import { EXIT, Failure, type Io } from "./io.ts";
import { type Subject, show } from "./show.ts";
import { fields } from "./table.ts";

export function addStore(program: Command, io: Io): void {
  const store = program
    .command("store")
    .description("where the objects of the Networking API are kept")
    .addHelpText("after", examples("gwctl store show", "gwctl store migrate old.yaml new.yaml"));
  const showing = store
    .command("show")
    .alias("status")
    .description("where they are, whether that answers, and how many there are")
    .addHelpText("after", examples("gwctl store show", "gwctl store show -o json"));
  showing.action(async () => {
    const subject: Subject<StoreAnswer> = { path: pathOf("store", {}), render: storeDetail };
    await show(subject, optionsOf(showing, io), io);
  });
  store
    .command("migrate")
    .description(
      "copy all of one store into another, empty one; every gatewayd that uses them has to be stopped",
    )
    .addArgument(new Argument("<from>", "gateway.yaml whose `store` is read"))
    .addArgument(new Argument("<to>", "gateway.yaml whose `store` is written"))
    .addHelpText("after", examples("gwctl store migrate /etc/gatewayd/gateway.yaml etcd.yaml"))
    .action(migrate);
}

const KINDS = {
  none: "none: in memory, gone with the process",
  local: "local: on this machine's disk",
  etcd: "etcd: shared",
} as const;

function storeDetail({ type, at, prefix, answers, problem, etcd, revision, objects }: StoreAnswer): string {
  return fields([
    ["Store", KINDS[type]],
    ["At", at.join(", ")],
    ["Prefix", prefix],
    ["Answers", answers ? "yes" : `no: ${problem}`],
    ["Watches", etcd && watchesText(etcd)],
    ["Lease", etcd?.leaseSeconds === undefined ? undefined : `${etcd.leaseSeconds.toFixed(1)} s left`],
    ["Revision", String(revision)],
    ...Object.entries(objects).map(([kind, count]) => [`- ${kind}`, String(count)] as const),
  ]);
}

const watchesText = ({ connected, reconnects, watchLag }: NonNullable<StoreAnswer["etcd"]>): string =>
  [
    // Nobody knows how much a watch has missed that is not connected.
    ...(connected
      ? ["connected", watchLag === 0 ? "up to date" : `${watchLag} revisions behind`]
      : ["not connected"]),
    `taken up again ${reconnects} times`,
  ].join(", ");

/** The daemon's program opens stores, whether it runs or not: it is asked, in a process of its own. */
async function migrate(from: string, to: string): Promise<void> {
  const gatewayd = fileURLToPath(new URL("../daemon/gatewayd.js", import.meta.url));
  const child = spawn(process.execPath, [gatewayd, "store", "migrate", from, to], { stdio: "inherit" });
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", resolve);
  });
  if (status !== 0) throw new Failure(EXIT.error, "nothing that was there is changed");
}
