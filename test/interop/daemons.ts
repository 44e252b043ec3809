/** BIRD and FRR as peers: started in a namespace with a configuration of their own, asked through their own CLI. */

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { THEM, US } from "./namespaces.ts";

export interface DaemonSettings {
  readonly namespace: string;
  readonly asn: number;
  readonly ourAsn: number;
  readonly transport: "v4" | "v6";
  /** It waits for us to connect. */
  readonly passive: boolean;
  /** What it announces. */
  readonly routes: readonly string[];
  readonly gracefulRestart: boolean;
  /** Restart time, and the long-lived stale time behind it (RFC 9494). */
  readonly longLived?: { readonly restartSeconds: number; readonly staleSeconds: number };
  /** TCP-MD5 (RFC 2385). */
  readonly password?: string | undefined;
  /** GTSM (RFC 5082). */
  readonly ttlSecurity?: boolean | undefined;
  /** Milliseconds between its BFD packets, three of which may be missed; BIRD only. */
  readonly bfdMs?: number;
  /** What it is told of its neighbour besides: BIRD: in the protocol; FRR: after `neighbor ADDRESS`. */
  readonly neighbour?: readonly string[];
  /** BIRD only: statements of the filter that its announcements pass. */
  readonly filter?: string;
  /** Several paths of a prefix both ways with us (RFC 7911), and what these others tell it passed on to us. */
  readonly addPath?: { readonly neighbours: readonly { readonly address: string; readonly asn: number }[] };
  /** FRR only: what its IPv4 announcements pass instead of the usual route map. */
  readonly routeMap?: { readonly name: string; readonly text: string };
}

export interface Daemon {
  /** Prefixes that it holds from us and uses, both families. */
  prefixes(): readonly string[];
  /** What its CLI says of one prefix that it holds, attributes and all. */
  details(prefix: string): string;
  /** BIRD: asks us for everything again ("in"), or tells us everything again ("out"). */
  reload?(direction: "in" | "out"): void;
  /** How many routes it has taken away since it began. */
  removals(): number;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** Starts it again after {@link kill}, in the manner of a graceful restart. */
  restart(): void;
  /** Ends it and removes its files. */
  stop(): Promise<void>;
}

/** A route as FRR shows it. */
interface FrrRoute {
  readonly aspath: { readonly string: string };
  readonly community?: { readonly string: string };
  readonly largeCommunity?: { readonly string: string };
  readonly metric?: number;
}

/** FRR, which also tells of one route. */
export interface Frr extends Daemon {
  route(prefix: string): FrrRoute | undefined;
}

export const BIRD = "/usr/sbin/bird";
export const BIRDC = "/usr/sbin/birdc";
export const BGPD = "/usr/lib/frr/bgpd";
export const VTYSH = "/usr/bin/vtysh";

/** One process that can be killed and started again. */
class Program {
  readonly #run: () => ChildProcess;
  #child: ChildProcess;
  #exited: Promise<void>;

  constructor(run: () => ChildProcess) {
    this.#run = run;
    this.#child = run();
    this.#exited = exitOf(this.#child);
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    this.#child.kill(signal);
    await this.#exited;
  }

  again(run: () => ChildProcess = this.#run): void {
    this.#child = run();
    this.#exited = exitOf(this.#child);
  }
}

const exitOf = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    child.once("exit", () => resolve());
  });

const inNamespace = (namespace: string, program: string, words: readonly string[]): ChildProcess =>
  spawn("ip", ["netns", "exec", namespace, program, ...words], { stdio: ["ignore", "ignore", "inherit"] });

