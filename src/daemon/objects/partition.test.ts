/**
 * Gateways and hosts that are cut off from the store they share, at any moment of any sequence: everybody forwards and
 * announces on what is known, and when all is healed everything is as if nobody had been cut off.
 */

import fc from "fast-check";
import { expect, test } from "vitest";
import { formatAddress } from "../../bgp/net/text.ts";
import { tapOf } from "../../neutron/wanted.ts";
import { hostText, Machine, Site } from "../testing/site.ts";
import type { Breaking } from "../testing/way.ts";

type Step =
  | { readonly do: "ask"; readonly at: number; readonly what: keyof typeof ASKED; readonly n: number }
  | { readonly do: "tap"; readonly n: number; readonly at: number; readonly isThere: boolean }
  | { readonly do: "cut" | "expire" | "sleep"; readonly at: number }
  | { readonly do: "break"; readonly at: number; readonly how: Breaking }
  | { readonly do: "heal"; readonly at: number; readonly isForgotten: boolean }
  | { readonly do: "rest" };

const HOSTS = ["host1", "host2"] as const;
const PORTS = 3;

const at = fc.nat(2);
const n = fc.nat(11);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("ask" as const),
      at,
      what: fc.constantFrom("make", "lead", "release", "remove", "move"),
      n,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("tap" as const),
      n: fc.nat(PORTS - 1),
      at: fc.nat(1),
      isThere: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom("cut" as const, "expire" as const, "sleep" as const), at }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("break" as const),
      at,
      how: fc.constantFrom("before", "unanswered", "untold"),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("heal" as const), at, isForgotten: fc.boolean() }) },
  { weight: 1, arbitrary: fc.constant({ do: "rest" as const }) },
);

/** Of what the steps say: n picks a floating IP that somebody was told of, and a port or a host. */
const ASKED = {
  make: (play: Play, n: number) =>
    [
      "POST",
      "floatingips",
      { floatingip: { floating_network_id: play.outside, port_id: play.port(n) } },
    ] as const,
  lead: (play: Play, n: number) =>
    ["PUT", `floatingips/${play.floating(n)}`, { floatingip: { port_id: play.port(n >> 2) } }] as const,
  release: (play: Play, n: number) =>
    ["PUT", `floatingips/${play.floating(n)}`, { floatingip: { port_id: null } }] as const,
  remove: (play: Play, n: number) => ["DELETE", `floatingips/${play.floating(n)}`] as const,
  move: (play: Play, n: number) =>
    ["PUT", `ports/${play.port(n)}`, { port: { "binding:host_id": HOSTS[(n >> 2) & 1] } }] as const,
};

class Play {
  readonly site: Site;
  outside = "";
  /** Floating IPs that were answered 201, and of which nobody asked that they be deleted. */
  readonly kept = new Set<string>();
  readonly #ports: string[] = [];
  readonly #floating: string[] = [];
  readonly #taps = HOSTS.map(() => new Set<string>());
  #unanswered = 0;

  static async start(distributed: boolean): Promise<Play> {
    const play = new Play(await Site.start());
    await play.#make(distributed);
    await play.site.rest();
    return play;
  }

  private constructor(site: Site) {
    this.site = site;
  }

  port(n: number): string {
    return this.#ports[n % PORTS]!;
  }

  floating(n: number): string {
    return this.#floating[n % Math.max(1, this.#floating.length)] ?? "none";
  }

  async take(step: Step): Promise<void> {
    switch (step.do) {
      case "ask":
        return this.#ask(step.at, ASKED[step.what](this, step.n));
      case "tap":
        return this.#plug(step.at, step.n, step.isThere);
      case "cut":
        return this.#way(step.at).cut();
      case "expire":
        // Only of those that are cut off.
        return this.#way(step.at).isCut ? this.#way(step.at).timeIsOver() : undefined;
      case "sleep":
        return this.#way(step.at).slept();
      case "break":
        this.#way(step.at).breaking = step.how;
        return;
      case "heal":
        return this.#way(step.at).heal(step.isForgotten);
      case "rest":
        return this.#rest();
    }
  }

  async healAll(): Promise<void> {
    for (const { way } of this.site.machines) {
      way.breaking = undefined;
      way.heal(false);
    }
    await this.#rest();
  }

  /** Machines that know nothing but what the store, the links and their peers say by now. */
  async afresh(): Promise<Site> {
    const { etcd, clock, world, machines } = this.site;
    const fresh = new Site(etcd, clock, world);
    for (const machine of machines) {
      const other = await Machine.start(machine.name, machine.model.role, 99, fresh);
      other.bench.change({ links: machine.bench.given.links, learned: machine.bench.given.learned });
      await other.bench.idle();
      fresh.machines.push(other);
    }
    return fresh;
  }

  /** Whoever asked has an answer by then, whether it is cut off or not. */
  async #rest(): Promise<void> {
    await this.site.rest();
    expect(this.#unanswered).toBe(0);
  }

