/**
 * Gateways and hosts that share one store, each with its objects, its reconciler and its kernel, all in memory and on
 * virtual time. What one announces the others learn, as by sessions of BGP that stand whatever becomes of the store.
 */

import { isDeepStrictEqual } from "node:util";
import { hostPrefix } from "../../bgp/net/address.ts";
import { ChangeMarks } from "../../bgp/net/change-marks.ts";
import { formatPrefix } from "../../bgp/net/text.ts";
import type { LearnedRoute, Link } from "../../gateway/intent.ts";
import { kindOf } from "../../gateway/kinds.ts";
import { Bench } from "../../gateway/testing/bench.ts";
import { address, LINKS, link, model } from "../../gateway/testing/values.ts";
import { VirtualClock } from "../../gateway/testing/world.ts";
import { workingInterfaces } from "../../gateway/working.ts";
import type { Model } from "../../model/model.ts";
import type { World } from "../../neutron/caller.ts";
import { Fault } from "../../neutron/fault.ts";
import { Hosts } from "../../neutron/hosts.ts";
import { Keeper } from "../../neutron/keeper.ts";
import { KeptModel } from "../../neutron/kept-model.ts";
import type { ApiRequest } from "../../neutron/service.ts";
import { type Reading, Tables } from "../../neutron/tables.ts";
import { ADMIN, countingWorld } from "../../neutron/testing/cloud.ts";
import { portsBehind } from "../../neutron/wanted.ts";
import { MemoryStore } from "../../store/memory.ts";
import { Presence } from "../objects/presence.ts";
import { Way } from "./way.ts";

/** All that follows from one step comes to an end within so many rounds. */
const ROUNDS = 50;

/** Longer than a host keeps what moved away, and than anybody waits to try something again. */
const QUIET_MS = 10_000;

export class Machine {
  readonly way: Way;
  readonly bench: Bench = new Bench();
  readonly name: string;
  reading: Reading = new Tables();
  readonly #address: string;
  readonly #file: Model;
  readonly #kept = new KeptModel();
  readonly #presence: Presence;
  #keeper!: Keeper;
  #hosts!: Hosts;

