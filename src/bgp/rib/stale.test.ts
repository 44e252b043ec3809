import fc from "fast-check";
import { expect, test } from "vitest";
import { WELL_KNOWN_COMMUNITIES } from "../net/communities.ts";
import { attributesWith, host, Lab } from "./testing/lab.ts";

const STALE = WELL_KNOWN_COMMUNITIES["llgr-stale"];
const NO_LLGR = WELL_KNOWN_COMMUNITIES["no-llgr"];
const HOSTS = [1, 2, 3, 4];
const communitiesOf = (lab: Lab, n: number): readonly number[] | undefined =>
  lab.rib.v4.snapshot.describe(host(n))?.paths[0]?.accepted?.communities;

test("300 restarts in a row, none of them whole, neither lose what is stale for long nor take it for fresh", () => {
  const lab = new Lab();
  const peer = lab.addPeer({});
  const { received } = lab.rib.v4;
  lab.announce(peer, HOSTS.map(host), attributesWith({}));
  received.markStale(peer);
  received.age(peer);
  for (let i = 0; i < 300; i++) {
    lab.announce(peer, [host(1)], attributesWith({}));
    lab.decide();
    expect(communitiesOf(lab, 1)).toEqual([]);
    expect(received.markStale(peer, "stays")).toBe(4);
    received.age(peer);
    lab.decide();
    expect(HOSTS.map((n) => communitiesOf(lab, n))).toEqual(HOSTS.map(() => [STALE]));
  }
  received.sweepStale(peer);
  lab.decide();
  expect(lab.left()).toEqual({ prefixes: 0, attributes: 0 });
});

type Move = "told" | "lost" | "lost again" | "late" | "done" | "slice";

interface Path {
  readonly communities: readonly number[];
  stale: boolean;
  long: boolean;
}

/** RFC 4724 §4.2 and RFC 9494 §4.2 on a handful of paths, as plain as they read. */
class Oracle {
  readonly paths: Map<number, Path> = new Map();

  move(move: Move, n: number, communities: readonly number[]): void {
    if (move === "told") this.paths.set(n, { communities, stale: false, long: false });
    if (move === "lost" || move === "done") this.#drop(({ stale }) => stale);
    if (move === "lost" || move === "lost again") for (const path of this.paths.values()) path.stale = true;
    if (move !== "late") return;
    this.#drop((path) => path.stale && path.communities.includes(NO_LLGR));
    for (const path of this.paths.values()) path.long = path.stale;
  }

  communitiesOf(n: number): readonly number[] | undefined {
    const path = this.paths.get(n);
    return path && [...path.communities, ...(path.long ? [STALE] : [])];
  }

  #drop(goes: (path: Path) => boolean): void {
    for (const [n, path] of this.paths) if (goes(path)) this.paths.delete(n);
  }
}

const moves = fc.constantFrom<Move>("told", "lost", "lost again", "late", "done", "slice");
const communities = fc.constantFrom<readonly number[]>([], [NO_LLGR], [7]);
const steps = fc.array(fc.tuple(moves, fc.constantFrom(...HOSTS), communities), { maxLength: 40 });

test("law: what is stale, and for long, is as a plain reading has it, however the sweeps are cut", () => {
  fc.assert(
    fc.property(steps, (list) => {
      const lab = new Lab();
      const peer = lab.addPeer({});
      const { received, best } = lab.rib.v4;
      const does: Record<Move, (n: number, communities: readonly number[]) => void> = {
        told: (n, communities) => lab.announce(peer, [host(n)], attributesWith({ communities })),
        lost: () => received.markStale(peer),
        "lost again": () => received.markStale(peer, "stays"),
        late: () => received.age(peer),
        done: () => received.sweepStale(peer),
        slice: (n) => {
          received.sweepSome(n);
          best.decideSome(n, () => undefined);
        },
      };
      const oracle = new Oracle();
      for (const [move, n, given] of list) {
        does[move](n, given);
        oracle.move(move, n, given);
      }
      lab.decide();
      for (const n of HOSTS) expect([n, communitiesOf(lab, n)]).toEqual([n, oracle.communitiesOf(n)]);
      const stale = [...oracle.paths.values()].filter((path) => path.stale).length;
      expect(received.counts(peer).stale).toBe(stale);
      received.drop(peer);
      lab.decide();
      expect(lab.left()).toEqual({ prefixes: 0, attributes: 0 });
    }),
  );
});
