#!/usr/bin/env -S node --max-semi-space-size=4
/**
 * The command line of the daemon.
 *
 * Young objects have 4 MiB above, in the place of 16: what a daemon makes dies at once, and 25 MiB of memory stay free.
 * Each command loads what it needs when it is given: to check a file, all that runs a gateway would be two thirds of the time.
 */

import { Command, CommanderError } from "commander";
import { DEFAULT_SOCKET } from "../cli/flags.ts";
import { EXIT } from "./exit.ts";
import { VERSION } from "./version.ts";

const program = new Command("gatewayd")
  .description(
    "A gateway between a data centre and the rest of the world: BGP, floating IPs, anycast and NAT.",
  )
  .version(VERSION)
  .exitOverride()
  .showHelpAfterError("(gatewayd --help lists the commands)")
  .addHelpText(
    "after",
    `
Examples:
  gatewayd check /etc/gatewayd/gateway.yaml   every mistake, with line, column and a hint
  gatewayd run /etc/gatewayd/gateway.yaml     in the foreground; logs go to standard error
  kill -HUP PID                               load the file again: all of it, or nothing
  gatewayd stop                               peers forget our routes
  gatewayd stop --graceful                    peers keep them for a while: for the next start

Exit status: 0 ok, 1 failed, 2 wrong usage, 4 the configuration is refused.
Ask a running gateway with gwctl.`,
  );

program
  .command("run")
  .description("run the gateway in the foreground until SIGTERM, SIGINT or, gracefully, SIGUSR2")
  .argument("<file>", "gateway.yaml")
  .option(
    "--no-rehearsal",
    "do not spend half a second of CPU time at the start so that the first routes find compiled code",
  )
  // All that has to be finished is: a connection to etcd that is being made would keep the process for as long as it fails.
  .action(async (file: string, { rehearsal }: { rehearsal: boolean }) => {
    const { run } = await import("./run.ts");
    process.exit(await run(file, { rehearsal }));
  });

program
  .command("check")
  .description("check a configuration file and touch nothing")
  .argument("<file>", "gateway.yaml")
  .action(async (file: string) => {
    const [{ loadFile }, { report }] = await Promise.all([
      import("./config-file.ts"),
      import("../config/check.ts"),
    ]);
    const loaded = loadFile(file);
    (loaded.ok ? process.stdout : process.stderr).write(report(loaded));
    end(loaded.ok ? EXIT.ok : EXIT.config);
  });

program
  .command("stop")
  .description("stop the gateway that runs, and wait until it has ended")
  .option(
    "--graceful",
    "peers that do graceful restart keep our routes (RFC 4724): for an upgrade, or a restart",
  )
  .option("--text <words>", "for the operators of the peers, at most 255 octets (RFC 9003)")
  .option("--socket <path>", "its unix socket", process.env["GWCTL_SOCKET"] || DEFAULT_SOCKET)
  .action(async ({ socket, graceful = false, text }: StopFlags) => {
    const { stop } = await import("./stop.ts");
    await stop(socket, { graceful, ...(text !== undefined && { text }) });
  });

program
  .command("store")
  .description("the store of the objects that are made through the API")
  .command("migrate")
  .description("copy all of it; every gatewayd that uses it has to be stopped")
  .argument("<from>", "gateway.yaml whose `store` is read")
  .argument("<to>", "gateway.yaml whose `store` is written, and empty")
  .action(async (from: string, to: string) => {
    const { migrateStore } = await import("./objects/migrate-store.ts");
    process.stdout.write(`${await migrateStore(from, to)}\n`);
  });

interface StopFlags {
  readonly socket: string;
  readonly graceful?: boolean;
  readonly text?: string;
}

// `gatewayd check … | head` closes the pipe early, and whoever reads the log may go: neither is a reason to end.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
}

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) end(error.exitCode === 0 ? EXIT.ok : EXIT.usage);
  else {
    process.stderr.write(`gatewayd: ${error instanceof Error ? error.message : String(error)}\n`);
    end(EXIT.failed);
  }
}

/** Lets what was written reach its reader before the process ends. */
function end(status: number): void {
  process.exitCode = status;
}
