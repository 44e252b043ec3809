/** Tells the story on a terminal or into a file: sentence, command, what came back. */

import type { Lab } from "../runner/lab.ts";
import { brief } from "./proofs.ts";
import { type Chapter, type Outcome, play, type Step, stageOf, typedCommand } from "./step.ts";

export interface Teller {
  readonly write: (text: string) => void;
  readonly colours: boolean;
}

export interface Told {
  readonly held: number;
  /** Ids of the steps that did not. */
  readonly failed: readonly string[];
}

const CODES = { bold: 1, dim: 2, red: 31, green: 32 } as const;

export async function tell(lab: Lab, story: readonly Chapter[], teller: Teller): Promise<Told> {
  const stage = stageOf(lab);
  const failed: string[] = [];
  let held = 0;
  for (const chapter of story) {
    teller.write(`\n${paint(teller, "bold", chapter.title)}\n`);
    for (const step of chapter.steps) {
      teller.write(`\n  ${step.sentence}.\n`);
      teller.write(`  ${paint(teller, "dim", `$ ${typedCommand(step, lab.name)}`)}\n`);
      const outcome = await play(stage, step);
      teller.write(result(teller, step, outcome));
      if (outcome.holds) held++;
      else failed.push(step.id);
    }
  }
  for (const left of stage.running.values()) await left.stop("SIGKILL");
  return { held, failed };
}

function result(teller: Teller, step: Step, { holds, said, tookMs, output }: Outcome): string {
  const mark = holds ? paint(teller, "green", "ok") : paint(teller, "red", "FAILED");
  const lines = [`  ${mark} ${said} (${tookMs} ms)`];
  if (!holds) {
    lines.push(`     step ${step.id}, exit status ${output.code}`);
    if (output.stderr.trim() !== "") lines.push(`     ${brief(output.stderr)}`);
  }
  return `${lines.join("\n")}\n`;
}

function paint({ colours }: Teller, code: keyof typeof CODES, text: string): string {
  return colours ? `\u001b[${CODES[code]}m${text}\u001b[0m` : text;
}
