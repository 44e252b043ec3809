/** Who asks, and what each may see and do: upstream's default policies, as far as there are objects for them. */

import { notAuthorized, notFound } from "./fault.ts";
import type { Objects } from "./objects.ts";
import type { Owned } from "./resources.ts";
import type { Reading } from "./tables.ts";

export interface Caller {
  readonly projectId: string;
  /** admin sees and does everything, member what is its project's, reader only looks at that. */
  readonly role: "admin" | "member" | "reader";
}

/** What a request is worked out with. Time and chance come from outside. */
export interface World {
  /** ISO 8601, in UTC, to the second. */
  readonly now: string;
  readonly newId: () => string;
  /** Uniform in [0, 1). */
  readonly chance: () => number;
  /** Whether there is a way to that address: it is routed here, or a peer told of it. */
  readonly isReachable: (address: string) => boolean;
  /** Whether it is of a network that the gateway routes and therefore never translates. */
  readonly isRouted: (address: string) => boolean;
  /** What routers are that are made without saying it. */
  readonly routerDistributed: boolean;
  /** Whether the host that a port is bound to says that it works; undefined: no gatewayd is known there. */
  readonly hostSays: (port: Objects["ports"]) => boolean | undefined;
}

export const isAdmin = ({ role }: Caller): boolean => role === "admin";

export function owns(caller: Caller, object: { readonly project_id: string }): boolean {
  return isAdmin(caller) || (object.project_id === caller.projectId && caller.projectId !== "");
}

/** What is shared is everybody's to see, and so are external networks; with a shared network its subnets. */
export function isVisible<C extends Owned>(
  caller: Caller,
  reading: Reading,
  collection: C,
  object: Objects[C],
): boolean {
  if (owns(caller, object)) return true;
  if ("shared" in object && object.shared) return true;
  if (collection === "networks") return (object as Objects["networks"])["router:external"];
  const networkId = "network_id" in object ? object.network_id : undefined;
  const network = networkId === undefined ? undefined : reading.get("networks", networkId);
  if (network === undefined) return false;
  return collection === "subnets" ? network.shared : collection === "ports" && owns(caller, network);
}

/** @param attributes - those of the request that only an admin may give, empty when there are none */
export function requireWrite(caller: Caller, action: string, attributes: readonly string[] = []): void {
  const mayWrite = caller.role !== "reader";
  if (mayWrite && (isAdmin(caller) || attributes.length === 0)) return;
  throw notAuthorized([action, ...attributes.map((name) => `${action}:${name}`)]);
}

/** @throws Fault - 404 for what the caller does not see, 403 for what it sees and does not own */
export function requireOwned<C extends Owned>(
  caller: Caller,
  reading: Reading,
  collection: C,
  object: Objects[C],
  action: string,
): void {
  if (!isVisible(caller, reading, collection, object)) throw notFound();
  if (!owns(caller, object)) throw notAuthorized([action]);
}
