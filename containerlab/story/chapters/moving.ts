/** A floating IP moves from one VM to another: the new place is announced before the old one is withdrawn. */

import { answered, goesVia, lines, neverLost, shows, waysOf } from "../proofs.ts";
import { type Chapter, SETTLE_MS, type Step, starts, stops } from "../step.ts";

const ADDRESS = "172.16.1.3";
const VM_A = "10.65.0.13";
const VM_B = "10.65.0.14";
const HOST1 = "192.168.8.3";
const HOST2 = "192.168.8.4";
const MONITOR: readonly string[] = ["ip", "monitor", "route"];

function points(id: string, sentence: string, host: string, [from, to]: readonly [string, string]): Step {
  const edit = `sed -i 's/to: ${from}/to: ${to}/' /etc/gatewayd/gateway.yaml`;
  return {
    id,
    sentence,
    node: host,
    command: ["sh", "-c", `${edit} && kill -HUP $(cat /run/gatewayd/gatewayd.pid)`],
    withinMs: 0,
    prove: ({ code, stderr }) => ({ holds: code === 0, said: code === 0 ? "reloaded" : stderr.trim() }),
  };
}

/** The gateway's next hop for it is this one, or, while both hosts announce it, is among others. */
function known(id: string, sentence: string, host: string, alone: boolean): Step {
  return {
    id,
    sentence,
    node: "gw",
    command: ["sh", "-c", `ip route show ${ADDRESS}; ip nexthop`],
    withinMs: SETTLE_MS,
    prove: (output) => {
      const { holds, said } = goesVia(host)(output);
      return { holds: holds || (!alone && waysOf(output.stdout).includes(host)), said };
    },
  };
}

function leadsTo(id: string, sentence: string, who: RegExp): Step {
  return {
    id,
    sentence,
    node: "internet",
    command: ["probe", "ask", "tcp", ADDRESS, "7000", "--times", "5"],
    withinMs: SETTLE_MS,
    prove: answered(ADDRESS, who, /^198\.18\.0\.10$/),
  };
}

export const moving: Chapter = {
  title: "Moving: 172.16.1.3 is pointed at vm-b",
  steps: [
    {
      id: "moving-watch",
      sentence: "From here on the gateway's routes are watched",
      node: "gw",
      command: MONITOR,
      withinMs: 0,
      perform: starts("moving-monitor", "gw", MONITOR, /^/),
      prove: ({ code }) => ({ holds: code === 0, said: "watching" }),
    },
    points("moving-new", "vm-b's host is told, and reloads", "host2", [VM_A, VM_B]),
    {
      id: "moving-new-route",
      sentence: "It translates at once",
      node: "host2",
      command: ["ip", "route", "show", ADDRESS],
      withinMs: SETTLE_MS,
      prove: shows(/dev tap4be1a4d0-7c .*scope link/),
    },
    known("moving-new-known", "And announces: the gateway knows the new place", HOST2, false),
    points("moving-old", "vm-a's host is told, and withdraws", "host1", [VM_A, VM_B]),
    known("moving-known", "The gateway knows only the new place", HOST2, true),
    leadsTo("moving-arrived", "The internet finds vm-b there", /^vm-b$/),
    {
      id: "moving-conntrack",
      sentence: "No flow of the old mapping is left on vm-a's host",
      node: "host1",
      command: ["conntrack", "-L"],
      withinMs: SETTLE_MS,
      prove: ({ stdout, stderr, code }) => {
        const left = lines(stdout).filter(
          (entry) => entry.includes(`=${ADDRESS} `) && entry.includes(`=${VM_A} `),
        );
        return {
          holds: code === 0 && left.length === 0,
          said: code === 0 ? `${left.length} entries` : stderr,
        };
      },
    },
    {
      id: "moving-watched",
      sentence: "The gateway was never without a route to it",
      node: "gw",
      command: MONITOR,
      withinMs: 0,
      perform: stops("moving-monitor"),
      prove: neverLost(ADDRESS),
    },
    points("moving-back-new", "And back: first vm-a's host", "host1", [VM_B, VM_A]),
    known("moving-back-known", "which the gateway then knows", HOST1, false),
    points("moving-back-old", "then vm-b's host", "host2", [VM_B, VM_A]),
    known("moving-back-only", "which the gateway then forgets", HOST1, true),
    leadsTo("moving-back", "and vm-a has its floating IP again", /^vm-a$/),
  ],
};
