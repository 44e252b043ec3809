/**
 * gateway.yaml, section by section: the one source of what may stand in it, of the defaults, and of the JSON Schema
 * for editors. What comes out of a section is the model's own value. Rules that tie values to each other stand in
 * model/rules.ts.
 */

import { z } from "zod";
import type { Address } from "../bgp/net/address.ts";
import type { AddressLimits } from "../model/address-limits.ts";
import { ALGS } from "../model/alg.ts";
import type {
  AnycastService,
  FloatingIp,
  Forward,
  HealthCheck,
  KernelSettings,
  Model,
  Nat,
  NatTimeouts,
  Network,
  Pool,
  Port,
} from "../model/model.ts";
import type { PrefixPair } from "../model/prefix-pair.ts";
import { api } from "./api-schema.ts";
import { bgp } from "./bgp-schema.ts";
import { natLog } from "./nat-log-schema.ts";
import { pcp } from "./pcp-schema.ts";
import {
  absolutePath,
  address,
  choice,
  duration,
  endpoint,
  flag,
  hostname,
  integer,
  interfaceName,
  list,
  mapping,
  name,
  oneOrMany,
  POOL_ADDRESSES,
  poolItem,
  port,
  portOrRange,
  portRange,
  prefix,
  requestTarget,
} from "./scalars.ts";
import {
  type ApiSettings,
  type DhcpSettings,
  LOG_LEVELS,
  type LogSettings,
  type StoreSettings,
} from "./settings.ts";
import { store } from "./store-schema.ts";

/** What the sections give. Only the host name may be left to the caller. */
export type Sections = Omit<Model, "hostname"> & {
  readonly hostname: string | undefined;
  readonly api: ApiSettings;
  readonly log: LogSettings;
  /** Undefined: what is usual follows from `api`. */
  readonly store: StoreSettings | undefined;
  readonly dhcp: DhcpSettings;
};

const network: z.ZodType<Network> = mapping({
  name: name.meta({ description: "Shown in output and errors." }),
  cidr: prefix.meta({ description: "The network's addresses, all public." }),
  announce: choice(["aggregate", "hosts", "both"])
    .prefault("aggregate")
    .meta({ description: "What peers are told: the network, its hosts one by one, or both." }),
});

const pool: z.ZodType<Pool> = mapping({
  name: name.meta({ description: "Shown in output, errors and metrics." }),
  addresses: oneOrMany(poolItem, 1).meta({
    description: "IPv4 addresses that private sources are translated to.",
  }),
  private: oneOrMany(prefix, 0).prefault([]).meta({
    description: "The sources that it serves; by default, those of nat.private that no other pool names.",
  }),
  draining: flag
    .prefault(false)
    .meta({ description: "true: no new mappings; those that there are go on until they end." }),
  ports: portRange.prefault("1024-65535").meta({ description: "Source ports that a translation may use." }),
  // nftables cannot write an interval of one port; RFC 6888 REQ-15 wants some to choose from.
  blockSize: integer(0, 65535)
    .refine((ports) => ports === 0 || ports >= 16, { error: "0, or 16..65535" })
    .prefault(0)
    .meta({ description: "Ports set aside for each private address (RFC 7422); 0: all share." }),
  overflowBlocks: integer(0, 4000).prefault(0).meta({
    description: "Blocks of each pool address that are given to whoever has used up its own.",
  }),
  limits: mapping({
    sessionsPerAddress: integer(1, 1_000_000)
      .optional()
      .meta({ description: "Sessions that a private address may have at once." }),
    portsPerAddress: integer(1, 65_535)
      .optional()
      .meta({ description: "External ports of TCP and UDP that it may have at once." }),
    newSessionsPerSecond: integer(1, 1_000_000)
      .optional()
      .meta({ description: "Sessions that it may open a second." }),
  })
    .prefault({})
    .meta({ description: "What each private address may have at most; the same in all pools." }),
  mapping: choice(["endpointIndependent", "addressAndPortDependent"])
    .prefault("endpointIndependent")
    .meta({ description: "Whether a private endpoint has one external endpoint, whomever it speaks to." }),
  filtering: choice(["endpointIndependent", "addressDependent", "addressAndPortDependent"])
    .prefault("addressAndPortDependent")
    .meta({ description: "Who may send to an external endpoint." }),
}).transform((given, context) => {
  const count = given.addresses.reduce((sum, item) => sum + item.length, 0);
  if (count > POOL_ADDRESSES) {
    const message = `a pool has at most ${POOL_ADDRESSES} addresses, this one has ${count}`;
    const params = { sentence: true, hint: "make several pools of it" };
    context.addIssue({ code: "custom", path: ["addresses"], message, params, input: given });
  }
  const addresses: Address[] = count > POOL_ADDRESSES ? [] : given.addresses.flat();
  const { sessionsPerAddress, portsPerAddress, newSessionsPerSecond } = given.limits;
  const limits: AddressLimits = { sessionsPerAddress, portsPerAddress, newSessionsPerSecond };
  const { mapping: chosen, filtering } = given;
  if (chosen !== "endpointIndependent" && filtering !== "addressAndPortDependent") {
    const message = `with mapping ${chosen} an external endpoint belongs to one destination: filtering ${filtering} would let nobody else in`;
    const hint = "write `mapping: endpointIndependent`, or take `filtering` out";
    context.addIssue({
      code: "custom",
      path: ["filtering"],
      message,
      params: { sentence: true, hint },
      input: given,
    });
  }
  return { ...given, addresses, limits };
});

