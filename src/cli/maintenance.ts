/** Commands that act, on the unix socket only. */

import { Argument, type Command } from "commander";
import type { DrainAnswer } from "../api/schema.ts";
import { post } from "./client.ts";
import { examples, optionsOf, pathOf } from "./flags.ts";
import type { Io } from "./io.ts";

export function addMaintenance(program: Command, io: Io): void {
  const peer = program
    .command("peer")
    .description("act on a BGP session; on the unix socket only")
    .addHelpText("after", examples("gwctl peer drain 198.51.100.2"));
  const acts = {
    drain: "before maintenance: make what leads over the session a last resort, at both ends (RFC 8326)",
    undrain: "call that off",
  };
  for (const [act, description] of Object.entries(acts)) {
    peer
      .command(act)
      .description(description)
      .addArgument(new Argument("<address>", "of the peer"))
      .action(async (address: string, _flags: unknown, command: Command) => {
        const { target } = optionsOf(command, io);
        const { json } = await post(target, pathOf(`peers/${act}`, { peer: address }), io.signal);
        const { peer, drains } = json as DrainAnswer;
        io.stdout.write(`${peer} is ${drains ? "" : "not "}drained\n`);
      });
  }
}
