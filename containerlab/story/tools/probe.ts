/** The packet tool of the labs: one program, so that no lab depends on which netcat a machine has. */

import { Command, InvalidArgumentError, Option } from "commander";
import { ask } from "./ask.ts";
import { flows } from "./flows.ts";
import { get, metadata } from "./metadata.ts";
import { serve } from "./serve.ts";
import { stream } from "./stream.ts";

const print = (line: string): void => void process.stdout.write(`${line}\n`);
const number = (text: string): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value <= 0) throw new InvalidArgumentError("not a positive integer");
  return value;
};
const wait = (): Option => new Option("--wait <ms>", "for each answer").argParser(number).default(2000);
const stopped = (): Promise<void> => new Promise((resolve) => process.once("SIGTERM", () => resolve()));

const probe = new Command("probe").description("asks and answers over TCP and UDP, and counts");

probe
  .command("serve <port>")
  .description("answer who I am and whom I saw, on TCP and UDP, on every address")
  .action((port: string) => serve(number(port), print));

probe
  .command("ask <tcp|udp> <address> <port>")
  .description("ask a service; exit status 1 when an answer is missing")
  .option("--times <n>", "each from a new port", number, 1)
  .addOption(wait())
  .action(async (over: string, address: string, port: string, options: { times: number; wait: number }) => {
    for (let left = options.times; left > 0; left--) {
      const question = {
        over: over === "udp" ? over : "tcp",
        address,
        port: number(port),
        waitMs: options.wait,
      };
      const { line, answered } = await ask(question as Parameters<typeof ask>[0]);
      print(line);
      if (!answered) process.exitCode = 1;
    }
  });

probe
  .command("stream <address> <port>")
  .description("numbered datagrams until SIGTERM; then what came back, as JSON")
  .option("--rate <n>", "per second", number, 1000)
  .action(async (address: string, port: string, { rate }: { rate: number }) => {
    const running = stream(address, number(port), rate);
    const first = setInterval(() => {
      if (running.answered() === 0) return;
      clearInterval(first);
      print("answered");
    }, 10);
    await stopped();
    clearInterval(first);
    print(JSON.stringify(await running.finish()));
  });

probe
  .command("flows <address> <port>")
  .description("long TCP connections until SIGTERM; who holds them, at first and at the end, as JSON")
  .option("--count <n>", "how many", number, 32)
  .action(async (address: string, port: string, { count }: { count: number }) => {
    const running = flows(address, number(port), count);
    await running.opened;
    print(JSON.stringify(running.report()));
    await stopped();
    print(JSON.stringify(running.report()));
    process.exit();
  });

probe
  .command("metadata <address:port>")
  .description("a compute host's metadata service")
  .action((where: string) => {
    const [address = "", port = ""] = where.split(":");
    metadata(address, number(port));
  });

probe
  .command("get <url>")
  .description("one HTTP request")
  .addOption(wait())
  .action(async (url: string, options: { wait: number }) => {
    const { line, answered } = await get(url, options.wait);
    print(line);
    if (!answered) process.exitCode = 1;
  });

await probe.parseAsync();
