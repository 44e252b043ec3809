/**
 * A site as the first seed has it: a gateway with etcd, two hosts beside it on one segment, BIRD and FRR outside, and
 * instances behind taps. Namespaces are named after this process; all is removed with {@link Site.remove}.
 */

import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Daemon, eventually, Lab, runToEnd } from "../daemon/lab.ts";
import { openFolder, spawnEtcd } from "../store/etcd-daemon.ts";
import { bird } from "./daemons/bird.ts";
import { BGPD, VTYSH } from "./daemons/frr.ts";
import { Program, saidOrNothing, Workplace } from "./daemons/program.ts";
import { namespacePair, type Pair, removeNamespace, THEM, US } from "./namespaces.ts";

/** Python takes its time to start, and the machine may be busy. */
export const LIMIT_MS = 60_000;
export const API_PORT = 9696;
const ASN = 65_000;
const BIRD_ASN = 64_601;
const FRR_ASN = 64_602;
const FABRIC = { gw: "192.168.8.1", host1: "192.168.8.3", host2: "192.168.8.4", frr: "192.168.8.9" } as const;
/** The interface of hosts, as in the seed's listing. */
export const UPLINK = "l2tpeth8-3";

type Beside = "host1" | "host2" | "frr";
const VERDICT = "then";
const ACCEPT = [{ [VERDICT]: "accept" }];

const ip = (...words: string[]): string => execFileSync("ip", words, { encoding: "utf8", stdio: "pipe" });

export const UDHCPC = "/usr/sbin/udhcpc";
export const DHCLIENT = "/usr/sbin/dhclient";

/** Of hosts on the fabric: dnsmasq answers DHCPv6 where it has an address. */
export const FABRIC_V6 = { host1: "2001:db8:8::3", host2: "2001:db8:8::4" } as const;

export const tapOf = (portId: string): string => `tap${portId.slice(0, 11)}`;

/** A connection that stays: whoever accepts it, and whoever opens it, does nothing more. */
const ACCEPT_ONE = `require("node:net").createServer(() => undefined).listen(7777)`;
const openTo = (address: string): string =>
  `const open = () => require("node:net").connect(7777, "${address}").on("error", () => setTimeout(open, 100)); open()`;

export class Site {
  readonly lab: Lab = new Lab();
  readonly #pair: Pair = namespacePair();
  readonly #folder: string = openFolder();
  readonly #place: Workplace = new Workplace("site-frr");
  readonly #instances = new Map<string, "host1" | "host2">();
  readonly #connected: ChildProcess[] = [];
  #etcd: ChildProcess | undefined;
  #frr: Program | undefined;
  #bird: Awaited<ReturnType<typeof bird.start>> | undefined;

  constructor() {
    const { us } = this.#pair;
    ip("-n", us, "link", "add", "fabric", "type", "bridge");
    ip("-n", us, "addr", "add", `${FABRIC.gw}/24`, "dev", "fabric");
    ip("-n", us, "link", "set", "fabric", "up");
    for (const name of ["host1", "host2", "frr"] as const) this.#join(name);
    // Their ways back: none of them has routes of BGP in its kernel.
    ip("-n", this.#pair.them, "route", "add", "172.16.1.0/24", "via", US.v4);
    ip("-n", this.of("frr"), "route", "add", "172.16.1.0/24", "via", FABRIC.gw);
  }

  of(name: "gw" | "bird" | Beside): string {
    if (name === "gw") return this.#pair.us;
    return name === "bird" ? this.#pair.them : this.#pair.us.replace(/us$/, name);
  }

  vm(name: string): string {
    return this.#pair.us.replace(/us$/, `vm-${name}`);
  }

  ip(name: Parameters<Site["of"]>[0], ...words: string[]): string {
    return ip("-n", this.of(name), ...words);
  }

  /** What nftables holds of ours there. */
  nat(name: Parameters<Site["of"]>[0]): string {
    const words = ["netns", "exec", this.of(name), "nft", "list", "ruleset"];
    return execFileSync("ip", words, { encoding: "utf8" });
  }

  /** For the first time, or again with what it had. */
  async startEtcd(): Promise<void> {
    const urls = `http://${FABRIC.gw}:2379,http://127.0.0.1:2379`;
    const options = ["--name=one", `--data-dir=${join(this.#folder, "data")}`];
    this.#etcd = spawnEtcd(
      [...options, `--listen-client-urls=${urls}`, `--advertise-client-urls=${urls}`],
      ["ip", "netns", "exec", this.of("gw")],
    );
    await eventually(
      "etcd is well",
      () =>
        spawnSync("ip", ["netns", "exec", this.of("gw"), "etcdctl", "endpoint", "health"], {
          stdio: "ignore",
        }).status === 0,
      LIMIT_MS,
    );
  }