const timeouts: z.ZodType<NatTimeouts> = mapping({
  udp: duration("1s", "24h")
    .prefault("300s")
    .meta({ description: "Silence after which a UDP mapping ends." }),
  icmp: duration("1s", "24h").prefault("60s").meta({ description: "The same for a query of ICMP." }),
  tcpEstablished: duration("1s", "720h")
    .prefault("7440s")
    .meta({ description: "The same for a TCP connection." }),
  tcpTransitory: duration("1s", "24h")
    .prefault("240s")
    .meta({ description: "The same for a TCP connection that opens or closes, or was reset." }),
  tcpOpening: duration("1s", "24h")
    .optional()
    .meta({ description: "The same for one that opens; tcpTransitory unless given." }),
  tcpClosing: duration("1s", "24h")
    .optional()
    .meta({ description: "The same for one that closes, or was reset; tcpTransitory unless given." }),
}).transform(({ udp, icmp, tcpEstablished, tcpTransitory, tcpOpening, tcpClosing }) => ({
  udpMs: udp,
  icmpMs: icmp,
  tcpEstablishedMs: tcpEstablished,
  tcpOpeningMs: tcpOpening ?? tcpTransitory,
  tcpClosingMs: tcpClosing ?? tcpTransitory,
}));

const prefixPair: z.ZodType<PrefixPair> = mapping({
  internal: prefix.meta({ description: "The IPv6 prefix within." }),
  external: prefix.meta({ description: "What it is outside: as long, and public." }),
});

const nat: z.ZodType<Nat> = mapping({
  private: oneOrMany(prefix, 0).prefault([]).meta({ description: "Sources that are translated." }),
  except: oneOrMany(prefix, 0)
    .prefault([])
    .meta({ description: "Destinations that are never translated; own networks never are." }),
  pools: list(pool).prefault([]).meta({ description: "Addresses that private sources go out with." }),
  overflowAt: integer(10, 100).prefault(75).meta({
    description: "How full a port block is when another one is given, in per cent.",
  }),
  timeouts: timeouts.prefault({}).meta({ description: "How long a translated flow may be silent." }),
  blockHistory: absolutePath
    .prefault("/var/lib/gatewayd/blocks.jsonl")
    .meta({ description: "File that remembers which port blocks were in force when." }),
  log: natLog.prefault({}).meta({ description: "Who is told what becomes of translations." }),
  alg: list(choice(ALGS))
    .prefault([])
    .transform((given) => ALGS.filter((alg) => given.includes(alg)))
    .meta({ description: "Application protocols whose payload is translated too; none unless named here." }),
  prefixes: list(prefixPair)
    .prefault([])
    .meta({ description: "IPv6 prefixes that are others outside, host for host (NPTv6)." }),
  pcp: pcp.prefault({}).meta({ description: "Mappings that private hosts ask for (PCP, NAT-PMP)." }),
});

const forward: z.ZodType<Forward> = mapping({
  protocol: choice(["tcp", "udp"]).meta({ description: "Of what is forwarded." }),
  port: portOrRange.meta({ description: "Ports of the floating IP." }),
  to: address.meta({ description: "The fixed address that they lead to." }),
  toPort: portOrRange
    .optional()
    .meta({ description: "Its ports: as many, or one for all. Default: the same." }),
}).transform(({ protocol, port, to, toPort }) => ({ protocol, ports: port, to, toPorts: toPort ?? port }));

const floatingIp: z.ZodType<FloatingIp> = mapping({
  address: address.meta({ description: "The public address." }),
  to: address.optional().meta({ description: "The fixed address that all of it leads to." }),
  egress: choice(["fixed", "floating"])
    .prefault("floating")
    .meta({ description: "The source of new flows that the fixed address opens." }),
  stateless: flag.prefault(false).meta({
    description: "true: each packet by itself, without conntrack, so that any gateway can serve it.",
  }),
  forwards: list(forward)
    .prefault([])
    .meta({ description: "In place of `to`: single ports of it, and where each leads." }),
}).transform((given) => ({ ...given, to: given.to }));

