/** Asks a service (see serve.ts) a number of times, each time from a new port, and says what came back from where. */

import { createSocket } from "node:dgram";
import { connect } from "node:net";

export interface Question {
  readonly over: "tcp" | "udp";
  readonly address: string;
  readonly port: number;
  /** How long to wait for each answer, ms. */
  readonly waitMs: number;
}

/** One line: "ADDRESS answered: vm-a saw …", or what came instead of an answer. */
export function ask(question: Question): Promise<{ line: string; answered: boolean }> {
  const { over, address, port, waitMs } = question;
  const none = `${address} ${port} over ${over}:`;
  return new Promise((resolve) => {
    const answer = (from: string, text: string): void =>
      finish({ line: `${from} answered: ${text.trim()}`, answered: true });
    const fail = (why: string): void => finish({ line: `${none} ${why}`, answered: false });
    const finish = (result: { line: string; answered: boolean }): void => {
      clearTimeout(timer);
      close();
      resolve(result);
    };
    const timer = setTimeout(() => fail(`silence for ${waitMs} ms`), waitMs);
    const close = over === "tcp" ? askTcp(question, answer, fail) : askUdp(question, answer, fail);
  });
}

type Answer = (from: string, text: string) => void;
type Fail = (why: string) => void;

function askTcp({ address, port }: Question, answer: Answer, fail: Fail): () => void {
  const socket = connect({ host: address, port }, () => socket.write("who are you\n"));
  socket.once("data", (data) => answer(socket.remoteAddress ?? "", data.toString()));
  socket.once("error", (error: NodeJS.ErrnoException) => fail(error.code ?? error.message));
  socket.once("close", () => fail("closed without an answer"));
  return () => socket.destroy();
}

function askUdp({ address, port }: Question, answer: Answer, fail: Fail): () => void {
  // Not connected: an answer from another address than the one asked must be seen, not dropped.
  const socket = createSocket("udp4");
  socket.once("message", (data, from) => answer(from.address, data.toString()));
  socket.once("error", (error: NodeJS.ErrnoException) => fail(error.code ?? error.message));
  socket.send("who are you", port, address);
  return () => socket.close();
}
