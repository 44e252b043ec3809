/** The story as data: what is claimed, the command that proves it, and how to tell from what came back. */

import { setTimeout as sleep } from "node:timers/promises";
import type { Background, Output } from "../runner/background.ts";
import type { Lab } from "../runner/lab.ts";
import { typed } from "../runner/words.ts";

export interface Chapter {
  readonly title: string;
  readonly steps: readonly Step[];
}

export interface Step {
  /** Unique in the story; never changes once published. */
  readonly id: string;
  /** What is true, as a person would say it. */
  readonly sentence: string;
  readonly node: string;
  readonly command: readonly string[];
  /** Tried again until it holds, at most this long. A step that changes something has 0: it happens once. */
  readonly withinMs: number;
  /** Instead of running the command and waiting for it: when more has to happen at the same time. */
  readonly perform?: Perform;
  readonly prove: (output: Output, stage: Stage) => Proof;
}

export type Perform = (stage: Stage) => Promise<Output>;

export interface Proof {
  readonly holds: boolean;
  /** What came back, in a few words. */
  readonly said: string;
}

/** Where a story is played: the lab, and what one step leaves for a later one. */
export interface Stage {
  readonly lab: Lab;
  /** Commands that go on in the background, by a name that steps agree on. */
  readonly running: Map<string, Background>;
  readonly noted: Map<string, string>;
}

export interface Outcome extends Proof {
  readonly tookMs: number;
  readonly output: Output;
}

const PAUSE_MS = 100;
/** Time for things to settle: routes to travel, ARP to be asked. */
export const SETTLE_MS = 30_000;

export function stageOf(lab: Lab): Stage {
  return { lab, running: new Map(), noted: new Map() };
}

export async function play(stage: Stage, step: Step): Promise<Outcome> {
  const began = performance.now();
  for (;;) {
    const output = await perform(stage, step);
    const proof = step.prove(output, stage);
    const tookMs = Math.round(performance.now() - began);
    if (proof.holds || tookMs >= step.withinMs) return { ...proof, tookMs, output };
    await sleep(PAUSE_MS);
  }
}

async function perform(stage: Stage, step: Step): Promise<Output> {
  if (step.perform === undefined) return await stage.lab.node(step.node).exec(step.command);
  try {
    return await step.perform(stage);
  } catch (error) {
    return { stdout: "", stderr: String(error), code: 1 };
  }
}

/** The command as a person would type it in the root of the repository. */
export function typedCommand(step: Pick<Step, "node" | "command">, labName: string): string {
  const lab = labName === "quickstart" ? [] : [`LAB=${labName}`];
  return [...lab, "containerlab/on", step.node, typed(step.command)].join(" ");
}

/** Starts the command in the background; the step is done when its output matches. */
export function starts(name: string, node: string, command: readonly string[], until: RegExp): Perform {
  return async ({ lab, running }) => {
    const started = lab.node(node).start(command);
    running.set(name, started);
    const [stdout] = await started.said(until, SETTLE_MS);
    return { stdout, stderr: "", code: 0 };
  };
}

/** Stops what an earlier step has started; its whole output is this step's. That it was stopped is no failure. */
export function stops(name: string): Perform {
  return async ({ running }) => {
    const started = running.get(name);
    if (started === undefined) throw new Error(`nothing was started as ${name}`);
    running.delete(name);
    return { ...(await started.stop()), code: 0 };
  };
}

/** Looks again and again; resolves to how long it took, in ms. @throws Error after `withinMs` */
export async function until(withinMs: number, settled: () => Promise<boolean>): Promise<number> {
  const began = performance.now();
  for (;;) {
    if (await settled()) return Math.round(performance.now() - began);
    if (performance.now() - began > withinMs) throw new Error(`not within ${withinMs} ms`);
    await sleep(10);
  }
}
