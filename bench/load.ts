/** The load: UPDATEs of one sender, as octets that are made before the clock runs. The same seed, the same octets. */

/** Where prefix k lies: 20.0.0.0 and up for IPv4, 2400::/16 for IPv6. */
export interface PrefixPlan {
  readonly family: 4 | 6;
  /** IPv4: 16..32. IPv6: 48 or 128. */
  readonly length: number;
  readonly count: number;
}

export interface Sender {
  readonly index: number;
  readonly asn: number;
  /** Its own address in the family of the prefixes, 4 or 16 octets. */
  readonly nextHop: Uint8Array;
}

/** Prefixes to an attribute set, on average. */
const PREFIXES_PER_SET = 5;
const MESSAGE_OCTETS = 4096;
const HEADER_OCTETS = 19;
const UPDATE = 2;

/** Every prefix once, with attributes that differ from sender to sender: 2 to 6 AS numbers, two communities. */
export function announcements(plan: PrefixPlan, sender: Sender): Buffer {
  const out = new Octets();
  for (let k = 0, set = 0; k < plan.count; set++) {
    const seed = hash((0x9e37 * (sender.index + 1) + set * 7919 + 1) >>> 0);
    const most = 2 * PREFIXES_PER_SET - 1;
    const until = Math.min(plan.count, k + 1 + (hash(seed) % most));
    out.message(UPDATE, () => {
      out.u16(0);
      const lengthAt = out.reserve(2);
      const start = out.at;
      attributes(out, sender, seed, plan.family === 4);
      if (plan.family === 6) {
        out.bytes([0x90, 14]);
        const reachAt = out.reserve(2);
        out.bytes([0, 2, 1, 16, ...sender.nextHop, 0]);
        for (let i = k; i < until; i++) putPrefix(out, plan, i);
        out.setU16(reachAt, out.at - reachAt - 2);
      }
      out.setU16(lengthAt, out.at - start);
      if (plan.family === 4) for (let i = k; i < until; i++) putPrefix(out, plan, i);
    });
    k = until;
  }
  return Buffer.concat([out.done(), endOfRib(plan.family)]);
}

/** Every prefix withdrawn, as many to a message as fit. */
export function withdrawals(plan: PrefixPlan): Buffer {
  const out = new Octets();
  const perPrefix = 1 + ((plan.length + 7) >> 3);
  const most = Math.floor((MESSAGE_OCTETS - HEADER_OCTETS - 12) / perPrefix);
  for (let k = 0; k < plan.count; k += most) {
    const until = Math.min(plan.count, k + most);
    out.message(UPDATE, () => {
      if (plan.family === 4) {
        const at = out.reserve(2);
        for (let i = k; i < until; i++) putPrefix(out, plan, i);
        out.setU16(at, out.at - at - 2);
        out.u16(0);
        return;
      }
      out.u16(0);
      const at = out.reserve(2);
      out.bytes([0x90, 15]);
      const unreachAt = out.reserve(2);
      out.bytes([0, 2, 1]);
      for (let i = k; i < until; i++) putPrefix(out, plan, i);
      out.setU16(unreachAt, out.at - unreachAt - 2);
      out.setU16(at, out.at - at - 2);
    });
  }
  return out.done();
}

export function endOfRib(family: 4 | 6): Buffer {
  const out = new Octets();
  out.message(UPDATE, () => out.bytes(family === 4 ? [0, 0, 0, 0] : [0, 0, 0, 6, 0x80, 15, 3, 0, 2, 1]));
  return out.done();
}

export function open(asn: number, routerId: Uint8Array, holdSeconds: number): Buffer {
  const capabilities = [
    ...[1, 4, 0, 1, 0, 1],
    ...[1, 4, 0, 2, 0, 1],
    ...[2, 0],
    ...[65, 4, asn >>> 24, (asn >>> 16) & 255, (asn >>> 8) & 255, asn & 255],
  ];
  const out = new Octets();
  out.message(1, () => {
    out.bytes([4]);
    out.u16(asn > 0xffff ? 23_456 : asn);
    out.u16(holdSeconds);
    out.bytes(routerId);
    out.bytes([capabilities.length + 2, 2, capabilities.length, ...capabilities]);
  });
  return out.done();
}

