/** Refusals as tables: a row is a request at the seed's site, and the fault that it meets. */

import { expect, test } from "vitest";
import type { Caller } from "../caller.ts";
import type { ApiRequest } from "../service.ts";
import { ADMIN, type Said, type Site, site } from "./cloud.ts";

export const NOBODY = "11111111-2222-4333-8444-555555555555";

type Refused = readonly [status: number, type: string, message: string];

export type Row = readonly [
  name: string,
  request: (at: Site) => readonly [method: ApiRequest["method"], path: string, body?: unknown],
  /** Asked for when the request is made up, and not yet done. */
  expected: (at: Site) => Refused,
  caller?: Caller,
];

export function hold(rows: readonly Row[]): void {
  for (const [name, request, expected, caller = ADMIN] of rows) {
    test(name, () => {
      const at = site();
      const [method, path, body] = request(at);
      const [status, type, message] = expected(at);
      const said: Said = { status, type, message };
      expect(at.cloud.said(method, path, body, caller)).toEqual(said);
    });
  }
}
