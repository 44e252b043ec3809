/**
 * Hears private hosts ask for mappings (RFC 6887, RFC 6886) on UDP port 5351 of the addresses that were configured, and
 * answers from there. One request after the other: what it comes to is looked up in the kernel, and stands there.
 */

import { createSocket, type Socket } from "node:dgram";
import { uptime } from "node:os";
import { RateLimit } from "../../api/rate-limit.ts";
import { type Address, contains } from "../../bgp/net/address.ts";
import { formatAddress, parseAddress } from "../../bgp/net/text.ts";
import type { Problem } from "../../gateway/intent.ts";
import type { Model } from "../../model/model.ts";
import { ALL_HOSTS } from "../../model/pcp.ts";
import type { NatTable } from "../../nat/table.ts";
import { encodeAnnouncement } from "../../pcp/pcp.ts";
import { speak } from "../../pcp/speak.ts";
import { systemClock } from "../clock.ts";
import type { Log } from "../records/log.ts";
import { Granting, type GrantKernel } from "./granting.ts";

const SERVER_PORT = 5351;
const CLIENT_PORT = 5350;
/** Of one host. A client that hears nothing asks again after three seconds (RFC 6887 section 8.1.1). */
const REQUESTS_PER_SECOND = 10;
const REQUESTS_AT_ONCE = 100;
/** Requests that wait for those before them. */
const WAITING = 256;
/** Between two tries to listen at an address that this machine does not have. */
const LISTEN_AGAIN_MS = 2000;
/** RFC 6887 section 14.1.3: ten times, each pause double the one before. */
const ANNOUNCEMENTS = 10;
const FIRST_PAUSE_MS = 250;

export interface PcpServerOptions {
  readonly kernel: GrantKernel;
  /** The table that the kernel holds; undefined while it is not the one that is wanted. */
  readonly table: () => NatTable | undefined;
  readonly log: Log;
  /** {@link PcpServer.problems} says something else. */
  readonly changed: () => void;
}

export interface PcpCounts {
  /** Requests by what was answered, keyed "pcp success". */
  readonly answered: ReadonlyMap<string, number>;
  /** Requests that nothing was answered to, by why. */
  readonly dropped: Readonly<Record<"stranger" | "rate" | "busy" | "malformed" | "starting", number>>;
}

export class PcpServer {
  readonly granting: Granting;
  readonly #options: PcpServerOptions;
  readonly #rates = new RateLimit(REQUESTS_PER_SECOND, REQUESTS_AT_ONCE);
  readonly #answered = new Map<string, number>();
  readonly #dropped = { stranger: 0, rate: 0, busy: 0, malformed: 0, starting: 0 };
  readonly #sockets = new Map<string, Listener>();
  #nat: Pick<Model["nat"], "private" | "pcp">;
  /** What the kernel was compared for the last time. */
  #compared: { readonly table: NatTable; readonly repairs: number } | undefined;
  #tail: Promise<void> = Promise.resolve();
  #waiting = 0;
  #stopAnnouncing: (() => void) | undefined;

  constructor(nat: Pick<Model["nat"], "private" | "pcp">, options: PcpServerOptions) {
    this.#nat = nat;
    this.#options = options;
    this.granting = new Granting({
      ...options,
      settings: () => this.#nat.pcp,
      nowSeconds: uptime,
      random: Math.random,
      lost: () => this.#lost(),
    });
  }

  get counts(): PcpCounts {
    return { answered: this.#answered, dropped: this.#dropped };
  }

  problems(): Problem[] {
    return [...this.#sockets].flatMap(([subject, { failed }]): Problem[] => {
      if (failed === undefined) return [];
      const message = `mappings cannot be asked for at ${subject}: ${failed}`;
      return [{ code: "pcp.listen", subject, message }];
    });
  }

  /** Listens where it is said, and nowhere else. */
  set(nat: Pick<Model["nat"], "private" | "pcp">): void {
    this.#nat = nat;
    const wanted = new Set(nat.pcp.listen.map(formatAddress));
    for (const [text, listener] of this.#sockets) {
      if (wanted.has(text)) continue;
      listener.close();
      this.#sockets.delete(text);
    }
    for (const text of wanted) {
      if (this.#sockets.has(text)) continue;
      const hear: Hear = (octets, from, answer) => this.#hear(octets, from, answer);
      this.#sockets.set(text, new Listener(text, hear, this.#options));
    }
  }

  /** The kernel holds this table. @param repairs - how often it had to be mended since the start */
  programmed(table: NatTable, repairs: number): void {
    if (this.#compared?.table === table && this.#compared.repairs === repairs) return;
    this.#compared = { table, repairs };
    if (!(table.grants || this.granting.isKnown)) return;
    void this.#inTurn(() => this.granting.sync()).catch(() => {
      // netd is away: compared anew when the table is known again.
      this.#compared = undefined;
    });
  }

