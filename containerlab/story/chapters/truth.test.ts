import { describe, expect, test } from "vitest";
import { agree, announced, birdHolds, frrHolds } from "./truth.ts";

/** As FRR 8.4 prints `show bgp ipv4 unicast neighbors 198.51.100.1 routes json`. */
const frr = `{
 "vrfId": 0,
 "tableVersion": 2,
 "routes": { "203.0.113.0/24": [{"valid":true,"bestpath":true,"pathFrom":"external","prefix":"203.0.113.0","prefixLen":24,"path":"65000","origin":"IGP","nexthops":[{"ip":"198.51.100.1","afi":"ipv4","used":true}]}]
,"198.51.100.10/32": [{"valid":true,"path":"65000 65001","nexthops":[{"ip":"198.51.100.1","afi":"ipv4","used":true}]}]
 }  }
`;
/** As BIRD 2.0.12 prints `show route protocol edge all`. */
const bird = `BIRD 2.0.12 ready.
Table master4:
203.0.113.0/24       unicast [edge 04:54:33.321] * (100) [AS65000i]
	via 198.51.100.1 on eth2
	Type: BGP univ
	BGP.origin: IGP
	BGP.as_path: 65000
	BGP.next_hop: 198.51.100.1
	BGP.local_pref: 100
198.51.100.10/32     unicast [edge 04:54:33.321] * (100) [AS65000i]
	via 198.51.100.1 on eth2
	BGP.as_path: 65000 65001
	BGP.next_hop: 198.51.100.1
`;
const ours = JSON.stringify([
  {
    prefix: "203.0.113.0/24",
    kind: "public",
    peer: "198.51.100.2",
    nextHop: "198.51.100.1",
    asPath: "65000",
  },
  {
    prefix: "198.51.100.10/32",
    kind: "pool",
    peer: "198.51.100.2",
    nextHop: "198.51.100.1",
    asPath: "65000 65001",
  },
  { prefix: "0.0.0.0/0", kind: "default", peer: "192.168.8.3", nextHop: "192.168.8.1", asPath: "64512" },
]);
const routes = [
  "198.51.100.10/32 via 198.51.100.1 path 65000 65001",
  "203.0.113.0/24 via 198.51.100.1 path 65000",
];

describe("the same routes in everybody's words", () => {
  test.each([
    ["FRR", frrHolds(frr)],
    ["BIRD", birdHolds(bird)],
    ["gwctl", announced(ours)],
  ])("%s", (_, read) => {
    expect(read).toEqual(routes);
  });

  test.each([
    ["FRR", frrHolds("% Unknown command")],
    ["BIRD", birdHolds("Unable to connect to server control socket")],
    ["gwctl", announced("cannot connect")],
  ])("%s, when it cannot answer, holds nothing", (_, read) => {
    expect(read).toEqual([]);
  });
});

describe("both sides agree", () => {
  const output = (holds: string[], announced: string[]): Parameters<typeof agree>[0] => ({
    stdout: JSON.stringify({ holds, announced }),
    stderr: "",
    code: 0,
  });

  test.each([
    ["on the same routes", routes, routes, true],
    ["not when one holds more", routes, routes.slice(1), false],
    ["not when one announces more", routes.slice(1), routes, false],
    ["not on nothing", [], [], false],
  ])("%s", (_, holds, said, expected) => {
    expect(agree(output(holds, said)).holds).toBe(expected);
  });
});
