/** MRT files between us and others: bgpdump reads ours, and we read what BIRD writes. */

import { existsSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { MrtRow } from "../../src/bgp/index.ts";
import { gatewayFile } from "../daemon/gateway-file.ts";
import { GoodPeer } from "../daemon/good-peer.ts";
import { type Daemon, eventually, GWCTL, Lab, PORT, runToEnd } from "../daemon/lab.ts";
import { BIRD, type BirdPair, startBirdPair } from "./bird-pair.ts";

const BGPDUMP = "/usr/bin/bgpdump";
const lacking = [BGPDUMP, BIRD].filter((program) => !existsSync(program));
if (process.getuid?.() !== 0) lacking.push("root");
const { CI } = process.env;
if (lacking.length > 0 && CI === "true") throw new Error(`MRT needs ${lacking.join(", ")}`);
const about = (name: string): string =>
  lacking.length === 0 ? name : `${name} (skipped: needs ${lacking.join(", ")})`;

/** More than a page of the snapshot, and than a piece of the file. */
const MANY = 1500;

let lab: Lab;
beforeAll(() => {
  lab = new Lab();
});
afterAll(() => lab.remove());

async function show(file: string): Promise<(MrtRow & { readonly time: string })[]> {
  const { status, stdout, stderr } = await runToEnd(process.execPath, [
    ...[GWCTL, "mrt", "show", file, "--all", "-o", "json"],
  ]);
  expect([status, stderr]).toEqual([0, ""]);
  return JSON.parse(stdout) as (MrtRow & { readonly time: string })[];
}

describe.skipIf(lacking.length > 0)(about("our table"), () => {
  let daemon: Daemon;
  let peers: GoodPeer[];

  beforeAll(async () => {
    const file = gatewayFile(lab, "gw", {
      peers: [
        { address: lab.address(2), asn: 64_512 },
        { address: lab.address(3), asn: 4_200_000_001 },
      ],
      sections: {
        nat: { private: ["10.65.0.0/16"], pools: [{ name: "a", addresses: ["203.0.113.7"] }] },
      },
    });
    daemon = await lab.start(lab.write("gw.yaml", file), lab.path("gw.sock"));
    const gateway = { address: lab.address(1), port: PORT, asn: 65_000 };
    peers = await Promise.all([
      GoodPeer.start({ address: lab.address(2), asn: 64_512, gateway }),
      GoodPeer.start({ address: lab.address(3), asn: 4_200_000_001, gateway }),
    ]);
    peers[0]!.announce(
      ...Array.from({ length: MANY }, (_, i) => `10.${i >> 8}.${i & 255}.0/24`),
      "198.51.100.128/25",
    );
    peers[1]!.announce("198.51.100.128/25");
    await eventually("all routes", async () => {
      const told = (await daemon.peers()).map(({ prefixes }) => prefixes.accepted);
      return told[0] === MANY + 1 && told[1] === 1;
    });
  });
  afterAll(async () => {
    await Promise.all(peers.map((peer) => peer.stop()));
    await daemon.kill();
  });

  test("bgpdump reads what gwctl mrt dump wrote, and so do we", async () => {
    const file = lab.path("table.mrt");
    expect(await daemon.gwctl("mrt", "dump", file)).toMatchObject({ status: 0, stdout: "", stderr: "" });
    expect(existsSync(`${file}.part`)).toBe(false);
    const { status, stdout } = await runToEnd(BGPDUMP, ["-m", file]);
    const lines = stdout
      .trim()
      .split("\n")
      .map((line) => line.split("|"));
    expect(status).toBe(0);
    // TABLE_DUMP2|time|B|peer|AS|prefix|AS path|origin|next hop|…
    const theirs = lines.map(([, , , peer, asn, prefix, path, , nextHop]) => [
      peer,
      asn,
      prefix,
      path,
      nextHop,
    ]);
    const both = theirs.filter(([, , prefix]) => prefix === "198.51.100.128/25");
    expect(both.sort()).toEqual([
      [lab.address(2), "64512", "198.51.100.128/25", "64512", "198.51.100.254"],
      [lab.address(3), "4200000001", "198.51.100.128/25", "4200000001", "198.51.100.254"],
    ]);
    expect(theirs).toContainEqual(["0.0.0.0", "65000", "203.0.113.7/32", "", "192.0.2.1"]);
    expect(theirs).toHaveLength(MANY + 3);
    const ours = (await show(file)).filter(({ what }) => what === "path");
    expect(
      ours.map((row) => [row.peer, String(row.asn), row.prefix, row.asPath, row.nextHop]).sort(),
    ).toEqual(theirs.sort());
  });

  test("a file that cannot be written, and a gateway that is not there, leave nothing behind", async () => {
    const nowhere = await daemon.gwctl("mrt", "dump", lab.path("no/such/table.mrt"));
    expect([nowhere.status, nowhere.stderr]).toEqual([1, expect.stringContaining("no such file")]);
    const file = lab.path("other.mrt");
    const gone = ["--socket", lab.path("gone.sock"), "mrt", "dump", file];
    expect((await runToEnd(process.execPath, [GWCTL, ...gone])).status).toBe(5);
    expect([file, `${file}.part`].filter(existsSync)).toEqual([]);
  });
});

describe.skipIf(lacking.length > 0)(about("BIRD's files"), () => {
  let pair: BirdPair;
  beforeAll(() => {
    pair = startBirdPair();
  });
  afterAll(() => pair.remove());

  const PREFIXES = ["198.51.100.128/25", "2001:db8:1::/48", "203.0.113.0/24"];

  test("its table is read, path by path", async () => {
    const rows = await eventually("a table with all routes", async () => {
      if (!existsSync(pair.table)) return undefined;
      const read = (await show(pair.table)).filter(({ what }) => what === "path");
      return PREFIXES.every((prefix) => read.some((row) => row.prefix === prefix)) && read;
    });
    expect(rows.find(({ prefix }) => prefix === "2001:db8:1::/48")).toMatchObject({
      what: "path",
      peer: "fd00:69::1",
      asn: 4_200_000_001,
      nextHop: "fd00:69::1",
      asPath: "4200000001",
      med: 7,
      communities: ["64512:100"],
      largeCommunities: ["64512:1:2"],
    });
    expect(rows.find(({ prefix }) => prefix === "203.0.113.0/24")).toMatchObject({
      peer: "192.0.2.1",
      nextHop: "192.0.2.1",
      localPref: 100,
    });
  });

  test("its log of updates is read: states, OPENs, routes, and nothing is malformed", async () => {
    pair.endSession();
    const rows = await eventually("the end of the session", async () => {
      const read = await show(pair.updates);
      return read.some(({ text }) => text?.startsWith("notification") === true) && read;
    });
    expect(rows.filter(({ what }) => what === "malformed" || what === "unknown")).toEqual([]);
    const announced = rows.filter(({ what }) => what === "announce").map(({ prefix }) => prefix);
    expect([...new Set(announced)].sort()).toEqual(PREFIXES);
    const texts = rows.map(({ text }) => text);
    expect(texts).toContain("open");
    expect(texts).toContain("OpenConfirm -> Established");
    expect(readFileSync(pair.updates).length).toBeGreaterThan(0);
  });
});
