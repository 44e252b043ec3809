/**
 * A running gateway: the speaker, the reconciler, the forwarding plane, the health checks and the API, wired.
 *
 * Everything that happens ends in `reconciler.wake()`; everything that is shown is read from snapshots when asked for.
 */

import { type NodeWorld, nodeWorld } from "../bgp/io/node-world.ts";
import { type Address, contains } from "../bgp/net/address.ts";
import type { ChangeMarks } from "../bgp/net/change-marks.ts";
import { formatAddress } from "../bgp/net/text.ts";
import { Speaker, type StopHow } from "../bgp/speaker/speaker.ts";
import { describe } from "../config/diff.ts";
import type { Settings } from "../config/settings.ts";
import type { Announcer } from "../gateway/announcer.ts";
import type { Link, Problem } from "../gateway/intent.ts";
import { Reconciler } from "../gateway/reconcile.ts";
import type { Snapshot } from "../gateway/snapshot.ts";
import { peerInterfaces, peerOptions, speakerOptions } from "../gateway/speaker-plan.ts";
import { workingInterfaces } from "../gateway/working.ts";
import { NO_LIMITS } from "../model/address-limits.ts";
import { blockPlan } from "../model/blocks.ts";
import type { Model } from "../model/model.ts";
import type { NatTable } from "../nat/table.ts";
import type { Advertisement } from "../neutron/advertisements.ts";
import { Algs } from "./algs.ts";
import { systemClock } from "./clock.ts";
import { compare } from "./config-file.ts";
import { Drains } from "./drains.ts";
import { Exhaustion } from "./exhaustion.ts";
import { type Forwarding, openForwarding } from "./forwarding.ts";
import { GivenBlocks } from "./given-blocks.ts";
import { HealthChecks } from "./health.ts";
import { type Held, heldBy } from "./held.ts";
import { changedLinks, turnedLinks } from "./links.ts";
import { listenForPeers } from "./listen.ts";
import { NextHopTracker } from "./next-hops.ts";
import type { DhcpState } from "./objects/dhcp-server.ts";
import { PcpServer } from "./pcp/pcp-server.ts";
import { BlockHistory } from "./records/block-history.ts";
import type { Change } from "./records/events.ts";
import type { Log } from "./records/log.ts";
import { Monitors } from "./records/monitors.ts";
import { NatLogs } from "./records/nat-logs.ts";
import { REJECTIONS_MS, Rejections } from "./records/rejections.ts";
import { SpeakerLog } from "./records/speaker-log.ts";
import { Tally } from "./tally.ts";
import { VERSION } from "./version.ts";

/**
 * How long a restarted gateway waits for its peers to tell what they know before it removes from the kernel what
 * nobody told again (RFC 4724 §4.1, Selection_Deferral_Timer).
 */
const DEFERRAL_MS = 30_000;

/** What was made through the API, as far as it concerns this machine. */
export interface Objects {
  /** The file's model and what they add to it; the same value for the same ones. */
  readonly extend: (file: Model) => Model;
  /** Where it is to be noted which prefixes are reached in other ways, or no longer. */
  readonly marks: ChangeMarks;
  /** Whether a port of another host has that address. */
  readonly isElsewhere: (address: Address) => boolean;
  /** For the instances of this host; the same value for the same ones. */
  readonly advertisements: () => readonly Advertisement[];
  /** Told after each pass: the interfaces of ports that packets reach, and all links. */
  readonly working: (model: Model, interfaces: ReadonlySet<string>, links: readonly Link[]) => void;
  /** Undefined when there is nobody to serve. */
  readonly dhcp: () => DhcpState | undefined;
  readonly problems: () => readonly Problem[];
}

/** Hears of what we announce, and no longer do. */
type Tell = (change: Change) => void;

/**
 * How long it waits after that for peers that RFC 4724 §4.1 does not wait for, since they say that they are restarting
 * themselves: FRR does for two minutes after its start, and sends its routes half a second after the session is up.
 */
const LATE_ROUTES_MS = 3000;

