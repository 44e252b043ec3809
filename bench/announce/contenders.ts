/** Those who are told of one more address: how they are set up, and how it is said. */

import { type ExecFileException, execFile, execFileSync } from "node:child_process";
import { openSync, writeFileSync, writeSync } from "node:fs";
import { join, resolve } from "node:path";
import { LocalStore } from "../../src/store/local/local.ts";
import { DAEMON_ADDRESS, DAEMON_ASN, HOLD_SECONDS, receiverOf } from "../blast.ts";
import { askFor, type FloatingIp } from "../service/ask.ts";
import { type Cloud, INSIDE, writeCloud } from "../service/cloud.ts";

const GATEWAYD = join(resolve(import.meta.dirname, "../../.."), "dist/src/daemon/gatewayd.js");
/** One after the other. */
export const MOST_ADDRESSES = 250;

export interface Contender {
  readonly name: string;
  readonly binary: string;
  /** Writes the configuration; returns the command line. */
  prepare(place: Place): Prepared | Promise<Prepared>;
  /** What is to be there before, once the daemon has its sessions. Nobody is told of an address by it. */
  ready?(place: Place, addresses: readonly string[]): Promise<void>;
  /** Says that there is one address more, the `count`th. `pid` is the daemon's. */
  announce(place: Place, addresses: readonly string[], pid: number): Promise<void> | void;
}

