/** The BGP sessions come up, and routes travel over them. */

import type { PeerAnswer } from "../../../src/api/schema.ts";
import type { Output } from "../../runner/background.ts";
import { brief, rows, shows } from "../proofs.ts";
import type { Chapter, Proof } from "../step.ts";

const START_MS = 60_000;

/** Exactly these peers, all of them established. */
export function established(...addresses: readonly string[]): (output: Output) => Proof {
  return ({ stdout, stderr }) => {
    const peers = rows<PeerAnswer>(stdout);
    if (peers.length === 0) return { holds: false, said: brief(stderr || stdout) };
    const up = peers.filter((peer) => peer.state === "established").map((peer) => peer.address);
    const said = peers.map((peer) => `${peer.address} ${peer.state}`).join(", ");
    return { holds: addresses.every((address) => up.includes(address)) && up.length === peers.length, said };
  };
}

export const sessions: Chapter = {
  title: "BGP",
  steps: [
    {
      id: "sessions",
      sentence: "The gateway speaks BGP with the upstream router and with both hosts",
      node: "gw",
      command: ["gwctl", "show", "peers", "-o", "json"],
      withinMs: START_MS,
      prove: established("198.51.100.2", "192.168.8.3", "192.168.8.4"),
    },
    {
      id: "default-route",
      sentence: "The hosts have learned their way out from it",
      node: "host1",
      command: ["ip", "route", "show", "default"],
      withinMs: START_MS,
      prove: shows(/default .*via 192\.168\.8\.1 dev eth1 proto 86/),
    },
  ],
};
