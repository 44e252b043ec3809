/** `gwctl subnet pool add prefix`, and `remove prefix`: the others of the pool stay as they are. */

import { Argument, type Command } from "commander";
import { examples } from "../flags.ts";
import type { Io } from "../io.ts";
import { idOf, openSession, tell } from "./session.ts";
import { subnetPools } from "./subnet-pools.ts";

export function addPoolPrefixes(pool: Command, io: Io): void {
  for (const [verb, about] of [
    ["add", "give a pool more addresses"],
    ["remove", "take addresses out of a pool that no subnet has"],
  ] as const) {
    const example = examples(`gwctl subnet pool ${verb} prefix private 10.96.0.0/16`);
    const group = pool.command(verb).description(about).addHelpText("after", example);
    const command = group
      .command("prefix")
      .description("by their prefixes")
      .addArgument(new Argument("<subnet-pool>", "id or name"))
      .addArgument(new Argument("<cidr...>", "each as 10.96.0.0/16"))
      .addHelpText("after", example);
    command.action(async (called: string, prefixes: readonly string[]) => {
      const session = openSession(command, io);
      const path = `/v2.0/subnetpools/${await idOf(session, subnetPools, called)}/${verb}_prefixes`;
      await tell(session, { method: "PUT", path, body: { prefixes } });
    });
  }
}
