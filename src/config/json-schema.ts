/** The schema of gateway.yaml as JSON Schema draft-07, the one that YAML editors know. */

import { z } from "zod";
import { gatewayFile } from "./schema.ts";

/** The content of schema/gateway.schema.json. */
export function jsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(gatewayFile, {
    io: "input",
    target: "draft-7",
    // zod drops both from what it transforms, since it cannot know whether they are meant before or after. Ours are
    // as they stand in the file.
    override: ({ zodSchema, jsonSchema }) => {
      const { default: standard, examples } = z.globalRegistry.get(zodSchema) ?? {};
      if (standard !== undefined) jsonSchema.default = standard as never;
      if (Array.isArray(examples)) jsonSchema.examples = examples;
    },
  });
  const { $schema, ...rest } = schema;
  return { $schema, title: "gatewayd configuration", ...rest } as Record<string, unknown>;
}
