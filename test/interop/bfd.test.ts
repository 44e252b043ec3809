/** Our BFD against FRR's, packet by packet of a session's life; what a fall does to BGP is a row of the matrix. */

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { BFDD, type Bfdd, startBfdd } from "./daemons/bfdd.ts";
import { VTYSH } from "./daemons/frr.ts";
import { holdsWithin, missing, namespacePair, type Pair, THEM, US } from "./namespaces.ts";
import { buildLibrary, type OurPeer, OurSpeaker } from "./our-speaker.ts";

const OURS = 65000;
const THEIRS = 64512;

const SLOW_ENOUGH = { intervalMs: 300, multiplier: 3 };

/** As fast as it is meant to be, with more patience than 3: a busy machine may keep any process waiting for 150 ms. */
const UNDER_LOAD = { intervalMs: 50, multiplier: 20 };
const MANY = 200_000;

const lacking = missing([BFDD, VTYSH, "/usr/sbin/nft"]);
const { CI } = process.env;
if (lacking !== undefined && CI === "true") throw new Error(`interop needs ${lacking}`);

let library = "";
let pair: Pair | undefined;
let ours: OurSpeaker | undefined;
let bfdd: Bfdd | undefined;

const options = { asn: OURS, routerId: US.v4, multipath: 1, advertiseInstalledOnly: false };
const peerOf = (transport: "v4" | "v6", bfd: object | undefined): object => ({
  remote: THEM[transport],
  remoteAsn: THEIRS,
  port: 179,
  passive: false,
  holdSeconds: 90,
  families: [4],
  importPolicy: "accept",
  exportPolicy: "accept",
  nextHopSelf: false,
  ...(bfd && { bfd }),
});

async function begin(transport: "v4" | "v6", bfd: object | undefined): Promise<OurSpeaker> {
  const speaker = await OurSpeaker.start({
    namespace: pair!.us,
    library,
    listen: [US.v4, US.v6],
    options,
  });
  ours = speaker;
  await speaker.ask("setPeers", [peerOf(transport, bfd)]);
  return speaker;
}

const look = async (speaker: OurSpeaker): Promise<OurPeer> => (await speaker.peers())[0]!;
const bfdIs = (speaker: OurSpeaker, state: string): Promise<boolean> =>
  holdsWithin(20_000, async () => (await look(speaker)).bfd?.state === state);
const nft = (words: string): void => {
  execFileSync("ip", ["netns", "exec", pair!.them, "nft", words]);
};
const link = (state: "up" | "down"): void => {
  execFileSync("ip", ["-n", pair!.them, "link", "set", "veth0", state]);
};

beforeAll(() => {
  if (lacking === undefined) library = buildLibrary();
});
beforeEach(() => {
  if (lacking === undefined) pair = namespacePair();
});
afterEach(async () => {
  await ours?.kill();
  await bfdd?.stop();
  ours = undefined;
  bfdd = undefined;
  pair?.remove();
});

const skipped = lacking === undefined ? "" : ` (lacking ${lacking})`;

describe.skipIf(lacking !== undefined)(`BFD with bfdd${skipped}`, () => {
  test.each(["v4", "v6"] as const)(
    "FRR over IP%s: up, another interval, shut down, cut, healed",
    async (ip) => {
      bfdd = startBfdd(pair!.them, THEM[ip], US[ip], SLOW_ENOUGH.intervalMs);
      const speaker = await begin(ip, SLOW_ENOUGH);
      expect(await bfdIs(speaker, "up"), "up here").toBe(true);
      expect(await holdsWithin(20_000, () => bfdd!.status() === "up"), "up there").toBe(true);

      // A change on either side is a Poll Sequence, and nobody falls by it.
      await speaker.ask("setPeers", [peerOf(ip, { intervalMs: 400, multiplier: 4 })]);
      bfdd.configure("receive-interval 350", "transmit-interval 350");
      const fell = await holdsWithin(3000, async () => (await look(speaker)).bfd?.state !== "up");
      expect(fell, "after a change of parameters").toBe(false);

      bfdd.configure("shutdown");
      expect(await bfdIs(speaker, "down")).toBe(true);
      expect((await look(speaker)).bfd).toMatchObject({ remoteState: "admin-down" });
      bfdd.configure("no shutdown");
      expect(await bfdIs(speaker, "up"), "up again").toBe(true);

      // RFC 5881 §5: what does not come with TTL 255 has come from afar, or is made up.
      const ttl = ip === "v4" ? "ip ttl" : "ip6 hoplimit";
      const rule = `udp dport 3784 ${ttl} set 254`;
      nft(`table inet far { chain out { type filter hook output priority 0; ${rule}; }; }`);
      expect(await bfdIs(speaker, "down"), "TTL 254 is not heard").toBe(true);
      expect((await look(speaker)).bfd).toMatchObject({ diagnostic: "control detection time expired" });
      nft("delete table inet far");
      expect(await bfdIs(speaker, "up"), "TTL 255 is").toBe(true);

      link("down");
      expect(await bfdIs(speaker, "down")).toBe(true);
      expect((await look(speaker)).bfd).toMatchObject({ diagnostic: "control detection time expired" });

      // No more BFD here is AdminDown there, and no failure.
      if (ip === "v4") {
        link("up");
        expect(await bfdIs(speaker, "up"), "healed").toBe(true);
        await speaker.ask("setPeers", [peerOf(ip, undefined)]);
        expect(await holdsWithin(20_000, () => bfdd!.status() === "down")).toBe(true);
        expect((await look(speaker)).bfd).toBeUndefined();
      }
    },
  );
});

