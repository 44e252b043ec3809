/** The keys of who is asked for mappings. */

import type { z } from "zod";
import { NO_PCP, type Pcp } from "../model/pcp.ts";
import { address, duration, integer, mapping, oneOrMany } from "./scalars.ts";

const SHORTEST = "120s";
const LONGEST = "24h";

export const pcp: z.ZodType<Pcp> = mapping({
  listen: oneOrMany(address, 0).prefault([]).meta({
    description: "Addresses of this machine where private hosts ask for mappings, on UDP port 5351.",
  }),
  minLifetime: duration(SHORTEST, LONGEST)
    .prefault(SHORTEST)
    .meta({ description: "The least that a mapping lives, whatever is asked for." }),
  maxLifetime: duration(SHORTEST, LONGEST)
    .prefault(LONGEST)
    .meta({ description: "The most that it lives before it is asked for again." }),
  mappingsPerAddress: integer(1, 65_535)
    .prefault(NO_PCP.mappingsPerAddress)
    .meta({ description: "Mappings that a private address may have at once." }),
}).transform(({ minLifetime, maxLifetime, ...given }) => ({
  ...given,
  minLifetimeMs: minLifetime,
  maxLifetimeMs: maxLifetime,
}));
