import { describe, expect, test } from "vitest";
import { formatPrefix } from "../net/text.ts";
import type { Policy } from "../policy/rules.ts";
import { endOfData, notify, response, vrp } from "../rpki/testing/cache-octets.ts";
import type { CacheOptions } from "./rpki-cache.ts";
import { address, isUp, local, type Node, node, peer, prefix } from "./testing/nodes.ts";
import { VirtualCache } from "./testing/virtual-cache.ts";
import { VirtualNetwork } from "./testing/virtual-network.ts";

const CACHE = "10.0.0.9";
const OTHER = "10.0.0.8";

const cacheAt = (text: string, preference = 1): CacheOptions => ({
  address: address(text),
  port: 323,
  preference,
});

const NO_INVALIDS: Policy = {
  rules: [{ name: "invalid", match: { rpki: ["invalid"] }, then: "reject" }],
  otherwise: "accept",
};
const VALIDS_FIRST: Policy = {
  rules: [
    { name: "valid", match: { rpki: ["valid"] }, then: "accept", set: { localPref: 200 } },
    { name: "rest", match: { rpki: ["invalid", "not-found"] }, then: "accept", set: { localPref: 50 } },
  ],
  otherwise: "reject",
};

/** AS 65001 announces three prefixes to us, AS 65000. */
function pair(importPolicy: Policy): { net: VirtualNetwork; us: Node; them: Node } {
  const net = new VirtualNetwork({ seed: 6811 });
  const us = node(net, 65000, "10.0.0.1");
  const them = node(net, 65001, "10.0.0.2");
  us.speaker.setPeers([peer("10.0.0.2", 65001, { importPolicy })]);
  them.speaker.setPeers([peer("10.0.0.1", 65000)]);
  them.speaker.announce([local("10.1.0.0/16"), local("10.2.0.0/16"), local("10.3.0.0/16")]);
  net.until(() => isUp(us, them));
  net.run(1000);
  return { net, us, them };
}

/** What of theirs is accepted, with the preference where it has one. */
const accepted = ({ speaker }: Node): string[] =>
  [...speaker.received(address("10.0.0.2"))]
    .filter((route) => route.accepted !== undefined)
    .map((route) => `${formatPrefix(route.prefix)}${suffix(route.accepted?.localPref)}`)
    .sort();
const suffix = (preference: number | undefined): string => (preference === undefined ? "" : ` ${preference}`);

const caches = ({ speaker }: Node): ReturnType<Node["speaker"]["rpki"]["caches"]> => speaker.rpki.caches();
const serials = (at: Node): unknown[] => caches(at).map(({ serial }) => serial);
const kinds = (at: Node): string[] =>
  at.events.flatMap((event) =>
    "cache" in event && "reason" in event ? [`${event.on}: ${event.reason}`] : [],
  );

const VALID = "10.1.0.0/16-16 AS65001";
const INVALID = "10.2.0.0/16-16 AS65999";

describe("policies", () => {
  test("routes are judged again as the caches' word changes, and the session goes on", () => {
    const { net, us } = pair(NO_INVALIDS);
    expect(accepted(us)).toEqual(["10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16"]);
    const cache = new VirtualCache(net, address(CACHE), [VALID, INVALID]);
    us.speaker.rpki.setCaches([cacheAt(CACHE)]);
    net.run(100);
    expect(accepted(us)).toEqual(["10.1.0.0/16", "10.3.0.0/16"]);
    const said = (text: string) => us.speaker.rpki.validity(prefix(text), 65001);
    expect(["10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16"].map(said)).toEqual([
      "valid",
      "invalid",
      "not-found",
    ]);

    cache.change(VALID, "10.2.0.0/16-16 AS65001");
    net.run(100);
    expect([accepted(us).length, serials(us), cache.asked]).toEqual([3, [1], ["reset v1", "serial 0 v1"]]);
    expect(us.speaker.peers()[0]).toMatchObject({ state: "established", flaps: 0 });
    // RFC 9324: nobody was asked to tell again.
    expect(us.speaker.peers()[0]!.messages.sent["route-refresh"]).toBe(0);
  });

  test("rules see valid, invalid and not-found", () => {
    const { net, us } = pair(VALIDS_FIRST);
    expect(accepted(us)).toEqual(["10.1.0.0/16 50", "10.2.0.0/16 50", "10.3.0.0/16 50"]);
    new VirtualCache(net, address(CACHE), [VALID, INVALID]);
    us.speaker.rpki.setCaches([cacheAt(CACHE)]);
    net.run(100);
    expect(accepted(us)).toEqual(["10.1.0.0/16 200", "10.2.0.0/16 50", "10.3.0.0/16 50"]);
  });

  test("an export policy may ask too", () => {
    const { net, us, them } = pair(NO_INVALIDS);
    us.speaker.setPeers([peer("10.0.0.2", 65001, { exportPolicy: NO_INVALIDS })]);
    us.speaker.announce([local("10.7.0.0/16"), local("10.8.0.0/16")]);
    const cache = new VirtualCache(net, address(CACHE), ["10.7.0.0/16-16 AS65000", "10.8.0.0/16-16 AS1"]);
    us.speaker.rpki.setCaches([cacheAt(CACHE)]);
    net.run(1000);
    const told = () => [...them.speaker.received(address("10.0.0.1"))].map((one) => formatPrefix(one.prefix));
    expect(told()).toEqual(["10.7.0.0/16"]);
    cache.change("10.7.0.0/16-16 AS1");
    net.run(1000);
    expect(told()).toEqual(["10.8.0.0/16"]);
  });

  test("a policy that does not ask pays nothing: not one path is judged again", () => {
    const { net, us } = pair({ rules: [], otherwise: "accept" });
    new VirtualCache(net, address(CACHE), [VALID, INVALID]);
    us.speaker.rpki.setCaches([cacheAt(CACHE)]);
    net.run(100);
    expect([us.speaker.rib.v4.received.usesValidity, accepted(us).length]).toEqual([false, 3]);
    expect(us.speaker.rib.v4.revalidation.isPending).toBe(false);
  });
});

