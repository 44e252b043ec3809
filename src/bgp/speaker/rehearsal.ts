/**
 * A rehearsal: three speakers in memory tell each other routes before the first real peer speaks.
 *
 * V8 interprets what it meets for the first time and compiles what it has met often, so the first hundred thousand routes
 * after a start cost more than later ones do, and those are the routes that a restarted gateway waits for. What is
 * rehearsed (reading messages, import policy, selection, export policy, writing messages) is compiled by then: with
 * 100 000 routes from one peer to another (bench/), the library took 372 ms instead of 452, 0.47 s of CPU time instead of
 * 0.75, and the event loop was blocked for 35 ms at most instead of 83. It costs some 0.4 s of CPU time.
 */

import { type Address, type Family, ipv4, ipv6, type Prefix } from "../net/address.ts";
import type { Policy } from "../policy/rules.ts";
import { PEER_DEFAULTS, type PeerOptions } from "./options.ts";
import { Speaker } from "./speaker.ts";
import type { DialTarget, Link, LinkEvents, Served, World } from "./world.ts";

/** Of each round. Half as many leave some of the way uncompiled, twice as many gain nothing. */
const PREFIXES = 2000;
/** Of one step, so that none takes long. */
const PREFIXES_PER_STEP = 500;
const PREFIXES_PER_SET = 5;

/** Numbers below 2^31 and above are different things to V8, and so are the words of long addresses. */
const ROUNDS: readonly ((i: number) => Prefix)[] = [
  (i) => ({ family: 4, w0: 0x0a00_0000 + i, w1: 0, w2: 0, w3: 0, length: 32 }),
  (i) => ({ family: 6, w0: 0x2001_0db8, w1: 0, w2: 0, w3: 0xf000_0000 + i, length: 128 }),
  (i) => ({ family: 4, w0: 0xcb00_0000 + i, w1: 0, w2: 0, w3: 0, length: 32 }),
];

/** The three stand in a row: the first originates, the second passes on, the third hears. */
const SPEAKERS = [65_001, 65_002, 65_003].map((asn, i) => ({ asn, address: ipv4(0xc000_0201 + i) }));

export class Rehearsal {
  readonly #stage: Stage = new Stage();
  readonly #speakers: readonly Speaker[];
  readonly #scenes: (() => void)[];

  constructor() {
    this.#speakers = SPEAKERS.map(({ asn, address }) => {
      const options = { asn, routerId: address, multipath: 1, advertiseInstalledOnly: false };
      return new Speaker(options, this.#stage.world(address));
    });
    this.#scenes = [() => this.#meet(), ...ROUNDS.flatMap((prefixAt) => this.#round(prefixAt))];
  }

  /** Plays on for some milliseconds. False: it is over. */
  step(): boolean {
    if (this.#stage.play()) return true;
    const scene = this.#scenes.shift();
    scene?.();
    return scene !== undefined;
  }

  /** Prefixes that the last of the three has been told and not had withdrawn, of both families. */
  get heard(): number {
    return this.#speakers[2]!.peers()[0]?.prefixes.received ?? 0;
  }

  #meet(): void {
    for (const [i, speaker] of this.#speakers.entries()) {
      const beside = [i - 1, i + 1].filter((j) => j in SPEAKERS);
      speaker.setPeers(beside.map((j) => peer(j, j < i)));
    }
  }

  /** All is announced, then all is withdrawn. */
  #round(prefixAt: (i: number) => Prefix): (() => void)[] {
    const first = this.#speakers[0]!;
    const routes = Array.from({ length: PREFIXES }, (_, i) => ({
      prefix: prefixAt(i),
      tag: 0,
      communities: [0xfde8_0000 + Math.floor(i / PREFIXES_PER_SET)],
    }));
    const pieces = Array.from({ length: PREFIXES / PREFIXES_PER_STEP }, (_, i) =>
      routes.slice(i * PREFIXES_PER_STEP, (i + 1) * PREFIXES_PER_STEP),
    );
    return [
      ...pieces.map((piece) => () => first.announce(piece)),
      ...pieces.map((piece) => () => first.withdraw(piece.map(({ prefix }) => prefix))),
    ];
  }
}

