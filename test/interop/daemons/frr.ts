/**
 * FRR's bgpd, without zebra: it knows no address of the family that the session is not in, so that route maps say them,
 * and its bfdd, where asked for, runs beside it.
 */

import { THEM, US } from "../namespaces.ts";
import { type Bfdd, startBfdd } from "./bfdd.ts";
import { type Daemon, type DaemonKind, type DaemonSettings, ofFamily } from "./daemon.ts";
import { Program, said, saidOrNothing, Workplace } from "./program.ts";

export const BGPD = "/usr/lib/frr/bgpd";
export const VTYSH = "/usr/bin/vtysh";

/** A route as it shows it. */
interface FrrRoute {
  readonly aspath: { readonly string: string };
  readonly community?: { readonly string: string };
  readonly largeCommunity?: { readonly string: string };
  readonly metric?: number;
}

interface FrrAnswer {
  readonly routes?: Record<string, readonly FrrPath[]>;
  readonly paths?: readonly FrrRoute[];
}

interface FrrPath {
  readonly bestpath?: boolean;
  readonly peerId?: string;
}

/** By family, then by address. */
type Summary = Record<string, { readonly peers?: Record<string, { readonly pfxRcd?: number }> }>;

interface Frr extends Daemon {
  /** All that it says of its session with us, in its words. */
  session(): Promise<string>;
  route(prefix: string): Promise<FrrRoute | undefined>;
}

export const frr: DaemonKind<Frr> = {
  name: "FRR",
  debian: "frr",
  programs: [BGPD, VTYSH],
  cannot: {},
  note: "with `timers connect 1` and our side passive, it stops to dial once a dial was refused; let us dial too; with graceful restart and both sides dialling, it may take the second of two connections for another restart, and then drops what is stale: let one side alone dial",
  start: startFrr,
};

async function startFrr(settings: DaemonSettings): Promise<Frr> {
  const { namespace, asn } = settings;
  const place = new Workplace("frr");
  const configuration = place.write("bgpd.conf", configurationOf(settings, place));
  const files = ["-f", configuration, "-i", place.at("bgpd.pid"), "--vty_socket", place.path];
  const program = new Program({
    namespace,
    program: BGPD,
    words: ["-n", "-Z", "-S", ...files],
    log: place.at("out"),
  });
  const bfdd = startBfddFor(settings);
  const shell = ["--vty_socket", place.path, "-d", "bgpd"];
  const show = (question: string): Promise<string> => saidOrNothing(VTYSH, [...shell, "-c", question]);
  const ask = async (question: string): Promise<FrrAnswer> => JSON.parse((await show(question)) || "{}");
  const held = async (family: "ipv4" | "ipv6"): Promise<string[]> =>
    Object.entries((await ask(`show bgp ${family} unicast json`)).routes ?? {})
      .filter(([, paths]) => paths.some(({ bestpath, peerId }) => bestpath === true && peerId !== "(unspec)"))
      .map(([prefix]) => prefix);
  let announced = settings.routes;
  return {
    route: async (prefix) => (await ask(`show bgp ipv4 unicast ${prefix} json`)).paths?.[0],
    session: () => show(`show bgp neighbors ${US[settings.transport]} json`),
    prefixes: async () => [...(await held("ipv4")), ...(await held("ipv6"))],
    count: async () => {
      const answer = await show("show bgp summary json");
      if (answer === "") return undefined;
      const families: Summary = JSON.parse(answer);
      const peers = Object.values(families).map((family) => family.peers?.[US[settings.transport]]);
      return peers.reduce((sum, peer) => sum + (peer?.pfxRcd ?? 0), 0);
    },
    // Its text has what its JSON has not, but not all of a long attribute.
    details: async (prefix) => {
      const question = `show bgp ${prefix.includes(":") ? "ipv6" : "ipv4"} unicast ${prefix}`;
      return `${await show(question)}\n${await show(`${question} json`)}`;
    },
    announce: async (routes) => {
      const gone = announced.filter((route) => !routes.includes(route));
      const come = routes.filter((route) => !announced.includes(route));
      announced = routes;
      const lines = ([4, 6] as const).flatMap((family) => [
        ` address-family ipv${family} unicast`,
        ...ofFamily(gone, family).map((route) => `  no network ${route}`),
        ...ofFamily(come, family).map((route) => `  network ${route}`),
        " exit-address-family",
      ]);
      const change = place.write("change.conf", [`router bgp ${asn}`, ...lines, "exit", ""].join("\n"));
      await said(VTYSH, [...shell, "-f", change]);
    },
    askAgain: async () => {
      for (const family of ["ipv4", "ipv6"]) {
        await said(VTYSH, [...shell, "-c", `clear bgp ${family} unicast ${US[settings.transport]} in`]);
      }
    },
    removals: () => place.read("bgpd.log").match(/UPDATE about .* withdrawn/g)?.length ?? 0,
    kill: () => program.kill(),
    restart: async () => program.again(),
    stop: async () => {
      await Promise.all([program.kill(), bfdd?.stop()]);
      place.remove();
    },
    log: () => place.read("bgpd.log").slice(-2000),
  };
}

