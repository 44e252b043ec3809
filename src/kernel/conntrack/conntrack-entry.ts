/**
 * One entry of the connection tracking table as the kernel tells it, and the translation that it is. Entries come by the
 * million, so that both are written into one object again and again.
 */

import { readU16 } from "../netlink/netlink.ts";
import type { WideAddresses } from "./wide-addresses.ts";

const NFGENMSG_OCTETS = 4;
const NLA_TYPE = 0x3fff;

interface Tuple {
  source: number;
  destination: number;
  sourcePort: number;
  destinationPort: number;
}

/** Addresses are words, those of IPv6 numbers of {@link WideAddresses}. */
export interface Entry {
  protocol: number;
  left: number;
  readonly original: Tuple;
  readonly reply: Tuple;
}

/** One flow that is translated. Addresses are numbers as in {@link Entry}, ports 0 where the protocol has none; an ICMP identifier is a port. */
export interface Session {
  protocol: number;
  private: number;
  privatePort: number;
  public: number;
  publicPort: number;
  remote: number;
  remotePort: number;
  /** The private side opened it. */
  outbound: boolean;
  /** Seconds until conntrack forgets it, were it silent. */
  leftSeconds: number;
}

const emptyTuple = (): Tuple => ({ source: 0, destination: 0, sourcePort: 0, destinationPort: 0 });

export const emptyEntry = (): Entry => ({
  ...{ protocol: 0, left: 0 },
  ...{ original: emptyTuple(), reply: emptyTuple() },
});

export const emptySession = (): Session => ({
  ...{ protocol: 0, private: 0, privatePort: 0, public: 0, publicPort: 0, remote: 0, remotePort: 0 },
  ...{ outbound: true, leftSeconds: 0 },
});

/** False: it is not translated, or both its sides are (hairpin: whose it is stands in what opened it). */
export function readSession({ protocol, left, original, reply }: Entry, into: Session): boolean {
  const outbound = reply.destination !== original.source;
  if (!outbound && reply.source === original.destination) return false;
  into.protocol = protocol;
  into.outbound = outbound;
  into.leftSeconds = left;
  into.private = outbound ? original.source : reply.source;
  into.privatePort = outbound ? original.sourcePort : reply.sourcePort;
  into.public = outbound ? reply.destination : original.destination;
  into.publicPort = outbound ? reply.destinationPort : original.destinationPort;
  into.remote = outbound ? original.destination : original.source;
  into.remotePort = outbound ? original.destinationPort : original.sourcePort;
  return true;
}

/**
 * Attributes of linux/netfilter/nfnetlink_conntrack.h. Numbers in them are in network order. What is cut short is left out.
 * @param wide - undefined: of IPv4 alone
 */
export function readEntry(octets: Buffer, into: Entry, wide?: WideAddresses): void {
  into.left = 0;
  const last = octets.length;
  let end = endOf(octets, NFGENMSG_OCTETS, last);
  for (let at = NFGENMSG_OCTETS; end > 0; at = next(end), end = endOf(octets, at, last)) {
    const type = typeAt(octets, at);
    if (type === 1) readTuple(octets, at + 4, end, into.original, into, wide);
    else if (type === 2) readTuple(octets, at + 4, end, into.reply, into, wide);
    else if (type === 7 && end - at >= 8) into.left = octets.readUInt32BE(at + 4);
  }
}

function readTuple(
  octets: Buffer,
  first: number,
  last: number,
  into: Tuple,
  entry: Entry,
  wide: WideAddresses | undefined,
): void {
  into.sourcePort = 0;
  into.destinationPort = 0;
  for (
    let at = first, end = endOf(octets, at, last);
    end > 0;
    at = next(end), end = endOf(octets, at, last)
  ) {
    const part = typeAt(octets, at);
    if (part === 1) readAddresses(octets, at + 4, end, into, wide);
    else if (part === 2) readProtocol(octets, at + 4, end, into, entry);
  }
}

function readAddresses(
  octets: Buffer,
  first: number,
  last: number,
  into: Tuple,
  wide: WideAddresses | undefined,
): void {
  for (
    let at = first, end = endOf(octets, at, last);
    end > 0;
    at = next(end), end = endOf(octets, at, last)
  ) {
    if (end - at < 8) continue;
    const type = typeAt(octets, at);
    if (type === 1) into.source = octets.readUInt32BE(at + 4);
    else if (type === 2) into.destination = octets.readUInt32BE(at + 4);
    if (wide === undefined || end - at < 20) continue;
    if (type === 3) into.source = wide.read(octets, at + 4);
    else if (type === 4) into.destination = wide.read(octets, at + 4);
  }
}

function readProtocol(octets: Buffer, first: number, last: number, into: Tuple, entry: Entry): void {
  for (
    let at = first, end = endOf(octets, at, last);
    end > 0;
    at = next(end), end = endOf(octets, at, last)
  ) {
    const type = typeAt(octets, at);
    if (type === 1 && end - at >= 5) entry.protocol = octets[at + 4]!;
    if (end - at < 6) continue;
    // An identifier of ICMP (4) or ICMPv6 (7) is the port of both sides: it is what is translated, in either direction.
    const isIdentifier = type === 4 || type === 7;
    if (type === 2 || isIdentifier) into.sourcePort = octets.readUInt16BE(at + 4);
    if (type === 3 || isIdentifier) into.destinationPort = octets.readUInt16BE(at + 4);
  }
}

/** Where the attribute that begins at a place ends; 0: there is none, or it is cut short. */
function endOf(octets: Buffer, at: number, last: number): number {
  if (at + 4 > last) return 0;
  const length = readU16(octets, at);
  return length < 4 || at + length > last ? 0 : at + length;
}

const typeAt = (octets: Buffer, at: number): number => readU16(octets, at + 2) & NLA_TYPE;
const next = (end: number): number => (end + 3) & ~3;
