/** Both processes of the gateway are killed while packets pass through it. */

import type { PeerAnswer, StatusAnswer } from "../../../src/api/schema.ts";
import type { Output } from "../../runner/background.ts";
import { brief, json, lines, neverLost, rows } from "../proofs.ts";
import { type Chapter, type Proof, SETTLE_MS, type Stage, type Step, starts, stops, until } from "../step.ts";
import type { StreamReport } from "../tools/stream.ts";
import { established } from "./sessions.ts";

const RETURN_MS = 60_000;
const KILL_CORE: readonly string[] = ["sh", "-c", "kill -9 $(cat /run/gatewayd/gatewayd.pid)"];
const KILL_NETD: readonly string[] = ["pkill", "-9", "-f", "netd.js"];
const PEERS: readonly string[] = ["gwctl", "show", "peers", "-o", "json"];
const STATUS: readonly string[] = ["gwctl", "show", "status", "-o", "json"];
const PROGRAMMED: readonly string[] = ["sh", "-c", "nft --stateless list ruleset; ip route; ip nexthop"];
const MONITOR: readonly string[] = ["ip", "monitor", "route"];
const WITHDRAWN: readonly string[] = ["sh", "-c", "grep -c withdrawn /tmp/frr.log || true"];

const STREAMS = [
  { id: "floating", from: "internet", to: "172.16.1.4", what: "a floating IP" },
  { id: "pool", from: "vm-b", to: "198.18.0.10", what: "a pool address" },
  { id: "public", from: "internet", to: "203.0.113.7", what: "a public address" },
] as const;

const streamCommand = (to: string): string[] => ["probe", "stream", to, "7000", "--rate", "1000"];

const begin: readonly Step[] = STREAMS.map(({ id, from, to, what }) => ({
  id: `hitless-${id}`,
  sentence: `1 000 packets/s begin to pass through ${what}`,
  node: from,
  command: streamCommand(to),
  withinMs: 0,
  perform: starts(`stream-${id}`, from, streamCommand(to), /^answered$/m),
  prove: ({ code, stderr }) => ({
    holds: code === 0,
    said: code === 0 ? "answers come back" : brief(stderr),
  }),
}));

const end: readonly Step[] = STREAMS.map(({ id, from, to, what }) => ({
  id: `hitless-${id}-lost`,
  sentence: `Not one packet through ${what} was lost`,
  node: from,
  command: streamCommand(to),
  withinMs: 0,
  perform: stops(`stream-${id}`),
  prove: lostNone,
}));

function lostNone({ stdout, stderr }: Output): Proof {
  const report = json(lines(stdout).at(-1) ?? "") as StreamReport | undefined;
  if (report?.sent === undefined) return { holds: false, said: brief(stdout || stderr) };
  const { sent, lost, longestGapMs, seen } = report;
  return {
    holds: lost === 0 && sent > 1000 && seen.length === 1,
    said: `${lost} of ${sent} lost, longest gap ${longestGapMs} ms; ${seen.join(", ")}`,
  };
}

/** Kills the core and waits for its successor to have every session again. */
async function killCore({ lab }: Stage): Promise<Output> {
  const gw = lab.node("gw");
  const before = (json((await gw.exec(STATUS)).stdout) as StatusAnswer | undefined)?.uptimeSeconds ?? 0;
  const killed = await gw.exec(KILL_CORE);
  if (killed.code !== 0) return killed;
  const all = established("198.51.100.2", "192.168.8.3", "192.168.8.4");
  const tookMs = await until(RETURN_MS, async () => {
    const status = json((await gw.exec(STATUS)).stdout) as StatusAnswer | undefined;
    const young = status !== undefined && status.uptimeSeconds < before;
    return young && status.state === "ready" && all(await gw.exec(PEERS)).holds;
  });
  const peers = rows<PeerAnswer>((await gw.exec(PEERS)).stdout).length;
  return { stdout: `back with ${peers} sessions after ${tookMs} ms`, stderr: "", code: 0 };
}

