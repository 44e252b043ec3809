/** A client: sends a datagram every millisecond to the address that was last written to its standard input, a line each. */

import { createSocket } from "node:dgram";
import { createInterface } from "node:readline";
import { PORT } from "./arrive.ts";

const EVERY_MS = 1;
const socket = createSocket("udp4");
let to: string | undefined;
createInterface({ input: process.stdin }).on("line", (line) => {
  to = line;
});
setInterval(() => {
  // Until there is a route it is refused at once.
  if (to !== undefined) socket.send("?", PORT, to, () => undefined);
}, EVERY_MS);
