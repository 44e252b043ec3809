import { expectTypeOf, test } from "vitest";
import type * as intent from "../../src/gateway/intent.ts";
import type { Kernel } from "../../src/kernel/client.ts";
import type { KernelRoute, Link } from "../../src/kernel/commands.ts";

test("the client is what the reconciler takes for a data plane", () => {
  expectTypeOf<Kernel>().toExtend<intent.Dataplane>();
  expectTypeOf<KernelRoute>().toEqualTypeOf<intent.KernelRoute>();
  expectTypeOf<Link>().toEqualTypeOf<intent.Link>();
});
