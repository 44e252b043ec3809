/** What a cache sends, by RFC 8210 §5 and without our own codec. */

const u16 = (value: number): number[] => [(value >>> 8) & 255, value & 255];
const u32 = (value: number): number[] => [...u16(value >>> 16), ...u16(value & 0xffff)];

/** @param field - what stands in the header's third and fourth octet */
export const pdu = (version: number, type: number, field: number, body: readonly number[]): Uint8Array =>
  Uint8Array.from([version, type, ...u16(field), ...u32(8 + body.length), ...body]);

export const notify = (version: number, sessionId: number, serial: number): Uint8Array =>
  pdu(version, 0, sessionId, u32(serial));

export const response = (version: number, sessionId: number): Uint8Array => pdu(version, 3, sessionId, []);

/** "10.1.0.0/16-24 AS65001", with "!" before it: withdrawn. IPv6 addresses are eight groups, all of them. */
export function vrp(version: number, text: string): Uint8Array {
  const parts = /^(!?)(\S+)\/(\d+)-(\d+) AS(\d+)$/.exec(text)!;
  const [, withdrawn, address = "", length, maxLength, asn] = parts;
  const flags = withdrawn === "" ? 1 : 0;
  const octets = address.includes(":")
    ? address.split(":").flatMap((group) => u16(Number.parseInt(group, 16)))
    : address.split(".").map(Number);
  const head = [flags, Number(length), Number(maxLength), 0];
  return pdu(version, octets.length === 4 ? 4 : 6, 0, [...head, ...octets, ...u32(Number(asn))]);
}

/** Intervals in seconds, in the order of RFC 8210 §5.8; version 0 has none. */
export const endOfData = (
  version: number,
  sessionId: number,
  serial: number,
  intervals: readonly number[] = [3600, 600, 7200],
): Uint8Array =>
  pdu(version, 7, sessionId, [...u32(serial), ...(version === 0 ? [] : intervals.flatMap(u32))]);

export const cacheReset = (version: number): Uint8Array => pdu(version, 8, 0, []);

export const routerKey = (version: number): Uint8Array =>
  pdu(version, 9, 0x0100, [...Array<number>(20).fill(7), ...u32(65001), ...Array<number>(91).fill(1)]);

export const errorReport = (version: number, code: number, text: string): Uint8Array =>
  pdu(version, 10, code, [...u32(0), ...u32(text.length), ...Buffer.from(text)]);
