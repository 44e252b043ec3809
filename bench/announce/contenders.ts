/** Those who are told of one more address: how they are set up, and how it is said. */

import { type ExecFileException, execFile, execFileSync } from "node:child_process";
import { openSync, writeFileSync, writeSync } from "node:fs";
import { join, resolve } from "node:path";
import { DAEMON_ADDRESS, DAEMON_ASN, HOLD_SECONDS, receiverOf } from "../blast.ts";

const ROOT = resolve(import.meta.dirname, "../../..");

export interface Contender {
  readonly name: string;
  readonly binary: string;
  /** Writes the configuration; returns the command line. */
  prepare(place: Place): {
    readonly args: readonly string[];
    readonly env?: Readonly<Record<string, string>>;
  };
  /** Says that there is one address more, the `count`th. `pid` is the daemon's. */
  announce(place: Place, addresses: readonly string[], pid: number): Promise<void> | void;
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
    const ip = (words: string): void =>
      void execFileSync(place.inside[0]!, [...place.inside.slice(1), "ip", ...words.split(" ")]);
    ip("link add inside type veth peer name behind");
    ip("link set behind up");
    ip("address add 10.65.0.1/16 dev inside");
    ip("link set inside up");
    writeFileSync(file(place, "gateway.yaml"), gatewayYaml(place, []));
    return { args: [join(ROOT, "dist/src/daemon/gatewayd.js"), "run", file(place, "gateway.yaml")] };
  },
  announce(place, addresses, pid) {
    writeFileSync(file(place, "gateway.yaml"), gatewayYaml(place, addresses));
    process.kill(pid, "SIGHUP");
  },
};

const gatewayYaml = (place: Place, addresses: readonly string[]): string =>
  JSON.stringify({
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
    floatingIps: addresses.map((address, i) => ({ address, to: `10.65.1.${i}` })),
    api: { socket: file(place, "gatewayd.sock") },
    kernel: { type: "linux" },
    log: { level: "warn" },
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

export const CONTENDERS: readonly Contender[] = [gatewaydFile, exabgp, gobgp, bird];
