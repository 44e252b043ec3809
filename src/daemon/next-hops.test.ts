import { expect, test } from "vitest";
import { formatAddress } from "../bgp/net/text.ts";
import type { Way } from "../gateway/intent.ts";
import { address } from "../gateway/testing/values.ts";
import { MAX_NEXT_HOPS } from "../kernel/routes/way-commands.ts";
import { NextHopTracker } from "./next-hops.ts";

const A = address("192.0.2.1");
const B = address("192.0.2.2");
const over = (name: string, metric = 0): Way => ({
  reachable: true,
  length: 32,
  metric,
  hops: [{ gateway: address("10.0.0.2"), interface: name }],
});
const NO_ROUTE: Way = { reachable: false, why: "no-route" };

/** A tracker, and what it says, in order. */
function tracked(viaDefault = false): { tracker: NextHopTracker; said: () => string[] } {
  const said: string[] = [];
  const tracker: NextHopTracker = new NextHopTracker(
    {
      track: ({ wanted, released }) => {
        said.push(`track +${wanted.map(formatAddress).join()} -${released.map(formatAddress).join()}`);
      },
      tell: (told) => {
        for (const { nextHop, reachable, metric } of told)
          said.push(`tell ${formatAddress(nextHop)} ${reachable ? metric : "none"}`);
      },
      decided: async () => {
        said.push("decided");
      },
      lost: (nextHops) => said.push(`lost ${nextHops.map(formatAddress).join()}`),
      changed: () => said.push(`hops ${[...tracker.hops].map(([to, [hop]]) => `${to}@${hop?.interface}`)}`),
    },
    viaDefault,
  );
  return { tracker, said: () => said.splice(0) };
}

test("what is lost stays where it was until the speaker has decided", async () => {
  const { tracker, said } = tracked();
  tracker.need({ wanted: [A, B], released: [] });
  expect(said()).toEqual(["track +192.0.2.1,192.0.2.2 -"]);
  tracker.hear([
    { nextHop: A, way: over("eth0", 20) },
    { nextHop: B, way: NO_ROUTE },
  ]);
  expect(said()).toEqual(["tell 192.0.2.1 20", "tell 192.0.2.2 none", "hops 192.0.2.1@eth0"]);
  expect(tracker.problems()).toMatchObject([{ code: "nexthop.unresolved", subject: "192.0.2.2" }]);
  tracker.hear([{ nextHop: A, way: NO_ROUTE }]);
  expect(said()).toEqual(["tell 192.0.2.1 none", "lost 192.0.2.1", "decided"]);
  expect(tracker.hops.has("192.0.2.1")).toBe(true);
  await Promise.resolve();
  expect(said()).toEqual(["hops "]);
});

test("what comes back before that does not go", async () => {
  const { tracker, said } = tracked();
  tracker.need({ wanted: [A], released: [] });
  tracker.hear([{ nextHop: A, way: over("eth0") }]);
  tracker.hear([{ nextHop: A, way: NO_ROUTE }]);
  tracker.hear([{ nextHop: A, way: over("eth1") }]);
  said();
  await Promise.resolve();
  expect([said(), [...tracker.hops.keys()]]).toEqual([[], ["192.0.2.1"]]);
});

test("another metric alone changes no hops; what nobody needs is not heard", () => {
  const { tracker, said } = tracked();
  tracker.need({ wanted: [A], released: [] });
  tracker.hear([{ nextHop: A, way: over("eth0", 20) }]);
  said();
  tracker.hear([
    { nextHop: A, way: over("eth0", 30) },
    { nextHop: B, way: over("eth0") },
  ]);
  expect(said()).toEqual(["tell 192.0.2.1 30"]);
  tracker.need({ wanted: [], released: [A] });
  tracker.hear([{ nextHop: A, way: over("eth0", 40) }]);
  expect([said(), tracker.hops.size]).toEqual([["track + -192.0.2.1"], 0]);
});

test("whether a default route counts is judged anew without asking", () => {
  const { tracker, said } = tracked();
  tracker.need({ wanted: [A], released: [] });
  tracker.hear([{ nextHop: A, way: { ...over("eth0"), length: 0 } as Way }]);
  expect(said().slice(1)).toEqual(["tell 192.0.2.1 none", "hops "]);
  tracker.configure(true);
  expect(said()).toEqual(["tell 192.0.2.1 0", "hops 192.0.2.1@eth0"]);
});

test("a new kernel process is asked for all of them", () => {
  const { tracker, said } = tracked();
  tracker.need({ wanted: [A, B], released: [] });
  said();
  tracker.askAgain();
  expect(said()).toEqual(["track +192.0.2.1,192.0.2.2 -"]);
});

test("more than there is room for wait, and say so", () => {
  const { tracker, said } = tracked();
  const many = Array.from({ length: MAX_NEXT_HOPS }, (_, i) => ({ ...A, w0: i + 1 }));
  tracker.need({ wanted: many, released: [] });
  said();
  tracker.need({ wanted: [A], released: [] });
  expect([said(), tracker.get(A)?.reason]).toEqual([[], `more than ${MAX_NEXT_HOPS} next hops are in use`]);
  tracker.need({ wanted: [], released: [many[0]!] });
  expect(said()).toEqual(["track +192.0.2.1 -0.0.0.1"]);
});
