/** What is answered to whoever asks for an explanation, as schemas; what their members mean stands in explain-schema.ts. */

import type { z } from "zod";
import type {
  ExplainAnswer,
  ExplainedAnnouncement,
  ExplainedCondition,
  ExplainedOwner,
} from "../explain-schema.ts";
import { answer, flag, list, oneOf, text, texts } from "./answer.ts";
import { announcement, route } from "./bgp.ts";
import { event, natBlock, natMappings, natTrace, status } from "./gateway.ts";

const owner = answer<ExplainedOwner>(
  { what: text, text, origin: oneOf(["file", "api", "machine"]) },
  { name: text, id: text, project: text, status: text, host: text, interface: text },
);

type Told = ExplainedAnnouncement["peers"][number];

const announced = answer<ExplainedAnnouncement>({
  prefix: text,
  kind: text,
  origin: oneOf(["own", "learned"]),
  announced: flag,
  conditions: list(answer<ExplainedCondition>({ claim: text, holds: flag, because: text })),
  peers: list(
    answer<Told>({ peer: text, sent: flag, reason: text, told: list(announcement) }, { rule: text }),
  ),
});

/** Members of an answer that is described elsewhere. */
const member = <T>(of: z.ZodType, name: string): z.ZodType<T> =>
  (of as unknown as z.ZodObject<Record<string, z.ZodType<T>>>).shape[name]!;

export const explanation: z.ZodType<ExplainAnswer> = answer<ExplainAnswer>(
  {
    asked: text,
    prefix: text,
    summary: text,
    owners: list(owner),
    handling: answer<ExplainAnswer["handling"]>({
      kind: oneOf(["floating", "anycast", "routed", "pool", "outbound", "none"]),
      text,
    }),
    announcements: list(announced),
    translation: answer<ExplainAnswer["translation"]>(
      {
        traces: list(natTrace),
        mappings: member<ExplainAnswer["translation"]["mappings"]>(natMappings, "mappings"),
      },
      { block: natBlock },
    ),
    problems: member<ExplainAnswer["problems"]>(status, "problems"),
    events: list(event),
  },
  {
    kernel: answer<NonNullable<ExplainAnswer["kernel"]>>({
      prefix: text,
      origin: oneOf(["ours", "link"]),
      via: texts,
      installed: flag,
    }),
    route,
  },
);
