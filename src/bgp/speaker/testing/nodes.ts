/** Speakers on a virtual network, and what tests ask of them. Addresses and prefixes are text here. */

import type { Address, Prefix } from "../../net/address.ts";
import { formatAddress, formatPrefix, parsePrefix, parseScopedAddress } from "../../net/text.ts";
import { ACCEPT_ALL } from "../../policy/rules.ts";
import type { SpeakerEvent } from "../events.ts";
import type { LocalRoute, PeerOptions, RemoteAsn, SpeakerOptions } from "../options.ts";
import { Speaker } from "../speaker.ts";
import type { VirtualNetwork } from "./virtual-network.ts";

export const address = (text: string): Address => parseScopedAddress(text)!;
export const prefix = (text: string): Prefix => parsePrefix(text)!;

export interface Node {
  readonly speaker: Speaker;
  readonly events: SpeakerEvent[];
  readonly crash: () => void;
}

/** A speaker at these addresses. */
export function node(
  net: VirtualNetwork,
  asn: number,
  addresses: string,
  more: Partial<SpeakerOptions> = {},
): Node {
  const own = addresses.split(" ").map(address);
  const { world, crash } = net.host(...own);
  const routerId = own.find(({ family }) => family === 4) ?? address("10.255.0.1");
  const speaker = new Speaker({ asn, routerId, multipath: 4, advertiseInstalledOnly: false, ...more }, world);
  const events: SpeakerEvent[] = [];
  speaker.onEvent((event) => events.push(event));
  return { speaker, events, crash };
}

/** An eBGP or iBGP peer that is believed and told everything; IPv4, hold time 9 s. */
export const peer = (remote: string, remoteAsn: RemoteAsn, more: Partial<PeerOptions> = {}): PeerOptions => ({
  remote: remoteOf(remote),
  remoteAsn,
  port: 179,
  passive: false,
  holdSeconds: 9,
  families: [4],
  importPolicy: ACCEPT_ALL,
  exportPolicy: ACCEPT_ALL,
  nextHopSelf: false,
  reflectorClient: false,
  ...more,
});

/** "10.0.0.2", "fe80::2%wire", "10.0.0.0/24", or the name of an interface. */
function remoteOf(text: string): PeerOptions["remote"] {
  if (text.includes("/")) return { range: prefix(text), limit: 10 };
  const one = parseScopedAddress(text);
  return one === undefined ? { interface: text } : { address: one };
}

export const local = (text: string): LocalRoute => ({ prefix: prefix(text), tag: 0 });
export const stateOf = ({ speaker }: Node, of = 0): string => speaker.peers()[of]!.state;
export const isUp = (...nodes: Node[]): boolean =>
  nodes.every((n) => n.speaker.peers().every((p) => p.state === "established"));

/** What is best, as "prefix via next hops". */
export function best({ speaker }: Node): string[] {
  const lines: string[] = [];
  for (const route of speaker.routes()) {
    const chosen = route.paths.filter(({ status }) => status === "best" || status === "multipath");
    if (chosen.length === 0) continue;
    const hops = chosen
      .map((p) => (p.peer === undefined ? "local" : formatAddress(p.attributes.nextHop)))
      .sort();
    lines.push(`${formatPrefix(route.prefix)} via ${hops.join(" ")}`);
  }
  return lines.sort();
}
