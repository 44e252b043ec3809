/** The kernel's jhash of an IPv4 address (include/linux/jhash.h), as `jhash ip saddr mod N seed S` of nftables has it. */

const GOLDEN = 0xdeadbeef;

const rotate = (word: number, bits: number): number => (word << bits) | (word >>> (32 - bits));

/** @returns 0..modulus - 1 */
export function addressSlot(address: number, modulus: number, seed: number): number {
  let [a, b, c] = [GOLDEN + 4 + seed, GOLDEN + 4 + seed, GOLDEN + 4 + seed];
  // Octet by octet, the first one lowest: the register holds the address in network order.
  a += (address >>> 24) | ((address >>> 8) & 0xff00) | ((address << 8) & 0xff0000) | ((address & 0xff) << 24);
  [a, b, c] = [a | 0, b | 0, c | 0];
  c = ((c ^ b) - rotate(b, 14)) | 0;
  a = ((a ^ c) - rotate(c, 11)) | 0;
  b = ((b ^ a) - rotate(a, 25)) | 0;
  c = ((c ^ b) - rotate(b, 16)) | 0;
  a = ((a ^ c) - rotate(c, 4)) | 0;
  b = ((b ^ a) - rotate(a, 14)) | 0;
  c = ((c ^ b) - rotate(b, 24)) | 0;
  // reciprocal_scale()
  return Math.floor(((c >>> 0) * modulus) / 2 ** 32);
}
