/** A well-behaved peer in the test's own process: the library, over real sockets. */

import {
  ACCEPT_ALL,
  formatPrefix,
  type LocalRoute,
  type NodeWorld,
  nodeWorld,
  parseAddress,
  parsePrefix,
  Speaker,
  type SpeakerEvent,
} from "../../src/bgp/index.ts";

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

  private constructor(speaker: Speaker, world: NodeWorld) {
    this.speaker = speaker;
    this.#world = world;
    speaker.onEvent((event) => this.events.push(event));
  }

  static async start(settings: GoodPeerSettings): Promise<GoodPeer> {
    const { address, asn, gateway, holdSeconds = 30, listens = false } = settings;
    const world = nodeWorld();
    const own = parseAddress(address)!;
    const options = { asn, routerId: own, multipath: 1, advertiseInstalledOnly: false };
    const peer = new GoodPeer(new Speaker(options, world), world);
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
    this.speaker.announce(prefixes.map((text): LocalRoute => ({ prefix: parsePrefix(text)!, tag: 0 })));
  }

  withdraw(...prefixes: readonly string[]): void {
    this.speaker.withdraw(prefixes.map((text) => parsePrefix(text)!));
  }

  /** Prefixes that the gateway announces to it, sorted. */
  received(): string[] {
    const { address } = this.speaker.peers()[0]!;
    return [...this.speaker.received(address)].map(({ prefix }) => formatPrefix(prefix)).sort();
  }

  async stop(): Promise<void> {
    this.speaker.stop({ text: "the test is over" });
    await this.#world.close();
  }
}
