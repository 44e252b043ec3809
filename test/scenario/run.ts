/**
 * One scenario: speakers on a virtual network, faults and changes in an order that the seed chooses, then quiet, and a
 * look at everything. The same topology and seed give the same run.
 */

import { address } from "../../src/bgp/speaker/testing/nodes.ts";
import { VirtualNetwork } from "../../src/bgp/speaker/testing/virtual-network.ts";
import { Chance } from "./chance.ts";
import { adjRibs, locRibs, nothingHeld, nothingPending } from "./checks.ts";
import { Machine } from "./machines.ts";
import type { PlainRule, Router } from "./oracle.ts";
import type { Topology } from "./topologies.ts";

/** What may be announced. */
const PREFIXES: readonly string[] = [
  ...[1, 2, 3, 4, 5, 6].map((n) => `192.0.2.${n}/32`),
  ...[1, 2, 3, 4].map((n) => `2001:db8:${n}::/48`),
];
const COMMUNITIES: readonly number[] = [0xffffff01, 0xffffff02, 65_000 * 65_536 + 1, 65_000 * 65_536 + 2];
/** Waits after failures are at most 120 s, stale paths wait 360 s. */
const PEACE_MS = 600_000;
/** Lines of the trace that a failure shows. */
const SHOWN_LINES = 400;

/** Runs it. @throws Error with what is wrong and how it came to be */
export function run(topology: Topology, seed: number): void {
  const scenario = new Scenario(topology, seed);
  try {
    scenario.play();
  } catch (error) {
    const replay = `SEED=${seed} npx vitest run --project system test/scenario -t "${topology.name}"`;
    const trace = scenario.trace.slice(-SHOWN_LINES).join("\n");
    throw new Error(
      `${topology.name}, seed ${seed}: ${(error as Error).message}\n${trace}\nreplay: ${replay}`,
      {
        cause: error,
      },
    );
  }
}

class Scenario {
  readonly trace: string[] = [];
  readonly #topology: Topology;
  readonly #chance: Chance;
  readonly #net: VirtualNetwork;
  readonly #machines: readonly Machine[];
  readonly #routers: readonly Router[];
  readonly #actions: readonly (readonly [weight: number, act: () => void])[];

