/**
 * Two namespaces with two links between them: a gateway in the one, a BIRD in the other. What the BIRD tells has next
 * hops that are on neither link, so that it is the kernel's routes at the gateway that lead there, or do not.
 *
 *   gw 10.90.1.1 -- east -- 10.90.1.2 far: iBGP, next hops 192.0.2.1 and 2001:db8:ff::1
 *      10.90.1.9            10.90.1.3      eBGP, hears, and asks for a blackhole; BIRD talks to one address once
 *   gw 10.90.2.1 -- west -- 10.90.2.2 far: iBGP, next hop 192.0.2.2
 */

import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const BIRD = "/usr/sbin/bird";
const BIRDC = "/usr/sbin/birdc";

/** What this machine lacks for these tests, in words; undefined when nothing. */
export function missing(): string | undefined {
  if (process.getuid?.() !== 0) return "root, for network namespaces";
  if (!existsSync(BIRD)) return "bird2";
  const probe = `way-${process.pid}-probe`;
  if (spawnSync("ip", ["netns", "add", probe], { stdio: "ignore" }).status !== 0) return "network namespaces";
  spawnSync("ip", ["netns", "del", probe], { stdio: "ignore" });
  return undefined;
}

const session = (name: string, own: string, neighbor: string, rest: string): string =>
  `protocol bgp ${name} { local ${own}; neighbor ${neighbor} as 65000; strict bind; connect delay time 1; ${rest} }`;

const CONFIG = `router id 192.0.2.1;
ipv4 table told; ipv6 table told6; ipv4 table heard; ipv6 table heard6;
protocol device {}
protocol static { ipv4 { table told; }; route 198.51.100.0/24 blackhole; }
protocol static { ipv6 { table told6; }; route 2001:db8:100::/48 blackhole; }
protocol static hole {
  disabled;
  ipv4 { table heard; };
  route 203.0.113.7/32 blackhole { bgp_community.add((65535,666)); };
}
${session(
  "one",
  "10.90.1.2 as 65000",
  "10.90.1.1",
  `ipv4 { table told; import none; export all; next hop address 192.0.2.1; };
   ipv6 { table told6; import none; export all; next hop address 2001:db8:ff::1; };`,
)}
${session(
  "two",
  "10.90.2.2 as 65000",
  "10.90.2.1",
  `ipv4 { table told; import none; export all; next hop address 192.0.2.2; };`,
)}
${session(
  "watcher",
  "10.90.1.3 as 65002",
  "10.90.1.9",
  `ipv4 { table heard; import all; export where proto = "hole"; };
   ipv6 { table heard6; import all; export none; };`,
)}
`;

export class Place {
  readonly gw: string = `way-${process.pid}-gw`;
  readonly far: string = `way-${process.pid}-far`;
  readonly #directory: string = mkdtempSync(join(tmpdir(), "way-"));
  readonly #bird: ChildProcess;

  constructor() {
    this.#removeNamespaces();
    try {
      this.#wire();
    } catch (error) {
      this.#removeNamespaces();
      throw error;
    }
    writeFileSync(join(this.#directory, "bird.conf"), CONFIG);
    const args = ["-f", "-c", join(this.#directory, "bird.conf"), "-s", this.#control];
    this.#bird = spawn("ip", ["netns", "exec", this.far, BIRD, ...args], { stdio: "inherit" });
  }

  /** In the gateway's namespace. */
  ip(...words: readonly string[]): string {
    return execFileSync("ip", ["-n", this.gw, ...words], { encoding: "utf8" });
  }

  /** Whether the eBGP peer was told a prefix and holds it. */
  hears(prefix: string): boolean {
    const table = prefix.includes(":") ? "heard6" : "heard";
    const { stdout } = spawnSync(BIRDC, ["-s", this.#control, `show route table ${table} ${prefix}`], {
      encoding: "utf8",
    });
    return stdout.includes("[watcher");
  }

  /** Has the eBGP peer ask for a blackhole, with an address that it has; or no more. */
  asksForHole(asks: boolean): void {
    execFileSync(BIRDC, ["-s", this.#control, `${asks ? "enable" : "disable"} hole`], { stdio: "ignore" });
  }

  /** Whether an address answers to an echo request from the gateway. */
  reaches(address: string): boolean {
    const words = ["netns", "exec", this.gw, "ping", "-n", "-c", "1", "-W", "1", address];
    return spawnSync("ip", words, { stdio: "ignore" }).status === 0;
  }

  async remove(): Promise<void> {
    const gone = new Promise((resolve) => this.#bird.once("exit", resolve));
    this.#bird.kill("SIGKILL");
    await gone;
    this.#removeNamespaces();
    rmSync(this.#directory, { recursive: true });
  }

  #wire(): void {
    batch([`netns add ${this.gw}`, `netns add ${this.far}`]);
    batch(
      [
        "link set lo up",
        ...LINKS.flatMap((name, i) => linkAt(name, i + 1, 1, this.far)),
        "addr add 10.90.1.9/24 dev east",
      ],
      this.gw,
    );
    const ends = LINKS.flatMap((name, i) => addresses(name, i + 1, 2));
    const home = HOME.map((address) => `addr add ${address} dev lo`);
    batch(["link set lo up", ...ends, "addr add 10.90.1.3/24 dev east", ...home], this.far);
  }

  get #control(): string {
    return join(this.#directory, "bird.ctl");
  }

  #removeNamespaces(): void {
    for (const name of [this.gw, this.far]) spawnSync("ip", ["netns", "del", name], { stdio: "ignore" });
  }
}

const LINKS = ["east", "west"] as const;
/** Next hops, and addresses in what is told. */
const HOME = [
  "192.0.2.1/32",
  "192.0.2.2/32",
  "2001:db8:ff::1/128 nodad",
  "198.51.100.1/32",
  "203.0.113.7/32",
  "2001:db8:100::1/128 nodad",
];

const addresses = (name: string, link: number, end: number): string[] => [
  `link set ${name} up`,
  `addr add 10.90.${link}.${end}/24 dev ${name}`,
  `addr add 2001:db8:${link}::${end}/64 dev ${name} nodad`,
];

const linkAt = (name: string, link: number, end: number, other: string): string[] => [
  `link add name ${name} type veth peer name ${name} netns ${other}`,
  ...addresses(name, link, end),
];

function batch(lines: readonly string[], namespace?: string): void {
  const where = namespace === undefined ? [] : ["-n", namespace];
  execFileSync("ip", [...where, "-batch", "-"], { input: `${lines.join("\n")}\n`, stdio: "pipe" });
}
