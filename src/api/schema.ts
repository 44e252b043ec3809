/** What the HTTP API answers, version 1. Addresses and prefixes are text; times are ISO 8601; durations are seconds. */

export interface ErrorAnswer {
  readonly error: { readonly code: string; readonly message: string; readonly hint?: string };
}

/** What /healthz and /readyz answer; /readyz does so with status 503 while `ready` is false. */
export interface ReadyAnswer {
  readonly ready: boolean;
  /** What is still missing, in words. Empty when ready. */
  readonly reasons: readonly string[];
}

export interface StatusAnswer {
  readonly version: string;
  readonly role: "gateway" | "compute";
  readonly hostname: string;
  readonly asn: number;
  readonly routerId: string;
  readonly uptimeSeconds: number;
  /** starting: not all is programmed yet. degraded: see problems. */
  readonly state: "starting" | "ready" | "degraded";
  readonly config: {
    readonly file: string;
    readonly loadedAt: string;
    /** True when the file on disk was refused at the last reload; `error` says why. */
    readonly stale: boolean;
    readonly error?: string;
  };
  readonly kernel: {
    readonly type: "linux" | "none";
    readonly connected: boolean;
    readonly restarts: number;
    readonly routes: number;
    readonly driftRepairs: number;
  };
  /** Absent: there are no instances here that are told their addresses. */
  readonly dhcp?: { readonly running: boolean; readonly addresses: number; readonly restarts: number };
  /** `configured` by address; those established may come from a range, too. */
  readonly peers: { readonly configured: number; readonly established: number };
  readonly problems: readonly { readonly code: string; readonly subject: string; readonly message: string }[];
}

export interface PeerAnswer {
  /** A link-local one with its interface: fe80::1%eth0; ::%eth0 as long as nobody knows who is behind it. */
  readonly address: string;
  /** Of a peer by interface: its name, which stands for the address in queries too. */
  readonly interface?: string;
  /** Absent: any but our own, and there is no session. */
  readonly asn?: number;
  /** Any AS but our own may be there (`asn: external`). */
  readonly anyAsn?: true;
  /** Our own as the peer knows it. */
  readonly localAsn: number;
  /** What we are to the peer (RFC 9234); absent: that is not configured. */
  readonly role?: string;
  /** What the peer says that it is to us; absent: it says nothing, or there is no session. */
  readonly remoteRole?: string;
  readonly description?: string;
  readonly group?: string;
  /** From a range rather than configured by address. */
  readonly dynamic: boolean;
  /** TCP-MD5 (RFC 2385) and GTSM (RFC 5082) are asked for. */
  readonly md5: boolean;
  readonly ttlSecurity: boolean;
  readonly state: "idle" | "connect" | "active" | "open-sent" | "open-confirm" | "established";
  /** Seconds in this state. */
  readonly sinceSeconds: number;
  /** Our address on the connection that there is, and who opened it. */
  readonly localAddress?: string;
  readonly openedBy?: "gateway" | "peer";
  /** Why no session is wanted; absent: one is. */
  readonly halt?: {
    /** shutdown: an operator said so. max-prefixes: the peer told too much. */
    readonly reason: "shutdown" | "max-prefixes";
    /** What the operator of the other side is told. */
    readonly text?: string;
    /** Absent: it lasts until somebody ends it. */
    readonly restartsInSeconds?: number;
  };
  readonly routerId?: string;
  readonly holdSeconds?: number;
  /** Seconds that each timer that runs has left: connect-retry, hold, keepalive, idle-hold, send-hold, settle. */
  readonly timers: Readonly<Record<string, number>>;
  /** What both sides said in their OPENs, in words; absent where one did not say it. */
  readonly capabilities?: readonly {
    readonly name: string;
    readonly local?: string;
    readonly remote?: string;
  }[];
  readonly families: readonly string[];
  /** As configured; absent: there is none. */
  readonly limits: {
    readonly maxAsPathLength?: number;
    readonly maxCommunities?: number;
  };
  /** Families whose prefixes come with several paths on this session (RFC 7911), each way. */
  readonly addPath: { readonly send: readonly string[]; readonly receive: readonly string[] };
  /** What leads over it is a last resort: it is about to end (RFC 8326). */
  readonly drains: boolean;
  readonly gracefulRestart: {
    readonly negotiated: boolean;
    /** By family ("ipv4"): seconds that stale paths may be kept behind the restart time (RFC 9494). */
    readonly longLived: Readonly<Record<string, number>>;
    readonly stalePaths: number;
    /** Families with stale paths. */
    readonly stale: readonly {
      readonly family: string;
      /** long-lived: a last resort behind the restart time. refreshing: the peer tells all of it again. */
      readonly phase: "restarting" | "long-lived" | "refreshing";
      readonly paths: number;
      /** Seconds that they have been stale, and may be yet in this phase. */
      readonly sinceSeconds: number;
      readonly leftSeconds: number;
    }[];
  };
  /** Absent: the peer is not watched by BFD. */
  readonly bfd?: {
    readonly state: "admin-down" | "down" | "init" | "up";
    /** What the peer says of its own. */
    readonly remoteState: "admin-down" | "down" | "init" | "up";
    readonly intervalSeconds: number;
    readonly multiplier: number;
    /** Why it went down the last time. */
    readonly diagnostic?: string;
    /** Why it cannot run on this machine. */
    readonly problem?: string;
  };
  /** Where a prefix has several paths, paths. refused: not kept, because 256 of the same prefix were there. */
  readonly prefixes: {
    readonly received: number;
    readonly accepted: number;
    readonly advertised: number;
    readonly refused: number;
  };
  /** What it may tell at most, and from when on there is a warning; absent: any number. */
  readonly maxPrefixes?: { readonly limit: number; readonly warnAt: number };
  readonly messages: {
    readonly received: Readonly<Record<string, number>>;
    readonly sent: Readonly<Record<string, number>>;
  };
  /** By what the error cost (RFC 7606 §2): attribute-discard, treat-as-withdraw, session-reset. */
  readonly updateErrors: Readonly<Record<string, number>>;
  /** Times that a route was not told to it because its attributes do not fit into a message (RFC 8654). */
  readonly unsendable: number;
  readonly flaps: number;
  readonly lastError?: { readonly at: string; readonly text: string };
  readonly lastNotificationSent?: { readonly at: string; readonly text: string };
  readonly lastNotificationReceived?: { readonly at: string; readonly text: string };
}

