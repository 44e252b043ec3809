import fc from "fast-check";
import { expect, test } from "vitest";
import { ChangeMarks } from "../bgp/net/change-marks.ts";
import { Texts } from "./texts.ts";

const decoder = new TextDecoder();

test("what is kept is what would be made, whatever changed and went, and in whatever order it is asked for", () => {
  const text = fc.string({ unit: "grapheme", maxLength: 40 });
  const change = fc.record({ id: fc.nat(5), text, times: fc.constantFrom(1, 9000), gone: fc.boolean() });
  const orders = fc.array(fc.nat(5), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(fc.array(fc.tuple(change, orders), { maxLength: 12 }), (steps) => {
      const texts = new Texts();
      const marks = new ChangeMarks();
      const objects = Array.from({ length: 6 }, (_, i) => ({ id: String(i), text: "" }));
      for (const [{ id, text: now, times, gone }, order] of steps) {
        if (gone) texts.forget(String(id));
        objects[id] = { id: String(id), text: now.repeat(times) };
        const asked = order.map((i) => objects[i]!);
        const found = texts.of(asked, { marks, restsOn: () => [], write: ({ text }) => text });
        expect(decoder.decode(found)).toBe(asked.map((one) => `,${one.text}`).join(""));
      }
    }),
  );
});

test("a text is made again when something that it rests on was noted, or it was forgotten, and only then", () => {
  const texts = new Texts();
  const marks = new ChangeMarks();
  const object = { id: "one" };
  let made = 0;
  const writing = { marks, restsOn: () => [marks.ofName("a"), marks.ofName("b")], write: () => `${++made}` };
  const ask = (): string => decoder.decode(texts.of([object], writing));
  expect([ask(), ask()]).toEqual([",1", ",1"]);
  marks.noteName("c");
  expect(ask()).toBe(",1");
  marks.noteName("b");
  expect([ask(), ask()]).toEqual([",2", ",2"]);
  texts.forget("one");
  expect([ask(), ask()]).toEqual([",3", ",3"]);
});
