/** Another import policy on a table that is judged in slices, while the peers go on telling. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { ipv4, type Prefix } from "../net/address.ts";
import { formatPrefix } from "../net/text.ts";
import type { PeerId } from "./peer-table.ts";
import type { RouteFilter } from "./route-filter.ts";
import { ACCEPT, attributesWith, filterSaying, host, Lab, REJECT } from "./testing/lab.ts";

const HOSTS = Array.from({ length: 300 }, (_, i) => host(i + 1));

/** A filter, and the MED that it leaves; undefined: it rejects. */
type Known = readonly [RouteFilter, (med: number) => number | undefined];
const setting = (med: number): Known => [
  filterSaying({ tag: med, change: (a) => ({ ...a, med }) }),
  () => med,
];
const FILTERS: readonly Known[] = [[ACCEPT, (med) => med], [REJECT, () => undefined], setting(1), setting(2)];

interface Told {
  readonly id: PeerId;
  filter: Known;
  /** MED as received, by prefix. */
  readonly table: Map<string, number>;
}

type Step = (lab: Lab, peer: Told) => void;

const hosts = fc
  .tuple(fc.nat(HOSTS.length - 1), fc.nat(HOSTS.length))
  .map(([from, count]): readonly Prefix[] => HOSTS.slice(from, from + count + 1));
const announce = fc.tuple(hosts, fc.integer({ min: 10, max: 20 })).map(
  ([prefixes, med]): Step =>
    (lab, peer) => {
      lab.announce(peer.id, prefixes, attributesWith({ med }));
      for (const prefix of prefixes) peer.table.set(formatPrefix(prefix), med);
    },
);
const withdraw = hosts.map(
  (prefixes): Step =>
    (lab, peer) => {
      lab.withdraw(peer.id, prefixes);
      for (const prefix of prefixes) peer.table.delete(formatPrefix(prefix));
    },
);
const refilter = fc.constantFrom(...FILTERS).map(
  (filter): Step =>
    (lab, peer) => {
      peer.filter = filter;
      lab.rib.v4.received.refilter(peer.id, filter[0]);
    },
);
const slice = fc.nat(200).map(
  (budget): Step =>
    ({ rib }) => {
      rib.v4.received.sweepSome(budget);
      rib.v4.best.decideSome(budget, () => undefined);
    },
);

test("every path ends as if the last policy had been there from the beginning", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(1), fc.oneof(announce, withdraw, refilter, slice)), { maxLength: 30 }),
      (steps) => {
        const lab = new Lab();
        const peers = [1, 2].map((n): Told => {
          const id = lab.addPeer({ address: ipv4(0x0a000000 + n), routerId: n });
          return { id, filter: FILTERS[0]!, table: new Map() };
        });
        for (const [who, step] of steps) step(lab, peers[who]!);
        lab.decide();
        for (const { id, filter, table } of peers) {
          const expected = [...table].map(([prefix, med]) => [prefix, filter[1](med)]);
          const { rows } = lab.rib.v4.snapshot.received(id, 0, 1000);
          expect(rows.map((r) => [formatPrefix(r.prefix), r.accepted?.med]).sort()).toEqual(expected.sort());
          const accepted = expected.filter(([, med]) => med !== undefined).length;
          expect(lab.rib.v4.received.counts(id)).toMatchObject({ received: table.size, accepted });
        }
      },
    ),
    { numRuns: 100 },
  );
});
