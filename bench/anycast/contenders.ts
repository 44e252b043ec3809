/** The gateways that spread packets over the members' hosts, and what runs on those, each as its manual has it. */

import { chmodSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { DAEMON_ASN, HOLD_SECONDS } from "../blast.ts";

/** Of the service. */
export const ADDRESS = "20.0.0.1";
/** BFD of all of them. */
export const BFD_MS = 50;
export const BFD_MISSED = 3;
/** Health checks of a host that is ours. */
export const CHECK_MS = 100;
export const CHECK_FALL = 2;

export const gatewayAddressOf = (member: number): string => `10.70.${member}.1`;
export const hostAddressOf = (member: number): string => `10.70.${member}.2`;
/** Behind a host that is ours. */
export const memberAddressOf = (member: number): string => `10.71.${member}.2`;

/** What runs in one namespace. */
interface Program {
  readonly command: readonly string[];
  /** Of BIRD, to tell it something. */
  readonly control?: string;
}

/** What all of one place have. */
export interface Setting {
  readonly directory: string;
  readonly members: number;
  /** Hosts and gateway watch each other. */
  readonly bfd: boolean;
}

export interface Contender {
  readonly name: string;
  /** Writes the configuration. */
  prepare(setting: Setting): Program;
}

const GATEWAYD = join(resolve(import.meta.dirname, "../../.."), "dist/src/daemon/gatewayd.js");
const BIRD = "/usr/sbin/bird";
const ofMany = <T>(count: number, of: (i: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => of(i));

const ours: Contender = {
  name: "gatewayd",
  prepare: ({ directory, members, bfd }) =>
    gatewayd(directory, "gateway", {
      role: "gateway",
      bgp: {
        ...own("10.9.0.1"),
        multipath: 16,
        peers: ofMany(members, (i) => ({ ...neighbour(hostAddressOf(i), bfd), export: [] })),
      },
      anycast: [{ name: "service", address: ADDRESS, members: ofMany(members, memberAddressOf) }],
    }),
};

const bird: Contender = {
  name: "BIRD",
  prepare({ directory, members, bfd }) {
    const sessions = ofMany(members, (i) =>
      session(`m${i}`, gatewayAddressOf(i), hostAddressOf(i), bfd, "none"),
    );
    return birdOf(
      directory,
      "gateway",
      "10.9.0.1",
      `protocol kernel { merge paths on limit 16; ipv4 { import none; export all; }; }\n${sessions.join("")}`,
    );
  },
};

export const CONTENDERS: readonly Contender[] = [ours, bird];

/** A host that has the address itself, and says so by BIRD. */
export function birdHost({ directory, bfd }: Setting, member: number): Program {
  const text = `protocol static service { ipv4; route ${ADDRESS}/32 blackhole; }
${session("edge", hostAddressOf(member), gatewayAddressOf(member), bfd, "all")}`;
  return birdOf(directory, `host${member}`, hostAddressOf(member), text);
}

/** A host of ours, with the member behind it, whose health it checks. */
export function checkingHost({ directory, bfd }: Setting, member: number): Program {
  const health = {
    type: "tcp",
    port: 9000,
    interval: `${CHECK_MS}ms`,
    timeout: `${CHECK_MS / 2}ms`,
    fall: CHECK_FALL,
    rise: 1,
  };
  return gatewayd(directory, `host${member}`, {
    role: "compute",
    bgp: {
      ...own(hostAddressOf(member)),
      peers: [{ ...neighbour(gatewayAddressOf(member), bfd), export: all }],
    },
    ports: [{ interface: "tap0", addresses: [memberAddressOf(member)] }],
    anycast: [{ name: "service", address: ADDRESS, members: [memberAddressOf(member)], health }],
  });
}

const all = [{ match: {}, then: "accept" }];
const own = (routerId: string): object => ({ asn: DAEMON_ASN, routerId });
const neighbour = (address: string, bfd: boolean): object => ({
  address,
  asn: DAEMON_ASN,
  holdTime: `${HOLD_SECONDS}s`,
  bfd: bfd && { interval: `${BFD_MS}ms`, multiplier: BFD_MISSED },
  import: all,
});

function gatewayd(directory: string, name: string, config: object): Program {
  const socket = join(directory, `${name}.sock`);
  const rest = { hostname: name, api: { socket }, kernel: { type: "linux" }, log: { level: "warn" } };
  const file = written(directory, `${name}.yaml`, JSON.stringify({ ...config, ...rest }));
  return { command: [process.execPath, GATEWAYD, "run", file] };
}

function birdOf(directory: string, name: string, routerId: string, protocols: string): Program {
  const timing = `min rx interval ${BFD_MS} ms; min tx interval ${BFD_MS} ms; idle tx interval ${BFD_MS} ms`;
  const text = `router id ${routerId};
protocol device {}
protocol bfd { interface "*" { ${timing}; multiplier ${BFD_MISSED}; }; }
${protocols}`;
  const file = written(directory, `${name}.conf`, text);
  const control = join(directory, `${name}.ctl`);
  return { command: [BIRD, "-f", "-c", file, "-s", control], control };
}

function session(name: string, local: string, remote: string, bfd: boolean, told: string): string {
  const watched = bfd ? "bfd on; " : "";
  return `protocol bgp ${name} {
  local ${local} as ${DAEMON_ASN}; neighbor ${remote} as ${DAEMON_ASN}; direct; hold time ${HOLD_SECONDS};
  ${watched}connect delay time 1; connect retry time 1;
  ipv4 { import all; export ${told}; next hop self; };
}
`;
}

function written(directory: string, name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  chmodSync(path, 0o600);
  return path;
}
