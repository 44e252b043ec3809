/** GoBGP. Its routes are no part of its configuration: they are loaded from an MRT file, or told by its CLI. */

import { encodeRecord } from "../../../src/bgp/mrt/encode.ts";
import { addressOctets, parseAddress, parsePrefix } from "../../../src/bgp/net/text.ts";
import { holdsWithin, THEM, US } from "../namespaces.ts";
import type { Daemon, DaemonKind, DaemonSettings } from "./daemon.ts";
import { Program, said, saidOrNothing, Workplace } from "./program.ts";

const GOBGPD = "/usr/bin/gobgpd";
const GOBGP = "/usr/bin/gobgp";
/** Routes sent beyond the last that matters. */
const SURPLUS = 4000;

export const gobgp: DaemonKind = {
  name: "GoBGP",
  debian: "gobgpd",
  programs: [GOBGPD, GOBGP],
  cannot: {
    "extended messages (RFC 8654)": "it does not know the capability",
    "route refresh (RFC 2918)": "it keeps all that it hears, and never asks",
    "enhanced route refresh (RFC 7313)": "it does not offer the capability",
    "BFD (RFC 5880)": "it has none",
  },
  note: "while it dials, ten seconds or more pass between two tries; with ADD-PATH, it does not always withdraw a path that has gone",
  start: startGobgp,
};

async function startGobgp(settings: DaemonSettings): Promise<Daemon> {
  const { namespace, transport } = settings;
  const place = new Workplace("gobgp");
  const configuration = place.write("gobgpd.toml", configurationOf(settings));
  const program = new Program({
    namespace,
    program: GOBGPD,
    words: ["-f", configuration, "--pprof-disable", "--api-hosts", "127.0.0.1:50051"],
    log: place.at("out"),
  });
  const us = US[transport];
  const cli = (words: readonly string[]): readonly string[] => ["netns", "exec", namespace, GOBGP, ...words];
  const tell = async (...words: readonly string[]): Promise<void> => {
    await said("ip", cli(words));
  };
  const show = (...words: readonly string[]): Promise<string> => saidOrNothing("ip", cli(words));
  const loaded = async (): Promise<number> => {
    const summaries = [
      await show("global", "rib", "summary"),
      await show("global", "rib", "summary", "-a", "ipv6"),
    ];
    return summaries.reduce((sum, text) => sum + Number(text.match(/Path: (\d+)/)?.[1] ?? 0), 0);
  };
  let announced = settings.routes;
  const fill = async (): Promise<void> => {
    await holdsWithin(10_000, async () => (await show("global")) !== "");
    // Its CLI ends before all that it has sent has arrived, and the last of it is lost: the routes come twice or more.
    const times = 1 + Math.ceil(SURPLUS / Math.max(announced.length, 1));
    const repeated = Array.from({ length: times }, () => announced).flat();
    place.write("routes.mrt", mrtOf(repeated, settings.extendedNextHop === true));
    const filled = await holdsWithin(30_000, async () => {
      await tell("mrt", "inject", "global", place.at("routes.mrt"));
      return holdsWithin(1000, async () => (await loaded()) === announced.length);
    });
    if (!filled) throw new Error(`GoBGP did not take its routes: ${place.read("out")}`);
    await tell("neighbor", us, "enable");
  };
  const change = async (how: "add" | "del", route: string): Promise<void> => {
    const v6 = route.includes(":");
    const nextHop = how === "add" ? ["nexthop", v6 ? THEM.v6 : THEM.v4] : [];
    await tell("global", "rib", how, route, ...nextHop, "-a", v6 ? "ipv6" : "ipv4");
  };
  const held = async (family: string): Promise<string[]> => {
    const rib = JSON.parse((await show("neighbor", us, "adj-in", "-a", family, "-j")) || "{}") ?? {};
    return Object.keys(rib);
  };
  await fill();
  return {
    forgetsToWithdraw: true,
    prefixes: async () => [...(await held("ipv4")), ...(await held("ipv6"))],
    count: async () => {
      const answer = await show("neighbor", us);
      return answer === "" ? undefined : Number(answer.match(/Accepted:\s+(\d+)/)?.[1] ?? 0);
    },
    details: (prefix) => show("global", "rib", prefix, "-a", prefix.includes(":") ? "ipv6" : "ipv4"),
    announce: async (routes) => {
      for (const route of announced) if (!routes.includes(route)) await change("del", route);
      for (const route of routes) if (!announced.includes(route)) await change("add", route);
      announced = routes;
    },
    removals: () => undefined,
    kill: () => program.kill(),
    restart: async () => {
      program.again("-r");
      await fill();
    },
    stop: async () => {
      await program.kill();
      place.remove();
    },
    log: () => place.read("out").slice(-2000),
  };
}