  #way(at: number): Machine["way"] {
    return this.site.machines[at]!.way;
  }

  #plug(at: number, n: number, isThere: boolean): void {
    const taps = this.#taps[at]!;
    const tap = tapOf({ id: this.port(n) });
    if (isThere) taps.add(tap);
    else taps.delete(tap);
    this.site.machines[at + 1]!.plug([...taps]);
  }

  /** Not waited for: it may be that it is answered only when time has gone on. */
  #ask(at: number, [method, path, body]: Readonly<Parameters<Machine["ask"]>>): void {
    if (method === "DELETE") this.kept.delete(path.slice("floatingips/".length));
    this.#unanswered += 1;
    void this.site.machines[at]!.ask(method, path, body).then(({ status, body: { floatingip } }) => {
      this.#unanswered -= 1;
      if (status !== 201) return;
      this.#floating.push(floatingip!.id);
      this.kept.add(floatingip!.id);
    });
  }

  async #make(distributed: boolean): Promise<void> {
    const [gw] = this.site.machines as [Machine, ...Machine[]];
    const made = async (path: string, name: string, attributes: object): Promise<string> => {
      const { status, body } = await gw.ask("POST", path, { [name]: attributes });
      if (status !== 201) throw new Error(`${path}: ${status}`);
      return body[name]!.id;
    };
    const network_id = await made("networks", "network", {});
    const inner = { network_id, ip_version: 4, cidr: "10.65.0.0/24" };
    const subnet_id = await made("subnets", "subnet", inner);
    this.outside = await made("networks", "network", { "router:external": true });
    await made("subnets", "subnet", { network_id: this.outside, ip_version: 4, cidr: "172.16.1.0/24" });
    const external_gateway_info = { network_id: this.outside };
    const router = await made("routers", "router", { distributed, external_gateway_info });
    await gw.ask("PUT", `routers/${router}/add_router_interface`, { subnet_id });
    for (let i = 0; i < PORTS; i++) {
      const host = HOSTS[i & 1];
      const port = { network_id, device_owner: "compute:nova", "binding:host_id": host };
      this.#ports.push(await made("ports", "port", port));
      this.#plug(i & 1, i, true);
      this.#ask(0, ASKED.make(this, i));
    }
  }
}

/** What each machine announces of floating IPs, with the fixed address behind it as it knows that. */
function served(site: Site): readonly (readonly [Machine, ReadonlyMap<string, string>])[] {
  return site.machines.map((machine) => {
    const fixed = machine.model.floatingIps.flatMap(({ address, to }) =>
      to === undefined ? [] : [[hostText(formatAddress(address)), hostText(formatAddress(to))] as const],
    );
    return [machine, new Map(fixed.filter(([floating]) => machine.announces(floating)))];
  });
}

/** Packets to that fixed address get there from a machine. */
const delivers = ({ machines }: Site, machine: Machine, fixed: string): boolean =>
  (machine.model.role === "compute" ? [machine] : machines).some((each) => each.announces(fixed));

/** No machine that is cut off lets go, not even for a moment, of what packets could still be delivered for. */
function expectHeld(site: Site, before: ReturnType<typeof served>): void {
  for (const [machine, known] of before) {
    const withdrawn = new Set(machine.bench.happened().filter((line) => line.startsWith("withdraw ")));
    if (!machine.way.isCut) continue;
    for (const [floating, fixed] of known) {
      if (delivers(site, machine, fixed)) expect(withdrawn).not.toContain(`withdraw ${floating}`);
    }
  }
}

test("whoever is cut off goes on with what is known, and after it all is as after a fresh start", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 3, maxLength: 14 }),
      fc.boolean(),
      async (steps, distributed) => {
        const play = await Play.start(distributed);
        const { site } = play;
        for (const each of steps) {
          const cut = site.machines.filter(({ way }) => way.isCut);
          const known = cut.map(({ model }) => model);
          const before = served(site);
          for (const { bench } of site.machines) bench.happened();
          await play.take(each);
          await site.settle();
          if (each.do === "heal") continue;
          expectHeld(site, before);
          expect(cut.map(({ model }) => model)).toEqual(known);
        }
        await play.healAll();
        const fresh = await play.afresh();
        for (const [i, machine] of site.machines.entries()) {
          const other = fresh.machines[i]!;
          expect(machine.bench.state()).toEqual(other.bench.state());
          expect(machine.bench.world.violations).toEqual([]);
          expect(machine.problem).toBeUndefined();
          expect(machine.statuses).toEqual(other.statuses);
          expect([...machine.reading.all("floatingips")]).toEqual([...other.reading.all("floatingips")]);
        }
        expectTruth(site);
        const there = [...site.machines[0]!.reading.all("floatingips")].map(({ id }) => id);
        expect(there).toEqual(expect.arrayContaining([...play.kept]));
        for (const each of [fresh, site]) for (const machine of each.machines) await machine.stop();
      },
    ),
    { numRuns: 40 },
  );
}, 120_000);

/** Every port whose tap is on its host is up, in the eyes of all, and no other. */
function expectTruth({ machines }: Site): void {
  for (const { statuses, reading } of machines) {
    const up = [...reading.all("ports")].filter((port) => {
      const host = machines.find(({ name }) => name === port["binding:host_id"]);
      return host?.bench.given.links.some(({ name }) => name === tapOf(port)) === true;
    });
    const told = [...statuses].filter(([, is]) => is === true).map(([id]) => id);
    expect(told.sort()).toEqual(up.map(({ id }) => id).sort());
  }
}
