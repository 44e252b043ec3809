/** The second seed: a public address needs no translation, a private one gets out through the gateway's pool. */

import { answered, brief, json, lines, shows } from "../proofs.ts";
import { type Chapter, type Proof, SETTLE_MS } from "../step.ts";

const PUBLIC_VM = "203.0.113.7";
const POOL = /^198\.51\.100\.1[01]$/;

/** The prefixes of FRR's `show bgp ipv4 unicast json`. */
function prefixesOf(stdout: string): string[] {
  const table = json(stdout) as { routes?: Readonly<Record<string, unknown>> } | undefined;
  return Object.keys(table?.routes ?? {}).sort();
}

function upstreamHolds(stdout: string): Proof {
  const prefixes = prefixesOf(stdout);
  const wanted = ["203.0.113.0/24", "198.51.100.10/32", "198.51.100.11/32"];
  const secret = prefixes.filter((prefix) => /^(10|192\.168)\./.test(prefix));
  const holds = wanted.every((prefix) => prefixes.includes(prefix)) && secret.length === 0;
  return { holds, said: prefixes.length === 0 ? brief(stdout) : prefixes.join(", ") };
}

export const publicNetwork: Chapter = {
  title: "No floating IP: 203.0.113.7 is an address of vm-p, on the public network",
  steps: [
    {
      id: "public-in",
      sentence: "The internet reaches vm-p, which sees the true client",
      node: "internet",
      command: ["probe", "ask", "tcp", PUBLIC_VM, "7000"],
      withinMs: SETTLE_MS,
      prove: answered(PUBLIC_VM, /^vm-p$/, /^198\.18\.0\.10$/),
    },
    {
      id: "public-out",
      sentence: "vm-p reaches the internet, which sees vm-p's own address",
      node: "vm-p",
      command: ["probe", "ask", "tcp", "198.18.0.10", "7000"],
      withinMs: SETTLE_MS,
      prove: answered("198.18.0.10", /^internet$/, /^203\.0\.113\.7$/),
    },
    {
      id: "public-untracked",
      sentence: "The gateway kept no state for it",
      node: "gw",
      command: ["conntrack", "-L"],
      withinMs: 0,
      prove: ({ stdout, stderr, code }) => {
        const entries = lines(stdout);
        const tracked = entries.filter((entry) => entry.includes(`=${PUBLIC_VM} `));
        if (code !== 0) return { holds: false, said: brief(stderr) };
        return {
          holds: tracked.length === 0,
          said: `${tracked.length} of ${entries.length} conntrack entries name ${PUBLIC_VM}`,
        };
      },
    },
    {
      id: "public-inside",
      sentence: "Between our own networks nothing is translated: vm-p sees vm-a as it is",
      node: "vm-a",
      command: ["probe", "ask", "udp", PUBLIC_VM, "7000"],
      withinMs: SETTLE_MS,
      prove: answered(PUBLIC_VM, /^vm-p$/, /^10\.65\.0\.13$/),
    },
    {
      id: "pool-out",
      sentence: "vm-b is private: it gets out with an address of the gateway's pool, always the same one",
      node: "vm-b",
      command: ["probe", "ask", "tcp", "198.18.0.10", "7000", "--times", "3"],
      withinMs: SETTLE_MS,
      prove: (output) => {
        const proof = answered("198.18.0.10", /^internet$/, POOL)(output);
        // RFC 4787 REQ-2, "paired": two addresses here would be two names in what was said.
        return { ...proof, holds: proof.holds && !proof.said.includes(",") };
      },
    },
    {
      id: "pool-unsolicited",
      sentence: "What was not asked for does not get in: there is not even a refusal",
      node: "internet",
      command: ["probe", "ask", "tcp", "198.51.100.10", "7000", "--wait", "1500"],
      withinMs: 0,
      prove: shows(/silence for 1500 ms/),
    },
    {
      id: "except-out",
      sentence: "To 192.168.0.0/16 the gateway does not translate (except), so no answer finds back",
      node: "vm-b",
      command: ["probe", "ask", "udp", "192.168.200.1", "7000", "--wait", "500"],
      withinMs: 0,
      prove: shows(/silence for 500 ms/),
    },
    {
      id: "except-seen",
      sentence: "But the question arrived there, from vm-b's own address",
      node: "internet",
      command: ["grep", "192.168.200.1", "/run/probe.log"],
      withinMs: SETTLE_MS,
      prove: shows(/^udp 10\.65\.0\.14 \d+ -> 192\.168\.200\.1 7000$/m),
    },
    {
      id: "upstream-table",
      sentence: "The upstream router knows the public network and the pool, and nothing private",
      node: "upstream",
      command: ["vtysh", "-c", "show bgp ipv4 unicast json"],
      withinMs: SETTLE_MS,
      prove: ({ stdout }) => upstreamHolds(stdout),
    },
  ],
};
