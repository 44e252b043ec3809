// Asks echo.mjs: argv is tcp|udp, address, port, own port or 0, how long to listen, in ms, and own address.
// Prints "seen-as from answering-address" or "silence".
import { createSocket } from "node:dgram";
import { connect } from "node:net";

const [, , protocol, host, port, localPort, patienceMs, localAddress] = process.argv;
const end = (text) => {
  process.stdout.write(`${text}\n`);
  process.exit(0);
};
setTimeout(() => end("silence"), Number(patienceMs));
if (protocol === "tcp") {
  const socket = connect({ host, port: Number(port), localPort: Number(localPort), localAddress });
  socket.on("data", (data) => end(`${data} from ${socket.remoteAddress}`));
  socket.on("error", (error) => end(error.code));
} else {
  const socket = createSocket("udp4");
  socket.on("message", (data, from) => end(`${data} from ${from.address}`));
  socket.on("error", (error) => end(error.code));
  socket.bind(Number(localPort), localAddress, () => socket.send("?", Number(port), host));
}
