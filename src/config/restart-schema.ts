/** Graceful restart (RFC 4724, RFC 8538, RFC 9494): what all peers have in common, and what one of them differs in. */

import { z } from "zod";
import type { GracefulRestart, Peer } from "../model/model.ts";
import { duration, flag, mapping } from "./scalars.ts";

type LongLived = Peer["longLivedMs"];

/** RFC 9494 §3.1: 24 bits of seconds. */
const staleTime = duration("1s", "4660h");

const stale: z.ZodType<LongLived> = z.union(
  [
    z.literal(false).transform(() => undefined),
    staleTime.transform((ms) => ({ 4: ms, 6: ms })),
    mapping({
      ipv4: staleTime.optional().meta({ description: "For IPv4 routes. Default: not at all." }),
      ipv6: staleTime.optional().meta({ description: "For IPv6 routes. Default: not at all." }),
    }).transform(({ ipv4, ipv6 }) => ({
      ...(ipv4 !== undefined && { 4: ipv4 }),
      ...(ipv6 !== undefined && { 6: ipv6 }),
    })),
  ],
  { error: "a duration of 1s to 4660h, a mapping of families, or false" },
);

const longLived = stale.optional().meta({
  description:
    "How long stale routes are kept as a last resort behind the restart time, by the peer and by us (RFC 9494). Default: not at all.",
});

/** What stands in a peer or a group in place of the `longLived` of all. */
export const peerRestart: z.ZodType<{ readonly longLived?: LongLived | undefined } | undefined> = mapping({
  longLived,
}).optional();

export const gracefulRestart: z.ZodType<(GracefulRestart & { readonly longLivedMs: LongLived }) | undefined> =
  z.union(
    [
      z.literal(false).transform(() => undefined),
      mapping({
        restartTime: duration("1s", "4095s")
          .prefault("120s")
          .meta({ description: "How long peers keep our routes while we are gone (RFC 4724)." }),
        notification: flag
          .prefault(true)
          .meta({ description: "Keep routes when a session ends by NOTIFICATION too (RFC 8538)." }),
        staleTime: duration("1s", "24h").prefault("6m").meta({
          description:
            "How long stale routes of a peer that is back wait until it has told everything (RFC 8538).",
        }),
        longLived,
      }).transform((given) => ({
        restartMs: given.restartTime,
        notification: given.notification,
        staleMs: given.staleTime,
        longLivedMs: given.longLived,
      })),
    ],
    { error: "a mapping, or false" },
  );
