/** Answers every datagram to one server, so that its flow is known both ways. argv: address, port. Says when it listens. */

import { createSocket } from "node:dgram";

const [address = "", port] = process.argv.slice(2);
const socket = createSocket("udp4");
socket.on("message", (_, from) => socket.send("!", from.port, from.address));
socket.bind(Number(port), address, () => process.stdout.write("ready\n"));
