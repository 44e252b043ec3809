import { expect, test } from "vitest";
import type { PeerOptions } from "./options.ts";
import { isUp, node, peer, stateOf } from "./testing/nodes.ts";
import { VirtualNetwork } from "./testing/virtual-network.ts";

test.each<[string, Partial<PeerOptions>]>([
  ["password", { password: "two" }],
  ["TTL security", { password: "one", ttlSecurity: true }],
])("another %s resets the session of that peer and no other", (_, changed) => {
  const net = new VirtualNetwork({ seed: 1 });
  const hub = node(net, 65000, "10.0.0.1");
  const one = node(net, 65001, "10.0.0.2");
  const other = node(net, 65002, "10.0.0.3");
  const hubPeers = (more: Partial<PeerOptions>): PeerOptions[] => [
    peer("10.0.0.2", 65001, more),
    peer("10.0.0.3", 65002, { password: "other" }),
  ];
  hub.speaker.setPeers(hubPeers({ password: "one" }));
  one.speaker.setPeers([peer("10.0.0.1", 65000, { password: "one" })]);
  other.speaker.setPeers([peer("10.0.0.1", 65000, { password: "other" })]);
  net.until(() => isUp(hub, one, other));
  hub.speaker.setPeers(hubPeers(changed));
  expect([stateOf(hub, 0) === "established", stateOf(hub, 1)]).toEqual([false, "established"]);
  one.speaker.setPeers([peer("10.0.0.1", 65000, changed)]);
  net.until(() => isUp(hub, one, other), 300_000);
  expect(hub.speaker.peers().map(({ flaps }) => flaps)).toEqual([1, 0]);
});

test.each<[string | undefined, string | undefined, RegExp]>([
  ["right", "wrong", /has another password/],
  [undefined, "wrong", /wants a password/],
])("with %s here and %s there, both say why there is no session", (here, there, says) => {
  const net = new VirtualNetwork({ seed: 1 });
  const a = node(net, 65001, "10.0.0.1");
  const b = node(net, 65002, "10.0.0.2");
  const withPassword = (password: string | undefined): Partial<PeerOptions> =>
    password === undefined ? {} : { password };
  a.speaker.setPeers([peer("10.0.0.2", 65002, withPassword(here))]);
  b.speaker.setPeers([peer("10.0.0.1", 65001, withPassword(there))]);
  net.until(() => a.speaker.peers()[0]!.lastError !== undefined);
  expect(a.speaker.peers()[0]!.lastError!.words).toMatch(says);
  expect([...a.events, ...b.events].filter(({ on }) => on === "session-up")).toEqual([]);
});
