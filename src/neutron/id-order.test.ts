import fc from "fast-check";
import { expect, test } from "vitest";
import { IdOrder } from "./id-order.ts";

test("ids are those that came and did not go, in order, from any of them on and in either direction", () => {
  const id = fc.stringMatching(/^[0-2a]{0,4}$/);
  const steps = fc.array(fc.tuple(id, fc.boolean()), { maxLength: 60 });
  const asks = fc.array(fc.tuple(fc.option(id, { nil: undefined }), fc.boolean()), { maxLength: 4 });
  fc.assert(
    fc.property(fc.array(fc.tuple(steps, asks), { maxLength: 4 }), (rounds) => {
      const known = new Set<string>();
      const order = new IdOrder([]);
      for (const [list, asked] of rounds) {
        for (const [each, comes] of list) play(order, known, each, comes);
        for (const [from, backwards] of asked)
          expect([...order.from(from, backwards)]).toEqual(behind(known, from, backwards));
      }
    }),
  );
});

function play(order: IdOrder, known: Set<string>, id: string, comes: boolean): void {
  if (!comes) {
    order.delete(id);
    known.delete(id);
  } else if (!known.has(id)) {
    order.add(id);
    known.add(id);
  }
}

function behind(known: ReadonlySet<string>, from: string | undefined, backwards: boolean): string[] {
  const ids = [...known].sort();
  if (backwards) return ids.reverse().filter((id) => from === undefined || id < from);
  return ids.filter((id) => from === undefined || id > from);
}