  constructor(topology: Topology, seed: number) {
    const chance = new Chance(seed);
    this.#topology = topology;
    this.#chance = chance;
    this.#net = new VirtualNetwork({
      seed,
      latencyMs: chance.pick([1, 20, 200]),
      windowOctets: chance.pick([300, 4096, 65_536]),
    });
    this.#routers = topology.build(chance);
    this.#machines = this.#routers.map((router) => {
      const restart = chance.holds(0.6)
        ? { restartSeconds: chance.pick([5, 30, 120]), notification: chance.holds(0.5) }
        : undefined;
      return new Machine(router, this.#routers, this.#net, restart, (line) => this.#note(line));
    });
    this.#actions = [
      [8, () => this.#announce()],
      [4, () => this.#withdraw()],
      [3, () => this.#changeRules()],
      [2, () => this.#changeNextHop()],
      [3, () => this.#reset()],
      [3, () => this.#cut()],
      [2, () => this.#restart()],
      [2, () => this.#changeDelay()],
    ];
  }

  play(): void {
    for (const machine of this.#machines) machine.boot(false, 0);
    for (let step = 0; step < this.#topology.steps; step++) {
      this.#act();
      // Often at once, so that changes overtake each other.
      this.#net.run(this.#chance.holds(0.4) ? this.#chance.below(20) : this.#chance.below(8000));
    }
    this.#settle("after the faults");
    this.#expect("settled", (machines) => [
      ...locRibs(machines),
      ...adjRibs(machines),
      ...nothingPending(machines),
    ]);
    for (const machine of this.#machines) {
      machine.router.originates.clear();
      machine.withdraw(PREFIXES);
    }
    this.#settle("after all is withdrawn");
    this.#expect("all withdrawn", (machines) => [...nothingPending(machines), ...nothingHeld(machines)]);
    for (const { speaker } of this.#machines) speaker.setPeers([]);
    this.#net.run(PEACE_MS);
    this.#expect("no peers", (machines) => [
      ...nothingHeld(machines),
      ...(this.#net.pendingTasks === 0 ? [] : [`${this.#net.pendingTasks} timers or deliveries left`]),
    ]);
  }

  #act(): void {
    const total = this.#actions.reduce((sum, [weight]) => sum + weight, 0);
    let at = this.#chance.below(total);
    for (const [weight, act] of this.#actions) {
      at -= weight;
      if (at >= 0) continue;
      act();
      return;
    }
  }

  /** Until everybody is back, and nobody was lost while all had time to talk. */
  #settle(when: string): void {
    this.#note(`${when}: waiting for peace`);
    // Looked at now and then: to look after every delivery would cost more than the rest.
    for (let left = PEACE_MS; left > 0; left -= 5000) {
      this.#net.run(5000);
      const before = this.#flaps();
      if (before === undefined) continue;
      this.#net.run(20_000);
      if (this.#flaps() === before) return;
    }
    throw new Error("not every session came up");
  }

  /** Sessions lost so far; undefined: not all are up. */
  #flaps(): number | undefined {
    let flaps = 0;
    for (const machine of this.#machines) {
      if (!machine.isUp) return undefined;
      for (const peer of machine.speaker.peers()) {
        if (peer.state !== "established") return undefined;
        flaps += peer.flaps;
      }
    }
    return flaps;
  }

  #expect(when: string, check: (machines: readonly Machine[]) => string[]): void {
    const wrong = check(this.#machines);
    if (wrong.length > 0) throw new Error(`${when}:\n${wrong.slice(0, 40).join("\n")}`);
  }

  #announce(): void {
    const chance = this.#chance;
    const machine = chance.pick(this.#machines);
    const { router } = machine;
    const index = chance.below(PREFIXES.length);
    const prefix = PREFIXES[index]!;
    if (!this.#topology.mayOriginate(router, index)) return;
    const communities = chance.holds(0.3) ? [chance.pick(COMMUNITIES)] : [];
    const origin = chance.pick([0, 0, 0, 1, 2] as const);
    const route = { origin, communities, ...(chance.holds(0.3) ? { med: chance.below(3) } : {}) };
    this.#note(`${router.name} announces ${prefix} ${JSON.stringify(route)}`);
    router.originates.set(prefix, route);
    machine.announce(prefix);
  }

  #withdraw(): void {
    const machine = this.#chance.pick(this.#machines);
    const prefixes = [...machine.router.originates.keys()];
    if (prefixes.length === 0) return;
    const gone = this.#chance.holds(0.2) ? prefixes : [this.#chance.pick(prefixes)];
    this.#note(`${machine.router.name} withdraws ${gone.join(" ")}`);
    for (const prefix of gone) machine.router.originates.delete(prefix);
    machine.withdraw(gone);
  }

  #changeRules(): void {
    const [machine, other] = this.#link();
    const { router } = machine;
    const neighbour = router.neighbours.get(other.router.name)!;
    const direction = this.#chance.pick(["import", "export"] as const);
    const ranks = this.#topology.mayRank(router, other.router, direction);
    const rules = Array.from({ length: this.#chance.below(3) }, () => this.#rule(ranks));
    this.#note(`${router.name}, ${direction} rules for ${other.router.name}: ${JSON.stringify(rules)}`);
    const changed = direction === "import" ? { importRules: rules } : { exportRules: rules };
    router.neighbours.set(other.router.name, { ...neighbour, ...changed });
    if (machine.isUp) machine.setPeers();
  }

  #rule(ranks: boolean): PlainRule {
    const chance = this.#chance;
    const prefixes = PREFIXES.filter(() => chance.holds(0.4));
    if (chance.holds(0.3)) return { prefixes, reject: true };
    return {
      prefixes,
      reject: false,
      ...(ranks && chance.holds(0.6) ? { localPref: 90 + 10 * chance.below(4) } : {}),
      ...(ranks && chance.holds(0.4) ? { med: chance.below(3) } : {}),
      ...(chance.holds(0.4) ? { community: chance.pick(COMMUNITIES) } : {}),
    };
  }

  #changeNextHop(): void {
    const [machine, other] = this.#link();
    const nextHop = this.#chance.holds(0.5) ? other.router.name : other.router.v6;
    const state = { reachable: this.#chance.holds(0.7), metric: this.#chance.below(3) };
    this.#note(`${machine.router.name}: next hop ${nextHop} ${JSON.stringify(state)}`);
    machine.router.nextHops.set(nextHop, state);
    if (machine.isUp) machine.speaker.setNextHops([{ nextHop: address(nextHop), ...state }]);
  }

  #reset(): void {
    const [a, b] = this.#link();
    this.#note(`connections between ${a.router.name} and ${b.router.name} break`);
    this.#net.reset(address(a.router.name), address(b.router.name));
  }

  #cut(): void {
    const [a, b] = this.#link();
    const ways = [[a, b] as const, [b, a] as const].slice(0, 1 + this.#chance.below(2));
    const forMs = this.#chance.pick([100, 3000, 12_000, 40_000]);
    for (const [from, to] of ways) {
      this.#note(`${from.router.name} to ${to.router.name}: cut for ${forMs} ms`);
      this.#net.cut(address(from.router.name), address(to.router.name));
      this.#net.after(forMs, () => {
        this.#net.heal(address(from.router.name), address(to.router.name));
        this.#note(`${from.router.name} to ${to.router.name}: healed`);
      });
    }
  }

  #restart(): void {
    const machine = this.#chance.pick(this.#machines);
    if (!machine.isUp) return;
    const how = this.#chance.pick(["crash", "graceful stop", "stop"] as const);
    const forMs = this.#chance.pick([0, 200, 5000, 40_000]);
    const restarting = this.#chance.holds(0.7);
    const completeAfterMs = this.#chance.pick([0, 1000, 10_000]);
    this.#note(`${machine.router.name}: ${how} for ${forMs} ms, then restarting ${restarting}`);
    if (how === "graceful stop") machine.speaker.stop({ graceful: true });
    if (how === "stop") machine.speaker.stop({ text: "maintenance" });
    machine.crash();
    this.#net.after(forMs, () => {
      this.#note(`${machine.router.name}: boots`);
      machine.boot(restarting, completeAfterMs);
    });
  }

  #changeDelay(): void {
    this.#net.jitterMs = this.#chance.pick([0, 5, 100, 1500]);
    this.#note(`up to ${this.#net.jitterMs} ms of delay`);
  }

  #link(): [Machine, Machine] {
    const machine = this.#chance.pick(this.#machines);
    const name = this.#chance.pick([...machine.router.neighbours.keys()]);
    return [machine, this.#machines.find(({ router }) => router.name === name)!];
  }

  #note(line: string): void {
    this.trace.push(`${(this.#net.nowMs / 1000).toFixed(3).padStart(9)} s  ${line}`);
  }
}
