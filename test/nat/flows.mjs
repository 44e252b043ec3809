// Opens UDP sockets to echo.mjs and prints for each "own-address:own-port seen-address:seen-port", when all have been
// answered. argv: server, port, first own port, how many, own addresses. What is lost is asked again.
import { createSocket } from "node:dgram";

const [, , server, port, first, count, ...addresses] = process.argv;
const sockets = addresses.flatMap((address) =>
  Array.from({ length: Number(count) }, (_, i) => ({ address, ownPort: Number(first) + i, seen: undefined })),
);
let left = sockets.length;
for (const flow of sockets) {
  const socket = createSocket("udp4");
  const ask = () => socket.send("?", Number(port), server);
  const again = setInterval(ask, 1000);
  socket.on("message", (seen) => {
    if (flow.seen !== undefined) return;
    flow.seen = String(seen);
    clearInterval(again);
    socket.close();
    if (--left > 0) return;
    process.stdout.write(sockets.map((f) => `${f.address}:${f.ownPort} ${f.seen}\n`).join(""));
    process.exit(0);
  });
  socket.bind(flow.ownPort, flow.address, ask);
}
