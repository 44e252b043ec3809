/** Many long TCP connections to one address, each asked again and again: who holds them, and do they stay? */

import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";

export interface FlowsReport {
  /** Per member that answered a flow's first question: how many it was given, and what became of them. */
  readonly [member: string]: { readonly opened: number; readonly alive: number; readonly moved: number };
}

interface Flows {
  /** Resolves when every flow has been answered for the first time. */
  readonly opened: Promise<void>;
  report(): FlowsReport;
}

interface Flow {
  first: string | undefined;
  alive: boolean;
  moved: boolean;
}

const ASK_EVERY_MS = 200;

export function flows(address: string, port: number, count: number): Flows {
  const all = Array.from({ length: count }, () => open(address, port));
  return {
    opened: Promise.all(all.map(({ answered }) => answered)).then(() => undefined),
    report: () => {
      const members: Record<string, { opened: number; alive: number; moved: number }> = {};
      for (const { flow } of all) {
        members[flow.first ?? "nobody"] ??= { opened: 0, alive: 0, moved: 0 };
        const member = members[flow.first ?? "nobody"]!;
        member.opened++;
        if (flow.alive) member.alive++;
        if (flow.moved) member.moved++;
      }
      return members;
    },
  };
}

function open(address: string, port: number): { flow: Flow; answered: Promise<void> } {
  const flow: Flow = { first: undefined, alive: true, moved: false };
  const answered = new Promise<void>((resolve) => {
    const socket: Socket = connect({ host: address, port, noDelay: true });
    const timer = setInterval(() => socket.write("who are you\n"), ASK_EVERY_MS);
    socket.once("connect", () => socket.write("who are you\n"));
    socket.on("error", () => undefined);
    socket.once("close", () => {
      flow.alive = false;
      clearInterval(timer);
      resolve();
    });
    createInterface({ input: socket })
      .on("error", () => undefined)
      .on("line", (line) => {
        const who = line.split(" ")[0] ?? "";
        flow.moved ||= flow.first !== undefined && flow.first !== who;
        flow.first ??= who;
        resolve();
      });
  });
  return { flow, answered };
}
