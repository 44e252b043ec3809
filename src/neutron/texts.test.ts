import fc from "fast-check";
import { expect, test } from "vitest";
import { joined, Texts } from "./texts.ts";

const decoder = new TextDecoder();

test("what is kept is what would be made, whatever changed and went, and in whatever order it is asked for", () => {
  const text = fc.string({ unit: "grapheme", maxLength: 40 });
  const change = fc.record({ id: fc.nat(5), text, times: fc.constantFrom(1, 9000), gone: fc.boolean() });
  const orders = fc.array(fc.nat(5), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(fc.array(fc.tuple(change, orders), { maxLength: 12 }), (steps) => {
      const texts = new Texts();
      const objects = Array.from({ length: 6 }, (_, i) => ({ id: String(i), text: "" }));
      for (const [{ id, text: now, times, gone }, order] of steps) {
        if (gone) texts.forget(String(id));
        objects[id] = { id: String(id), text: now.repeat(times) };
        const asked = order.map((i) => objects[i]!);
        const found = joined(asked.map((one) => texts.of(one, [], () => one.text)));
        expect(decoder.decode(found)).toBe(asked.map((one) => `,${one.text}`).join(""));
      }
    }),
  );
});

test("a text is made again when what it rests on is another, and only then", () => {
  const texts = new Texts();
  const object = { id: "one" };
  const made: unknown[] = [];
  const ask = (...rests: unknown[]): string =>
    decoder.decode(joined([texts.of(object, rests, () => `${made.push(rests)}`)]));
  expect([ask("UP", 1), ask("UP", 1), ask("DOWN", 1), ask("DOWN")]).toEqual([",1", ",1", ",2", ",3"]);
});
