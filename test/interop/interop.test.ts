/**
 * Our speaker against BIRD and FRR, in network namespaces. What a peer holds is read from its own CLI.
 */

import { afterEach, beforeAll, describe, expect, test } from "vitest";
import {
  BGPD,
  BIRD,
  BIRDC,
  type Daemon,
  type DaemonSettings,
  startBird,
  startFrr,
  VTYSH,
} from "./daemons.ts";
import { holdsWithin, missing, namespacePair, type Pair, THEM, US } from "./namespaces.ts";
import { buildLibrary, OurSpeaker } from "./our-speaker.ts";

const OURS = 65000;
const V4_ROUTES = 700;
const V6_ROUTES = 300;

/** A thousand prefixes of both families, under `ten`. */
function routesUnder(ten: number): string[] {
  const v4 = Array.from({ length: V4_ROUTES }, (_, i) => `10.${ten}.${i >> 6}.${(i & 63) * 4}/30`);
  const v6 = Array.from({ length: V6_ROUTES }, (_, i) => `2001:db8:${ten}:${(i + 1).toString(16)}::/64`);
  return [...v4, ...v6];
}

const OUR_ROUTES = routesUnder(100);
const THEIR_ROUTES = routesUnder(200);

const lacking = missing([BIRD, BIRDC, BGPD, VTYSH]);
const { CI } = process.env;
if (lacking !== undefined && CI === "true") throw new Error(`interop needs ${lacking}`);

let library = "";
let pair: Pair;
let ours: OurSpeaker | undefined;
let theirs: Daemon | undefined;

const DAEMONS: Readonly<Record<string, (settings: DaemonSettings) => Daemon>> = {
  BIRD: startBird,
  FRR: startFrr,
};

interface Meeting {
  readonly daemon: string;
  readonly asn: number;
  readonly transport: "v4" | "v6";
  /** Who waits. */
  readonly passive: "us" | "them" | "nobody";
  readonly gracefulRestart: boolean;
}

async function startOurs(restarting = false): Promise<OurSpeaker> {
  ours = await OurSpeaker.start({
    namespace: pair.us,
    library,
    listen: [US.v4, US.v6],
    options: {
      asn: OURS,
      routerId: US.v4,
      multipath: 4,
      advertiseInstalledOnly: false,
      gracefulRestart: { restartSeconds: 60, notification: true, restarting },
    },
  });
  return ours;
}

function peerFor({ asn, transport, passive }: Meeting): object {
  return {
    remote: THEM[transport],
    remoteAsn: asn,
    port: 179,
    passive: passive === "us",
    holdSeconds: 9,
    families: [4, 6],
    importPolicy: "accept",
    exportPolicy: "accept",
    nextHopSelf: false,
    reflectorClient: false,
  };
}

async function meet(meeting: Meeting): Promise<[OurSpeaker, Daemon]> {
  const { daemon, asn, transport, passive, gracefulRestart } = meeting;
  const settings = {
    namespace: pair.them,
    asn,
    ourAsn: OURS,
    transport,
    routes: THEIR_ROUTES,
    gracefulRestart,
  };
  theirs = DAEMONS[daemon]!({ ...settings, passive: passive === "them" });
  const us = await startOurs();
  await us.ask(
    "announce",
    OUR_ROUTES.map((prefix) => ({ prefix })),
  );
  await us.ask("setPeers", [peerFor(meeting)]);
  await us.ask("complete");
  await eventually(
    us,
    "all routes both ways",
    async () => (await received(us)) === 1000 && theirs!.prefixes().length === 1000,
  );
  return [us, theirs];
}

/** Waits for something to hold. @throws Error that says what our side saw */
async function eventually(
  us: OurSpeaker,
  what: string,
  holds: () => boolean | Promise<boolean>,
  limitMs = 20_000,
): Promise<void> {
  if (await holdsWithin(limitMs, holds)) return;
  const seen = JSON.stringify([await us.peers(), us.events.slice(-10), theirs?.prefixes().length], null, 1);
  throw new Error(`within ${limitMs} ms, not: ${what}\n${seen}`);
}

