/** The story of each lab, step by step, on real packets: what `npm start` shows is what is tested. */

import { spawnSync } from "node:child_process";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Lab, raise } from "../../containerlab/runner/lab.ts";
import { type Chapter, play, type Stage, stageOf, typedCommand } from "../../containerlab/story/step.ts";
import { BIRD_STORY, STORY } from "../../containerlab/story/story.ts";

const root = resolve(import.meta.dirname, "../..");
const able =
  process.getuid?.() === 0 &&
  spawnSync("unshare", ["--net", "--mount", "--pid", "--fork", "true"]).status === 0;
/** The longest step waits 60 s for the gateway to be back, and looks a few times more. */
const STEP_TIMEOUT_MS = 120_000;

describe.runIf(able).each<[string, readonly Chapter[]]>([
  ["quickstart", STORY],
  ["interop-bird", BIRD_STORY],
])("%s", (name, story) => {
  let lab: Lab | undefined;
  let stage: Stage;
  beforeAll(async () => {
    // A name of its own, so that a lab that somebody has up is left alone.
    lab = await raise({ file: join(root, `containerlab/${name}.clab.yml`), root, name: `test-${name}` });
    stage = stageOf(lab);
  });
  afterAll(async () => await lab?.down());

  describe.each(story)("$title", ({ steps }) => {
    test.each(steps)("$sentence", { timeout: STEP_TIMEOUT_MS }, async (step) => {
      const { holds, said, output } = await play(stage, step);
      expect(holds, `${typedCommand(step, stage.lab.name)}\n${said}\n${output.stderr}`).toBe(true);
    });
  });
});
