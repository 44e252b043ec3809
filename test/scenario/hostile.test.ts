/**
 * Peers that lie, stammer, say nothing or never stop, on virtual time; two others must not notice. LIVE_INPUTS=100000
 * says how many mutated messages, SEED where to begin.
 */

import { describe, expect, test } from "vitest";
import { formatAddress } from "../../src/bgp/net/text.ts";
import { address, local, peer, prefix } from "../../src/bgp/speaker/testing/nodes.ts";
import type { VirtualNetwork } from "../../src/bgp/speaker/testing/virtual-network.ts";
import { hexOf, octetsOf } from "../vectors/vectors.ts";
import { Chance } from "./chance.ts";
import { Caller, HOSTILE_ASN, KEEPALIVE, type Lab, lab, OPEN } from "./hostile-lab.ts";
import { mutated } from "./mutation.ts";

const INPUTS = Number(process.env["LIVE_INPUTS"] ?? 4000);
const SEED = Number(process.env["SEED"] ?? 1);
/** Nothing withdrawn; ORIGIN IGP, AS_PATH 65001, NEXT_HOP 10.1.0.1. */
const ATTRIBUTES = "0000001440010100" + "40020602010000fde9" + "4003040a010001";
const LONG = { timeout: 3_600_000 };

/** Guests of a range: each comes from an address of its own, so that none waits for the failures of the one before. */
const guests = (limit: number): ReturnType<typeof peer> => ({
  ...peer("10.1.0.0/16", HOSTILE_ASN, { families: [4, 6], holdSeconds: 90 }),
  remote: { range: prefix("10.1.0.0/16"), limit },
});
const guest = (i: number): string => `10.1.${(i >>> 8) & 255}.${i & 255}`;

const up = (net: VirtualNetwork, from: string): Caller => {
  const caller = new Caller(net, from);
  net.run(5);
  caller.say(OPEN, KEEPALIVE);
  net.run(5);
  return caller;
};

const stateOf = ({ ours }: Lab, of: string): string | undefined =>
  ours.speaker.peers().find((p) => formatAddress(p.address) === of)?.state;

/** After the hostile ones have gone, only what the good ones told is there. */
function nothingLeft({ ours, net, nobodyHurt }: Lab, attributes: number): void {
  net.run(600_000);
  nobodyHurt();
  const { rib } = ours.speaker;
  expect({ v4: rib.v4.prefixes.size, v6: rib.v6.prefixes.size }).toEqual({ v4: 2, v6: 0 });
  expect(rib.pool.size).toBe(attributes);
  expect(ours.speaker.peers().filter(({ dynamic }) => dynamic)).toEqual([]);
}

test(`${INPUTS} mutated messages on live sessions, from seed ${SEED}`, LONG, () => {
  const scene = lab(SEED, [guests(16)]);
  const { net, ours } = scene;
  const attributes = ours.speaker.rib.pool.size;
  const chance = new Chance(SEED);
  let sessions = 0;
  let caller: Caller | undefined;
  for (let said = 0; said < INPUTS; said++) {
    if (caller === undefined || caller.closed || chance.holds(0.02)) {
      caller?.leave();
      const from = guest(sessions++);
      // Now and then the nonsense begins before the session does.
      caller = chance.holds(0.9) ? up(net, from) : new Caller(net, from);
    }
    const message = mutated(chance);
    try {
      caller.say(message);
      net.run(chance.holds(0.2) ? 500 : 2);
    } catch (error) {
      throw new Error(`message ${said}: ${hexOf(message)}`, { cause: error });
    }
    if (said % 1000 === 0) scene.nobodyHurt();
  }
  caller?.leave();
  const reactions = new Set(ours.events.flatMap((e) => (e.on === "malformed-update" ? [e.reaction] : [])));
  expect([...reactions].sort()).toEqual(["attribute-discard", "session-reset", "treat-as-withdraw"]);
  nothingLeft(scene, attributes);
});