function peer(i: number, passive: boolean): PeerOptions {
  const { asn, address } = SPEAKERS[i]!;
  return {
    ...PEER_DEFAULTS,
    remote: { address },
    remoteAsn: asn,
    passive,
    // No timers: time does not pass here.
    holdSeconds: 0,
    importPolicy: policy(1),
    exportPolicy: policy(2),
  };
}

const OWN_NETWORK: Prefix = { family: 4, w0: 0xc000_0200, w1: 0, w2: 0, w3: 0, length: 24 };

/** What most policies do: something is kept out, and the rest gets a community. */
const policy = (community: number): Policy => ({
  rules: [
    {
      name: "kept out",
      match: { prefixes: [{ prefix: OWN_NETWORK, minLength: 24, maxLength: 32 }] },
      then: "reject",
    },
    { name: "marked", match: {}, then: "accept", set: { addCommunities: [0xfde9_0000 + community] } },
  ],
  otherwise: "reject",
});

interface Player {
  readonly address: Address;
  served: Served | undefined;
  /** When it wants its turn, infinite: it has nothing to do. */
  wakeAtMs: number;
}

/** Connects speakers in memory. What they ask for happens in the order in which they asked, and takes no time. */
class Stage {
  readonly #players: Player[] = [];
  #cues: (() => void)[] = [];
  #nowMs = 0;

  /** Plays what is to be played next; false: nothing is. */
  play(): boolean {
    const cue = this.#cues.shift() ?? this.#turnOf(this.#players.find((player) => this.#isDue(player)));
    cue?.();
    return cue !== undefined;
  }

  #isDue({ wakeAtMs }: Player): boolean {
    return wakeAtMs <= this.#nowMs;
  }

  #turnOf(player: Player | undefined): (() => void) | undefined {
    if (player === undefined) return undefined;
    player.wakeAtMs = Number.POSITIVE_INFINITY;
    return () => player.served?.turn();
  }

  then(cue: () => void): void {
    this.#cues.push(cue);
  }

  world(address: Address): World {
    const player: Player = { address, served: undefined, wakeAtMs: Number.POSITIVE_INFINITY };
    this.#players.push(player);
    return {
      // So that a turn ends after a few looks at the clock.
      now: () => this.#nowMs++,
      random: () => 0.5,
      serve: (speaker) => {
        player.served = speaker;
      },
      wakeAt: (atMs) => {
        player.wakeAtMs = Math.min(player.wakeAtMs, atMs);
      },
      protect: () => undefined,
      dial: (target, events) => this.#dial(player, target, events),
    };
  }

  #dial(from: Player, target: DialTarget, events: LinkEvents): Link {
    const near = new StageLink(this, from.address, target.address);
    near.events = events;
    this.then(() => {
      const to = this.#players.find(({ address }) => address.w0 === target.address.w0);
      const far = new StageLink(this, target.address, from.address);
      near.other = far;
      far.other = near;
      far.events = to?.served?.accept(far);
      events.connected();
    });
    return near;
  }
}

class StageLink implements Link {
  readonly local: Address;
  readonly remote: Address;
  readonly ports = { local: 179, remote: 179 };
  readonly globalBeside: undefined;
  events: LinkEvents | undefined;
  other: StageLink | undefined;
  readonly #stage: Stage;

  constructor(stage: Stage, local: Address, remote: Address) {
    this.#stage = stage;
    this.local = local;
    this.remote = remote;
  }

  localIn(family: Family): Address {
    return family === 4 ? this.local : ipv6(0x2001_0db8, 0, 0, this.local.w0);
  }

  hearNeighbourOnly(): void {
    // There are no routers here.
  }

  write(octets: Uint8Array): boolean {
    const { other } = this;
    this.#stage.then(() => other?.events?.received(octets));
    return true;
  }

  close(): void {
    this.other = undefined;
  }

  abort(): void {
    this.other = undefined;
  }
}
