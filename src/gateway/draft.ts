/** A plan in the making: what the parts of plan.ts read, and what they add to. */

import { type Address, contains, type Prefix, prefixOf } from "../bgp/net/address.ts";
import { formatAddress, formatPrefix } from "../bgp/net/text.ts";
import type { BlockGrant } from "../model/blocks.ts";
import type { Model } from "../model/model.ts";
import type { FloatingMapping, ForwardMapping, Translations } from "../nat/table.ts";
import { type Connected, connectedOf } from "./connected.ts";
import type { Announcement, Health, KernelRoute, Link, Problem } from "./intent.ts";
import type { LearnedView } from "./learned.ts";

export interface PlanInput {
  readonly model: Model;
  readonly links: readonly Link[];
  readonly learned: LearnedView;
  readonly health: Health;
  /** Interfaces of the link routes that the kernel held when this process started, by prefix text. */
  readonly resumed: ReadonlyMap<string, readonly string[]>;
  readonly leaving: Departed;
  /** Port blocks that were given while the gateway runs. */
  readonly givenBlocks: readonly BlockGrant[];
}

/** What moved to another host and is kept until others reach it there (moves.ts). */
export interface Departed {
  /** Addresses of ports. */
  readonly ports: readonly Leaving[];
  readonly floating: readonly Leaving[];
}

/** An address as it was here before it moved. A floating IP is translated as a whole, or port by port. */
export interface Leaving extends Translations {
  readonly address: Address;
  /** Routes to ports of this host that it needs. */
  readonly ways: readonly { readonly prefix: Prefix; readonly interface: string }[];
}

/** An address of a port of this host. */
export interface LocalAddress {
  readonly address: Address;
  readonly interface: string;
  /** The interface is there and up. */
  readonly up: boolean;
  /** The port is another host's. */
  readonly isLeaving: boolean;
}

export interface Draft {
  readonly input: PlanInput;
  /** By address text. */
  readonly local: ReadonlyMap<string, LocalAddress>;
  /** Own prefixes of the links that are up. */
  readonly connected: readonly Connected[];
  /** By prefix text. */
  readonly routes: Map<string, KernelRoute>;
  readonly announcements: Announcement[];
  readonly problems: Problem[];
  /** Floating IPs that are translated here. */
  readonly floating: FloatingMapping[];
  /** The same port by port. */
  readonly forwards: ForwardMapping[];
}

export function draftOf(input: PlanInput): Draft {
  const { model } = input;
  const links = new Map(input.links.map((link) => [link.name, link]));
  const local = new Map<string, LocalAddress>();
  for (const port of model.ports) {
    const up = isUp(model, links.get(port.interface));
    for (const address of port.addresses) {
      local.set(formatAddress(address), { address, interface: port.interface, up, isLeaving: false });
    }
  }
  for (const { address, ways } of input.leaving.ports) {
    const key = formatAddress(address);
    if (local.has(key)) continue;
    for (const way of ways) local.set(key, { address, interface: way.interface, up: true, isLeaving: true });
  }
  return {
    input,
    local,
    connected: connectedOf(input.links),
    routes: new Map(),
    announcements: [],
    problems: [],
    floating: [],
    forwards: [],
  };
}

/** Without a kernel to speak of, what the configuration names is believed to be there. */
const isUp = (model: Model, link: Link | undefined): boolean =>
  model.kernel.type === "none" || link?.up === true;

/** The first to ask for a prefix gets it: parts of a plan run in the order of their right to it. */
export function addRoute(draft: Draft, prefix: Prefix, target: KernelRoute["target"]): void {
  const key = formatPrefix(prefix);
  if (!draft.routes.has(key)) draft.routes.set(key, { prefix, target });
}

export const localAt = (draft: Draft, address: Address): LocalAddress | undefined =>
  draft.local.get(formatAddress(address));

export const isDiscard = (route: KernelRoute): boolean => route.target.to === "discard";

/**
 * How the kernel will reach an address by anything more specific than a default route: by the planned or learned route
 * given back, or "connected". Undefined: not at all, or only into a discard route.
 */
export function wayTo(
  draft: Draft,
  lengths: readonly number[],
  address: Address,
): Prefix | "connected" | undefined {
  const onLink = draft.connected.filter((c) => contains(c.prefix, address)).map((c) => c.prefix.length);
  const connectedLength = Math.max(0, ...onLink);
  const own = ownWayTo(draft, lengths, address, connectedLength);
  const longest = draft.input.learned.wayTo(address, own?.prefix.length ?? connectedLength) ?? own;
  if (longest !== undefined) return isDiscard(longest) ? undefined : longest.prefix;
  return connectedLength > 0 ? "connected" : undefined;
}

/** The longest planned route of more than `least` bits. */
function ownWayTo(
  draft: Draft,
  lengths: readonly number[],
  address: Address,
  least: number,
): KernelRoute | undefined {
  for (const length of lengths) {
    if (length <= least) return undefined;
    const route = draft.routes.get(formatPrefix(prefixOf(address, length)));
    if (route !== undefined) return route;
  }
  return undefined;
}
