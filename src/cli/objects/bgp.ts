/** The BGP speaker that runs, as OpenStack's clients see it: to be looked at, since gateway.yaml says what it is. */

import { Argument, type Command } from "commander";
import { call } from "../client.ts";
import { examples } from "../flags.ts";
import type { Io } from "../io.ts";
import type { ResourceRow, View } from "./row.ts";
import { idOf, openSession } from "./session.ts";
import { listText } from "./views.ts";
import { NAME } from "./words.ts";

export const bgpSpeakers: ResourceRow = {
  command: ["bgp", "speaker"],
  path: "bgp-speakers",
  member: "bgp_speaker",
  collection: "bgp_speakers",
  one: "BGP speaker",
  many: "BGP speakers",
  argument: "bgp-speaker",
  names: ["name"],
  options: NAME.filter(({ on }) => on.includes("list")),
  columns: [
    { header: "ID", member: "id" },
    { header: "Name", member: "name" },
    { header: "Local AS", member: "local_as" },
    { header: "IP version", member: "ip_version" },
    { header: "Networks", member: "networks", wide: true },
    { header: "Peers", member: "peers", wide: true },
  ],
  examples: { list: "gwctl bgp speaker list", show: "gwctl bgp speaker show gw1" },
};

export const bgpPeers: ResourceRow = {
  command: ["bgp", "peer"],
  path: "bgp-peers",
  member: "bgp_peer",
  collection: "bgp_peers",
  one: "BGP peer",
  many: "BGP peers",
  argument: "bgp-peer",
  names: ["name", "peer_ip"],
  options: NAME.filter(({ on }) => on.includes("list")),
  columns: [
    { header: "ID", member: "id" },
    { header: "Name", member: "name" },
    { header: "Peer IP", member: "peer_ip" },
    { header: "Remote AS", member: "remote_as" },
    { header: "Auth", member: "auth_type" },
  ],
  examples: { list: "gwctl bgp peer list", show: "gwctl bgp peer show 198.51.100.2" },
};

const ROUTE_COLUMNS = [
  { header: "Destination", member: "destination" },
  { header: "Next hop", member: "next_hop" },
];

/** `gwctl bgp speaker list advertised routes`, as the openstack client spells it. */
export function addAdvertisedRoutes(list: Command, io: Io): void {
  const shown = examples("gwctl bgp speaker list advertised routes gw1");
  const command = list
    .command("advertised")
    .description("what a speaker told its peers")
    .addHelpText("after", shown)
    .command("routes")
    .description("what of our own a speaker told its peers, and with which next hop")
    .addArgument(new Argument("<bgp-speaker>", "id or name"))
    .addHelpText("after", shown);
  command.action(async (called: string) => {
    const { target, options } = openSession(command, io);
    const id = await idOf({ target, options, io }, bgpSpeakers, called);
    const path = `/v2.0/bgp-speakers/${id}/get_advertised_routes`;
    const { json } = await call(target, { method: "GET", path }, io.signal);
    const { advertised_routes: routes } = json as { readonly advertised_routes: readonly View[] };
    io.stdout.write(listText(routes, ROUTE_COLUMNS, false, options, io));
  });
}
