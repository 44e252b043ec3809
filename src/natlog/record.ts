/**
 * What a log of translations tells (RFC 6888 REQ-12 to 14, RFC 8158), and what turns it into octets.
 *
 * Records come by the hundred thousand a second, so that a session is one object that the next one overwrites, its
 * addresses are words, and nothing is kept of it. IPv4 only: nothing else is translated.
 */

export type LogRecord = SessionRecord | BlockRecord | LimitRecord;

interface Timed {
  /** Milliseconds since 1970. */
  atMs: number;
}

/** A session that began or ended. Ports are 0 where the protocol has none; an ICMP identifier is a port. */
export interface SessionRecord extends Timed {
  readonly kind: "session";
  ended: boolean;
  /** The private side opened it. */
  outbound: boolean;
  protocol: number;
  private: number;
  privatePort: number;
  public: number;
  publicPort: number;
  remote: number;
  remotePort: number;
}

/** Ports of a public address that a private one has from now on, or has no longer. */
export interface BlockRecord extends Timed {
  readonly kind: "block";
  readonly taken: boolean;
  readonly private: number;
  readonly public: number;
  readonly first: number;
  readonly last: number;
}

/** A private address that is refused more, for the first time in a while. */
export interface LimitRecord extends Timed {
  readonly kind: "limit";
  readonly limit: "sessions" | "rate" | "ports";
  readonly private: number;
  /** The limit itself. */
  readonly most: number;
}

/** Takes octets that belong together, and how many records they are. They are the taker's from then on. */
export type Out = (octets: Uint8Array, records: number) => void;

/** Records to octets. What is full goes out by itself. */
export interface Encoder {
  add(record: Readonly<LogRecord>): void;
  /** Gives what is not full. */
  flush(): void;
}

/** RFC 6888 REQ-12: whom a session is with is left out, unless that is wanted. */
export interface Detail {
  readonly destinations: boolean;
}

export const dotted = (word: number): string =>
  `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`;

const PROTOCOLS: Readonly<Record<number, string>> = { 1: "icmp", 6: "tcp", 17: "udp" };

export const protocolText = (protocol: number): string => PROTOCOLS[protocol] ?? String(protocol);
