import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CursorError, type Page } from "../../api/source.ts";
import { pageOf, partOf } from "./pages.ts";

/** Every item, page by page. */
async function walk<T>(ask: (after: string | undefined) => Promise<Page<T>>): Promise<T[][]> {
  const pages: T[][] = [];
  for (let after: string | undefined; ; ) {
    const { items, next } = await ask(after);
    pages.push([...items]);
    if (next === undefined) return pages;
    after = next;
  }
}

const query = (limit: number, after: string | undefined): { limit: number; after?: string } =>
  after === undefined ? { limit } : { limit, after };

test("pages are the list in its order, each full but the last, and the last is not empty", async () => {
  const lists = fc.array(fc.array(fc.nat(9), { maxLength: 30 }), { maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(lists, fc.integer({ min: 1, max: 12 }), fc.nat(9), async (parts, limit, least) => {
      const answerOf = (n: number): number | undefined => (n < least ? undefined : n);
      const pages = await walk((after) => pageOf(parts.map(partOf), query(limit, after), answerOf));
      expect(pages.flat()).toEqual(parts.flat().filter((n) => n >= least));
      for (const page of pages.slice(0, -1)) expect(page).toHaveLength(limit);
      if (pages.length > 1) expect(pages.at(-1)!.length).toBeGreaterThan(0);
    }),
  );
});

test("others have their turn while a long list is walked", async () => {
  let turns = 0;
  const count = setInterval(() => turns++, 1);
  const slow = (n: number): undefined => {
    const until = performance.now() + 0.05;
    while (performance.now() < until) void n;
  };
  await pageOf([partOf(Array.from({ length: 2000 }, (_, i) => i))], { limit: 10 }, slow);
  clearInterval(count);
  expect(turns).toBeGreaterThan(3);
});

describe("a cursor", () => {
  test.each(["", "x", "-1.0", "0", "0.0.0", "1e3.0", "0.99999999999", " 0.0"])(
    "%j is none of ours",
    async (after) => {
      await expect(pageOf([partOf([1])], { limit: 1, after }, (n) => n)).rejects.toThrow(CursorError);
    },
  );
  test.each(["0.7", "3.0", "999999.0"])("%s is behind the end: there is nothing", async (after) => {
    expect(await pageOf([partOf([1])], { limit: 1, after }, (n) => n)).toEqual({ items: [] });
  });
});