const received = async (us: OurSpeaker): Promise<number> => (await us.peers())[0]!.prefixes.accepted;

describe.skipIf(lacking !== undefined)(
  lacking === undefined ? "interop" : `interop (skipped: needs ${lacking})`,
  () => {
    beforeAll(() => {
      library = buildLibrary();
      pair = namespacePair();
      return () => pair.remove();
    });

    afterEach(async () => {
      await ours?.kill();
      await theirs?.stop();
      ours = undefined;
      theirs = undefined;
    });

    meetings();
    policies();
    refreshes();
    restarts();
    stops();
  },
);

function meetings(): void {
  test.each<Meeting>([
    { daemon: "BIRD", asn: 65001, transport: "v4", passive: "nobody", gracefulRestart: false },
    { daemon: "BIRD", asn: OURS, transport: "v6", passive: "us", gracefulRestart: true },
    { daemon: "BIRD", asn: 4_200_000_001, transport: "v6", passive: "them", gracefulRestart: false },
    { daemon: "FRR", asn: 65001, transport: "v4", passive: "nobody", gracefulRestart: false },
    { daemon: "FRR", asn: OURS, transport: "v4", passive: "us", gracefulRestart: true },
    { daemon: "FRR", asn: 4_200_000_001, transport: "v6", passive: "them", gracefulRestart: false },
  ])("$daemon AS $asn over $transport, $passive passive: 1000 routes both ways", async (meeting) => {
    const [us, them] = await meet(meeting);
    expect([...them.prefixes()].sort()).toEqual([...OUR_ROUTES].sort());
    const heard = await us.received(THEM[meeting.transport]);
    expect(heard.map(({ prefix }) => prefix).sort()).toEqual([...THEIR_ROUTES].sort());
    for (const { prefix, nextHop } of heard) expect(nextHop).toBe(prefix.includes(":") ? THEM.v6 : THEM.v4);
    await us.ask("withdraw", OUR_ROUTES.slice(0, 400));
    await eventually(us, "400 withdrawn", () => them.prefixes().length === 600);
    expect((await us.peers())[0]!.flaps).toBe(0);
  });
}

function policies(): void {
  test.each(["BIRD", "FRR"])("%s: another policy acts on the session that is there", async (daemon) => {
    const meeting: Meeting = {
      daemon,
      asn: 65001,
      transport: "v4",
      passive: "nobody",
      gracefulRestart: false,
    };
    const [us, them] = await meet(meeting);
    const match = { prefixes: [{ prefix: "10.0.0.0/8", minLength: 8, maxLength: 32 }] };
    const rule = (then: string): object => ({ name: "ten", match, then });
    const policy = { rules: [rule("reject")], otherwise: "accept" };
    await us.ask("setPeers", [{ ...peerFor(meeting), importPolicy: policy, exportPolicy: policy }]);
    await eventually(us, "IPv6 alone both ways", async () => {
      return (await received(us)) === V6_ROUTES && them.prefixes().length === V6_ROUTES;
    });
    await us.ask("setPeers", [peerFor(meeting)]);
    await eventually(
      us,
      "all again",
      async () => (await received(us)) === 1000 && them.prefixes().length === 1000,
    );
    expect((await us.peers())[0]!.flaps).toBe(0);
  });
}