  static async start(
    name: string,
    role: Model["role"],
    at: number,
    { etcd, clock, world }: Site,
  ): Promise<Machine> {
    const machine = new Machine(name, role, at, etcd, clock);
    machine.#hosts = await Hosts.open(machine.way, new ChangeMarks(), (hosts) =>
      machine.#presence.seen(hosts.get(name)),
    );
    machine.#keeper = await Keeper.open(
      machine.way,
      () => world,
      (changes, reading) => {
        machine.reading = reading;
        machine.#kept.changed(changes, reading);
        machine.bench.given.model = machine.model;
        machine.bench.reconciler.amended();
      },
      (milliseconds, wake) => clock.at(clock.now() + milliseconds, wake),
    );
    return machine;
  }

  private constructor(name: string, role: Model["role"], at: number, etcd: MemoryStore, clock: VirtualClock) {
    this.name = name;
    this.#address = `192.168.8.${at}`;
    this.#file = model({ hostname: name, role });
    this.way = new Way(etcd);
    this.#presence = new Presence({ store: this.way, hostname: name, clock, changed: () => undefined });
  }

  get model(): Model {
    return this.#kept.model(this.#file, this.reading, "fixed");
  }

  get problem(): Presence["problem"] {
    return this.#presence.problem;
  }

  /** By the ids of all ports: whether their hosts say that they work. */
  get statuses(): ReadonlyMap<string, boolean | undefined> {
    return new Map([...this.reading.all("ports")].map((port) => [port.id, this.#hosts.says(port)]));
  }

  /** The status, and the body of an answer that is no refusal. */
  async ask(
    method: ApiRequest["method"],
    path: string,
    body?: object,
  ): Promise<{ readonly status: number; readonly body: Readonly<Record<string, { readonly id: string }>> }> {
    try {
      const request = { method, path: path.split("/"), query: [], body, url: "" };
      const answer = await this.#keeper.ask(ADMIN, request);
      return { status: answer.status, body: (answer.body ?? {}) as Record<string, { id: string }> };
    } catch (error) {
      if (error instanceof Fault) return { status: error.detail.status, body: {} };
      throw error;
    }
  }

  /** @param taps - of instances that run here */
  plug(taps: readonly string[]): void {
    this.bench.change({ links: [...LINKS, ...taps.map((tap): Link => link(tap))] });
  }

  /** What its peers learn of it. */
  get told(): readonly LearnedRoute[] {
    const nextHop = address(this.#address);
    return [...this.bench.world.announced.values()].map(({ prefix, tag }) => ({
      prefix,
      kind: kindOf(tag ?? 0),
      paths: [{ peer: nextHop, nextHop, external: false }],
    }));
  }

  /** Does all that follows from what it knows. False: nothing did. */
  async goOn(learned: readonly LearnedRoute[]): Promise<boolean> {
    const before = [this.told, this.way.commits];
    if (!isDeepStrictEqual(learned, this.bench.given.learned)) this.bench.change({ learned });
    await this.bench.idle();
    const working = workingInterfaces(this.model, this.bench.world.announced);
    this.#presence.report(portsBehind(this.reading, this.name, working));
    await turns();
    return !isDeepStrictEqual([this.told, this.way.commits], before);
  }

  announces(prefix: string): boolean {
    return this.bench.world.announced.has(prefix);
  }

  async stop(): Promise<void> {
    this.#keeper.close();
    this.#hosts.close();
    await Promise.all([this.#presence.stop(), this.bench.reconciler.stop()]);
    await this.way.close();
  }
}

export class Site {
  readonly etcd: MemoryStore;
  readonly clock: VirtualClock;
  readonly world: World;
  readonly machines: Machine[] = [];

  static async start(): Promise<Site> {
    const site = new Site();
    for (const [at, [name, role]] of MACHINES.entries()) {
      site.machines.push(await Machine.start(name, role, at + 11, site));
    }
    return site;
  }

  constructor(
    etcd: MemoryStore = new MemoryStore(),
    clock: VirtualClock = new VirtualClock(),
    world: World = worldOfPorts(),
  ) {
    this.etcd = etcd;
    this.clock = clock;
    this.world = world;
  }

  /** Until nothing more happens by itself, without time going on. */
  async settle(): Promise<void> {
    for (let round = 0; round < ROUNDS; round++) {
      const told = new Map(this.machines.map((machine) => [machine, machine.told]));
      let isOver = true;
      for (const machine of this.machines) {
        const learned = [...told].flatMap(([peer, routes]) =>
          peer === machine || peer.name.startsWith("gw") ? [] : routes,
        );
        if (await machine.goOn(merged(learned))) isOver = false;
      }
      if (isOver) return;
    }
    throw new Error(`not settled after ${ROUNDS} rounds`);
  }

  /** The same, and whoever waits for a time has waited for it. */
  async rest(): Promise<void> {
    await this.settle();
    const until = this.clock.now() + QUIET_MS;
    while (this.clock.step(until)) await this.settle();
    for (const { bench } of this.machines) await bench.advance(QUIET_MS);
    await this.settle();
  }
}

function worldOfPorts(): World {
  let ids = 0;
  // Interfaces bear the first eleven characters of a port's id.
  const newId = (): string => `${(++ids).toString(16).padStart(8, "0")}-0000-4000-8000-000000000000`;
  return { ...countingWorld(), newId, isReachable: () => false };
}

const MACHINES: readonly (readonly [string, Model["role"]])[] = [
  ["gw1", "gateway"],
  ["host1", "compute"],
  ["host2", "compute"],
];

/** One route for each prefix, with a path of everybody who told of it. */
function merged(routes: readonly LearnedRoute[]): LearnedRoute[] {
  const byPrefix = new Map<string, LearnedRoute>();
  for (const route of routes) {
    const key = formatPrefix(route.prefix);
    const known = byPrefix.get(key);
    byPrefix.set(key, known === undefined ? route : { ...known, paths: [...known.paths, ...route.paths] });
  }
  return [...byPrefix.values()];
}

/** What follows from promises has happened. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Of an address, as announcements are written. */
export const hostText = (text: string): string => formatPrefix(hostPrefix(address(text)));
