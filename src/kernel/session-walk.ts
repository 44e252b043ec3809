/**
 * Looks at every flow that conntrack has, of which there may be a million, in slices: between two of them netd does what
 * else it is asked. Flows that are not translated are passed over. IPv4 only: nothing else is translated.
 */

import { type Message, readU16 } from "./netlink.ts";
import { NetlinkSocket } from "./netlink-socket.ts";
import type { SessionQuery, SessionsFound } from "./session-commands.ts";
import { type Gathering, gathering, type Session } from "./session-count.ts";

const NETLINK_NETFILTER = 12;
const IPCTNL_MSG_CT_GET = (1 << 8) | 1;
const AF_INET = 2;
const NFGENMSG_OCTETS = 4;
const NLA_TYPE = 0x3fff;
/** A slice ends after this, at the end of a datagram. */
const SLICE_MS = 5;
/** Entries behind this are received, so that the kernel can end its answer, and not looked at. */
const WALK_MS = 30_000;

export class SessionWalker {
  readonly #socket = new NetlinkSocket(NETLINK_NETFILTER);
  readonly #entry: Entry = { protocol: 0, left: 0, original: emptyTuple(), reply: emptyTuple() };
  readonly #session: Session = {
    ...{ protocol: 0, private: 0, privatePort: 0, public: 0, publicPort: 0, remote: 0, remotePort: 0 },
    ...{ outbound: true, leftSeconds: 0 },
  };
  #last: Promise<unknown> = Promise.resolve();

  /** One after the other: the kernel answers one such question of a socket at a time. @throws Error */
  walk(query: SessionQuery, turn: () => Promise<void>): Promise<SessionsFound> {
    const walk = this.#last.then(() => this.#walk(query, turn));
    this.#last = walk.catch(() => undefined);
    return walk;
  }

  async #walk(query: SessionQuery, turn: () => Promise<void>): Promise<SessionsFound> {
    const found = gathering(query);
    const sequence = this.#socket.beginDump(IPCTNL_MSG_CT_GET, (to) => {
      for (const octet of [AF_INET, 0, 0, 0]) to.u8(octet);
    });
    const began = performance.now();
    let tracked = 0;
    let complete = true;
    const take = (message: Message): void => {
      tracked++;
      if (complete) this.#take(message, found);
    };
    for (let sliceEnds = began + SLICE_MS; this.#socket.continueDump(sequence, take); ) {
      const now = performance.now();
      if (now < sliceEnds) continue;
      if (now - began > WALK_MS) complete = false;
      await turn();
      sliceEnds = performance.now() + SLICE_MS;
    }
    return { tracked, complete, ...found.result() };
  }

  #take({ payload }: Message, found: Gathering): void {
    const entry = this.#entry;
    readEntry(payload, entry);
    if (readSession(entry, this.#session)) found.take(this.#session);
  }
}

interface Tuple {
  source: number;
  destination: number;
  sourcePort: number;
  destinationPort: number;
}

interface Entry {
  protocol: number;
  left: number;
  readonly original: Tuple;
  readonly reply: Tuple;
}

function emptyTuple(): Tuple {
  return { source: 0, destination: 0, sourcePort: 0, destinationPort: 0 };
}

/** False: it is not translated, or both its sides are (hairpin: whose it is stands in what opened it). */
function readSession({ protocol, left, original, reply }: Entry, into: Session): boolean {
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

/** Attributes of linux/netfilter/nfnetlink_conntrack.h. Numbers in them are in network order. */
function readEntry(octets: Buffer, into: Entry): void {
  for (const [type, from, to] of attributes(octets, NFGENMSG_OCTETS, octets.length)) {
    if (type === 1) readTuple(octets, from, to, into.original, into);
    else if (type === 2) readTuple(octets, from, to, into.reply, into);
    else if (type === 7) into.left = octets.readUInt32BE(from);
  }
}

function readTuple(octets: Buffer, first: number, end: number, into: Tuple, entry: Entry): void {
  into.sourcePort = 0;
  into.destinationPort = 0;
  for (const [part, partFrom, partTo] of attributes(octets, first, end)) {
    for (const [type, from] of attributes(octets, partFrom, partTo)) {
      if (part === 1) readAddress(octets, type, from, into);
      else if (part === 2 && type === 1) entry.protocol = octets[from]!;
      else if (part === 2) readPorts(octets, type, from, into);
    }
  }
}

function readAddress(octets: Buffer, type: number, from: number, into: Tuple): void {
  if (type === 1) into.source = octets.readUInt32BE(from);
  else if (type === 2) into.destination = octets.readUInt32BE(from);
}

function readPorts(octets: Buffer, type: number, from: number, into: Tuple): void {
  // An ICMP identifier (4) is the port of both sides: it is what is translated, in either direction.
  if (type === 2 || type === 4) into.sourcePort = octets.readUInt16BE(from);
  if (type === 3 || type === 4) into.destinationPort = octets.readUInt16BE(from);
}

/** Type, first octet and end of each attribute between two places. What is cut short is left out. */
function* attributes(
  octets: Buffer,
  first: number,
  end: number,
): Generator<readonly [number, number, number]> {
  for (let at = first; at + 4 <= end; ) {
    const length = readU16(octets, at);
    if (length < 4 || at + length > end) return;
    yield [readU16(octets, at + 2) & NLA_TYPE, at + 4, at + length];
    at += (length + 3) & ~3;
  }
}
