/** What the HTTP API answers when it is asked to explain an address. As schema.ts. */

import type { EventAnswer } from "./event-schema.ts";
import type { NatBlockAnswer, NatMappingsAnswer, NatTraceAnswer } from "./nat-schema.ts";
import type { AnnouncementAnswer, RouteAnswer, RouteExport, StatusAnswer } from "./schema.ts";

/** One address, or one prefix: whose it is, what is done with its packets, and why. */
export interface ExplainAnswer {
  readonly asked: string;
  /** What that stands for; an address is its /32 or /128. */
  readonly prefix: string;
  /** What it is, in one sentence. */
  readonly summary: string;
  /** Everything that has it, the nearest first. */
  readonly owners: readonly ExplainedOwner[];
  readonly handling: {
    /** floating: translated one to one. routed: never translated. outbound: translated on its way out. none: not ours. */
    readonly kind: "floating" | "anycast" | "routed" | "pool" | "outbound" | "none";
    readonly text: string;
  };
  /** Prefixes with it that this machine announces of its own, or would if all conditions held, and the one that it passes on. */
  readonly announcements: readonly ExplainedAnnouncement[];
  /** What the kernel does with packets to it, by a route of ours or a network that a link is on; absent: neither. */
  readonly kernel?: {
    readonly prefix: string;
    /** ours: a route of this gateway. link: a network that an interface is on. */
    readonly origin: "ours" | "link";
    /** "10.0.0.2 dev eth0", "tap0"; of a route that throws packets away "blackhole" or "unreachable". */
    readonly via: readonly string[];
    /** False: it is wanted, and the kernel does not have it. */
    readonly installed: boolean;
  };
  /** What peers told, and what is our own, of the longest prefix that holds it; whom it is told stands above; absent: nothing. */
  readonly route?: RouteAnswer;
  readonly translation: {
    /** Packets to it and of it: from whom was asked for, else from somebody outside, and to somebody outside. */
    readonly traces: readonly NatTraceAnswer[];
    /** The port block of a private IPv4 address, or why there is none. */
    readonly block?: NatBlockAnswer;
    readonly mappings: NatMappingsAnswer["mappings"];
  };
  /** Those of the status that are about it. */
  readonly problems: StatusAnswer["problems"];
  /** The last ones that mention it, the oldest first. */
  readonly events: readonly EventAnswer[];
}

export interface ExplainedOwner {
  /** "floating IP", "port", "subnet", "network", "router", "pool", "anycast service", "private range", … */
  readonly what: string;
  /** In words: what it has to do with the address. */
  readonly text: string;
  /** file: gateway.yaml says it. api: an object made through the API. machine: an interface, or a peer of ours. */
  readonly origin: "file" | "api" | "machine";
  readonly name?: string;
  readonly id?: string;
  /** Of objects. */
  readonly project?: string;
  readonly status?: string;
  /** The host that a port is bound to. */
  readonly host?: string;
  readonly interface?: string;
}

export interface ExplainedAnnouncement {
  readonly prefix: string;
  readonly kind: string;
  /** learned: a peer told it, and this machine passes it on. */
  readonly origin: "own" | "learned";
  /** Own ones: it is originated. Learned ones: somebody is told it. */
  readonly announced: boolean;
  /** What has to hold, in the order in which it is looked at. */
  readonly conditions: readonly ExplainedCondition[];
  readonly peers: readonly (RouteExport & { readonly told: readonly AnnouncementAnswer[] })[];
}

export interface ExplainedCondition {
  readonly claim: string;
  readonly holds: boolean;
  /** What it is known by, or what is wrong. */
  readonly because: string;
}
