import fc from "fast-check";
import { expect, test } from "vitest";
import { Backlog } from "./backlog.ts";

test("law: first come, first served, however many wait", () => {
  const steps = fc.array(fc.tuple(fc.integer({ min: 0, max: 3000 }), fc.integer({ min: 0, max: 3000 })), {
    maxLength: 20,
  });
  fc.assert(
    fc.property(steps, (list) => {
      const backlog = new Backlog();
      let pushed = 0;
      let taken = 0;
      let inOrder = true;
      for (const [pushes, takes] of list) {
        for (let i = 0; i < pushes; i++) backlog.push(pushed++);
        for (let i = 0; i < takes && backlog.size > 0; i++) inOrder &&= backlog.shift() === taken++;
        expect([inOrder, backlog.size]).toEqual([true, pushed - taken]);
      }
    }),
  );
});

test("it is long when more than a thousand wait, and those are more than a quarter", () => {
  const backlog = new Backlog();
  for (let i = 0; i < 1025; i++) backlog.push(i);
  expect([backlog.isLongBeside(4099), backlog.isLongBeside(4100)]).toEqual([true, false]);
  backlog.shift();
  expect(backlog.isLongBeside(0)).toBe(false);
});