export class Gateway {
  readonly speaker: Speaker;
  readonly reconciler: Reconciler;
  readonly checks: HealthChecks;
  readonly forwarding: Forwarding;
  readonly tally: Tally;
  readonly monitors: Monitors;
  readonly nextHops: NextHopTracker;
  readonly blockHistory: BlockHistory;
  readonly drains: Drains;
  readonly givenBlocks: GivenBlocks;
  readonly natLogs: NatLogs;
  /** Undefined where nothing is translated. */
  readonly pcp: PcpServer | undefined;
  readonly #exhaustion: Exhaustion;
  readonly #algs: Algs;
  readonly #speakerLog: SpeakerLog;
  readonly #world: NodeWorld;
  readonly #log: Log;
  readonly #held: Held;
  readonly #objects: Objects;
  #settings: Settings;
  #links: readonly Link[] = [];
  #learnedComplete: boolean;
  #complete = false;
  #advertised: readonly Advertisement[] | undefined;
  #callOff: (() => void) | undefined;

  /**
   * Opens the forwarding plane and looks at what it holds. Nothing is changed and nobody spoken to before {@link begin}.
   * @throws KernelError
   */
  static async open(settings: Settings, log: Log, objects: Objects, tell: Tell): Promise<Gateway> {
    const forwarding = await openForwarding(settings.model, log);
    try {
      const held = await heldBy(forwarding.dataplane, blockPlan(settings.model.nat));
      return new Gateway(settings, { log, tell }, objects, forwarding, held);
    } catch (error) {
      await forwarding.close();
      throw error;
    }
  }

