/** Who asks, and what a request is worked out with. What each may see and do stands in policies.ts. */

import type { ChangeMarks } from "../bgp/net/change-marks.ts";
import type { Objects } from "./objects.ts";

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
  /** Whatever {@link isReachable} and {@link hostSays} say otherwise than before is noted there, by prefix and by name of the host. */
  readonly marks: ChangeMarks;
  /** Whether it is of a network that the gateway routes and therefore never translates. */
  readonly isRouted: (address: string) => boolean;
  /** Whether gateway.yaml, or a pool or service of the API, has it for something. */
  readonly isSaid: (address: string) => boolean;
  /** What routers are that are made without saying it. */
  readonly routerDistributed: boolean;
  /** Whether the host that a port is bound to says that it works; undefined: no gatewayd is known there. */
  readonly hostSays: (port: Objects["ports"]) => boolean | undefined;
}

export const isAdmin = ({ role }: Caller): boolean => role === "admin";

export function owns(caller: Caller, object: { readonly project_id: string }): boolean {
  return isAdmin(caller) || (object.project_id === caller.projectId && caller.projectId !== "");
}
