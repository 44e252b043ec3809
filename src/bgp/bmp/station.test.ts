/** A station that only reads what it is sent knows the Adj-RIB-In of every peer, whenever it came. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatAddress, formatPrefix, parseAddress, parsePrefix } from "../net/text.ts";
import { ACCEPT_ALL } from "../policy/rules.ts";
import { PEER_DEFAULTS } from "../speaker/options.ts";
import { Speaker } from "../speaker/speaker.ts";
import { VirtualNetwork } from "../speaker/testing/virtual-network.ts";
import { decodeAttributes } from "../wire/attribute-block.ts";
import { messageLengthAt, messageTypeAt } from "../wire/header.ts";
import { MESSAGE_TYPE } from "../wire/messages.ts";
import { decodeUpdate, Update } from "../wire/update.ts";
import { BMP_TYPE } from "./messages.ts";
import { BmpStation } from "./station.ts";

const OURS = parseAddress("192.0.2.1")!;
const PEERS = [2, 3].map((last) => ({ address: parseAddress(`192.0.2.${last}`)!, asn: 65_000 + last }));
const PREFIXES = [0, 1, 2, 3].map((i) => parsePrefix(`203.0.${i}.0/24`)!);
const V6 = [0, 1].map((i) => parsePrefix(`2001:db8:${i}::/48`)!);
const ALL = [...PREFIXES, ...V6];

/** Per-peer header (RFC 7854 §4.2), and where it has what. */
const PEER_AT = 6;
const BODY_AT = PEER_AT + 42;

/** What a collector makes of the stream: no more than the stream says. */
class Collector {
  readonly tables: Map<string, Map<string, number>> = new Map();
  readonly types: number[] = [];
  /** Peers whose table was said to be whole. */
  readonly whole: string[] = [];

  take(octets: Uint8Array): void {
    const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
    expect([view.getUint8(0), view.getUint32(1)]).toEqual([3, octets.length]);
    const type = view.getUint8(5);
    this.types.push(type);
    if (type === BMP_TYPE.initiation || type === BMP_TYPE.termination) return;
    const peer = formatAddress({ family: 4, w0: view.getUint32(PEER_AT + 22), w1: 0, w2: 0, w3: 0 });
    if (type === BMP_TYPE.peerUp) {
      expect(this.tables.has(peer)).toBe(false);
      this.tables.set(peer, new Map());
      const opens = octets.subarray(BODY_AT + 20);
      expect([messageTypeAt(opens, 0), messageTypeAt(opens, messageLengthAt(opens, 0))]).toEqual([1, 1]);
    } else if (type === BMP_TYPE.peerDown) expect(this.tables.delete(peer)).toBe(true);
    else if (type === BMP_TYPE.routeMonitoring) this.#update(peer, octets.subarray(BODY_AT));
  }

  #update(peer: string, message: Uint8Array): void {
    const context = {
      as4: true,
      external: true,
      addPath: [],
      extendedNextHop: false,
      extendedMessage: true,
      enhancedRefresh: true,
    };
    expect([messageTypeAt(message, 0), messageLengthAt(message, 0)]).toEqual([
      MESSAGE_TYPE.update,
      message.length,
    ]);
    const update = new Update();
    expect(decodeUpdate(message, context, update)).toBeUndefined();
    const table = this.tables.get(peer)!;
    for (const batch of update.withdrawn)
      for (let row = 0; row < batch.count; row++) table.delete(formatPrefix(batch.at(row)));
    for (const { prefixes, block } of update.announced) {
      if (prefixes.count === 0) continue;
      const { attributes, faults } = decodeAttributes(block, context);
      expect(faults).toEqual([]);
      for (let row = 0; row < prefixes.count; row++)
        table.set(formatPrefix(prefixes.at(row)), attributes!.med ?? -1);
    }
    if (update.endOfRib !== undefined) this.whole.push(`${peer} ${update.endOfRib}`);
  }
}

class Scene {
  readonly network: VirtualNetwork = new VirtualNetwork({ seed: 7 });
  readonly ours: Speaker;
  readonly others: Speaker[];
  readonly collector: Collector = new Collector();
  station: BmpStation | undefined;

  constructor() {
    const common = { multipath: 1, advertiseInstalledOnly: false };
    const options = { ...PEER_DEFAULTS, importPolicy: ACCEPT_ALL, exportPolicy: ACCEPT_ALL };
    const v6 = (last: number): ReturnType<typeof parseAddress> => parseAddress(`2001:db8:ffff::${last}`)!;
    const world = (address: typeof OURS, last: number): ReturnType<VirtualNetwork["host"]>["world"] =>
      this.network.host(address, v6(last)!).world;
    this.ours = new Speaker({ ...common, asn: 65_001, routerId: OURS }, world(OURS, 1));
    this.others = PEERS.map(
      ({ address, asn }, i) => new Speaker({ ...common, asn, routerId: address }, world(address, i + 2)),
    );
    this.ours.setPeers(
      PEERS.map(({ address, asn }) => ({ ...options, remote: { address }, remoteAsn: asn, passive: true })),
    );
    for (const other of this.others)
      other.setPeers([{ ...options, remote: { address: OURS }, remoteAsn: 65_001 }]);
    this.network.run(20_000);
  }

