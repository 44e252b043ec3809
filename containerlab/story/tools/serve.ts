/**
 * A service that answers who it is and whom it saw, on TCP and UDP: "vm-a saw 198.18.0.10 40312".
 * Every line of TCP and every datagram gets one answer, with `#N` of the question in front when it has one.
 */

import { createSocket } from "node:dgram";
import { createServer } from "node:net";
import { hostname, networkInterfaces } from "node:os";
import { createInterface } from "node:readline";

/** Serves until the process ends. Prints one line per new client. */
export function serve(port: number, print: (line: string) => void): void {
  const told = (question: string, address: string, from: number): string => {
    const number = /^#\d+ /.exec(question)?.[0] ?? "";
    return `${number}${hostname()} saw ${address.replace(/^::ffff:/, "")} ${from}`;
  };
  createServer((socket) => {
    const { remoteAddress = "", remotePort = 0, localAddress = "" } = socket;
    print(`tcp ${remoteAddress} ${remotePort} -> ${localAddress} ${port}`);
    socket.on("error", () => socket.destroy());
    createInterface({ input: socket })
      .on("error", () => undefined)
      .on("line", (line) => socket.write(`${told(line, remoteAddress, remotePort)}\n`));
  }).listen(port, "0.0.0.0");
  // One socket per address: from one on 0.0.0.0 an answer would leave with whatever address the route prefers.
  for (const address of ownAddresses()) {
    const socket = createSocket({ type: "udp4", recvBufferSize: 1 << 22 });
    const seen = new Set<string>();
    socket.on("message", (question, client) => {
      const key = `udp ${client.address} ${client.port} -> ${address} ${port}`;
      if (!seen.has(key)) print(key);
      seen.add(key);
      socket.send(told(question.toString(), client.address, client.port), client.port, client.address);
    });
    socket.on("error", (error) => print(`udp ${address} ${port}: ${error.message}`));
    socket.bind(port, address);
  }
}

function ownAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.flatMap(({ family, address }) =>
    family === "IPv4" && !address.startsWith("127.") ? [address] : [],
  );
}
