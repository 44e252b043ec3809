/** We reflect between BIRD or FRR and another speaker of ours (RFC 4456): all are one AS, and know only the reflector. */

import { execFileSync } from "node:child_process";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { BGPD, BIRD, BIRDC, type Daemon, startBird, startFrr, VTYSH } from "./daemons.ts";
import { holdsWithin, missing, namespacePair, type Pair, THEM, US } from "./namespaces.ts";
import { buildLibrary, OurSpeaker } from "./our-speaker.ts";

const ASN = 65000;
/** In our namespace too, which makes no difference to anybody. */
const HOST = "10.77.0.4";
const CLUSTER = "10.77.0.99";
const HOST_ROUTES = ["192.0.2.1/32", "192.0.2.2/32"];
const THEIR_ROUTES = ["198.51.100.0/24", "203.0.113.0/24"];

const lacking = missing([BIRD, BIRDC, BGPD, VTYSH]);
const { CI } = process.env;
if (lacking !== undefined && CI === "true") throw new Error(`interop needs ${lacking}`);

const peerOf = (remote: string, localAddress: string, reflectorClient: boolean): object => ({
  remote,
  localAddress,
  remoteAsn: ASN,
  port: 179,
  passive: false,
  holdSeconds: 9,
  families: [4],
  importPolicy: "accept",
  exportPolicy: "accept",
  nextHopSelf: true,
  reflectorClient,
});

describe.skipIf(lacking !== undefined)(
  lacking === undefined ? "reflection" : `reflection (skipped: needs ${lacking})`,
  () => {
    let pair: Pair;
    let library = "";
    let running: OurSpeaker[] = [];
    let theirs: Daemon | undefined;

    beforeAll(() => {
      library = buildLibrary();
      pair = namespacePair();
      execFileSync("ip", ["-n", pair.us, "addr", "add", `${HOST}/24`, "dev", "veth0"]);
      return () => pair.remove();
    });

    afterEach(async () => {
      await Promise.all(running.map((speaker) => speaker.kill()));
      await theirs?.stop();
      running = [];
      theirs = undefined;
    });

    const startOurs = async (at: string, more: object = {}): Promise<OurSpeaker> => {
      const options = { asn: ASN, routerId: at, multipath: 1, advertiseInstalledOnly: false, ...more };
      const speaker = await OurSpeaker.start({ namespace: pair.us, library, listen: [at], options });
      running.push(speaker);
      return speaker;
    };

    test.each([
      ["FRR", startFrr, /Originator: 10\.77\.0\.4, Cluster list: 10\.77\.0\.99\b/],
      ["BIRD", startBird, /BGP\.originator_id: 10\.77\.0\.4\s[\s\S]*BGP\.cluster_list: 10\.77\.0\.99\s/],
    ])("%s is a client: both ways, next hops as they were, and withdrawals", async (_, start, said) => {
      const settings = { namespace: pair.them, asn: ASN, ourAsn: ASN, transport: "v4" as const };
      theirs = start({ ...settings, passive: false, routes: THEIR_ROUTES, gracefulRestart: false });
      const reflector = await startOurs(US.v4, { clusterId: CLUSTER });
      const host = await startOurs(HOST);
      await host.ask(
        "announce",
        HOST_ROUTES.map((prefix) => ({ prefix })),
      );
      await host.ask("setPeers", [peerOf(US.v4, HOST, false)]);
      await reflector.ask("setPeers", [peerOf(THEM.v4, US.v4, true), peerOf(HOST, US.v4, false)]);
      const arrived = async (): Promise<boolean> =>
        (await host.received(US.v4)).length === 2 && theirs!.prefixes().length === 2;
      expect(await holdsWithin(20_000, arrived)).toBe(true);
      expect([...theirs.prefixes()].sort()).toEqual(HOST_ROUTES);
      expect(theirs.details("192.0.2.1/32")).toMatch(said);
      expect(theirs.details("192.0.2.1/32")).toContain(HOST);
      for (const { prefix, nextHop } of await host.received(US.v4)) {
        expect(THEIR_ROUTES).toContain(prefix);
        expect(nextHop).toBe(THEM.v4);
      }
      await host.ask("withdraw", ["192.0.2.1/32"]);
      expect(await holdsWithin(10_000, () => theirs!.prefixes().length === 1)).toBe(true);
      for (const { flaps } of await reflector.peers()) expect(flaps).toBe(0);
    });
  },
);
