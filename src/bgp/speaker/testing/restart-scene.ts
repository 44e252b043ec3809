/** The other end of graceful restart, which writes its octets itself, so that what is asked for is on the wire. */

import { formatPrefix } from "../../net/text.ts";
import type { PeerOptions, SpeakerOptions } from "../options.ts";
import { address, type Node, node, peer } from "./nodes.ts";
import { attribute, CAPABILITY, KEEPALIVE, message, open, RawPeer, updateOf } from "./raw-peer.ts";
import { VirtualNetwork } from "./virtual-network.ts";

export const THEIRS = "10.0.0.2";
/** What they tell. */
export const A = "192.0.2.1/32";
export const B = "192.0.2.2/32";
export const SIX = "2001:db8:1::/48";
export const RESTART_S = 120;

/** Flags of the capability (RFC 4724 §3, RFC 8538 §2). */
export const R = 8;
export const N = 4;
export const F = 0x80;

const hex = (value: number, octets: number): string => value.toString(16).padStart(2 * octets, "0");

/** The capability. @param families - by AFI, the flags of each */
export const graceful = (
  flags: number,
  families: Readonly<Record<number, number>>,
  seconds: number = RESTART_S,
): string => {
  const tuples = Object.entries(families).map(([afi, each]) => `${hex(Number(afi), 2)}01${hex(each, 1)}`);
  return `40${hex(2 + 4 * tuples.length, 1)}${hex((flags << 12) | seconds, 2)}${tuples.join("")}`;
};
export const BOTH: Readonly<Record<number, number>> = { 1: F, 2: F };

const ATTRIBUTES = [attribute(0x40, 1, "00"), attribute(0x40, 2, "0201fdea"), attribute(0x40, 3, "0a000002")];
const FOUR: Readonly<Record<string, string>> = { [A]: "20c0000201", [B]: "20c0000202" };
export const tells = (...routes: readonly string[]): string =>
  updateOf(routes.map((route) => FOUR[route]).join(""), ...ATTRIBUTES);
const NEXT_HOP_SIX = "20010db8000000000000000000000002";
export const TELLS_SIX: string = updateOf(
  "",
  attribute(0x80, 14, `00020110${NEXT_HOP_SIX}003020010db80001`),
  ...ATTRIBUTES.slice(0, 2),
);
export const END_OF_FOUR: string = message(2, "00000000");
export const END_OF_SIX: string = message(2, "00000006800f03000201");

export interface RestartSetting {
  readonly restarting?: boolean;
  readonly notification?: boolean;
  readonly staleSeconds?: number;
  readonly options?: Partial<PeerOptions>;
}

export class RestartScene {
  readonly net: VirtualNetwork = new VirtualNetwork({ seed: 11 });
  readonly ours: Node;
  readonly #theirHost: ReturnType<VirtualNetwork["host"]>;

  constructor({
    restarting = false,
    notification = false,
    staleSeconds = 360,
    options = {},
  }: RestartSetting = {}) {
    const restart: Partial<SpeakerOptions> = {
      gracefulRestart: { restartSeconds: RESTART_S, notification, restarting, staleSeconds },
    };
    this.ours = node(this.net, 65001, "10.0.0.1 2001:db8::1", restart);
    const theirs = { passive: true, holdSeconds: 90, families: [4, 6], ...options } as const;
    this.ours.speaker.setPeers([peer(THEIRS, 65002, theirs)]);
    this.#theirHost = this.net.host(address(THEIRS));
  }

  /** A connection of theirs, with what it says first. @param capability - of graceful restart, or several; "": none */
  meet(capability: string, ...says: readonly string[]): RawPeer {
    const raw = new RawPeer(this.net, this.#theirHost.world);
    this.net.run(5);
    const capabilities = [CAPABILITY.ipv4, CAPABILITY.ipv6, ...(capability === "" ? [] : [capability])];
    raw.say(open("04", "fdea", "005a", "0a000002", ...capabilities), KEEPALIVE, ...says);
    this.net.run(20);
    return raw;
  }

  /** Their connection ends without a word. */
  lose(raw: RawPeer): void {
    raw.link.close();
    this.net.run(20);
  }

  /** All that they tell, and the loss of the session. */
  lost(
    capability: string,
    routes: readonly string[] = [tells(A, B), TELLS_SIX, END_OF_FOUR, END_OF_SIX],
  ): void {
    this.lose(this.meet(capability, ...routes));
  }

  get kept(): string[] {
    return [...this.ours.speaker.received(address(THEIRS))].map(({ prefix }) => formatPrefix(prefix)).sort();
  }

  get stale(): string[] {
    const rows = [...this.ours.speaker.received(address(THEIRS))].filter(({ stale }) => stale);
    return rows.map(({ prefix }) => formatPrefix(prefix)).sort();
  }
}

/** Flags, restart time and families of each capability of graceful restart in our OPEN. */
export function offered(
  raw: RawPeer,
): { flags: number; seconds: number; families: Record<number, number> }[] {
  const octets = Buffer.from(raw.heard(1)[0]!, "hex");
  const found: ReturnType<typeof offered> = [];
  for (let parameter = 10; parameter < octets.length; parameter += 2 + octets[parameter + 1]!) {
    const end = parameter + 2 + octets[parameter + 1]!;
    for (let at = parameter + 2; at < end; at += 2 + octets[at + 1]!) {
      if (octets[at] !== 64) continue;
      const value = octets.subarray(at + 2, at + 2 + octets[at + 1]!);
      const families: Record<number, number> = {};
      for (let tuple = 2; tuple < value.length; tuple += 4) {
        families[value.readUInt16BE(tuple)] = value[tuple + 3]!;
      }
      const head = value.readUInt16BE(0);
      found.push({ flags: head >> 12, seconds: head & 0xfff, families });
    }
  }
  return found;
}

/** Bodies of the UPDATEs that they were sent, which are no End-of-RIB, and those that are. */
export const ends = (raw: RawPeer): string[] =>
  raw.heard(2).filter((body) => ["00000000", "00000006800f03000201"].includes(body));

/** What it is about, the rule in our words, and what shows it. */
export type RestartRule = readonly [section: string, rule: string, holds: () => void | Promise<void>];
