/** Pages of lists. */

import type { FastifyReply, FastifyRequest } from "fastify";
import { Refusal } from "./answers.ts";
import type { Paging } from "./query.ts";
import type { Page } from "./source.ts";

export const badCursor = (): Refusal =>
  new Refusal("request.invalid", "query parameter after names no page", "take it from the link of a page");

/** The page behind the item whose key is `after`. */
export function cut<T>(items: readonly T[], keyOf: (item: T) => string, { limit, after }: Paging): Page<T> {
  const at = after === undefined ? -1 : items.findIndex((item) => keyOf(item) === after);
  if (after !== undefined && at < 0) throw badCursor();
  const page = items.slice(at + 1, at + 1 + limit);
  const last = page.at(-1);
  return last !== undefined && at + 1 + limit < items.length
    ? { items: page, next: keyOf(last) }
    : { items: page };
}

/** A page goes out as a plain array; where the next one is stands in the Link header (RFC 8288). */
export function sendPage<T>(request: FastifyRequest, reply: FastifyReply, page: Page<T>): readonly T[] {
  if (page.next !== undefined) {
    const url = new URL(request.url, "http://gatewayd");
    url.searchParams.set("after", page.next);
    void reply.header("link", `<${url.pathname}${url.search}>; rel="next"`);
  }
  return page.items;
}
