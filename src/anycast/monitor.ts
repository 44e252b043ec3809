/**
 * When which anycast member is checked, and what the results say about it. No clock and no socket: time comes in as
 * `now` in ms, and whoever asks {@link Monitor.nextProbes} runs the checks and brings the results back.
 *
 * A member that fails is found within interval x fall, its last timeout included, from the moment it failed, as long
 * as a timeout is at most interval x (fall - 1) / fall (with fall 1, half the interval): once a
 * check was bad the next ones come sooner by just what waiting for the last one will cost, if it takes as long.
 */

import type { Address } from "../bgp/net/address.ts";
import { sameAddress } from "../bgp/net/address.ts";
import { formatAddress } from "../bgp/net/text.ts";
import type { AnycastService, HealthCheck } from "../model/model.ts";

export interface Probe {
  readonly service: string;
  readonly member: Address;
  readonly check: HealthCheck;
}

export interface MemberState {
  /** unknown: too few results to say. unchecked: the service has no health check. */
  readonly health: "up" | "down" | "unknown" | "unchecked";
  readonly lastError: string | undefined;
}

interface Watched {
  readonly probe: Probe;
  up: boolean | undefined;
  /** Results in a row that speak for it, and against it; one of them is 0. */
  good: number;
  bad: number;
  lastError: string | undefined;
  drained: boolean;
  /** When the next check is due; undefined while one is under way. */
  dueAt: number | undefined;
  startedAt: number;
}

export class Monitor {
  readonly #watched = new Map<string, Watched>();

  /**
   * Watches the members among `local` of every service that has a health check. What is known of a member stays
   * unless its check changed; new ones are due at once.
   */
  watch(services: readonly AnycastService[], local: readonly Address[], now: number): void {
    const kept = new Set<string>();
    for (const probe of probesOf(services, local)) {
      const key = keyOf(probe.service, probe.member);
      kept.add(key);
      const held = this.#watched.get(key);
      if (held !== undefined && sameCheck(held.probe.check, probe.check)) continue;
      this.#watched.set(key, fresh(probe, now));
    }
    for (const key of this.#watched.keys()) if (!kept.has(key)) this.#watched.delete(key);
  }

  /** The checks to run now. Each is under way until its {@link result}, and not given again before. */
  nextProbes(now: number): Probe[] {
    const due = [...this.#watched.values()].filter((w) => w.dueAt !== undefined && w.dueAt <= now);
    for (const watched of due) {
      watched.dueAt = undefined;
      watched.startedAt = now;
    }
    return due.map((watched) => watched.probe);
  }

  /** When to ask for the next checks; undefined when none is waiting. */
  nextDue(): number | undefined {
    let next: number | undefined;
    for (const { dueAt } of this.#watched.values()) {
      if (dueAt !== undefined && (next === undefined || dueAt < next)) next = dueAt;
    }
    return next;
  }

  /**
   * What came of a check. Returns whether {@link health} changed by it. The result of a check that is not watched any
   * more, or was replaced by another meanwhile, says nothing.
   */
  result(
    probe: Probe,
    outcome: { readonly ok: true } | { readonly ok: false; readonly error: string },
    now: number,
  ): boolean {
    const watched = this.#watched.get(keyOf(probe.service, probe.member));
    if (watched?.probe !== probe || watched.dueAt !== undefined) return false;
    const { rise, fall } = probe.check;
    const before = watched.up;
    watched.good = outcome.ok ? watched.good + 1 : 0;
    watched.bad = outcome.ok ? 0 : watched.bad + 1;
    if (!outcome.ok) watched.lastError = outcome.error;
    if (watched.good >= rise) watched.up = true;
    else if (watched.bad >= fall) watched.up = false;
    watched.dueAt = Math.max(now, watched.startedAt + spacingMs(watched, now - watched.startedAt));
    return watched.up !== before;
  }

  /** Takes a member out of service, or back in, whatever its checks say. Returns whether {@link health} changed. */
  drain(service: string, member: Address, drained: boolean): boolean {
    const watched = this.#watched.get(keyOf(service, member));
    if (watched === undefined || watched.drained === drained) return false;
    watched.drained = drained;
    return watched.up === true;
  }

  /** The members that were judged: service name, member address text, up. */
  health(): ReadonlyMap<string, ReadonlyMap<string, boolean>> {
    const health = new Map<string, Map<string, boolean>>();
    for (const { probe, up, drained } of this.#watched.values()) {
      if (up === undefined && !drained) continue;
      const members = health.get(probe.service) ?? new Map<string, boolean>();
      members.set(formatAddress(probe.member), up === true && !drained);
      health.set(probe.service, members);
    }
    return health;
  }

  state(service: string, member: Address): MemberState {
    const watched = this.#watched.get(keyOf(service, member));
    if (watched === undefined) return { health: "unchecked", lastError: undefined };
    const { up, lastError } = watched;
    if (up === undefined) return { health: "unknown", lastError };
    return up ? { health: "up", lastError: undefined } : { health: "down", lastError };
  }
}

/** From the start of one check to the start of the next, when this one took `tookMs`. */
function spacingMs({ probe: { check }, up, bad }: Watched, tookMs: number): number {
  const { intervalMs, timeoutMs, fall } = check;
  if (up !== true) return intervalMs;
  // With fall 1 there is no second check to hasten: all of them come closer by the time that one may take.
  if (fall === 1) return Math.max(intervalMs - timeoutMs, intervalMs / 2);
  return bad === 0 ? intervalMs : intervalMs - Math.min(tookMs, intervalMs) / (fall - 1);
}

const fresh = (probe: Probe, now: number): Watched => ({
  probe,
  up: undefined,
  good: 0,
  bad: 0,
  lastError: undefined,
  drained: false,
  dueAt: now,
  startedAt: now,
});

function probesOf(services: readonly AnycastService[], local: readonly Address[]): Probe[] {
  return services.flatMap(({ name, members, health: check }) => {
    if (check === undefined) return [];
    const here = members.filter((member) => local.some((address) => sameAddress(address, member)));
    return here.map((member) => ({ service: name, member, check }));
  });
}

const keyOf = (service: string, member: Address): string => `${formatAddress(member)} ${service}`;

const sameCheck = (a: HealthCheck, b: HealthCheck): boolean =>
  a.type === b.type &&
  a.port === b.port &&
  a.path === b.path &&
  a.intervalMs === b.intervalMs &&
  a.timeoutMs === b.timeoutMs &&
  a.fall === b.fall &&
  a.rise === b.rise;