interface Prepared {
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface Place {
  readonly directory: string;
  readonly peers: number;
  /** Runs a program where the daemon is. */
  readonly inside: readonly string[];
}

const each = (peers: number, text: (peer: { address: string; asn: number }, i: number) => string): string =>
  Array.from({ length: peers }, (_, i) => text(receiverOf(i), i)).join("\n");

const file = ({ directory }: Place, name: string): string => join(directory, name);

/** Floating IPs in gateway.yaml, and a signal. They are announced when the kernel has what they need, and there is a way. */
const gatewaydFile: Contender = {
  name: "gatewayd, file",
  binary: process.execPath,
  prepare(place) {
    linkInside(place, "10.65.0.1/16");
    writeFileSync(file(place, "gateway.yaml"), gatewayYaml(place, { floatingIps: [] }));
    return { args: [GATEWAYD, "run", file(place, "gateway.yaml")] };
  },
  announce(place, addresses, pid) {
    const floatingIps = addresses.map((address, i) => ({ address, to: `10.65.1.${i}` }));
    writeFileSync(file(place, "gateway.yaml"), gatewayYaml(place, { floatingIps }));
    process.kill(pid, "SIGHUP");
  },
};

/** Floating IPs that are made before; each is then given to an instance by OpenStack's Networking API. */
const gatewaydApi: Contender = {
  name: "gatewayd, API",
  binary: process.execPath,
  async prepare(place) {
    linkInside(place, INSIDE.replace(".0/", ".1/"));
    const path = file(place, "store");
    const store = await LocalStore.open(path);
    clouds.set(place.directory, { ...(await writeCloud(store, 0, MOST_ADDRESSES)), made: [] });
    await store.close();
    const more = { role: "gateway", store: { type: "local", path } };
    writeFileSync(file(place, "gateway.yaml"), gatewayYaml(place, more));
    return { args: [GATEWAYD, "run", file(place, "gateway.yaml")] };
  },
  async ready(place, addresses) {
    const { outside, made } = clouds.get(place.directory)!;
    for (const address of addresses) {
      const wanted = { floating_network_id: outside, floating_ip_address: address };
      made.push(await askFor(file(place, "gatewayd.sock"), "POST", "floatingips", wanted));
    }
  },
  async announce(place, { length }) {
    const { bare, made } = clouds.get(place.directory)!;
    const wanted = { port_id: bare[length - 1]! };
    await askFor(file(place, "gatewayd.sock"), "PUT", `floatingips/${made[length - 1]!.id}`, wanted);
  },
};
const clouds: Map<string, Cloud & { readonly made: FloatingIp[] }> = new Map();

function linkInside({ inside }: Place, address: string): void {
  const [program, ...before] = [...inside, "ip"];
  for (const words of [
    "link add inside type veth peer name behind",
    "link set behind up",
    `address add ${address} dev inside`,
    "link set inside up",
  ])
    execFileSync(program!, [...before, ...words.split(" ")]);
}

const gatewayYaml = (place: Place, more: object): string =>
  JSON.stringify({
    hostname: "gateway-1",
    bgp: {
      asn: DAEMON_ASN,
      routerId: DAEMON_ADDRESS,
      listen: { addresses: [DAEMON_ADDRESS] },
      groups: {
        all: {
          passive: true,
          holdTime: `${HOLD_SECONDS}s`,
          import: [],
          export: [{ match: {}, then: "accept" }],
        },
      },
      peers: Array.from({ length: place.peers }, (_, i) => ({ ...receiverOf(i), group: "all" })),
    },
    api: { socket: file(place, "gatewayd.sock") },
    kernel: { type: "linux" },
    log: { level: "warn" },
    ...more,
  });

/** Static routes in a file of their own, and `birdc configure`. */
const bird: Contender = {
  name: "BIRD, reconfigure",
  binary: "/usr/sbin/bird",
  prepare(place) {
    writeFileSync(file(place, "routes.conf"), "");
    const sessions = each(
      place.peers,
      ({ address, asn }, i) => `protocol bgp p${i} {
  local ${DAEMON_ADDRESS} as ${DAEMON_ASN}; neighbor ${address} as ${asn}; passive on; hold time ${HOLD_SECONDS};
  ipv4 { import none; export all; next hop self; };
}`,
    );
    const text = `router id ${DAEMON_ADDRESS};
protocol device {}
protocol static own {
  ipv4;
  include "${file(place, "routes.conf")}";
}
${sessions}
`;
    writeFileSync(file(place, "bird.conf"), text);
    return { args: ["-f", "-c", file(place, "bird.conf"), "-s", file(place, "bird.ctl")] };
  },
  announce(place, addresses) {
    const routes = addresses.map((address) => `route ${address}/32 blackhole;\n`);
    writeFileSync(file(place, "routes.conf"), routes.join(""));
    return ran("birdc", ["-s", file(place, "bird.ctl"), "configure"]);
  },
};

const gobgp: Contender = {
  name: "GoBGP, CLI",
  binary: "/usr/bin/gobgpd",
  prepare(place) {
    const neighbours = each(
      place.peers,
      ({ address, asn }) => `[[neighbors]]
 [neighbors.config]
  neighbor-address = "${address}"
  peer-as = ${asn}
 [neighbors.transport.config]
  passive-mode = true
 [neighbors.timers.config]
  hold-time = ${HOLD_SECONDS}`,
    );
    const text = `[global.config]
 as = ${DAEMON_ASN}
 router-id = "${DAEMON_ADDRESS}"
 local-address-list = ["${DAEMON_ADDRESS}"]
${neighbours}
`;
    writeFileSync(file(place, "gobgp.toml"), text);
    return { args: ["-f", file(place, "gobgp.toml"), "--api-hosts", "127.0.0.1:50051", "--pprof-disable"] };
  },
  announce({ inside }, addresses) {
    const [program, ...words] = [...inside, "gobgp", "global", "rib", "add", `${addresses.at(-1)}/32`];
    return ran(program!, [...words, "-a", "ipv4"]);
  },
};

/** Lines into the pipe of a process that it reads. */
const exabgp: Contender = {
  name: "ExaBGP, API",
  binary: "/usr/sbin/exabgp",
  prepare(place) {
    const pipe = file(place, "announce.pipe");
    execFileSync("mkfifo", [pipe]);
    const neighbours = each(
      place.peers,
      ({ address, asn }) => `neighbor ${address} {
  router-id ${DAEMON_ADDRESS};
  local-address ${DAEMON_ADDRESS};
  local-as ${DAEMON_ASN};
  peer-as ${asn};
  hold-time ${HOLD_SECONDS};
  passive true;
  listen 179;
  family { ipv4 unicast; }
  api { processes [ announce ]; }
}`,
    );
    const text = `process announce { run /bin/cat ${pipe}; encoder text; }\n${neighbours}\n`;
    writeFileSync(file(place, "exabgp.conf"), text);
    const env = {
      "exabgp.daemon.user": "root",
      "exabgp.tcp.bind": DAEMON_ADDRESS,
      "exabgp.tcp.port": "179",
      "exabgp.api.ack": "false",
      "exabgp.api.cli": "false",
    };
    return { args: [file(place, "exabgp.conf")], env };
  },
  announce(place, addresses) {
    // Opening waits for cat, which is there by now, and closing would end it.
    const pipe = pipes.get(place.directory) ?? openSync(file(place, "announce.pipe"), "w");
    pipes.set(place.directory, pipe);
    writeSync(pipe, `announce route ${addresses.at(-1)}/32 next-hop self\n`);
  },
};
const pipes: Map<string, number> = new Map();

function ran(program: string, args: readonly string[]): Promise<void> {
  return new Promise((done, fail) => {
    execFile(program, args, (error: ExecFileException | null, _stdout, stderr) =>
      error === null ? done() : fail(new Error(stderr.trim() || error.message)),
    );
  });
}

export const CONTENDERS: readonly Contender[] = [gatewaydApi, gatewaydFile, exabgp, gobgp, bird];
