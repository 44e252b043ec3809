/**
 * dnsmasq for the instances of this host: its files, and the process, which is started again when it ends.
 *
 * Taps have no addresses: requests count as having come in by the uplink (`bridge-interface`), and every subnet as
 * behind it (`shared-network`). dnsmasq reads addresses and options again on SIGHUP. What it does not read again, or
 * would hold against a new owner of an address as the lease of the old one, takes another process; that is of no matter
 * to instances, which hold their leases and ask again. An IPv6 address it leases to a DUID (RFC 8415 section 11), which is
 * another one when an instance is built anew behind the same port: the leases are forgotten when the tap goes.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isLinkLocal } from "../../bgp/net/address.ts";
import type { Link, Problem } from "../../gateway/intent.ts";
import type { Model } from "../../model/model.ts";
import type { DhcpLines } from "../../neutron/dhcp.ts";
import type { Log } from "../records/log.ts";

/** How long to wait before the next start, by the number of starts in a row that came to nothing. */
const LADDER_MS = [100, 1000, 5000, 10_000];
/** A run of this length counts as a success: the ladder begins anew. */
const STEADY_MS = 10_000;
const CONFIGURATION = "dnsmasq.conf";
/** The end of what it said before it ended. */
const LAST_WORDS = 1000;

export interface DhcpState {
  readonly running: boolean;
  /** Addresses that are told. */
  readonly addresses: number;
  readonly restarts: number;
}

/** What it is to do; undefined: nothing, and it does not run. */
interface Wanted {
  readonly lines: DhcpLines;
  readonly uplink: string;
  /** Those of `lines.taps6` that are up. */
  readonly asking6: ReadonlySet<string>;
}

export class DhcpServer {
  readonly #directory: string;
  readonly #log: Log;
  readonly #changed: () => void;
  #wanted: Wanted | undefined;
  #child: ChildProcess | undefined;
  /** The one that was told to end. */
  #ending: ChildProcess | undefined;
  /** It cannot run. */
  #down: Problem | undefined;
  /** It runs, and does not answer DHCPv6. */
  #mute: Problem | undefined;
  #failures = 0;
  #restarts = 0;
  #again: NodeJS.Timeout | undefined;
  #steady: NodeJS.Timeout | undefined;

  /** @param changed - {@link problems} are others */
  constructor(directory: string, log: Log, changed: () => void) {
    this.#directory = directory;
    this.#log = log;
    this.#changed = changed;
  }