export function keepalive(): Buffer {
  const out = new Octets();
  out.message(4, () => undefined);
  return out.done();
}

/** Which prefix of the plan stands at `octets[at]`, without its length octet; -1: none. */
export function indexAt(plan: PrefixPlan, octets: Buffer, at: number): number {
  let k: number;
  if (plan.family === 4) {
    const address = (octets[at]! << 24) | (octets[at + 1]! << 16) | (octets[at + 2]! << 8);
    k = ((plan.length > 24 ? address | octets[at + 3]! : address) - 0x1400_0000) >>> (32 - plan.length);
  } else k = octets.readUInt32BE(plan.length === 48 ? at + 2 : at + 12);
  return k < plan.count ? k : -1;
}

function putPrefix(out: Octets, { family, length }: PrefixPlan, k: number): void {
  if (family === 4) {
    const address = 0x1400_0000 + k * 2 ** (32 - length);
    const octets = [address >>> 24, (address >>> 16) & 255, (address >>> 8) & 255, address & 255];
    out.bytes([length, ...octets.slice(0, (length + 7) >> 3)]);
    return;
  }
  const words = [k >>> 24, (k >>> 16) & 255, (k >>> 8) & 255, k & 255];
  if (length === 48) out.bytes([48, 0x24, 0, ...words]);
  else out.bytes([128, 0x24, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ...words]);
}

function attributes(out: Octets, { asn, nextHop }: Sender, seed: number, withNextHop: boolean): void {
  const hops = 2 + (hash(seed ^ 0x55) % 5);
  out.bytes([0x40, 1, 1, 0, 0x40, 2, 2 + 4 * hops, 2, hops]);
  out.u32(asn);
  for (let hop = 1; hop < hops; hop++) out.u32(1000 + (hash(seed + hop * 31) % 60_000));
  if (withNextHop) out.bytes([0x40, 3, 4, ...nextHop]);
  out.bytes([0xc0, 8, 8]);
  for (const n of [0, 1]) {
    out.u16(asn & 0xffff);
    out.u16(hash(seed + 77 + n) & 0xffff);
  }
}

/** A number that looks random, from one that does not: xorshift and a multiplication. */
function hash(value: number): number {
  let x = value | 0;
  x ^= x << 13;
  x ^= x >>> 17;
  x ^= x << 5;
  return Math.imul(x, 2_654_435_761) >>> 0;
}

/** Octets under construction, that may become very many. */
class Octets {
  at = 0;
  #buffer: Buffer = Buffer.allocUnsafe(1 << 16);

  u16(value: number): void {
    this.bytes([value >>> 8, value & 255]);
  }

  u32(value: number): void {
    this.bytes([value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255]);
  }

  bytes(octets: ArrayLike<number>): void {
    const at = this.reserve(octets.length);
    for (let i = 0; i < octets.length; i++) this.#buffer[at + i] = octets[i]!;
  }

  /** Room for `count` octets; returns where. */
  reserve(count: number): number {
    const { at } = this;
    if (at + count > this.#buffer.length) {
      const wider = Buffer.allocUnsafe(2 * Math.max(this.#buffer.length, at + count));
      this.#buffer.copy(wider, 0, 0, at);
      this.#buffer = wider;
    }
    this.at += count;
    return at;
  }

  setU16(at: number, value: number): void {
    this.#buffer.writeUInt16BE(value, at);
  }

  /** A whole BGP message around what `body` writes. */
  message(type: number, body: () => void): void {
    const start = this.reserve(HEADER_OCTETS);
    this.#buffer.fill(0xff, start, start + 16);
    this.#buffer[start + 18] = type;
    body();
    this.setU16(start + 16, this.at - start);
  }

  done(): Buffer {
    return this.#buffer.subarray(0, this.at);
  }
}
