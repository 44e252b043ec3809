/** A metadata service as a compute host has one, and the question that a VM asks it. */

import { createServer, request } from "node:http";

/** Answers every GET with the address of the VM that asked. Serves until the process ends. */
export function metadata(address: string, port: number): void {
  createServer((question, answer) => {
    answer.setHeader("content-type", "application/json");
    answer.end(`${JSON.stringify({ path: question.url, "local-ipv4": question.socket.remoteAddress })}\n`);
  }).listen(port, address);
}

/** @returns the status and the body, or what went wrong */
export function get(url: string, waitMs: number): Promise<{ line: string; answered: boolean }> {
  return new Promise((resolve) => {
    const fail = (error: Error): void => resolve({ line: `${url}: ${error.message}`, answered: false });
    const question = request(url, { timeout: waitMs }, (answer) => {
      let body = "";
      answer.setEncoding("utf8").on("data", (text: string) => {
        body += text;
      });
      answer.once("end", () => resolve({ line: `${answer.statusCode} ${body.trim()}`, answered: true }));
    });
    question.once("timeout", () => question.destroy(new Error(`silence for ${waitMs} ms`)));
    question.once("error", fail);
    question.end();
  });
}
