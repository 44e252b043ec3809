/** A station that only reads what it is sent knows every table that it asked for, whenever it came. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatAddress, formatPrefix, parseAddress, parsePrefix } from "../net/text.ts";
import { ACCEPT_ALL, type Policy, type PrefixRange } from "../policy/rules.ts";
import type { MonitoredSession } from "../speaker/monitor.ts";
import { PEER_DEFAULTS, type PeerOptions } from "../speaker/options.ts";
import type { PathSnapshot } from "../speaker/snapshots.ts";
import { Speaker } from "../speaker/speaker.ts";
import { VirtualNetwork } from "../speaker/testing/virtual-network.ts";
import type { PathAttributes } from "../wire/path-attributes.ts";
import { BMP_TYPE } from "./messages.ts";
import { BmpStation } from "./station.ts";
import { BMP_TABLES, type BmpTable } from "./tables.ts";
import { Collector, pathText, type Told } from "./testing/collector.ts";

const OURS = parseAddress("192.0.2.1")!;
/** The first and the last are told the same, and share an update group. */
const PEERS = [2, 3, 4].map((last) => ({ address: parseAddress(`192.0.2.${last}`)!, asn: 65_000 + last }));
const PREFIXES = [0, 1, 2, 3].map((i) => parsePrefix(`203.0.${i}.0/24`)!);
const V6 = [0, 1].map((i) => parsePrefix(`2001:db8:${i}::/48`)!);
const ALL = [...PREFIXES, ...V6];

/** What peers are believed: everything, with another preference for some of it, or not all of it. */
const IMPORTS: readonly Policy[] = [
  ACCEPT_ALL,
  {
    rules: [
      {
        name: "some",
        match: { prefixes: [rangeOf(1), rangeOf(4)] },
        then: "accept",
        set: { localPref: 300 },
      },
    ],
    otherwise: "accept",
  },
  {
    rules: [{ name: "none", match: { prefixes: [rangeOf(0), rangeOf(5)] }, then: "reject" }],
    otherwise: "accept",
  },
];

function rangeOf(of: number): PrefixRange {
  const prefix = ALL[of]!;
  return { prefix, minLength: prefix.length, maxLength: prefix.length };
}

/** The second peer tells several paths of a prefix and is told them. */
const hasAddPath = (peer: string): boolean => peer === "192.0.2.3";
const BOTH = { addPath: { receive: true, send: "all" } } as const;

class Scene {
  readonly network: VirtualNetwork = new VirtualNetwork({ seed: 7, windowOctets: 100 });
  readonly ours: Speaker;
  readonly others: Speaker[];
  readonly collector: Collector = new Collector(hasAddPath);
  readonly tables: readonly BmpTable[];
  station: BmpStation | undefined;

  constructor(tables: readonly BmpTable[]) {
    this.tables = tables;
    const common = {
      multipath: 1,
      advertiseInstalledOnly: false,
      gracefulRestart: { restartSeconds: 30, notification: false, restarting: false },
    };
    const v6 = (last: number): ReturnType<typeof parseAddress> => parseAddress(`2001:db8:ffff::${last}`)!;
    const world = (address: typeof OURS, last: number): ReturnType<VirtualNetwork["host"]>["world"] =>
      this.network.host(address, v6(last)!).world;
    this.ours = new Speaker({ ...common, asn: 65_001, routerId: OURS }, world(OURS, 1));
    this.others = PEERS.map(
      ({ address, asn }, i) => new Speaker({ ...common, asn, routerId: address }, world(address, i + 2)),
    );
    this.believe(0);
    for (const [i, other] of this.others.entries()) {
      other.setPeers([{ ...optionsOf(i), remote: { address: OURS }, remoteAsn: 65_001 }]);
    }
    this.network.run(20_000);
  }

  /** Another import policy. */
  believe(policy: number): void {
    this.ours.setPeers(
      PEERS.map(({ address, asn }, i) => ({
        ...optionsOf(i),
        importPolicy: IMPORTS[policy]!,
        remote: { address },
        remoteAsn: asn,
        passive: true,
      })),
    );
  }

  connect(): void {
    const sink = { send: (octets: Uint8Array) => this.collector.take(octets), tables: () => undefined };
    const scope = { system: { name: "gw", description: "test" }, tables: this.tables };
    this.station = new BmpStation(this.ours, scope, sink, () => 1_700_000_000_250);
  }

