/** What a build makes beside JavaScript: executable bins, and the JSON Schema of gateway.yaml for editors. */

import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./setup.mjs";

for (const bin of ["daemon/gatewayd.js", "cli/gwctl.js"]) chmodSync(join(root, "dist/src", bin), 0o755);

const { jsonSchema } = await import(join(root, "dist/src/config/json-schema.js"));
mkdirSync(join(root, "schema"), { recursive: true });
writeFileSync(join(root, "schema/gateway.schema.json"), `${JSON.stringify(jsonSchema(), null, 2)}\n`);