function refreshes(): void {
  test("BIRD refreshes both ways, each between its begin and end (RFC 7313), and nobody loses a route", async () => {
    const meeting: Meeting = {
      daemon: "BIRD",
      asn: 65001,
      transport: "v4",
      passive: "nobody",
      gracefulRestart: false,
    };
    const [us, them] = await meet(meeting);
    const removals = them.removals();
    const refreshes = async (): Promise<(number | undefined)[]> => {
      const { messages } = (await us.peers())[0]!;
      return [messages.received["route-refresh"], messages.sent["route-refresh"]];
    };
    const are = async (...counts: number[]): Promise<boolean> => `${await refreshes()}` === `${counts}`;
    // A request for each family, and a begin and an end of ours for each.
    them.reload!("in");
    await eventually(us, "both families asked for and told", () => are(2, 4));
    them.reload!("out");
    await eventually(us, "a begin and an end of BIRD's for each", () => are(6, 4));
    await eventually(
      us,
      "nothing stale",
      async () => (await us.peers())[0]!.gracefulRestart.stalePaths === 0,
    );
    expect(await received(us)).toBe(1000);
    expect(them.prefixes()).toHaveLength(1000);
    expect(them.removals()).toBe(removals);
    expect(us.events.filter(({ on }) => on === "routes-gone")).toEqual([]);
    expect((await us.peers())[0]!.flaps).toBe(0);
  });
}

function restarts(): void {
  test.each(["BIRD", "FRR"])("%s keeps our routes while we are killed and come back", async (daemon) => {
    const meeting: Meeting = {
      daemon,
      asn: 65001,
      transport: "v4",
      passive: "nobody",
      gracefulRestart: true,
    };
    const [before, them] = await meet(meeting);
    const removals = them.removals();
    await before.kill();
    const counts = new Set<number>([them.prefixes().length]);
    const us = await startOurs(true);
    await us.ask("setPeers", [peerFor(meeting)]);
    await eventually(us, "the session is back", async () => {
      counts.add(them.prefixes().length);
      return (await received(us)) === 1000;
    });
    await us.ask(
      "announce",
      OUR_ROUTES.map((prefix) => ({ prefix })),
    );
    await us.ask("complete");
    await eventually(us, "all is told", async () => (await us.peers())[0]!.prefixes.advertised === 1000);
    for (let look = 0; look < 10; look++) {
      counts.add(them.prefixes().length);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect([...counts]).toEqual([1000]);
    expect(them.removals()).toBe(removals);
  });

  test("we keep BIRD's routes while it is killed and comes back", async () => {
    const meeting: Meeting = {
      daemon: "BIRD",
      asn: 65001,
      transport: "v4",
      passive: "nobody",
      gracefulRestart: true,
    };
    const [us, them] = await meet(meeting);
    await them.kill();
    await eventually(us, "stale", async () => (await us.peers())[0]!.gracefulRestart.stalePaths === 1000);
    expect(await received(us)).toBe(1000);
    them.restart();
    await eventually(
      us,
      "back, and nothing stale",
      async () => {
        const [peer] = await us.peers();
        return peer!.state === "established" && peer!.gracefulRestart.stalePaths === 0;
      },
      40_000,
    );
    expect(await received(us)).toBe(1000);
    expect(us.events.filter(({ on }) => on === "routes-gone")).toEqual([]);
  });
}

function stops(): void {
  test.each<[string, object, number]>([
    ["BIRD", { graceful: true, text: "upgrade" }, 1000],
    ["FRR", { graceful: true, text: "upgrade" }, 1000],
    ["BIRD", { text: "for good" }, 0],
    ["FRR", { text: "for good" }, 0],
  ])("%s, and our stop %j: it has %i of our routes then", async (daemon, how, kept) => {
    const meeting: Meeting = {
      daemon,
      asn: 65001,
      transport: "v4",
      passive: "nobody",
      gracefulRestart: true,
    };
    const [us, them] = await meet(meeting);
    await us.ask("stop", how);
    if (kept === 0) await eventually(us, "all gone", () => them.prefixes().length === 0);
    // What is to stay is looked at for a second, in which the other side has seen the end.
    for (let look = 0; look < 10; look++) {
      expect(them.prefixes()).toHaveLength(kept);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  });
}
