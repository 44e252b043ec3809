/** `gwctl network onboard subnets`, in the words of the openstack client. */

import { Argument, type Command } from "commander";
import { examples } from "../flags.ts";
import type { Io } from "../io.ts";
import { networks } from "./networks.ts";
import { idOf, openSession, tell } from "./session.ts";
import { subnetPools } from "./subnet-pools.ts";

export function addOnboarding(network: Command, io: Io): void {
  const example = examples("gwctl network onboard subnets calico private");
  const group = network
    .command("onboard")
    .description("take what a network has into a pool")
    .addHelpText("after", example);
  const command = group
    .command("subnets")
    .description("take subnets that were made without a pool into one, which grows by their prefixes")
    .addArgument(new Argument("<network>", "id or name"))
    .addArgument(new Argument("<subnet-pool>", "id or name"))
    .addHelpText("after", example);
  command.action(async (called: string, pool: string) => {
    const session = openSession(command, io);
    const body = { network_id: await idOf(session, networks, called) };
    const id = await idOf(session, subnetPools, pool);
    const path = `/v2.0/subnetpools/${id}/onboard_network_subnets`;
    await tell(session, { method: "PUT", path, body });
  });
}