/** A message of a peer that was wrong. */
export interface PeerErrorAnswer {
  readonly at: string;
  /** OPEN, UPDATE, NOTIFICATION, KEEPALIVE, ROUTE-REFRESH, or "no BGP message". */
  readonly message: string;
  /** The strongest of `faults`: attribute-discard, treat-as-withdraw or session-reset. */
  readonly reaction: string;
  readonly faults: readonly {
    readonly reaction: string;
    readonly text: string;
    /** What calls it an error: "RFC 7606 section 7.2". */
    readonly rfc: string;
    /** Code of the path attribute, where it was one. */
    readonly attribute?: number;
  }[];
  /** The message as it came, header included, in hexadecimal; of one whose header is wrong, those 19 octets. */
  readonly octets: string;
}

/** Who is told what peers say: a monitoring station (BMP, RFC 7854), or files (MRT, RFC 6396). */
export interface MonitorAnswer {
  readonly kind: "bmp" | "mrt";
  /** "192.0.2.9:11019", or the path of the present file. */
  readonly target: string;
  /** up: connected, or the last write succeeded. */
  readonly state: "up" | "down";
  /** Of the present connection, or since the start. */
  readonly messages: number;
  /** Octets not read, or not written, yet. */
  readonly waitingOctets: number;
  /** Messages that never got there, since they came faster than the disk took them. */
  readonly lost: number;
  readonly lastError?: string;
}

export interface RouteAnswer {
  readonly prefix: string;
  readonly kind: string;
  /** local: our own. installed: in the kernel. */
  readonly local: boolean;
  readonly installed: boolean;
  readonly paths: readonly RoutePath[];
  /** Only when one prefix was asked for: why each peer is told it, or is not. */
  readonly exports?: readonly RouteExport[];
}

