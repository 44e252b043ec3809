import { buffer } from "node:stream/consumers";
import { expect, test } from "vitest";
import { inTurns } from "./pieces.ts";

const textOf = async (pieces: Iterable<string>): Promise<string> => {
  const answer = inTurns(encoded(pieces));
  return (Buffer.isBuffer(answer) ? answer : await buffer(answer)).toString();
};

function* encoded(pieces: Iterable<string>): Generator<Uint8Array> {
  for (const piece of pieces) yield Buffer.from(piece);
}

test.each([[[]], [["one"]], [["[", "1", "", ",ü", "]"]]])("%j comes whole", async (pieces) => {
  expect(await textOf(pieces)).toBe(pieces.join(""));
});

test("while a long answer is made, others have their turn", async () => {
  let isHeard = false;
  // It goes on until somebody else has had one.
  function* endless(): Generator<string> {
    while (!isHeard) yield "x";
    yield "!";
  }
  setImmediate(() => {
    isHeard = true;
  });
  expect(await textOf(endless())).toMatch(/^x+!$/);
});
