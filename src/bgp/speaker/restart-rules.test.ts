/**
 * Graceful restart, rule by rule: a row for each sentence of RFC 4724 that binds a speaker, in our words, with what ours
 * does. `elsewhere` names the test of a rule that is not the speaker's to keep. Those of RFC 8538 stand in
 * `restart-notification.test.ts`.
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { address, best, local } from "./testing/nodes.ts";
import { KEEPALIVE } from "./testing/raw-peer.ts";
import {
  A,
  B,
  BOTH,
  END_OF_FOUR,
  END_OF_SIX,
  ends,
  F,
  graceful,
  N,
  offered,
  R,
  RESTART_S,
  type RestartRule,
  RestartScene,
  SIX,
  TELLS_SIX,
  THEIRS,
  tells,
} from "./testing/restart-scene.ts";

const CAPABILITY_ROWS: readonly RestartRule[] = [
  [
    "RFC 4724 §3",
    "the capability is once in an OPEN, with the restart time and a tuple for each family",
    () => {
      const raw = new RestartScene().meet("");
      expect(offered(raw)).toEqual([{ flags: 0, seconds: RESTART_S, families: { 1: 0, 2: 0 } }]);
    },
  ],
  [
    "RFC 4724 §3",
    "reserved bits are zero as sent: R and N of the flags, F of a family, are all that is ever set",
    () => {
      const [offer] = offered(new RestartScene({ restarting: true, notification: true }).meet(""));
      expect(offer).toEqual({ flags: R | N, seconds: RESTART_S, families: { 1: F, 2: F } });
    },
  ],
  [
    "RFC 4724 §3",
    "reserved bits are ignored as received",
    () => {
      const s = new RestartScene();
      s.lost(graceful(0b0011, { 1: 0x7f, 2: 0x7f }));
      expect(s.stale).toEqual([A, B, SIX]);
      s.meet(graceful(0b0011, { 1: 0x7f, 2: 0xff }));
      expect(s.stale).toEqual([SIX]);
    },
  ],
  [
    "RFC 4724 §3",
    "of several capabilities the last counts",
    () => {
      const s = new RestartScene();
      s.lost(`${graceful(0, BOTH)}${graceful(0, { 2: F })}`);
      expect(s.kept).toEqual([SIX]);
    },
  ],
  [
    "RFC 4724 §3",
    "a peer that says that it has restarted is told our routes without waiting for its End-of-RIB",
    async () => {
      const s = new RestartScene({ restarting: true });
      s.ours.speaker.announce([local("198.51.100.0/24")]);
      const learned = s.ours.speaker.learned(600_000);
      const raw = s.meet(graceful(R, BOTH));
      await expect(learned).resolves.toEqual({ missing: [] });
      expect(raw.heard(2)).toHaveLength(1);
    },
  ],
  [
    "RFC 4724 §3",
    "a capability without families: nothing of the peer is kept, and it is told End-of-RIB all the same",
    () => {
      const s = new RestartScene();
      const raw = s.meet(graceful(0, {}), tells(A), TELLS_SIX);
      expect(ends(raw)).toHaveLength(2);
      s.lose(raw);
      expect(s.kept).toEqual([]);
    },
  ],
];

const RESTARTER_ROWS: readonly RestartRule[] = [
  [
    "RFC 4724 §2, §4",
    "End-of-RIB of each family is the last of what was there, also where nothing was",
    () => {
      const s = new RestartScene();
      s.ours.speaker.announce([local("198.51.100.0/24")]);
      const raw = s.meet(graceful(0, BOTH));
      expect(raw.heard(2).slice(1)).toEqual(["00000000", "00000006800f03000201"]);
      expect(raw.heard(2)[0]).toMatch(/18c63364$/);
    },
  ],
  [
    "RFC 4724 §4.1",
    "after a restart, R is set",
    () => expect(offered(new RestartScene({ restarting: true }).meet(""))[0]!.flags).toBe(R),
  ],
  [
    "RFC 4724 §4.1",
    "F is set only where forwarding went on: not by a speaker that begins",
    () => {
      expect(offered(new RestartScene({ restarting: true }).meet(""))[0]!.families).toEqual({ 1: F, 2: F });
      expect(offered(new RestartScene().meet(""))[0]!.families).toEqual({ 1: 0, 2: 0 });
    },
  ],
  [
    "RFC 4724 §4.1",
    "nothing is taken for learned before End-of-RIB of every family has come",
    async () => {
      const s = new RestartScene({ restarting: true });
      const learned = watched(s.ours.speaker.learned(600_000));
      const raw = s.meet(graceful(0, BOTH), tells(A), END_OF_FOUR);
      await Promise.resolve();
      expect(learned.done).toBe(false);
      raw.say(END_OF_SIX);
      s.net.run(20);
      await learned.promise;
      expect(learned.done).toBe(true);
    },
  ],
  [
    "RFC 4724 §4.1",
    "a peer without the capability is not waited for: its first KEEPALIVE says that it had told what it knew",
    async () => {
      const s = new RestartScene({ restarting: true });
      const learned = s.ours.speaker.learned(600_000);
      s.meet("", tells(A), KEEPALIVE);
      await expect(learned).resolves.toEqual({ missing: [] });
    },
  ],
  [
    "RFC 4724 §4.1",
    "the wait has an upper bound, which the caller sets",
    async () => {
      const s = new RestartScene({ restarting: true });
      const learned = s.ours.speaker.learned(30_000);
      s.meet(graceful(0, BOTH), tells(A));
      s.net.run(31_000);
      await expect(learned).resolves.toEqual({ missing: [address(THEIRS)] });
    },
  ],
  [
    "RFC 4724 §4.1",
    "End-of-RIB is sent when the initial update is complete, which is what the caller says, also without routes",
    () => {
      const s = new RestartScene({ restarting: true });
      const raw = s.meet(graceful(0, BOTH), END_OF_FOUR, END_OF_SIX);
      s.net.run(60_000);
      expect(ends(raw)).toEqual([]);
      s.ours.speaker.complete();
      s.net.run(20);
      expect(ends(raw)).toEqual(["00000000", "00000006800f03000201"]);
    },
  ],
];

const HELPER_ROWS: readonly RestartRule[] = [
  [
    "RFC 4724 §4.2, §5",
    "a new connection of the peer ends the session that it does not know any more, without a word; the new one stays",
    () => {
      const s = new RestartScene();
      const old = s.meet(graceful(0, BOTH), tells(A), END_OF_FOUR, END_OF_SIX);
      const young = s.meet(graceful(R, BOTH));
      expect([old.closed !== undefined, old.notification()]).toEqual([true, undefined]);
      expect([young.closed, s.ours.speaker.peers()[0]!.state]).toEqual([undefined, "established"]);
      expect(s.stale).toEqual([A]);
    },
  ],
  [
    "RFC 4724 §5",
    "without the capability, the established session stays and the new connection loses",
    () => {
      const s = new RestartScene();
      const old = s.meet("", tells(A));
      const young = s.meet("");
      expect([old.closed, young.closed !== undefined]).toEqual([undefined, true]);
      expect(s.kept).toEqual([A]);
    },
  ],
  [
    "RFC 4724 §4.2, §5",
    "the loss of a connection keeps the routes of the families that the capability named, as stale ones",
    () => {
      const s = new RestartScene();
      s.lost(graceful(0, { 1: 0 }));
      expect([s.kept, s.stale]).toEqual([
        [A, B],
        [A, B],
      ]);
    },
  ],
  [
    "RFC 4724 §4.2",
    "without the capability nothing is kept",
    () => {
      const s = new RestartScene();
      s.lost("");
      expect(s.kept).toEqual([]);
    },
  ],
  [
    "RFC 4724 §4.2",
    "what was stale already goes at the next loss",
    () => {
      const s = new RestartScene();
      s.lost(graceful(0, BOTH));
      s.lost(graceful(R, BOTH), [tells(A)]);
      expect(s.stale).toEqual([A]);
    },
  ],
  [
    "RFC 4724 §4.2",
    "a stale path is used as any other",
    () => {
      const s = new RestartScene();
      s.lost(graceful(0, BOTH));
      expect(best(s.ours)).toContain(`${A} via ${THEIRS}`);
    },
  ],
  [
    "RFC 4724 §4.2",
    "to a peer that is back, R is not set by one who has not restarted; F is, since forwarding went on",
    () => {
      const s = new RestartScene();
      s.lost(graceful(0, BOTH));
      expect(offered(s.meet(graceful(R, BOTH)))).toMatchObject([{ flags: 0, families: { 1: F, 2: F } }]);
    },
  ],
  [
    "RFC 4724 §4.2",
    "one that is not back within the restart time that it said loses its stale routes",
    () => {
      const s = new RestartScene();
      s.lost(graceful(0, BOTH, 40));
      s.net.run(39_000);
      expect(s.kept).toEqual([A, B, SIX]);
      s.net.run(1000);
      expect(s.kept).toEqual([]);
    },
  ],
  ...(
    [
      ["F is not set for it", { 1: 0, 2: F }],
      ["it is not in the capability", { 2: F }],
    ] as const
  ).map(
    ([why, families]): RestartRule => [
      "RFC 4724 §4.2",
      `back, but for one family ${why}: its stale routes go at once`,
      () => {
        const s = new RestartScene();
        s.lost(graceful(0, BOTH));
        s.meet(graceful(R, families));
        expect(s.kept).toEqual([SIX]);
      },
    ],
  ),
  [
    "RFC 4724 §4.2",
    "back without the capability: all stale routes go at once",
    () => {
      const s = new RestartScene();
      s.lost(graceful(0, BOTH));
      s.meet("");
      expect(s.kept).toEqual([]);
    },
  ],
  [
    "RFC 4724 §4.2",
    "one that is back is told everything and End-of-RIB",
    () => {
      const s = new RestartScene();
      s.ours.speaker.announce([local("198.51.100.0/24")]);
      s.lost(graceful(0, BOTH));
      const raw = s.meet(graceful(R, BOTH));
      expect([raw.heard(2).length, ends(raw).length]).toEqual([3, 2]);
    },
  ],
  [
    "RFC 4724 §4.2",
    "what is told again takes the place of the stale route",
    () => {
      const s = new RestartScene();
      s.lost(graceful(0, BOTH));
      s.meet(graceful(R, BOTH), tells(B));
      expect([s.kept, s.stale]).toEqual([
        [A, B, SIX],
        [A, SIX],
      ]);
    },
  ],
  [
    "RFC 4724 §4.2",
    "End-of-RIB of a family takes what is still stale of it, and nothing of another",
    () => {
      const s = new RestartScene();
      s.lost(graceful(0, BOTH));
      s.meet(graceful(R, BOTH), tells(B), END_OF_FOUR);
      expect([s.kept, s.stale]).toEqual([[B, SIX], [SIX]]);
    },
  ],
  [
    "RFC 4724 §4.2, RFC 8538 §4.1",
    "stale routes have an upper bound, as configured, also when the peer is back and does not come to an end",
    () => {
      const s = new RestartScene({ staleSeconds: 100 });
      s.lost(graceful(0, BOTH));
      const raw = s.meet(graceful(R, BOTH));
      for (let seconds = 0; seconds < 99; seconds++) {
        s.net.run(1000);
        raw.say(KEEPALIVE);
      }
      expect(s.stale).toEqual([A, B, SIX]);
      s.net.run(2000);
      expect(s.kept).toEqual([]);
    },
  ],
];

describe.each([
  ["the capability", CAPABILITY_ROWS],
  ["the one who restarts", RESTARTER_ROWS],
  ["the one who helps", HELPER_ROWS],
])("%s", (_, rows) => {
  test.each(rows)("%s: %s", (_section, _rule, holds) => holds());
});

describe("rules that are not the speaker's to keep", () => {
  const root = join(import.meta.dirname, "../../..");
  test.each([
    [
      "RFC 4724 §4.1",
      "forwarding goes on over a restart, stale and fresh alike",
      "test/kernel/routes.test.ts",
    ],
    [
      "RFC 4724 §4.1",
      "what nobody announces any more goes once all is learned",
      "src/gateway/reconcile.test.ts",
    ],
    [
      "RFC 4724 §4.2",
      "a peer that BFD finds dead before it is back loses all",
      "src/bgp/speaker/bfd.test.ts",
    ],
  ])("%s: %s (%s)", (_section, _rule, elsewhere) => {
    expect(existsSync(join(root, elsewhere))).toBe(true);
  });
});

/** Whether a promise is settled, after its reactions ran. */
function watched<T>(promise: Promise<T>): { readonly promise: Promise<T>; done: boolean } {
  const state = {
    promise: promise.then((value) => {
      state.done = true;
      return value;
    }),
    done: false,
  };
  return state;
}
