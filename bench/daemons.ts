/** The daemons under test: a configuration for so many senders and receivers each, with a policy both ways. */

import { chmodSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { DAEMON_ADDRESS, DAEMON_ASN, HOLD_SECONDS, receiverOf, senderOf } from "./blast.ts";
import type { LibrarySettings } from "./library.ts";

interface Place {
  /** Where it may write. */
  readonly directory: string;
  readonly senders: number;
  readonly receivers: number;
}

export interface Contender {
  readonly name: string;
  readonly binary: string;
  readonly version: readonly string[];
  /** Writes the configuration; returns the command line. */
  prepare(place: Place): readonly string[];
  /** Says something of itself on SIGTERM: {@link LibraryFigures}. */
  readonly reports?: true;
}

const ROOT = resolve(import.meta.dirname, "../..");

interface Neighbour {
  readonly address: string;
  readonly asn: number;
}

const neighboursOf = ({ senders, receivers }: Place): Neighbour[] => [
  ...Array.from({ length: senders }, (_, i) => senderOf(i)),
  ...Array.from({ length: receivers }, (_, i) => receiverOf(i)),
];

function written(place: Place, name: string, text: string): string {
  const path = join(place.directory, name);
  writeFileSync(path, text);
  chmodSync(path, 0o600);
  return path;
}

/** gatewayd itself, announcing only; all senders and receivers share two policies. */
const ours: Contender = {
  name: "gatewayd",
  binary: join(ROOT, "dist/src/daemon/gatewayd.js"),
  version: ["--version"],
  prepare: (place) => {
    const rules = (name: string): object[] => [
      { match: { within: ["10.9.0.0/24"] }, then: "reject" },
      { match: {}, then: "accept", set: { communities: [`65000:${name}`] } },
    ];
    const config = {
      bgp: {
        asn: DAEMON_ASN,
        routerId: DAEMON_ADDRESS,
        listen: { addresses: [DAEMON_ADDRESS] },
        policies: { in: rules("1"), out: rules("2") },
        groups: { all: { passive: true, holdTime: `${HOLD_SECONDS}s`, import: "in", export: "out" } },
        peers: neighboursOf(place).map((neighbour) => ({ ...neighbour, group: "all" })),
      },
      api: { socket: join(place.directory, "gatewayd.sock") },
      kernel: { type: "none" },
      log: { level: "warn" },
    };
    const file = written(place, "gateway.yaml", JSON.stringify(config));
    return ["run", file];
  },
};

/** What gatewayd speaks BGP with, and nothing beside it. */
const library: Contender = {
  name: "library",
  binary: process.execPath,
  version: ["-p", `require(${JSON.stringify(join(ROOT, "src/bgp/package.json"))}).version`],
  prepare: (place) => {
    const settings: LibrarySettings = {
      asn: DAEMON_ASN,
      address: DAEMON_ADDRESS,
      holdSeconds: HOLD_SECONDS,
      peers: neighboursOf(place),
    };
    return [join(import.meta.dirname, "library.js"), JSON.stringify(settings)];
  },
  reports: true,
};

const bird: Contender = {
  name: "BIRD",
  binary: "/usr/sbin/bird",
  version: ["--version"],
  prepare: (place) => {
    const sessions = neighboursOf(place).map(
      ({ address, asn }, i) => `protocol bgp p${i} {
  local ${DAEMON_ADDRESS} as ${DAEMON_ASN}; neighbor ${address} as ${asn}; passive on; hold time ${HOLD_SECONDS};
  ipv4 { import filter inward; export filter outward; next hop self; };
  ipv6 { import filter inward; export filter outward; next hop self; };
}`,
    );
    const own = `if net.type = NET_IP4 then { if net ~ [ 10.9.0.0/24+ ] then reject; }`;
    const text = `router id ${DAEMON_ADDRESS};
protocol device {}
filter inward { ${own} bgp_community.add((65000,1)); accept; }
filter outward { ${own} bgp_community.add((65000,2)); accept; }
${sessions.join("\n")}
`;
    const file = written(place, "bird.conf", text);
    return ["-f", "-c", file, "-s", join(place.directory, "bird.ctl")];
  },
};

const frr: Contender = {
  name: "FRR",
  binary: "/usr/lib/frr/bgpd",
  version: ["--version"],
  prepare: (place) => {
    const neighbours = neighboursOf(place);
    const family = (name: string): string[] => [
      ` address-family ${name} unicast`,
      ...neighbours.flatMap(({ address }) => [
        `  neighbor ${address} activate`,
        `  neighbor ${address} next-hop-self`,
        `  neighbor ${address} route-map inward in`,
        `  neighbor ${address} route-map outward out`,
      ]),
      " exit-address-family",
    ];
    const lines = [
      "ip prefix-list own permit 10.9.0.0/24 le 32",
      ...["inward", "outward"].flatMap((name, i) => [
        `route-map ${name} deny 5`,
        " match ip address prefix-list own",
        `route-map ${name} permit 10`,
        ` set community 65000:${i + 1} additive`,
        "exit",
      ]),
      `router bgp ${DAEMON_ASN}`,
      ` bgp router-id ${DAEMON_ADDRESS}`,
      " no bgp default ipv4-unicast",
      " no bgp network import-check",
      ...neighbours.flatMap(({ address, asn }) => [
        ` neighbor ${address} remote-as ${asn}`,
        ` neighbor ${address} passive`,
        ` neighbor ${address} timers ${HOLD_SECONDS / 3} ${HOLD_SECONDS}`,
        ` neighbor ${address} advertisement-interval 0`,
      ]),
      ...family("ipv4"),
      ...family("ipv6"),
    ];
    const file = written(place, "frr.conf", `${lines.join("\n")}\n`);
    // bgpd gives up root before it reads.
    chmodSync(place.directory, 0o755);
    chmodSync(file, 0o644);
    const { directory } = place;
    return ["-n", "-Z", "-S", "-f", file, "-i", join(directory, "frr.pid"), "--vty_socket", directory];
  },
};

const openbgpd: Contender = {
  name: "OpenBGPD",
  binary: "/usr/sbin/bgpd",
  version: ["-V"],
  prepare: (place) => {
    const neighbours = neighboursOf(place).map(
      ({ address, asn }) =>
        `neighbor ${address} {\n remote-as ${asn}\n passive\n holdtime ${HOLD_SECONDS}\n set nexthop self\n announce IPv4 unicast\n announce IPv6 unicast\n}`,
    );
    const text = `AS ${DAEMON_ASN}
router-id ${DAEMON_ADDRESS}
fib-update no
listen on ${DAEMON_ADDRESS}
socket "${join(place.directory, "bgpd.sock")}"
${neighbours.join("\n")}
allow from any set community 65000:1
allow to any set community 65000:2
deny from any prefix 10.9.0.0/24 prefixlen >= 24
`;
    return ["-d", "-f", written(place, "openbgpd.conf", text)];
  },
};

const gobgp: Contender = {
  name: "GoBGP",
  binary: "/usr/bin/gobgpd",
  version: ["--version"],
  prepare: (place) => {
    const neighbours = neighboursOf(place).map(
      ({ address, asn }) => `[[neighbors]]
 [neighbors.config]
  neighbor-address = "${address}"
  peer-as = ${asn}
 [neighbors.transport.config]
  passive-mode = true
 [neighbors.timers.config]
  hold-time = ${HOLD_SECONDS}
 [[neighbors.afi-safis]]
  [neighbors.afi-safis.config]
   afi-safi-name = "ipv4-unicast"
 [[neighbors.afi-safis]]
  [neighbors.afi-safis.config]
   afi-safi-name = "ipv6-unicast"`,
    );
    const text = `[global.config]
 as = ${DAEMON_ASN}
 router-id = "${DAEMON_ADDRESS}"
 local-address-list = ["${DAEMON_ADDRESS}"]
${neighbours.join("\n")}
`;
    return ["-f", written(place, "gobgp.toml", text), "--api-hosts", "127.0.0.1:50099", "--pprof-disable"];
  },
};

export const CONTENDERS: readonly Contender[] = [ours, library, bird, frr, openbgpd, gobgp];
