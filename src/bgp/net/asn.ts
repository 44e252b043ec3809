/** AS numbers from text. Inside they are plain numbers, 1..4294967295, and `String(asn)` prints them (RFC 5396 §3). */

const MOST = 0xffff_ffff;
const MOST_HALF = 0xffff;
/** Digits without leading zeros: no reader takes them for octal. */
const DECIMAL = /^(?:0|[1-9]\d{0,9})$/;

/** Parses "64512" and "1.10" (asdot, RFC 5396 §2). Undefined when it is neither; AS 0 is refused (RFC 7607 §2). */
export function parseAsn(text: string): number | undefined {
  const [first = "", second, ...more] = text.split(".");
  if (more.length > 0 || !DECIMAL.test(first)) return undefined;
  if (second === undefined) return withinRange(Number(first));
  if (!DECIMAL.test(second) || Number(first) > MOST_HALF || Number(second) > MOST_HALF) return undefined;
  return withinRange(Number(first) * 0x10000 + Number(second));
}

const withinRange = (asn: number): number | undefined => (asn >= 1 && asn <= MOST ? asn : undefined);
