/** Bodies of requests, as JSON that is not too deep. */

import type { FastifyInstance } from "fastify";
import { badRequest, type Fault } from "../neutron/fault.ts";

/** Brackets inside each other in a body; ours have 5. */
export const DEPTH_MAX = 32;

/** Members of all objects in a body: a bulk of 100 ports has some 3000. */
const MEMBERS_MAX = 20_000;

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
  refuseShape(body);
  try {
    return JSON.parse(body);
  } catch {
    throw badRequest("Malformed request body: it is no JSON");
  }
}

/**
 * Counted on the text: what reads a value afterwards goes down into it by calling itself, and an object of very many
 * names costs far more to make than its octets do to read.
 * @throws Fault
 */
function refuseShape(text: string): void {
  let depth = 0;
  let members = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === BACKSLASH) i++;
    else if (c === QUOTE) quoted = !quoted;
    else if (!quoted) {
      depth += DEEPER[c] ?? 0;
      members += Number(c === COLON);
      if (depth > DEPTH_MAX) throw tooMuch(`more than ${DEPTH_MAX} brackets inside each other`);
    }
  }
  if (members > MEMBERS_MAX) throw tooMuch(`more than ${MEMBERS_MAX} members`);
}

const tooMuch = (what: string): Fault => badRequest(`Malformed request body: ${what}`);

const BACKSLASH = 0x5c;
const QUOTE = 0x22;
const COLON = 0x3a;

/** What a character outside of texts does to the depth. */
const DEEPER: Int8Array = Int8Array.from({ length: 128 }, (_, c) => {
  const character = String.fromCharCode(c);
  return Number("[{".includes(character)) - Number("]}".includes(character));
});
