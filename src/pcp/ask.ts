/** What is asked for, in whichever of the two protocols, and which ports may be the answer. */

import type { Address } from "../bgp/net/address.ts";
import type { Endpoint } from "../model/model.ts";
import type { Pcp } from "../model/pcp.ts";
import type { Grant } from "../nat/granted.ts";
import type { Place } from "../nat/places.ts";
import type { Result } from "./pcp.ts";

export interface Ask {
  readonly protocol: Grant["protocol"];
  readonly private: Endpoint;
  readonly nonce: string;
  /** 0: it is to be deleted. */
  readonly lifetimeSeconds: number;
  /** 0: any. */
  readonly suggestedPort: number;
  readonly suggestedAddress: Address | undefined;
  readonly preferFailure: boolean;
}

export interface Outcome {
  readonly result: Result;
  readonly lifetimeSeconds: number;
  /** Of a mapping that there is. */
  readonly external?: Endpoint;
}

/** RFC 6887 section 7.4: what only somebody's doing changes, and what may be otherwise soon. */
export const LONG_SECONDS = 1800;
const SHORT_SECONDS = 30;

export const refused = (result: Result): Outcome => ({
  result,
  lifetimeSeconds: SHORT_LIVED.has(result) ? SHORT_SECONDS : LONG_SECONDS,
});

const SHORT_LIVED: ReadonlySet<Result> = new Set([
  "networkFailure",
  "noResources",
  "userExceededQuota",
  "cannotProvideExternal",
]);

/** Section 15: within the bounds, whatever was asked for. */
export const lifetimeWithin = ({ minLifetimeMs, maxLifetimeMs }: Pcp, seconds: number): number =>
  Math.min(Math.floor(maxLifetimeMs / 1000), Math.max(Math.ceil(minLifetimeMs / 1000), seconds));

export const suggests = ({ suggestedAddress, suggestedPort }: Ask, { address, port }: Endpoint): boolean =>
  suggestedPort === port && (suggestedAddress === undefined || suggestedAddress.w0 === address.w0);

/** Ports that are tried by chance. */
const TRIES = 32;
/** A place of so few ports is searched through. */
const FEW_PORTS = 1024;

/**
 * Ports of a place in the order in which they are tried: the one that is suggested, the private one, some by chance;
 * where there are few, all. Nothing but the first for whom another one is no use.
 * @param random - in [0, 1), a new one each time
 */
export function* portsFor(ask: Ask, { address, ports }: Place, random: () => number): Generator<number> {
  const { first, last } = ports;
  const isWithin = (port: number): boolean => first <= port && port <= last;
  if (isWithin(ask.suggestedPort) && suggests(ask, { address, port: ask.suggestedPort }))
    yield ask.suggestedPort;
  if (ask.preferFailure) return;
  if (isWithin(ask.private.port)) yield ask.private.port;
  const count = last - first + 1;
  const from = Math.floor(random() * count);
  if (count <= FEW_PORTS) for (let i = 0; i < count; i++) yield first + ((from + i) % count);
  else for (let i = 0; i < TRIES; i++) yield first + Math.floor(random() * count);
}
