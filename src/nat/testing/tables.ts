/** NAT tables by chance, dense enough that two of them share and dispute addresses. */

import fc from "fast-check";
import { ipv4, ipv6, type Prefix, prefixOf } from "../../bgp/net/address.ts";
import { addressKey } from "../../bgp/net/text.ts";
import { ALGS } from "../../model/alg.ts";
import type { BlockGrant, BlockPlan } from "../../model/blocks.ts";
import { BlockBook } from "../block-book.ts";
import type { FloatingMapping, ForwardMapping, NatTable, PoolMapping } from "../table.ts";

const TEN = 0x0a410000; // 10.65.0.0
const FLOATING = 0xac100100; // 172.16.1.0

const leaving = fc.constantFrom(
  { egress: "fixed" as const },
  { egress: "floating" as const },
  { egress: "floating" as const, stateless: true },
);
const floating: fc.Arbitrary<FloatingMapping[]> = fc.uniqueArray(
  fc
    .tuple(
      fc.oneof(
        fc.record({
          floating: fc.integer({ min: 0, max: 12 }).map((n) => ipv4(FLOATING + n)),
          fixed: fc.integer({ min: 0, max: 4 }).map((n) => ipv4(TEN + n)),
        }),
        // Some that nft lists with an IPv4 address within.
        fc.record({
          floating: fc
            .tuple(fc.constantFrom(0x20010db8, 0), fc.nat(6))
            .map(([first, last]) => ipv6(first, 0, 0, 0x10000 + last)),
          fixed: fc
            .tuple(fc.constantFrom(0xfd000000, 0), fc.nat(3))
            .map(([first, last]) => ipv6(first, 0, 0, 0x20000 + last)),
        }),
      ),
      leaving,
    )
    .map(([ends, how]) => ({ ...ends, ...how })),
  { maxLength: 10, selector: (m) => addressKey(m.floating) },
);

/** Ranges of four ports each, of addresses that may be a floating IP's or somebody else's too. */
const forwards: fc.Arbitrary<ForwardMapping[]> = fc
  .uniqueArray(
    fc.record({
      floating: fc.integer({ min: 10, max: 15 }).map((n) => ipv4(FLOATING + n)),
      protocol: fc.constantFrom("tcp", "udp"),
      range: fc.nat(2),
      width: fc.integer({ min: 1, max: 4 }),
      to: fc.integer({ min: 0, max: 4 }).map((n) => ipv4(TEN + n)),
      one: fc.boolean(),
    }),
    { maxLength: 8, selector: ({ floating, protocol, range }) => `${floating.w0} ${protocol} ${range}` },
  )
  .map((list) =>
    list.map(({ floating, protocol, range, width, to, one }) => ({
      ...{ floating, protocol, to },
      ports: { first: 80 + range * 4, last: 79 + range * 4 + width },
      toPorts: { first: 8080, last: one ? 8080 : 8079 + width },
    })),
  );

const prefix4: fc.Arbitrary<Prefix> = fc
  .tuple(fc.constantFrom(0x0a000000, 0x0a410000, 0x0a410001, 0xcb007100, 0, 0xffffffff), fc.nat(32))
  .map(([word, length]) => prefixOf(ipv4(word), length));

const prefix6: fc.Arbitrary<Prefix> = fc
  .tuple(fc.constantFrom(0x20010db8, 0, 0xff000000), fc.constantFrom(0, 1, 0xffffffff), fc.nat(128))
  .map(([first, last, length]) => prefixOf(ipv6(first, 0, 0, last), length));

/** More private addresses than blocks now and then, which the model's rules refuse. */
const blocks: fc.Arbitrary<BlockPlan> = fc.record({
  private: fc
    .constantFrom(28, 30, 32)
    .map((length) => [prefixOf(ipv4(TEN), length), prefixOf(ipv4(TEN + 64), length)]),
  pools: fc
    .record({
      addresses: fc.constantFrom([ipv4(0xc6336401)], [ipv4(0xc6336402), ipv4(0xc6336401)]),
      ports: fc.constantFrom({ first: 1024, last: 1343 }, { first: 5000, last: 5063 }),
      blockSize: fc.constantFrom(16, 64),
      overflowBlocks: fc.nat(2),
    })
    .map((pool) => [pool]),
});

/** What is given to who asks, one after the other. */
function givenTo(asking: readonly number[], plan: BlockPlan | undefined): readonly BlockGrant[] {
  if (plan === undefined) return [];
  const book = new BlockBook(plan, [], []);
  for (const n of asking) book.give(ipv4(TEN + n), Number.POSITIVE_INFINITY);
  return book.grants;
}

const pools: fc.Arbitrary<PoolMapping[]> = fc.array(
  fc.record({
    name: fc.constant("default"),
    addresses: fc.uniqueArray(
      fc.integer({ min: 1, max: 60 }).map((n) => ipv4(0xc6336400 + n)),
      { minLength: 1, maxLength: 5, selector: (a) => a.w0 },
    ),
    private: fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, fc.array(prefix4, { maxLength: 2 })),
    draining: fc.boolean(),
    ports: fc.constantFrom({ first: 1024, last: 65535 }, { first: 5000, last: 5000 }),
    mapping: fc.constantFrom("endpointIndependent", "addressAndPortDependent"),
    filtering: fc.constantFrom("endpointIndependent", "addressDependent", "addressAndPortDependent"),
  }),
  { maxLength: 3 },
);

const drafts = fc.record({
  // Thousands of elements each: nptv6.test.ts has some.
  prefixes: fc.constant([]),
  floating,
  forwards,
  private: fc.array(prefix4, { maxLength: 3 }),
  pools,
  blocks: fc.option(blocks, { nil: undefined }),
  overflowAt: fc.constantFrom(50, 75),
  asking: fc.array(fc.nat(4), { maxLength: 6 }),
  algs: fc.subarray([...ALGS]),
  grants: fc.boolean(),
  limits: fc.record({
    sessionsPerAddress: fc.constantFrom(undefined, 1, 2000),
    portsPerAddress: fc.constantFrom(undefined, 64),
    newSessionsPerSecond: fc.constantFrom(undefined, 50),
  }),
  exempt: fc.array(fc.oneof(prefix4, prefix6), { maxLength: 6 }),
  inside: fc.array(fc.oneof(prefix4, prefix6), { maxLength: 4 }),
  untracked: fc.array(fc.oneof(prefix4, prefix6), { maxLength: 6 }),
  timeouts: fc.record({
    udpSeconds: fc.constantFrom(30, 300),
    icmpSeconds: fc.constantFrom(30, 60),
    tcpEstablishedSeconds: fc.constantFrom(7440, 432_000),
    tcpOpeningSeconds: fc.constantFrom(60, 240),
    tcpClosingSeconds: fc.constantFrom(120, 240),
  }),
  metadata: fc.option(
    fc.record({
      to: fc.constantFrom({ address: ipv4(0x7f000001), port: 8775 }, { address: ipv4(TEN), port: 80 }),
      interfaces: fc.uniqueArray(fc.constantFrom("tap9a7e0868-da", "tap0", "veth1.2"), { maxLength: 3 }),
    }),
    { nil: undefined },
  ),
});

export const natTables: fc.Arbitrary<NatTable> = drafts.map(({ asking, ...table }) => ({
  ...table,
  givenBlocks: givenTo(asking, table.blocks),
}));
