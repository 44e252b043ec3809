/** The limits of a commit. */

import { describe, expect, test } from "vitest";
import {
  COMMIT_OPERATIONS,
  type Commit,
  KEY_OCTETS,
  type Key,
  type Store,
  type StoreError,
  VALUE_OCTETS,
} from "../../../src/store/store.ts";

export function limitLaws(at: { readonly store: Store }): void {
  describe("what is at the limits is taken", () => {
    test.each<[string, Commit]>([
      ["many puts", puts(COMMIT_OPERATIONS)],
      [
        "many requirements",
        { ...puts(1), require: keys(COMMIT_OPERATIONS).map((key) => ({ key, modRevision: 0 })) },
      ],
      ["a long value", { put: [{ key: "/long", value: long(VALUE_OCTETS) }] }],
      ["a long key", { put: [{ key: `/${"k".repeat(KEY_OCTETS - 1)}`, value: "1" }] }],
      ["any Unicode text", { put: [{ key: "/text", value: '"\u0000 ☃ 𝄞 \u2028\ufeff"' }] }],
      ["an empty value", { put: [{ key: "/!~", value: "" }] }],
    ])("%s", async (_, commit) => {
      expect(await at.store.commit(commit)).toMatchObject({ ok: true });
      for (const { key, value } of commit.put ?? []) expect((await at.store.get(key))?.value).toBe(value);
    });
  });

  describe("what is beyond them is refused whole", () => {
    const surrogate = String.fromCharCode(0xd800);
    test.each<[string, Commit, unknown]>([
      ["too many puts", puts(COMMIT_OPERATIONS + 1), "too-large"],
      ["puts and removals together", { ...puts(COMMIT_OPERATIONS), remove: ["/other"] }, "too-large"],
      [
        "too many requirements",
        { ...puts(1), require: keys(COMMIT_OPERATIONS + 1).map((key) => ({ key, modRevision: 0 })) },
        "too-large",
      ],
      ["a value", { ...puts(1), put: [{ key: "/long", value: long(VALUE_OCTETS + 2) }] }, "too-large"],
      ["all together", { put: keys(5).map((key) => ({ key, value: long(VALUE_OCTETS) })) }, "too-large"],
      ["a long key", { put: [{ key: `/${"k".repeat(KEY_OCTETS)}`, value: "1" }] }, undefined],
      ["a key without a slash", { put: [{ key: "a", value: "1" }] }, undefined],
      ["a key with a space", { put: [{ key: "/a b", value: "1" }] }, undefined],
      ["a key beyond ASCII", { remove: ["/é"] }, undefined],
      ["a required key that is none", { require: [{ key: "", modRevision: 0 }] }, undefined],
      ["half a character", { put: [{ key: "/a", value: surrogate }] }, undefined],
      ["a key twice", { put: [{ key: "/a", value: "1" }], remove: ["/a"] }, undefined],
    ])("%s", async (_, commit, code) => {
      const error = await at.store.commit(commit).catch((thrown: unknown) => thrown);
      if (code === undefined) expect(error).toBeInstanceOf(RangeError);
      else expect((error as StoreError).detail.code).toBe(code);
      expect((await at.store.read("/")).entries.size).toBe(0);
    });
  });
}

const keys = (count: number): Key[] => Array.from({ length: count }, (_, i) => `/many/${i}`);
const puts = (count: number): Commit => ({ put: keys(count).map((key) => ({ key, value: "1" })) });
const long = (octets: number): string => `"${"é".repeat((octets - 2) / 2)}"`;
