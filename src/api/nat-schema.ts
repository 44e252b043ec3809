/** What the HTTP API answers about translations: whose a port is, and the sessions that there are. As schema.ts. */

/** Whose a port is, or was, or which block a private address has, or had. */
export interface NatBlockAnswer {
  /** What was asked for: "198.51.100.10:3127", or "10.65.0.13". */
  readonly asked: string;
  /** The time that it is about. */
  readonly at: string;
  /** The private address; absent: nobody, or it is not known. */
  readonly private?: string;
  /** Absent where there is none. */
  readonly block?: { readonly address: string; readonly ports: string };
  /** Blocks that a private address has, or had, besides that one; absent: none. */
  readonly overflow?: readonly {
    readonly address: string;
    readonly ports: string;
    readonly since: string;
    readonly until?: string;
  }[];
  /** What the answer follows from, or why there is none. */
  readonly why: string;
  /** When it began to be so; absent for what is no block. */
  readonly since?: string;
  /** When it ended; absent: it lasts. */
  readonly until?: string;
  /** Who had the port until `since`: a flow that was there then may have been his for as long as it lasted. */
  readonly before?: { readonly private: string; readonly until: string };
}

export interface NatSessionsAnswer {
  /** Flows that the kernel tracks, translated or not; where a filter names an address, those of its family. */
  readonly tracked: number;
  /** Sessions that are translated and that the filters let through; of these at most `limit` are listed. */
  readonly matching: number;
  /** False: there were more flows than could be looked at in time. */
  readonly complete: boolean;
  readonly sessions: readonly NatSession[];
}

export interface NatSession {
  /** tcp, udp, icmp, icmpv6, or the number of another protocol. */
  readonly protocol: string;
  /** out: the private side opened it. */
  readonly direction: "out" | "in";
  /** "10.65.0.13:41000"; an ICMP identifier stands as a port, and protocols without ports have 0. */
  readonly private: string;
  readonly public: string;
  readonly remote: string;
  /** Until it is forgotten, were it silent. */
  readonly leftSeconds: number;
}

export interface NatTopAnswer {
  readonly tracked: number;
  readonly matching: number;
  readonly complete: boolean;
  /** Private addresses, whoever has most sessions first. */
  readonly top: readonly { readonly private: string; readonly sessions: number }[];
}

/** What one address of a pool has in use. */
export interface NatPoolAnswer {
  readonly pool: string;
  readonly address: string;
  /** draining: it gets no new mapping. drained: and no session is left, so that it is not announced any more. */
  readonly state: "active" | "draining" | "drained";
  readonly sessions: number;
  /** Private addresses with sessions. */
  readonly users: number;
  /** Ports that a translation may use, and those in use by protocol; absent where they were not counted. */
  readonly ports: number;
  readonly mapping: "endpointIndependent" | "addressAndPortDependent";
  readonly filtering: "endpointIndependent" | "addressDependent" | "addressAndPortDependent";
  readonly used?: { readonly icmp: number; readonly tcp: number; readonly udp: number };
  /** Port blocks of it, and those that a private address has; absent where ports are shared. */
  readonly blocks?: { readonly total: number; readonly given: number };
  /** Those of them that are given when somebody asks for one, and that are; absent where there are none. */
  readonly overflow?: { readonly spare: number; readonly given: number };
}

/** Mappings that private hosts asked for (PCP, NAT-PMP). */
export interface NatMappingsAnswer {
  /** Addresses where they ask; one that this machine does not have is a problem of the status. */
  readonly listen: readonly string[];
  /** For so long none was lost, which hosts are told too; absent while it is not known. */
  readonly epochSeconds?: number;
  /** By private endpoint. */
  readonly mappings: readonly {
    readonly protocol: "tcp" | "udp";
    readonly private: string;
    readonly public: string;
    /** Until it ends, were it not asked for again. */
    readonly leftSeconds: number;
  }[];
}

/** What becomes of a packet by our own rules. */
export interface NatTraceAnswer {
  /** "tcp 10.65.0.13:41000 > 192.0.2.80:443" */
  readonly asked: string;
  /** translated, untranslated, untracked (conntrack does not see it), dropped. */
  readonly verdict: string;
  /** What decided. */
  readonly why: string;
  /** What the destination becomes; absent: it stays. */
  readonly destination?: NatSide;
  /** What the source becomes; absent: it stays. */
  readonly source?: NatSide;
  /** The pool that it leaves by. */
  readonly pool?: string;
  /** Our rules that decide something, in order, as nft lists them. */
  readonly steps: readonly { readonly chain: string; readonly rule: string; readonly says: string }[];
  /** False: the kernel does not hold these rules. */
  readonly programmed: boolean;
  /** What a real packet did; absent where that was not asked for. */
  readonly live?: NatLiveTrace;
}

interface NatSide {
  /** Absent: that of the interface that the packet leaves by. */
  readonly address?: string;
  /** "41000", or those that it can be: "1024-65535"; absent: it stays, or there is none. */
  readonly ports?: string;
}

export interface NatLiveTrace {
  /** False: no such packet came in time. */
  readonly seen: boolean;
  /** Rules of everybody that matched, in order; the rule is absent for the end of a chain, and for tables of others. */
  readonly steps: readonly {
    readonly table: string;
    readonly chain: string;
    readonly rule?: string;
    readonly verdict: string;
  }[];
  /** Its addresses where it was seen last. */
  readonly source?: string;
  readonly destination?: string;
}

/** Who is told what becomes of translations, and what of it was lost. Counts are since the process started, or since the settings of the log changed. */
export interface NatLogAnswer {
  /** sessions, blocks, limits. */
  readonly events: readonly string[];
  /** Whether logs say whom a session is with. */
  readonly destinations: boolean;
  /** Sessions that came or went while nobody could take note of it; at most as many, since some were not translated. */
  readonly lostInKernel: number;
  readonly outputs: readonly {
    readonly kind: "file" | "syslog" | "ipfix";
    /** A path, or "udp:192.0.2.21:4739". */
    readonly target: string;
    /** Records given to the disk or the network. */
    readonly written: number;
    readonly lost: number;
    readonly waitingOctets: number;
    /** Why something was lost in the last seconds, or a collector is not connected. */
    readonly lastError?: string;
  }[];
}
