/** BGP messages from numbers, by RFC 4271 section 4 and without our own encoder. */

export const TYPE = { open: 1, update: 2, notification: 3, keepalive: 4, routeRefresh: 5 } as const;

export interface OpenFields {
  readonly version?: number;
  readonly asn: number;
  readonly holdSeconds?: number;
  /** Four octets. */
  readonly id: readonly number[];
  /** RFC 6793; true unless said otherwise. */
  readonly as4?: boolean;
  /** RFC 4724; seconds. Both families, forwarding kept. */
  readonly restartSeconds?: number;
}

export const u16 = (value: number): number[] => [(value >>> 8) & 255, value & 255];
const u32 = (value: number): number[] => [...u16(value >>> 16), ...u16(value & 0xffff)];

export function message(type: number, body: readonly number[]): Buffer {
  return Buffer.from([...Array<number>(16).fill(255), ...u16(19 + body.length), type, ...body]);
}

export const keepalive: Buffer = message(TYPE.keepalive, []);

export function open(fields: OpenFields): Buffer {
  const { version = 4, asn, holdSeconds = 90, id, as4 = true, restartSeconds } = fields;
  const capabilities = [
    ...[1, 4, 0, 1, 0, 1],
    ...[1, 4, 0, 2, 0, 1],
    ...(as4 ? [65, 4, ...u32(asn)] : []),
    ...(restartSeconds === undefined
      ? []
      : [64, 10, ...u16(restartSeconds), ...[0, 1, 1, 128], ...[0, 2, 1, 128]]),
  ];
  const optional = [2, capabilities.length, ...capabilities];
  return message(TYPE.open, [
    version,
    ...u16(asn > 0xffff ? 23_456 : asn),
    ...u16(holdSeconds),
    ...id,
    optional.length,
    ...optional,
  ]);
}

/** Announces IPv4 prefixes. An empty path is one within our AS, where LOCAL_PREF belongs. */
export function announce(prefixes: readonly string[], path: readonly number[], nextHop: string): Buffer {
  const segment = path.length === 0 ? [] : [2, path.length, ...path.flatMap(u32)];
  const attributes = [
    ...[0x40, 1, 1, 0],
    ...[0x50, 2, ...u16(segment.length), ...segment],
    ...[0x40, 3, 4, ...dotted(nextHop)],
    ...(path.length === 0 ? [0x40, 5, 4, ...u32(100)] : []),
  ];
  return message(TYPE.update, [...u16(0), ...u16(attributes.length), ...attributes, ...nlri(prefixes)]);
}

export function withdraw(prefixes: readonly string[]): Buffer {
  const octets = nlri(prefixes);
  return message(TYPE.update, [...u16(octets.length), ...octets, ...u16(0)]);
}

function nlri(prefixes: readonly string[]): number[] {
  return prefixes.flatMap((prefix) => {
    const [address, length] = prefix.split("/");
    return [Number(length), ...dotted(address!).slice(0, Math.ceil(Number(length) / 8))];
  });
}

const dotted = (address: string): number[] => address.split(".").map(Number);

export interface Message {
  readonly type: number;
  readonly body: Buffer;
}

/** Whole messages at the beginning of `octets`, and what is left. */
export function framesIn(octets: Buffer): { messages: Message[]; rest: Buffer } {
  const messages: Message[] = [];
  let rest = octets;
  while (rest.length >= 19 && rest.length >= rest.readUInt16BE(16)) {
    const length = rest.readUInt16BE(16);
    messages.push({ type: rest[18]!, body: rest.subarray(19, length) });
    rest = rest.subarray(length);
  }
  return { messages, rest };
}

/** The IPv4 prefixes of an UPDATE's body. */
export function routesIn(body: Buffer): { withdrawn: string[]; announced: string[] } {
  const attributesAt = 2 + body.readUInt16BE(0);
  const nlriAt = attributesAt + 2 + body.readUInt16BE(attributesAt);
  return {
    withdrawn: prefixesIn(body.subarray(2, attributesAt)),
    announced: prefixesIn(body.subarray(nlriAt)),
  };
}

function prefixesIn(octets: Buffer): string[] {
  const prefixes: string[] = [];
  for (let at = 0; at < octets.length; ) {
    const length = octets[at]!;
    const end = at + 1 + Math.ceil(length / 8);
    const address = [...octets.subarray(at + 1, end), 0, 0, 0, 0].slice(0, 4);
    prefixes.push(`${address.join(".")}/${length}`);
    at = end;
  }
  return prefixes;
}