  /** What the speaker has, in the collector's words. */
  truth(): ReadonlyMap<string, Told> {
    const tables = this.tables.flatMap((table): [string, Told][] =>
      table === "loc-rib"
        ? [["loc-rib loc-rib", this.#chosen(undefined)]]
        : this.ours
            .sessions()
            .map((session) => [`${table} ${formatAddress(session.remote)}`, this.#of(session, table)]),
    );
    return new Map(tables.filter(([, told]) => told.size > 0));
  }

  #of({ remote }: MonitoredSession, table: Exclude<BmpTable, "loc-rib">): Told {
    switch (table) {
      case "pre-policy":
        return toldOf(
          [...this.ours.received(remote)].map((route) => ({ ...route, attributes: route.received })),
        );
      case "post-policy":
        return toldOf(
          [...this.ours.received(remote)].map((route) => ({ ...route, attributes: route.accepted })),
        );
      case "rib-out-post-policy":
        return toldOf([...this.ours.advertised(remote)]);
      case "rib-out-pre-policy":
        return this.#chosen(formatAddress(remote));
      default:
        return table satisfies never;
    }
  }

  /** The best paths; those of one peer left out. */
  #chosen(but: string | undefined): Told {
    const best = [...this.ours.routes()].flatMap(({ prefix, paths }) =>
      paths
        .filter((path) => isBest(path) && peerOf(path) !== but)
        .map((path) => ({ ...path, prefix, pathId: 0 })),
    );
    return toldOf(best);
  }
}

const isBest = ({ status }: PathSnapshot): boolean => status === "best";
const peerOf = ({ peer }: PathSnapshot): string => (peer === undefined ? "local" : formatAddress(peer));

function toldOf(
  routes: readonly {
    readonly prefix: (typeof ALL)[number];
    readonly pathId: number;
    readonly attributes: PathAttributes | undefined;
  }[],
): Told {
  return new Map(
    routes.flatMap(({ prefix, pathId, attributes }): [string, string][] =>
      attributes === undefined ? [] : [[`${formatPrefix(prefix)} #${pathId}`, pathText(attributes)]],
    ),
  );
}

const optionsOf = (peer: number): Omit<PeerOptions, "remote" | "remoteAsn"> => ({
  ...PEER_DEFAULTS,
  importPolicy: ACCEPT_ALL,
  exportPolicy: ACCEPT_ALL,
  ...(peer === 1 && BOTH),
});

type Step =
  | {
      readonly do: "announce" | "withdraw";
      /** 3: we ourselves. */
      readonly from: number;
      readonly prefix: number;
      readonly med: number;
    }
  /** cut: what we say does not arrive, and soon we can say no more. */
  | { readonly do: "reset" | "refresh" | "cut" | "heal"; readonly from: number }
  | { readonly do: "believe"; readonly policy: number }
  | { readonly do: "work" | "station" };

const peer = fc.nat(PEERS.length - 1);
const change = fc.record({
  do: fc.constantFrom("announce" as const, "withdraw" as const),
  from: fc.nat(PEERS.length),
  prefix: fc.nat(ALL.length - 1),
  med: fc.nat(9),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: change },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom("reset" as const, "refresh" as const, "cut" as const, "heal" as const),
      from: peer,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("believe" as const), policy: fc.nat(IMPORTS.length - 1) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("work" as const, "station" as const) }) },
);

/** What chance seldom finds. */
const EXAMPLES: [Step[]][] = [
  // Told again as it was, on a new session: nothing is decided.
  [
    [
      { do: "announce", from: 0, prefix: 0, med: 0 },
      { do: "reset", from: 0 },
    ],
  ],
  // Gone again before it could be told.
  [
    [
      { do: "cut", from: 0 },
      ...ALL.map((_, prefix): Step => ({ do: "announce", from: 1, prefix, med: 0 })),
      { do: "station" },
      { do: "work" },
      ...ALL.map((_, prefix): Step => ({ do: "withdraw", from: 1, prefix, med: 0 })),
    ],
  ],
];

function perform(scene: Scene, one: Step): void {
  switch (one.do) {
    case "announce":
    case "withdraw": {
      const from = scene.others[one.from] ?? scene.ours;
      if (one.do === "announce") from.announce([{ prefix: ALL[one.prefix]!, tag: 0, med: one.med }]);
      else from.withdraw([ALL[one.prefix]!]);
      break;
    }
    case "reset":
      scene.network.reset(OURS, PEERS[one.from]!.address);
      break;
    case "cut":
      scene.network.cut(OURS, PEERS[one.from]!.address);
      break;
    case "heal":
      scene.network.heal(OURS, PEERS[one.from]!.address);
      break;
    case "refresh":
      scene.ours.order(PEERS[one.from]!.address, { do: "refresh" });
      break;
    case "believe":
      scene.believe(one.policy);
      break;
    case "work":
      scene.station?.work();
      break;
    case "station":
      if (scene.station === undefined) scene.connect();
      break;
    default:
      one satisfies never;
  }
  scene.network.run(one.do === "reset" ? 1 : 50);
}

