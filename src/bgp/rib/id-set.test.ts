import fc from "fast-check";
import { expect, test } from "vitest";
import { IdSet } from "./id-set.ts";

const ids = fc.oneof(fc.nat(40), fc.nat(5000));

test("behaves as a set, and next() comes by every member once per round", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), ids), { maxLength: 200 }), (steps) => {
      const set = new IdSet();
      const model = new Set<number>();
      for (const [adds, id] of steps) {
        if (adds) expect(set.add(id)).toBe(!model.has(id));
        else expect(set.delete(id)).toBe(model.has(id));
        if (adds) model.add(id);
        else model.delete(id);
        expect(set.size).toBe(model.size);
      }
      const round = Array.from(model, () => set.next());
      expect(round.toSorted((a, b) => a - b)).toEqual([...model].sort((a, b) => a - b));
    }),
  );
});

test("is emptied by next() and delete(), whatever comes in between", () => {
  fc.assert(
    fc.property(fc.array(ids, { minLength: 1 }), fc.array(ids), (first, later) => {
      const set = new IdSet();
      for (const id of first) set.add(id);
      const seen = new Set<number>();
      const more = [...later];
      for (let id = set.next(); id >= 0; id = set.next()) {
        seen.add(id);
        set.delete(id);
        const another = more.pop();
        if (another !== undefined) set.add(another);
      }
      expect(set.size).toBe(0);
      expect([...first, ...later.slice(more.length)].every((id) => seen.has(id))).toBe(true);
    }),
  );
});
