/** The forwarding plane of this machine, or none: what the reconciler programs, and what it hears from there. */

import { type Address, zoned } from "../bgp/net/address.ts";
import type { NextHopNeeds } from "../bgp/rib/next-hops.ts";
import type { Dataplane, Link, NextHopWay } from "../gateway/intent.ts";
import { startKernel } from "../kernel/client.ts";
import type { ConntrackUse, Warning } from "../kernel/commands.ts";
import type { SessionQuery, SessionsFound } from "../kernel/conntrack/session-commands.ts";
import type { Followed, PacketQuery } from "../kernel/nft/trace-commands.ts";
import type { KernelSettings, Model } from "../model/model.ts";
import { type Refused, refusedIn } from "../nat/limits.ts";
import type { Advertisement } from "../neutron/advertisements.ts";
import type { GrantKernel } from "./pcp/granting.ts";
import type { Log } from "./records/log.ts";
import type { NatLogSource } from "./records/nat-logs.ts";

export interface Forwarding {
  readonly type: KernelSettings["type"];
  readonly dataplane: Dataplane;
  /** Undefined where no connections are tracked. */
  conntrack(): Promise<ConntrackUse | undefined>;
  /** @throws Error where flows cannot be looked at */
  sessions(query: SessionQuery): Promise<SessionsFound>;
  /** The way of the next such packet; undefined when none came. @throws Error where none can be followed */
  follow(query: PacketQuery): Promise<Followed | undefined>;
  /** Rejects where there is no kernel to ask, and while netd is away. */
  readonly natLog: NatLogSource;
  /** Of these bodies of `ct helper` objects, those that there is no helper for. Rejects while netd is away. */
  lackedHelpers(bodies: readonly string[]): Promise<readonly string[]>;
  /** What mappings that hosts ask for are made of; undefined where nothing is translated. */
  readonly grants: GrantKernel | undefined;
  /** Packets that limits refused since the rules were written; undefined without NAT. */
  refused(): Promise<Refused | undefined>;
  state(): { readonly connected: boolean; readonly restarts: number };
  /** Looks for the routers at the other end of these interfaces, and lets them find us. */
  seek(interfaces: readonly string[]): void;
  /** Tells the instances behind these interfaces, and no others, of the router that this machine is to them. */
  advertise(advertisements: readonly Advertisement[]): void;
  /** Looks for the ways to these next hops, and to those no more. What is tracked is lost when {@link ForwardingListener.forgot}. */
  track(needs: NextHopNeeds): void;
  /** Tells once what there is, then every change. One listener. */
  attach(listener: ForwardingListener): void;
  /** What is programmed stays. */
  close(): Promise<void>;
}

interface ForwardingListener {
  links(links: readonly Link[]): void;
  /** A link-local address, with its zone. */
  neighbour(address: Address): void;
  /** How the kernel gets to next hops that are tracked. */
  ways(ways: readonly NextHopWay[]): void;
  /** All next hops are to be tracked anew. */
  forgot(): void;
  /** The kernel may not hold what it acknowledged any more. */
  doubt(): void;
}

/** @throws KernelError when this machine lacks what `kernel: { type: linux }` needs */
export function openForwarding(model: Model, log: Log): Promise<Forwarding> {
  return model.kernel.type === "linux" ? openLinux(model, log) : Promise.resolve(announceOnly());
}

async function openLinux({ role, kernel: settings }: Model, log: Log): Promise<Forwarding> {
  const { routeTable, protocol, anycastIdleMs } = settings;
  // On a host people read `ip route`; at the edge there may be a million routes on one next hop.
  const fastSwitch = role === "gateway";
  const kernel = await startKernel({ routeTable, protocol, anycastIdleMs, fastSwitch });
  const warn = ({ code, subject, message }: Warning): void =>
    log.warn({ event: "kernel.warning", code, subject }, message);
  let connected = true;
  let starts = 0;
  let sought: readonly string[] = [];
  const seek = (): void => {
    // Refused while netd is away; it is asked again when it is back.
    if (sought.length > 0 || starts > 0) void kernel.seek(sought).catch(() => undefined);
  };
  let advertised: readonly Advertisement[] = [];
  const advertise = (): void => void kernel.advertise(advertised).catch(() => undefined);
  return {
    type: "linux",
    dataplane: kernel,
    conntrack: () => kernel.conntrack(),
    sessions: (query) => kernel.sessions(query),
    follow: (query) => kernel.follow(query),
    natLog: kernel,
    lackedHelpers: (bodies) => kernel.lackedHelpers(bodies),
    grants: kernel,
    refused: async () => {
      const listed = await kernel.limited();
      return listed === undefined ? undefined : refusedIn(listed);
    },
    state: () => ({ connected, restarts: Math.max(0, starts - 1) }),
    seek: (interfaces) => {
      sought = interfaces;
      seek();
    },
    advertise: (advertisements) => {
      if (advertisements.length + advertised.length === 0) return;
      advertised = advertisements;
      advertise();
    },
    // Refused while netd is away; all are asked for anew when it is back.
    track: (needs) => void kernel.track(needs).catch(() => undefined),
    attach: (listener) => {
      kernel.onLinks((links) => listener.links(links));
      kernel.onNeighbour((found) => listener.neighbour(zoned(found.address, found.interface)));
      kernel.onWays((ways) => listener.ways(ways));
      kernel.onDown((reason) => {
        connected = false;
        log.error({ event: "kernel.down", reason }, "netd ended; it is started again");
      });
      kernel.onUp((warnings) => {
        connected = true;
        starts++;
        for (const warning of warnings) warn(warning);
        if (starts === 1) return;
        seek();
        advertise();
        listener.forgot();
        log.info({ event: "kernel.up", restarts: starts - 1 }, "netd is back; comparing with the kernel");
        listener.doubt();
      });
      kernel.onWarning(warn);
      kernel.onDrift((what) => {
        log.warn({ event: "kernel.drift", what }, "somebody else changed what is ours; comparing");
        listener.doubt();
      });
    },
    close: () => kernel.close(),
  };
}

/** `kernel: { type: none }`: everything is acknowledged and nothing is touched. */
function announceOnly(): Forwarding {
  const none: ReadonlyMap<string, string> = new Map();
  return {
    type: "none",
    dataplane: {
      read: () => Promise.resolve({ is: "listed", text: undefined }),
      putRoutes: () => Promise.resolve(none),
      redirect: () => Promise.resolve(new Map()),
      removeRoutes: () => Promise.resolve(none),
      applyNat: () => Promise.resolve(),
      forget: () => Promise.resolve(0),
      prepareTaps: () => Promise.resolve(none),
    },
    conntrack: () => Promise.resolve(undefined),
    sessions: () =>
      Promise.resolve({ tracked: 0, matching: 0, complete: true, sessions: [], top: [], used: [], busy: [] }),
    follow: () => Promise.resolve(undefined),
    natLog: {
      nextSessions: () => Promise.reject(new Error("kernel: { type: none } translates nothing")),
      endSessions: () => Promise.resolve(),
      listSet: () => Promise.resolve(undefined),
    },
    lackedHelpers: () => Promise.resolve([]),
    grants: undefined,
    refused: () => Promise.resolve(undefined),
    state: () => ({ connected: false, restarts: 0 }),
    seek: () => undefined,
    advertise: () => undefined,
    track: () => undefined,
    attach: (listener) => listener.links([]),
    close: () => Promise.resolve(),
  };
}
