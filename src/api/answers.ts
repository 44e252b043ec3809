/** Errors and text as the API sends them. */

import type { ErrorAnswer } from "./schema.ts";

/** Every error code of the API with its HTTP status. A code never changes once published. */
export const ERRORS = {
  "request.invalid": 400,
  "request.malformed": 400,
  "object.invalid": 400,
  "token.missing": 401,
  "host.refused": 403,
  "role.refused": 403,
  "path.unknown": 404,
  "peer.unknown": 404,
  "object.unknown": 404,
  "explain.unknown": 404,
  "method.refused": 405,
  "request.timeout": 408,
  "object.ofFile": 409,
  "object.conflict": 409,
  "explain.ambiguous": 409,
  "body.tooLarge": 413,
  "request.tooMany": 429,
  "header.tooLarge": 431,
  internal: 500,
  "events.busy": 503,
  "store.unavailable": 503,
  "store.full": 507,
} as const;
export type ErrorCode = keyof typeof ERRORS;

/** A refusal that a handler throws and the error handler turns into an {@link ErrorAnswer}. */
export class Refusal extends Error {
  override readonly name: string = "Refusal";
  readonly detail: { readonly code: ErrorCode; readonly hint?: string };

  constructor(code: ErrorCode, message: string, hint?: string) {
    super(message);
    this.detail = hint === undefined ? { code } : { code, hint };
  }

  get answer(): ErrorAnswer {
    return { error: { code: this.detail.code, message: this.message, ...hintOf(this.detail.hint) } };
  }
}

const hintOf = (hint: string | undefined): { hint?: string } => (hint === undefined ? {} : { hint });

/** A refusal as the octets of a whole HTTP answer, for connections that never became a request. */
export function rawAnswer(refusal: Refusal, reasonPhrase: string): string {
  const body = toJson(refusal.answer);
  return [
    `HTTP/1.1 ${ERRORS[refusal.detail.code]} ${reasonPhrase}`,
    "content-type: application/json; charset=utf-8",
    `content-length: ${Buffer.byteLength(body)}`,
    "connection: close",
    "",
    body,
  ].join("\r\n");
}

/**
 * JSON that a terminal may show as it is. JSON.stringify escapes C0 alone, but texts of peers (shutdown
 * communications, RFC 9003) may hold C1 controls, which terminals obey, and bidirectional marks, which reorder lines.
 */
export const toJson = (value: unknown): string =>
  JSON.stringify(value).replace(UNSEEN, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);

/** DEL, C1, line separators, and the invisible format characters of the basic plane. */
const UNSEEN = /[\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;
