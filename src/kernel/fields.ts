/** Values of JSON, checked field by field: what says something else than it must is an {@link InvalidCommand}. */

import type { Address } from "../bgp/net/address.ts";
import { parseAddress, parseScopedAddress } from "../bgp/net/text.ts";

/** A command that says what it must not. The text names the field. */
export class InvalidCommand extends Error {
  override readonly name: string = "InvalidCommand";
}

/** @throws InvalidCommand */
export function parseJson(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString("utf8")) as unknown;
  } catch (error) {
    throw new InvalidCommand(`not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** What an object of ours may hold, none of it checked. */
type Fields = Partial<
  Record<
    | "address"
    | "addresses"
    | "anycastIdleMs"
    | "blocks"
    | "changed"
    | "destination"
    | "destinationPort"
    | "fastSwitch"
    | "filter"
    | "first"
    | "from"
    | "gateway"
    | "gone"
    | "hops"
    | "how"
    | "index"
    | "interface"
    | "interfaces"
    | "last"
    | "length"
    | "limit"
    | "map"
    | "metric"
    | "name"
    | "nextHop"
    | "nextHops"
    | "port"
    | "ports"
    | "private"
    | "protocol"
    | "public"
    | "reachable"
    | "released"
    | "remote"
    | "resilient"
    | "routeTable"
    | "source"
    | "sourcePort"
    | "to"
    | "up"
    | "waitMs"
    | "want"
    | "wanted"
    | "way"
    | "weight"
    | "why",
    unknown
  >
>;

export function recordOf(value: unknown, what: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new InvalidCommand(`${what}: not an object`);
  return value;
}

export function listOf(value: unknown, what: string, max: number): unknown[] {
  if (!Array.isArray(value) || value.length > max)
    throw new InvalidCommand(`${what}: not a list of up to ${max}`);
  return value;
}

export function integerOf(value: unknown, what: string, min: number, max: number): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < min || value > max)
    throw new InvalidCommand(`${what}: not an integer from ${min} to ${max}`);
  return value;
}

export function addressOf(value: unknown, what: string): Address {
  const address = typeof value === "string" ? parseAddress(value) : undefined;
  if (address === undefined) throw new InvalidCommand(`${what}: not an address`);
  return address;
}

/** As {@link addressOf}; a link-local one with its zone, which is the name of a link. */
export function scopedAddressOf(value: unknown, what: string): Address {
  const address = typeof value === "string" ? parseScopedAddress(value) : undefined;
  if (address === undefined) throw new InvalidCommand(`${what}: not an address`);
  if (address.zone !== undefined) interfaceOf(address.zone, what);
  return address;
}

/** The kernel's own rule for names of links (dev_valid_name), and not one of the directories that mean all of them. */
export function interfaceOf(value: unknown, what: string): string {
  if (typeof value !== "string" || !/^[^\s/:\0]{1,15}$/.test(value) || /^(\.|\.\.|all|default)$/.test(value))
    throw new InvalidCommand(`${what}: not the name of an interface`);
  return value;
}
