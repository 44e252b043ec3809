/** What is sent, as it is asked for and as it is told of. */

export interface Load {
  /** Datagram k is of flow k modulo this; 60 000 at most, for each has a source port of its own. */
  readonly flows: number;
  readonly datagrams: number;
  /** Private addresses, from {@link FIRST_PRIVATE} on. */
  readonly sources: number;
  /** As a number. */
  readonly server: number;
  readonly payloadOctets: number;
}

export interface Sent {
  readonly seconds: number;
  /** Of this process, in which the kernel does all of the forwarding too. */
  readonly cpuSeconds: number;
}

export const FIRST_PRIVATE = 0x0a40_0001;
/** Source ports of one private address. */
export const PORTS = 60_000;
export const SERVER_PORT = 9000;