export interface RouteExport {
  readonly peer: string;
  readonly sent: boolean;
  readonly reason: string;
  /** The export rule that decided, such as "export[0]"; none when a built-in reason did. */
  readonly rule?: string;
}

export interface RoutePath {
  readonly peer: string;
  /** As the peer numbers it; only with ADD-PATH (RFC 7911). */
  readonly pathId?: number;
  readonly nextHop: string;
  readonly asPath: string;
  readonly origin: string;
  readonly localPref: number;
  readonly med?: number;
  readonly communities: readonly string[];
  readonly largeCommunities: readonly string[];
  readonly extendedCommunities?: readonly string[];
  /** OTC (RFC 9234): the AS that told it to its customers. */
  readonly onlyToCustomer?: number;
  /** best, multipath, or why it is neither. */
  readonly status: string;
  /** What the kernel asks for the way to the next hop; absent where it is not asked, or there is none. */
  readonly igpMetric?: number;
  /** Why the next hop cannot be reached. */
  readonly reason?: string;
  /** The import rule that decided; none for what is our own. */
  readonly rule?: string;
  /** Of its origin; absent for what is our own, and without RPKI caches. */
  readonly rpki?: ValidityAnswer;
  readonly stale: boolean;
}

/** Origin validation (RFC 6811). */
export type ValidityAnswer = "valid" | "invalid" | "not-found";

export interface RpkiAnswer {
  readonly caches: readonly RpkiCacheAnswer[];
  /** VRPs that count: those of the caches that are believed. */
  readonly vrps: { readonly ipv4: number; readonly ipv6: number };
}

export interface RpkiCacheAnswer {
  readonly address: string;
  readonly port: number;
  /** Of the caches that have data, those with the lowest are believed. */
  readonly preference: number;
  readonly state: "waiting" | "connecting" | "querying" | "receiving" | "ready";
  readonly believed: boolean;
  /** Of RTR; absent while it has not answered on this connection. */
  readonly version?: number;
  /** Absent while all is to be asked for. */
  readonly sessionId?: number;
  readonly serial?: number;
  readonly vrps: { readonly ipv4: number; readonly ipv6: number };
  /** Until its data are too old to count; absent while there are none. */
  readonly expiresSeconds?: number;
  readonly lastError?: { readonly at: string; readonly text: string };
}

/** What is known of who may originate a prefix. */
export interface RpkiPrefixAnswer {
  readonly prefix: string;
  /** Of the AS number that was asked for; else of each that originates a path which we know. */
  readonly origins: readonly { readonly asn: number; readonly validity: ValidityAnswer }[];
  /** The VRPs that count and cover it, the longest first. */
  readonly vrps: readonly { readonly prefix: string; readonly maxLength: number; readonly asn: number }[];
}

/** One prefix, or one path of it, as one peer was told it: the Adj-RIB-Out. */
export interface AnnouncementAnswer {
  readonly prefix: string;
  /** As we number it for this peer; only with ADD-PATH (RFC 7911). */
  readonly pathId?: number;
  readonly kind: string;
  readonly peer: string;
  readonly nextHop: string;
  readonly asPath: string;
  readonly origin: string;
  /** To iBGP peers only. */
  readonly localPref?: number;
  readonly med?: number;
  readonly communities: readonly string[];
  readonly largeCommunities: readonly string[];
  readonly extendedCommunities?: readonly string[];
  /** OTC (RFC 9234): the AS that told it to its customers. */
  readonly onlyToCustomer?: number;
  /** The export rule that lets it out; none when it no longer does, and the withdrawal is on its way. */
  readonly rule?: string;
}

