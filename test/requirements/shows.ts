/** How a test says which requirements of the RFCs about NAT it shows; docs/NAT.md is written by that (page.ts). */

import { TestRunner } from "vitest";
import type { RequirementName } from "./table.ts";

declare module "vitest" {
  interface TaskMeta {
    /** What of the NAT's requirements the test shows; by this docs/NAT.md names it. */
    shows?: readonly RequirementName[];
  }
}

/** Says what the test that calls this shows. Comes first in its body: before anything is awaited. */
export function shows(...requirements: readonly RequirementName[]): void {
  const test = TestRunner.getCurrentTest();
  if (test === undefined) throw new Error("only a test shows something");
  test.meta.shows = requirements;
}
