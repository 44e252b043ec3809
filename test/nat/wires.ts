/**
 * The spaces of five.ts with a program at both ends that sends whole packets, and sees what arrives on the wire. Behind
 * what may be dropped goes a marker that passes: when that is there, the other was there before it or never will be.
 */

import { fileURLToPath } from "node:url";
import { type Five, fiveSpaces, removeFive } from "./five.ts";
import type { LineProcess } from "./namespace.ts";
import { ipv4, type Parsed, parsed, UDP, udp } from "./octets.ts";

/** A port of the host that has a mapping, and its external endpoint. */
export interface Mapped {
  readonly inner: number;
  readonly as: string;
  readonly outer: number;
}

/** Where the server answers. */
const PORT = 7000;

export class Wires {
  readonly spaces: Five;
  /** An ordinary program (packets.py). */
  readonly host: LineProcess;
  readonly #own: string;
  readonly #server: string;
  readonly #hostWire: LineProcess;
  readonly #serverWire: LineProcess;
  #lastPort = 30_000;
  #marks = 0;

  private constructor(name: string, [own, server]: readonly [host: string, server: string]) {
    this.spaces = fiveSpaces(name);
    this.#own = own;
    this.#server = server;
    this.host = this.spaces.host.start("python3", script("packets.py"));
    this.#hostWire = this.spaces.host.start("python3", script("raw.py"));
    this.#serverWire = this.spaces.server.start("python3", script("raw.py"));
  }

  static async lay(name: string, ends: readonly [host: string, server: string]): Promise<Wires> {
    const wires = new Wires(name, ends);
    await wires.spaces.server.start("python3", script("packets.py")).ask({ listen: [ends[1], PORT] });
    return wires;
  }

  remove(): Promise<void> {
    return removeFive(this.spaces);
  }

  freshPort(): number {
    return ++this.#lastPort;
  }

  async mapped(): Promise<Mapped> {
    const inner = this.freshPort();
    const asked = {
      udp: [
        [this.#own, inner],
        [this.#server, PORT],
      ],
    };
    const { seen } = (await this.host.ask(asked)) as { seen: string };
    const [, as = "", outer] = /^([\d.]+):(\d+) /.exec(seen) ?? [];
    return { inner, outer: Number(outer), as };
  }

  /** What arrives at the host of what the server sends. The flow lets the markers pass. */
  inwards({ as, outer }: Mapped, ...packets: readonly Buffer[]): Promise<readonly Parsed[]> {
    return this.#arriving(this.#serverWire, this.#hostWire, packets, (data) =>
      ipv4({ source: this.#server, destination: as, protocol: UDP, payload: udp(PORT, outer, data) }),
    );
  }

  /** The other way round. */
  outwards({ inner }: Mapped, ...packets: readonly Buffer[]): Promise<readonly Parsed[]> {
    return this.#arriving(this.#hostWire, this.#serverWire, packets, (data) =>
      ipv4({ source: this.#own, destination: this.#server, protocol: UDP, payload: udp(inner, PORT, data) }),
    );
  }

  async sendFromHost(packets: readonly Buffer[]): Promise<void> {
    await send(this.#hostWire, packets);
  }

  /** What arrives at the host up to the packet that has these octets, which is the last. */
  heard(octets: Buffer): Promise<readonly Parsed[]> {
    return until(this.#hostWire, octets);
  }

  /** What arrives of `packets` between two markers. */
  async #arriving(
    from: LineProcess,
    at: LineProcess,
    packets: readonly Buffer[],
    marker: (data: Buffer) => Buffer,
  ): Promise<readonly Parsed[]> {
    const [begin, end] = ["begin", "end"].map((word) => Buffer.from(`${word} ${++this.#marks}.`));
    await send(from, [marker(begin!)]);
    await until(at, begin!);
    await send(from, [...packets, marker(end!)]);
    return (await until(at, end!)).slice(0, -1);
  }
}

const script = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

const send = (from: LineProcess, packets: readonly Buffer[]): Promise<unknown> =>
  from.ask({ send: packets.map((packet) => packet.toString("hex")) });

async function until(at: LineProcess, octets: Buffer): Promise<readonly Parsed[]> {
  const packets = (await at.ask({ until: octets.toString("hex") })) as string[];
  return packets.map((hex) => parsed(Buffer.from(hex, "hex")));
}
