// Sockets of one host, driven by lines of JSON. Each answer to a request says which endpoint the asked one saw.
// Requests: { listen: [address, port] } | { ask: [own, port], to: [[address, port], ...] }
//         | { answerFrom: [address, port], to: [address, port] } | { heard: [own, port] }
//         | { many: count, own, to: [address, port] }
import { createSocket } from "node:dgram";
import { createInterface } from "node:readline";

const PATIENCE_MS = 30_000;
/** Each of many endpoints has a port of its own, also when those before it are closed. */
const FIRST_OF_MANY = 5000;
const sockets = new Map();
const waiting = new Map();

/** The socket of an own endpoint, which answers "?" with whom it saw and keeps what else it is told. */
async function socketAt(address, port) {
  const key = `${address}:${port}`;
  if (sockets.has(key)) return sockets.get(key);
  const socket = createSocket({ type: "udp4", recvBufferSize: 1 << 22 });
  socket.heard = [];
  socket.on("message", (data, from) => {
    const text = data.toString();
    if (text.startsWith("?"))
      socket.send(`!${text.slice(1)} ${from.address}:${from.port}`, from.port, from.address);
    else {
      const [id, seen] = text.slice(1).split(" ");
      socket.heard.push(`${from.address}:${from.port}`);
      waiting.get(id)?.(seen);
    }
  });
  socket.on("error", () => undefined);
  await new Promise((resolve) => socket.bind(port, address, resolve));
  sockets.set(key, socket);
  return socket;
}

let ids = 0;
/** Asks until there is an answer: a first packet may be dropped. */
function ask(socket, [address, port]) {
  const id = String(ids++);
  return new Promise((resolve) => {
    const again = setInterval(() => socket.send(`?${id}`, port, address), 500);
    const end = setTimeout(() => answer(null), PATIENCE_MS);
    const answer = (seen) => {
      clearInterval(again);
      clearTimeout(end);
      waiting.delete(id);
      resolve(seen);
    };
    waiting.set(id, answer);
    socket.send(`?${id}`, port, address);
  });
}

async function carryOut(request) {
  if (request.listen) return socketAt(...request.listen).then(() => true);
  if (request.heard) return (await socketAt(...request.heard)).heard;
  if (request.ask) {
    const socket = await socketAt(...request.ask);
    const seen = [];
    for (const to of request.to) seen.push(await ask(socket, to));
    return seen;
  }
  if (request.answerFrom) {
    const socket = await socketAt(...request.answerFrom);
    const [address, port] = request.to;
    await new Promise((resolve) => socket.send("!- -", port, address, resolve));
    return true;
  }
  const seen = [];
  for (let i = 0; i < request.many; i += 64) {
    const some = Array.from({ length: Math.min(64, request.many - i) }, async (_, j) => {
      const port = FIRST_OF_MANY + i + j;
      const socket = await socketAt(request.own, port);
      const answer = await ask(socket, request.to);
      socket.close();
      sockets.delete(`${request.own}:${port}`);
      return answer;
    });
    seen.push(...(await Promise.all(some)));
  }
  return seen;
}

for await (const line of createInterface(process.stdin))
  process.stdout.write(`${JSON.stringify(await carryOut(JSON.parse(line)))}\n`);
