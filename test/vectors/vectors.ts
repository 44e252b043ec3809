/** The BGP messages beside this file, with what the RFCs make of them: README.md tells the schema. */

import { readFileSync } from "node:fs";
import type { Family } from "../../src/bgp/net/address.ts";
import { type DecodeContext, NOTHING_NEGOTIATED } from "../../src/bgp/wire/context.ts";

export const valid: readonly Vector<Valid>[] = load<Valid>("valid-constructed.json");
export const malformed: readonly Vector<Malformed>[] = load<Malformed>("malformed.json");

export interface Context {
  as4: boolean;
  addPath: string[];
  extendedMessage: boolean;
  enhancedRouteRefresh: boolean;
  peer: "ibgp" | "ebgp";
  configuredPeerAs?: number;
  localRouterId?: string;
}

export interface Vector<E> {
  name: string;
  ctx: Context;
  hex: string;
  expect: E;
}

export interface Route {
  prefix: string;
  pathId?: number;
}

export interface Attribute {
  code: number;
  name: string;
  flags: number;
  value?: unknown;
  hex?: string;
}

export interface Mp {
  nextHop: string;
  nextHopHex: string;
  linkLocalNextHop?: string;
  nlri: Route[];
  withdrawn: Route[];
}

/** The fields of every type; a vector has those of its own. */
export interface Valid {
  type: "OPEN" | "UPDATE" | "NOTIFICATION" | "KEEPALIVE" | "ROUTE_REFRESH";
  length: number;
  withdrawn: Route[];
  nlri: Route[];
  attributes: Attribute[];
  eor?: { afi: number; safi: number };
  capabilities: { code: number; name: string; value?: unknown; hex?: string }[];
  version: number;
  asn: number;
  holdTime: number;
  routerId: string;
  code: number;
  subcode: number;
  dataHex: string;
  shutdownCommunication?: string;
  afi: number;
  safi: number;
  subtype: number;
}

export interface Malformed {
  action: string | string[];
  notification?: { acceptable: [number, number][]; dataHex?: string };
  withdrawnPrefixes?: string[];
  acceptedPrefixes?: string[];
  discardedAttributes?: number[];
  forbid?: ("crash" | "session-reset" | "asn-from-next-capability")[];
}

export function contextOf(ctx: Context): DecodeContext {
  const families: Record<string, Family> = { "1/1": 4, "2/1": 6 };
  return {
    ...NOTHING_NEGOTIATED,
    as4: ctx.as4,
    external: ctx.peer === "ebgp",
    addPath: ctx.addPath.map((text) => families[text]!),
    extendedNextHop: true,
    extendedMessage: ctx.extendedMessage,
    enhancedRefresh: ctx.enhancedRouteRefresh,
  };
}

export const octetsOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));

export const hexOf = (octets: Uint8Array): string => Buffer.from(octets).toString("hex");

function load<E>(file: string): Vector<E>[] {
  return JSON.parse(readFileSync(new URL(`./${file}`, import.meta.url), "utf8"));
}
