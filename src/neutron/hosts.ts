/**
 * What hosts say of themselves in the store: that they are there, and which of their ports work.
 *
 * Each host has two entries of its own. One says that a gatewayd ran there once, and stays. The other bears the host's
 * lease and lists the ports that packets reach, so that all of them are down when the host is not heard of. Nobody else
 * writes either.
 */

import type { ChangeMarks } from "../bgp/net/change-marks.ts";
import { follow } from "../store/follow.ts";
import type { Batch, Key, Snapshot, Store } from "../store/store.ts";
import type { Port } from "./objects.ts";

const PREFIX = "/v1/hosts/";
const KNOWN = "known";
const ALIVE = "alive";

/** That there is such a host. */
export const knownKey = (name: string): Key => `${PREFIX}${encodeURIComponent(name)}/${KNOWN}`;

/** What it says as long as it lives. */
export const aliveKey = (name: string): Key => `${PREFIX}${encodeURIComponent(name)}/${ALIVE}`;

export interface HostReport {
  /** Of the process that says so: a random one. */
  readonly session: string;
  /** Ids of the ports that packets reach, in order. */
  readonly ports: readonly string[];
}

export const reportText = (report: HostReport): string => JSON.stringify(report);

export interface HostState {
  readonly name: string;
  /** Undefined: it has not been heard of for the time of its lease. */
  readonly report: HostReport | undefined;
  /** The commit that wrote the report, or with which it went. */
  readonly revision: number;
}

/** Names of those that are heard of: a gatewayd runs there, or did until a moment ago. @throws StoreError */
export async function livingHosts(store: Store): Promise<string[]> {
  const { entries } = await store.read(PREFIX);
  return [...entries.keys()].flatMap((key) => {
    const [name = "", part] = key.slice(PREFIX.length).split("/");
    return part === ALIVE ? decodeURIComponent(name) : [];
  });
}

interface Row extends HostState {
  readonly ports: ReadonlySet<string>;
}

const NO_PORTS: ReadonlySet<string> = new Set();

export class Hosts {
  readonly #marks: ChangeMarks;
  readonly #onChange: (hosts: Hosts) => void;
  #rows: Map<string, Row> = new Map();
  #stopFollowing: () => void = () => undefined;

  /**
   * @param marks - where every change is noted by the name of the host
   * @param onChange - called after every change
   * @throws StoreError
   */
  static async open(store: Store, marks: ChangeMarks, onChange: (hosts: Hosts) => void): Promise<Hosts> {
    const hosts = new Hosts(marks, onChange);
    hosts.#stopFollowing = await follow(store, PREFIX, {
      reset: (snapshot) => hosts.#reset(snapshot),
      take: (batch) => hosts.#take(batch),
    });
    return hosts;
  }

  private constructor(marks: ChangeMarks, onChange: (hosts: Hosts) => void) {
    this.#marks = marks;
    this.#onChange = onChange;
  }

  get(name: string): HostState | undefined {
    return this.#rows.get(name);
  }

  /** Whether the host that a port is bound to says that it works; undefined: no gatewayd is known there. */
  says(port: Port): boolean | undefined {
    return this.#rows.get(port["binding:host_id"])?.ports.has(port.id);
  }

  /** Takes no further notice of the store, which stays open. */
  close(): void {
    this.#stopFollowing();
  }

  #reset({ revision, entries }: Snapshot): void {
    for (const name of this.#rows.keys()) this.#marks.noteName(name);
    this.#rows = new Map();
    for (const [key, { value, modRevision }] of entries) {
      this.#set(key, value, key.endsWith(`/${KNOWN}`) ? revision : modRevision);
    }
    this.#onChange(this);
  }

  #take({ revision, changes }: Batch): void {
    for (const { key, value } of changes) this.#set(key, value, revision);
    this.#onChange(this);
  }

  /** @param revision - that of the commit; of a host that was read as known, until when nothing more was said */
  #set(key: Key, value: string | undefined, revision: number): void {
    const [encoded = "", part] = key.slice(PREFIX.length).split("/");
    const name = decodeURIComponent(encoded);
    this.#marks.noteName(name);
    if (part === KNOWN && value === undefined) this.#rows.delete(name);
    if (part === KNOWN && value !== undefined && !this.#rows.has(name))
      this.#rows.set(name, { name, report: undefined, revision, ports: NO_PORTS });
    if (part !== ALIVE) return;
    const report = value === undefined ? undefined : (JSON.parse(value) as HostReport);
    this.#rows.set(name, { name, report, revision, ports: new Set(report?.ports) });
  }
}
