/** Answers every datagram to one of some servers, so that its flow is known both ways. argv: port, addresses. */

import { createSocket } from "node:dgram";

const [port, ...addresses] = process.argv.slice(2);
for (const address of addresses) {
  const socket = createSocket("udp4");
  socket.on("message", (_, from) => socket.send("!", from.port, from.address));
  socket.bind(Number(port), address);
}
