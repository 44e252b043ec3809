/** A gateway in its place, and questions about it that wait for the answer. */

import type { NextHopAnswer } from "../../src/api/next-hop-schema.ts";
import { accept } from "../daemon/gateway-file.ts";
import { type Daemon, eventually, Lab } from "../daemon/lab.ts";
import { Place } from "./place.ts";

/** What is waited for takes a fraction of a second; a machine that does other things has this long. */
const LIMIT_MS = 60_000;

export class Gateway {
  readonly place: Place;
  readonly daemon: Daemon;
  readonly #lab: Lab;

  static async start(): Promise<Gateway> {
    const place = new Place();
    const lab = new Lab();
    try {
      const path = lab.write("gw.yaml", fileOf(lab, {}));
      const daemon = await lab.start(path, lab.path("gw.sock"), ["ip", "netns", "exec", place.gw]);
      await eventually("sessions", () => daemon.established("10.90.1.2", "10.90.2.2", "10.90.1.3"), LIMIT_MS);
      return new Gateway(place, lab, daemon);
    } catch (error) {
      await lab.remove();
      await place.remove();
      throw error;
    }
  }

  private constructor(place: Place, lab: Lab, daemon: Daemon) {
    this.place = place;
    this.daemon = daemon;
    this.#lab = lab;
  }

  /** Changes keys of `bgp`. */
  async reload(changes: object): Promise<string> {
    this.#lab.write("gw.yaml", fileOf(this.#lab, changes));
    return (await this.daemon.reload()).event;
  }

  async nextHop(address: string): Promise<NextHopAnswer | undefined> {
    const all = await this.daemon.get<readonly NextHopAnswer[]>("/api/v1/nexthops");
    return all.find(({ nextHop }) => nextHop === address);
  }

  /** @param reason - why it cannot be reached; undefined: it can */
  async isKnown(address: string, reason: string | undefined): Promise<void> {
    await this.#eventually(`${address}: ${reason ?? "reachable"}`, async () => {
      const found = await this.nextHop(address);
      return found !== undefined && found.reason === reason && found.reachable === (reason === undefined);
    });
  }

  /** The kernel's route of ours for a prefix; "" when there is none. */
  route(prefix: string): string {
    const family = prefix.includes(":") ? "-6" : "-4";
    return this.place.ip(family, "-d", "route", "show", "proto", "86", "exact", prefix);
  }

  /** Waits until the kernel lists such a route of ours. */
  async has(route: string): Promise<void> {
    const listed = (): string => this.place.ip("route", "show", "proto", "86");
    await this.#eventually(route, () => listed().includes(route));
  }

  /** Waits until a prefix is forwarded so ("via 10.90.1.2 dev east"), and an address in it answers. */
  async forwards(prefix: string, how: string, address: string): Promise<void> {
    await this.#eventually(
      `${prefix} ${how}`,
      () => this.#nexthopOf(prefix).includes(` ${how} `) && this.place.reaches(address),
    );
  }

  /** Waits until the eBGP peer holds a prefix, or not. */
  async tells(prefix: string, told: boolean): Promise<void> {
    await this.#eventually(`${prefix} is ${told ? "" : "not "}told`, () => this.place.hears(prefix) === told);
  }

  /** Waits until it is neither told nor forwarded. */
  async isGone(prefix: string): Promise<void> {
    await this.tells(prefix, false);
    await this.#eventually(`no route ${prefix}`, () => this.route(prefix) === "");
  }

  async remove(): Promise<void> {
    await this.#lab.remove();
    await this.place.remove();
  }

  /** The number of the group of next hops that the route for a prefix points to; undefined when there is none. */
  groupOf(prefix: string): string | undefined {
    return /nhid (\d+)/.exec(this.route(prefix))?.[1];
  }

  /** The first next hop in that group, which has a spare behind it; "" when there is none. */
  #nexthopOf(prefix: string): string {
    const objects = this.place.ip("nexthop").split("\n");
    const [, member] = / group (\d+)/.exec(lineOf(objects, this.groupOf(prefix))) ?? [];
    return lineOf(objects, member);
  }

  async #eventually(what: string, look: () => boolean | Promise<boolean>): Promise<void> {
    await eventually(what, look, LIMIT_MS);
  }
}

const lineOf = (objects: readonly string[], id: string | undefined): string =>
  objects.find((line) => id !== undefined && line.startsWith(`id ${id} `)) ?? "";

const fileOf = (lab: Lab, changes: object): object => ({
  role: "gateway",
  hostname: "gw",
  bgp: {
    asn: 65000,
    routerId: "10.90.1.1",
    multipath: 1,
    peers: [
      { address: "10.90.1.2", asn: 65000, families: ["ipv4", "ipv6"] },
      { address: "10.90.2.2", asn: 65000 },
      {
        address: "10.90.1.3",
        asn: 65002,
        localAddress: "10.90.1.9",
        families: ["ipv4", "ipv6"],
        import: [
          {
            ...accept({ within: "203.0.113.0/24", length: 32, community: "blackhole" }),
            set: { blackhole: true },
          },
        ],
        export: [accept()],
      },
    ],
    ...changes,
  },
  api: { socket: lab.path("gw.sock") },
});
