/**
 * Every daemon in every meeting. What ran is what docs/INTEROP.md says; `INTEROP=write` in the environment writes it.
 */

import { beforeAll, describe, expect, test, vi } from "vitest";
import { DAEMONS } from "./daemons/all.ts";
import type { DaemonKind } from "./daemons/daemon.ts";
import { Meeting } from "./matrix/meeting.ts";
import { MEETINGS } from "./matrix/meetings.ts";
import { committedPage, Outcomes, page, withoutVersions, writePage } from "./matrix/table.ts";
import { missing } from "./namespaces.ts";
import { buildLibrary } from "./our-speaker.ts";

// They wait for timers most of the time.
vi.setConfig({ maxConcurrency: 10, testTimeout: 180_000 });

const { CI, INTEROP } = process.env;
const outcomes = new Outcomes();
let library = "";
beforeAll(() => {
  library = buildLibrary();
});

for (const kind of DAEMONS) {
  const lacking = missing(kind.programs);
  if (lacking !== undefined && CI === "true") throw new Error(`interop needs ${lacking}`);
  const title = lacking === undefined ? kind.name : `${kind.name} (skipped: needs ${lacking})`;
  const can = (feature: keyof DaemonKind["cannot"]): boolean => kind.cannot[feature] === undefined;
  const meetings = MEETINGS.filter(({ steps }) => steps.some(([feature]) => can(feature)));
  describe.skipIf(lacking !== undefined)(title, { concurrent: true }, () => {
    test.for(meetings)("$name", async ({ setUp, steps }) => {
      const meeting = await Meeting.begin(kind, setUp(can), library);
      try {
        for (const [feature, step] of steps.filter(([name]) => can(name))) {
          outcomes.begin(kind.name, feature);
          await step(meeting).catch((cause: unknown) => {
            throw new Error(`${kind.name}, ${feature}`, { cause });
          });
          outcomes.endWell(kind.name, feature);
        }
      } finally {
        await meeting.end();
      }
    });
  });
}

test("docs/INTEROP.md says what ran", () => {
  if (INTEROP === "write") writePage(page(DAEMONS, outcomes, committedPage()));
  const committed = committedPage();
  expect(withoutVersions(committed)).toBe(withoutVersions(page(DAEMONS, outcomes, committed)));
});