/**
 * A table dump. What is not an IPv4 route with an IPv4 next hop has its whole MP_REACH_NLRI, and not the part of it that
 * RFC 6396 §4.3.4 wants, since GoBGP reads nothing else.
 */
function mrtOf(routes: readonly string[], extendedNextHop: boolean): Uint8Array {
  const time = { seconds: 0, microseconds: undefined };
  const self = { routerId: 0, address: parseAddress(THEM.v4)!, asn: 0 };
  const records = routes.map((route, sequence): Uint8Array => {
    const prefix = parsePrefix(route)!;
    const octets = addressOctets(prefix).subarray(0, (prefix.length + 7) >> 3);
    const nextHop = (address: string): Uint8Array => addressOctets(parseAddress(address)!);
    const afi = prefix.family === 4 ? 1 : 2;
    const reach = [0, afi, 1, 16, ...nextHop(THEM.v6), 0, prefix.length, ...octets];
    const originAndPath = [0x40, 1, 1, 0, 0x40, 2, 0];
    const attributes = Uint8Array.from(
      prefix.family === 4 && !extendedNextHop
        ? [...originAndPath, 0x40, 3, 4, ...nextHop(THEM.v4)]
        : [...originAndPath, 0x80, 14, reach.length, ...reach],
    );
    const entries = [{ peer: 0, originatedSeconds: 0, pathId: 0, attributes }];
    return encodeRecord({ ...time, is: "rib", sequence, prefix, addPath: false, entries });
  });
  const index = encodeRecord({
    ...time,
    is: "peer-index-table",
    collectorId: 0,
    viewName: "",
    peers: [self],
  });
  return Buffer.concat([index, ...records]);
}

/** Its peer is kept down until the routes are there, so that End-of-RIB does not come before them. */
function configurationOf(settings: DaemonSettings): string {
  const { asn, ourAsn, transport, passive, gracefulRestart, password, ttlSecurity } = settings;
  const { longLived } = settings;
  const family = (name: string): string => `
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "${name}-unicast"
    [neighbors.afi-safis.mp-graceful-restart.config]
      enabled = ${gracefulRestart}
    [neighbors.afi-safis.long-lived-graceful-restart.config]
      enabled = ${longLived !== undefined}
      restart-time = ${longLived?.staleSeconds ?? 0}`;
  const { thirds = [], addPath = false } = settings;
  const others = thirds.map(
    (third) => `
[[neighbors]]
  [neighbors.config]
    neighbor-address = "${third.address}"
    peer-as = ${third.asn}
  [neighbors.transport.config]
    local-address = "${THEM.v4}"
    passive-mode = true
`,
  );
  const paths = `
  [neighbors.add-paths.config]
    receive = true
    send-max = 8`;
  return `
[global.config]
  as = ${asn}
  router-id = "${THEM.v4}"
  port = 179
  local-address-list = ["${THEM.v4}", "${THEM.v6}"]
[[neighbors]]
  [neighbors.config]
    neighbor-address = "${US[transport]}"
    peer-as = ${ourAsn}
    admin-down = true
    ${password === undefined ? "" : `auth-password = "${password}"`}
  [neighbors.transport.config]
    local-address = "${THEM[transport]}"
    passive-mode = ${passive}
  [neighbors.timers.config]
    hold-time = 9
    keepalive-interval = 3
    connect-retry = 10
    idle-hold-time-after-reset = 1
  [neighbors.graceful-restart.config]
    enabled = ${gracefulRestart}
    restart-time = ${longLived?.restartSeconds ?? 60}
    long-lived-enabled = ${longLived !== undefined}
    notification-enabled = ${gracefulRestart}
  ${ttlSecurity === true ? "[neighbors.ttl-security.config]\n    enabled = true\n    ttl-min = 255" : ""}
${addPath ? paths : ""}
${family("ipv4")}${family("ipv6")}
${others.join("")}
`;
}