export function startBird(settings: DaemonSettings): Daemon {
  const directory = mkdtempSync(join(tmpdir(), "bgpi-bird-"));
  const at = (name: string): string => join(directory, name);
  writeFileSync(at("bird.conf"), birdConfiguration(settings, at("bird.log")));
  const words = ["-f", "-c", at("bird.conf"), "-s", at("bird.ctl"), "-P", at("bird.pid")];
  const program = new Program(() => inNamespace(settings.namespace, BIRD, words));
  const ask = (question: string): string => {
    try {
      return execFileSync(BIRDC, ["-s", at("bird.ctl"), "-r", question], {
        encoding: "utf8",
        stdio: "pipe",
        maxBuffer: 1 << 26,
      });
    } catch {
      return ""; // it does not listen yet
    }
  };
  return {
    prefixes: () =>
      [...ask("show route protocol ours").matchAll(/^([0-9a-f.:]+\/\d+)/gm)].map(([, prefix]) => prefix!),
    reload: (direction) => {
      execFileSync(BIRDC, ["-s", at("bird.ctl"), "reload", direction, "ours"], { stdio: "pipe" });
    },
    details: (prefix) => ask(`show route all for ${prefix}`),
    removals: () => readFileSync(at("bird.log"), "utf8").match(/ours\.ipv[46] > removed/g)?.length ?? 0,
    kill: () => program.kill("SIGKILL"),
    restart: () => program.again(() => inNamespace(settings.namespace, BIRD, [...words, "-R"])),
    stop: async () => {
      await program.kill("SIGKILL");
      rmSync(directory, { recursive: true });
    },
  };
}

function birdConfiguration(settings: DaemonSettings, log: string): string {
  const { asn, ourAsn, transport, passive, routes, gracefulRestart, password, ttlSecurity, bfdMs } = settings;
  const { longLived } = settings;
  const { neighbour = [], filter = "" } = settings;
  const { neighbours = [] } = settings.addPath ?? {};
  const others = neighbours.map(
    (of, i) => `protocol bgp other${i} {
  local ${THEM.v4} as ${asn};
  neighbor ${of.address} as ${of.asn};
  connect delay time 1;
  connect retry time 2;
  ipv4 { import all; export none; };
}
`,
  );
  const bfd = `protocol bfd watch {
  interface "veth0" { interval ${bfdMs} ms; idle tx interval 1 s; multiplier 3; };
  neighbor ${US[transport]} dev "veth0";
}`;
  const statics = (family: 4 | 6): string => {
    const own = routes.filter((route) => route.includes(":") === (family === 6));
    const lines = own.map((route) => `  route ${route} blackhole;`).join("\n");
    return `protocol static own${family} {\n  ipv${family};\n${lines}\n}\n`;
  };
  return `
log "${log}" all;
router id ${THEM.v4};
protocol device {}
${statics(4)}${statics(6)}${others.join("")}${bfdMs === undefined ? "" : bfd}
protocol bgp ours {
  local ${THEM[transport]} as ${asn};
  neighbor ${US[transport]} as ${ourAsn};
  debug { states, routes };
  ${passive ? "passive on;" : ""}
  ${password === undefined ? "" : `password "${password}";`}
  ${ttlSecurity === true ? "ttl security on;" : ""}
  hold time 9;
  connect delay time 1;
  connect retry time 2;
  error wait time 1, 2;
  graceful restart ${gracefulRestart ? "on" : "off"};
  ${longLived === undefined ? "" : `graceful restart time ${longLived.restartSeconds};`}
  ${longLived === undefined ? "" : `long lived graceful restart on; long lived stale time ${longLived.staleSeconds};`}
  ${neighbour.map((line) => `${line};`).join("\n  ")}
  ipv4 {
    import all;
    export filter { if source != RTS_STATIC && proto !~ "other*" then reject; ${filter} accept; };
    next hop self;
    ${settings.addPath === undefined ? "" : "add paths on;"}
  };
  ipv6 { import all; export where source = RTS_STATIC; next hop self; };
}
`;
}

