/** An RPKI cache on a virtual network: it answers as RFC 8210 §8 says, and a test may make it say anything. */

import type { Address } from "../../net/address.ts";
import {
  cacheReset,
  endOfData,
  errorReport,
  notify,
  response,
  vrp,
} from "../../rpki/testing/cache-octets.ts";
import type { Link, LinkEvents, Served } from "../world.ts";
import type { VirtualNetwork } from "./virtual-network.ts";

export class VirtualCache implements Served {
  sessionId = 7;
  serial = 0;
  /** Highest version of the protocol that it knows. */
  version = 1;
  /** Refresh, retry, expire, in seconds. */
  intervals: readonly number[] = [3600, 600, 7200];
  /** What it was asked, as "reset" and "serial N", with the version. */
  readonly asked: string[] = [];
  /** Error Reports that came, by code. */
  readonly reported: number[] = [];
  /** Answers nothing by itself. */
  silent = false;
  readonly crash: () => void;
  readonly #links: Set<Link> = new Set();
  #vrps: ReadonlySet<string>;
  /** What changed on the way to each serial number. */
  #changes: Map<number, readonly string[]> = new Map();

  constructor(net: VirtualNetwork, address: Address, vrps: readonly string[]) {
    const { world, crash } = net.host(address);
    this.#vrps = new Set(vrps);
    this.crash = crash;
    world.serve(this);
  }

  get connections(): number {
    return this.#links.size;
  }

  turn(): void {
    // It has no timers.
  }

  accept(link: Link): LinkEvents {
    this.#links.add(link);
    return {
      connected: () => undefined,
      received: cutIntoPdus((pdu) => this.#take(link, pdu)),
      drained: () => undefined,
      closed: () => this.#links.delete(link),
    };
  }

  /** Other VRPs, under the next serial number; routers are told so. */
  change(...vrps: string[]): void {
    const gone = [...this.#vrps].filter((each) => !vrps.includes(each)).map((each) => `!${each}`);
    const come = vrps.filter((each) => !this.#vrps.has(each));
    this.serial++;
    this.#changes.set(this.serial, [...gone, ...come]);
    this.#vrps = new Set(vrps);
    this.say(notify(this.version, this.sessionId, this.serial));
  }

  /** As after a restart: another session, and no memory of what was. */
  reborn(): void {
    this.sessionId++;
    this.#changes = new Map();
  }

  /** Octets to every router. */
  say(...octets: readonly Uint8Array[]): void {
    for (const link of this.#links) for (const each of octets) link.write(each);
  }

  hangUp(): void {
    for (const link of this.#links) link.close();
    this.#links.clear();
  }

  #take(link: Link, pdu: Uint8Array): void {
    const [version = 0, type] = pdu;
    const view = new DataView(pdu.buffer, pdu.byteOffset);
    if (type === 10) this.reported.push(view.getUint16(2));
    if (type !== 1 && type !== 2) return;
    const base = type === 1 ? view.getUint32(8) : undefined;
    this.asked.push(`${base === undefined ? "reset" : `serial ${base}`} v${version}`);
    if (this.silent) return;
    if (version > this.version) {
      link.write(errorReport(this.version, 4, "unsupported"));
      link.close();
      this.#links.delete(link);
      return;
    }
    for (const octets of this.#answer(version, base, view.getUint16(2))) link.write(octets);
  }

  #answer(version: number, base: number | undefined, sessionId: number): Uint8Array[] {
    const said = base === undefined ? [...this.#vrps] : this.#since(base, sessionId);
    if (said === undefined) return [cacheReset(version)];
    return [
      response(version, this.sessionId),
      ...said.map((each) => vrp(version, each)),
      endOfData(version, this.sessionId, this.serial, this.intervals),
    ];
  }

  #since(base: number, sessionId: number): string[] | undefined {
    if (sessionId !== this.sessionId) return undefined;
    const said: string[] = [];
    for (let serial = base + 1; serial <= this.serial; serial++) {
      const changes = this.#changes.get(serial);
      if (changes === undefined) return undefined;
      said.push(...changes);
    }
    return said;
  }
}

function cutIntoPdus(take: (pdu: Uint8Array) => void): (octets: Uint8Array) => void {
  let rest = new Uint8Array(0);
  return (octets) => {
    let all = Uint8Array.of(...rest, ...octets);
    while (all.length >= 8 && all.length >= new DataView(all.buffer).getUint32(4)) {
      const length = new DataView(all.buffer).getUint32(4);
      take(all.slice(0, length));
      all = all.slice(length);
    }
    rest = all;
  };
}
