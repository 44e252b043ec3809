import { expect, test } from "vitest";
import { Rehearsal } from "./rehearsal.ts";

test("a rehearsal carries every prefix of both families through three speakers, and back out", () => {
  const rehearsal = new Rehearsal();
  const peaks: number[] = [];
  let rising = false;
  for (let before = 0; rehearsal.step(); ) {
    const now = rehearsal.heard;
    if (now < before && rising) peaks.push(before);
    rising = now === before ? rising : now > before;
    before = now;
  }
  expect(peaks).toEqual([2000, 2000, 2000]);
  expect(rehearsal.heard).toBe(0);
});

test("none of its steps announces much at once", () => {
  const rehearsal = new Rehearsal();
  for (let before = 0; rehearsal.step(); before = rehearsal.heard) {
    expect(rehearsal.heard - before).toBeLessThanOrEqual(1000);
  }
});