/** Kills the privileged process and waits until the core has another one. */
async function killNetd({ lab }: Stage): Promise<Output> {
  const gw = lab.node("gw");
  const kernel = async (): Promise<StatusAnswer["kernel"] | undefined> =>
    (json((await gw.exec(STATUS)).stdout) as StatusAnswer | undefined)?.kernel;
  const before = (await kernel())?.restarts ?? 0;
  const killed = await gw.exec(KILL_NETD);
  if (killed.code !== 0) return { ...killed, stderr: killed.stderr || "no process was killed" };
  const tookMs = await until(RETURN_MS, async () => {
    const now = await kernel();
    return now?.connected === true && now.restarts > before;
  });
  return { stdout: `back after ${tookMs} ms`, stderr: "", code: 0 };
}

function unchanged(id: string, sentence: string): Step {
  return {
    id,
    sentence,
    node: "gw",
    command: PROGRAMMED,
    withinMs: 0,
    prove: ({ stdout }, { noted }) => {
      const before = lines(noted.get("programmed") ?? "");
      const after = lines(stdout);
      const gone = before.filter((line) => !after.includes(line));
      const come = after.filter((line) => !before.includes(line));
      const holds = before.length > 0 && stdout === noted.get("programmed");
      const changes = [...gone.map((line) => `- ${line.trim()}`), ...come.map((line) => `+ ${line.trim()}`)];
      return { holds, said: holds ? `${after.length} lines, none changed` : brief(changes.join("\n")) };
    },
  };
}

const back = ({ stdout, stderr, code }: Output): Proof => ({
  holds: code === 0 && stdout.startsWith("back"),
  said: brief(stdout || stderr),
});

export const hitless: Chapter = {
  title: "Hitless: the gateway's processes are killed, and nobody notices",
  steps: [
    ...begin,
    {
      id: "hitless-before",
      sentence: "This is what the gateway's kernel holds",
      node: "gw",
      command: PROGRAMMED,
      withinMs: 0,
      prove: ({ stdout, stderr, code }, { noted }) => {
        noted.set("programmed", stdout);
        const holds = code === 0 && stdout.includes("gatewayd");
        return {
          holds,
          said: holds ? `${lines(stdout).length} lines of rules and routes` : brief(stderr || stdout),
        };
      },
    },
    {
      id: "hitless-watch",
      sentence: "From here on the upstream router's routes are watched",
      node: "upstream",
      command: MONITOR,
      withinMs: 0,
      perform: async (stage) => {
        const { stdout } = await stage.lab.node("upstream").exec(WITHDRAWN);
        stage.noted.set("withdrawn", stdout.trim());
        return await starts("hitless-monitor", "upstream", MONITOR, /^/)(stage);
      },
      prove: ({ code }) => ({ holds: code === 0, said: "watching" }),
    },
    {
      id: "hitless-core",
      sentence: "gatewayd is killed without warning; it comes back by itself",
      node: "gw",
      command: KILL_CORE,
      withinMs: 0,
      perform: killCore,
      prove: back,
    },
    unchanged("hitless-core-unchanged", "No rule and no route has changed"),
    {
      id: "hitless-netd",
      sentence: "Its privileged half, netd, is killed; it comes back too",
      node: "gw",
      command: KILL_NETD,
      withinMs: 0,
      perform: killNetd,
      prove: back,
    },
    unchanged("hitless-netd-unchanged", "No rule and no route has changed"),
    ...end,
    {
      id: "hitless-upstream",
      sentence: "The upstream router kept every route",
      node: "upstream",
      command: MONITOR,
      withinMs: 0,
      perform: stops("hitless-monitor"),
      prove: neverLost(),
    },
    {
      id: "hitless-withdrawn",
      sentence: "And it was not sent a single withdrawal",
      node: "upstream",
      command: WITHDRAWN,
      withinMs: 0,
      prove: ({ stdout }, { noted }) => ({
        holds: stdout.trim() === noted.get("withdrawn"),
        said: `${Number(stdout) - Number(noted.get("withdrawn"))} withdrawals since gatewayd was killed`,
      }),
    },
    {
      id: "hitless-sessions",
      sentence: "All sessions are up",
      node: "gw",
      command: PEERS,
      withinMs: SETTLE_MS,
      prove: established("198.51.100.2", "192.168.8.3", "192.168.8.4"),
    },
  ],
};
