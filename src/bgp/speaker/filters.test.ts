import { describe, expect, test } from "vitest";
import { parseAddress } from "../net/text.ts";
import type { Policy } from "../policy/rules.ts";
import { VrpTable } from "../rpki/vrp-table.ts";
import { Filters } from "./filters.ts";
import type { PeerOptions } from "./options.ts";

const policy = (localPref: number): Policy => ({
  rules: [{ name: "import[0]", match: {}, then: "accept", set: { localPref } }],
  otherwise: "reject",
});

const peer = (importPolicy: Policy, others: Partial<PeerOptions> = {}): PeerOptions => ({
  port: 179,
  passive: false,
  remote: { address: parseAddress("192.0.2.1")! },
  remoteAsn: 65001,
  holdSeconds: 90,
  families: [4],
  importPolicy,
  exportPolicy: policy(100),
  nextHopSelf: true,
  reflectorClient: false,
  ...others,
});

describe("filters are compared by what their policies say", () => {
  const filters = new Filters(65000, new VrpTable());
  filters.renew([peer(policy(200))]);
  const held = filters.importOf(peer(policy(200)), false);

  test.each<[string, PeerOptions, boolean, boolean]>([
    ["an equal policy in another object", peer(policy(200)), false, true],
    ["of another peer", peer(policy(200), { remoteAsn: 65002 }), false, true],
    ["another policy", peer(policy(201)), false, false],
    ["drained by hand", peer(policy(200)), true, false],
    ["drained by its options", peer(policy(200), { gracefulShutdown: true }), false, false],
    [
      "inside, where GRACEFUL_SHUTDOWN is not honoured",
      peer(policy(200), { remoteAsn: 65000 }),
      false,
      false,
    ],
    ["a role", peer(policy(200), { role: "customer" }), false, false],
  ])("%s", (_, options, drained, same) => {
    expect(filters.importOf(options, drained) === held).toBe(same);
  });

  test("and kept from one list of peers to the next, while somebody has them", () => {
    filters.renew([peer(policy(200)), peer(policy(300))]);
    expect(filters.importOf(peer(policy(200)), false)).toBe(held);
    filters.renew([peer(policy(300))]);
    expect(filters.importOf(peer(policy(200)), false)).not.toBe(held);
  });
});