  async close(): Promise<void> {
    this.#stopAnnouncing?.();
    for (const listener of this.#sockets.values()) listener.close();
    this.#sockets.clear();
    await this.#tail;
  }

  #hear(octets: Uint8Array, from: string, answer: Answer): void {
    const source = parseAddress(from);
    const why = source === undefined ? "stranger" : this.#whyNot(source, from);
    if (source === undefined || why !== undefined) {
      this.#dropped[why ?? "stranger"]++;
      return;
    }
    void this.#inTurn(async () => {
      const spoken = await speak(this.granting, source, octets);
      if (spoken === undefined) {
        this.#dropped.malformed++;
        return;
      }
      const key = `${spoken.protocol} ${spoken.result}`;
      this.#answered.set(key, (this.#answered.get(key) ?? 0) + 1);
      const { protocol, result } = spoken;
      this.#options.log.debug({ event: "pcp.answer", from, protocol, result }, "a mapping was asked for");
      answer(spoken.octets);
    });
  }

  #whyNot(source: Address, from: string): keyof PcpCounts["dropped"] | undefined {
    if (!this.#nat.private.some((range) => contains(range, source))) return "stranger";
    if (!this.granting.isReady) return "starting";
    if (this.#rates.take(from, systemClock.now()) > 0) return "rate";
    return this.#waiting >= WAITING ? "busy" : undefined;
  }

  /** After all that is under way. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    this.#waiting++;
    const done = this.#tail.then(work).finally(() => {
      this.#waiting--;
    });
    this.#tail = done.catch(() => undefined);
    return done;
  }

  #lost(): void {
    this.#options.log.info(
      { event: "pcp.epoch" },
      "mappings are kept from now on; those that hosts had are lost",
    );
    this.#stopAnnouncing?.();
    this.#announce(ANNOUNCEMENTS, FIRST_PAUSE_MS);
  }

  #announce(times: number, pauseMs: number): void {
    for (const listener of this.#sockets.values())
      listener.announce(encodeAnnouncement(this.granting.epochSeconds));
    this.#stopAnnouncing =
      times === 1
        ? undefined
        : systemClock.at(systemClock.now() + pauseMs, () => this.#announce(times - 1, 2 * pauseMs));
  }
}

type Answer = (octets: Uint8Array) => void;
type Hear = (octets: Uint8Array, from: string, answer: Answer) => void;

/** A socket at one address; it tries again while that is not to be had. */
class Listener {
  readonly #address: string;
  readonly #hear: Hear;
  readonly #options: Pick<PcpServerOptions, "log" | "changed">;
  #socket: Socket | undefined;
  #failed: string | undefined;
  #callOff: (() => void) | undefined;

  constructor(address: string, hear: Hear, options: Pick<PcpServerOptions, "log" | "changed">) {
    this.#address = address;
    this.#hear = hear;
    this.#options = options;
    this.#open();
  }

  /** Why nobody can be heard; undefined: all can. */
  get failed(): string | undefined {
    return this.#failed;
  }

  announce(octets: Uint8Array): void {
    if (this.#failed === undefined)
      this.#socket?.send(octets, CLIENT_PORT, formatAddress(ALL_HOSTS), () => undefined);
  }

  close(): void {
    this.#callOff?.();
    this.#socket?.close();
    this.#socket = undefined;
  }

  #open(): void {
    const socket = createSocket("udp4");
    this.#socket = socket;
    socket.on("error", (error) => this.#fail(socket, error.message));
    socket.on("message", (octets, { address, port }) =>
      this.#hear(octets, address, (answer) => {
        if (this.#socket === socket) socket.send(answer, port, address, () => undefined);
      }),
    );
    socket.bind({ address: this.#address, port: SERVER_PORT, exclusive: true }, () => {
      socket.setMulticastInterface(this.#address);
      this.#options.log.info({ event: "pcp.listen", address: this.#address }, "mappings can be asked for");
      this.#tell(undefined);
    });
  }

  #fail(socket: Socket, why: string): void {
    socket.close();
    this.#socket = undefined;
    this.#tell(why);
    this.#callOff = systemClock.at(systemClock.now() + LISTEN_AGAIN_MS, () => this.#open());
  }

  #tell(failed: string | undefined): void {
    if ((this.#failed === undefined) === (failed === undefined)) return;
    this.#failed = failed;
    this.#options.changed();
  }
}
