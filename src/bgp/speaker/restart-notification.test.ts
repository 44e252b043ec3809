/**
 * What a NOTIFICATION leaves of a session's routes, rule by rule: RFC 4724 without, and RFC 8538 with its N flag and hard
 * reset.
 */

import { describe, expect, test } from "vitest";
import { address } from "./testing/nodes.ts";
import { message, type RawPeer } from "./testing/raw-peer.ts";
import {
  A,
  B,
  BOTH,
  END_OF_FOUR,
  END_OF_SIX,
  graceful,
  N,
  offered,
  type RestartRule,
  RestartScene,
  type RestartSetting,
  SIX,
  TELLS_SIX,
  THEIRS,
  tells,
} from "./testing/restart-scene.ts";

const CEASE_RESET: string = message(3, "0604");

const all = [A, B, SIX];

/** A session with three routes, which is about to end. */
const heldTill = (setting: RestartSetting, theirs: string): { s: RestartScene; raw: RawPeer } => {
  const s = new RestartScene(setting);
  const raw = s.meet(theirs, tells(A, B), TELLS_SIX, END_OF_FOUR, END_OF_SIX);
  expect(s.kept).toEqual(all);
  return { s, raw };
};

const BAD_MARKER = `${"00".repeat(16)}001304`;
const NOTIFIED: readonly (readonly [
  section: string,
  rule: string,
  ours: boolean,
  theirs: number,
  kept: boolean,
])[] = [
  ["RFC 4724 §4", "as ever without N", false, 0, false],
  ["RFC 8538 §4", "as ever where only we say N", true, 0, false],
  ["RFC 8538 §4", "as ever where only they say N", false, N, false],
  ["RFC 8538 §4", "as a lost connection where both say N", true, N, true],
];

const FLAG_ROWS: readonly RestartRule[] = [
  [
    "RFC 8538 §2",
    "N is said where it is configured, and only there",
    () => {
      expect(offered(new RestartScene({ notification: true }).meet(""))[0]!.flags).toBe(N);
      expect(offered(new RestartScene({ notification: false }).meet(""))[0]!.flags).toBe(0);
    },
  ],
];

const NOTIFICATION_ROWS: readonly RestartRule[] = NOTIFIED.flatMap(
  ([section, rule, ours, theirs, kept]): RestartRule[] => {
    const setting = { notification: ours };
    const capability = graceful(theirs, BOTH);
    const left = kept ? all : [];
    return [
      [
        section,
        `a NOTIFICATION that came ends a session ${rule}`,
        () => {
          const { s, raw } = heldTill(setting, capability);
          raw.say(CEASE_RESET);
          s.net.run(20);
          expect(s.stale).toEqual(left);
        },
      ],
      [
        section,
        `a NOTIFICATION that we send ends a session ${rule}`,
        () => {
          const { s, raw } = heldTill(setting, capability);
          raw.say(BAD_MARKER);
          s.net.run(20);
          expect([raw.notification()?.slice(0, 4), s.stale]).toEqual(["0101", left]);
        },
      ],
      [
        section,
        `the hold timer ends a session ${rule}`,
        () => {
          const { s, raw } = heldTill(setting, capability);
          s.net.run(91_000);
          expect([raw.notification(), s.stale]).toEqual(["0400", left]);
        },
      ],
    ];
  },
);

const HARD_RESET_ROWS: readonly RestartRule[] = [
  ...["060906020462796521", "06090604", "0609"].map(
    (notification): RestartRule => [
      "RFC 8538 §3.1, §4",
      `a hard reset that came (${notification}) keeps nothing, whatever it carries`,
      () => {
        const { s, raw } = heldTill({ notification: true }, graceful(N, BOTH));
        raw.say(message(3, notification));
        s.net.run(20);
        expect(s.kept).toEqual([]);
      },
    ],
  ),
  [
    "RFC 8538 §3.1, §5",
    "an end that is meant is a hard reset around its reason and words, and nothing is kept",
    () => {
      const { s, raw } = heldTill({ notification: true }, graceful(N, BOTH));
      s.ours.speaker.order(address(THEIRS), { do: "shutdown", text: "bye" });
      s.net.run(20);
      expect([raw.notification(), s.kept]).toEqual(["0609060203627965", []]);
    },
  ],
  [
    "RFC 8538 §3.1",
    "there is no hard reset for who has not said N",
    () => {
      const { s, raw } = heldTill({ notification: true }, graceful(0, BOTH));
      s.ours.speaker.order(address(THEIRS), { do: "shutdown", text: "bye" });
      s.net.run(20);
      expect(raw.notification()).toBe("060203627965");
    },
  ],
  [
    "RFC 8538 §5",
    "an end before a restart is a Cease that keeps our routes, where both say N; else it has no words",
    () => {
      for (const [flags, said] of [
        [N, "0604027570"],
        [0, undefined],
      ] as const) {
        const { s, raw } = heldTill({ notification: true }, graceful(flags, BOTH));
        s.ours.speaker.stop({ graceful: true, text: "up" });
        s.net.run(20);
        expect([raw.notification(), raw.closed !== undefined]).toEqual([said, true]);
      }
    },
  ],
];

describe.each([
  ["the flag", FLAG_ROWS],
  ["a NOTIFICATION", NOTIFICATION_ROWS],
  ["a hard reset", HARD_RESET_ROWS],
])("%s", (_, rows) => {
  test.each(rows)("%s: %s", (_section, _rule, holds) => holds());
});
