/** `addPath` of a peer: several paths of one prefix (RFC 7911). */

import { z } from "zod";
import type { Peer } from "../model/model.ts";
import { flag, integer, mapping } from "./scalars.ts";

export const NO_ADD_PATH: Peer["addPath"] = { receive: false, send: 0 };
const ADD_PATH_WAYS: Readonly<Record<"receive" | "send" | "both", Peer["addPath"]>> = {
  receive: { receive: true, send: 0 },
  send: { receive: false, send: "all" },
  both: { receive: true, send: "all" },
};

export const addPath: z.ZodType<Peer["addPath"]> = z.union(
  [
    z.literal(false).transform(() => NO_ADD_PATH),
    z.enum(["receive", "send", "both"]).transform((way) => ADD_PATH_WAYS[way]),
    mapping({
      receive: flag.prefault(false).meta({ description: "Take several paths of a prefix." }),
      send: z
        .union([z.literal(false).transform(() => 0), z.literal("all"), integer(1, 255)], {
          error: "1..255, all or false",
        })
        .prefault(false)
        .meta({ description: "Send so many, the best of those that the export rules let out." }),
    }),
  ],
  { error: "receive, send, both, a mapping, or false" },
);
