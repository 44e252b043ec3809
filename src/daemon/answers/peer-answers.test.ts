import { beforeAll, expect, test } from "vitest";
import type { PeerSnapshot } from "../../bgp/speaker/snapshots.ts";
import type { Node } from "../../bgp/speaker/testing/nodes.ts";
import {
  CAPABILITY,
  KEEPALIVE,
  open,
  type RawPeer,
  scene,
  updateOf,
} from "../../bgp/speaker/testing/raw-peer.ts";
import type { VirtualNetwork } from "../../bgp/speaker/testing/virtual-network.ts";
import { errorAnswers, peerAnswer } from "./peer-answers.ts";

let net: VirtualNetwork;
let ours: Node;
let raw: RawPeer;
const peer = (): PeerSnapshot => ours.speaker.peers()[0]!;

/** Graceful restart: R, 60 s, IPv4 with F. */
const RESTART = "4006803c00010180";

beforeAll(() => {
  ({ net, ours, raw } = scene({ maxPrefixes: { limit: 100 }, maxAsPathLength: 50 }));
  const said = [CAPABILITY.ipv4, CAPABILITY.as4(65002), RESTART, "630141", "640142"];
  raw.say(open("04", "fdea", "0009", "0a000002", ...said), KEEPALIVE);
  net.run(2000);
});

test("a peer's answer has whole seconds, text, and no field without a value", () => {
  const answer = peerAnswer({ ...peer(), inStateMs: 1999, lastError: { agoMs: 1000, words: "why" } });
  expect(answer).toMatchObject({
    address: "10.0.0.2",
    sinceSeconds: 1,
    routerId: "10.0.0.2",
    families: ["ipv4"],
    localAddress: "10.0.0.1",
    openedBy: "peer",
    maxPrefixes: { limit: 100 },
    limits: { maxAsPathLength: 50 },
  });
  expect(Date.now() - Date.parse(answer.lastError!.at)).toBeGreaterThanOrEqual(1000);
  expect(Object.values(peerAnswer(peer()))).not.toContain(undefined);
  expect(answer.limits).not.toHaveProperty("maxCommunities");
});

test("its timers say what is left: nothing was heard for some 2 s of 9", () => {
  const { timers } = peerAnswer(peer());
  expect(timers["hold"]).toBeCloseTo(7, 0);
  expect(timers["keepalive"]).toBeGreaterThan(0);
  expect(timers["keepalive"]).toBeLessThanOrEqual(3);
});

test("capabilities of both sides stand side by side, in words", () => {
  expect(peerAnswer(peer()).capabilities).toEqual([
    { name: "multiprotocol", local: "ipv4", remote: "ipv4" },
    { name: "route refresh", local: "yes" },
    { name: "enhanced route refresh", local: "yes" },
    { name: "extended message", local: "yes" },
    { name: "four octet as", local: "65001", remote: "65002" },
    { name: "graceful restart", remote: "60 s, restarting, ipv4 (still forwarding)" },
    { name: "unknown", remote: "code 99, code 100" },
  ]);
});

test("what was wrong is told with its octets, the latest first", () => {
  const missing = updateOf("18c00002", "40020602010000fdea", "4003040a000002");
  raw.say(missing, "00".repeat(19));
  net.run(10);
  const [nonsense, update] = errorAnswers(peer());
  expect(nonsense).toMatchObject({
    message: "no BGP message",
    reaction: "session-reset",
    octets: "00".repeat(19),
    faults: [{ text: "marker is not all ones", rfc: "RFC 4271 section 6.1" }],
  });
  expect(update).toMatchObject({
    message: "UPDATE",
    reaction: "treat-as-withdraw",
    octets: missing,
    faults: [
      { reaction: "treat-as-withdraw", text: "no ORIGIN", rfc: "RFC 7606 section 3(d)", attribute: 1 },
    ],
  });
  expect(peerAnswer(peer()).lastNotificationSent!.text).toContain("Connection Not Synchronized");
  expect(peerAnswer(peer())).not.toHaveProperty("capabilities");
});
