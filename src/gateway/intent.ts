/**
 * What should be, as plain values: the output of plan, the input of reconcile.
 * The kernel client of the daemon satisfies {@link Dataplane}; tests give one in memory.
 */

import type { Address, Prefix } from "../bgp/net/address.ts";
import type { AnycastService, Kind } from "../model/model.ts";
import type { NatTable } from "../nat/table.ts";

export interface Intent {
  readonly announcements: readonly Announcement[];
  readonly routes: readonly KernelRoute[];
  readonly nat: NatTable;
  /** Interfaces of ports that need proxy ARP, forwarding and (for metadata) route_localnet. */
  readonly taps: readonly string[];
  /** What was asked for and cannot be: shown by the API, logged once. */
  readonly problems: readonly Problem[];
}

/** A prefix that this speaker originates. It is announced only while all that `needs` names is acknowledged. */
export interface Announcement {
  readonly prefix: Prefix;
  readonly kind: Kind;
  /** It moved to another host: whoever knows of a way there takes that. */
  readonly isLeaving?: true;
  readonly needs: {
    /** Routes (by prefix) that must be in the kernel. */
    readonly routes: readonly Prefix[];
    /** The translation of this very address must be in the kernel's NAT table. */
    readonly nat: boolean;
    /** At least one route that leads somewhere, more specific than this, must be in the kernel. */
    readonly within?: Prefix;
  };
}

/** A route with our protocol number. One per prefix and table. */
export interface KernelRoute {
  readonly prefix: Prefix;
  readonly target:
    | { readonly to: "link"; readonly interface: string }
    | { readonly to: "discard"; readonly how: "blackhole" | "unreachable" }
    /** By a kernel nexthop object, a group when there are several; resilient: flows stay when members change. */
    | { readonly to: "via"; readonly nextHops: readonly NextHop[]; readonly resilient: boolean }
    /** Several local interfaces, for anycast members on one host. */
    | { readonly to: "links"; readonly interfaces: readonly string[] };
}

/** A target whose routes share a group of next hops, which can be made to lead elsewhere. */
export type SharedTarget = KernelRoute["target"] & { readonly to: "via" };

export interface Redirection {
  readonly from: SharedTarget;
  readonly to: SharedTarget;
}

export interface NextHop {
  readonly address: Address;
  readonly interface: string;
  /** Its share of the flows beside the others', 1..256; undefined: 1. */
  readonly weight?: number;
}

/** How packets to a next hop leave this machine by the routes of others: ours count for nothing. */
export type Way =
  | {
      readonly reachable: true;
      /** Of the route that leads there; 0: only a default route does. */
      readonly length: number;
      /** Of that route, as the kernel has it, unsigned 32-bit. */
      readonly metric: number;
      readonly hops: readonly Hop[];
    }
  | {
      readonly reachable: false;
      /** "discarded": the route that leads there throws packets away. "own-address": it is one of this machine. */
      readonly why: "no-route" | "link-down" | "discarded" | "own-address";
    };

export interface Hop {
  /** Undefined: the next hop is on the link itself. */
  readonly gateway?: Address;
  readonly interface: string;
}

export interface NextHopWay {
  /** A link-local one with its zone. */
  readonly nextHop: Address;
  readonly way: Way;
}

export interface Problem {
  /** Never changes once published; e.g. "nexthop.unresolved". */
  readonly code: string;
  /** What it is about: a prefix, an address, an interface. */
  readonly subject: string;
  readonly message: string;
}

/** A link of this machine and the addresses on it. */
export interface Link {
  readonly name: string;
  readonly index: number;
  /** Administratively and operationally up. */
  readonly up: boolean;
  /** Each address with the length of its on-link prefix. */
  readonly addresses: readonly { readonly address: Address; readonly length: number }[];
}

/** One path of a prefix that peers told us, best ones only. */
export interface LearnedPath {
  readonly peer: Address;
  readonly nextHop: Address;
  readonly external: boolean;
  /** Octets a second of the link behind it; undefined: not known. */
  readonly bandwidth?: number | undefined;
}

export interface LearnedRoute {
  readonly prefix: Prefix;
  readonly kind: Kind;
  readonly paths: readonly LearnedPath[];
}

/** Health of the members that this host checks, by service name and member address text. */
export type Health = ReadonlyMap<AnycastService["name"], ReadonlyMap<string, boolean>>;

export interface Translation {
  readonly public: Address;
  /** Absent: whoever it was that left as the public address. */
  readonly private?: Address;
  /** Only flows that came in by these ports of the public address; undefined: all that is translated between the two. */
  readonly ports?: { readonly protocol: "tcp" | "udp"; readonly first: number; readonly last: number };
}

/** What the kernel has of the NAT table: its text, undefined where there is none; or what is known of it. */
export type NatFound =
  | { readonly is: "known" }
  | { readonly is: "listed"; readonly text: string | undefined };

/** The privileged half, as the reconciler sees it. Every method resolves when the kernel has answered. */
export interface Dataplane {
  /**
   * What bears our mark: its routes, a part at a time, and the NAT table, which it resolves to. Called at start, after a
   * fault, and by the audit.
   * @param knowsNat - all that was done to the NAT table since it was listed last is known: it need not be listed again,
   * which of a hundred thousand floating IPs takes seconds, where the kernel says that nobody else changed anything
   */
  read(take: (routes: readonly KernelRoute[]) => void, knowsNat: boolean): Promise<NatFound>;
  /** Adds or replaces; resolves to the errors, by prefix text. The other routes are in place. */
  putRoutes(routes: readonly KernelRoute[]): Promise<ReadonlyMap<string, string>>;
  /**
   * Whatever leads to one target leads to another from now on, by one change of what its routes share; resolves to the
   * errors, by the place of the redirection. Of these every route leads where it led.
   */
  redirect(redirections: readonly Redirection[]): Promise<ReadonlyMap<number, string>>;
  /** A route that is not there is no error. */
  removeRoutes(prefixes: readonly Prefix[]): Promise<ReadonlyMap<string, string>>;
  /** One nftables transaction: all of it or none. @throws Error with what the kernel said */
  applyNat(nftables: string): Promise<void>;
  /** Removes the conntrack entries of a translation that is gone. Resolves to how many there were. */
  forget(translation: Translation): Promise<number>;
  prepareTaps(interfaces: readonly string[]): Promise<ReadonlyMap<string, string>>;
}
