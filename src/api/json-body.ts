/** Bodies of requests, as JSON that is not too deep. */

import type { FastifyInstance } from "fastify";
import { badRequest } from "../neutron/fault.ts";

/** Brackets inside each other in a body; ours have 5. */
export const DEPTH_MAX = 32;

/** Of no other type: what a page of another origin can send without being asked (a form, plain text) is not read. */
export function readJsonOnly(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "string" }, (_request, body, done) =>
    done(null, body),
  );
}

/** @param body - the text that came, if any. @throws Fault */
export function jsonOf(body: unknown): unknown {
  if (typeof body !== "string" || body === "") return undefined;
  if (isDeep(body))
    throw badRequest(`Malformed request body: more than ${DEPTH_MAX} brackets inside each other`);
  try {
    return JSON.parse(body);
  } catch {
    throw badRequest("Malformed request body: it is no JSON");
  }
}

/** Counted on the text: what reads a value afterwards goes down into it by calling itself. */
function isDeep(text: string): boolean {
  let depth = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === BACKSLASH) i++;
    else if (c === QUOTE) quoted = !quoted;
    else if (quoted) continue;
    else if (c === OPEN_BRACKET || c === OPEN_BRACE) depth += 1;
    else if (c === OPEN_BRACKET + 2 || c === OPEN_BRACE + 2) depth -= 1;
    if (depth > DEPTH_MAX) return true;
  }
  return false;
}

const BACKSLASH = 0x5c;
const QUOTE = 0x22;
/** Their closing partners are two further in ASCII. */
const OPEN_BRACKET = 0x5b;
const OPEN_BRACE = 0x7b;
