import fc from "fast-check";
import { expect, test } from "vitest";
import { SharedValues } from "./shared-values.ts";

test("what is shared is as it was read", () => {
  const shared = new SharedValues();
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = JSON.stringify({ name: value, tags: [value] });
      expect(JSON.stringify(shared.of(JSON.parse(text)))).toBe(text);
    }),
  );
});

test("nobody can change what many have", () => {
  const { tags, profile } = new SharedValues().of({ tags: [] as string[], profile: {} as { a?: number } });
  expect(() => tags.push("one")).toThrow(TypeError);
  expect(() => {
    profile.a = 1;
  }).toThrow(TypeError);
});
