/** IPv4 packets, octet by octet: built by hand and taken apart, so that tests rely on no other program's idea of them. */

export interface Ipv4 {
  readonly source: string;
  readonly destination: string;
  readonly protocol: number;
  readonly payload: Buffer;
  readonly tos?: number;
  readonly ttl?: number;
  readonly identification?: number;
  /** The flags and the offset, in units of 8 octets, as one number of 16 bits. */
  readonly fragment?: number;
  /** A whole number of words. */
  readonly options?: Buffer;
  /** Not the right one. */
  readonly wrongSum?: boolean;
}

export const ICMP = 1;
export const UDP = 17;
export const MORE_FRAGMENTS = 0x2000;

/** RFC 1071. */
export function internetSum(octets: Buffer): number {
  let sum = 0;
  for (let i = 0; i < octets.length; i++) sum += i % 2 === 0 ? octets[i]! << 8 : octets[i]!;
  while (sum > 0xffff) sum = (sum >>> 16) + (sum & 0xffff);
  return ~sum & 0xffff;
}

const word = (value: number): Buffer => Buffer.from([value >>> 8, value & 0xff]);
const addressOf = (text: string): Buffer => Buffer.from(text.split(".").map(Number));

export function ipv4(packet: Ipv4): Buffer {
  const { source, destination, protocol, payload, tos = 0, ttl = 64 } = packet;
  const { identification = 1, fragment = 0, options = Buffer.alloc(0), wrongSum = false } = packet;
  const header = Buffer.concat([
    Buffer.from([0x45 + options.length / 4, tos]),
    ...[20 + options.length + payload.length, identification, fragment].map(word),
    Buffer.from([ttl, protocol, 0, 0]),
    ...[addressOf(source), addressOf(destination), options],
  ]);
  header.writeUInt16BE(internetSum(header) ^ (wrongSum ? 1 : 0), 10);
  return Buffer.concat([header, payload]);
}

/** Without a checksum, or with one given. */
export const udp = (from: number, to: number, data: Buffer, sum = 0): Buffer =>
  Buffer.concat([...[from, to, 8 + data.length, sum].map(word), data]);

/** @param rest - the second word of the header */
export function icmp(type: number, code: number, rest: number, body: Buffer, wrongSum = false): Buffer {
  const message = Buffer.concat([
    Buffer.from([type, code, 0, 0]),
    word(rest >>> 16),
    word(rest & 0xffff),
    body,
  ]);
  message.writeUInt16BE(internetSum(message) ^ (wrongSum ? 1 : 0), 2);
  return message;
}

/** What an error has of the packet that it is about (RFC 792): its header, and 8 octets. */
export const quoted = (packet: Buffer): Buffer => packet.subarray(0, (packet[0]! & 15) * 4 + 8);

export interface Parsed {
  readonly source: string;
  readonly destination: string;
  readonly protocol: number;
  readonly tos: number;
  readonly fragment: number;
  readonly options: Buffer;
  readonly payload: Buffer;
}

export function parsed(packet: Buffer): Parsed {
  const headerOctets = (packet[0]! & 15) * 4;
  return {
    source: [...packet.subarray(12, 16)].join("."),
    destination: [...packet.subarray(16, 20)].join("."),
    protocol: packet[9]!,
    tos: packet[1]!,
    fragment: packet.readUInt16BE(6),
    options: packet.subarray(20, headerOctets),
    payload: packet.subarray(headerOctets, packet.readUInt16BE(2)),
  };
}
