/**
 * A fabric without addresses: "us" between FRR and BIRD, over links that have link-local addresses alone, and a VM
 * behind us. Named after this process, so that runs do not meet.
 */

import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BIRD, BIRDC } from "./daemons/bird.ts";
import { BGPD, VTYSH } from "./daemons/frr.ts";
import { holdsWithin } from "./namespaces.ts";

export const ZEBRA = "/usr/lib/frr/zebra";

/** What each of them is. */
export const VM = "10.65.0.13";
export const FRR = { asn: 64601, address: "10.99.1.1" } as const;
export const BIRDS = { asn: 64602, address: "10.99.2.1" } as const;

const NAMES = ["us", "frr", "bird", "vm"] as const;
type Name = (typeof NAMES)[number];

const ip = (...words: string[]): string => execFileSync("ip", words, { encoding: "utf8", stdio: "pipe" });

export class Fabric {
  readonly #folder = mkdtempSync(join(tmpdir(), "fabric-"));
  readonly #children: ChildProcess[] = [];
  #bird: ChildProcess | undefined;

  constructor() {
    this.#forget();
    try {
      for (const name of NAMES) this.#namespace(name);
      this.#wire("us", "eth0", "frr");
      this.#wire("us", "eth1", "bird");
      this.#wire("us", "tap0", "vm");
      this.#furnish();
    } catch (error) {
      this.#forget();
      throw error;
    }
  }

  of(name: Name): string {
    return `unnumbered-${process.pid}-${name}`;
  }

  ip(name: Name, ...words: string[]): string {
    return ip("-n", this.of(name), ...words);
  }

  /** The link-local address of an interface. */
  linkLocal(name: Name, of: string): string {
    return /fe80[0-9a-f:]+/.exec(this.ip(name, "-6", "addr", "show", "dev", of, "scope", "link"))![0];
  }

  /** Does a packet come back? */
  pings(name: Name, to: string): boolean {
    const words = ["netns", "exec", this.of(name), "ping", "-c", "1", "-W", "1", to];
    return spawnSync("ip", words, { stdio: "ignore" }).status === 0;
  }

  async startFrr(): Promise<void> {
    const folder = join(this.#folder, "frr");
    mkdirSync(folder);
    // They change to a user of their own.
    for (const each of [this.#folder, folder]) chmodSync(each, 0o777);
    writeFileSync(join(folder, "zebra.conf"), "");
    writeFileSync(join(folder, "bgpd.conf"), FRR_CONFIGURATION);
    const words = (name: string): string[] => [
      ...["-f", join(folder, `${name}.conf`), "-i", join(folder, `${name}.pid`)],
      ...["-z", join(folder, "zserv.api"), "--vty_socket", folder],
    ];
    this.#start("frr", ZEBRA, words("zebra"));
    await holdsWithin(30_000, () => spawnSync("test", ["-S", join(folder, "zserv.api")]).status === 0);
    this.#start("frr", BGPD, words("bgpd"));
  }

  /**
   * Starts it; one that runs already ends first.
   * @param neighbor - as its configuration has it
   */
  async startBird(neighbor: string): Promise<void> {
    if (this.#bird !== undefined) await end(this.#bird);
    const at = (name: string): string => join(this.#folder, name);
    writeFileSync(at("bird.conf"), birdConfiguration(neighbor));
    this.#bird = this.#start("bird", BIRD, [
      "-f",
      "-c",
      at("bird.conf"),
      "-s",
      at("bird.ctl"),
      "-P",
      at("bird.pid"),
    ]);
  }

  birdRoutes(): string {
    const asked = spawnSync(BIRDC, ["-s", join(this.#folder, "bird.ctl"), "-r", "show route"], {
      encoding: "utf8",
    });
    return asked.stdout;
  }

  frr(question: string): string {
    const words = ["--vty_socket", join(this.#folder, "frr"), "-d", "bgpd", "-c", question];
    return spawnSync(VTYSH, words, { encoding: "utf8" }).stdout;
  }

  async remove(): Promise<void> {
    await Promise.all(this.#children.map(end));
    this.#forget();
    rmSync(this.#folder, { recursive: true });
  }

  #namespace(name: Name): void {
    ip("netns", "add", this.of(name));
    this.ip(name, "link", "set", "lo", "up");
    const settings = [
      // Without duplicate address detection, which would keep the addresses from being used for a second.
      ...["net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0"],
      ...["net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"],
    ];
    ip("netns", "exec", this.of(name), "sysctl", "-qw", ...settings);
  }

  #wire(from: Name, end: string, to: Name): void {
    const far = ["peer", "name", "eth0", "netns", this.of(to)];
    this.ip(from, "link", "add", end, "type", "veth", ...far);
    this.ip(from, "link", "set", end, "up");
    this.ip(to, "link", "set", "eth0", "up");
  }

  #furnish(): void {
    this.ip("frr", "addr", "add", `${FRR.address}/32`, "dev", "lo");
    this.ip("bird", "addr", "add", `${BIRDS.address}/32`, "dev", "lo");
    this.ip("vm", "addr", "add", `${VM}/32`, "dev", "eth0");
    const mac = /ether ([0-9a-f:]+)/.exec(this.ip("us", "link", "show", "tap0"))![1]!;
    this.ip("vm", "neigh", "add", "169.254.1.1", "lladdr", mac, "dev", "eth0");
    this.ip("vm", "route", "add", "default", "via", "169.254.1.1", "dev", "eth0", "onlink");
  }

  #start(name: Name, program: string, words: readonly string[]): ChildProcess {
    const child = spawn("ip", ["netns", "exec", this.of(name), program, ...words], { stdio: "ignore" });
    this.#children.push(child);
    return child;
  }

  #forget(): void {
    for (const name of NAMES) spawnSync("ip", ["netns", "del", this.of(name)], { stdio: "ignore" });
  }
}

function end(child: ChildProcess): Promise<void> {
  child.kill("SIGKILL");
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    else child.once("exit", () => resolve());
  });
}

const FRR_CONFIGURATION = `
router bgp ${FRR.asn}
 bgp router-id ${FRR.address}
 no bgp ebgp-requires-policy
 no bgp default ipv4-unicast
 no bgp network import-check
 neighbor eth0 interface remote-as external
 neighbor eth0 timers 30 90
 neighbor eth0 timers connect 1
 neighbor eth0 advertisement-interval 0
 address-family ipv4 unicast
  network ${FRR.address}/32
  neighbor eth0 activate
 exit-address-family
exit
`;

const birdConfiguration = (neighbor: string): string => `
router id ${BIRDS.address};
protocol device {}
protocol direct { ipv4; interface "lo"; }
protocol kernel { ipv4 { export all; import none; }; }
protocol bgp ours {
  local as ${BIRDS.asn};
  ${neighbor};
  connect delay time 1;
  connect retry time 2;
  error wait time 1, 2;
  ipv4 { import all; export all; extended next hop on; };
}
`;
