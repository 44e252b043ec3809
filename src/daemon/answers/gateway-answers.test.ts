import { expect, test } from "vitest";
import { Bench } from "../../gateway/testing/bench.ts";
import { floatingIp, model, port } from "../../gateway/testing/values.ts";
import { NO_FAULTS } from "../../gateway/testing/world.ts";
import { floatingIpAnswers } from "./gateway-answers.ts";

const HOST = model({
  role: "compute",
  ports: [port("tap0", "10.65.0.13")],
  floatingIps: [floatingIp("172.16.1.3", "10.65.0.13")],
});

test("of a change that the kernel refuses, what is new is in error, and what stood before stands", async () => {
  const bench = new Bench();
  await bench.give({ model: HOST });
  const more = { ...HOST, floatingIps: [...HOST.floatingIps, floatingIp("172.16.1.4", "10.65.0.13")] };
  bench.world.faults = { ...NO_FAULTS, nat: true };
  await bench.give({ model: more });
  const answers = (): unknown[] =>
    floatingIpAnswers(more, bench.reconciler.snapshot()).map(({ address, status, announced, reason }) => ({
      address,
      status,
      announced,
      reason,
    }));
  const first = { address: "172.16.1.3", status: "ACTIVE", announced: true, reason: undefined };
  expect(answers()).toEqual([
    first,
    { address: "172.16.1.4", status: "ERROR", announced: false, reason: expect.stringMatching(/\S/) },
  ]);
  bench.world.faults = NO_FAULTS;
  await bench.advance(30_000);
  expect(answers()).toEqual([first, { ...first, address: "172.16.1.4" }]);
});
