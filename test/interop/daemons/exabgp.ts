/**
 * ExaBGP. It keeps no table: what it hears goes as JSON to a process of its configuration, which writes it to a file,
 * and what that process says are commands.
 */

import { appendFileSync } from "node:fs";
import { THEM, US } from "../namespaces.ts";
import type { Daemon, DaemonKind, DaemonSettings } from "./daemon.ts";
import { Program, Workplace } from "./program.ts";

const EXABGP = "/usr/sbin/exabgp";

export const exabgp: DaemonKind = {
  name: "ExaBGP",
  debian: "exabgp",
  programs: [EXABGP],
  cannot: {
    "GTSM, we connect (RFC 5082)": "over IPv6, it sets no TTL on connections that it accepts",
    "graceful restart, they keep our routes (RFC 4724)": "it has no table that could keep them",
    "we stop for a restart (RFC 8538)": "it has no table that could keep our routes",
    "long-lived graceful restart, they keep our routes (RFC 9494)": "it has none",
    "long-lived graceful restart, we keep their routes (RFC 9494)": "it has none",
    "BFD (RFC 5880)": "it has none",
  },
  note: "it keeps no table: what it has is what it reports to a process of its configuration",
  start: startExabgp,
};

/** A line of what it hears, as far as it is looked at. */
interface Heard {
  readonly type: string;
  readonly neighbor?: {
    readonly state?: string;
    readonly message?: { readonly update?: HeardUpdate };
  };
}

interface HeardUpdate {
  readonly attribute?: object;
  /** By family, then by next hop. */
  readonly announce?: Record<string, Record<string, readonly HeardPrefix[]>>;
  readonly withdraw?: Record<string, readonly HeardPrefix[]>;
}

interface HeardPrefix {
  readonly nlri: string;
  /** RFC 7911. */
  readonly "path-information"?: string;
}

/** The table that it does not keep. */
class Table {
  /** By prefix, then by path identifier, what was said of a path. */
  readonly routes: Map<string, Map<string, string>> = new Map();
  removals = 0;
  #read = 0;

  /** `text`: all that it ever said. */
  follow(text: string): void {
    const whole = text.lastIndexOf("\n") + 1;
    for (const line of text.slice(this.#read, whole).split("\n")) {
      if (line.startsWith("{")) this.#hear(JSON.parse(line) as Heard);
    }
    this.#read = whole;
  }

  #hear({ type, neighbor }: Heard): void {
    if (type === "state" && neighbor?.state === "down") this.routes.clear();
    const { attribute, announce = {}, withdraw = {} } = neighbor?.message?.update ?? {};
    for (const byNextHop of Object.values(announce)) {
      for (const [nextHop, prefixes] of Object.entries(byNextHop)) {
        for (const prefix of prefixes) this.#add(prefix, JSON.stringify({ nextHop, attribute }));
      }
    }
    for (const prefix of Object.values(withdraw).flat()) this.#remove(prefix);
  }

  #add({ nlri, "path-information": id = "" }: HeardPrefix, said: string): void {
    const paths = this.routes.get(nlri) ?? new Map<string, string>();
    this.routes.set(nlri, paths.set(id, said));
  }

  #remove({ nlri, "path-information": id = "" }: HeardPrefix): void {
    const paths = this.routes.get(nlri);
    if (paths?.delete(id) !== true) return;
    this.removals++;
    if (paths.size === 0) this.routes.delete(nlri);
  }
}

async function startExabgp(settings: DaemonSettings): Promise<Daemon> {
  const place = new Workplace("exabgp");
  place.write("commands", "");
  place.write(
    "process",
    `tail --pid=$$ -n +1 -f ${place.at("commands")} &\nexec cat >> ${place.at("heard")}\n`,
  );
  const configuration = place.write("exabgp.conf", configurationOf(settings, settings.routes, place));
  const program = new Program({
    namespace: settings.namespace,
    program: EXABGP,
    words: [configuration],
    environment: {
      "exabgp.daemon.drop": "false",
      "exabgp.tcp.bind": THEM[settings.transport],
      "exabgp.api.cli": "false",
      "exabgp.api.ack": "false",
    },
    log: place.at("out"),
  });
  const table = new Table();
  const heard = (): Table => {
    table.follow(place.read("heard"));
    return table;
  };
  return {
    forgetsToWithdraw: true,
    prefixes: async () => [...heard().routes.keys()],
    count: async () => heard().routes.size,
    details: async (prefix) => [...(heard().routes.get(prefix)?.values() ?? [])].join("\n"),
    announce: async (routes) => {
      place.write("exabgp.conf", configurationOf(settings, routes, place));
      program.signal("SIGUSR1");
    },
    askAgain: async () => {
      const families = ["ipv4", "ipv6"].map((family) => `announce route-refresh ${family} unicast\n`);
      appendFileSync(place.at("commands"), families.join(""));
    },
    removals: () => heard().removals,
    kill: () => program.kill(),
    restart: async () => program.again(),
    stop: async () => {
      await program.kill();
      place.remove();
    },
    log: () => place.read("out").slice(-5000),
  };
}

function configurationOf(settings: DaemonSettings, routes: readonly string[], place: Workplace): string {
  const { asn, ourAsn, transport, passive, gracefulRestart, password, ttlSecurity } = settings;
  const { thirds = [], addPath, extendedNextHop } = settings;
  const nextHop = (route: string): string =>
    route.includes(":") || extendedNextHop === true ? THEM.v6 : THEM.v4;
  // It hears nobody but us, so that it tells by itself what others would have told it.
  const heard = thirds.flatMap(({ asn: origin, toThem }, i) =>
    toThem.map(
      (route) => `${route} next-hop ${THEM.v4} as-path [ ${asn} ${origin} ] path-information ${i + 1}`,
    ),
  );
  const own = routes.map((route) => `${route} next-hop ${nextHop(route)}`);
  return `
process hear {
  run /bin/sh ${place.at("process")};
  encoder json;
}
neighbor ${US[transport]} {
  router-id ${THEM.v4};
  local-address ${THEM[transport]};
  local-as ${asn};
  peer-as ${ourAsn};
  hold-time 9;
  ${passive ? "passive true;" : "passive false;"}
  ${password === undefined ? "" : `md5-password "${password}";\n  listen 179;`}
  ${ttlSecurity === true ? "outgoing-ttl 255;\n  incoming-ttl 255;" : ""}
  capability {
    route-refresh enable;
    extended-message enable;
    ${gracefulRestart ? "graceful-restart 60;" : ""}
    ${addPath === true ? "add-path send/receive;" : ""}
    ${extendedNextHop === true ? "nexthop enable;" : ""}
  }
  family {
    ipv4 unicast;
    ipv6 unicast;
  }
  ${addPath === true ? "add-path { ipv4 unicast; }" : ""}
  ${extendedNextHop === true ? "nexthop { ipv4 unicast ipv6; }" : ""}
  api {
    processes [ hear ];
    receive { parsed; update; }
    neighbor-changes;
  }
  static {
${[...own, ...heard].map((route) => `    route ${route};`).join("\n")}
  }
}
`;
}
