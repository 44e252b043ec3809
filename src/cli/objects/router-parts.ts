/** What a router joins, and its extra routes: `gwctl router add subnet`, `remove route`, as the openstack client has them. */

import { Argument, type Command } from "commander";
import { examples } from "../flags.ts";
import type { Io } from "../io.ts";
import { addOptions, readSaid, resolverOf } from "./patches.ts";
import { ROUTE, routers } from "./routers.ts";
import { idOf, openSession, tell } from "./session.ts";
import { compounds, type Word } from "./words.ts";

const KINDS = ["subnet", "port"] as const;

const ROUTES: Word = {
  ...compounds("--route <route>", "destination=CIDR,gateway=A; several are possible", "routes", ROUTE, [
    "set",
  ]),
  required: true,
};

export function addRouterParts(router: Command, io: Io): void {
  for (const [verb, action, about] of [
    [
      "add",
      "add_router_interface",
      "give a router a face in a subnet, a port as its face, or an extra route",
    ],
    ["remove", "remove_router_interface", "take such a face or route off"],
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
        await tell(session, { method: "PUT", path: `/v2.0/routers/${id}/${action}`, body });
      });
    }
    addRoutes(group, verb, io);
  }
}

function addRoutes(group: Command, verb: "add" | "remove", io: Io): void {
  const example = `gwctl router ${verb} route --route destination=10.9.0.0/24,gateway=10.65.0.9 router1`;
  const command = group
    .command("route")
    .description("by an extra route; the others stay as they are")
    .addArgument(new Argument("<router>", "id or name"))
    .addHelpText("after", examples(example));
  const spoken = addOptions(command, { options: [ROUTES] }, "set");
  command.action(async (called: string) => {
    const session = openSession(command, io);
    const { lists: router } = await readSaid(spoken, resolverOf(session));
    const path = `/v2.0/routers/${await idOf(session, routers, called)}/${verb}_extraroutes`;
    await tell(session, { method: "PUT", path, body: { router } });
  });
}
