/** Asks everything that the OpenAPI document says can be asked, and holds the answers to it. */

import { OPERATIONS } from "../operations.ts";

/** What the gateway knows. */
interface Known {
  /** One of its peers. */
  readonly peer: string;
  /** An address that it can explain. */
  readonly address: string;
}

/** Of paths that have to be told something, by their place in the document. */
const QUERIES: Readonly<Record<string, (known: Known) => string>> = {
  explain: ({ address }) => `?about=${address}`,
  listReceived: ({ peer }) => `?peer=${peer}`,
  listErrors: ({ peer }) => `?peer=${peer}`,
  findNatUser: () => "?address=198.51.100.10&port=3127",
  getNatBlock: () => "?address=10.65.0.2",
  traceNat: () => "?source=10.65.0.20&destination=192.0.2.80",
  getRpkiPrefix: () => "?prefix=192.0.2.0/24",
  listEvents: () => "?follow=false",
};

/** What is wrong with an answer, by the operation's id; empty when all are as described. */
export async function wrongAnswers(
  known: Known,
  ask: (path: string) => Promise<{ readonly status: number; readonly json: unknown }>,
): Promise<Readonly<Record<string, string>>> {
  const wrong: Record<string, string> = {};
  for (const { method, id, path, answer } of OPERATIONS) {
    if (method !== "get" || answer === undefined || path.includes("{")) continue;
    const { status, json } = await ask(`${path}${QUERIES[id]?.(known) ?? ""}`);
    const read = answer.safeParse(json);
    if (status !== 200) wrong[id] = String(status);
    else if (!read.success) wrong[id] = read.error.message;
  }
  return wrong;
}
