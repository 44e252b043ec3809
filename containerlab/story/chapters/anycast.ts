/** One address, two machines: both serve, one fails, it comes back. */

import type { Output } from "../../runner/background.ts";
import { answeredBy, brief, goesVia, json, lines, neverLost, shows, waysOf } from "../proofs.ts";
import { type Chapter, type Proof, SETTLE_MS, type Stage, type Step, starts, stops, until } from "../step.ts";
import type { FlowsReport } from "../tools/flows.ts";

const ADDRESS = "192.0.2.53";
/** The check's interval × fall of the configuration. */
const FALL_MS = 3 * 1000;
const FAIL: readonly string[] = ["pkill", "-f", "probe.js serve"];
const ROUTE: readonly string[] = ["sh", "-c", `ip route show ${ADDRESS}; ip nexthop`];
const FLOWS: readonly string[] = ["probe", "flows", ADDRESS, "53"];
const MONITOR: readonly string[] = ["ip", "monitor", "route"];
const HOST1 = "192.168.8.3";
const HOST2 = "192.168.8.4";

/** Stops dns1's service, and waits until the gateway sends nothing to its host any more. */
async function fail({ lab }: Stage): Promise<Output> {
  await lab.node("dns1").exec(FAIL);
  const tookMs = await until(FALL_MS + SETTLE_MS, async () => {
    const { stdout } = await lab.node("gw").exec(ROUTE);
    return waysOf(stdout).join() === HOST2;
  });
  return { stdout: `withdrawn after ${tookMs} ms`, stderr: "", code: 0 };
}

/** The member that stayed has lost no flow, and none went to another. */
function kept(member: string): (output: Output) => Proof {
  return ({ stdout, stderr }) => {
    const last = json(lines(stdout).at(-1) ?? "") as FlowsReport | undefined;
    const flows = last?.[member];
    if (flows === undefined) return { holds: false, said: brief(stdout || stderr) };
    const holds = flows.opened > 0 && flows.alive === flows.opened && flows.moved === 0;
    return { holds, said: `${member}: ${flows.alive} of ${flows.opened} flows alive, ${flows.moved} moved` };
  };
}

function asks(id: string, sentence: string, ...who: readonly string[]): Step {
  return {
    id,
    sentence,
    node: "internet",
    command: ["probe", "ask", "tcp", ADDRESS, "53", "--times", "20"],
    withinMs: SETTLE_MS,
    prove: answeredBy(...who),
  };
}

export const anycast: Chapter = {
  title: "Anycast: 192.0.2.53 is dns1 on one host and dns2 on the other",
  steps: [
    {
      id: "anycast-route",
      sentence: "The gateway has a way to each of them",
      node: "gw",
      command: ROUTE,
      withinMs: SETTLE_MS,
      prove: goesVia(HOST1, HOST2),
    },
    asks("anycast-both", "New flows go to both", "dns1", "dns2"),
    {
      id: "anycast-watch",
      sentence: "From here on the upstream router's routes are watched",
      node: "upstream",
      command: MONITOR,
      withinMs: 0,
      perform: starts("anycast-monitor", "upstream", MONITOR, /^/),
      prove: ({ code }) => ({ holds: code === 0, said: "watching" }),
    },
    {
      id: "anycast-flows",
      sentence: "32 long connections are opened, and kept busy",
      node: "internet",
      command: FLOWS,
      withinMs: 0,
      perform: starts("anycast-flows", "internet", FLOWS, /^\{.*\}$/m),
      prove: ({ stdout, stderr }) => ({
        holds: /dns1/.test(stdout) && /dns2/.test(stdout),
        said: brief(stdout || stderr),
      }),
    },
    {
      id: "anycast-fail",
      sentence: "dns1's service dies: its host withdraws when interval × fall is over",
      node: "dns1",
      command: FAIL,
      withinMs: 0,
      perform: fail,
      prove: ({ stdout, stderr }) => {
        const holds = /after \d+ ms/.test(stdout);
        return { holds, said: holds ? `${stdout} (interval × fall: ${FALL_MS} ms)` : brief(stderr) };
      },
    },
    asks("anycast-other", "dns2 carries everything", "dns2"),
    {
      id: "anycast-back",
      sentence: "dns1's service is started again, and its host announces again",
      node: "dns1",
      command: ["sh", "-c", "probe serve 53 >/run/probe.log 2>&1 &"],
      withinMs: 0,
      perform: async ({ lab }) => {
        await lab.node("dns1").exec(["sh", "-c", "probe serve 53 >/run/probe.log 2>&1 &"]);
        const tookMs = await until(2 * SETTLE_MS, async () =>
          waysOf((await lab.node("gw").exec(ROUTE)).stdout).includes(HOST1),
        );
        return { stdout: `announced after ${tookMs} ms`, stderr: "", code: 0 };
      },
      prove: shows(/announced after \d+ ms/),
    },
    asks("anycast-again", "New flows go to both again", "dns1", "dns2"),
    {
      id: "anycast-kept",
      sentence: "The flows that dns2 had from the beginning were not touched by any of this",
      node: "internet",
      command: FLOWS,
      withinMs: 0,
      perform: stops("anycast-flows"),
      prove: kept("dns2"),
    },
    {
      id: "anycast-upstream",
      sentence: "And the upstream router never lost the route",
      node: "upstream",
      command: MONITOR,
      withinMs: 0,
      perform: stops("anycast-monitor"),
      prove: neverLost(ADDRESS),
    },
  ],
};