export function startFrr(settings: DaemonSettings): Frr {
  const directory = mkdtempSync(join(tmpdir(), "bgpi-frr-"));
  chmodSync(directory, 0o755);
  const at = (name: string): string => join(directory, name);
  writeFileSync(at("bgpd.conf"), frrConfiguration(settings, at("bgpd.log")));
  const words = ["-n", "-Z", "-S", "-f", at("bgpd.conf"), "-i", at("bgpd.pid"), "--vty_socket", directory];
  const program = new Program(() => inNamespace(settings.namespace, BGPD, words));
  const show = (question: string): string => {
    const vtysh = ["--vty_socket", directory, "-d", "bgpd", "-c", question];
    return execFileSync(VTYSH, vtysh, { encoding: "utf8", stdio: "pipe", maxBuffer: 1 << 26 });
  };
  const ask = (question: string): FrrAnswer => {
    try {
      return JSON.parse(show(question));
    } catch {
      return {}; // it does not listen yet
    }
  };
  const held = (family: "ipv4" | "ipv6"): string[] =>
    Object.entries(ask(`show bgp ${family} unicast json`).routes ?? {})
      .filter(([, paths]) => paths.some(({ bestpath, peerId }) => bestpath === true && peerId !== "(unspec)"))
      .map(([prefix]) => prefix);
  return {
    route: (prefix) => ask(`show bgp ipv4 unicast ${prefix} json`).paths?.[0],
    prefixes: () => [...held("ipv4"), ...held("ipv6")],
    details: (prefix) => show(`show bgp ipv4 unicast ${prefix}`),
    removals: () => readFileSync(at("bgpd.log"), "utf8").match(/UPDATE about .* withdrawn/g)?.length ?? 0,
    kill: () => program.kill("SIGKILL"),
    restart: () => program.again(),
    stop: async () => {
      await program.kill("SIGKILL");
      rmSync(directory, { recursive: true });
    },
  };
}

interface FrrAnswer {
  readonly routes?: Record<string, readonly FrrPath[]>;
  readonly paths?: readonly FrrRoute[];
}

interface FrrPath {
  readonly bestpath?: boolean;
  readonly peerId?: string;
}

/** Without zebra bgpd knows no address of the family that the session is not in; the route maps say them. */
function frrConfiguration(settings: DaemonSettings, log: string): string {
  const { asn, ourAsn, transport, passive, routes, gracefulRestart, password, ttlSecurity, routeMap } =
    settings;
  const { neighbour = [] } = settings;
  const us = US[transport];
  const { longLived } = settings;
  const { neighbours = [] } = settings.addPath ?? {};
  const others = neighbours.map(
    (of) => `neighbor ${of.address} remote-as ${of.asn}
 neighbor ${of.address} timers connect 1
 address-family ipv4 unicast
  neighbor ${of.address} activate
 exit-address-family
`,
  );
  const allPaths = settings.addPath === undefined ? "" : `neighbor ${us} addpath-tx-all-paths`;
  const family = (name: "ipv4" | "ipv6"): string => {
    const own = routes.filter((route) => route.includes(":") === (name === "ipv6"));
    return ` address-family ${name} unicast
${own.map((route) => `  network ${route}`).join("\n")}
  neighbor ${us} activate
  neighbor ${us} route-map ${name === "ipv4" ? (routeMap?.name ?? "own-ipv4") : "own-ipv6"} out
  ${allPaths}
 exit-address-family
`;
  };
  return `
log file ${log} debugging
debug bgp updates in
${routeMap?.text ?? ""}
bgp as-path access-list own permit ^$
${neighbours.map((of) => `bgp as-path access-list own permit ^${of.asn}$`).join("\n")}
route-map own-ipv4 permit 10
 match as-path own
 set ip next-hop ${THEM.v4}
exit
route-map own-ipv6 permit 10
 match as-path own
 set ipv6 next-hop global ${THEM.v6}
exit
router bgp ${asn}
 bgp router-id ${THEM.v4}
 no bgp ebgp-requires-policy
 no bgp default ipv4-unicast
 no bgp network import-check
 ${gracefulRestart ? "bgp graceful-restart" : ""}
 ${longLived === undefined ? "" : `bgp graceful-restart restart-time ${longLived.restartSeconds}`}
 ${longLived === undefined ? "" : "bgp graceful-restart preserve-fw-state"}
 ${longLived === undefined ? "" : `bgp long-lived-graceful-restart stale-time ${longLived.staleSeconds}`}
 neighbor ${us} remote-as ${ourAsn}
 neighbor ${us} timers 3 9
 neighbor ${us} timers connect 1
 neighbor ${us} advertisement-interval 0
 ${passive ? `neighbor ${us} passive` : ""}
 ${password === undefined ? "" : `neighbor ${us} password ${password}`}
 ${ttlSecurity === true ? `neighbor ${us} ttl-security hops 1` : ""}
 ${neighbour.map((line) => `neighbor ${us} ${line}`).join("\n ")}
${others.join("")}${family("ipv4")}${family("ipv6")}exit
`;
}
