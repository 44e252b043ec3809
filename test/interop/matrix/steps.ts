/** What must be seen on both ends: a step for each feature. */

import { execFileSync } from "node:child_process";
import { isDeepStrictEqual } from "node:util";
import { expect } from "vitest";
import { THEM, US } from "../namespaces.ts";
import type { OurRoute } from "../our-speaker.ts";
import { type Meeting, OUR_ASN } from "./meeting.ts";

export const SECRET = "correct-horse-battery";
export const CLUSTER = "10.77.0.99";

const sorted = (prefixes: readonly string[]): string[] => [...prefixes].sort();
const received = (meeting: Meeting): Promise<readonly OurRoute[]> =>
  meeting.us.received(THEM[meeting.setUp.transport]);

async function bothHave(meeting: Meeting, ours: number, theirs: number): Promise<boolean> {
  return (await meeting.peer()).prefixes.accepted === theirs && (await meeting.them.count()) === ours;
}

export async function exchange(meeting: Meeting): Promise<void> {
  const { ourRoutes, theirRoutes } = meeting.setUp;
  await meeting.eventually("all routes both ways", () =>
    bothHave(meeting, ourRoutes.length, theirRoutes.length),
  );
  await meeting.settled();
  for (const { prefix, nextHop } of await received(meeting)) {
    expect(nextHop, prefix).toBe(prefix.includes(":") ? THEM.v6 : THEM.v4);
  }
}

export async function ipv6NextHops(meeting: Meeting): Promise<void> {
  const { ourRoutes, theirRoutes } = meeting.setUp;
  await meeting.eventually("all routes both ways", () =>
    bothHave(meeting, ourRoutes.length, theirRoutes.length),
  );
  for (const { prefix, nextHop } of await received(meeting)) expect(nextHop, prefix).toBe(THEM.v6);
  for (const prefix of ourRoutes) expect(await meeting.them.details(prefix), prefix).toContain(US.v6);
}

export async function exactlyThose(meeting: Meeting): Promise<void> {
  const { ourRoutes, theirRoutes } = meeting.setUp;
  expect(sorted(await meeting.them.prefixes())).toEqual(sorted(ourRoutes));
  expect(sorted((await received(meeting)).map(({ prefix }) => prefix))).toEqual(sorted(theirRoutes));
  expect(await meeting.flaps()).toBe(0);
}

export async function asPaths(meeting: Meeting): Promise<void> {
  const paths = new Set((await received(meeting)).map(({ after }) => after?.asPath));
  expect([...paths]).toEqual([`${meeting.setUp.asn}`]);
  expect(await meeting.them.details(meeting.setUp.ourRoutes[0]!)).toContain(`${OUR_ASN}`);
}

export async function localPreference(meeting: Meeting): Promise<void> {
  for (const { after } of await received(meeting))
    expect(after).toMatchObject({ asPath: "", localPref: 100 });
}

export async function longMessage(meeting: Meeting): Promise<void> {
  const prefix = "198.51.100.0/24";
  const communities = Array.from({ length: 1500 }, (_, i) => OUR_ASN * 65_536 + i + 1);
  const count = await meeting.them.count();
  await meeting.us.ask("announce", [{ prefix, communities }]);
  await meeting.eventually("a route with all its communities", async () => {
    const details = await meeting.them.details(prefix);
    return /\b65000[:, ]+1\b/.test(details) && /\b65000[:, ]+1500\b/.test(details);
  });
  await meeting.us.ask("withdraw", [prefix]);
  await meeting.eventually("it is gone", async () => (await meeting.them.count()) === count);
}

export async function refresh(meeting: Meeting): Promise<void> {
  const { them, setUp } = meeting;
  const removals = them.removals();
  const { messages } = await meeting.peer();
  const asked = messages.received["route-refresh"] ?? 0;
  await them.askAgain!();
  await meeting.eventually("asked for both families", async () => {
    return (await meeting.peer()).messages.received["route-refresh"] === asked + 2;
  });
  await meeting.eventually("told again", async () => {
    const sent = (await meeting.peer()).messages.sent["update"]!;
    return sent > messages.sent["update"]!;
  });
  await meeting.eventually("as before", () =>
    bothHave(meeting, setUp.ourRoutes.length, setUp.theirRoutes.length),
  );
  expect(them.removals()).toBe(removals);
  expect(await meeting.flaps()).toBe(0);
}

