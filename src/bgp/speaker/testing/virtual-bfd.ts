/** BFD between the hosts of a virtual network: the real state machine and real octets, on virtual time. */

import { decodeBfd, encodeBfd } from "../../bfd/packet.ts";
import {
  administrativelyDown,
  type BfdSession,
  type BfdStep,
  beginSession,
  changeTiming,
  expire,
  nextDeadline,
  receive,
} from "../../bfd/session.ts";
import { type Address, sameAddress } from "../../net/address.ts";
import type { BfdReport, BfdTarget, BfdWatch } from "../world.ts";

/** What a virtual network does for it. */
interface Medium {
  readonly nowMs: number;
  readonly latencyMs: number;
  after(delayMs: number, task: () => void): void;
  isCut(from: Address, to: Address): boolean;
  cutAt(limit: number): number;
}

interface End {
  readonly local: Address;
  readonly remote: Address;
  readonly isUp: () => boolean;
  readonly heard: (report: BfdReport) => void;
  session: BfdSession;
}

export class VirtualBfd {
  readonly #network: Medium;
  readonly #ends: Set<End> = new Set();
  #discriminator = 0;

  constructor(network: Medium) {
    this.#network = network;
  }

  /** @param isUp - false: the host is gone */
  watch(
    local: Address,
    { address: remote, timing }: BfdTarget,
    heard: (report: BfdReport) => void,
    isUp: () => boolean,
  ): BfdWatch {
    const session = beginSession(++this.#discriminator, timing, this.#network.nowMs);
    const end: End = { local, remote, isUp, heard, session };
    this.#ends.add(end);
    this.#arm(end);
    return {
      change: (changed) => {
        end.session = changeTiming(end.session, changed, this.#network.nowMs);
        this.#due(end);
      },
      end: () => {
        this.#ends.delete(end);
        const { nowMs } = this.#network;
        this.#send(end, expire(administrativelyDown(end.session, nowMs), nowMs, 0));
      },
    };
  }

  #arm(end: End): void {
    const atMs = nextDeadline(end.session);
    this.#network.after(Math.max(0, atMs - this.#network.nowMs), () => {
      if (atMs === nextDeadline(end.session)) this.#due(end);
    });
  }

  #due(end: End): void {
    if (!end.isUp() || !this.#ends.has(end)) return;
    this.#take(end, expire(end.session, this.#network.nowMs, this.#network.cutAt(1000) / 1001));
    this.#arm(end);
  }

  #take(end: End, step: BfdStep): void {
    const before = end.session;
    const { state, diagnostic, remote } = step.session;
    end.session = step.session;
    this.#send(end, step);
    if (before.state === state && before.remote.state === remote.state) return;
    const { independent } = remote.discriminator === 0 ? before.remote : remote;
    end.heard({
      state,
      diagnostic,
      remoteState: remote.state,
      remoteIndependent: independent,
      problem: undefined,
    });
  }

  #send({ local, remote }: End, { packet }: BfdStep): void {
    if (packet === undefined) return;
    const octets = encodeBfd(packet);
    this.#network.after(this.#network.latencyMs, () => {
      if (this.#network.isCut(local, remote)) return;
      for (const end of this.#ends) {
        if (!end.isUp() || !sameAddress(end.local, remote) || !sameAddress(end.remote, local)) continue;
        this.#take(end, receive(end.session, decodeBfd(octets)!, this.#network.nowMs));
        this.#arm(end);
      }
    });
  }
}
