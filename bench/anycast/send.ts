/**
 * A client of an anycast address: `node send.js ADDRESS` sends numbered datagrams of many flows to it, some each millisecond,
 * and answers a line on its standard input with when those were sent that it sent since the last one: {@link Sent} as JSON.
 */

import { createSocket } from "node:dgram";
import { createInterface } from "node:readline";
import { PORT } from "./hear.ts";

export interface Sent {
  /** The number of the first. */
  readonly first: number;
  /** Milliseconds of the machine's monotonic clock. */
  readonly atMs: readonly number[];
}

const FLOWS = 256;
const EVERY_MS = 1;
const AT_ONCE = 8;

const to = process.argv[2] ?? "";
const flows = Array.from({ length: FLOWS }, () => createSocket("udp4"));
let first = 0;
let atMs: number[] = [];

setInterval(() => {
  for (let i = 0; i < AT_ONCE; i++) {
    const number = first + atMs.length;
    const octets = Buffer.allocUnsafe(4);
    octets.writeUInt32BE(number);
    // While there is no route it is refused at once.
    flows[number % FLOWS]!.send(octets, PORT, to, () => undefined);
    atMs.push(Number(process.hrtime.bigint()) / 1e6);
  }
}, EVERY_MS);
createInterface({ input: process.stdin }).on("line", () => {
  const sent: Sent = { first, atMs };
  first += atMs.length;
  atMs = [];
  process.stdout.write(`${JSON.stringify(sent)}\n`);
});
