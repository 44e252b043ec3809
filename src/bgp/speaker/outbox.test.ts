import fc from "fast-check";
import { expect, test } from "vitest";
import { ipv4 } from "../net/address.ts";
import { type AttrId, AttributePool } from "../rib/attribute-pool.ts";
import type { PeerId } from "../rib/peer-table.ts";
import { NOTHING_NEGOTIATED } from "../wire/context.ts";
import { messageLengthAt } from "../wire/header.ts";
import { originatedAttributes } from "../wire/path-attributes.ts";
import { PrefixBatch } from "../wire/prefix-batch.ts";
import { decodeUpdate, Update } from "../wire/update.ts";
import { Outbox } from "./outbox.ts";

const PEERS = [1, 2, 3, 4] as const;
const pool = new AttributePool({ asn: 65_000, routerId: 1, clusterId: 1 });
const ATTRIBUTES = pool.internFor(originatedAttributes(ipv4(0xc0000201)), 4, { as4: true, external: true });

/** One call of the RIB: so many prefixes that nobody had before, for these peers. */
interface Told {
  readonly recipients: readonly number[];
  readonly prefixes: number;
  readonly withdraws: boolean;
}

const told: fc.Arbitrary<Told> = fc.record({
  recipients: fc.subarray([...PEERS], { minLength: 1 }),
  prefixes: fc.integer({ min: 1, max: 900 }),
  withdraws: fc.boolean(),
});

interface Write {
  readonly octets: Uint8Array;
  readonly messages: number;
}

/** What each peer is written, and the number that each prefix was told as. */
function writesOf(calls: readonly Told[]): ReadonlyMap<number, readonly Write[]> {
  const writes = new Map<number, Write[]>(PEERS.map((peer) => [peer, []]));
  const outbox = new Outbox(pool, {
    write: (peer, octets, messages) => writes.get(peer)!.push({ octets, messages }),
  });
  let next = 0;
  for (const { recipients, prefixes, withdraws } of calls) {
    const batch = new PrefixBatch();
    for (let i = 0; i < prefixes; i++) {
      batch.push({ family: 4, w0: 0x0b00_0000 + next++, w1: 0, w2: 0, w3: 0, length: 32 });
    }
    if (withdraws) outbox.withdraw(batch, recipients as readonly PeerId[]);
    else outbox.announce(ATTRIBUTES as AttrId, batch, recipients as readonly PeerId[]);
  }
  outbox.flush();
  return writes;
}

/** What was told in octets, prefix by prefix: its number, negative when it was withdrawn. */
function heard(octets: Uint8Array): { prefixes: number[]; messages: number } {
  const update = new Update();
  const prefixes: number[] = [];
  let messages = 0;
  for (let at = 0; at < octets.length; at += messageLengthAt(octets, at), messages++) {
    decodeUpdate(octets.subarray(at, at + messageLengthAt(octets, at)), NOTHING_NEGOTIATED, update);
    const [gone] = update.withdrawn;
    const [{ prefixes: come }] = update.announced;
    for (let i = 0; i < gone.count; i++) prefixes.push(-(gone.w0[i]! - 0x0b00_0000) - 1);
    for (let i = 0; i < come.count; i++) prefixes.push(come.w0[i]! - 0x0b00_0000 + 1);
  }
  return { prefixes, messages };
}

test("law: each peer is told what is for it, in its order, whoever else is told", () => {
  fc.assert(
    fc.property(fc.array(told, { maxLength: 60 }), (calls) => {
      const expected = new Map<number, number[]>(PEERS.map((peer) => [peer, []]));
      let next = 0;
      for (const { recipients, prefixes, withdraws } of calls) {
        const numbers = Array.from({ length: prefixes }, () => ++next);
        for (const peer of recipients) {
          expected.get(peer)!.push(...numbers.map((number) => (withdraws ? -number : number)));
        }
      }
      for (const [peer, writes] of writesOf(calls)) {
        const all = writes.map(({ octets, messages }) => ({ ...heard(octets), said: messages }));
        expect(all.flatMap(({ prefixes }) => prefixes)).toEqual(expected.get(peer));
        for (const { messages, said } of all) expect(said).toBe(messages);
        expect(all.filter(({ messages }) => messages === 0)).toEqual([]);
      }
    }),
    { numRuns: 50 },
  );
});

test("recipients that change with every prefix cost a peer one write, not one for each", () => {
  const calls = Array.from({ length: 200 }, (_, i) => ({
    recipients: PEERS.filter((peer) => peer !== PEERS[i % PEERS.length]),
    prefixes: 1,
    withdraws: false,
  }));
  for (const writes of writesOf(calls).values())
    expect(writes.map(({ messages }) => messages)).toEqual([150]);
});

test("whoever had the last of a full chunk is not written to with the next one, which is for others", () => {
  const toFirst = (count: number): Told[] =>
    Array.from({ length: count }, () => ({ recipients: [1], prefixes: 1, withdraws: false }));
  const [full] = writesOf(toFirst(3000)).get(1)!;
  const writes = writesOf([...toFirst(full!.messages), { recipients: [2], prefixes: 1, withdraws: false }]);
  expect(writes.get(1)!.map(({ messages }) => messages)).toEqual([full!.messages]);
  expect(writes.get(2)!.map(({ messages }) => messages)).toEqual([1]);
});
