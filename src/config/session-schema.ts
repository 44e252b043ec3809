/** Whether there is to be a session with a peer, and how much it may tell. */

import { z } from "zod";
import type { PrefixLimit } from "../model/model.ts";
import { duration, flag, integer, mapping, shutdownText } from "./scalars.ts";

const prefixCount = integer(1, 4294967295);

/** Warned at, where the file does not say: of the limit. */
const WARN_SHARE = 0.75;

export const maxPrefixes: z.ZodType<PrefixLimit> = z
  .union(
    [
      prefixCount.transform((limit) => ({ limit })),
      mapping({
        limit: prefixCount.meta({ description: "More end the session." }),
        warnAt: prefixCount
          .optional()
          .meta({ description: "From so many on there is a warning. Default: three quarters of limit." }),
        restart: duration("1s", "24h")
          .optional()
          .meta({ description: "When the session is tried again. Default: when an operator says so." }),
      }),
    ],
    { error: "1..4294967295, or a mapping" },
  )
  .transform((given: GivenLimit, context) => {
    const { limit, warnAt = Math.ceil(limit * WARN_SHARE), restart } = given;
    if (warnAt > limit) {
      const message = `warnAt ${warnAt} is more than limit ${limit}`;
      context.addIssue({
        code: "custom",
        path: ["warnAt"],
        message,
        params: { sentence: true },
        input: given,
      });
    }
    return { limit, warnAt, restartMs: restart };
  });

interface GivenLimit {
  readonly limit: number;
  readonly warnAt?: number | undefined;
  readonly restart?: number | undefined;
}

export const shutdown: z.ZodType<string | boolean> = z.union([flag, shutdownText], {
  error: "true, false, or a text of at most 255 octets",
});
