// The two ends of control connections that application-level gateways read, driven by lines of JSON; octets are hex.
// Requests: { serve: [address, port], protocol: "tcp" | "udp", answers: [octets], from: port }: answers the first message of a
//           flow with the first answer, and so on; UDP from another port, where `from` names one
//         | { say: [octets], own: [address, port], to: [address, port], protocol }: says one after the other, each when there
//           was an answer to the one before, and answers with all that the other side answered
//         | { heard: [address, port] }: what was said to that port by the flow before, of which it forgets
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createConnection, createServer } from "node:net";
import { createInterface } from "node:readline";

const heard = new Map();

const bound = async (port, address) => {
  const socket = createSocket("udp4");
  await new Promise((resolve) => socket.bind(port, address, resolve));
  return socket;
};

async function serve([address, port], protocol, answers, from) {
  const said = [];
  heard.set(`${address}:${port}`, said);
  const answerTo = (octets) => Buffer.from(answers[said.push(octets.toString("hex")) - 1] ?? "00", "hex");
  if (protocol === "tcp") {
    const server = createServer((socket) => {
      socket.on("error", () => undefined);
      socket.on("data", (octets) => socket.write(answerTo(octets)));
    });
    await new Promise((resolve) => server.listen(port, address, resolve));
    return true;
  }
  const socket = await bound(port, address);
  const answering = from === undefined ? socket : await bound(from, address);
  socket.on("message", (octets, who) => answering.send(answerTo(octets), who.port, who.address));
  return true;
}

async function sayTcp(messages, [own, ownPort], [host, port]) {
  const socket = createConnection({ host, port, localAddress: own, localPort: ownPort });
  await once(socket, "connect");
  const answers = [];
  for (const message of messages) {
    socket.write(Buffer.from(message, "hex"));
    answers.push((await once(socket, "data"))[0].toString("hex"));
  }
  socket.destroy();
  return answers;
}

async function sayUdp(messages, [own, ownPort], [host, port]) {
  const socket = await bound(ownPort, own);
  const answers = [];
  for (const message of messages) {
    socket.send(Buffer.from(message, "hex"), port, host);
    answers.push((await once(socket, "message"))[0].toString("hex"));
  }
  socket.close();
  return answers;
}

for await (const line of createInterface({ input: process.stdin })) {
  const { serve: at, say, heard: whom, own, to, protocol, answers, from } = JSON.parse(line);
  let answer;
  if (at !== undefined) answer = await serve(at, protocol, answers ?? [], from);
  else if (say !== undefined) answer = await (protocol === "tcp" ? sayTcp : sayUdp)(say, own, to);
  else answer = heard.get(`${whom[0]}:${whom[1]}`).splice(0);
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