export async function beginsAndEnds(meeting: Meeting): Promise<void> {
  await meeting.eventually("a begin and an end for each family", async () => {
    return (await meeting.peer()).messages.sent["route-refresh"] === 4;
  });
}

export async function theirReload(meeting: Meeting): Promise<void> {
  const { them, setUp } = meeting;
  const after = [...setUp.theirRoutes.slice(5, -5), "192.0.2.0/25", "2001:db8:ffff::/48"];
  // Between its UPDATEs there is a moment with as many routes, but not yet those.
  const exactly = (theirs: readonly string[]) => async (): Promise<boolean> =>
    isDeepStrictEqual(sorted((await received(meeting)).map(({ prefix }) => prefix)), sorted(theirs));
  await them.announce(after);
  await meeting.eventually("other routes", exactly(after));
  await them.announce(setUp.theirRoutes);
  await meeting.eventually("as before", exactly(setUp.theirRoutes));
  expect(await meeting.flaps()).toBe(0);
}

export async function ourReload(meeting: Meeting): Promise<void> {
  const { ourRoutes, theirRoutes } = meeting.setUp;
  const match = { prefixes: [{ prefix: "10.0.0.0/8", minLength: 8, maxLength: 32 }] };
  const policy = { rules: [{ name: "ten", match, then: "reject" }], otherwise: "accept" };
  const ofSix = (routes: readonly string[]): number => routes.filter((route) => route.includes(":")).length;
  await meeting.setPeer({ importPolicy: policy, exportPolicy: policy });
  await meeting.eventually("IPv6 alone both ways", () =>
    bothHave(meeting, ofSix(ourRoutes), ofSix(theirRoutes)),
  );
  await meeting.setPeer();
  await meeting.eventually("all again", () => bothHave(meeting, ourRoutes.length, theirRoutes.length));
  expect(await meeting.flaps()).toBe(0);
}

/** What the thirds tell us, and we them; and the other way round. */
const viaUs = ({ setUp }: Meeting): string => setUp.thirds![0]!.toUs[0]!;
const viaThem = ({ setUp }: Meeting): string => setUp.thirds![0]!.toThem[0]!;

/** AS numbers of the thirds whose path we have from them. */
async function told(meeting: Meeting): Promise<string[]> {
  const paths = (await received(meeting)).filter(({ prefix }) => prefix === viaThem(meeting));
  return paths.map(({ after }) => after!.asPath.split(" ").at(-1)!).sort();
}

/** AS numbers of the thirds whose path they have from us. */
async function held(meeting: Meeting): Promise<string[]> {
  const said = (await meeting.them.details(viaUs(meeting))).matchAll(/65000,? ?(6501[01])\b/g);
  return [...new Set([...said].map(([, asn]) => asn!))].sort();
}

export async function severalFromThem(meeting: Meeting): Promise<void> {
  const first = meeting.thirds[0]!;
  const are = (...asns: readonly string[]): Promise<void> =>
    meeting.eventually(`they sent paths of ${asns}`, async () => `${await told(meeting)}` === `${asns}`);
  await are("65010", "65011");
  const ids = (await received(meeting)).map(({ pathId }) => pathId);
  expect(new Set(ids).size).toBe(2);
  if (meeting.them.forgetsToWithdraw !== true) {
    await first.ask("withdraw", [viaThem(meeting)]);
    await are("65011");
  }
  expect(await meeting.flaps()).toBe(0);
}

export async function severalFromUs(meeting: Meeting): Promise<void> {
  const first = meeting.thirds[0]!;
  const are = (...asns: readonly string[]): Promise<void> =>
    meeting.eventually(`they have paths of ${asns}`, async () => `${await held(meeting)}` === `${asns}`);
  await are("65010", "65011");
  await first.ask("withdraw", [viaUs(meeting)]);
  await are("65011");
  await first.ask("announce", [{ prefix: viaUs(meeting) }]);
  await are("65010", "65011");
  expect(await meeting.flaps()).toBe(0);
}

