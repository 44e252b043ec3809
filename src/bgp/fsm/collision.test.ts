import { expect, test } from "vitest";
import { type Contender, collisionLoser, type Identity } from "./collision.ts";

const ours: Contender = { initiator: "local", established: false };
const theirs: Contender = { initiator: "remote", established: false };
const low: Identity = { routerId: 1, asn: 65000 };
const high: Identity = { routerId: 0xc0000201, asn: 65000 };
const highAsn: Identity = { routerId: 1, asn: 65001 };

test.each<[string, Identity, Identity, Contender, Contender, "older" | "newer"]>([
  ["we are lower: theirs stays", low, high, ours, theirs, "older"],
  ["we are lower, order turned", low, high, theirs, ours, "newer"],
  ["we are higher: ours stays", high, low, ours, theirs, "newer"],
  ["we are higher, order turned", high, low, theirs, ours, "older"],
  ["equal identifiers: the higher AS (RFC 6286 §2.3)", highAsn, low, ours, theirs, "newer"],
  ["an established one stays", low, high, { ...ours, established: true }, theirs, "newer"],
  ["two from one side: the newer", high, low, theirs, theirs, "older"],
])("%s", (_, local, remote, older, newer, loser) => {
  expect(collisionLoser(local, remote, older, newer)).toBe(loser);
});

test("both ends keep the same connection", () => {
  for (const [a, b] of [
    [low, high],
    [high, low],
    [low, highAsn],
  ] as const) {
    // A's own connection is older to A, B's own is older to B.
    const atA = collisionLoser(a, b, ours, theirs) === "newer" ? "A's" : "B's";
    const atB = collisionLoser(b, a, ours, theirs) === "newer" ? "B's" : "A's";
    expect(atA).toBe(atB);
  }
});
