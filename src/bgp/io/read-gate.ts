/**
 * What sockets bring, dealt with for a few milliseconds at a time. The event loop hands over all that waits in a socket
 * before it looks at timers: with a million routes on the way that were seconds without a keepalive. So when the time is
 * over, the octets wait for the next turn of the loop, first come first served, and their socket is not read before.
 */

import type { Socket } from "node:net";
import { performance } from "node:perf_hooks";

/** As long as a turn of the speaker, so that what comes in and what goes out have equal shares. */
const READ_MS = 4;

interface Waiting {
  readonly socket: Socket;
  readonly deal: () => void;
}

export class ReadGate {
  /** One entry per socket at most; but for what node read ahead, their octets are still with the kernel. */
  readonly #waiting: Waiting[] = [];
  #beganMs = 0;
  #next: NodeJS.Immediate | undefined;

  /** @param deal - deals with octets of this socket, now or later */
  pass(socket: Socket, deal: () => void): void {
    if (this.#next === undefined) this.#begin();
    if (this.#waiting.length === 0 && this.#hasTime()) deal();
    else {
      socket.pause();
      this.#waiting.push({ socket, deal });
    }
  }

  #begin(): void {
    this.#beganMs = performance.now();
    this.#next = setImmediate(() => this.#turn());
  }

  #hasTime(): boolean {
    return performance.now() - this.#beganMs < READ_MS;
  }

  #turn(): void {
    this.#next = undefined;
    if (this.#waiting.length === 0) return;
    this.#begin();
    while (this.#waiting.length > 0 && this.#hasTime()) {
      const { socket, deal } = this.#waiting.shift()!;
      deal();
      socket.resume();
    }
  }
}
