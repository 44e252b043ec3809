/**
 * How long to wait before the next try, in seconds, not rounded.
 *
 * Doubles with every failure, from 1 s up to `capSeconds`, then is jittered to 75–100 % of that so that peers that
 * fell together do not come back together (RFC 4271 §8.1.1 DampPeerOscillations, §10).
 *
 * @param failures - in a row; 0 or more
 * @param unit - a number in [0, 1) from the caller's random source
 * @throws RangeError when `failures` is negative or not an integer
 */
export function backoffSeconds(failures: number, capSeconds: number, unit: number): number {
  if (!Number.isInteger(failures) || failures < 0) throw new RangeError(`failures: ${failures}`);
  return jittered(Math.min(2 ** failures, capSeconds), unit);
}

/** 75–100 % of a duration (RFC 4271 §10). */
export const jittered = (seconds: number, unit: number): number => seconds * (0.75 + unit / 4);
