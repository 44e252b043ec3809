/**
 * A well-behaved peer in the test's own process: the library, over real sockets. What it was told is read from the
 * octets, since the library does not believe a next hop in 127.0.0.0/8, which is all that a gateway on loopback has.
 */

import {
  ACCEPT_ALL,
  type Address,
  type DialTarget,
  type Link,
  type LinkEvents,
  type LocalRoute,
  type NodeWorld,
  nodeWorld,
  parseAddress,
  parsePrefix,
  Speaker,
  type SpeakerEvent,
  type World,
} from "../../src/bgp/index.ts";
import { framesIn, routesIn, TYPE } from "./octets.ts";

/** Documentation addresses, for routes that need a next hop. */
const NEXT_HOP = parseAddress("198.51.100.254")!;

export interface GoodPeerSettings {
  readonly address: string;
  readonly asn: number;
  readonly gateway: { readonly address: string; readonly port: number; readonly asn: number };
  readonly holdSeconds?: number;
  /** Listens there too, so that the gateway can dial. */
  readonly listens?: boolean;
}

export class GoodPeer {
  readonly events: SpeakerEvent[] = [];
  readonly speaker: Speaker;
  readonly #world: NodeWorld;
  /** IPv4 prefixes that the gateway announced and did not withdraw in this session. */
  #told: Set<string> = new Set();

  private constructor(world: NodeWorld, own: Address, asn: number) {
    const options = { asn, routerId: own, multipath: 1, advertiseInstalledOnly: false };
    this.#world = world;
    this.speaker = new Speaker(options, this.#listeningIn());
    this.speaker.onEvent((event) => this.events.push(event));
  }

  static async start(settings: GoodPeerSettings): Promise<GoodPeer> {
    const { address, asn, gateway, holdSeconds = 30, listens = false } = settings;
    const world = nodeWorld();
    const own = parseAddress(address)!;
    const peer = new GoodPeer(world, own, asn);
    if (listens) await world.listen({ addresses: [own], port: gateway.port });
    peer.speaker.setPeers([
      {
        remote: { address: parseAddress(gateway.address)! },
        remoteAsn: gateway.asn,
        port: gateway.port,
        localAddress: own,
        passive: false,
        holdSeconds,
        families: [4, 6],
        importPolicy: ACCEPT_ALL,
        exportPolicy: ACCEPT_ALL,
        nextHopSelf: true,
        reflectorClient: false,
      },
    ]);
    peer.speaker.complete();
    return peer;
  }

  get state(): string {
    return this.speaker.peers()[0]!.state;
  }

  /** How often the session was lost. */
  get flaps(): number {
    return this.speaker.peers()[0]!.flaps;
  }

  announce(...prefixes: readonly string[]): void {
    this.speaker.announce(
      prefixes.map((text): LocalRoute => ({ prefix: parsePrefix(text)!, tag: 0, nextHop: NEXT_HOP })),
    );
  }

  withdraw(...prefixes: readonly string[]): void {
    this.speaker.withdraw(prefixes.map((text) => parsePrefix(text)!));
  }

  /** IPv4 prefixes that the gateway announces to it, sorted. */
  received(): string[] {
    return [...this.#told].sort();
  }

  async stop(): Promise<void> {
    this.speaker.stop({ text: "the test is over" });
    await this.#world.close();
  }

  /** The world, with an ear on what comes in over connections that this side opened. */
  #listeningIn(): World {
    const world = this.#world;
    return {
      now: () => world.now(),
      random: () => world.random(),
      serve: (speaker) => world.serve(speaker),
      wakeAt: (atMs) => world.wakeAt(atMs),
      protect: (peers) => world.protect(peers),
      dial: (target: DialTarget, events: LinkEvents): Link => {
        const hear = this.#ear();
        return world.dial(target, {
          ...events,
          received: (octets) => {
            hear(octets);
            events.received(octets);
          },
        });
      },
    };
  }

  /** Takes the octets of one connection, however they are cut. */
  #ear(): (octets: Uint8Array) => void {
    const told = new Set<string>();
    let rest: Buffer = Buffer.alloc(0);
    return (octets) => {
      const frames = framesIn(Buffer.concat([rest, octets]));
      rest = frames.rest;
      for (const { type, body } of frames.messages) {
        if (type === TYPE.open) this.#told = told;
        if (type !== TYPE.update) continue;
        const { withdrawn, announced } = routesIn(body);
        for (const prefix of withdrawn) told.delete(prefix);
        for (const prefix of announced) told.add(prefix);
      }
    };
  }
}
