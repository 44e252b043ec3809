import { expect, test } from "vitest";
import { ipv4 } from "../net/address.ts";
import type { ExtendedCommunity } from "../net/communities.ts";
import { NO_IMPORT_LIMITS } from "./import-limits.ts";
import type { ExportClass } from "./outgoing.ts";
import { ACCEPT, attributesWith, filterSaying, host, Lab, REJECT } from "./testing/lab.ts";

const TRANSITIVE: ExtendedCommunity = [0x0002_fde8, 1];
const LINK_BANDWIDTH: ExtendedCommunity = [0x4004_fde8, 0x3f80_0000];

const ADDS_BANDWIDTH = filterSaying({
  change: (path) => ({ ...path, extendedCommunities: [...path.extendedCommunities, LINK_BANDWIDTH] }),
});

test.each<[string, Partial<ExportClass>, ExtendedCommunity[]]>([
  ["stays here, the others go on", { external: true }, [TRANSITIVE]],
  ["goes on within the AS", { external: false }, [TRANSITIVE, LINK_BANDWIDTH]],
  [
    "is told when a rule of ours adds it",
    { external: true, filter: ADDS_BANDWIDTH },
    [TRANSITIVE, LINK_BANDWIDTH],
  ],
])("a non-transitive community (RFC 4360 §6) %s", (_, changes, expected) => {
  const lab = new Lab();
  const from = lab.addPeer({ routerId: 1 });
  const to = lab.addPeer({ routerId: 2, address: ipv4(2) });
  lab.join(to, changes);
  lab.announce(from, [host(1)], attributesWith({ extendedCommunities: [TRANSITIVE, LINK_BANDWIDTH] }));
  lab.decide();
  lab.send();
  const [attrs] = lab.held.get(to)!.values();
  expect(lab.rib.pool.attributes(attrs!).extendedCommunities).toEqual(expected);
});

test.each([0, 2])("a path that was rejected since it was chosen is not told (%i paths)", (paths) => {
  const lab = new Lab();
  const from = lab.addPeer({ routerId: 1 });
  const to = lab.addPeer({ routerId: 2, address: ipv4(2) });
  // Asks for the attributes, of which there are none any more.
  const filter = { ...ACCEPT, onlyClass: undefined, classify: () => ACCEPT.onlyClass! };
  lab.join(to, { paths, filter });
  lab.announce(from, [host(1)], attributesWith({}));
  lab.decide();
  lab.rib.v4.received.refilter(from, REJECT, NO_IMPORT_LIMITS);
  lab.rib.v4.received.sweepSome(1000);
  lab.send();
  lab.decide();
  lab.send();
  expect(lab.held.get(to)!.size).toBe(0);
});