describe("one that is slow", () => {
  test("says one octet at a time", () => {
    const scene = lab(1, [guests(1)]);
    const caller = new Caller(scene.net, guest(1));
    scene.net.run(5);
    const route = octetsOf(`${"ff".repeat(16)}002f02${ATTRIBUTES}18c00002`);
    for (const octet of [...OPEN, ...KEEPALIVE, ...route]) {
      caller.say(Uint8Array.of(octet));
      scene.net.run(200);
    }
    expect(stateOf(scene, guest(1))).toBe("established");
    expect([...scene.ours.speaker.received(address(guest(1)))]).toHaveLength(1);
    scene.nobodyHurt();
  });

  test("never reads: what it misses is one bit per prefix, and in the end it is given up", () => {
    const scene = lab(1, [guests(1)], 4096);
    const { net, ours } = scene;
    const caller = up(net, guest(1));
    net.cut(address("10.0.0.1"), address(guest(1)));
    const prefixes = Array.from({ length: 1000 }, (_, i) => `100.64.${i >>> 8}.${i & 255}/32`);
    for (let med = 0; med < 20; med++) {
      ours.speaker.announce(prefixes.map((text) => ({ ...local(text), med })));
      net.run(4000);
      caller.say(KEEPALIVE);
      scene.nobodyHurt();
    }
    const told = caller.heardOctets;
    net.heal(address("10.0.0.1"), address(guest(1)));
    net.run(2000);
    // All 20 rounds would be 100 000; what filled the window, and everything once, is a fifth of it.
    expect(caller.heardOctets - told).toBeLessThan(20_000);
    expect([...ours.speaker.advertised(address(guest(1)))].filter(({ pending }) => pending)).toEqual([]);
    net.cut(address("10.0.0.1"), address(guest(1)));
    ours.speaker.announce(prefixes.map((text) => ({ ...local(text), med: 99 })));
    for (let s = 0; s < 600; s += 20) {
      net.run(20_000);
      caller.say(KEEPALIVE);
    }
    expect(stateOf(scene, guest(1))).not.toBe("established");
    scene.nobodyHurt();
  });
});

describe("10 000 connections", () => {
  test.each<[string, (i: number) => string]>([
    ["of strangers", (i) => `172.16.${(i >>> 8) & 255}.${i & 255}`],
    ["of a range with room for 16", guest],
    ["of one guest", () => guest(1)],
    ["of a good peer's address", () => "10.0.0.2"],
  ])("%s", LONG, (_, from) => {
    const scene = lab(1, [guests(16)]);
    const { net, ours } = scene;
    const attributes = ours.speaker.rib.pool.size;
    const callers: Caller[] = [];
    for (let i = 0; i < 10_000; i++) {
      callers.push(new Caller(net, from(i)));
      if (i % 100 === 0) net.run(10);
    }
    net.run(1000);
    expect(callers.filter(({ closed }) => !closed).length).toBeLessThanOrEqual(16);
    expect(ours.speaker.peers().length).toBeLessThanOrEqual(2 + 16);
    scene.nobodyHurt();
    for (const caller of callers) caller.leave();
    nothingLeft(scene, attributes);
  });

  test("opened and closed at once", LONG, () => {
    const scene = lab(1, [guests(16)]);
    const attributes = scene.ours.speaker.rib.pool.size;
    const chance = new Chance(SEED);
    for (let i = 0; i < 10_000; i++) {
      const caller = new Caller(scene.net, guest(i));
      scene.net.run(chance.below(4));
      if (chance.holds(0.3)) caller.say(OPEN, KEEPALIVE);
      scene.net.run(chance.below(4));
      if (chance.holds(0.5)) caller.link.close();
      else caller.link.abort();
      caller.leave();
    }
    nothingLeft(scene, attributes);
  });
});

describe("a million prefixes of one peer", () => {
  const PREFIXES = 1_000_000;
  const PER_MESSAGE = 800;

  /** Announces 11.0.0.0/32 and those behind it until all are said or the connection is closed. */
  function flood({ net }: Lab): Caller {
    const caller = up(net, guest(1));
    for (let i = 0; i < PREFIXES && !caller.closed; i += PER_MESSAGE) {
      caller.say(announced(i));
      net.run(2);
    }
    net.run(1000);
    return caller;
  }

  test("are held, in bounded memory, and forgotten", LONG, () => {
    const scene = lab(1, [guests(1)]);
    const attributes = scene.ours.speaker.rib.pool.size;
    const before = process.memoryUsage().rss;
    const caller = flood(scene);
    const grownOctets = process.memoryUsage().rss - before;
    expect(scene.ours.speaker.rib.v4.best.size).toBe(PREFIXES + 2);
    scene.nobodyHurt();
    // What a row of every column takes, doubled as columns grow, is under 200 octets; the rest is the test's own.
    expect(grownOctets).toBeLessThan(400 * PREFIXES);
    caller.leave();
    nothingLeft(scene, attributes);
  });

  test("end at the limit, where there is one", LONG, () => {
    const scene = lab(1, [{ ...guests(1), maxPrefixes: { limit: 10_000, restartSeconds: 60 } }]);
    const attributes = scene.ours.speaker.rib.pool.size;
    expect(flood(scene).closed).toBe(true);
    expect(scene.ours.events).toContainEqual(expect.objectContaining({ on: "max-prefix", received: 10_400 }));
    nothingLeft(scene, attributes);
  });

  function announced(first: number): Uint8Array {
    const nlri = Uint8Array.from({ length: PER_MESSAGE * 5 }, (_, at) => {
      const [word, octet] = [0x0b000000 + first + Math.floor(at / 5), at % 5];
      return octet === 0 ? 32 : word >>> (8 * (4 - octet));
    });
    const length = (43 + nlri.length).toString(16).padStart(4, "0");
    return octetsOf(`${"ff".repeat(16)}${length}02${ATTRIBUTES}${hexOf(nlri)}`);
  }
});
