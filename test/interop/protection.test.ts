/**
 * TCP-MD5 (RFC 2385) and GTSM (RFC 5082) with BIRD and FRR on the other side: sessions that come up with what both
 * agree on, and none with anything else.
 */

import { execFileSync, spawnSync } from "node:child_process";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { BGPD, BIRD, BIRDC, type Daemon, startBird, startFrr, VTYSH } from "./daemons.ts";
import { holdsWithin, missing, namespacePair, type Pair, THEM, US } from "./namespaces.ts";
import { buildLibrary, OurSpeaker } from "./our-speaker.ts";

const OURS = 65000;
const THEIRS = 65001;
const OUR_ROUTES = ["10.100.0.0/24", "2001:db8:100::/48"];
const THEIR_ROUTES = ["10.200.0.0/24", "2001:db8:200::/48"];
const SECRET = "correct-horse-battery";
/** A hold timer, a dial that nobody answers and a back-off, one after the other. */
const GTSM_MS = 150_000;

const lacking = missing([BIRD, BIRDC, BGPD, VTYSH, "/usr/sbin/nft"]);
const { CI } = process.env;
if (lacking !== undefined && CI === "true") throw new Error(`interop needs ${lacking}`);

interface Side {
  readonly password?: string;
  readonly ttlSecurity?: boolean;
}

interface Meeting {
  readonly daemon: "BIRD" | "FRR";
  readonly transport: "v4" | "v6";
  /** Who waits. */
  readonly passive: "us" | "them" | "nobody";
  /** We know them as a range. */
  readonly range?: string;
  readonly ours: Side;
  readonly theirs: Side;
}

let library = "";
let pair: Pair;
let us: OurSpeaker;
let them: Daemon;

function peerOf({ transport, passive, range, ours }: Meeting): object {
  return {
    remote: range ?? THEM[transport],
    remoteAsn: THEIRS,
    port: 179,
    passive: passive === "us",
    holdSeconds: 3,
    families: [4, 6],
    importPolicy: "accept",
    exportPolicy: "accept",
    nextHopSelf: false,
    ...ours,
  };
}

async function start(meeting: Meeting): Promise<void> {
  us = await OurSpeaker.start({
    namespace: pair.us,
    library,
    listen: [US.v4, US.v6],
    options: { asn: OURS, routerId: US.v4, multipath: 4, advertiseInstalledOnly: false },
  });
  await us.ask(
    "announce",
    OUR_ROUTES.map((prefix) => ({ prefix })),
  );
  await us.ask("setPeers", [peerOf(meeting)]);
  const { daemon, transport, passive, theirs } = meeting;
  const begin = daemon === "BIRD" ? startBird : startFrr;
  them = begin({
    namespace: pair.them,
    asn: THEIRS,
    ourAsn: OURS,
    transport,
    passive: passive === "them",
    routes: THEIR_ROUTES,
    gracefulRestart: false,
    ...theirs,
  });
}

async function eventually(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  if (await holdsWithin(25_000, holds)) return;
  throw new Error(`not: ${what}\n${JSON.stringify([await us.peers(), us.events.slice(-10)], null, 1)}`);
}

const routesBothWays = async (): Promise<boolean> =>
  (await us.peers())[0]?.prefixes.accepted === 2 && them.prefixes().length === 2;

const state = async (): Promise<string | undefined> => (await us.peers())[0]?.state;
const lastError = async (): Promise<string | undefined> => (await us.peers())[0]?.lastError?.words;

/** What a plain connection from their side to our port comes to. */
const knock = (): "answered" | "silence" => {
  const script = `require("net").connect({ host: "${US.v4}", port: 179 }).on("connect", () => process.exit(0))
    .on("error", () => process.exit(0)); setTimeout(() => process.exit(1), 1500)`;
  const words = ["netns", "exec", pair.them, process.execPath, "-e", script];
  return spawnSync("ip", words).status === 0 ? "answered" : "silence";
};

describe.skipIf(lacking !== undefined)(
  lacking === undefined ? "protected sessions" : `protected sessions (skipped: needs ${lacking})`,
  () => {
    beforeAll(() => {
      library = buildLibrary();
      pair = namespacePair();
      return () => pair.remove();
    });

    afterEach(async () => {
      await us.kill();
      await them.stop();
    });

    agreements();
    disagreements();
    test("the key of a peer is there before it may connect, and goes with it", async () => {
      await start({ ...PLAIN, passive: "us", ours: { password: SECRET }, theirs: { password: SECRET } });
      expect(knock()).toBe("silence");
      await us.ask("setPeers", []);
      expect(knock()).toBe("answered");
    });
    neighbours();
  },
);

const PLAIN: Meeting = { daemon: "BIRD", transport: "v4", passive: "nobody", ours: {}, theirs: {} };

