/**
 * What the tests ask of any BGP daemon. A new daemon is a file beside this one that writes its configuration and asks
 * its CLI, and a line in `all.ts`.
 */

import type { FeatureName } from "../matrix/features.ts";

export interface DaemonSettings {
  readonly namespace: string;
  readonly asn: number;
  readonly ourAsn: number;
  readonly transport: "v4" | "v6";
  /** It waits for us to connect. */
  readonly passive: boolean;
  /** What it announces. */
  readonly routes: readonly string[];
  readonly gracefulRestart: boolean;
  /** Restart time, and the long-lived stale time behind it (RFC 9494). */
  readonly longLived?: { readonly restartSeconds: number; readonly staleSeconds: number };
  /** TCP-MD5 (RFC 2385). */
  readonly password?: string | undefined;
  /** GTSM (RFC 5082). */
  readonly ttlSecurity?: boolean | undefined;
  /** Its IPv4 routes have IPv6 next hops (RFC 8950); the session is over IPv6. */
  readonly extendedNextHop?: boolean;
  /** What else it is told of us: BIRD in the protocol, FRR after `neighbor ADDRESS`. */
  readonly neighbour?: readonly string[];
  /** BIRD: statements of the filter that its announcements pass. */
  readonly filter?: string;
  /** FRR: what its IPv4 announcements pass instead of the usual route map. */
  readonly routeMap?: { readonly name: string; readonly text: string };
  /** Several paths of a prefix both ways with us (RFC 7911). */
  readonly addPath?: boolean;
  /** Others who connect to it over IPv4; it passes on to us what they tell. */
  readonly thirds?: readonly ThirdParty[];
  /** Milliseconds between its BFD packets, three of which may be missed. */
  readonly bfdMs?: number;
}

interface ThirdParty {
  readonly address: string;
  readonly asn: number;
  /** What it tells; of interest to who cannot hear it. */
  readonly toThem: readonly string[];
}

export interface Daemon {
  /** Prefixes that it has from us and uses, both families. */
  prefixes(): Promise<readonly string[]>;
  /** How many they are; asked again and again, so cheaper. Undefined: it did not answer. */
  count(): Promise<number | undefined>;
  /** What it says of one prefix that it has, attributes and all. */
  details(prefix: string): Promise<string>;
  /** Has its configuration changed to announce these and nothing else, and loads it. */
  announce(routes: readonly string[]): Promise<void>;
  /** Asks us for everything again (RFC 2918), both families; absent: it never does. */
  askAgain?(): Promise<void>;
  /** With ADD-PATH, it may not tell us that a path of a third has gone. */
  readonly forgetsToWithdraw?: true;
  /** How many of our routes it has withdrawn since it began; undefined: it does not say. */
  removals(): number | undefined;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** Starts it again after {@link kill}, in the manner of a graceful restart. */
  restart(): Promise<void>;
  /** Ends it and removes its files. */
  stop(): Promise<void>;
  /** The end of what it has logged. */
  log(): string;
}

export interface DaemonKind<D extends Daemon = Daemon> {
  readonly name: string;
  /** The package that has it. */
  readonly debian: string;
  /** Files that have to be there. */
  readonly programs: readonly string[];
  /** What it cannot, and why, for docs/INTEROP.md; of the version that Debian has. */
  readonly cannot: Readonly<Partial<Record<FeatureName, string>>>;
  /** What one has to know to have it work, for the same page. */
  readonly note?: string;
  start(settings: DaemonSettings): Promise<D>;
}

export const ofFamily = (routes: readonly string[], family: 4 | 6): string[] =>
  routes.filter((route) => route.includes(":") === (family === 6));
