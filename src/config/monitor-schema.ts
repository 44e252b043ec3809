/** The keys of who is told what peers say: monitoring stations, and files. */

import { z } from "zod";
import { BMP_TABLES, type BmpSettings, type MrtSettings } from "../model/model.ts";
import { address, choice, duration, filePattern, integer, list, mapping, port } from "./scalars.ts";

export const bmp: z.ZodType<BmpSettings> = mapping({
  address: address.meta({ description: "The station's address; we connect to it." }),
  port: port.meta({ description: "TCP port that the station listens on." }),
  statistics: duration("0s", "24h")
    .prefault("60s")
    .meta({ description: "Between two reports of statistics; 0s: none." }),
  tables: list(choice(BMP_TABLES)).min(1, { error: "at least one table" }).prefault(["pre-policy"]).meta({
    description:
      "What the station is told: of each peer what it tells, before or after import policy, and what it is told (rib-out), before or after export policy; and the Loc-RIB.",
  }),
}).transform(({ statistics: statisticsMs, tables, ...given }) => ({
  address: given.address,
  port: given.port,
  statisticsMs,
  tables: BMP_TABLES.filter((table) => tables.includes(table)),
}));

export const mrt: z.ZodType<MrtSettings | undefined> = z.union(
  [
    z.literal(false).transform(() => undefined),
    mapping({
      updates: filePattern.meta({
        description: "Path of the files, with %Y %m %d %H %M %S for when one begins, in UTC.",
      }),
      rotate: duration("1m", "24h").prefault("15m").meta({ description: "After this a new file begins." }),
      keep: integer(1, 100_000)
        .prefault(96)
        .meta({ description: "Files kept; older ones that the path describes are deleted." }),
    }).transform((given) => ({ updates: given.updates, rotateMs: given.rotate, keep: given.keep })),
  ],
  { error: "a mapping, or false" },
);
