// Tells whoever asks, by TCP or UDP on port argv[2], which address it sees him as. Says "ready" when it listens.
import { createSocket } from "node:dgram";
import { createServer } from "node:net";

const port = Number(process.argv[2]);
const plain = (address) => address.replace(/^::ffff:/, "");
const tcp = createServer((socket) => {
  socket.on("error", () => undefined);
  socket.end(`${plain(socket.remoteAddress ?? "")}:${socket.remotePort}`);
});
const udp = createSocket("udp4");
udp.on("message", (_, from) => udp.send(`${from.address}:${from.port}`, from.port, from.address));
tcp.listen(port, "0.0.0.0", () => udp.bind(port, () => process.stdout.write("ready\n")));
