/**
 * The decoder under messages that are changed a little. FUZZ_INPUTS=10000000 says how many, SEED where to begin.
 */

import { expect, test } from "vitest";
import { decodeAttributes } from "../../src/bgp/wire/attribute-block.ts";
import { encodeAttributes } from "../../src/bgp/wire/attribute-encode.ts";
import { decodeMessage } from "../../src/bgp/wire/codec.ts";
import { type DecodeContext, NOTHING_NEGOTIATED } from "../../src/bgp/wire/context.ts";
import { Refusal } from "../../src/bgp/wire/fault.ts";
import { checkHeader, HEADER_OCTETS } from "../../src/bgp/wire/header.ts";
import { type Announced, decodeUpdate, Update } from "../../src/bgp/wire/update.ts";
import { hexOf } from "../vectors/vectors.ts";
import { Chance } from "./chance.ts";
import { CORPUS, mutated } from "./mutation.ts";

const INPUTS = Number(process.env["FUZZ_INPUTS"] ?? 200_000);
const SEED = Number(process.env["SEED"] ?? 1);
/** The window in which a message must stay: what lies around it belongs to others. */
const AROUND = 64;

const contextOf = (chance: Chance): DecodeContext => ({
  ...NOTHING_NEGOTIATED,
  as4: chance.holds(0.8),
  external: chance.holds(0.7),
  addPath: chance.holds(0.2) ? [4, 6] : [],
  extendedNextHop: chance.holds(0.5),
  extendedMessage: chance.holds(0.5),
  enhancedRefresh: chance.holds(0.5),
});

const update = new Update();

/** Decodes all that is in it; returns what it came to. */
function fateOf(octets: Uint8Array, context: DecodeContext): string {
  if (octets.length < HEADER_OCTETS) return "cut";
  const length = checkHeader(octets, 0, context.extendedMessage);
  if (length instanceof Refusal) return "header refused";
  // The framer waits for the rest.
  if (length > octets.length) return "cut";
  const whole = octets.subarray(0, length);
  const message = decodeMessage(whole, context);
  if (message instanceof Refusal) return "refused";
  if (message.type !== "update") return message.type;
  const reaction = decodeUpdate(whole, context, update);
  if (reaction === "session-reset") return reaction;
  for (const announced of update.announced) if (announced.prefixes.count > 0) passOn(announced, context);
  return reaction ?? "update";
}

/** What can be used can be sent, and says the same when it is read again. */
function passOn({ block, prefixes: { family } }: Announced, context: DecodeContext): void {
  const { attributes } = decodeAttributes(block, context);
  if (attributes === undefined || block.of === "mp") return;
  if (attributes.nextHop.family !== family) return;
  const { octets } = encodeAttributes(attributes, family, { as4: true, external: false });
  const again = decodeAttributes(
    { octets, start: 0, end: octets.length, of: "body" },
    { ...context, as4: true, external: false },
  );
  expect(again.faults).toEqual([]);
}

test(`${INPUTS} mutated messages, from seed ${SEED}: none is more than refused`, {
  timeout: 3_600_000,
}, () => {
  expect(CORPUS.length).toBeGreaterThan(200);
  const chance = new Chance(SEED);
  const fates = new Map<string, number>();
  for (let i = 0; i < INPUTS; i++) {
    const context = contextOf(chance);
    const message = mutated(chance);
    // As it comes from a socket: a window of something bigger.
    const buffer = new Uint8Array(message.length + 2 * AROUND).fill(0xa5);
    buffer.set(message, AROUND);
    const octets = buffer.subarray(AROUND, AROUND + message.length);
    try {
      const fate = fateOf(octets, context);
      fates.set(fate, (fates.get(fate) ?? 0) + 1);
    } catch (error) {
      throw new Error(`input ${i}: ${hexOf(message)} with ${JSON.stringify(context)}`, { cause: error });
    }
    if (buffer[AROUND - 1] !== 0xa5 || buffer[buffer.length - AROUND] !== 0xa5) {
      throw new Error(`input ${i}: ${hexOf(message)} changed what is not its own`);
    }
  }
  const expected = ["header refused", "refused", "session-reset", "treat-as-withdraw", "update", "open"];
  expect([...fates.keys()]).toEqual(expect.arrayContaining(expected));
});
