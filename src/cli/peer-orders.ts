/** What an operator does to one peer: asked of the API, and told in a line. */

import { Argument, type Command, Option } from "commander";
import type { PeerAnswer } from "../api/schema.ts";
import { post } from "./client.ts";
import { examples, type Flags, optionsOf, pathOf } from "./flags.ts";
import type { Io } from "./io.ts";
import type { Options } from "./show.ts";
import { printable } from "./text.ts";
import { haltText, stateWord } from "./views.ts";
import { toYaml } from "./yaml.ts";

export function addOrders(program: Command, io: Io): void {
  const peer = program
    .command("peer")
    .description("shut down, start or reset the session with a peer; over the unix socket only")
    .addHelpText(
      "after",
      examples("gwctl peer shutdown 198.51.100.2 --text 'new optics'", "gwctl peer start 198.51.100.2"),
    );
  const address = (): Argument => new Argument("<address>", "of the peer");
  const act = async (order: string, of: string, text: string | undefined, command: Command): Promise<void> =>
    orderPeer(pathOf(`peer/${order}`, { peer: of, text }), optionsOf(command, io), io);
  peer
    .command("shutdown")
    .description("end the session; there is none until it is started")
    .addArgument(address())
    .option("--text <words>", "for the operator of the other side, at most 255 octets (RFC 9003)")
    .addHelpText("after", examples("gwctl peer shutdown 198.51.100.2 --text 'back at 14:00'"))
    .action((of: string, { text }: Flags, command: Command) => act("shutdown", of, text, command));
  peer
    .command("drain")
    .description(
      "before maintenance: what leads over the session becomes a last resort, at both ends (RFC 8326)",
    )
    .addArgument(address())
    .addHelpText("after", examples("gwctl peer drain 198.51.100.2"))
    .action((of: string, _flags: Flags, command: Command) => act("drain", of, undefined, command));
  peer
    .command("undrain")
    .description("call that off")
    .addArgument(address())
    .addHelpText("after", examples("gwctl peer undrain 198.51.100.2"))
    .action((of: string, _flags: Flags, command: Command) => act("undrain", of, undefined, command));
  peer
    .command("start")
    .description("end a shutdown, a halt after too many prefixes, or the wait after a failure")
    .addArgument(address())
    .addHelpText("after", examples("gwctl peer start 198.51.100.2"))
    .action((of: string, _flags: Flags, command: Command) => act("start", of, undefined, command));
  peer
    .command("reset")
    .description("end the session and begin a new one")
    .addArgument(address())
    .option("--text <words>", "for the operator of the other side, at most 255 octets (RFC 9003)")
    .addOption(
      new Option("--soft", "on the session as it is, tell and ask for all routes again").conflicts("text"),
    )
    .addHelpText("after", examples("gwctl peer reset 198.51.100.2", "gwctl peer reset 198.51.100.2 --soft"))
    .action((of: string, { text, soft }: Flags, command: Command) =>
      act(soft === true ? "refresh" : "reset", of, text, command),
    );
}

/** @param path - with the order and its words. @throws Failure - no such peer, or not allowed */
async function orderPeer(path: string, { target, format }: Options, io: Io): Promise<void> {
  const { json, text } = await post(target, path, io.signal);
  const peer = json as PeerAnswer;
  if (format === "json") io.stdout.write(`${text.trimEnd()}\n`);
  else if (format === "yaml") io.stdout.write(toYaml(json));
  else {
    const why = haltText(peer);
    const words = `${peer.address}: ${stateWord(peer)}${why === undefined ? "" : `, ${why}`}${peer.drains ? ", drained" : ""}`;
    io.stdout.write(`${printable(words)}\n`);
  }
}