export async function reflected(meeting: Meeting): Promise<void> {
  const { them, setUp } = meeting;
  const [host] = meeting.thirds;
  const { address, toUs } = setUp.thirds![0]!;
  const [first, second] = toUs;
  await meeting.eventually("two routes each way", async () => {
    return (await host!.received(US.v4)).length === 2 && (await them.count()) === 2;
  });
  expect(sorted(await them.prefixes())).toEqual([first, second]);
  const details = await them.details(first!);
  for (const said of [address, CLUSTER]) expect(details).toContain(said);
  for (const { prefix, nextHop } of await host!.received(US.v4)) {
    expect(setUp.theirRoutes).toContain(prefix);
    expect(nextHop).toBe(THEM.v4);
  }
  await host!.ask("withdraw", [first]);
  await meeting.eventually("one is gone", async () => (await them.count()) === 1);
  for (const { flaps } of await meeting.us.peers()) expect(flaps).toBe(0);
}

export async function stopForGood(meeting: Meeting): Promise<void> {
  await meeting.us.ask("stop", { text: "for good" });
  await meeting.eventually("all gone", async () => (await meeting.them.count()) === 0);
}

/** For a second, in which the other side has seen what happened. */
async function keepOurs(meeting: Meeting): Promise<void> {
  const counts = new Counts(meeting);
  for (let look = 0; look < 10; look++) {
    await counts.look();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  counts.wereAllOurs();
}

/** How many of our routes the other side has from one look to the next; one that it did not answer says nothing. */
class Counts {
  readonly #meeting: Meeting;
  readonly #seen: Set<number> = new Set();

  constructor(meeting: Meeting) {
    this.#meeting = meeting;
  }

  async look(): Promise<void> {
    const count = await this.#meeting.them.count();
    if (count !== undefined) this.#seen.add(count);
  }

  wereAllOurs(): void {
    expect([...this.#seen]).toEqual([this.#meeting.setUp.ourRoutes.length]);
  }
}

export async function theyRestart(meeting: Meeting): Promise<void> {
  const { them, us, setUp } = meeting;
  const count = setUp.theirRoutes.length;
  const before = us.events.length;
  await them.kill();
  await meeting.eventually("stale", async () => {
    return (await meeting.peer()).gracefulRestart.stalePaths === count;
  });
  expect((await meeting.peer()).prefixes.accepted).toBe(count);
  await them.restart();
  await meeting.eventually("back, and nothing stale", async () => {
    const { state, gracefulRestart } = await meeting.peer();
    return state === "established" && gracefulRestart.stalePaths === 0;
  });
  expect((await meeting.peer()).prefixes.accepted).toBe(count);
  expect(us.events.slice(before).filter(({ on }) => on === "routes-gone")).toEqual([]);
  await meeting.eventually("ours there too", () => bothHave(meeting, setUp.ourRoutes.length, count));
}

export async function weRestart(meeting: Meeting): Promise<void> {
  const { them, setUp } = meeting;
  const removals = them.removals();
  await meeting.us.kill();
  const counts = new Counts(meeting);
  await counts.look();
  await meeting.restartOurs();
  await meeting.eventually("the session is back", async () => {
    await counts.look();
    return (await meeting.peer()).prefixes.accepted === setUp.theirRoutes.length;
  });
  await meeting.announce();
  await meeting.us.ask("complete");
  await meeting.eventually("all is told", async () => {
    return (await meeting.peer()).prefixes.advertised === setUp.ourRoutes.length;
  });
  await keepOurs(meeting);
  counts.wereAllOurs();
  expect(them.removals()).toBe(removals);
}

export async function stopForRestart(meeting: Meeting): Promise<void> {
  await meeting.us.ask("stop", { graceful: true, text: "upgrade" });
  await keepOurs(meeting);
}

/** 65535:6 */
const LLGR_STALE = 0xffff_0006;

async function marked(meeting: Meeting, community: RegExp): Promise<boolean> {
  for (const prefix of meeting.setUp.ourRoutes) {
    if (!community.test(await meeting.them.details(prefix))) return false;
  }
  return true;
}

export async function drained(meeting: Meeting): Promise<void> {
  // The last is its name from before it was an RFC.
  const community = /65535[:, ]+0\b|graceful.?shutdown|planned.?shut/i;
  const order = (what: string): Promise<unknown> => meeting.us.ask("order", [THEM.v4, what]);
  await exchange(meeting);
  await order("drain");
  await meeting.eventually("drained there", () => marked(meeting, community));
  for (const { after } of await received(meeting)) expect(after?.localPref).toBe(0);
  await order("undrain");
  await meeting.eventually("no longer drained", async () => !(await marked(meeting, community)));
  expect(await meeting.flaps()).toBe(0);
}

export async function theyAreLongGone(meeting: Meeting): Promise<void> {
  const { them, us, setUp } = meeting;
  const count = setUp.theirRoutes.length;
  const before = us.events.length;
  const stale = async (): Promise<number> =>
    (await received(meeting)).filter(({ after }) => after?.communities.includes(LLGR_STALE)).length;
  await them.kill();
  await meeting.eventually("theirs are stale for long", async () => (await stale()) === count);
  const phases = (await meeting.peer()).gracefulRestart.stale.map(({ family, phase }) => [family, phase]);
  expect(phases).toEqual([
    [4, "long-lived"],
    [6, "long-lived"],
  ]);
  await them.restart();
  await meeting.eventually("they are back, and nothing is marked", async () => {
    return (await bothHave(meeting, setUp.ourRoutes.length, count)) && (await stale()) === 0;
  });
  expect(us.events.slice(before).filter(({ on }) => on === "routes-gone")).toEqual([]);
}

export async function weAreLongGone(meeting: Meeting): Promise<void> {
  const { them, setUp } = meeting;
  const { ourRoutes, theirRoutes } = setUp;
  const stale = /65535[:, ]+6\b|llgr.?stale/i;
  await meeting.us.kill();
  await meeting.eventually("ours are stale for long", () => marked(meeting, stale));
  expect(await them.prefixes()).toHaveLength(ourRoutes.length);
  const removals = them.removals();
  await meeting.restartOurs();
  await meeting.announce();
  await meeting.us.ask("complete");
  await meeting.eventually("we are back, and nothing is marked", async () => {
    return (await bothHave(meeting, ourRoutes.length, theirRoutes.length)) && !(await marked(meeting, stale));
  });
  expect(them.removals()).toBe(removals);
}

export async function ownPasswordAtLast(meeting: Meeting): Promise<void> {
  await meeting.eventually("a reason", async () => {
    return /^no answer: .*the peer has another password/.test((await meeting.peer()).lastError?.words ?? "");
  });
  expect(meeting.us.events.filter(({ on }) => on === "session-up")).toEqual([]);
  await meeting.setPeer({ password: SECRET });
  await samePassword(meeting);
}

export async function samePassword(meeting: Meeting): Promise<void> {
  await exchange(meeting);
  expect(await meeting.peer()).toMatchObject({ md5: true, flaps: 0 });
  expect(JSON.stringify([await meeting.us.peers(), meeting.us.events])).not.toContain(SECRET);
}

export async function neighboursAlone(meeting: Meeting): Promise<void> {
  await exchange(meeting);
  expect(await meeting.peer()).toMatchObject({ ttlSecurity: true, flaps: 0 });
}

export async function cutAndHealed(meeting: Meeting): Promise<void> {
  const { us, pair } = meeting;
  const bfdIs = (wanted: string): Promise<void> =>
    meeting.eventually(`BFD ${wanted}`, async () => (await meeting.peer()).bfd?.state === wanted);
  const link = (state: "up" | "down"): void => {
    execFileSync("ip", ["-n", pair.them, "link", "set", "veth0", state]);
  };
  const keepAddresses = "net.ipv6.conf.veth0.keep_addr_on_down=1";
  execFileSync("ip", ["netns", "exec", pair.them, "sysctl", "-qw", keepAddresses]);
  await exchange(meeting);
  await bfdIs("up");
  link("down");
  await meeting.eventually("no routes", async () => (await meeting.peer()).prefixes.received === 0);
  // Cease, BFD Down: not the hold time.
  const ceased = us.events.filter(({ on }) => on === "notification-sent");
  expect(ceased).toEqual([expect.objectContaining({ code: 6, subcode: 10 })]);
  link("up");
  await bfdIs("up");
  await meeting.eventually("learned again", async () => {
    return (await meeting.peer()).prefixes.accepted === meeting.setUp.theirRoutes.length;
  });
}
