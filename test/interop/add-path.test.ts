/**
 * Several paths of one prefix (RFC 7911) between us and BIRD or FRR. Two more speakers of ours, each an AS of its own,
 * tell the same prefixes to both sides, so that each has two paths to tell the other.
 */

import { execFileSync } from "node:child_process";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { BGPD, BIRD, BIRDC, type Daemon, startBird, startFrr, VTYSH } from "./daemons.ts";
import { holdsWithin, missing, namespacePair, type Pair, THEM, US } from "./namespaces.ts";
import { buildLibrary, OurSpeaker } from "./our-speaker.ts";

const ASN = 65000;
const THEIR_ASN = 65001;
/** In our namespace too, which makes no difference to anybody. */
const NEIGHBOURS = [
  { address: "10.77.0.4", asn: 65010 },
  { address: "10.77.0.5", asn: 65011 },
];
const FROM_THEM = "192.0.2.1/32";
const FROM_US = "198.51.100.1/32";

const lacking = missing([BIRD, BIRDC, BGPD, VTYSH]);
const { CI } = process.env;
if (lacking !== undefined && CI === "true") throw new Error(`interop needs ${lacking}`);

const peerOf = (remote: string, remoteAsn: number, localAddress: string, more: object = {}): object => ({
  remote,
  localAddress,
  remoteAsn,
  port: 179,
  passive: false,
  holdSeconds: 9,
  families: [4],
  importPolicy: "accept",
  exportPolicy: "accept",
  nextHopSelf: false,
  reflectorClient: false,
  ...more,
});

/** A neighbour's two peers: it tells `FROM_THEM` to them and `FROM_US` to us. */
function peersOfNeighbour({ address }: (typeof NEIGHBOURS)[number]): object[] {
  const only = (prefix: string): object => ({
    exportPolicy: {
      rules: [
        { name: "one", match: { prefixes: [{ prefix, minLength: 32, maxLength: 32 }] }, then: "accept" },
      ],
      otherwise: "reject",
    },
  });
  return [peerOf(THEM.v4, THEIR_ASN, address, only(FROM_THEM)), peerOf(US.v4, ASN, address, only(FROM_US))];
}

/** AS paths of what they tell us. */
async function toldBy(us: OurSpeaker): Promise<string[]> {
  const received = await us.received(THEM.v4);
  const paths = received.filter(({ prefix }) => prefix === FROM_THEM);
  return paths.map(({ after }) => after!.asPath).sort();
}

/** The paths that they have from us, by whose they were before. */
const heldBy = (theirs: Daemon): string[] =>
  [...theirs.details(FROM_US).matchAll(/65000 (6501[01])\b/g)].map(([, asn]) => asn!).sort();

describe.skipIf(lacking !== undefined)(
  lacking === undefined ? "ADD-PATH" : `ADD-PATH (skipped: needs ${lacking})`,
  () => {
    let pair: Pair;
    let library = "";
    let running: OurSpeaker[] = [];
    let theirs: Daemon | undefined;

    beforeAll(() => {
      library = buildLibrary();
      pair = namespacePair();
      for (const { address } of NEIGHBOURS) {
        execFileSync("ip", ["-n", pair.us, "addr", "add", `${address}/24`, "dev", "veth0"]);
      }
      return () => pair.remove();
    });

    afterEach(async () => {
      await Promise.all(running.map((speaker) => speaker.kill()));
      await theirs?.stop();
      running = [];
      theirs = undefined;
    });

    const startOurs = async (at: string, asn: number): Promise<OurSpeaker> => {
      const options = { asn, routerId: at, multipath: 4, advertiseInstalledOnly: false };
      const speaker = await OurSpeaker.start({ namespace: pair.us, library, listen: [at], options });
      running.push(speaker);
      return speaker;
    };

    test.each([
      ["BIRD", startBird],
      ["FRR", startFrr],
    ])("%s: two paths each way, and one by one away", async (_, start) => {
      theirs = start({
        namespace: pair.them,
        asn: THEIR_ASN,
        ourAsn: ASN,
        transport: "v4",
        passive: false,
        routes: [],
        gracefulRestart: false,
        addPath: { neighbours: NEIGHBOURS },
      });
      const us = await startOurs(US.v4, ASN);
      const several = { addPath: { receive: true, send: "all" } };
      await us.ask("setPeers", [
        peerOf(THEM.v4, THEIR_ASN, US.v4, several),
        ...NEIGHBOURS.map(({ address, asn }) => peerOf(address, asn, US.v4, { passive: true })),
      ]);
      const neighbours = await Promise.all(NEIGHBOURS.map(({ address, asn }) => startOurs(address, asn)));
      for (const [i, neighbour] of neighbours.entries()) {
        await neighbour.ask("announce", [{ prefix: FROM_THEM }, { prefix: FROM_US }]);
        await neighbour.ask("setPeers", peersOfNeighbour(NEIGHBOURS[i]!));
      }
      const have = (count: number) => async (): Promise<boolean> =>
        (await toldBy(us)).length === count && heldBy(theirs!).length === count;
      expect(await holdsWithin(30_000, have(2))).toBe(true);
      expect(await toldBy(us)).toEqual(["65001 65010", "65001 65011"]);
      expect(heldBy(theirs)).toEqual(["65010", "65011"]);
      const ids = (await us.received(THEM.v4)).map(({ pathId }) => pathId);
      expect(new Set(ids).size).toBe(2);
      expect((await us.peers())[0]!.addPath).toEqual({ send: [4], receive: [4] });

      await neighbours[0]!.ask("withdraw", [FROM_THEM, FROM_US]);
      expect(await holdsWithin(10_000, have(1))).toBe(true);
      expect(await toldBy(us)).toEqual(["65001 65011"]);
      expect(heldBy(theirs)).toEqual(["65011"]);

      await neighbours[0]!.ask("announce", [{ prefix: FROM_THEM }, { prefix: FROM_US }]);
      expect(await holdsWithin(10_000, have(2))).toBe(true);
      for (const { flaps } of await us.peers()) expect(flaps).toBe(0);
    });
  },
);
