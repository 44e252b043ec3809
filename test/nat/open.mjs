// Opens UDP sessions with echo.mjs, one after the other. argv: server, port, own address, how many. Prints how many were
// answered and how many refused.
import { createSocket } from "node:dgram";

const [, , server, port, address, count] = process.argv;
const result = { answered: 0, refused: 0 };
function open(left) {
  if (left === 0) {
    process.stdout.write(`${JSON.stringify(result)}\n`);
    process.exit(0);
  }
  const socket = createSocket("udp4");
  let done = false;
  let again;
  const next = (what) => {
    if (done) return;
    done = true;
    clearInterval(again);
    result[what]++;
    open(left - 1);
  };
  // A connected socket hears of ICMP errors; a lost one is brought about by the next packet.
  socket.on("error", () => next("refused"));
  socket.on("message", () => next("answered"));
  socket.bind(0, address, () =>
    socket.connect(Number(port), server, () => {
      const ask = () => socket.send("?", (error) => error && next("refused"));
      again = setInterval(ask, 200);
      ask();
    }),
  );
}
open(Number(count));