  get problems(): readonly Problem[] {
    return [this.#down, this.#mute].filter((problem) => problem !== undefined);
  }

  /** Undefined when there is nobody to serve. */
  get state(): DhcpState | undefined {
    if (this.#wanted === undefined) return undefined;
    const addresses = this.#wanted.lines.hosts.size;
    return { running: this.#child !== undefined, addresses, restarts: this.#restarts };
  }

  /** @param uplink - undefined: no link has an IPv4 address; @param links - all of this machine */
  want(lines: DhcpLines, uplink: Link | undefined, links: readonly Link[]): void {
    const before = this.#wanted;
    this.#wanted = lines.hosts.size === 0 ? undefined : uplink && wantedOf(lines, uplink, links);
    this.#setMute(this.#wanted && mutenessOf(this.#wanted, uplink));
    if (this.#wanted === undefined) {
      this.#rest(lines.hosts.size === 0);
      return;
    }
    const change = before === undefined ? "restart" : changeBetween(before, this.#wanted);
    if (change === "none") return;
    try {
      this.#write(this.#wanted);
    } catch (error) {
      this.#setDown(error instanceof Error ? error.message : String(error));
      this.#wanted = undefined;
      this.#end();
      return;
    }
    if (change === "reload") this.#child?.kill("SIGHUP");
    else this.#renew();
  }

  async stop(): Promise<void> {
    this.#wanted = undefined;
    const child = this.#child;
    const ended = child && new Promise((resolve) => child.once("close", resolve));
    this.#end();
    await ended;
  }

  #rest(isNobodyServed: boolean): void {
    const message = "no link has an IPv4 address that instances could be answered from";
    this.#setDown(isNobodyServed ? undefined : message);
    if (this.#child === undefined) this.#endForerunner();
    this.#end();
  }

  /** When the one that runs has ended there is another. */
  #renew(): void {
    this.#end();
    if (this.#child === undefined) this.#start();
  }

  #end(): void {
    clearTimeout(this.#again);
    this.#ending = this.#child;
    this.#child?.kill("SIGTERM");
  }

  #start(): void {
    this.#endForerunner();
    let words = "";
    const child = spawn("dnsmasq", ["--keep-in-foreground", `--conf-file=${this.#at(CONFIGURATION)}`], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.#child = child;
    this.#steady = setTimeout(() => {
      this.#failures = 0;
      this.#setDown(undefined);
    }, STEADY_MS);
    child.stderr?.on("data", (chunk: Buffer) => {
      words = `${words}${chunk.toString()}`.slice(-LAST_WORDS);
    });
    child.once("spawn", () => {
      if (child.pid !== undefined) writeFileSync(this.#at("pid"), String(child.pid));
    });
    child.once("error", (error) => {
      words = isMissing(error) ? "dnsmasq is not installed: it is in Debian's dnsmasq-base" : error.message;
      if (child.pid === undefined) this.#ended(child, words);
    });
    child.once("close", () => this.#ended(child, words));
  }

  #ended(child: ChildProcess, words: string): void {
    if (this.#child !== child) return;
    this.#child = undefined;
    clearTimeout(this.#steady);
    if (this.#wanted === undefined) {
      rmSync(this.#at("pid"), { force: true });
      this.#setDown(undefined);
      return;
    }
    // What is wanted has changed.
    if (this.#ending === child) {
      this.#start();
      return;
    }
    this.#failures += 1;
    this.#restarts += 1;
    const reason = words.trim().split("\n").at(-1) ?? "";
    this.#log.error({ event: "dhcp.down", reason }, "dnsmasq ended; it is started again");
    this.#setDown(`dnsmasq does not stay up: ${reason}`);
    const wait = LADDER_MS[Math.min(this.#failures, LADDER_MS.length) - 1]!;
    this.#again = setTimeout(() => this.#start(), wait);
  }

  /** Of a gatewayd that was killed: two cannot have one port, and one that nobody needs any more would stay for ever. */
  #endForerunner(): void {
    try {
      const pid = Number(readFileSync(this.#at("pid"), "utf8"));
      rmSync(this.#at("pid"));
      const line = readFileSync(`/proc/${pid}/cmdline`, "utf8");
      if (line.includes(this.#at(CONFIGURATION))) process.kill(pid, "SIGKILL");
    } catch {
      // There is none.
    }
  }

  #write({ lines, uplink }: Wanted): void {
    mkdirSync(this.#directory, { recursive: true });
    // dnsmasq gives up root, and reads again as somebody else.
    chmodSync(this.#directory, 0o755);
    writeFileSync(this.#at("hosts"), text([...lines.hosts.values()].sort()));
    writeFileSync(this.#at("options"), text(lines.options));
    writeFileSync(this.#at(CONFIGURATION), configurationOf(lines, uplink, this.#directory));
  }

  #at(name: string): string {
    return join(this.#directory, name);
  }

  #setDown(message: string | undefined): void {
    if (this.#down?.message === message) return;
    this.#down = message === undefined ? undefined : { code: "dhcp.down", subject: "dnsmasq", message };
    this.#changed();
  }

  #setMute(mute: Problem | undefined): void {
    if (this.#mute?.message === mute?.message) return;
    this.#mute = mute;
    this.#changed();
  }
}

const isMissing = (error: NodeJS.ErrnoException): boolean => error.code === "ENOENT";

const text = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join("");

const configurationOf = ({ ranges, networks }: DhcpLines, uplink: string, directory: string): string =>
  text([
    ...["port=0", "no-resolv", "no-hosts", "no-poll", "log-facility=-", "quiet-dhcp"],
    // What it has told is known from the files, to every process.
    ...["dhcp-authoritative", "leasefile-ro"],
    // DHCPv6 is heard only where it is listened for by name.
    ...[`interface=${uplink}`, "interface=tap*", `bridge-interface=${uplink},tap*`],
    ...networks.map((network) => `shared-network=${uplink},${network}`),
    ...ranges,
    ...[`dhcp-hostsfile=${join(directory, "hosts")}`, `dhcp-optsfile=${join(directory, "options")}`],
  ]);

export function wantedOf(lines: DhcpLines, { name }: Link, links: readonly Link[]): Wanted {
  const up = links.filter((link) => link.up && lines.taps6.has(link.name));
  return { lines, uplink: name, asking6: new Set(up.map((link) => link.name)) };
}

/** dnsmasq answers DHCPv6 of a link only where that has an address that is not its own alone. */
export function mutenessOf({ asking6 }: Wanted, uplink: Link | undefined): Problem | undefined {
  if (uplink === undefined || asking6.size === 0) return undefined;
  if (uplink.addresses.some(({ address }) => address.family === 6 && !isLinkLocal(address))) return undefined;
  const message = `DHCPv6 is not answered: ${uplink.name}, by which requests count as having come in, has no IPv6 address that is not link-local`;
  return { code: "dhcp.mute", subject: uplink.name, message };
}

/** What dnsmasq needs to follow. */
export function changeBetween(before: Wanted, after: Wanted): "none" | "reload" | "restart" {
  if (before.uplink !== after.uplink || !same(before.lines.ranges, after.lines.ranges)) return "restart";
  for (const tap of before.asking6) if (!after.asking6.has(tap)) return "restart";
  for (const [address, line] of before.lines.hosts)
    if (after.lines.hosts.get(address) !== line) return "restart";
  const isSame =
    before.lines.hosts.size === after.lines.hosts.size && same(before.lines.options, after.lines.options);
  return isSame ? "none" : "reload";
}

const same = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((line, i) => line === b[i]);

/** The link that has the router id, else the first one with an IPv4 address that is no port's. */
export function uplinkOf({ bgp, ports }: Model, links: readonly Link[]): Link | undefined {
  const taps = new Set(ports.map((port) => port.interface));
  const able = links.filter(
    ({ name, up, addresses }) =>
      up && name !== "lo" && !taps.has(name) && addresses.some(({ address }) => address.family === 4),
  );
  const has = ({ addresses }: Link): boolean =>
    addresses.some(({ address }) => address.family === 4 && address.w0 === bgp.routerId.w0);
  return able.find(has) ?? able[0];
}
