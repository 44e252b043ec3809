/** A daemon and our speaker at the two ends of a link of their own. */

import { execFileSync } from "node:child_process";
import type { Daemon, DaemonKind, DaemonSettings } from "../daemons/daemon.ts";
import { holdsWithin, namespacePair, type Pair, THEM, US } from "../namespaces.ts";
import { type OurPeer, OurSpeaker } from "../our-speaker.ts";

export const OUR_ASN = 65_000;

/** A third speaker, beside ours and in the same network: its address and AS, and what it tells each of the two. */
interface Third {
  readonly address: string;
  readonly asn: number;
  readonly toUs: readonly string[];
  /** None: it is no peer of theirs. */
  readonly toThem: readonly string[];
}

export interface SetUp {
  /** Of their AS. */
  readonly asn: number;
  readonly transport: "v4" | "v6";
  /** Who waits. */
  readonly passive: "us" | "them" | "nobody";
  readonly ourRoutes: readonly string[];
  readonly theirRoutes: readonly string[];
  readonly gracefulRestart?: true;
  /** A restart time of a second, behind which stale routes live on (RFC 9494). */
  readonly longLived?: true;
  readonly thirds?: readonly Third[];
  /** Options of our speaker, beside the usual ones. */
  readonly speaker?: object;
  /** Options of the peer on our side, beside the usual ones. */
  readonly ours?: object;
  /** Settings of theirs, beside the usual ones. */
  readonly theirs?: Partial<DaemonSettings>;
}

/** Longer than any timer that is waited for, by far. */
const PATIENCE_MS = 60_000;

export class Meeting {
  readonly setUp: SetUp;
  readonly them: Daemon;
  /** In the order of the set-up. */
  readonly thirds: readonly OurSpeaker[];
  readonly pair: Pair;
  readonly #library: string;
  #us: OurSpeaker;
  #flapsAtFirst = 0;

  private constructor(
    setUp: SetUp,
    library: string,
    pair: Pair,
    [us, them, thirds]: readonly [OurSpeaker, Daemon, readonly OurSpeaker[]],
  ) {
    this.setUp = setUp;
    this.#library = library;
    this.pair = pair;
    this.them = them;
    this.thirds = thirds;
    this.#us = us;
  }

  /** Both have been started, who waits for the other first, and know all that they are to say. */
  static async begin(kind: DaemonKind, setUp: SetUp, library: string): Promise<Meeting> {
    const { asn, transport, passive, theirRoutes, gracefulRestart = false, thirds = [], theirs } = setUp;
    const pair = namespacePair();
    const startTheirs = (): Promise<Daemon> =>
      kind.start({
        namespace: pair.them,
        asn,
        ourAsn: OUR_ASN,
        transport,
        passive: passive === "them",
        routes: theirRoutes,
        gracefulRestart,
        ...(setUp.longLived && { longLived: { restartSeconds: 1, staleSeconds: 60 } }),
        thirds: thirds.filter(({ toThem }) => toThem.length > 0),
        ...theirs,
      });
    try {
      const early = passive === "them" ? await startTheirs() : undefined;
      const us = await startOurs(pair, setUp, library, false);
      await announce(us, setUp);
      await setPeer(us, setUp);
      await us.ask("complete");
      const them = early ?? (await startTheirs());
      const others = await Promise.all(thirds.map((third) => startThird(pair, setUp, third, library)));
      return new Meeting(setUp, library, pair, [us, them, others]);
    } catch (error) {
      pair.remove();
      throw error;
    }
  }

  get us(): OurSpeaker {
    return this.#us;
  }

