/** Runs the health checks of the anycast members on this host when they are due. */

import { type MemberState, Monitor, type Probe } from "../anycast/monitor.ts";
import type { Address } from "../bgp/net/address.ts";
import { formatAddress } from "../bgp/net/text.ts";
import type { Clock } from "../gateway/announcer.ts";
import type { Health } from "../gateway/intent.ts";
import type { Model } from "../model/model.ts";
import { type ProbeResult, probe } from "./probe.ts";
import type { Log } from "./records/log.ts";

export class HealthChecks {
  readonly #monitor: Monitor = new Monitor();
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #changed: () => void;
  #callOff: (() => void) | undefined;
  #stopped = false;

  /** @param changed - called when the health of a member is another than before */
  constructor(clock: Clock, log: Log, changed: () => void) {
    this.#clock = clock;
    this.#log = log;
    this.#changed = changed;
  }

  watch(model: Model): void {
    const local = model.ports.flatMap((port) => port.addresses);
    this.#monitor.watch(model.anycast, local, this.#clock.now());
    this.#run();
  }

  health(): Health {
    return this.#monitor.health();
  }

  state(service: string, member: Address): MemberState {
    return this.#monitor.state(service, member);
  }

  stop(): void {
    this.#stopped = true;
    this.#callOff?.();
  }

  #run(): void {
    this.#callOff?.();
    this.#callOff = undefined;
    if (this.#stopped) return;
    for (const due of this.#monitor.nextProbes(this.#clock.now())) {
      void probe(due.member, due.check).then((result) => this.#take(due, result));
    }
    const next = this.#monitor.nextDue();
    if (next !== undefined) this.#callOff = this.#clock.at(next, () => this.#run());
  }

  #take(due: Probe, result: ProbeResult): void {
    if (this.#stopped) return;
    if (this.#monitor.result(due, result, this.#clock.now())) {
      const facts = { service: due.service, member: formatAddress(due.member) };
      if (result.ok) this.#log.info({ event: "anycast.member.up", ...facts }, "member is healthy");
      else this.#log.warn({ event: "anycast.member.down", ...facts, error: result.error }, "member failed");
      this.#changed();
    }
    this.#run();
  }
}
