/** A daemon and our speaker at the two ends of a link of their own. */

import type { Daemon, DaemonKind, DaemonSettings } from "../daemons/daemon.ts";
import { holdsWithin, namespacePair, type Pair, THEM, US } from "../namespaces.ts";
import { type OurPeer, OurSpeaker } from "../our-speaker.ts";

export const OUR_ASN = 65_000;

export interface SetUp {
  /** Of their AS. */
  readonly asn: number;
  readonly transport: "v4" | "v6";
  /** Who waits. */
  readonly passive: "us" | "them" | "nobody";
  readonly ourRoutes: readonly string[];
  readonly theirRoutes: readonly string[];
  readonly gracefulRestart?: true;
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
  readonly pair: Pair;
  readonly #library: string;
  #us: OurSpeaker;

  private constructor(setUp: SetUp, library: string, pair: Pair, them: Daemon, us: OurSpeaker) {
    this.setUp = setUp;
    this.#library = library;
    this.pair = pair;
    this.them = them;
    this.#us = us;
  }

  /** Both have been started, who waits for the other first, and know all that they are to say. */
  static async begin(kind: DaemonKind, setUp: SetUp, library: string): Promise<Meeting> {
    const { asn, transport, passive, theirRoutes, gracefulRestart = false, theirs } = setUp;
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
        ...theirs,
      });
    try {
      const early = passive === "them" ? await startTheirs() : undefined;
      const us = await startOurs(pair, setUp, library, false);
      await announce(us, setUp);
      await setPeer(us, setUp);
      await us.ask("complete");
      return new Meeting(setUp, library, pair, early ?? (await startTheirs()), us);
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

  /** @throws Error that says what both sides saw, when it does not come to hold */
  async eventually(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
    if (await holdsWithin(PATIENCE_MS, holds)) return;
    const seen = JSON.stringify([await this.#us.peers(), this.#us.events.slice(-10)], null, 1);
    const theirs = `they have ${await this.them.count()} of our routes, and say:\n${this.them.log()}`;
    throw new Error(`within ${PATIENCE_MS} ms, not: ${what}\n${seen}\n${theirs}`);
  }

  async end(): Promise<void> {
    await Promise.all([this.#us.kill(), this.them.stop()]);
    this.pair.remove();
  }
}

const startOurs = (
  pair: Pair,
  { gracefulRestart }: SetUp,
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
      ...(gracefulRestart && { gracefulRestart: { restartSeconds: 60, notification: true, restarting } }),
    },
  });

async function announce(us: OurSpeaker, { ourRoutes }: SetUp): Promise<void> {
  await us.ask(
    "announce",
    ourRoutes.map((prefix) => ({ prefix })),
  );
}

async function setPeer(us: OurSpeaker, setUp: SetUp, others: object = {}): Promise<void> {
  const { asn, transport, passive, ours } = setUp;
  const peer = {
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
    ...ours,
    ...others,
  };
  await us.ask("setPeers", [peer]);
}