const drained = (scene: Scene): ReadonlyMap<string, Told> => {
  while (scene.station!.work());
  return scene.collector.tables;
};

describe("a station", () => {
  test.each<{ named: string; tables: readonly BmpTable[] }>([
    ...BMP_TABLES.map((table) => ({ named: table, tables: [table] })),
    { named: "all of them", tables: BMP_TABLES },
  ])(
    "knows $named, whenever it came, and whatever happened meanwhile",
    ({ tables }) => {
      fc.assert(
        fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
          const scene = new Scene(tables);
          for (const one of steps) perform(scene, one);
          if (scene.station === undefined) scene.connect();
          for (const { address } of PEERS) scene.network.heal(OURS, address);
          scene.network.run(50);
          expect(drained(scene)).toEqual(scene.truth());
          scene.network.run(60_000);
          expect(drained(scene)).toEqual(scene.truth());
          const self = scene.tables.includes("loc-rib") ? 1 : 0;
          expect(scene.collector.peers.size).toBe(PEERS.length + self);
        }),
        { numRuns: tables.length === 1 ? 15 : 40, examples: EXAMPLES },
      );
    },
    60_000,
  );
});

describe("a station beside its tables", () => {
  test("is told when a table is whole, how it is with a session, and that this is the end", () => {
    const scene = new Scene(["pre-policy"]);
    scene.others[0]!.announce(ALL.map((prefix) => ({ prefix, tag: 0 })));
    scene.network.run(1000);
    scene.connect();
    expect(scene.collector.whole).toEqual([]);
    while (scene.station!.work());
    const both = PEERS.map(({ address }) => `pre-policy ${formatAddress(address)}`);
    expect(scene.collector.whole.toSorted()).toEqual(both.flatMap((table) => [`${table} 4`, `${table} 6`]));
    scene.station!.report();
    scene.others[1]!.stop({ text: "bye" });
    scene.network.run(1000);
    scene.station!.end(true);
    const { statistics, peerDown, termination } = BMP_TYPE;
    expect(scene.collector.types.slice(-5)).toEqual([...PEERS.map(() => statistics), peerDown, termination]);
    scene.others[0]!.stop({ text: "bye" });
    scene.network.run(1000);
    expect(scene.collector.types.at(-1)).toBe(termination);
  });

  test("is told once of each table that it is whole, after all that was there", () => {
    const scene = new Scene(BMP_TABLES);
    scene.others[0]!.announce(ALL.map((prefix) => ({ prefix, tag: 0 })));
    scene.network.run(1000);
    scene.connect();
    expect(drained(scene)).toEqual(scene.truth());
    const perPeer = BMP_TABLES.filter((table) => table !== "loc-rib").flatMap((table) =>
      PEERS.map(({ address }) => `${table} ${formatAddress(address)}`),
    );
    const all = ["loc-rib loc-rib", ...perPeer].flatMap((table) => [`${table} 4`, `${table} 6`]);
    expect(scene.collector.whole.toSorted()).toEqual(all.toSorted());
  });

  test("is told that a malformed UPDATE withdraws what it names, which the UPDATE itself does not say", () => {
    const scene = new Scene(["pre-policy", "post-policy"]);
    const updates: Uint8Array[] = [];
    scene.ours.monitor({ updated: (_session, message) => updates.push(message.slice()) });
    scene.connect();
    scene.others[0]!.announce(ALL.map((prefix) => ({ prefix, tag: 0 })));
    scene.network.run(1000);
    expect(drained(scene).get("pre-policy 192.0.2.2")?.size).toBe(ALL.length);
    expect(drained(scene).get("post-policy 192.0.2.2")?.size).toBe(ALL.length);
    const [session] = scene.ours.sessions();
    for (const update of updates) scene.station!.updated(session!, update, "treat-as-withdraw");
    expect([...scene.collector.tables.keys()]).toEqual([]);
    expect(scene.collector.types).toContain(BMP_TYPE.routeMirroring);
  });
});
