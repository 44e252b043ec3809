/** What peers say, as others read it of us: pmacct's BMP collector, and bgpdump on our MRT files. */

import { existsSync, readdirSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { MonitorAnswer } from "../../src/api/schema.ts";
import { gatewayFile } from "../daemon/gateway-file.ts";
import { GoodPeer } from "../daemon/good-peer.ts";
import { type Daemon, eventually, Lab, PORT, runToEnd } from "../daemon/lab.ts";
import { Collector, type HeardTable, PMBMPD } from "./pmbmpd.ts";

const BGPDUMP = "/usr/bin/bgpdump";
const lacking = [PMBMPD, BGPDUMP].filter((program) => !existsSync(program));
const { CI } = process.env;
if (lacking.length > 0 && CI === "true") throw new Error(`BMP and MRT need ${lacking.join(", ")}`);
const about = (name: string): string =>
  lacking.length === 0 ? name : `${name} (skipped: needs ${lacking.join(", ")})`;

const BMP_PORT = 11_019;
/** A condition of a busy machine. */
const LIMIT_MS = 60_000;
const [FIRST, SECOND] = ["198.51.100.0/25", "198.51.100.128/25"] as const;

const TABLES: readonly HeardTable[] = [
  "pre-policy",
  "post-policy",
  "rib-out-pre-policy",
  "rib-out-post-policy",
  "loc-rib",
];
/** Where pmbmpd has what is of no peer. */
const NOBODY = "0.0.0.0";

let lab: Lab;
let daemon: Daemon;
let peers: GoodPeer[];
let collector: Collector | undefined;

async function begin(): Promise<void> {
  lab = new Lab();
  const file = gatewayFile(lab, "gw", {
    peers: [2, 3].map((last) => ({ address: lab.address(last), asn: 64_510 + last })),
    speaker: {
      bmp: [{ address: lab.address(9), port: BMP_PORT, statistics: "1s", tables: TABLES }],
      mrt: { updates: lab.path("updates.%Y%m%d.%H%M.mrt") },
    },
  });
  daemon = await lab.start(lab.write("gw.yaml", file), lab.path("gw.sock"));
  const gateway = { address: lab.address(1), port: PORT, asn: 65_000 };
  peers = await Promise.all(
    [2, 3].map((last) => GoodPeer.start({ address: lab.address(last), asn: 64_510 + last, gateway })),
  );
  peers[0]!.announce(FIRST, SECOND);
  peers[1]!.announce(FIRST);
  await eventually("all routes", async () =>
    (await daemon.peers()).every(({ prefixes }, i) => prefixes.accepted === 2 - i),
  );
}

async function end(): Promise<void> {
  await Promise.all(peers.map((peer) => peer.stop()));
  await daemon.kill();
  await collector?.stop();
  await lab.remove();
}

const monitors = async (): Promise<readonly MonitorAnswer[]> =>
  JSON.parse((await daemon.gwctl("show", "monitors", "-o", "json")).stdout) as readonly MonitorAnswer[];

/** What bgpdump reads in all our files, and their names. */
async function dumped(): Promise<{ readonly files: readonly string[]; readonly lines: readonly string[][] }> {
  const files = readdirSync(lab.directory).filter((name) => name.startsWith("updates."));
  const texts = await Promise.all(files.map((name) => runToEnd(BGPDUMP, ["-m", lab.path(name)])));
  const lines = texts.flatMap(({ stdout }) => stdout.trim().split("\n"));
  return { files, lines: lines.map((line) => line.split("|")) };
}

const BOTH = [`update ${FIRST}`, `update ${SECOND}`];

/** What a station is told that comes late. The best paths of both routes are the first peer's. */
const tablesOf = (a: string, b: string): [string, HeardTable, string[]][] => [
  [a, "pre-policy", BOTH],
  [b, "pre-policy", BOTH.slice(0, 1)],
  [a, "post-policy", BOTH],
  [b, "post-policy", BOTH.slice(0, 1)],
  [a, "rib-out-pre-policy", []],
  [b, "rib-out-pre-policy", BOTH],
  [a, "rib-out-post-policy", []],
  [b, "rib-out-post-policy", BOTH],
  [NOBODY, "loc-rib", BOTH],
];

describe.skipIf(lacking.length > 0)(about("what peers say"), () => {
  beforeAll(begin);
  afterAll(end);

  test(
    "a station that comes late is told sessions and tables, then what changes, then the end",
    async () => {
      expect(await monitors()).toMatchObject([
        { kind: "bmp", state: "down" },
        { kind: "mrt", state: "up" },
      ]);
      const station = new Collector(lab.path("bmp"), lab.address(9), BMP_PORT);
      collector = station;
      const [a, b] = [lab.address(2), lab.address(3)];
      const told = tablesOf(a, b);
      await eventually(
        "all tables",
        () => told.every(([peer, table, routes]) => station.routesOf(peer, table).length >= routes.length),
        LIMIT_MS,
      );
      for (const [peer, table, routes] of told) {
        expect([table, ...station.routesOf(peer, table).sort()]).toEqual([table, ...routes]);
      }
      expect(station.heard().find(({ ip_prefix: prefix }) => prefix === SECOND)).toMatchObject({
        as_path: "64512",
      });
      expect([...station.types()]).toEqual(expect.arrayContaining(["init", "peer_up", "route_monitor"]));
      const [now] = await monitors();
      expect(now).toMatchObject({ state: "up", target: `${lab.address(9)}:${BMP_PORT}`, waitingOctets: 0 });

      peers[0]!.withdraw(SECOND);
      await eventually(
        "the withdrawal, of every table",
        () =>
          told.every(
            ([peer, table, routes]) =>
              routes.length < BOTH.length || station.routesOf(peer, table).includes(`withdraw ${SECOND}`),
          ),
        LIMIT_MS,
      );
      await eventually("statistics", () => station.types(a).has("stats"));
      await peers[1]!.stop();
      await eventually("the end of a session", () => station.types(b).has("peer_down"));
    },
    3 * LIMIT_MS,
  );

  test("bgpdump reads the messages and states in our file, and so do we", async () => {
    const { files, lines } = await eventually("the end of the session in a file", async () => {
      const read = await dumped();
      const ended = read.lines.some((line) => line[3] === lab.address(3) && line.slice(-2).join() === "6,1");
      return ended && read;
    });
    const routes = (kind: string): string[] =>
      lines
        .filter(([, , what]) => what === kind)
        .map(([, , , peer, asn, prefix]) => `${peer} ${asn} ${prefix}`);
    const [a, b] = [`${lab.address(2)} 64512`, `${lab.address(3)} 64513`];
    expect(routes("A").sort()).toEqual([`${a} ${FIRST}`, `${a} ${SECOND}`, `${b} ${FIRST}`]);
    expect(routes("W")).toEqual([`${a} ${SECOND}`]);
    const shown = await daemon.gwctl("mrt", "show", lab.path(files[0]!), "--all", "-o", "json");
    const rows = JSON.parse(shown.stdout) as readonly { what: string; text?: string }[];
    expect(rows.filter(({ what }) => what === "malformed" || what === "unknown")).toEqual([]);
    expect(rows.map(({ text }) => text)).toContain("OpenConfirm -> Established");
  }, 60_000);
});
