import fc from "fast-check";
import { expect, test } from "vitest";
import { prefixOf } from "./address.ts";
import { ChangeMarks, type ChangeSlot } from "./change-marks.ts";
import { PrefixTable } from "./prefix-table.ts";

test("what was noted of any of its keys since then is never missed", () => {
  const names = fc.array(fc.string(), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(names, names, (rests, noted) => {
      const marks = new ChangeMarks();
      for (const name of rests) marks.noteName(name);
      const slots = rests.map((name) => marks.ofName(name));
      const at = marks.now;
      expect(marks.areAsOf(slots, at)).toBe(true);
      for (const name of noted) marks.noteName(name);
      if (noted.some((name) => rests.includes(name))) expect(marks.areAsOf(slots, at)).toBe(false);
      expect(marks.areAsOf(slots, marks.now)).toBe(true);
    }),
  );
});

test("a change of one key among a thousand leaves most others as they were", () => {
  const marks = new ChangeMarks();
  const slots = Array.from({ length: 1000 }, (_, i): ChangeSlot[] => [marks.ofName(`host-${i}`)]);
  marks.noteName("host-7");
  const changed = slots.filter((rests) => !marks.areAsOf(rests, 0));
  expect(changed).toContainEqual([marks.ofName("host-7")]);
  expect(changed.length).toBeLessThan(50);
});

test.each([4, 6] as const)("a prefix of IPv%i is noted where its table says", (family) => {
  const word = fc.nat(0xffff_ffff);
  const length = fc.nat(family === 4 ? 32 : 128);
  fc.assert(
    fc.property(word, word, length, (w0, low, bits) => {
      const [w1, w3] = family === 4 ? [0, 0] : [low, low];
      const prefix = prefixOf({ family, w0, w1, w2: 0, w3 }, bits);
      const table = new PrefixTable(family);
      const marks = new ChangeMarks();
      marks.note(table.hash(table.findOrAdd(prefix.w0, prefix.w1, prefix.w2, prefix.w3, prefix.length)));
      expect(marks.areAsOf([marks.ofPrefix(prefix)], 0)).toBe(false);
    }),
  );
});
