/**
 * Import and export rules against FRR: it sends known AS paths and communities, and what is accepted, and what it
 * then receives, is read from both sides.
 */

import { beforeAll, describe, expect, test } from "vitest";
import { frr as kind } from "./daemons/frr.ts";
import { holdsWithin, missing, namespacePair, type Pair, THEM, US } from "./namespaces.ts";
import { buildLibrary, OurSpeaker } from "./our-speaker.ts";

const lacking = missing(kind.programs);
const { CI } = process.env;
if (lacking !== undefined && CI === "true") throw new Error(`interop needs ${lacking}`);

const ALL = 0xffff_ffff;
/** 65001:1, as a pattern; and all of AS 65001. */
const ONE = { words: [65001 * 65536 + 1], masks: [ALL] };
const THEIRS = { words: [65001 * 65536], masks: [0xffff_0000] };

/** By prefix: what FRR prepends, which community it sets. */
const SENT = [
  ["10.1.0.0/24", "as-path prepend 64900", "community 65001:1"],
  ["10.2.0.0/24", "as-path prepend 64900 64901", "community 65001:2"],
  ["10.3.0.0/24", "as-path prepend 64902", "large-community 65001:1:1"],
  ["10.4.0.0/24", "origin incomplete", "community no-export"],
] as const;

const ROUTE_MAP = SENT.flatMap(([prefix, path, community], i) => [
  `ip prefix-list p${i} permit ${prefix}`,
  `route-map tagged permit ${i + 1}`,
  ` match ip address prefix-list p${i}`,
  ` set ${path}`,
  ` set ${community}`,
  "exit",
]).join("\n");

const rule = (name: string, match: object, then: string, set?: object): object => ({
  name,
  match,
  then,
  set,
});

const IMPORT = {
  rules: [
    rule("through-64901", { asPath: ["_64901$"] }, "reject"),
    rule("large", { anyCommunity: [{ words: [65001, 0, 0], masks: [ALL, 0, 0] }] }, "accept", { med: 7 }),
    rule("one", { asPath: ["^65001_64900$"], anyCommunity: [ONE] }, "accept", {
      localPref: 250,
      removeCommunities: [THEIRS],
      addCommunities: [65000 * 65536 + 9],
    }),
    rule("incomplete", { origins: [2], asPathLength: { min: 1, max: 1 } }, "accept"),
  ],
  otherwise: "reject",
};

const EXPORT = {
  rules: [
    rule("ours", { asPath: ["^$"] }, "accept", {
      prepend: { asn: 65000, times: 2 },
      addMed: 50,
      addCommunities: [65000 * 65536 + 1],
      addLargeCommunities: [[65000, 1, 2]],
    }),
  ],
  otherwise: "reject",
};

describe.skipIf(lacking !== undefined)(
  lacking === undefined ? "policies with FRR" : `policies with FRR (skipped: needs ${lacking})`,
  () => {
    let library = "";
    let pair: Pair;
    beforeAll(() => {
      library = buildLibrary();
      pair = namespacePair();
      return () => pair.remove();
    });

    test("what it sends is judged by path and community, and it gets what our rules made", async () => {
      const options = { asn: 65000, routerId: US.v4, multipath: 4, advertiseInstalledOnly: false };
      const ours = await OurSpeaker.start({ namespace: pair.us, library, listen: [US.v4], options });
      const frr = await kind.start({
        namespace: pair.them,
        asn: 65001,
        ourAsn: 65000,
        transport: "v4",
        passive: false,
        routes: SENT.map(([prefix]) => prefix),
        gracefulRestart: false,
        routeMap: { name: "tagged", text: ROUTE_MAP },
      });
      try {
        await ours.ask("announce", [{ prefix: "192.0.2.0/24" }]);
        const peer = {
          ...{ remote: THEM.v4, remoteAsn: 65001, port: 179, passive: false, holdSeconds: 9 },
          ...{ families: [4], importPolicy: IMPORT, exportPolicy: EXPORT, nextHopSelf: false },
        };
        await ours.ask("setPeers", [peer]);
        await ours.ask("complete");
        const met = await holdsWithin(20_000, async () => {
          return (await ours.received(THEM.v4)).length === 4 && (await frr.count()) === 1;
        });
        expect([met, await ours.received(THEM.v4)]).toMatchObject([true, { length: 4 }]);
        expect(await judged(ours)).toEqual({
          "10.1.0.0/24": ["one", "65001 64900", 250, [65000 * 65536 + 9]],
          "10.2.0.0/24": ["through-64901", undefined, undefined, undefined],
          "10.3.0.0/24": ["large", "65001 64902", undefined, []],
          "10.4.0.0/24": ["incomplete", "65001", undefined, [0xffffff01]],
        });
        const told = await frr.route("192.0.2.0/24");
        expect(told).toMatchObject({
          aspath: { string: "65000 65000 65000" },
          community: { string: "65000:1" },
          largeCommunity: { string: "65000:1:2" },
          metric: 50,
        });

        // Another policy acts on the session that is there.
        const reject = { rules: [rule("none", { asPath: ["^65001"] }, "reject")], otherwise: "accept" };
        await ours.ask("setPeers", [{ ...peer, importPolicy: reject, exportPolicy: "accept" }]);
        const changed = await holdsWithin(20_000, async () => {
          const rules = Object.values(await judged(ours)).map(([by]) => by);
          const told = await frr.route("192.0.2.0/24");
          return rules.every((by) => by === "none") && told?.aspath.string === "65000";
        });
        expect([changed, (await ours.peers())[0]!.flaps]).toEqual([true, 0]);
      } finally {
        await ours.kill();
        await frr.stop();
      }
    });
  },
);

/** By prefix: the import rule, and path, preference and communities after it. */
async function judged(ours: OurSpeaker): Promise<Record<string, readonly unknown[]>> {
  const rows = (await ours.received(THEM.v4)).map(({ prefix, rule: by, after }) => {
    return [prefix, [by, after?.asPath, after?.localPref, after?.communities]] as const;
  });
  return Object.fromEntries(rows);
}
