// Datagrams of one host, driven by lines of JSON.
// Requests: { from: address, to: [address, port], octets: hex }: the answer, in hex; asked again until there is one
//         | { hear: port } | { heard: port }: what came there since, in hex
import { createSocket } from "node:dgram";
import { createInterface } from "node:readline";

const heard = new Map();

async function bound(port, address) {
  const socket = createSocket("udp4");
  await new Promise((resolve) => socket.bind(port, address, resolve));
  return socket;
}

async function ask({ from, to: [address, port], octets }) {
  const socket = await bound(0, from);
  const send = () => socket.send(Buffer.from(octets, "hex"), port, address);
  const again = setInterval(send, 1000);
  send();
  const answer = await new Promise((resolve) => socket.once("message", resolve));
  clearInterval(again);
  socket.close();
  return answer.toString("hex");
}

async function hear(port) {
  const octets = [];
  heard.set(port, octets);
  (await bound(port, "0.0.0.0")).on("message", (data) => octets.push(data.toString("hex")));
  return true;
}

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  let answer;
  if ("hear" in request) answer = await hear(request.hear);
  else if ("heard" in request) answer = heard.get(request.heard);
  else answer = await ask(request);
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
