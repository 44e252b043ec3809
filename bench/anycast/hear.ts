/**
 * A member of an anycast service: `node hear.js ADDRESS CHECKED` hears datagrams at one address, accepts connections at
 * another, as a health check wants it, and answers a line on its standard input: "take" with the numbers that it heard since
 * the last one, "fail" by accepting connections no more. It hears on, so that what still comes is known.
 */

import { createSocket } from "node:dgram";
import { createServer } from "node:net";
import { createInterface } from "node:readline";

export const PORT = 9000;

if (process.argv[1] === import.meta.filename) {
  const [address, checked] = process.argv.slice(2);
  const numbers: number[] = [];
  const socket = createSocket({ type: "udp4", recvBufferSize: 1 << 20 });
  socket.on("message", (octets) => numbers.push(octets.readUInt32BE()));
  const checks = createServer((connection) => connection.destroy());
  createInterface({ input: process.stdin }).on("line", (line) => {
    if (line === "fail") checks.close();
    process.stdout.write(`${JSON.stringify(line === "fail" ? [] : numbers.splice(0))}\n`);
  });
  socket.bind(PORT, address, () => {
    checks.listen(PORT, checked, () => process.stdout.write("ready\n"));
  });
}
