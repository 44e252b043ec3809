/** What is said of a packet from the rules that we wrote, and what nftables' own trace says of a real one. */

import { spawnSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import type { Address } from "../../src/bgp/net/address.ts";
import { formatAddress, parseAddress, parsePrefix } from "../../src/bgp/net/text.ts";
import type { Followed } from "../../src/kernel/nft/trace-commands.ts";
import { diff } from "../../src/nat/diff.ts";
import { EMPTY_NAT, type NatTable, type PoolMapping } from "../../src/nat/table.ts";
import { type TracedPacket, tracePacket } from "../../src/nat/trace.ts";
import { kernelTest, useLab } from "./lab.ts";

const here = useLab("trace");
const address = (text: string): Address => parseAddress(text)!;
const HOST = `krn-${process.pid}-trace-host`;

const POOL: PoolMapping = {
  ...{ name: "default", private: [], draining: false, ports: { first: 1024, last: 65_535 } },
  addresses: [10, 11, 12, 13].map((last) => address(`198.51.100.${last}`)),
  ...{ mapping: "endpointIndependent", filtering: "addressAndPortDependent" },
};
const TABLE: NatTable = {
  ...EMPTY_NAT,
  floating: [{ floating: address("172.16.1.3"), fixed: address("10.65.0.13"), egress: "floating" }],
  private: [parsePrefix("10.65.0.0/16")!],
  pools: [POOL],
  exempt: [parsePrefix("10.0.0.0/8")!],
  inside: [parsePrefix("10.65.0.0/16")!],
  untracked: [parsePrefix("203.0.113.0/24")!],
  limits: { sessionsPerAddress: 100, portsPerAddress: 100, newSessionsPerSecond: 100 },
};
const BLOCKS: NatTable = {
  ...TABLE,
  pools: [{ ...POOL, mapping: "addressAndPortDependent" }],
  blocks: {
    private: [parsePrefix("10.65.0.0/27")!],
    pools: [{ addresses: POOL.addresses, ports: POOL.ports, blockSize: 1024 }],
  },
};

const packet = (from: string, to: string, sourcePort: number): TracedPacket => ({
  ...{ source: address(from), destination: address(to), protocol: "udp" },
  ...{ sourcePort, destinationPort: 4000 },
});

/** The rules of our table that decided something: a trace tells of those that only went on as well. */
const decisions = ({ steps }: Followed): { chain: string; rule: string }[] =>
  steps
    .filter(({ table, rule }) => table === "gatewayd" && rule !== undefined)
    .filter(({ rule, verdict }) => verdict !== "continue" || rule === "notrack")
    // Behind translation only what keeps mappings is left.
    .filter(({ chain }) => !["translated", "timers", "begun", "claims", "mapped", "answered"].includes(chain))
    .map(({ chain, rule = "" }) => ({ chain, rule }));

const LIMIT_MS = 20_000;

/** Sends such packets until one has been followed. */
async function followed(traced: TracedPacket): Promise<Followed> {
  const { source, destination, sourcePort, destinationPort } = traced;
  const ports = { ...(sourcePort && { sourcePort }), ...(destinationPort && { destinationPort }) };
  const result = here.kernel.follow({ source, destination, protocol: 17, ...ports, waitMs: LIMIT_MS });
  const [from, to] = [source, destination].map(formatAddress);
  const send = `require("dgram").createSocket("udp4").bind(${sourcePort},"${from}",function(){this.send("?",4000,"${to}",()=>this.close())})`;
  const over = result.then(() => true);
  // Until netd listens nobody sees them. Each opens a flow of its own.
  while (!(await Promise.race([over, sleep(100, false)]))) {
    here.lab.run("conntrack", "-F");
    // A packet that came too early has left a mapping, which the next one would take.
    here.lab.run("nft", "flush map inet gatewayd mapping; flush map inet gatewayd endpoints");
    spawnSync("ip", ["netns", "exec", HOST, process.execPath, "-e", send]);
  }
  const found = await result;
  if (found === undefined) throw new Error("no packet was seen");
  return found;
}

kernelTest(
  "the dry trace and the live one are of one mind about every kind of packet",
  { timeout: 300_000 },
  async () => {
    const lab = here.lab;
    spawnSync("ip", ["netns", "add", HOST]);
    try {
      const host = (...words: readonly string[]): void => {
        const { status, stderr } = spawnSync("ip", ["netns", "exec", HOST, ...words], { encoding: "utf8" });
        if (status !== 0) throw new Error(`${words.join(" ")}: ${stderr}`);
      };
      lab.run("ip", "link", "add", "inner", "type", "veth", "peer", "name", "eth0", "netns", HOST);
      lab.run("ip", "address", "add", "10.64.0.1/24", "dev", "inner");
      lab.run("ip", "link", "set", "inner", "up");
      lab.run("ip", "route", "add", "10.65.0.0/16", "dev", "inner");
      lab.run("ip", "route", "add", "default", "dev", "d0");
      lab.run(
        "sysctl",
        "-qw",
        "net.ipv4.ip_forward=1",
        "net.ipv4.conf.inner.rp_filter=0",
        "net.ipv4.conf.all.rp_filter=0",
      );
      host("ip", "link", "set", "eth0", "up");
      for (const own of ["10.65.0.2", "10.65.0.13", "10.65.1.1", "203.0.113.5", "192.0.2.9"])
        host("ip", "address", "add", `${own}/32`, "dev", "eth0");
      host("ip", "route", "add", "10.64.0.1", "dev", "eth0");
      host("ip", "route", "add", "default", "via", "10.64.0.1");

      const cases: readonly (readonly [NatTable, TracedPacket, string])[] = [
        [TABLE, packet("10.65.0.2", "192.0.2.80", 41_000), "translated"],
        [TABLE, packet("10.65.0.13", "192.0.2.80", 41_001), "translated"],
        [TABLE, packet("10.65.0.2", "172.16.1.3", 41_002), "translated"],
        [TABLE, packet("10.65.0.2", "10.9.9.9", 41_003), "untranslated"],
        [TABLE, packet("203.0.113.5", "192.0.2.80", 41_004), "untracked"],
        [TABLE, packet("192.0.2.9", "192.0.2.80", 41_005), "untranslated"],
        [BLOCKS, packet("10.65.0.2", "192.0.2.80", 41_006), "translated"],
        [BLOCKS, packet("10.65.1.1", "192.0.2.80", 41_007), "dropped"],
      ];
      for (const [table, traced, verdict] of cases) {
        await here.kernel.applyNat(diff(table, undefined));
        const dry = tracePacket(table, traced);
        const live = await followed(traced);
        expect(decisions(live)).toEqual(dry.steps.map(({ chain, rule }) => ({ chain, rule })));
        expect(dry.verdict).toBe(verdict);
        if (dry.verdict === "translated") expect(live.source).toBe(dry.source?.address);
      }
    } finally {
      spawnSync("ip", ["netns", "del", HOST]);
    }
    expect(lab.run("nft", "list", "tables")).not.toContain("gatewayd_trace");
  },
);

kernelTest("where no packet comes none was seen, and nothing is left behind", async () => {
  const query = { source: address("10.65.0.2"), destination: address("192.0.2.80"), protocol: 6 };
  const first = here.kernel.follow({ ...query, waitMs: 500 });
  await expect(here.kernel.follow({ ...query, waitMs: 500 })).rejects.toThrow(/another packet/);
  expect(await first).toBeUndefined();
  expect(here.lab.run("nft", "list", "tables")).not.toContain("gatewayd_trace");
});