describe.skipIf(lacking !== undefined)(`BFD whose thread fails${skipped}`, () => {
  let child: ChildProcess | undefined;
  afterEach(() => child?.kill("SIGKILL"));

  test("a new one is up soon, and the other side was told that it is no failure", async () => {
    bfdd = startBfdd(pair!.them, THEM.v4, US.v4, SLOW_ENOUGH.intervalMs);
    const reports: { readonly state: string; readonly problem?: string }[] = [];
    const at = (file: string): string => new URL(file, pathToFileURL(library)).href;
    const script = `
      import { Worker } from "node:worker_threads";
      import { BfdThread } from "${at("io/bfd-thread.js")}";
      import { parseAddress } from "${at("index.js")}";
      let worker;
      const start = () => (worker = new Worker(new URL("${at("io/bfd-worker.js")}"), { execArgv: [] }));
      const thread = new BfdThread(start);
      const target = {
        address: parseAddress("${THEM.v4}"),
        localAddress: parseAddress("${US.v4}"),
        timing: ${JSON.stringify(SLOW_ENOUGH)},
      };
      thread.watch(target, (report) => console.log(JSON.stringify(report)));
      process.stdin.on("data", () => worker.terminate());`;
    const words = ["netns", "exec", pair!.us, process.execPath, "--input-type=module", "-e", script];
    child = spawn("ip", words, { stdio: ["pipe", "pipe", "inherit"] });
    createInterface({ input: child.stdout! }).on("line", (line) => reports.push(JSON.parse(line)));
    const up = (): boolean => reports.at(-1)?.state === "up" && bfdd!.status() === "up";
    expect(await holdsWithin(20_000, up), "up").toBe(true);
    child.stdin!.write("fail\n");
    const said = new Set<string | undefined>();
    const upAgain = (): boolean => {
      said.add(bfdd!.diagnostic());
      return reports.some(({ problem }) => problem !== undefined) && up();
    };
    expect(await holdsWithin(20_000, upAgain), "up again").toBe(true);
    // It heard of the new session before it could miss the old one.
    expect([...said]).not.toContain("control detection time expired");
    expect(reports.map(({ problem }) => problem)).toContain("BFD's thread failed: it ended");
  });
});

describe.skipIf(lacking !== undefined)(`BFD beside a core that works${skipped}`, () => {
  let generator: OurSpeaker | undefined;
  afterEach(() => generator?.kill());

  test(`${MANY} routes come in, and neither end misses the other`, async () => {
    const { us, them } = pair!;
    bfdd = startBfdd(them, THEM.v4, US.v4, UNDER_LOAD.intervalMs);
    const speaker = await begin("v4", UNDER_LOAD);
    expect(await bfdIs(speaker, "up"), "up").toBe(true);
    bfdd.configure(`detect-multiplier ${UNDER_LOAD.multiplier}`);
    generator = await OurSpeaker.start({
      namespace: them,
      library,
      listen: [THEM.v4],
      options: { ...options, asn: THEIRS, routerId: THEM.v4 },
    });
    const prefixes = Array.from({ length: MANY }, (_, i) => ({
      prefix: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}/32`,
    }));
    await generator.ask("announce", prefixes);
    await generator.ask("setPeers", [{ ...peerOf("v4", undefined), remote: US.v4, remoteAsn: OURS }]);
    const all = await holdsWithin(50_000, async () => (await look(speaker)).prefixes.accepted === MANY);
    expect(all, `all routes arrive in ${us}`).toBe(true);
    const changes = speaker.events.filter(({ on }) => on === "bfd").map(({ state }) => state);
    expect(changes).toContain("up");
    expect(changes).not.toContain("down");
    expect(bfdd.status()).toBe("up");
  });
});
