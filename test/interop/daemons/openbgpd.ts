/** OpenBGPD, in its portable edition. */

import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { THEM, US } from "../namespaces.ts";
import type { Daemon, DaemonKind, DaemonSettings } from "./daemon.ts";
import { Program, said, saidOrNothing, Workplace } from "./program.ts";

const BGPD = "/usr/sbin/bgpd";
const BGPCTL = "/usr/sbin/bgpctl";
/** Where its processes that need no rights lock themselves in; the service would make it. */
const EMPTY = "/run/openbgpd";

interface Rib {
  readonly rib?: readonly { readonly prefix: string }[];
}

interface Neighbours {
  readonly neighbors?: readonly { readonly stats?: { readonly prefixes?: { readonly received: number } } }[];
}

export const openbgpd: DaemonKind = {
  name: "OpenBGPD",
  debian: "openbgpd",
  programs: [BGPD, BGPCTL],
  cannot: {
    "extended messages (RFC 8654)": "it does not know the capability",
    "IPv4 routes with IPv6 next hops (RFC 8950)": "it does not know the capability",
    "TCP-MD5, we connect (RFC 2385)": "on Linux, the socket that it listens on has no key",
    "graceful restart, we keep their routes (RFC 4724)":
      "it offers End-of-RIB alone, and keeps none of its own",
    "long-lived graceful restart, they keep our routes (RFC 9494)": "it has none",
    "long-lived graceful restart, we keep their routes (RFC 9494)": "it has none",
    "BFD (RFC 5880)": "it has none",
  },
  note: "on Linux, its next hop in the family that the session is not in is an address of the interface that comes first, lo: its addresses have to be there too",
  start: startOpenbgpd,
};

async function startOpenbgpd(settings: DaemonSettings): Promise<Daemon> {
  mkdirSync(EMPTY, { recursive: true });
  putAddressesFirst(settings.namespace);
  const place = new Workplace("openbgpd");
  const socket = place.at("sock");
  // It refuses a configuration that others may read.
  const write = (routes: readonly string[]): string =>
    place.write("bgpd.conf", configurationOf(settings, routes, socket), 0o600);
  const configuration = write(settings.routes);
  const program = new Program({
    namespace: settings.namespace,
    program: BGPD,
    words: ["-d", "-f", configuration],
    log: place.at("out"),
  });
  const us = US[settings.transport];
  const show = (...words: readonly string[]): Promise<string> =>
    saidOrNothing(BGPCTL, ["-s", socket, ...words]);
  return {
    prefixes: async () => {
      const { rib = [] }: Rib = JSON.parse(
        (await show("-j", "show", "rib", "selected", "neighbor", us)) || "{}",
      );
      return rib.map(({ prefix }) => prefix);
    },
    count: async () => {
      const answer = await show("-j", "show", "neighbor");
      if (answer === "") return undefined;
      const { neighbors }: Neighbours = JSON.parse(answer);
      return neighbors?.[0]?.stats?.prefixes?.received ?? 0;
    },
    details: (prefix) => show("show", "rib", "detail", prefix),
    announce: async (routes) => {
      write(routes);
      await said(BGPCTL, ["-s", socket, "reload"]);
    },
    askAgain: async () => {
      await said(BGPCTL, ["-s", socket, "neighbor", us, "refresh"]);
    },
    removals: () => undefined,
    // Its other processes end with the first.
    kill: () => program.kill(),
    restart: async () => program.again(),
    stop: async () => {
      await program.kill();
      place.remove();
    },
    log: () => place.read("out").slice(-2000),
  };
}

/**
 * The next hop of the family that a session is not in is an address of the interface that comes first (7.7 means the
 * interface of the session, and compares the wrong way round), which is lo, with 127.0.0.1 and ::1.
 */
function putAddressesFirst(namespace: string): void {
  const lines = [
    "addr flush dev lo",
    `addr add ${THEM.v4}/32 dev lo`,
    `addr add ${THEM.v6}/128 dev lo nodad`,
  ];
  execFileSync("ip", ["-n", namespace, "-batch", "-"], { input: `${lines.join("\n")}\n` });
}

function configurationOf(settings: DaemonSettings, routes: readonly string[], socket: string): string {
  const { asn, ourAsn, transport, passive, gracefulRestart, password, ttlSecurity } = settings;
  const { thirds = [], addPath } = settings;
  const others = thirds.map((third) => `neighbor ${third.address} {\n  remote-as ${third.asn}\n  passive\n}`);
  return `
AS ${asn}
router-id ${THEM.v4}
fib-update no
nexthop qualify via default
connect-retry 1
socket "${socket}"
listen on ${THEM.v4}
listen on ${THEM.v6}
${routes.map((route) => `network ${route} set nexthop ${route.includes(":") ? THEM.v6 : THEM.v4}`).join("\n")}
neighbor ${US[transport]} {
  remote-as ${ourAsn}
  local-address ${THEM[transport]}
  announce IPv4 unicast
  announce IPv6 unicast
  announce enhanced refresh yes
  announce restart ${gracefulRestart ? "yes" : "no"}
  ${addPath === true ? "announce add-path recv yes\n  announce add-path send all" : ""}
  holdtime 9
  ${passive ? "passive" : ""}
  ${password === undefined ? "" : `tcp md5sig password ${password}`}
  ${ttlSecurity === true ? "ttl-security yes" : ""}
}
${others.join("\n")}
allow from any
allow to any
`;
}
