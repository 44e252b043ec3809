import { beforeEach, describe, expect, test } from "vitest";
import { ChangeMarks } from "../../bgp/net/change-marks.ts";
import { Hosts } from "../../neutron/hosts.ts";
import { MemoryStore } from "../../store/memory.ts";
import { type Commit, type Committed, type Lease, type Store, StoreError } from "../../store/store.ts";
import { Way } from "../testing/way.ts";
import { Presence } from "./presence.ts";

/** A store that can be away, and whose leases can be lost. */
class Shaky extends MemoryStore {
  isAway = false;
  readonly #lost: (() => void)[] = [];
  readonly #leases: Lease[] = [];

  override async commit(commit: Commit): Promise<Committed> {
    this.#check();
    return await super.commit(commit);
  }

  override async lease(_ttlSeconds?: number, onLost?: () => void): Promise<Lease> {
    this.#check();
    const lease = await super.lease();
    this.#leases.push(lease);
    if (onLost !== undefined) this.#lost.push(onLost);
    return lease;
  }

  /** As after a partition that lasted longer than their time. */
  async loseLeases(): Promise<void> {
    for (const lease of this.#leases.splice(0)) await lease.end();
    for (const lost of this.#lost.splice(0)) lost();
  }

  #check(): void {
    if (this.isAway) throw new StoreError("unavailable", "away");
  }
}

let store: Shaky;
let marks: ChangeMarks;
let timers: (() => void)[];
let hosts: Hosts;
beforeEach(async () => {
  store = new Shaky();
  timers = [];
  marks = new ChangeMarks();
  hosts = await Hosts.open(store, marks, () => undefined);
});

const clock = {
  now: () => 0,
  at: (_atMs: number, wake: () => void) => {
    timers.push(wake);
    return () => {
      timers = timers.filter((each) => each !== wake);
    };
  },
};

/** A machine of that name, which watches the store as the daemon does. */
async function machine(hostname: string, of: Store = store): Promise<Presence> {
  const presence = new Presence({ store: of, hostname, clock, changed: () => undefined });
  await Hosts.open(of, new ChangeMarks(), (known) => presence.seen(known.get(hostname)));
  return presence;
}

/** Everything that follows by itself has happened. */
const settled = async (): Promise<void> => {
  for (let turns = 0; turns < 10; turns++) await new Promise((resolve) => setImmediate(resolve));
};

const ports = (name = "host1"): readonly string[] | undefined => hosts.get(name)?.report?.ports;

describe("a host says", () => {
  test("which of its ports work, each time that they are others", async () => {
    const presence = await machine("host1");
    presence.report(["b", "a"]);
    await settled();
    expect(ports()).toEqual(["a", "b"]);
    presence.report([]);
    await settled();
    expect(ports()).toEqual([]);
  });

  test("nothing before it knows, and nothing twice", async () => {
    const presence = await machine("host1");
    await settled();
    expect(hosts.get("host1")).toBeUndefined();
    presence.report(["a"]);
    await settled();
    const { revision } = hosts.get("host1")!;
    presence.report(["a"]);
    await settled();
    expect(hosts.get("host1")!.revision).toBe(revision);
  });

  test("it again when its lease was lost, and when the store was away", async () => {
    const presence = await machine("host1");
    presence.report(["a"]);
    await settled();
    await store.loseLeases();
    await settled();
    expect(ports()).toEqual(["a"]);
    store.isAway = true;
    await store.loseLeases();
    presence.report(["a", "b"]);
    await settled();
    expect(ports()).toBeUndefined();
    expect(timers).toHaveLength(1);
    store.isAway = false;
    timers.pop()!();
    await settled();
    expect(ports()).toEqual(["a", "b"]);
    expect(presence.problem).toBeUndefined();
  });
});

test("a host that ends is known, and its ports are down; of one that was never there, nothing is known", async () => {
  const presence = await machine("host/1");
  presence.report(["a"]);
  await settled();
  const port = { id: "a", "binding:host_id": "host/1" } as Parameters<Hosts["says"]>[0];
  expect(hosts.says(port)).toBe(true);
  const heard = marks.now;
  expect(hosts.says({ ...port, id: "b" })).toBe(false);
  expect(hosts.says({ ...port, "binding:host_id": "host" })).toBeUndefined();
  await presence.stop();
  await settled();
  expect(hosts.says(port)).toBe(false);
  expect(marks.areAsOf([marks.ofName("host/1")], heard)).toBe(false);
});

test("what a process before left is taken over, and the first of two that live steps back and says so", async () => {
  const first = await machine("host1");
  first.report(["a"]);
  await settled();
  const second = await machine("host1");
  second.report(["b"]);
  await settled();
  expect(ports()).toEqual(["b"]);
  expect(first.problem).toMatchObject({ code: "host.displaced", subject: "host1" });
  expect(second.problem).toBeUndefined();
  first.report(["a", "c"]);
  await settled();
  expect(ports()).toEqual(["b"]);
  await second.stop();
  await settled();
  expect(ports()).toEqual(["a", "c"]);
  expect(first.problem).toBeUndefined();
});

test("half of a thousand hosts are cut off: their ports are down, those of the others are not, and all are up after it", async () => {
  const COUNT = 1000;
  const names = Array.from({ length: COUNT }, (_, i) => `host${i}`);
  const known = await Hosts.open(store, new ChangeMarks(), () => undefined);
  const machines = names.map((hostname) => {
    const way = new Way(store);
    const presence = new Presence({ store: way, hostname, clock, changed: () => undefined });
    return { hostname, way, presence, port: { id: `port-${hostname}`, "binding:host_id": hostname } };
  });
  const up = (): number =>
    machines.filter(({ port }) => known.says(port as Parameters<Hosts["says"]>[0]) === true).length;
  for (const { presence, port } of machines) presence.report([port.id]);
  await settled();
  expect(up()).toBe(COUNT);
  const cut = machines.slice(COUNT / 2);
  for (const { way } of cut) {
    way.cut();
    await way.timeIsOver();
  }
  await settled();
  expect(up()).toBe(COUNT / 2);
  // Each asks again every two seconds, and no more often: after ten of them they are as many as in the first.
  for (let second = 0; second < 10; second++) {
    expect(timers).toHaveLength(cut.length);
    for (const wake of timers.splice(0)) wake();
    await settled();
  }
  expect(machines.map(({ way }) => way.commits)).toEqual(machines.map(() => 1));
  for (const { way } of cut) way.heal(false);
  for (const wake of timers.splice(0)) wake();
  await settled();
  expect(up()).toBe(COUNT);
  expect(timers).toEqual([]);
  // One commit each for the first word, and one for the word after it: a healed partition is no storm.
  expect(machines.filter(({ way }) => way.commits > 2)).toEqual([]);
  expect(machines.filter(({ presence }) => presence.problem !== undefined)).toEqual([]);
});

test("it ends in time, though the store does not answer", async () => {
  const presence = await machine("host1");
  presence.report([]);
  await settled();
  store.commit = () => new Promise(() => undefined);
  presence.report(["a"]);
  await settled();
  const ended = presence.stop();
  await settled();
  expect(timers).toHaveLength(1);
  timers[0]!();
  await ended;
});
