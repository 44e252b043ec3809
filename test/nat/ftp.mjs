// The two ends of an FTP control connection, as far as PORT (RFC 959) goes, driven by lines of JSON.
// Requests: { serve: [address, port] }
//         | { port: [own, port], to: [address, port] }: says PORT of that endpoint, and answers { said, from }: what the
//           server heard, and who opened the data connection; null where none came of it
import { createConnection, createServer } from "node:net";
import { createInterface } from "node:readline";

const lineOf = (socket) =>
  new Promise((resolve) => socket.once("data", (data) => resolve(data.toString().trim())));

/** Hears a PORT, opens what it names, and says what it heard by the control connection. */
async function serve([host, port]) {
  const server = createServer(async (control) => {
    control.on("error", () => undefined);
    await lineOf(control);
    control.write("331 who else?\r\n");
    const said = await lineOf(control);
    const parts = said.replace("PORT ", "").split(",").map(Number);
    const to = { host: parts.slice(0, 4).join("."), port: parts[4] * 256 + parts[5] };
    // A private address leads nowhere from here: the kernel says so at once.
    const data = createConnection(to, () => control.write(`opened ${said}\n`));
    data.on("error", () => control.write(`failed ${said}\n`));
  });
  await new Promise((resolve) => server.listen(port, host, resolve));
  return true;
}

async function active([own, port], [host, controlPort]) {
  const server = createServer((data) => data.on("error", () => undefined));
  const opened = new Promise((resolve) => server.once("connection", (data) => resolve(data.remoteAddress)));
  await new Promise((resolve) => server.listen(port, own, resolve));
  const control = createConnection({ host, port: controlPort, localAddress: own });
  control.on("error", () => undefined);
  await new Promise((resolve) => control.once("connect", resolve));
  // The kernel's helper reads lines from the second on: the first tells it where lines begin.
  control.write("USER anonymous\r\n");
  await lineOf(control);
  control.write(`PORT ${own.replaceAll(".", ",")},${port >> 8},${port & 255}\r\n`);
  const [, result, said] = /^(\w+) (.*)$/.exec(await lineOf(control));
  const from = result === "opened" ? await opened : null;
  control.destroy();
  server.close();
  return { said, from };
}

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  const answer = request.serve ? await serve(request.serve) : await active(request.port, request.to);
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