function startBfddFor({ namespace, transport, bfdMs }: DaemonSettings): Bfdd | undefined {
  return bfdMs === undefined ? undefined : startBfdd(namespace, THEM[transport], US[transport], bfdMs);
}

function configurationOf(settings: DaemonSettings, place: Workplace): string {
  const { asn, ourAsn, transport, passive, routes, gracefulRestart, password, ttlSecurity, routeMap } =
    settings;
  const us = US[transport];
  const { thirds = [], addPath, extendedNextHop, longLived, neighbour = [] } = settings;
  const others = thirds.map(
    (third) => `neighbor ${third.address} remote-as ${third.asn}
 neighbor ${third.address} passive
 address-family ipv4 unicast
  neighbor ${third.address} activate
 exit-address-family
`,
  );
  const family = (number: 4 | 6): string => ` address-family ipv${number} unicast
${ofFamily(routes, number)
  .map((route) => `  network ${route}`)
  .join("\n")}
  neighbor ${us} activate
  neighbor ${us} route-map ${number === 4 ? (routeMap?.name ?? "own-ipv4") : "own-ipv6"} out
  ${addPath === true ? `neighbor ${us} addpath-tx-all-paths` : ""}
 exit-address-family
`;
  return `
log file ${place.at("bgpd.log")} debugging
debug bgp updates in
${routeMap?.text ?? ""}
bgp as-path access-list own permit ^$
${thirds.map((third) => `bgp as-path access-list own permit ^${third.asn}$`).join("\n")}
route-map own-ipv4 permit 10
 match as-path own
 ${extendedNextHop === true ? "" : `set ip next-hop ${THEM.v4}`}
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
 ${gracefulRestart ? "bgp graceful-restart\n bgp graceful-restart preserve-fw-state" : ""}
 ${longLived === undefined ? "" : `bgp graceful-restart restart-time ${longLived.restartSeconds}`}
 ${longLived === undefined ? "" : `bgp long-lived-graceful-restart stale-time ${longLived.staleSeconds}`}
 neighbor ${us} remote-as ${ourAsn}
 neighbor ${us} timers 3 9
 neighbor ${us} timers connect 1
 neighbor ${us} advertisement-interval 0
 ${neighbour.map((line) => `neighbor ${us} ${line}`).join("\n ")}
 ${extendedNextHop === true ? `neighbor ${us} capability extended-nexthop` : ""}
 ${passive ? `neighbor ${us} passive` : ""}
 ${password === undefined ? "" : `neighbor ${us} password ${password}`}
 ${ttlSecurity === true ? `neighbor ${us} ttl-security hops 1` : ""}
${others.join("")}${family(4)}${family(6)}exit
`;
}