  private constructor(
    settings: Settings,
    { log, tell }: { readonly log: Log; readonly tell: Tell },
    objects: Objects,
    forwarding: Forwarding,
    held: Held,
  ) {
    const restarting = held.routes > 0 || held.nat;
    this.#settings = settings;
    this.#objects = objects;
    this.#log = log;
    this.forwarding = forwarding;
    this.#held = held;
    this.tally = new Tally(log);
    const lookAgain = (): void => this.#takeProblems(this.reconciler.snapshot());
    this.#exhaustion = new Exhaustion(forwarding, () => this.model.nat.pools, lookAgain);
    this.blockHistory = new BlockHistory(settings.model.nat.blockHistory, log);
    this.drains = new Drains({
      model: () => this.model,
      programmed: () => programmedNat(this.reconciler.snapshot()),
      sessions: forwarding.sessions,
      changed: () => this.reconciler.wake(),
      log,
    });
    this.givenBlocks = this.#openGivenBlocks(held.givenBlocks);
    this.#algs = new Algs(forwarding, () => this.reconciler.wake());
    this.natLogs = new NatLogs({
      source: forwarding.natLog,
      hostname: settings.model.hostname,
      limits: () => this.reconciler.snapshot().intent?.nat.limits ?? NO_LIMITS,
      changed: lookAgain,
    });
    this.pcp = forwarding.grants && this.#pcpServer(forwarding.grants);
    this.#speakerLog = new SpeakerLog(log, systemClock);
    this.#learnedComplete = !restarting;
    this.#world = nodeWorld();
    const { marks } = objects;
    this.speaker = new Speaker({ ...speakerOptions(settings.model, restarting), marks }, this.#world);
    this.monitors = new Monitors({
      speaker: this.speaker,
      log,
      system: { name: settings.model.hostname, description: `gatewayd ${VERSION}` },
    });
    const { speaker } = this;
    this.nextHops = new NextHopTracker(
      {
        track: (needs) => forwarding.track(needs),
        tell: (told) => speaker.setNextHops(told),
        decided: () => speaker.flushed(),
        lost: (nextHops) => this.reconciler.lost(nextHops, speaker.flushed()),
        changed: () => this.reconciler.rerouted(),
      },
      settings.model.bgp.nextHopTracking.viaDefault,
    );
    this.checks = new HealthChecks(systemClock, log, () => this.reconciler.wake());
    this.reconciler = new Reconciler({
      sources: {
        model: () => this.drains.applied(this.#algs.applied(this.model)),
        links: () => this.#links,
        hops: () => this.nextHops.hops,
        learnedComplete: () => this.#learnedComplete,
        health: () => this.checks.health(),
        isElsewhere: (address) => this.#objects.isElsewhere(address),
        givenBlocks: () => this.givenBlocks.of(this.drains.applied(this.model)),
      },
      learned: this.speaker.follow(() => this.reconciler.routesChanged()),
      dataplane: forwarding.dataplane,
      announcer: announcerOf(this.speaker, tell),
      clock: systemClock,
      passed: (snapshot) => this.#passed(snapshot),
    });
  }

  get settings(): Settings {
    return this.#settings;
  }

  get model(): Model {
    return this.#objects.extend(this.#settings.model);
  }

  get links(): readonly Link[] {
    return this.#links;
  }

  /** Every peer that was waited for has told what it knows, and all of it was acted upon once. */
  get complete(): boolean {
    return this.#complete;
  }

  /** Listens, dials, programs. @throws Error when BGP cannot listen; the text says where and what to do */
  async begin(): Promise<void> {
    this.speaker.onEvent((event) => {
      this.#speakerLog.take(event);
      if (event.on === "session-down" && !event.retained)
        this.reconciler.lost([event.peer], this.speaker.flushed());
      else if (event.on === "session-up") this.reconciler.found(event.peer);
    });
    await listenForPeers(this.#world, this.model.bgp.listen);
    this.speaker.onNextHops((needs) => this.nextHops.need(needs));
    this.forwarding.attach({
      ways: (ways) => this.nextHops.hear(ways),
      forgot: () => this.nextHops.askAgain(),
      links: (links) => this.#linksAre(links),
      neighbour: (address) => this.speaker.setNeighbour(address),
      doubt: () => this.reconciler.resync(),
    });
    this.speaker.rpki.setCaches(this.model.bgp.rpki.caches);
    this.monitors.set(this.model.bgp);
    this.natLogs.set(this.model.nat.log);
    this.pcp?.set(this.model.nat);
    this.speaker.setPeers(peerOptions(this.model));
    this.forwarding.seek(peerInterfaces(this.model));
    this.checks.watch(this.model);
    if (!this.#learnedComplete) this.#waitForPeers(this.#held);
    this.reconciler.wake();
    this.#lookForRejections(new Rejections(this.#log));
  }

  /**
   * Takes over another configuration, or nothing of it.
   * @returns what could not change while the daemon runs; empty when all of it is in force
   */
  reload(settings: Settings): readonly string[] {
    const { changes, fixed } = compare(this.#settings, settings);
    if (fixed.length > 0) return fixed;
    // First, since it changes nothing when it fails: the kernel may refuse a password.
    this.speaker.setPeers(peerOptions(settings.model));
    this.speaker.rpki.setCaches(settings.model.bgp.rpki.caches);
    this.monitors.set(settings.model.bgp);
    this.natLogs.set(settings.model.nat.log);
    this.pcp?.set(settings.model.nat);
    this.#settings = settings;
    this.#log.level = settings.log.level;
    for (const change of changes) this.#log.info({ event: "config.change" }, describe(change));
    this.forwarding.seek(peerInterfaces(settings.model));
    this.nextHops.configure(settings.model.bgp.nextHopTracking.viaDefault);
    this.objectsChanged();
    return [];
  }

  /** Pools or anycast services were made through the API, or deleted. */
  objectsChanged(): void {
    this.checks.watch(this.model);
    this.reconciler.wake();
  }

  /** Ends every session. What is programmed in the kernel stays. */
  async stop(how: StopHow): Promise<void> {
    this.#callOff?.();
    this.checks.stop();
    this.#exhaustion.stop();
    this.drains.stop();
    this.givenBlocks.stop();
    await this.pcp?.close();
    await this.reconciler.stop();
    await this.blockHistory.close();
    await this.natLogs.close();
    this.speaker.stop(how);
    await this.monitors.close();
    await this.#world.close();
    await this.forwarding.close();
  }

  get dhcp(): DhcpState | undefined {
    return this.#objects.dhcp();
  }

  /** What is asked for and cannot be. */
  problems(snapshot: Snapshot): readonly Problem[] {
    const own = [this.blockHistory.problem, this.natLogs.problem, this.givenBlocks.problem];
    return [
      ...snapshot.problems,
      ...this.nextHops.problems(),
      ...this.#objects.problems(),
      ...(this.pcp?.problems() ?? []),
      ...this.#algs.problems(this.model),
      ...this.#exhaustion.problems,
      ...own.filter((problem) => problem !== undefined),
    ];
  }

  /** @param held - those that the kernel has */
  #openGivenBlocks(held: Held["givenBlocks"]): GivenBlocks {
    const given = new GivenBlocks({
      model: () => this.model,
      programmed: () => programmedNat(this.reconciler.snapshot()),
      listSet: (name) => this.forwarding.natLog.listSet(name),
      sessions: this.forwarding.sessions,
      note: (changes) => this.blockHistory.note(changes),
      changed: (changes) => {
        this.natLogs.grantsChanged(changes);
        this.reconciler.wake();
      },
      now: Date.now,
    });
    given.begin(held, this.blockHistory.given);
    return given;
  }

  #pcpServer(kernel: NonNullable<Forwarding["grants"]>): PcpServer {
    return new PcpServer(this.#settings.model.nat, {
      kernel,
      table: () => programmedNat(this.reconciler.snapshot()),
      changed: () => this.#takeProblems(this.reconciler.snapshot()),
      log: this.#log,
    });
  }

  #takeProblems(snapshot: Snapshot): void {
    this.tally.take({ ...snapshot, problems: this.problems(snapshot) });
  }

  #waitForPeers({ routes, nextHops }: Held): void {
    const ranges = this.model.bgp.peers.flatMap(({ remote }) => ("range" in remote ? remote.range : []));
    const expected = nextHops.filter((hop) => ranges.some((range) => contains(range, hop)));
    this.#log.info(
      { event: "gateway.resume", routes, peers: expected.map(formatAddress) },
      "the kernel forwards for the gateway before this one; nothing is removed until peers have told what they know",
    );
    this.speaker.expect(expected);
    void this.speaker.learned(DEFERRAL_MS).then(({ missing }) => {
      if (missing.length > 0) {
        const peers = missing.map(formatAddress);
        this.#log.warn({ event: "gateway.deferral-over", peers }, "these peers did not come back in time");
      }
      systemClock.at(systemClock.now() + LATE_ROUTES_MS, () => {
        this.#learnedComplete = true;
        this.reconciler.wake();
      });
    });
  }

  #lookForRejections(rejections: Rejections): void {
    this.#callOff = systemClock.at(systemClock.now() + REJECTIONS_MS, () => {
      rejections.look(this.speaker);
      this.#lookForRejections(rejections);
    });
  }

  #linksAre(links: readonly Link[]): void {
    const changed = changedLinks(this.#links, links);
    const turned = turnedLinks(this.#links, links);
    this.#links = links;
    for (const name of changed) this.reconciler.linkChanged(name);
    for (const { name, networks, up } of turned) this.speaker.setLink(name, networks, up);
    if (changed.length > 0) this.reconciler.wake();
  }

  #passed(snapshot: Snapshot): void {
    const nat = programmedNat(snapshot);
    if (nat !== undefined) this.pcp?.programmed(nat, snapshot.driftRepairs);
    if (snapshot.natProgrammed && this.forwarding.type === "linux") {
      const before = this.blockHistory.plan;
      this.blockHistory.take(snapshot.intent?.nat.blocks, Date.now());
      const after = this.blockHistory.plan;
      if (before !== after) this.natLogs.blocksChanged(before, after);
    }
    if (snapshot.synced) {
      const { model } = this;
      const advertisements = this.#objects.advertisements();
      if (advertisements !== this.#advertised) this.forwarding.advertise(advertisements);
      this.#advertised = advertisements;
      this.#objects.working(model, workingInterfaces(model, snapshot.announced), this.#links);
    }
    this.#takeProblems(snapshot);
    if (this.#complete || !snapshot.synced || !this.#learnedComplete) return;
    this.#complete = true;
    this.speaker.complete();
    const facts = { announced: snapshot.announced.size, routes: snapshot.installed };
    this.#log.info({ event: "gateway.ready", ...facts }, "everything is programmed and announced");
  }
}

const programmedNat = ({ natProgrammed, intent }: Snapshot): NatTable | undefined =>
  natProgrammed ? intent?.nat : undefined;

const announcerOf = (speaker: Speaker, tell: Tell): Announcer => ({
  announce: (route) => {
    speaker.announce([route]);
    tell({ prefix: route.prefix, tag: route.tag });
  },
  withdraw: (prefix) => {
    speaker.withdraw([prefix]);
    tell({ prefix, tag: undefined });
  },
  flushed: () => speaker.flushed(),
});
