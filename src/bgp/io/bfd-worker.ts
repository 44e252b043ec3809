/**
 * The thread in which BFD runs, so that no pause of the core is taken for a dead link. It tells the core only of
 * changes of state; everything else stays here.
 */

import { randomInt } from "node:crypto";
import type { Socket } from "node:dgram";
import { setPriority } from "node:os";
import { parentPort } from "node:worker_threads";
import { BFD_PORT, decodeBfd, encodeBfd } from "../bfd/packet.ts";
import {
  administrativelyDown,
  type BfdSession,
  type BfdStep,
  beginSession,
  changeTiming,
  expire,
  nextDeadline,
  receive,
} from "../bfd/session.ts";
import type { Family } from "../net/address.ts";
import { formatAddress, parseScopedAddress } from "../net/text.ts";
import { openReceiver, openSender } from "./bfd-socket.ts";
import type { FromBfd, ToBfd } from "./bfd-thread.ts";

interface Watched {
  readonly id: number;
  readonly address: string;
  readonly family: Family;
  session: BfdSession;
  /** Undefined until it is open. */
  sender: Socket | undefined;
  timer: NodeJS.Timeout | undefined;
  armedAtMs: number;
  ended: boolean;
}

/** How often the end of a session is said: the other side must not take it for a failure when one packet is lost. */
const FAREWELLS = 3;
const BEFORE_THE_CORE = -10;

const port = parentPort!;
const watchedById = new Map<number, Watched>();
const watchedByAddress = new Map<string, Watched>();
const receivers = new Map<Family, Promise<Socket | undefined>>();
const problems = new Map<Family, string>();

const say = (message: FromBfd): void => port.postMessage(message);

try {
  // On Linux a thread has a niceness of its own.
  setPriority(BEFORE_THE_CORE);
} catch {
  // Without the privilege it competes like everyone else.
}

port.on("message", (message: ToBfd) => {
  switch (message.do) {
    case "watch":
      void watch(message);
      break;
    case "change": {
      const watched = watchedById.get(message.id);
      if (watched === undefined) break;
      watched.session = changeTiming(watched.session, message.timing, performance.now());
      due(watched);
      break;
    }
    case "end": {
      const watched = watchedById.get(message.id);
      if (watched !== undefined) end(watched);
      break;
    }
    case "close":
      for (const watched of [...watchedById.values()]) end(watched);
      for (const receiver of receivers.values()) void receiver.then((socket) => socket?.close());
      port.close();
      break;
    default:
      message satisfies never;
  }
});

async function watch({ id, family, address, local, timing, again }: ToBfd & { do: "watch" }): Promise<void> {
  const session = beginSession(freshDiscriminator(), timing, performance.now());
  const watched: Watched = {
    id,
    address,
    family,
    session,
    sender: undefined,
    timer: undefined,
    armedAtMs: Number.POSITIVE_INFINITY,
    ended: false,
  };
  watchedById.set(id, watched);
  watchedByAddress.set(address, watched);
  if (!receivers.has(family)) receivers.set(family, listen(family));
  const problem = problems.get(family);
  if (problem !== undefined) say({ id, problem });
  try {
    const sender = await openSender(family, local, Math.random());
    if (watched.ended) sender.close();
    else {
      watched.sender = sender;
      // The other side may still be up with the thread before this one: to begin anew is no failure of the link.
      if (again) farewell(watched);
      due(watched);
    }
  } catch (error) {
    say({ id, problem: wordsOf(error) });
  }
}

/** RFC 5880 §6.8.1: random, and nobody else's. */
function freshDiscriminator(): number {
  const taken = new Set([...watchedById.values()].map(({ session }) => session.discriminator));
  for (;;) {
    const discriminator = randomInt(1, 0x1_0000_0000);
    if (!taken.has(discriminator)) return discriminator;
  }
}

async function listen(family: Family): Promise<Socket | undefined> {
  try {
    const socket = await openReceiver(family);
    socket.on("message", (octets, { address }) => hear(octets, address));
    return socket;
  } catch (error) {
    const problem = wordsOf(error);
    problems.set(family, problem);
    for (const { id, family: of } of watchedById.values()) if (of === family) say({ id, problem });
    return undefined;
  }
}

/** RFC 5881 §4: on one hop the address tells whose it is; the discriminator must then fit as well. */
function hear(octets: Uint8Array, from: string): void {
  const known = parseScopedAddress(from);
  const watched = known && watchedByAddress.get(formatAddress(known));
  const packet = watched && decodeBfd(octets);
  if (packet === undefined) return;
  take(watched!, receive(watched!.session, packet, performance.now()));
  due(watched!);
}

function due(watched: Watched): void {
  if (watched.ended || watched.sender === undefined) return;
  const nowMs = performance.now();
  take(watched, expire(watched.session, nowMs, Math.random()));
  const atMs = nextDeadline(watched.session);
  if (watched.armedAtMs > nowMs && watched.armedAtMs <= atMs) return;
  clearTimeout(watched.timer);
  watched.armedAtMs = atMs;
  watched.timer = setTimeout(
    () => {
      watched.armedAtMs = Number.POSITIVE_INFINITY;
      // Node fires timers before it reads sockets: after a pause, what has come in the meantime is heard first.
      setImmediate(() => due(watched));
    },
    Math.max(0, Math.ceil(atMs - nowMs)),
  );
}

function take(watched: Watched, { session, packet }: BfdStep): void {
  const before = watched.session;
  watched.session = session;
  if (packet !== undefined) send(watched, encodeBfd(packet));
  if (before.state === session.state && before.remote.state === session.remote.state) return;
  const { state, diagnostic, remote } = session;
  // The silence has made the present values of the other side unknown: what it was up to then counts.
  const { independent } = remote.discriminator === 0 ? before.remote : remote;
  say({
    id: watched.id,
    report: {
      state,
      diagnostic,
      remoteState: remote.state,
      remoteIndependent: independent,
      problem: undefined,
    },
  });
}

function send(watched: Watched, octets: Uint8Array): void {
  // An error (no route, no buffer) is a packet lost, as on the way.
  watched.sender?.send(octets, BFD_PORT, watched.address, () => undefined);
}

/**
 * Deviates: RFC 5880 §6.8.16 wants AdminDown told for a Detection Time. The peer may be watched anew at once, with
 * another discriminator, so it is told at once, and more than once.
 */
function end(watched: Watched): void {
  watched.ended = true;
  clearTimeout(watched.timer);
  watchedById.delete(watched.id);
  if (watchedByAddress.get(watched.address) === watched) watchedByAddress.delete(watched.address);
  const { sender } = watched;
  if (sender === undefined) return;
  farewell(watched, () => sender.close());
}

/** Says that the session ends and that this is no failure, as often as needed. `sent`: all of it is on its way. */
function farewell({ session, sender, address }: Watched, sent: () => void = () => undefined): void {
  const nowMs = performance.now();
  const { packet } = expire(administrativelyDown(session, nowMs), nowMs, 0);
  if (packet === undefined) {
    sent();
    return;
  }
  let left = FAREWELLS;
  for (let i = 0; i < FAREWELLS; i++) {
    sender?.send(encodeBfd(packet), BFD_PORT, address, () => {
      if (--left === 0) sent();
    });
  }
}

const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