  connect(): void {
    const sink = { send: (octets: Uint8Array) => this.collector.take(octets), tables: () => undefined };
    this.station = new BmpStation(
      this.ours,
      { name: "gw", description: "test" },
      sink,
      () => 1_700_000_000_250,
    );
  }

  /** What the speaker has, in the collector's words. */
  truth(): Map<string, Map<string, number>> {
    return new Map(
      this.ours
        .sessions()
        .map(({ remote }) => [
          formatAddress(remote),
          new Map([...this.ours.received(remote)].map((r) => [formatPrefix(r.prefix), r.received.med ?? -1])),
        ]),
    );
  }
}

type Step =
  | {
      readonly do: "announce" | "withdraw";
      readonly from: number;
      readonly prefix: number;
      readonly med: number;
    }
  | { readonly do: "reset"; readonly from: number }
  | { readonly do: "work" | "station" };

const peer = fc.nat(PEERS.length - 1);
const change = fc.record({
  do: fc.constantFrom("announce" as const, "withdraw" as const),
  from: peer,
  prefix: fc.nat(ALL.length - 1),
  med: fc.nat(9),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: change },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("reset" as const), from: peer }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("work" as const, "station" as const) }) },
);

function perform(scene: Scene, one: Step): void {
  if ("prefix" in one) {
    const from = scene.others[one.from]!;
    if (one.do === "announce") from.announce([{ prefix: ALL[one.prefix]!, tag: 0, med: one.med }]);
    else from.withdraw([ALL[one.prefix]!]);
  } else if (one.do === "reset") scene.network.reset(OURS, PEERS[one.from]!.address);
  else if (one.do === "work") scene.station?.work();
  else if (scene.station === undefined) scene.connect();
  scene.network.run(one.do === "reset" ? 1 : 50);
}

describe("a station", () => {
  test("knows what the speaker knows, whenever it came, and whatever happened meanwhile", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        const scene = new Scene();
        for (const one of steps) perform(scene, one);
        if (scene.station === undefined) scene.connect();
        while (scene.station!.work());
        expect(scene.collector.tables).toEqual(scene.truth());
        scene.network.run(60_000);
        expect(scene.collector.tables).toEqual(scene.truth());
        expect(scene.collector.tables.size).toBe(PEERS.length);
      }),
      { numRuns: 40 },
    );
  }, 60_000);

  test("is told when a table is whole, how it is with a session, and that this is the end", () => {
    const scene = new Scene();
    scene.others[0]!.announce(ALL.map((prefix) => ({ prefix, tag: 0 })));
    scene.network.run(1000);
    scene.connect();
    expect(scene.collector.whole).toEqual([]);
    while (scene.station!.work());
    expect(scene.collector.whole.toSorted()).toEqual([
      "192.0.2.2 4",
      "192.0.2.2 6",
      "192.0.2.3 4",
      "192.0.2.3 6",
    ]);
    scene.station!.report();
    scene.others[1]!.stop({ text: "bye" });
    scene.network.run(1000);
    scene.station!.end(true);
    const { statistics, peerDown, termination } = BMP_TYPE;
    expect(scene.collector.types.slice(-4)).toEqual([statistics, statistics, peerDown, termination]);
    scene.others[0]!.stop({ text: "bye" });
    scene.network.run(1000);
    expect(scene.collector.types.at(-1)).toBe(termination);
  });

  test("is told that a malformed UPDATE withdraws what it names, which the UPDATE itself does not say", () => {
    const scene = new Scene();
    const updates: Uint8Array[] = [];
    scene.ours.monitor({ updated: (_session, message) => updates.push(message.slice()) });
    scene.connect();
    scene.others[0]!.announce(ALL.map((prefix) => ({ prefix, tag: 0 })));
    scene.network.run(1000);
    expect(scene.collector.tables.get("192.0.2.2")?.size).toBe(ALL.length);
    const [session] = scene.ours.sessions();
    for (const update of updates) scene.station!.updated(session!, update, "treat-as-withdraw");
    expect(scene.collector.tables.get("192.0.2.2")?.size).toBe(0);
    expect(scene.collector.types).toContain(BMP_TYPE.routeMirroring);
  });
});
