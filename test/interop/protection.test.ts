/**
 * What TCP-MD5 (RFC 2385) and GTSM (RFC 5082) keep out, and peers by range; sessions that agree are rows of the matrix.
 * The parts wait for timers, side by side.
 */

import { beforeAll, describe, expect, test, vi } from "vitest";
import { bird } from "./daemons/bird.ts";
import type { DaemonKind } from "./daemons/daemon.ts";
import { frr } from "./daemons/frr.ts";
import { said } from "./daemons/program.ts";
import { Meeting, type SetUp } from "./matrix/meeting.ts";
import { missing, US } from "./namespaces.ts";
import { buildLibrary } from "./our-speaker.ts";

vi.setConfig({ maxConcurrency: 10, testTimeout: 180_000 });

const lacking = missing([...bird.programs, ...frr.programs, "/usr/sbin/nft"]);
const { CI } = process.env;
if (lacking !== undefined && CI === "true") throw new Error(`interop needs ${lacking}`);

const SECRET = "correct-horse-battery";
const PLAIN = {
  asn: 65_001,
  passive: "nobody",
  ourRoutes: ["10.100.0.0/24", "2001:db8:100::/48"],
  theirRoutes: ["10.200.0.0/24", "2001:db8:200::/48"],
} as const;

let library = "";

/** Runs `part` of a test between a beginning and an end. */
async function during(
  kind: DaemonKind,
  setUp: SetUp,
  part: (meeting: Meeting) => Promise<void>,
): Promise<void> {
  const meeting = await Meeting.begin(kind, setUp, library);
  try {
    await part(meeting);
  } finally {
    await meeting.end();
  }
}

const routesBothWays = (meeting: Meeting): Promise<void> =>
  meeting.eventually("routes both ways", async () => {
    return (await meeting.us.peers())[0]?.prefixes.accepted === 2 && (await meeting.them.count()) === 2;
  });

const reason = (meeting: Meeting, says: RegExp): Promise<void> =>
  meeting.eventually(`${says}`, async () => says.test((await meeting.peer()).lastError?.words ?? ""));

describe.skipIf(lacking !== undefined)(
  lacking === undefined ? "protected sessions" : `protected sessions (skipped: needs ${lacking})`,
  { concurrent: true },
  () => {
    beforeAll(() => {
      library = buildLibrary();
    });

    ranges();
    disagreements();
    strangers();
    distantPeers();
  },
);

function ranges(): void {
  const md5 = { password: SECRET };
  const both = { ...md5, ttlSecurity: true };
  test.for([
    { kind: bird, transport: "v4", range: "10.77.0.0/25", protection: md5 },
    { kind: frr, transport: "v6", range: "2001:db8:77::/64", protection: both },
    { kind: bird, transport: "v6", range: "2001:db8:77::/64", protection: { password: "x".repeat(80) } },
  ] as const)("$kind.name is of range $range, both with $protection", async (row) => {
    const { kind, transport, range, protection } = row;
    const ours = { remote: range, ...protection };
    await during(kind, { ...PLAIN, transport, passive: "us", ours, theirs: protection }, async (meeting) => {
      await routesBothWays(meeting);
      expect(await meeting.peer()).toMatchObject({
        md5: true,
        ttlSecurity: "ttlSecurity" in protection,
        flaps: 0,
      });
    });
  });
}

function disagreements(): void {
  test.for([
    {
      kind: bird,
      transport: "v6",
      ours: {},
      theirs: { password: SECRET },
      says: /the peer wants a password/,
    },
    { kind: frr, transport: "v4", ours: { password: SECRET }, theirs: {}, says: /or none/ },
  ] as const)("$kind.name over $transport, ours $ours, theirs $theirs: no session, and why", async (row) => {
    const { kind, transport, ours, theirs, says } = row;
    await during(kind, { ...PLAIN, transport, ours, theirs }, async (meeting) => {
      await reason(meeting, says);
      expect((await meeting.peer()).state).not.toBe("established");
      expect(meeting.us.events.filter(({ on }) => on === "session-up")).toEqual([]);
      // Nothing else kept them apart.
      await meeting.setPeer({ password: undefined, ...theirs });
      await routesBothWays(meeting);
    });
  });
}

/** What a plain connection from their side to our port comes to. */
async function knock({ pair }: Meeting): Promise<"answered" | "silence"> {
  const script = `require("net").connect({ host: "${US.v4}", port: 179 }).on("connect", () => process.exit(0))
    .on("error", () => process.exit(0)); setTimeout(() => process.exit(1), 3000)`;
  const words = ["netns", "exec", pair.them, process.execPath, "-e", script];
  return said("ip", words).then(
    () => "answered",
    () => "silence",
  );
}

function strangers(): void {
  test("the key of a peer is there before it may connect, and goes with it", async () => {
    const md5 = { password: SECRET };
    const setUp: SetUp = { ...PLAIN, transport: "v4", passive: "us", ours: md5, theirs: md5 };
    await during(bird, setUp, async (meeting) => {
      expect(await knock(meeting)).toBe("silence");
      await meeting.us.ask("setPeers", []);
      expect(await knock(meeting)).toBe("answered");
    });
  });
}

function distantPeers(): void {
  test.for(["v4", "v6"] as const)("over %s, packets of TTL 254 are dropped", async (transport) => {
    const both = { ttlSecurity: true };
    const ours = { ...both, holdSeconds: 3 };
    await during(bird, { ...PLAIN, transport, ours, theirs: both }, async (meeting) => {
      await routesBothWays(meeting);
      const before = meeting.us.events.length;
      const rule = transport === "v4" ? "ip ttl set 254" : "ip6 hoplimit set 254";
      const table = `table inet distance { chain out { type filter hook output priority 0; ${rule}; }; }`;
      const nft = (...words: string[]): Promise<string> =>
        said("ip", ["netns", "exec", meeting.pair.them, "nft", ...words]);
      await nft(table);
      const { events } = meeting.us;
      // Where both dialled, one of two connections went before.
      const downs = (): typeof events => events.slice(before).filter(({ on }) => on === "session-down");
      await meeting.eventually("the session is lost", () => downs().length > 0);
      expect(downs()[0]).toMatchObject({ reason: "hold timer" });
      const ups = events.filter(({ on }) => on === "session-up").length;
      await reason(meeting, /more than one hop away/);
      expect(events.filter(({ on }) => on === "session-up")).toHaveLength(ups);
      await nft("delete", "table", "inet", "distance");
      await routesBothWays(meeting);
    });
  });
}
