import { expect, test } from "vitest";
import { ChangeMarks } from "../net/change-marks.ts";
import { parsePrefix } from "../net/text.ts";
import { isUp, local, node, peer } from "./testing/nodes.ts";
import { VirtualNetwork } from "./testing/virtual-network.ts";

test("a prefix that is reached from now on, or no longer, is noted", () => {
  const net = new VirtualNetwork({ seed: 7 });
  const marks = new ChangeMarks();
  const [one, other] = [node(net, 65001, "10.0.0.1", { marks }), node(net, 65002, "10.0.0.2")];
  const prefix = parsePrefix("192.0.2.1/32")!;
  const slots = [marks.ofPrefix(prefix)];
  /** Asked again only when something was noted. */
  let known = { reaches: false, at: marks.now };
  const run = (): boolean => {
    net.run(5000);
    if (!marks.areAsOf(slots, known.at)) known = { reaches: one.speaker.reaches(prefix), at: marks.now };
    expect(known.reaches).toBe(one.speaker.reaches(prefix));
    return known.reaches;
  };
  one.speaker.setPeers([peer("10.0.0.2", 65002)]);
  other.speaker.setPeers([peer("10.0.0.1", 65001)]);
  net.until(() => isUp(one, other), 60_000);
  expect(run()).toBe(false);
  for (const { speaker } of [other, one]) {
    speaker.announce([local("192.0.2.1/32")]);
    expect(run()).toBe(true);
    speaker.withdraw([prefix]);
    expect(run()).toBe(false);
  }
  other.speaker.announce([local("192.0.2.1/32")]);
  expect(run()).toBe(true);
  one.speaker.setPeers([]);
  expect(run()).toBe(false);
});