function agreements(): void {
  const md5 = { password: SECRET };
  const gtsm = { ttlSecurity: true };
  test.each<Omit<Meeting, "ours" | "theirs"> & { readonly both: Side }>([
    { daemon: "BIRD", transport: "v4", passive: "us", both: md5 },
    { daemon: "BIRD", transport: "v4", passive: "them", both: { password: "x".repeat(80) } },
    { daemon: "BIRD", transport: "v6", passive: "us", both: md5 },
    { daemon: "BIRD", transport: "v6", passive: "them", both: md5 },
    { daemon: "FRR", transport: "v4", passive: "us", both: md5 },
    { daemon: "FRR", transport: "v4", passive: "them", both: md5 },
    { daemon: "FRR", transport: "v6", passive: "nobody", both: md5 },
    { daemon: "BIRD", transport: "v4", passive: "us", range: "10.77.0.0/25", both: md5 },
    { daemon: "FRR", transport: "v6", passive: "us", range: "2001:db8:77::/64", both: { ...md5, ...gtsm } },
    { daemon: "BIRD", transport: "v4", passive: "us", both: gtsm },
    { daemon: "BIRD", transport: "v6", passive: "them", both: gtsm },
    { daemon: "FRR", transport: "v4", passive: "them", both: gtsm },
    { daemon: "FRR", transport: "v6", passive: "us", both: gtsm },
    { daemon: "BIRD", transport: "v6", passive: "nobody", both: { ...md5, ...gtsm } },
  ])("$daemon over $transport, $passive passive, range $range, both with $both", async ({ both, ...how }) => {
    await start({ ...how, ours: both, theirs: both });
    await eventually("routes both ways", routesBothWays);
    const [peer] = await us.peers();
    expect(peer).toMatchObject({
      md5: both.password !== undefined,
      ttlSecurity: both.ttlSecurity === true,
      flaps: 0,
    });
    expect(JSON.stringify([await us.peers(), us.events])).not.toContain(SECRET);
  });
}

function disagreements(): void {
  test.each<Pick<Meeting, "daemon" | "transport" | "ours" | "theirs"> & { readonly says: RegExp }>([
    {
      daemon: "BIRD",
      transport: "v4",
      ours: { password: "wrong" },
      theirs: { password: SECRET },
      says: /^no answer: .*the peer has another password/,
    },
    {
      daemon: "FRR",
      transport: "v6",
      ours: { password: "wrong" },
      theirs: { password: SECRET },
      says: /^no answer: .*the peer has another password/,
    },
    {
      daemon: "BIRD",
      transport: "v6",
      ours: {},
      theirs: { password: SECRET },
      says: /^no answer: .*the peer wants a password/,
    },
    {
      daemon: "FRR",
      transport: "v4",
      ours: { password: SECRET },
      theirs: {},
      says: /^no answer: .*or none/,
    },
  ])("$daemon over $transport, ours $ours, theirs $theirs: no session, and why", async (meeting) => {
    const { theirs, says } = meeting;
    const whole: Meeting = { ...meeting, passive: "nobody" };
    await start(whole);
    await eventually("a reason", async () => says.test((await lastError()) ?? ""));
    expect(await state()).not.toBe("established");
    expect(us.events.filter(({ on }) => on === "session-up")).toEqual([]);
    // The same peers with the right password: nothing else kept them apart.
    await us.ask("setPeers", [peerOf({ ...whole, ours: theirs })]);
    await eventually("routes both ways", routesBothWays);
  });
}

function neighbours(): void {
  test.each(["v4", "v6"] as const)(
    "over %s, packets of TTL 254 are dropped",
    async (transport) => {
      const both = { ttlSecurity: true };
      await start({ ...PLAIN, transport, ours: both, theirs: both });
      await eventually("routes both ways", routesBothWays);
      const rule = transport === "v4" ? "ip ttl set 254" : "ip6 hoplimit set 254";
      const table = `table inet md5test { chain out { type filter hook output priority 0; ${rule}; }; }`;
      const nft = (...words: string[]): void => {
        execFileSync("ip", ["netns", "exec", pair.them, "nft", ...words]);
      };
      nft(table);
      try {
        await eventually("the session is lost", () => us.events.some(({ on }) => on === "session-down"));
        expect(us.events.find(({ on }) => on === "session-down")).toMatchObject({ reason: "hold timer" });
        const ups = us.events.filter(({ on }) => on === "session-up").length;
        await eventually("a dial without an answer", async () =>
          /more than one hop away/.test((await lastError()) ?? ""),
        );
        expect(us.events.filter(({ on }) => on === "session-up")).toHaveLength(ups);
      } finally {
        nft("delete", "table", "inet", "md5test");
      }
      await eventually("routes both ways again", routesBothWays);
    },
    GTSM_MS,
  );
}
