/** A speaker with two good peers on virtual time, and whoever else may come. */

import { expect } from "vitest";
import type { Policy } from "../../src/bgp/policy/rules.ts";
import type { PeerOptions } from "../../src/bgp/speaker/options.ts";
import { address, best, local, type Node, node, peer, prefix } from "../../src/bgp/speaker/testing/nodes.ts";
import { VirtualNetwork } from "../../src/bgp/speaker/testing/virtual-network.ts";
import type { Link } from "../../src/bgp/speaker/world.ts";
import { octetsOf } from "../vectors/vectors.ts";

const OURS = "10.0.0.1";
/** The AS of nearly every AS_PATH in the vectors, so that their routes are believed. */
export const HOSTILE_ASN = 65_001;

/** Where a million prefixes have room. */
const FLOOD = "11.0.0.0/8";

const NO_FLOOD: Policy = {
  rules: [
    {
      name: "flood",
      match: { prefixes: [{ prefix: prefix(FLOOD), minLength: 8, maxLength: 32 }] },
      then: "reject",
    },
  ],
  otherwise: "accept",
};

const GOOD = [
  { address: "10.0.0.2", asn: 64_512, route: "203.0.113.0/24" },
  { address: "10.0.0.3", asn: 64_513, route: "198.51.100.0/24" },
] as const;

const MARKER = "ff".repeat(16);
export const KEEPALIVE: Uint8Array = octetsOf(`${MARKER}001304`);
/** AS 65001, hold time 90 s, both families, 4-octet AS numbers, extended messages, route refresh. */
export const OPEN: Uint8Array = octetsOf(
  `${MARKER}003d0104fde9005a0a01000120${"0206010400010001"}${"0206010400020001"}${"020641040000fde9"}0202060002020200`,
);

export interface Lab {
  readonly net: VirtualNetwork;
  readonly ours: Node;
  /** Both good sessions are what they were, and each hears of the other's route. */
  readonly nobodyHurt: () => void;
}

/** `hostile` are peers beside the good ones, who are not told of {@link FLOOD}. */
export function lab(seed: number, hostile: readonly PeerOptions[], windowOctets = 65_536): Lab {
  const net = new VirtualNetwork({ seed, windowOctets });
  const ours = node(net, 65_000, `${OURS} 2001:db8::1`);
  const families = [4, 6] as const;
  ours.speaker.setPeers([
    ...GOOD.map(({ address: of, asn }) => peer(of, asn, { families, exportPolicy: NO_FLOOD })),
    ...hostile,
  ]);
  const good = GOOD.map(({ address: of, asn, route }, i) => {
    const one = node(net, asn, `${of} 2001:db8::${i + 2}`);
    one.speaker.setPeers([peer(OURS, 65_000, { families })]);
    one.speaker.announce([local(route)]);
    return one;
  });
  net.run(20_000);
  const nobodyHurt = (): void => {
    for (const [i, one] of good.entries()) {
      const [session] = one.speaker.peers();
      expect(session).toMatchObject({
        state: "established",
        flaps: 0,
        updateErrors: { "treat-as-withdraw": 0, "session-reset": 0, "attribute-discard": 0 },
      });
      expect(best(one)).toContain(`${GOOD[1 - i]!.route} via ${OURS}`);
    }
  };
  nobodyHurt();
  return { net, ours, nobodyHurt };
}

/** Says octets, and counts what it hears. */
export class Caller {
  readonly link: Link;
  closed = false;
  heardOctets = 0;
  readonly leave: () => void;

  constructor(net: VirtualNetwork, from: string) {
    const { world, crash } = net.host(address(from), address("2001:db8::bad"));
    this.leave = crash;
    this.link = world.dial(
      { address: address(OURS), port: 179, localAddress: address(from) },
      {
        connected: () => {},
        received: (octets) => {
          this.heardOctets += octets.length;
        },
        drained: () => {},
        closed: () => {
          this.closed = true;
        },
      },
    );
  }

  say(...messages: readonly Uint8Array[]): void {
    for (const message of messages) this.link.write(message);
  }
}
