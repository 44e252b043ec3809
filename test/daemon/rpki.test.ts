/** Origin validation with a real cache: StayRTR serves VRPs, a peer announces, and the import rules ask. */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { renameSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ReceivedAnswer, RpkiAnswer, RpkiCacheAnswer } from "../../src/api/schema.ts";
import { accept, gatewayFile } from "./gateway-file.ts";
import { type Daemon, eventually, Lab, PORT } from "./lab.ts";
import { announce, TYPE } from "./octets.ts";
import { RawPeer } from "./raw-peer.ts";

const STAYRTR = "/usr/bin/stayrtr";
const lacking = spawnSync("test", ["-x", STAYRTR]).status === 0 ? undefined : STAYRTR;
const { CI } = process.env;
if (lacking !== undefined && CI === "true") throw new Error(`origin validation needs ${lacking}`);

const CACHE_PORT = 17_901;
const OLD_CACHE_PORT = 17_902;
const PEER_ASN = 65_001;
const VERDICT = "then";
const NO_INVALIDS = [{ match: { rpki: "invalid" }, [VERDICT]: "reject" }, accept()];

const [VALID, INVALID, UNKNOWN] = ["192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"] as const;

/** What runs beside the tests. */
class Site {
  readonly lab: Lab = new Lab();
  readonly us: string = this.lab.address(1);
  readonly them: string = this.lab.address(2);
  readonly #servers: ChildProcess[] = [];

  configure(port: number | undefined): string {
    const entry = { address: this.them, asn: PEER_ASN, passive: true, import: NO_INVALIDS };
    const file = gatewayFile(this.lab, "gw", { peers: [entry] });
    const caches = port === undefined ? [] : [{ address: this.us, port }];
    return this.lab.write("gw.yaml", { ...file, bgp: { ...file.bgp, rpki: { caches } } });
  }

  /** Written beside it and renamed, so that nobody reads half of it. */
  serve(origins: Readonly<Record<string, number>>): void {
    const roas = Object.entries(origins).map(([prefix, asn]) => {
      return { prefix, maxLength: Number(prefix.split("/")[1]), asn: `AS${asn}`, ta: "test" };
    });
    const written = this.lab.write("vrps.new", JSON.stringify({ metadata: {}, roas }));
    renameSync(written, this.lab.path("vrps.json"));
  }

  startCache(port: number, ...more: readonly string[]): ChildProcess {
    const args = ["-cache", this.lab.path("vrps.json"), "-bind", `${this.us}:${port}`, "-checktime=false"];
    const quick = ["-metrics.addr", "", "-refresh", "1", ...more];
    const server = spawn(STAYRTR, [...args, ...quick], { stdio: "ignore" });
    this.#servers.push(server);
    return server;
  }

  async remove(): Promise<void> {
    await Promise.all(this.#servers.map(killed));
    await this.lab.remove();
  }
}

async function killed(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  server.kill("SIGKILL");
  await once(server, "exit");
}

let site: Site;
let gateway: Daemon;
let peer: RawPeer;

const cache = async (): Promise<RpkiCacheAnswer | undefined> =>
  (await gateway.get<RpkiAnswer>("/api/v1/rpki")).caches[0];

/** By prefix, in the order of all: accepted or not, and the validity. */
const comesTo = (...expected: readonly string[]): Promise<true> =>
  eventually(expected.join(", "), async () => {
    const rows = await gateway.get<readonly ReceivedAnswer[]>(`/api/v1/received?peer=${site.them}`);
    const words = new Map(rows.map((row) => [row.prefix, `${row.accepted} ${row.rpki ?? "-"}`]));
    return [VALID, INVALID, UNKNOWN].map((prefix) => words.get(prefix)).join() === expected.join();
  });

describe.skipIf(lacking !== undefined)(
  lacking === undefined ? "RPKI with StayRTR" : `RPKI with StayRTR (skipped: needs ${lacking})`,
  () => {
    let server: ChildProcess;
    beforeAll(async () => {
      site = new Site();
      site.serve({ [VALID]: PEER_ASN, [INVALID]: 65_999 });
      server = site.startCache(CACHE_PORT);
      gateway = await site.lab.start(site.configure(CACHE_PORT), site.lab.path("gw.sock"));
      peer = await RawPeer.connect(site.them, site.us, PORT);
      await peer.establish({ asn: PEER_ASN, id: [192, 0, 2, 2] });
      peer.send(announce([VALID, INVALID, UNKNOWN], [PEER_ASN], "198.51.100.254"));
    });
    afterAll(async () => {
      peer.drop();
      await site.remove();
    });

    test("the invalid prefix is rejected, the others are not, and everything says why", async () => {
      await comesTo("true valid", "false invalid", "true not-found");
      expect(await cache()).toMatchObject({ state: "ready", version: 1, believed: true, vrps: { ipv4: 2 } });
      expect((await gateway.gwctl("show", "rpki")).stdout).toMatch(/ready +yes +1 +\d+ +\d+ +2 +0 +0[12]:/);
      const asked = await gateway.gwctl("show", "rpki", INVALID);
      expect(asked.stdout).toMatch(/AS65001 +invalid[\s\S]*198\.51\.100\.0\/24 +\/24 +AS65999/);
      expect((await gateway.gwctl("show", "rpki", INVALID, "as65999")).stdout).toMatch(/AS65999 +valid/);
      const received = await gateway.gwctl("show", "received", site.them);
      expect(received.stdout).toMatch(/198\.51\.100\.0\/24 +no +import\[0\] +invalid/);
      expect((await gateway.gwctl("show", "route", VALID)).stdout).toMatch(/RPKI[\s\S]*valid +import\[1\]/);
      expect(await gateway.metric("gatewayd_rpki_cache_up")).toBe(1);
    });

    test("other VRPs act on the route, with no session reset and no ROUTE-REFRESH (RFC 9324)", async () => {
      site.serve({ [VALID]: PEER_ASN, [INVALID]: PEER_ASN });
      await comesTo("true valid", "true valid", "true not-found");
      expect((await gateway.peer(site.them))?.flaps).toBe(0);
      expect(peer.has(TYPE.routeRefresh)).toBeUndefined();
    });

    test("the cache is killed: what it told counts on; one that is started again is believed anew", async () => {
      await killed(server);
      await gateway.logged("rpki.cache.failed", { retained: true });
      expect(await cache()).toMatchObject({ believed: true, vrps: { ipv4: 2 } });
      expect((await cache())!.expiresSeconds).toBeGreaterThan(7000);
      await comesTo("true valid", "true valid", "true not-found");
      site.serve({ [VALID]: 65_999 });
      site.startCache(CACHE_PORT);
      await comesTo("false invalid", "true not-found", "true not-found");
    });

    test("SIGHUP puts another cache in its place, which knows version 0 only, and then none", async () => {
      site.startCache(OLD_CACHE_PORT, "-protocol", "0");
      site.configure(OLD_CACHE_PORT);
      expect(await gateway.reload()).toMatchObject({ event: "config.loaded" });
      await eventually("the other cache", async () => (await cache())?.state === "ready");
      expect(await cache()).toMatchObject({ port: OLD_CACHE_PORT, version: 0, vrps: { ipv4: 1 } });
      await comesTo("false invalid", "true not-found", "true not-found");
      site.configure(undefined);
      await gateway.reload();
      await comesTo("true -", "true -", "true -");
      expect(await gateway.peer(site.them)).toMatchObject({ state: "established", flaps: 0 });
    });
  },
);
