/** What a router joins: `gwctl router add subnet`, `remove port`, as the openstack client has them. */

import { Argument, type Command } from "commander";
import { call } from "../client.ts";
import { examples } from "../flags.ts";
import type { Io } from "../io.ts";
import { resolverOf } from "./patches.ts";
import { routers } from "./routers.ts";
import { idOf, openSession } from "./session.ts";

const KINDS = ["subnet", "port"] as const;

export function addRouterParts(router: Command, io: Io): void {
  for (const [verb, action, about] of [
    ["add", "add_router_interface", "give a router a face in a subnet, or a port as its face"],
    ["remove", "remove_router_interface", "take such a face off"],
  ] as const) {
    const group = router.command(verb).description(about);
    group.addHelpText("after", examples(`gwctl router ${verb} subnet router1 calico-v4`));
    for (const kind of KINDS) {
      const command = group
        .command(kind)
        .description(`by a ${kind}`)
        .addArgument(new Argument("<router>", "id or name"))
        .addArgument(new Argument(`<${kind}>`, "id or name"))
        .addHelpText("after", examples(`gwctl router ${verb} ${kind} router1 ${kind}1`));
      command.action(async (called: string, part: string) => {
        const session = openSession(command, io);
        const id = await idOf(session, routers, called);
        const body = { [`${kind}_id`]: await resolverOf(session)(`${kind}s`, part) };
        await call(session.target, { method: "PUT", path: `/v2.0/routers/${id}/${action}`, body }, io.signal);
      });
    }
  }
}
