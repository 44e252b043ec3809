/** Route refresh (RFC 2918) and enhanced route refresh (RFC 7313), with a peer that says octets. */

import { describe, expect, test } from "vitest";
import type { Capability } from "../wire/messages.ts";
import { encodeOpen } from "../wire/open.ts";
import { encodeRouteRefresh } from "../wire/route-refresh.ts";
import { address, best, local, type Node, node, peer } from "./testing/nodes.ts";
import { VirtualNetwork } from "./testing/virtual-network.ts";

const ENHANCED: readonly Capability[] = [{ is: "route-refresh" }, { is: "enhanced-route-refresh" }];
const REQUEST = { afi: 1, safi: 1, subtype: "request" } as const;
const BEGIN = { ...REQUEST, subtype: "begin" } as const;
const END = { ...REQUEST, subtype: "end" } as const;

/** 192.0.2.`n`/32 from 10.0.0.2, AS 65002; in octets. */
const update = (n: number): Uint8Array =>
  Buffer.from(
    `${"ff".repeat(16)}0030020000001440010100${"4002060201"}0000fdea${"4003040a000002"}20c00002${n.toString(16).padStart(2, "0")}`,
    "hex",
  );

interface Scene {
  readonly net: VirtualNetwork;
  readonly us: Node;
  readonly say: (...messages: Uint8Array[]) => void;
  /** What was said to the peer since the last look: "update", "end-of-rib", "begin" or "end". */
  readonly heard: () => string[];
}

function scene(capabilities: readonly Capability[]): Scene {
  const net = new VirtualNetwork({ seed: 1 });
  const us = node(net, 65001, "10.0.0.1");
  us.speaker.setPeers([peer("10.0.0.2", 65002, { passive: true, holdSeconds: 0 })]);
  us.speaker.announce([local("198.51.100.1/32"), local("198.51.100.2/32")]);
  const { world } = net.host(address("10.0.0.2"));
  world.serve({ turn: () => {}, accept: () => undefined });
  let octets = Buffer.alloc(0);
  const link = world.dial(
    { address: address("10.0.0.1"), port: 179, localAddress: undefined },
    {
      connected: () => {},
      received: (more) => {
        octets = Buffer.concat([octets, more]);
      },
      drained: () => {},
      closed: () => {},
    },
  );
  const heard = (): string[] => {
    net.run(1000);
    const names: string[] = [];
    for (; octets.length > 0; octets = octets.subarray(octets.readUInt16BE(16))) {
      const length = octets.readUInt16BE(16);
      if (octets[18] === 2) names.push(length === 23 ? "end-of-rib" : "update");
      if (octets[18] === 5) names.push(["request", "begin", "end"][octets[21]!]!);
    }
    return names;
  };
  const say = (...messages: Uint8Array[]): void => {
    for (const message of messages) link.write(message);
    net.run(1000);
  };
  const families: Capability = { is: "multiprotocol", afi: 1, safi: 1 };
  const as4: Capability = { is: "four-octet-as", asn: 65002 };
  const open = { asn: 65002, holdSeconds: 0, routerId: address("10.0.0.2").w0 };
  net.run(1000);
  say(
    encodeOpen({ ...open, capabilities: [families, as4, ...capabilities] }),
    Buffer.from(`${"ff".repeat(16)}001304`, "hex"),
    ...[1, 2, 3].map(update),
  );
  expect(heard()).toEqual(["update", "end-of-rib"]);
  return { net, us, say, heard };
}

const learned = ({ us }: Scene): string[] => best(us).filter((line) => !line.endsWith("local"));
const VIA = (n: number): string => `192.0.2.${n}/32 via 10.0.0.2`;

describe("asked for a refresh", () => {
  test("we say all of it again", () => {
    const s = scene([{ is: "route-refresh" }]);
    s.say(encodeRouteRefresh(REQUEST));
    expect(s.heard()).toEqual(["update"]);
  });

  test("between begin and end, where the peer knows them (RFC 7313 §4.1)", () => {
    const s = scene(ENHANCED);
    s.say(encodeRouteRefresh(REQUEST));
    expect(s.heard()).toEqual(["begin", "update", "end"]);
  });

  test("twice at once: it begins once and ends once", () => {
    const s = scene(ENHANCED);
    s.say(encodeRouteRefresh(REQUEST), encodeRouteRefresh(REQUEST));
    const heard = s.heard();
    expect(heard.filter((name) => name === "begin").length).toBe(
      heard.filter((name) => name === "end").length,
    );
    expect([heard[0], heard.at(-1)]).toEqual(["begin", "end"]);
  });

  test("nothing is said of a family that was not agreed on (RFC 2918 §4)", () => {
    const s = scene(ENHANCED);
    s.say(encodeRouteRefresh({ ...REQUEST, afi: 2 }));
    expect(s.heard()).toEqual([]);
  });
});

describe("told of a refresh (RFC 7313 §4.2)", () => {
  test("what is not told again goes with the end, and not before", () => {
    const s = scene(ENHANCED);
    s.say(encodeRouteRefresh(BEGIN), update(1), update(2));
    expect(learned(s)).toEqual([1, 2, 3].map(VIA));
    s.say(encodeRouteRefresh(END));
    expect(learned(s)).toEqual([1, 2].map(VIA));
  });

  test("an end that never comes is waited for 360 s", () => {
    const s = scene(ENHANCED);
    s.say(encodeRouteRefresh(BEGIN), update(1));
    s.net.run(350_000);
    expect(learned(s)).toHaveLength(3);
    s.net.run(20_000);
    expect(learned(s)).toEqual([VIA(1)]);
  });

  test.each<[string, readonly Capability[], Uint8Array[]]>([
    ["an end without a begin", ENHANCED, [encodeRouteRefresh(END)]],
    [
      "begin and end of another family",
      ENHANCED,
      [BEGIN, END].map((each) => encodeRouteRefresh({ ...each, afi: 2 })),
    ],
    [
      "begin and end from a peer that did not offer them",
      [{ is: "route-refresh" }],
      [BEGIN, END].map(encodeRouteRefresh),
    ],
  ])("%s takes nothing away", (_, capabilities, messages) => {
    const s = scene(capabilities);
    s.say(...messages);
    expect(learned(s)).toEqual([1, 2, 3].map(VIA));
  });

  test("begun twice: what was told since the first time stays", () => {
    const s = scene(ENHANCED);
    s.say(
      encodeRouteRefresh(BEGIN),
      update(1),
      encodeRouteRefresh(BEGIN),
      update(2),
      encodeRouteRefresh(END),
    );
    expect(learned(s)).toEqual([1, 2].map(VIA));
  });
});
