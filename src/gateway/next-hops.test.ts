import { expect, test } from "vitest";
import type { Way } from "./intent.ts";
import { judgeNextHop } from "./next-hops.ts";
import { address } from "./testing/values.ts";

const NEXT_HOP = address("192.0.2.1");
const gateway = address("10.0.0.2");
const via = (length: number, ...hops: (Way & { reachable: true })["hops"][number][]): Way => ({
  reachable: true,
  length,
  metric: 20,
  hops,
});

test.each<[string, Way | undefined, boolean, number | string]>([
  ["a gateway", via(32, { gateway, interface: "eth0" }), false, 20],
  ["a link of ours, whatever its metric", via(24, { interface: "eth0" }), false, 0],
  ["a link and a gateway", via(24, { interface: "eth0" }, { gateway, interface: "eth1" }), false, 20],
  ["a default route that counts", via(0, { gateway, interface: "eth0" }), true, 20],
  [
    "a default route",
    via(0, { gateway, interface: "eth0" }),
    false,
    "only a default route leads to 192.0.2.1",
  ],
  ["nothing", { reachable: false, why: "no-route" }, true, "next hop 192.0.2.1 has no route"],
  ["a link that is down", { reachable: false, why: "link-down" }, true, "is down"],
  ["a blackhole", { reachable: false, why: "discarded" }, true, "throws packets away"],
  ["ourselves", { reachable: false, why: "own-address" }, true, "an address of this machine"],
  ["nobody knows what", undefined, true, "has not said yet"],
])("%s leads to it", (_, way, viaDefault, metric) => {
  const judged = judgeNextHop(NEXT_HOP, way, viaDefault);
  if (typeof metric === "number") {
    expect(judged).toEqual({ reachable: true, metric, hops: (way as Way & { reachable: true }).hops });
  } else {
    expect(judged).toMatchObject({ reachable: false, metric: 0, hops: [] });
    expect(judged.reason).toContain(metric);
  }
});