const health: z.ZodType<HealthCheck> = mapping({
  type: choice(["tcp", "http"]).meta({
    description: "tcp: a connection is enough. http: an answer 2xx or 3xx.",
  }),
  port: port.meta({ description: "TCP port of the member." }),
  path: requestTarget.optional().meta({ default: "/", description: "http only: what is asked for." }),
  interval: duration("100ms", "1h").prefault("1s").meta({ description: "Time between two checks." }),
  timeout: duration("10ms", "1h")
    .prefault("500ms")
    .meta({ description: "An answer later than this is a failure." }),
  fall: integer(1, 100).prefault(3).meta({ description: "Failures in a row that take a member out." }),
  rise: integer(1, 100).prefault(2).meta({ description: "Successes in a row that bring a member back." }),
}).transform((given, context) => {
  if (given.type === "tcp" && given.path !== undefined) {
    const params = { sentence: true, hint: "write `type: http`, or take the path out" };
    const message = "a tcp check asks for no path";
    context.addIssue({ code: "custom", path: ["path"], message, params, input: given.path });
  }
  const { interval, timeout, path, ...rest } = given;
  return { ...rest, path: path ?? "/", intervalMs: interval, timeoutMs: timeout };
});

const anycastService: z.ZodType<AnycastService> = mapping({
  name: name.meta({ description: "Shown in output, errors and metrics." }),
  address: address.meta({ description: "The address that all members serve." }),
  members: list(address).prefault([]).meta({ description: "The members' own addresses." }),
  health: health
    .optional()
    .meta({ description: "Members on this host are announced only while this succeeds." }),
  whenAllFail: choice(["withdraw", "keep"])
    .prefault("withdraw")
    .meta({ description: "When no member is well: withdraw the address, or announce it on and alarm." }),
}).transform((given) => ({ ...given, health: given.health }));

const hostPort: z.ZodType<Port> = mapping({
  interface: interfaceName.meta({ description: "The interface on this host." }),
  addresses: list(address)
    .min(1, { error: "at least one address" })
    .meta({ description: "The addresses behind it." }),
});

const MAIN_TABLE = 254;
const TABLES = "main, or a table number 1..4294967295 other than 255";

const routeTable = z.union(
  [
    z.literal("main").transform(() => MAIN_TABLE),
    // 0 means unspecified and 255 is the kernel's own table of local addresses (linux/rtnetlink.h).
    integer(1, 4294967295).refine((table) => table !== 255, { error: TABLES }),
  ],
  { error: TABLES },
);

const kernel: z.ZodType<KernelSettings> = mapping({
  type: choice(["linux", "none"])
    .prefault("linux")
    .meta({ description: "none: announce only, and touch neither routes nor nftables." }),
  routeTable: routeTable
    .prefault("main")
    .meta({ description: "The routing table that our routes stand in." }),
  // 0 to 4 are the kernel's own (linux/rtnetlink.h).
  protocol: integer(5, 255)
    .prefault(86)
    .meta({ description: "rtnetlink protocol number that marks our routes; nobody else's here." }),
  anycastIdle: duration("1s", "24h")
    .prefault("60s")
    .meta({ description: "Silence after which an anycast flow may move to a member that came back." }),
}).transform(({ anycastIdle, ...given }) => ({ ...given, anycastIdleMs: anycastIdle }));

const log: z.ZodType<LogSettings> = mapping({
  level: choice(LOG_LEVELS).prefault("info").meta({ description: "The least level that is written." }),
  format: choice(["json", "text"]).prefault("json").meta({ description: "One JSON object a line, or text." }),
});

const dhcp: z.ZodType<DhcpSettings> = mapping({
  type: choice(["dnsmasq", "none"])
    .prefault("dnsmasq")
    .meta({ description: "Who tells instances their addresses; none: nobody of ours." }),
  directory: absolutePath
    .prefault("/run/gatewayd/dhcp")
    .meta({ description: "Where the files of dnsmasq are written." }),
});

export const sections: { readonly [K in keyof Sections]: z.ZodType<Sections[K]> } = {
  role: choice(["gateway", "compute"])
    .prefault("gateway")
    .meta({ description: "gateway: at the edge, translates. compute: on a host whose ports it announces." }),
  hostname: hostname.optional().meta({ description: "Default: the machine's." }),
  bgp: bgp.meta({ description: "The BGP speaker and its peers." }),
  networks: list(network).prefault([]).meta({ description: "Public networks: routed, never translated." }),
  nat: nat.prefault({}).meta({ description: "Outbound NAT for private addresses." }),
  floatingIps: list(floatingIp)
    .prefault([])
    .meta({ description: "Public addresses that can move between private ones." }),
  anycast: list(anycastService)
    .prefault([])
    .meta({ description: "One address, many machines; the fabric spreads the load." }),
  ports: list(hostPort).prefault([]).meta({ description: "What runs on this host." }),
  metadata: endpoint
    .optional()
    .meta({ description: "Where 169.254.169.254:80 goes for the ports of this host. Role compute only." }),
  api: api.prefault({}).meta({ description: "Where the HTTP API listens." }),
  store: store.optional().meta({
    default: { type: "local" },
    description: "Where the objects live that are made through the API.",
  }),
  dhcp: dhcp.prefault({}).meta({ description: "DHCP for the instances of this host." }),
  kernel: kernel.prefault({}).meta({ description: "How routes and translations reach the kernel." }),
  log: log.prefault({}).meta({ description: "The daemon's log." }),
};

/** The whole file. */
export const gatewayFile: z.ZodType<Sections> = mapping(sections);
