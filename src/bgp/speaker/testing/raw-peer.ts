/**
 * The other end of a session as octets: 10.0.0.2 in AS 65002, or whoever a test says. It has no machine, and what it says
 * is written out in hex here or in the test, never encoded by us.
 */

import type { PeerOptions } from "../options.ts";
import type { Link, World } from "../world.ts";
import { address, type Node, node, peer } from "./nodes.ts";
import { VirtualNetwork } from "./virtual-network.ts";

export class RawPeer {
  readonly link: Link;
  closed: string | undefined;
  #heard = "";

  constructor(net: VirtualNetwork, from: World = net.host(address("10.0.0.2")).world) {
    from.serve({ turn: () => {}, accept: () => undefined });
    this.link = from.dial(
      { address: address("10.0.0.1"), port: 179, localAddress: undefined },
      {
        connected: () => {},
        received: (octets) => {
          this.#heard += Buffer.from(octets).toString("hex");
        },
        drained: () => {},
        closed: (reason) => {
          this.closed = reason;
        },
      },
    );
  }

  say(...messages: string[]): void {
    for (const hex of messages) this.link.write(Uint8Array.from(Buffer.from(hex, "hex")));
  }

  /** The bodies of all messages of a type that were sent to it, in hex. */
  heard(type: number): string[] {
    const bodies: string[] = [];
    for (let at = 0; at < this.#heard.length; ) {
      const digits = 2 * Number.parseInt(this.#heard.slice(at + 32, at + 36), 16);
      if (Number.parseInt(this.#heard.slice(at + 36, at + 38), 16) === type) {
        bodies.push(this.#heard.slice(at + 38, at + digits));
      }
      at += digits;
    }
    return bodies;
  }

  /** Code, subcode and data of the NOTIFICATION that was sent to it. */
  notification(): string | undefined {
    return this.heard(3)[0];
  }
}

const hexOf = (value: number, octets: number): string => value.toString(16).padStart(octets * 2, "0");

/** A message of a type around its body. */
export function message(type: number, body: string): string {
  return `${"ff".repeat(16)}${hexOf(19 + body.length / 2, 2)}${hexOf(type, 1)}${body}`;
}

/** OPEN; `capabilities` are whole ones, each with code and length. */
export function open(
  version = "04",
  asn = "fdea",
  hold = "005a",
  id = "0a000002",
  ...capabilities: string[]
): string {
  const all = capabilities.join("");
  const parameter = all === "" ? "" : `02${hexOf(all.length / 2, 1)}${all}`;
  return message(1, `${version}${asn}${hold}${id}${hexOf(parameter.length / 2, 1)}${parameter}`);
}

export const CAPABILITY = {
  ipv4: "010400010001",
  ipv6: "010400020001",
  extendedMessage: "0600",
  as4: (asn: number): string => `4104${hexOf(asn, 4)}`,
} as const;

export const KEEPALIVE: string = message(4, "");

/** A path attribute. The length has two octets when the flags say so (0x10), else one. */
export function attribute(flags: number, code: number, value: string): string {
  const length = hexOf(value.length / 2, (flags & 0x10) === 0 ? 1 : 2);
  return `${hexOf(flags, 1)}${hexOf(code, 1)}${length}${value}`;
}

/** An UPDATE that announces `nlri` with these attributes. */
export function updateOf(nlri: string, ...attributes: string[]): string {
  const all = attributes.join("");
  return message(2, `0000${hexOf(all.length / 2, 2)}${all}${nlri}`);
}

/** A speaker of ours, 10.0.0.1 in AS 65001, with this peer alone, and the peer connected. */
export function scene(more: Partial<PeerOptions> = {}): { net: VirtualNetwork; ours: Node; raw: RawPeer } {
  const net = new VirtualNetwork({ seed: 5 });
  const ours = node(net, 65001, "10.0.0.1 2001:db8::1");
  ours.speaker.setPeers([peer("10.0.0.2", 65002, { passive: true, holdSeconds: 90, ...more })]);
  const raw = new RawPeer(net);
  net.run(5);
  return { net, ours, raw };
}
