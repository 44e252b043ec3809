/** What the sample gateway says of the floating IP that is translated here, and that it knows nothing else. */

import { Refusal } from "./answers.ts";
import type { ExplainAnswer } from "./explain-schema.ts";
import type { ApiSource } from "./source.ts";

const PEER = "198.51.100.2";
const TRACE = { steps: [], programmed: true } as const;

export const EXPLANATION: ExplainAnswer = {
  asked: "172.16.1.3",
  prefix: "172.16.1.3/32",
  summary: "172.16.1.3 is a floating IP that leads to 10.65.0.13 of port vm-a",
  owners: [
    {
      what: "floating IP",
      text: "a floating IP that leads to 10.65.0.13 of port vm-a",
      origin: "api",
      name: "172.16.1.3",
      id: "61c5a8f2-6c0a-4c1e-9a5f-0f8d4a1b7a11",
      project: "admin",
    },
    {
      what: "subnet",
      text: "in subnet public-v4 (172.16.1.0/24) of network public",
      origin: "api",
      name: "public-v4",
      id: "0b7a2b5e-93f1-4f51-8b0e-3a4f6d1c2e90",
      project: "admin",
    },
  ],
  handling: {
    kind: "floating",
    text: "translated to 10.65.0.13 and back, at the gateway, since router router1 is not distributed",
  },
  announcements: [
    {
      prefix: "172.16.1.3/32",
      kind: "floating",
      origin: "own",
      announced: true,
      conditions: [
        { claim: "it leads somewhere", holds: true, because: "10.65.0.13 of port vm-a" },
        { claim: "its router is up", holds: true, because: "admin_state_up of router1 is true" },
        { claim: "its host is alive", holds: true, because: "compute1 holds its lease" },
        {
          claim: "there is a way to 10.65.0.13",
          holds: true,
          because: "10.65.0.13/32 by 192.168.8.3 dev eth1",
        },
        { claim: "the kernel has its translation", holds: true, because: "acknowledged" },
      ],
      peers: [
        {
          peer: PEER,
          sent: true,
          reason: "accepted by rule",
          rule: "export[0]",
          told: [
            {
              ...{ prefix: "172.16.1.3/32", kind: "floating", peer: PEER, nextHop: "198.51.100.1" },
              ...{
                asPath: "65000",
                origin: "igp",
                communities: [],
                largeCommunities: [],
                rule: "export[0]",
              },
            },
          ],
        },
        { peer: "198.51.100.3", sent: false, reason: "no session", told: [] },
      ],
    },
  ],
  translation: {
    traces: [
      {
        ...{ asked: "tcp 192.0.0.8 > 172.16.1.3", verdict: "translated" },
        why: "the destination is a floating IP: it becomes the fixed address",
        destination: { address: "10.65.0.13" },
        ...TRACE,
      },
      {
        ...{ asked: "tcp 10.65.0.13 > 192.0.0.8", verdict: "translated" },
        why: "the source becomes its floating IP",
        source: { address: "172.16.1.3" },
        ...TRACE,
      },
    ],
    mappings: [],
  },
  problems: [],
  events: [
    {
      ...{ id: "mi2x8c1k-12", time: "2026-11-22T10:00:00.000Z", event: "route.announced", level: "info" },
      ...{ prefix: "172.16.1.3/32", kind: "floating" },
    },
  ],
};

/** Of the address that it was asked for once, and of no other. */
export const explainsOnly =
  (explanation: ExplainAnswer): ApiSource["explain"] =>
  ({ about }) => {
    if (about === explanation.asked) return explanation;
    throw new Refusal("explain.unknown", `nobody here knows ${about}`, "ask for another one");
  };