  announce(): Promise<void> {
    return announce(this.#us, this.setUp);
  }

  /** Sets our one peer; `others` go before what the set-up says. */
  setPeer(others: object = {}): Promise<void> {
    return setPeer(this.#us, this.setUp, others);
  }

  /** In place of ours, which was killed, one that knows that it follows another. */
  async restartOurs(): Promise<void> {
    this.#us = await startOurs(this.pair, this.setUp, this.#library, true);
    await this.setPeer();
  }

  async peer(): Promise<OurPeer> {
    return (await this.#us.peers())[0]!;
  }

  /**
   * Both are as they shall be. How often the session fell until then is no matter: where both connect, a daemon
   * with graceful restart takes the other's connection for a restart (RFC 4724 §4.2).
   */
  async settled(): Promise<void> {
    this.#flapsAtFirst = (await this.peer()).flaps;
  }

  /** How often our session to them fell since all was settled. */
  async flaps(): Promise<number> {
    return (await this.peer()).flaps - this.#flapsAtFirst;
  }

  /** @throws Error that says what both sides saw, when it does not come to hold */
  async eventually(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
    if (await holdsWithin(PATIENCE_MS, holds)) return;
    const seen = JSON.stringify([await this.#us.peers(), this.#us.events.slice(-10)], null, 1);
    const theirs = `they have ${await this.them.count()} of our routes, and say:\n${this.them.log()}`;
    throw new Error(`within ${PATIENCE_MS} ms, not: ${what}\n${seen}\n${theirs}`);
  }

  async end(): Promise<void> {
    await Promise.all([this.#us.kill(), this.them.stop(), ...this.thirds.map((third) => third.kill())]);
    this.pair.remove();
  }
}

const startOurs = (
  pair: Pair,
  { gracefulRestart, longLived, speaker }: SetUp,
  library: string,
  restarting: boolean,
): Promise<OurSpeaker> =>
  OurSpeaker.start({
    namespace: pair.us,
    library,
    listen: [US.v4, US.v6],
    options: {
      asn: OUR_ASN,
      routerId: US.v4,
      multipath: 4,
      advertiseInstalledOnly: false,
      ...(gracefulRestart && {
        gracefulRestart: { restartSeconds: longLived ? 1 : 60, notification: true, restarting },
      }),
      ...speaker,
    },
  });

/** It lives in our namespace, which makes no difference to anybody. */
async function startThird(
  pair: Pair,
  { asn: theirAsn }: SetUp,
  { address, asn, toUs, toThem }: Third,
  library: string,
): Promise<OurSpeaker> {
  execFileSync("ip", ["-n", pair.us, "addr", "add", `${address}/24`, "dev", "veth0"]);
  const options = { asn, routerId: address, multipath: 1, advertiseInstalledOnly: false };
  const speaker = await OurSpeaker.start({ namespace: pair.us, library, listen: [address], options });
  await speaker.ask(
    "announce",
    [...new Set([...toUs, ...toThem])].map((prefix) => ({ prefix })),
  );
  const only = (prefixes: readonly string[]): object => {
    const match = { prefixes: prefixes.map((prefix) => ({ prefix, minLength: 0, maxLength: 32 })) };
    return { rules: [{ name: "these", match, then: "accept" }], otherwise: "reject" };
  };
  const peer = { ...USUAL, localAddress: address };
  await speaker.ask("setPeers", [
    { ...peer, remote: US.v4, remoteAsn: OUR_ASN, exportPolicy: only(toUs) },
    ...(toThem.length === 0
      ? []
      : [{ ...peer, remote: THEM.v4, remoteAsn: theirAsn, exportPolicy: only(toThem) }]),
  ]);
  return speaker;
}

async function announce(us: OurSpeaker, { ourRoutes }: SetUp): Promise<void> {
  await us.ask(
    "announce",
    ourRoutes.map((prefix) => ({ prefix })),
  );
}

async function setPeer(us: OurSpeaker, setUp: SetUp, others: object = {}): Promise<void> {
  const { asn, transport, passive, thirds = [], ours } = setUp;
  const peer = {
    ...USUAL,
    remote: THEM[transport],
    remoteAsn: asn,
    passive: passive === "us",
    ...(setUp.longLived && { longLivedSeconds: { 4: 600, 6: 600 } }),
    ...ours,
    ...others,
  };
  const more = thirds.map((third) => ({
    ...USUAL,
    remote: third.address,
    remoteAsn: third.asn,
    passive: true,
  }));
  await us.ask("setPeers", [peer, ...more.map((each) => ({ ...each, localAddress: US.v4 }))]);
}

const USUAL = {
  port: 179,
  passive: false,
  holdSeconds: 9,
  families: [4, 6],
  importPolicy: "accept",
  exportPolicy: "accept",
  nextHopSelf: false,
  reflectorClient: false,
};
