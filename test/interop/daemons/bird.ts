/** BIRD 2. */

import { THEM, US } from "../namespaces.ts";
import { type Daemon, type DaemonKind, type DaemonSettings, ofFamily } from "./daemon.ts";
import { Program, said, saidOrNothing, Workplace } from "./program.ts";

export const BIRD = "/usr/sbin/bird";
export const BIRDC = "/usr/sbin/birdc";

interface Bird extends Daemon {
  /** Tells us everything again, between a begin and an end (RFC 7313). */
  tellAgain(): Promise<void>;
  /** All that it says of its session with us, in its words. */
  session(): Promise<string>;
}

export const bird: DaemonKind<Bird> = {
  name: "BIRD",
  debian: "bird2",
  programs: [BIRD, BIRDC],
  cannot: {},
  start: startBird,
};

async function startBird(settings: DaemonSettings): Promise<Bird> {
  const place = new Workplace("bird");
  const socket = place.at("bird.ctl");
  const configuration = place.write("bird.conf", configurationOf(settings, settings.routes, place));
  const program = new Program({
    namespace: settings.namespace,
    program: BIRD,
    words: ["-f", "-c", configuration, "-s", socket, "-P", place.at("bird.pid")],
    log: place.at("out"),
  });
  const tell = async (...words: readonly string[]): Promise<void> => {
    await said(BIRDC, ["-s", socket, ...words]);
  };
  const show = (question: string): Promise<string> => saidOrNothing(BIRDC, ["-s", socket, "-r", question]);
  return {
    prefixes: async () =>
      [...(await show("show route protocol ours")).matchAll(/^([0-9a-f.:]+\/\d+)/gm)].map(
        ([, prefix]) => prefix!,
      ),
    count: async () => {
      const answer = await show("show route count protocol ours");
      if (answer === "") return undefined;
      return [...answer.matchAll(/^(\d+) of \d+ routes/gm)].reduce(
        (sum, [, count]) => sum + Number(count),
        0,
      );
    },
    details: (prefix) => show(`show route all for ${prefix}`),
    announce: async (routes) => {
      place.write("bird.conf", configurationOf(settings, routes, place));
      await tell("configure");
    },
    askAgain: () => tell("reload", "in", "ours"),
    tellAgain: () => tell("reload", "out", "ours"),
    session: () => show("show protocols all ours"),
    removals: () => place.read("bird.log").match(/ours\.ipv[46] > removed/g)?.length ?? 0,
    kill: () => program.kill(),
    restart: async () => program.again("-R"),
    stop: async () => {
      await program.kill();
      place.remove();
    },
    log: () => place.read("bird.log").slice(-2000),
  };
}

function configurationOf(settings: DaemonSettings, routes: readonly string[], place: Workplace): string {
  const { asn, ourAsn, transport, passive, gracefulRestart, password, ttlSecurity, bfdMs } = settings;
  const bfd = `protocol bfd watch {
  interface "veth0" { interval ${bfdMs} ms; idle tx interval 1 s; multiplier 3; };
  neighbor ${US[transport]} dev "veth0";
}`;
  const { thirds = [], addPath, extendedNextHop, longLived, neighbour = [], filter = "" } = settings;
  const others = thirds.map(
    (third, i) => `protocol bgp third${i} {
  local ${THEM.v4} as ${asn};
  neighbor ${third.address} as ${third.asn};
  passive on;
  ipv4 { import all; export none; };
}
`,
  );
  const paths = addPath === true ? "add paths on;" : "";
  const passed = `export filter { if source != RTS_STATIC && proto !~ "third*" then reject; ${filter} accept; };`;
  const channel = `{ import all; ${passed} next hop self; ${paths} }`;
  const statics = (family: 4 | 6): string => {
    const lines = ofFamily(routes, family).map((route) => `  route ${route} blackhole;`);
    return `protocol static own${family} {\n  ipv${family};\n${lines.join("\n")}\n}\n`;
  };
  return `
log "${place.at("bird.log")}" all;
router id ${THEM.v4};
protocol device {}
${statics(4)}${statics(6)}${others.join("")}${bfdMs === undefined ? "" : bfd}
protocol bgp ours {
  local ${THEM[transport]} as ${asn};
  neighbor ${US[transport]} as ${ourAsn};
  debug { states, routes, events };
  ${passive ? "passive on;" : ""}
  ${neighbour.map((line) => `${line};`).join("\n  ")}
  ${password === undefined ? "" : `password "${password}";`}
  ${ttlSecurity === true ? "ttl security on;" : ""}
  hold time 9;
  connect delay time 1;
  connect retry time 2;
  error wait time 1, 2;
  enable extended messages on;
  graceful restart ${gracefulRestart ? "on" : "off"};
  ${longLived === undefined ? "" : `graceful restart time ${longLived.restartSeconds};`}
  ${longLived === undefined ? "" : `long lived graceful restart on; long lived stale time ${longLived.staleSeconds};`}
  ipv4 ${extendedNextHop === true ? channel.replace("{", "{ extended next hop on;") : channel};
  ipv6 ${channel};
}
`;
}
