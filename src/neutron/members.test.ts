import fc from "fast-check";
import { expect, test } from "vitest";
import { chosen, type Members, viewOf, writerOf } from "./members.ts";

/** As attributes are: none is a number, which objects put in an order of their own, or "__proto__". */
const name = fc.string({ unit: "binary" }).map((text) => `:${text}`);
const object = fc.dictionary(name, fc.option(fc.jsonValue(), { nil: undefined }));
type Sample = Readonly<Record<string, unknown>>;

const membersOf = (names: readonly string[]): Members<Sample> =>
  new Map(names.map((name) => [name, (one: Sample) => (Object.hasOwn(one, name) ? one[name] : undefined)]));

test("an object is written as its view is, whatever its members and their values", () => {
  fc.assert(
    fc.property(object, fc.array(name), (one, others) => {
      const members = membersOf([...others, ...Object.keys(one)]);
      expect(writerOf(members)(one)).toBe(JSON.stringify(viewOf(members, one)));
    }),
  );
});

test("fields are those that there are, in the order in which they were asked for", () => {
  const members = membersOf(["id", "name", "status"]);
  expect([...chosen(members, ["status", "no such thing", "id", "status"]).keys()]).toEqual(["status", "id"]);
  expect(chosen(members, [])).toBe(members);
});
