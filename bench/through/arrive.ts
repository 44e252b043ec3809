/** Instances: `node arrive.js '["10.128.1.0",…]'` writes a line for each of its addresses when the first datagram has come there. */

import { createSocket } from "node:dgram";

export const PORT = 9000;

if (process.argv[1] === import.meta.filename) {
  for (const address of JSON.parse(process.argv[2] ?? "[]") as readonly string[]) {
    const socket = createSocket("udp4");
    // The same clock in every process: CLOCK_MONOTONIC.
    socket.once("message", () => process.stdout.write(`${process.hrtime.bigint()}\n`));
    socket.bind(PORT, address);
  }
  process.stdout.write("ready\n");
}
