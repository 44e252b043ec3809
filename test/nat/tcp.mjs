// TCP sockets of one host, driven by lines of JSON. Who accepts tells whom it sees.
// Requests: { listen: own } | { ask: own, to: [endpoint, ...] }: connects from one port to each, says what each saw
//         | { begin: own, to: endpoint }: begins to connect | { outcome: own, to: endpoint }: "connected" or an error's code
//         | { say: own, to: endpoint }: a line | { end: own, to: endpoint } | { reset: own, to: endpoint } | { accepted: own }: whom it saw
import { connect, createServer } from "node:net";
import { createInterface } from "node:readline";

const listeners = new Map();
const connections = new Map();
const keyOf = (own, to) => `${own.join(":")} ${to.join(":")}`;

function listen([address, port]) {
  const accepted = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const seen = `${socket.remoteAddress}:${socket.remotePort}`;
    accepted.push(seen);
    keep([address, port], [socket.remoteAddress, socket.remotePort], socket);
    socket.write(`${seen}\n`);
  });
  listeners.set(`${address}:${port}`, accepted);
  return new Promise((resolve) => server.listen(port, address, () => resolve(true)));
}

function keep(own, to, socket) {
  const connection = { socket, told: "" };
  socket.on("data", (data) => {
    connection.told += data;
  });
  socket.on("error", () => undefined);
  connections.set(keyOf(own, to), connection);
  return connection;
}

function begin(own, to) {
  const [localAddress, localPort] = own;
  const [host, port] = to;
  const socket = connect({ host, port, localAddress, localPort, allowHalfOpen: true });
  const connection = keep(own, to, socket);
  connection.outcome = new Promise((resolve) => {
    socket.once("connect", () => resolve("connected"));
    socket.once("error", ({ code }) => resolve(code));
  });
  return connection;
}

async function ask(own, to) {
  const connection = begin(own, to);
  const outcome = await connection.outcome;
  if (outcome !== "connected") return outcome;
  while (!connection.told.endsWith("\n"))
    await new Promise((resolve) => connection.socket.once("data", () => setImmediate(resolve)));
  return connection.told.trim();
}

async function carryOut(request) {
  if (request.listen) return listen(request.listen);
  if (request.accepted) return listeners.get(request.accepted.join(":")) ?? [];
  if (request.ask) {
    const seen = [];
    for (const to of request.to) seen.push(await ask(request.ask, to));
    return seen;
  }
  if (request.begin) {
    begin(request.begin, request.to);
    // Node connects in its next turn: only then has the SYN been sent.
    await new Promise((resolve) => setImmediate(resolve));
    return true;
  }
  if (request.outcome) return connections.get(keyOf(request.outcome, request.to)).outcome;
  const { socket } = connections.get(keyOf(request.say ?? request.end ?? request.reset, request.to));
  if (request.say) socket.write("?\n");
  else if (request.end) socket.end();
  else socket.resetAndDestroy();
  return true;
}

for await (const line of createInterface(process.stdin))
  process.stdout.write(`${JSON.stringify(await carryOut(JSON.parse(line)))}\n`);
