/**
 * UPDATEs of more than 4096 octets (RFC 8654) with BIRD, which speaks to us twice: once with extended messages, once
 * without. A route whose attributes do not fit goes one way and not the other.
 */

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BIRD, BIRDC } from "./daemons/bird.ts";
import { holdsWithin, missing, namespacePair, type Pair, THEM, US } from "./namespaces.ts";
import { buildLibrary, OurSpeaker } from "./our-speaker.ts";

const lacking = missing([BIRD, BIRDC]);
const { CI } = process.env;
if (lacking !== undefined && CI === "true") throw new Error(`interop needs ${lacking}`);

const LARGE = 65001;
const SMALL = 65002;
const FIRST = { us: US.v4, them: THEM.v4 } as const;
/** The second session: BIRD tells sessions apart by our address. */
const SECOND = { us: "10.77.0.4", them: "10.77.0.3" } as const;
const COMMUNITIES = 1200;

/** BIRD 2.0 has no loop to count with. */
const tagged = Array.from({ length: COMMUNITIES }, (_, i) => `bgp_community.add((${LARGE}, ${i}));`).join(
  " ",
);

const session = (
  name: string,
  { us, them }: { us: string; them: string },
  asn: number,
  more: string,
  exported: string,
): string => `
ipv4 table ${name}4;
protocol bgp ${name} {
  local ${them} as ${asn};
  neighbor ${us} as 65000;
  passive on;
  hold time 9;
  ${more}
  ipv4 { table ${name}4; import all; export ${exported}; next hop self; };
}`;

const configuration = `
router id ${THEM.v4};
protocol device {}
filter tagged { ${tagged} accept; }
${session("ample", FIRST, LARGE, "enable extended messages on;", "filter tagged")}
${session("scant", SECOND, SMALL, "", "none")}
protocol static own { ipv4 { table ample4; }; route 198.51.100.0/24 blackhole; }
`;

const peerOf = ({ us, them }: { us: string; them: string }, remoteAsn: number): object => ({
  remote: them,
  remoteAsn,
  localAddress: us,
  port: 179,
  passive: false,
  holdSeconds: 9,
  families: [4],
  importPolicy: "accept",
  exportPolicy: "accept",
  nextHopSelf: true,
  reflectorClient: false,
});

describe.skipIf(lacking !== undefined)(
  lacking === undefined ? "extended messages" : `extended messages (skipped: needs ${lacking})`,
  () => {
    let pair: Pair;
    let ours: OurSpeaker;
    let bird: ChildProcess;
    const directory = mkdtempSync(join(tmpdir(), "bgpi-extended-"));
    const at = (name: string): string => join(directory, name);

    beforeAll(async () => {
      const library = buildLibrary();
      pair = namespacePair();
      execFileSync("ip", ["-n", pair.us, "addr", "add", `${SECOND.us}/24`, "dev", "veth0"]);
      execFileSync("ip", ["-n", pair.them, "addr", "add", `${SECOND.them}/24`, "dev", "veth0"]);
      writeFileSync(at("bird.conf"), configuration);
      const words = ["-f", "-c", at("bird.conf"), "-s", at("bird.ctl"), "-P", at("bird.pid")];
      bird = spawn("ip", ["netns", "exec", pair.them, BIRD, ...words], {
        stdio: ["ignore", "ignore", "inherit"],
      });
      const options = { asn: 65000, routerId: US.v4, multipath: 1, advertiseInstalledOnly: false };
      ours = await OurSpeaker.start({ namespace: pair.us, library, listen: [US.v4], options });
      const communities = Array.from({ length: COMMUNITIES }, (_, i) => 65000 * 65536 + i);
      await ours.ask("announce", [{ prefix: "192.0.2.0/24", communities }, { prefix: "203.0.113.0/24" }]);
      await ours.ask("setPeers", [peerOf(FIRST, LARGE), peerOf(SECOND, SMALL)]);
    });
    afterAll(async () => {
      await ours?.kill();
      bird?.kill("SIGKILL");
      pair?.remove();
      rmSync(directory, { recursive: true });
    });

    const ask = (...question: string[]): string => {
      try {
        return execFileSync(BIRDC, ["-s", at("bird.ctl"), "-r", ...question], {
          encoding: "utf8",
          stdio: "pipe",
        });
      } catch {
        return ""; // it does not listen yet
      }
    };
    const holds = (table: string): string[] =>
      [...ask("show", "route", "table", `${table}4`, "protocol", table).matchAll(/^(\d[\d./]+)/gm)].map(
        ([, prefix]) => prefix!,
      );

    test("they go to whoever takes them, and are withheld from the others, who get the rest", async () => {
      const met = await holdsWithin(20_000, async () => {
        return (
          holds("ample").length === 2 &&
          holds("scant").length === 1 &&
          (await ours.received(THEM.v4)).length === 1
        );
      });
      const [route] = await ours.received(THEM.v4);
      expect([met, route?.prefix, route?.after?.communities.length]).toEqual([
        true,
        "198.51.100.0/24",
        COMMUNITIES,
      ]);
      expect(holds("scant")).toEqual(["203.0.113.0/24"]);
      const told = ask("show", "route", "for", "192.0.2.0/24", "table", "ample4", "all");
      expect(told.match(/\(65000,\d+\)/g)).toHaveLength(COMMUNITIES);
      const peers = await ours.peers();
      // Ours, and the one that BIRD tells us on the other session.
      expect(peers.map(({ unsendable, flaps }) => [unsendable > 0, flaps])).toEqual([
        [false, 0],
        [true, 0],
      ]);
    });
  },
);