  async killEtcd(): Promise<void> {
    if (this.#etcd === undefined || this.#etcd.exitCode !== null) return;
    const ended = once(this.#etcd, "exit");
    this.#etcd.kill("SIGKILL");
    await ended;
    this.#etcd = undefined;
  }

  /** Until {@link heal}, nothing passes between a host and etcd. All else does. */
  cut(host: "host1" | "host2"): void {
    const ways = [
      ["out", "output", "dport"],
      ["in", "input", "sport"],
    ].map(
      ([name, hook, port]) =>
        `chain ${name} { type filter hook ${hook} priority 0; tcp ${port} 2379 drop; };`,
    );
    ip("netns", "exec", this.of(host), "nft", `table inet cut { ${ways.join(" ")} }`);
  }

  heal(host: "host1" | "host2"): void {
    ip("netns", "exec", this.of(host), "nft", "delete table inet cut");
  }

  async startRouters(): Promise<void> {
    this.#bird = await bird.start({
      namespace: this.#pair.them,
      asn: BIRD_ASN,
      ourAsn: ASN,
      transport: "v4",
      passive: true,
      routes: ["0.0.0.0/0"],
      gracefulRestart: false,
    });
    const configuration = this.#place.write("bgpd.conf", FRR_CONFIGURATION);
    const files = ["-f", configuration, "-i", this.#place.at("bgpd.pid"), "--vty_socket", this.#place.path];
    this.#frr = new Program({
      namespace: this.of("frr"),
      program: BGPD,
      words: ["-n", "-Z", "-S", ...files],
      log: this.#place.at("out"),
    });
  }

  /** Who outside has been told of a prefix. */
  async told(prefix: string): Promise<readonly string[]> {
    const shell = [
      "--vty_socket",
      this.#place.path,
      "-d",
      "bgpd",
      "-c",
      `show bgp ipv4 unicast ${prefix} json`,
    ];
    const [ofBird, ofFrr] = await Promise.all([this.#bird!.prefixes(), saidOrNothing(VTYSH, shell)]);
    return [...(ofBird.includes(prefix) ? ["BIRD"] : []), ...(ofFrr.includes('"paths"') ? ["FRR"] : [])];
  }

  /** Starts the gateway, or a host, and waits until its API answers. */
  async start(name: "gw" | "host1" | "host2", sections: object = {}): Promise<Daemon> {
    const socket = this.lab.path(`${name}.sock`);
    const path = this.lab.path(`store-${name}`);
    const store = { type: "etcd", endpoints: [`http://${FABRIC.gw}:2379`], path };
    const file = this.lab.write(`${name}.yaml`, {
      ...(name === "gw" ? gateway() : compute(name)),
      hostname: name,
      api: {
        socket,
        listen: `127.0.0.1:${API_PORT}`,
        auth: "none",
        tokensFile: this.lab.path("tokens"),
        routerDistributed: true,
        floatingEgress: "fixed",
      },
      store,
      dhcp: { directory: join(this.#folder, `dhcp-${name}`) },
      ...sections,
    });
    return await this.lab.start(file, socket, ["ip", "netns", "exec", this.of(name)]);
  }

  /** Runs a client beside a gatewayd and gives what it printed. @throws Error with what it said, when it fails */
  async client(
    program: string,
    line: string,
    environment: readonly string[] = ["OS_AUTH_TYPE=none", `OS_ENDPOINT=http://127.0.0.1:${API_PORT}`],
    beside: "gw" | "host1" = "gw",
  ): Promise<string> {
    const words = ["netns", "exec", this.of(beside), "env", ...environment, program, ...line.split(" ")];
    const { status, stdout, stderr } = await runToEnd("ip", words, LIMIT_MS);
    if (status !== 0) throw new Error(`${line}: ${status} ${stdout}${stderr}`);
    return stdout;
  }

  /** What Nova and libvirt do: an interface of the port's name, and an instance behind it, which knows its address. */
  boot(name: string, portId: string, host: "host1" | "host2", address: string): void {
    this.plug(name, portId, host);
    ip("-n", this.vm(name), "addr", "add", `${address}/24`, "dev", "eth0");
    ip("-n", this.vm(name), "route", "add", "default", "via", "10.65.0.1");
  }

  /** An instance asks for its address, takes what it is told, and prints it; undefined: nobody answered. */
  askByDhcp(name: string): string | undefined {
    const script = this.#place.write("udhcpc.sh", TAKE_LEASE, 0o755);
    const words = [
      "netns",
      "exec",
      this.vm(name),
      UDHCPC,
      "-i",
      "eth0",
      "-nqf",
      "-O",
      "mtu",
      "-t",
      "3",
      "-T",
      "1",
    ];
    const { status, stdout } = spawnSync("ip", [...words, "-s", script], { encoding: "utf8" });
    return status === 0 ? stdout.trim() : undefined;
  }

  /** The same by DHCPv6. */
  askByDhcp6(name: string): string | undefined {
    const script = this.#place.write("dhclient.sh", TAKE_LEASE_V6, 0o755);
    const files = ["-lf", this.#place.at(`${name}.leases`), "-pf", this.#place.at(`${name}.pid`)];
    const words = ["netns", "exec", this.vm(name), "timeout", "10", DHCLIENT, "-6", "-1", "-d"];
    const { stdout } = spawnSync("ip", [...words, ...files, "-cf", "/dev/null", "-sf", script, "eth0"], {
      encoding: "utf8",
    });
    return /^told (.*)$/m.exec(stdout)?.[1];
  }

  /** Of dnsmasq there; undefined while there is none. */
  dhcpPid(host: "host1" | "host2"): number | undefined {
    try {
      return Number(readFileSync(join(this.#folder, `dhcp-${host}`, "pid"), "utf8"));
    } catch {
      return undefined;
    }
  }

  /** An instance that knows no address, with the MAC of its port when it is given. */
  plug(name: string, portId: string, host: "host1" | "host2", mac?: string): void {
    const vm = this.vm(name);
    ip("netns", "add", vm);
    this.#instances.set(name, host);
    this.ip(host, "link", "add", tapOf(portId), "type", "veth", "peer", "name", "eth0", "netns", vm);
    this.ip(host, "link", "set", tapOf(portId), "up");
    ip("-n", vm, "link", "set", "lo", "up");
    if (mac !== undefined) ip("-n", vm, "link", "set", "eth0", "address", mac);
    ip("-n", vm, "link", "set", "eth0", "up");
  }

  /** A TCP connection between an instance and the router outside, which nobody ends before the site is removed. */
  connect(from: "a" | "bird", address: string, to: "a" | "bird"): void {
    const scripts = [
      [to, ACCEPT_ONE],
      [from, openTo(address)],
    ] as const;
    for (const [name, script] of scripts) {
      const space = name === "a" ? this.vm(name) : this.of(name);
      const words = ["netns", "exec", space, process.execPath, "-e", script];
      this.#connected.push(spawn("ip", words, { stdio: "ignore" }));
    }
  }

  /** Whether conntrack there has a TCP connection of that address that is established. */
  tracks(name: "gw" | "host1" | "host2", address: string): boolean {
    const words = ["netns", "exec", this.of(name), "conntrack", "-L", "-p", "tcp"];
    const { stdout } = spawnSync("ip", words, { encoding: "utf8" });
    return stdout.split("\n").some((line) => line.includes("ESTABLISHED") && line.includes(`=${address} `));
  }

  /** Interfaces of that name come and go faster than anybody looks, and one is renamed: in the end there is none. */
  flutter(portId: string, host: "host1" | "host2"): void {
    const tap = tapOf(portId);
    const once = [`link add ${tap} type veth peer name far`, `link set ${tap} up`, "link set far up"];
    const lines = Array.from({ length: 30 }, () => [...once, `link del ${tap}`]).flat();
    const input = [...lines, ...once, `link set ${tap} name elsewhere`, "link del elsewhere", ""].join("\n");
    execFileSync("ip", ["-n", this.of(host), "-batch", "-"], { input, stdio: "pipe" });
  }

  /** Sends echo requests until it is stopped. @returns stops it, and gives the numbers of those that were answered */
  ping(from: string, to: string): () => Promise<readonly number[]> {
    const child = spawn("ip", ["netns", "exec", from, "ping", "-n", "-i", "0.1", to]);
    const ended = once(child, "close");
    let said = "";
    child.stdout.on("data", (text: Buffer) => {
      said += text.toString();
    });
    return async () => {
      child.kill("SIGINT");
      await ended;
      return [...said.matchAll(/icmp_seq=(\d+) /g)].map(([, number]) => Number(number));
    };
  }

  halt(name: string): void {
    spawnSync("ip", ["netns", "del", this.vm(name)], { stdio: "ignore" });
    this.#instances.delete(name);
  }

  async remove(): Promise<void> {
    for (const child of this.#connected) child.kill("SIGKILL");
    for (const name of [...this.#instances.keys()]) this.halt(name);
    await this.lab.remove();
    await this.#bird?.stop();
    await this.#frr?.kill();
    this.#place.remove();
    await this.killEtcd();
    rmSync(this.#folder, { recursive: true, force: true });
    for (const name of ["host1", "host2", "frr"] as const) removeNamespace(this.of(name));
    this.#pair.remove();
  }

  #join(name: Beside): void {
    ip("netns", "add", this.of(name));
    const far = ["peer", "name", UPLINK, "netns", this.of(name)];
    this.ip("gw", "link", "add", name, "master", "fabric", "type", "veth", ...far);
    this.ip("gw", "link", "set", name, "up");
    this.ip(name, "link", "set", "lo", "up");
    this.ip(name, "addr", "add", `${FABRIC[name]}/24`, "dev", UPLINK);
    this.ip(name, "link", "set", UPLINK, "up");
    if (name !== "frr") this.ip(name, "addr", "add", `${FABRIC_V6[name]}/64`, "dev", UPLINK, "nodad");
  }
}

const gateway = (): object => ({
  bgp: {
    asn: ASN,
    routerId: FABRIC.gw,
    groups: {
      upstream: {
        import: [{ match: { prefix: "0.0.0.0/0" }, [VERDICT]: "accept" }],
        export: [{ match: { kind: ["floating"] }, [VERDICT]: "accept" }],
      },
      hosts: { asn: ASN, export: [{ match: { kind: "default" }, [VERDICT]: "accept" }] },
    },
    peers: [
      { address: THEM.v4, asn: BIRD_ASN, group: "upstream" },
      { address: FABRIC.frr, asn: FRR_ASN, group: "upstream" },
      { address: FABRIC.host1, group: "hosts" },
      { address: FABRIC.host2, group: "hosts" },
    ],
  },
});

const compute = (name: "host1" | "host2"): object => ({
  role: "compute",
  bgp: {
    asn: ASN,
    routerId: FABRIC[name],
    peers: [FABRIC.gw, name === "host1" ? FABRIC.host2 : FABRIC.host1].map((address) => ({
      address,
      asn: ASN,
      export: ACCEPT,
    })),
  },
  metadata: "127.0.0.1:8775",
});

/** For udhcpc, which leaves to a script what becomes of a lease. */
const TAKE_LEASE = `#!/bin/sh
[ "$1" = bound ] || exit 0
ip addr replace "$ip/$mask" dev eth0 && ip route replace default via "$router"
echo "$ip/$mask $router $mtu $dns"
`;

/** For dhclient, likewise. */
const TAKE_LEASE_V6 = `#!/bin/sh
[ "$reason" = BOUND6 ] || exit 0
ip addr replace "$new_ip6_address/128" dev eth0 && echo "told $new_ip6_address $new_dhcp6_name_servers"
`;

const FRR_CONFIGURATION = `
router bgp ${FRR_ASN}
 bgp router-id ${FABRIC.frr}
 no bgp ebgp-requires-policy
 neighbor ${FABRIC.gw} remote-as ${ASN}
 neighbor ${FABRIC.gw} timers 30 90
 neighbor ${FABRIC.gw} timers connect 1
exit
`;