describe("a cache", () => {
  test("that is lost counts until its data expire; then nothing is found", () => {
    const { net, us } = pair(NO_INVALIDS);
    const cache = new VirtualCache(net, address(CACHE), [INVALID]);
    us.speaker.rpki.setCaches([cacheAt(CACHE)]);
    net.run(100);
    cache.crash();
    net.run(7190 * 1000);
    expect([accepted(us).length, caches(us)[0]]).toMatchObject([2, { believed: true, vrps: { ipv4: 1 } }]);
    net.run(20 * 1000);
    expect([accepted(us).length, caches(us)[0]]).toMatchObject([3, { believed: false, vrps: { ipv4: 0 } }]);
    expect(kinds(us)).toContain("cache-data-lost: expired");
  });

  test("that knows version 0 only is asked in that, without a wait", () => {
    const { net, us } = pair(NO_INVALIDS);
    const cache = new VirtualCache(net, address(CACHE), [INVALID]);
    cache.version = 0;
    us.speaker.rpki.setCaches([cacheAt(CACHE)]);
    net.run(100);
    expect([cache.asked, accepted(us).length]).toEqual([["reset v1", "reset v0"], 2]);
    expect(caches(us)[0]).toMatchObject({ state: "ready", version: 0, serial: 0 });
    cache.change(VALID);
    net.run(100);
    expect([cache.asked.at(-1), accepted(us).length]).toEqual(["serial 0 v0", 3]);
  });

  test("whose connection breaks is asked for what changed; one that was born again, for all", () => {
    const { net, us } = pair(NO_INVALIDS);
    const cache = new VirtualCache(net, address(CACHE), [VALID]);
    us.speaker.rpki.setCaches([cacheAt(CACHE)]);
    net.run(100);
    cache.hangUp();
    cache.change(VALID, INVALID);
    net.run(2000);
    expect([cache.asked, accepted(us).length]).toEqual([["reset v1", "serial 0 v1"], 2]);
    cache.hangUp();
    cache.reborn();
    net.run(4000);
    expect([cache.asked.slice(2), accepted(us).length]).toEqual([["serial 1 v1", "reset v1"], 2]);
    expect(kinds(us).filter((text) => text.startsWith("cache-data-lost"))).toEqual([]);
  });

  test("that speaks of another session in the middle of one loses our trust, and is asked anew", () => {
    const { net, us } = pair(NO_INVALIDS);
    const cache = new VirtualCache(net, address(CACHE), [INVALID]);
    us.speaker.rpki.setCaches([cacheAt(CACHE)]);
    net.run(100);
    cache.say(notify(1, 8, 1));
    net.run(100);
    expect([cache.reported, accepted(us).length]).toEqual([[0], 3]);
    net.run(2000);
    expect([cache.asked.at(-1), accepted(us).length]).toEqual(["reset v1", 2]);
  });
});

