import { expect, test } from "vitest";
import { AttrMemo } from "./attr-memo.ts";
import { AttributePool, NO_ATTRIBUTES } from "./attribute-pool.ts";
import { attributesWith } from "./testing/lab.ts";

const pool = (): AttributePool => new AttributePool({ asn: 65000, routerId: 1, clusterId: 1 });

test("remembers, and takes a reference on what it gives", () => {
  const held = pool();
  const memo = new AttrMemo(held);
  const [key, result] = [1, 2].map((med) => held.intern(attributesWith({ med })));
  memo.put(key!, 1, result!);
  expect(memo.take(key!, 2)).toBe(NO_ATTRIBUTES);
  expect(memo.take(key!, 1)).toBe(result);
  held.release(result!);
  held.release(result!);
  expect(() => held.release(result!)).toThrow(RangeError);
});

test.each([
  ["what was turned", 0],
  ["what it was turned into", 1],
])("an id that has come to stand for another set is not taken for the earlier one: %s", (_, reused) => {
  const held = pool();
  const memo = new AttrMemo(held);
  const ids = [1, 2].map((med) => held.intern(attributesWith({ med })));
  memo.put(ids[0]!, 1, ids[1]!);
  held.release(ids[reused]!);
  held.forgetSome(1);
  expect(memo.take(ids[0]!, 1)).toBe(NO_ATTRIBUTES);
  expect(held.intern(attributesWith({ med: 3 }))).toBe(ids[reused]);
  expect(memo.take(ids[0]!, 1)).toBe(NO_ATTRIBUTES);
});
