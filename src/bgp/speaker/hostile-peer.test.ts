import { describe, expect, test } from "vitest";
import { address, best, node, peer } from "./testing/nodes.ts";
import { KEEPALIVE, message, open, RawPeer, scene, updateOf } from "./testing/raw-peer.ts";
import { VirtualNetwork } from "./testing/virtual-network.ts";

const ORIGIN = "40010100";
const AS_PATH = "4002040201fdea";
const NEXT_HOP = "4003040a000002";
/** Announces 192.0.2.0/24. */
const update = (...attributes: string[]): string => updateOf("18c00002", ...attributes);

test.each<[string, readonly string[], string]>([
  ["a marker that is none", [`00${open().slice(2)}`], "0101"],
  ["HTTP", [Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n").toString("hex")], "0101"],
  ["a length of 4097", [`${"ff".repeat(16)}100102`], "01021001"],
  ["type 9", [message(9, "")], "010309"],
  ["version 3", [open("03")], "02010004"],
  ["another AS", [open("04", "fdeb")], "0202"],
  ["AS 0", [open("04", "0000")], "0202"],
  ["identifier 0", [open("04", "fdea", "005a", "00000000")], "0203"],
  ["a hold time of 2 s", [open("04", "fdea", "0002")], "0206"],
  ["KEEPALIVE before OPEN", [KEEPALIVE], "0501"],
  ["UPDATE before KEEPALIVE", [open(), update(ORIGIN, AS_PATH, NEXT_HOP)], "0502"],
  ["a second OPEN", [open(), KEEPALIVE, open()], "0503"],
  ["a prefix of 33 bits", [open(), KEEPALIVE, message(2, "0000000021c000020000")], "030a"],
  ["withdrawn routes longer than the message", [open(), KEEPALIVE, message(2, "00ff0000")], "0301"],
])("%s is answered by %s", (_, said, answer) => {
  const { net, ours, raw } = scene();
  raw.say(...said);
  net.run(100);
  expect(raw.notification()).toBe(answer);
  expect(raw.closed).toBeDefined();
  expect(ours.speaker.peers()[0]!.state).toBe("idle");
  expect(best(ours)).toEqual([]);
});

describe("UPDATEs that cost no more than their routes (RFC 7606)", () => {
  test.each<[string, readonly string[], string]>([
    ["ORIGIN missing", [AS_PATH, NEXT_HOP], "treat-as-withdraw"],
    ["ORIGIN 3", ["40010103", AS_PATH, NEXT_HOP], "treat-as-withdraw"],
    ["first AS not the peer's", [ORIGIN, "4002040201fdeb", NEXT_HOP], "treat-as-withdraw"],
    ["next hop our own address", [ORIGIN, AS_PATH, "4003040a000001"], "treat-as-withdraw"],
  ])("%s", (_, attributes, reaction) => {
    const { net, ours, raw } = scene();
    raw.say(open(), KEEPALIVE, update(ORIGIN, AS_PATH, NEXT_HOP));
    net.run(100);
    expect(best(ours)).toEqual(["192.0.2.0/24 via 10.0.0.2"]);
    raw.say(update(...attributes), update(...attributes));
    net.run(100);
    const [state] = ours.speaker.peers();
    expect(best(ours)).toEqual([]);
    expect(state!.state).toBe("established");
    expect(state!.updateErrors).toMatchObject({ [reaction]: 2 });
    expect(state!.offendingMessages.map(({ octets }) => Buffer.from(octets).toString("hex"))).toEqual([
      update(...attributes),
      update(...attributes),
    ]);
    const whys = ours.events.flatMap((e) => (e.on === "malformed-update" ? [e.why] : []));
    expect(whys).toEqual([expect.any(String), expect.any(String)]);
  });

  test("our own AS in the path: held, and not used", () => {
    const { net, ours, raw } = scene();
    raw.say(open(), KEEPALIVE, update(ORIGIN, "4002060202fdeafde9", NEXT_HOP));
    net.run(100);
    expect(best(ours)).toEqual([]);
    expect([...ours.speaker.routes()][0]!.paths[0]!.status).toBe("asLoop");
    expect(ours.speaker.peers()[0]!.prefixes).toMatchObject({ received: 1, accepted: 0 });
  });

  test("only the last eight offending messages are kept", () => {
    const { net, ours, raw } = scene();
    raw.say(open(), KEEPALIVE);
    for (let i = 0; i < 50; i++) raw.say(update(AS_PATH, NEXT_HOP));
    net.run(100);
    expect(ours.speaker.peers()[0]!.offendingMessages).toHaveLength(8);
    expect(ours.speaker.peers()[0]!.updateErrors["treat-as-withdraw"]).toBe(50);
  });
});

test("who speaks nonsense again and again is heard less and less often", () => {
  const net = new VirtualNetwork({ seed: 5 });
  const ours = node(net, 65001, "10.0.0.1");
  ours.speaker.setPeers([peer("10.0.0.2", 65002, { passive: true })]);
  const { world } = net.host(address("10.0.0.2"));
  for (let second = 0; second < 600; second++) {
    const raw = new RawPeer(net, world);
    net.run(5);
    raw.say("00".repeat(19));
    net.run(995);
  }
  const answers = ours.events.filter((e) => e.on === "notification-sent").length;
  expect(answers).toBeGreaterThan(3);
  expect(answers).toBeLessThan(15);
});

test("a connection that says nothing is closed after four minutes", () => {
  const { net, raw } = scene();
  net.run(239_000);
  expect(raw.closed).toBeUndefined();
  net.run(2000);
  expect(raw.notification()).toBe("0400");
});

test("two connections of one peer: the newer stays, and the session has no flap", () => {
  const { net, ours, raw } = scene();
  raw.say(open());
  net.run(100);
  const { world } = net.host(address("10.0.0.2"));
  const second = new RawPeer(net, world);
  net.run(5);
  second.say(open(), KEEPALIVE);
  net.run(100);
  expect(raw.notification()).toBe("0607");
  expect(ours.speaker.peers()[0]!.state).toBe("established");
  expect(ours.events.filter((e) => e.on === "collision")).toEqual([
    { peer: address("10.0.0.2"), on: "collision", kept: "remote" },
  ]);
});