describe("a faulty cache", () => {
  test.each<[string, number, readonly Uint8Array[]]>([
    ["announces twice", 7, [response(1, 7), vrp(1, VALID), vrp(1, VALID)]],
    ["withdraws what it did not announce", 6, [response(1, 7), vrp(1, `!${VALID}`)]],
    ["ends another session than it began", 0, [response(1, 7), endOfData(1, 8, 3)]],
    ["speaks unasked", 0, [vrp(1, VALID)]],
    ["changes its version", 8, [response(1, 7), vrp(0, VALID)]],
    ["speaks a version that nobody knows", 4, [response(9, 7)]],
    ["sends a length that no PDU has", 0, [Uint8Array.of(1, 4, 0, 0, 0xff, 0, 0, 0)]],
  ])("that %s is told so, and tried again later", (_what, code, octets) => {
    const { net, us } = pair(NO_INVALIDS);
    const cache = new VirtualCache(net, address(CACHE), [INVALID]);
    cache.silent = true;
    us.speaker.rpki.setCaches([cacheAt(CACHE)]);
    net.until(() => cache.asked.length === 1);
    cache.say(...octets);
    net.run(100);
    expect([cache.reported, cache.connections, accepted(us).length]).toEqual([[code], 0, 3]);
    cache.silent = false;
    net.run(3000);
    expect([caches(us)[0]!.state, accepted(us).length]).toEqual(["ready", 2]);
  });

  test("that says nothing is given up, and tried ever more rarely", () => {
    const { net, us } = pair(NO_INVALIDS);
    const cache = new VirtualCache(net, address(CACHE), []);
    cache.silent = true;
    us.speaker.rpki.setCaches([cacheAt(CACHE)]);
    net.run(24 * 3600 * 1000);
    expect(cache.asked.length).toBeLessThan(24 * 6 + 20);
    expect(caches(us)[0]!.lastError?.words).toBe("it does not answer");
  });

  test("is hung up on when the speaker stops", () => {
    const { net, us } = pair(NO_INVALIDS);
    const cache = new VirtualCache(net, address(CACHE), [VALID]);
    us.speaker.rpki.setCaches([cacheAt(CACHE)]);
    net.run(100);
    us.speaker.stop({ text: "over" });
    net.run(100);
    expect(cache.connections).toBe(0);
  });
});

describe("several caches", () => {
  test("the preferred one that has data is believed", () => {
    const { net, us } = pair(NO_INVALIDS);
    const second = new VirtualCache(net, address(OTHER), [VALID]);
    us.speaker.rpki.setCaches([cacheAt(CACHE, 1), cacheAt(OTHER, 2)]);
    net.run(100);
    expect([caches(us).map(({ believed }) => believed), accepted(us).length]).toEqual([[false, true], 3]);
    const first = new VirtualCache(net, address(CACHE), [INVALID]);
    net.run(3000);
    expect([caches(us).map(({ believed }) => believed), accepted(us).length]).toEqual([[true, false], 2]);
    first.crash();
    net.run(7300 * 1000);
    expect([caches(us).map(({ believed }) => believed), accepted(us).length]).toEqual([[false, true], 3]);
    expect(second.connections).toBe(1);
  });

  test("those preferred alike are believed together", () => {
    const { net, us } = pair(NO_INVALIDS);
    new VirtualCache(net, address(CACHE), [INVALID]);
    new VirtualCache(net, address(OTHER), ["10.2.0.0/16-16 AS65001"]);
    us.speaker.rpki.setCaches([cacheAt(CACHE), cacheAt(OTHER)]);
    net.run(100);
    expect([caches(us).map(({ believed }) => believed), accepted(us).length]).toEqual([[true, true], 3]);
  });

  test("in the place of another: what that one told counts until the new one has its data", () => {
    const { net, us } = pair(NO_INVALIDS);
    const old = new VirtualCache(net, address(CACHE), [INVALID]);
    us.speaker.rpki.setCaches([cacheAt(CACHE)]);
    net.run(100);
    us.speaker.rpki.setCaches([cacheAt(OTHER)]);
    net.run(100);
    expect([old.connections, accepted(us).length]).toEqual([0, 2]);
    new VirtualCache(net, address(OTHER), [VALID]);
    net.run(5000);
    expect([caches(us).length, accepted(us).length]).toEqual([1, 3]);
    us.speaker.rpki.setCaches([]);
    net.run(100);
    expect([us.speaker.rpki.count(4), us.speaker.rpki.validity(prefix("10.1.0.0/16"), 65001)]).toEqual([
      0,
      undefined,
    ]);
  });

  test("are 8 at most, and differ", () => {
    const { us } = pair(NO_INVALIDS);
    const nine = Array.from({ length: 9 }, (_, i) => cacheAt(`10.0.1.${i}`));
    expect(() => us.speaker.rpki.setCaches(nine)).toThrow(RangeError);
    expect(() => us.speaker.rpki.setCaches([cacheAt(CACHE), cacheAt(CACHE, 2)])).toThrow(RangeError);
  });
});
