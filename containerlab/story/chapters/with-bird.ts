/** The same gateway in front of BIRD: sessions, a floating IP, and the truth in BIRD's words. */

import { type Chapter, SETTLE_MS } from "../step.ts";
import { pings, question } from "./floating.ts";
import { established } from "./sessions.ts";
import { agree, birdHolds, compare } from "./truth.ts";

const HOLDS: readonly string[] = ["birdc", "show", "route", "protocol", "edge", "all"];
const START_MS = 60_000;

export const withBird: Chapter = {
  title: "BIRD as the upstream router",
  steps: [
    {
      id: "bird-sessions",
      sentence: "The gateway speaks BGP with BIRD and with its host",
      node: "gw",
      command: ["gwctl", "show", "peers", "-o", "json"],
      withinMs: START_MS,
      prove: established("198.51.100.2", "192.168.8.3"),
    },
    question({
      id: "bird-floating-tcp",
      sentence: "From the internet, TCP to the floating IP reaches vm-a, which sees the true client",
      from: "internet",
      to: "172.16.1.3",
      who: /^vm-a$/,
      saw: /^198\.18\.0\.10$/,
    }),
    pings("bird-floating-ping", "So does ping", "172.16.1.3"),
    question({
      id: "bird-egress",
      sentence: "What vm-a begins by itself leaves as the floating IP",
      from: "vm-a",
      to: "198.18.0.10",
      who: /^internet$/,
      saw: /^172\.16\.1\.3$/,
    }),
    {
      id: "bird-truth",
      sentence: "What BIRD says it holds is exactly what `gwctl show announcements` says",
      node: "upstream",
      command: HOLDS,
      withinMs: SETTLE_MS,
      perform: (stage) => compare(stage, HOLDS, birdHolds),
      prove: agree,
    },
  ],
};
