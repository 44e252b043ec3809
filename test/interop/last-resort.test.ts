/**
 * Long-lived graceful restart (RFC 9494) against BIRD and FRR, both roles: restart times of a second, so that what comes
 * behind them is soon there. While both are up, the session is drained (RFC 8326) and no longer.
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

const THEIRS = ["10.201.0.0/24", "10.201.1.0/24", "2001:db8:201::/48"];
const OURS = ["10.101.0.0/24", "10.101.1.0/24"];
const RESTART_SECONDS = 1;
/** 65535:6 */
const LLGR_STALE = 0xffff_0006;
const SHOWN = {
  BIRD: { stale: "(65535,6)", drained: "(65535,0)" },
  // FRR honors it, too.
  FRR: { stale: "llgr-stale", drained: "localpref 0" },
} as const;

const lacking = missing([BIRD, BIRDC, BGPD, VTYSH]);
if (lacking !== undefined && process.env["CI"] === "true") throw new Error(`interop needs ${lacking}`);

let library = "";
let pair: Pair;
let ours: OurSpeaker | undefined;
let theirs: Daemon | undefined;

async function startOurs(restarting: boolean): Promise<OurSpeaker> {
  const gracefulRestart = { restartSeconds: RESTART_SECONDS, notification: true, restarting };
  ours = await OurSpeaker.start({
    namespace: pair.us,
    library,
    listen: [US.v4],
    options: { asn: 65000, routerId: US.v4, multipath: 4, advertiseInstalledOnly: false, gracefulRestart },
  });
  const told = OURS.map((prefix) => ({ prefix }));
  await ours.ask("announce", told);
  await ours.ask("setPeers", [
    {
      remote: THEM.v4,
      remoteAsn: 65001,
      port: 179,
      passive: false,
      holdSeconds: 9,
      families: [4, 6],
      importPolicy: "accept",
      exportPolicy: "accept",
      nextHopSelf: false,
      reflectorClient: false,
      longLivedSeconds: { 4: 600, 6: 600 },
    },
  ]);
  await ours.ask("complete");
  return ours;
}

const START: Readonly<Record<keyof typeof SHOWN, (settings: DaemonSettings) => Daemon>> = {
  BIRD: startBird,
  FRR: startFrr,
};

async function eventually(
  what: string,
  holds: () => boolean | Promise<boolean>,
  limitMs = 20_000,
): Promise<void> {
  if (await holdsWithin(limitMs, holds)) return;
  const peers = await ours?.peers();
  throw new Error(
    `not: ${what}\n${JSON.stringify([peers, ours?.events.slice(-10), theirs?.prefixes()], null, 1)}`,
  );
}

/** What we hold of theirs, and how much of it is marked. */
async function held(): Promise<readonly [all: number, marked: number]> {
  const routes = await ours!.received(THEM.v4);
  return [
    routes.length,
    routes.filter(({ after }) => after?.communities.includes(LLGR_STALE) === true).length,
  ];
}

const hold = async (all: number, marked: number): Promise<boolean> =>
  `${await held()}` === `${[all, marked]}`;

describe.skipIf(lacking !== undefined)(
  lacking === undefined ? "last resort" : `last resort (skipped: needs ${lacking})`,
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

    test.each(["BIRD", "FRR"] as const)(
      "%s: each keeps the other's routes behind the restart time",
      async (name) => {
        theirs = START[name]({
          namespace: pair.them,
          asn: 65001,
          ourAsn: 65000,
          transport: "v4",
          passive: false,
          routes: THEIRS,
          gracefulRestart: true,
          longLived: { restartSeconds: RESTART_SECONDS, staleSeconds: 60 },
        });
        const us = await startOurs(false);
        const bothHold = async (): Promise<boolean> =>
          (await hold(THEIRS.length, 0)) && theirs!.prefixes().length === OURS.length;
        await eventually("all routes both ways", bothHold);

        const shows = (what: "stale" | "drained"): boolean =>
          OURS.every((prefix) => theirs!.details(prefix).toLowerCase().includes(SHOWN[name][what]));
        await us.ask("order", [THEM.v4, "drain"]);
        await eventually("drained", () => shows("drained"));
        const preferences = (await us.received(THEM.v4)).map(({ after }) => after?.localPref);
        expect(preferences).toEqual(THEIRS.map(() => 0));
        await us.ask("order", [THEM.v4, "undrain"]);
        await eventually("no longer drained", () => !shows("drained"));
        expect((await us.peers())[0]!.flaps).toBe(0);

        await theirs.kill();
        await eventually("its routes are stale for long", () => hold(THEIRS.length, THEIRS.length));
        const [peer] = await us.peers();
        expect(peer!.gracefulRestart.stale.map(({ family, phase }) => [family, phase])).toEqual([
          [4, "long-lived"],
          [6, "long-lived"],
        ]);
        expect(peer!.gracefulRestart.stale[0]!.leftMs).toBeLessThanOrEqual(60_000);
        theirs.restart();
        await eventually("it is back, and nothing is marked", bothHold, 40_000);
        expect(us.events.filter(({ on }) => on === "routes-gone")).toEqual([]);

        await us.kill();
        await eventually("ours are stale for long there", () => shows("stale"));
        expect(theirs.prefixes()).toHaveLength(OURS.length);
        const removals = theirs.removals();
        await startOurs(true);
        await eventually(
          "we are back, and nothing is marked there",
          async () => (await bothHold()) && !shows("stale"),
        );
        expect(theirs.removals()).toBe(removals);
      },
    );
  },
);