/** One path as one peer told it: the Adj-RIB-In. Attributes are those received. */
export interface ReceivedAnswer {
  readonly prefix: string;
  /** As the peer numbers it; only with ADD-PATH (RFC 7911). */
  readonly pathId?: number;
  /** What the import rules take it for; "other" where they reject it. */
  readonly kind: string;
  readonly peer: string;
  readonly accepted: boolean;
  /** The import rule that decided. */
  readonly rule: string;
  /** Of its origin; absent without RPKI caches. */
  readonly rpki?: ValidityAnswer;
  /** What import policy made of it: attributes by name, only those that differ. */
  readonly changes: Readonly<Record<string, string>>;
  readonly nextHop: string;
  readonly asPath: string;
  readonly origin: string;
  readonly localPref?: number;
  readonly med?: number;
  readonly communities: readonly string[];
  readonly largeCommunities: readonly string[];
  readonly extendedCommunities?: readonly string[];
  /** OTC (RFC 9234): the AS that told it to its customers. */
  readonly onlyToCustomer?: number;
  readonly stale: boolean;
}

export interface FloatingIpAnswer {
  readonly address: string;
  /** The address that all of it leads to, the source of new flows of that, and whether without conntrack. */
  readonly to?: string;
  readonly egress?: "fixed" | "floating";
  readonly stateless?: true;
  /** Where single ports lead; absent with `to`. A port is "443" or "8000-8010". */
  readonly forwards?: readonly {
    readonly protocol: "tcp" | "udp";
    readonly port: string;
    readonly to: string;
    readonly toPort: string;
  }[];
  /** here: translated by this machine. elsewhere: the port is not here. */
  readonly place: "here" | "elsewhere";
  /** ACTIVE, DOWN (no way to the fixed IP) or ERROR (the kernel refused). */
  readonly status: "ACTIVE" | "DOWN" | "ERROR";
  readonly announced: boolean;
  readonly reason?: string;
}

export interface NatAnswer {
  readonly private: readonly string[];
  /** Of IPv6, within and outside (NPTv6); absent: none. */
  readonly prefixes?: readonly { readonly internal: string; readonly external: string }[];
  readonly exempt: readonly string[];
  readonly untracked: readonly string[];
  readonly pools: readonly {
    readonly name: string;
    /** One entry per address, ranges spelt out. */
    readonly addresses: readonly string[];
    /** The sources that it serves; absent: those of `private` that no other pool names. */
    readonly private?: readonly string[];
    readonly ports: string;
    readonly mapping: "endpointIndependent" | "addressAndPortDependent";
    readonly filtering: "endpointIndependent" | "addressDependent" | "addressAndPortDependent";
    /** Ports of each private address; 0: all share. */
    readonly blockSize: number;
  }[];
  /** Floating IPs that are translated here, as a whole or port by port. */
  readonly floating: number;
  /** How long a translated flow may be silent, in seconds. */
  readonly timeouts: Readonly<Record<"udp" | "icmp" | `tcp${"Established" | "Opening" | "Closing"}`, number>>;
  /** True when the kernel holds this table. */
  readonly programmed: boolean;
  readonly conntrack?: {
    readonly entries: number;
    readonly limit: number;
    /** Since the machine started: flows for which no port was free, or that clashed; those for which no entry was. */
    readonly insertFailed: number;
    readonly dropped: number;
  };
  /** Of each private address; absent: any number. */
  readonly limits: Partial<Record<"sessionsPerAddress" | "portsPerAddress" | "newSessionsPerSecond", number>>;
  /** Packets that each of them refused since the rules were written; absent where it cannot be read. */
  readonly refused?: { readonly sessions: number; readonly rate: number; readonly ports: number };
}

export interface AnycastAnswer {
  readonly name: string;
  /** Who says so: gateway.yaml, this API, or ports that share an address (`allowed_address_pairs`). */
  readonly origin: "file" | "api" | "ports";
  readonly address: string;
  readonly announced: boolean;
  /** Members on this machine are checked here; of the others we know only what peers announce. */
  readonly members: readonly {
    readonly address: string;
    readonly place: "here" | "elsewhere";
    readonly health: "up" | "down" | "unknown" | "unchecked";
    readonly lastError?: string;
  }[];
  /** Next hops that carry the address now. */
  readonly paths: readonly string[];
}

/** 202: the end has begun. */
export interface StopAnswer {
  readonly stopping: true;
  /** The process has ended when there is none with this id any more. */
  readonly pid: number;
}
