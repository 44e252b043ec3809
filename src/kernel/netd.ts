/**
 * netd: the process that may change the kernel. Started by the core with a socket as descriptor 3; ends when that
 * closes, and leaves everything in the kernel as it is. It speaks frames (frames.ts) of commands (commands.ts).
 */

import { Socket } from "node:net";
import { CODE, type Drift, decodeSettings, encodeJson } from "./commands.ts";
import { encodeFrame, type Frame, FrameReader } from "./frames.ts";
import { Machine } from "./machine.ts";
import { openNeighbourSocket } from "./neighbours.ts";
import { exitNow, type IcmpSocket, pollReadable, SystemError } from "./netlink/ffi.ts";
import { Nft, NoLibrary } from "./nft/nft.ts";
import { compiledOtherwise } from "./nft/nft-probe.ts";
import { dropPrivileges, Missing } from "./privileges.ts";

const CORE_FD = 3;
/** Changes by others come in bursts: they are told of once, so long after the first. */
const DRIFT_QUIET_MS = 100;
const TICK_MS = 1000;
/** Changes of routes come in bursts too. */
const WAYS_QUIET_MS = 10;
/** Between two looks for ways there is so many times the time that the last one took: commands have theirs. */
const WAYS_REST = 4;

const core = new Socket({ fd: CORE_FD, readable: true, writable: true });
const drifted = new Set<Drift>();

const send = (id: number, code: number, payload: Buffer): boolean =>
  core.write(encodeFrame(id, code, payload));
const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Says why, and ends. The core starts another one, or gives up when the reason is its own. */
function fail(error: unknown): void {
  const code = error instanceof Missing ? "netd.missing" : "netd.failed";
  core.write(encodeFrame(0, CODE.fatal, encodeJson({ code, message: textOf(error) })), () => exitNow(1));
}

function openNft(): Nft {
  try {
    const otherwise = compiledOtherwise();
    if (otherwise.length > 0)
      throw new Missing(
        `libnftables.so.1 compiles ${otherwise.join(" and ")} otherwise than version 1.0.6, and translations would go wrong: install libnftables1 of Debian 12, or set kernel: { type: none }`,
      );
    return new Nft();
  } catch (error) {
    if (!(error instanceof NoLibrary)) throw error;
    throw new Missing(
      `libnftables.so.1 cannot be loaded (${error.message}): install the Debian package libnftables1, or set kernel: { type: none }`,
    );
  }
}

/** Before privileges are dropped: it is the only thing that needs CAP_NET_RAW, and most gateways do without. */
function openIcmp(): IcmpSocket | undefined {
  try {
    return openNeighbourSocket();
  } catch (error) {
    if (error instanceof SystemError) return undefined;
    throw error;
  }
}

function tellDrift(what: Drift): void {
  if (drifted.size === 0)
    setTimeout(() => {
      send(0, CODE.drift, encodeJson([...drifted]));
      drifted.clear();
    }, DRIFT_QUIET_MS);
  drifted.add(what);
}

/** Looks for ways a little later than it is asked to, so that a flood of changes is few looks. */
function wayFinder(find: () => void): () => void {
  let restsUntilMs = 0;
  let pending = false;
  return () => {
    if (pending) return;
    pending = true;
    setTimeout(
      () => {
        pending = false;
        const beganMs = performance.now();
        try {
          find();
        } catch (error) {
          fail(error);
        }
        const endedMs = performance.now();
        restsUntilMs = endedMs + (endedMs - beganMs) * WAYS_REST;
      },
      Math.max(WAYS_QUIET_MS, restsUntilMs - performance.now()),
    );
  };
}

function start(): Machine {
  const settings = decodeSettings(process.argv[2] ?? "");
  const icmp = openIcmp();
  const warnings = dropPrivileges();
  const machine: Machine = new Machine(settings, openNft(), icmp, {
    links: (changes) => send(0, CODE.links, encodeJson(changes)),
    drift: tellDrift,
    neighbour: (neighbour) => send(0, CODE.neighbour, encodeJson(neighbour)),
    waysDue: wayFinder(() => {
      const ways = machine.lookForWays();
      if (ways.length > 0) send(0, CODE.ways, encodeJson(ways));
    }),
    warning: (warning) => send(0, CODE.warning, encodeJson(warning)),
  });
  const hello = { warnings: [...warnings, ...machine.warnings], links: machine.links() };
  send(0, CODE.hello, encodeJson(hello));
  return machine;
}

function answer(machine: Machine, { id, code, payload }: Frame): void {
  const done = (end: Buffer): boolean => send(id, CODE.done, end);
  const failed = (error: unknown): void => {
    const name = error instanceof Error ? error.name : "Error";
    send(id, CODE.failed, encodeJson({ code: name, message: textOf(error) }));
  };
  try {
    const end = machine.carryOut(code, payload);
    if (end instanceof Promise) void end.then(done).catch(failed);
    else done(end);
  } catch (error) {
    failed(error);
  }
}

function listen(machine: Machine): void {
  pollReadable(machine.watched, () => {
    try {
      machine.hear();
    } catch (error) {
      fail(error);
      return;
    }
    // While the core does not read, events stay in the kernel's queue, which is bounded and says when it overflowed.
    if (core.writableNeedDrain) core.once("drain", () => listen(machine));
    else listen(machine);
  });
}

// A terminal and a service manager send these to the whole group; netd is needed until the core has done with it.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);
for (const over of ["end", "close", "error"] as const) core.on(over, () => exitNow(0));

try {
  const machine = start();
  const frames = new FrameReader();
  core.on("data", (chunk: Buffer) => {
    for (const frame of frames.push(chunk)) answer(machine, frame);
  });
  listen(machine);
  setInterval(() => machine.tick(), TICK_MS);
} catch (error) {
  fail(error);
}
