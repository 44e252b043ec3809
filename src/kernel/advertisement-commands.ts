/** Interfaces that netd is to do something with, and what it says to the instances behind them, as the core words it. */

import { encodeJson } from "./commands.ts";
import { InvalidCommand, interfaceOf, listOf, parseJson } from "./fields.ts";

const MAX_TAPS = 65_536;

/** @throws InvalidCommand */
export const decodeInterfaces = (payload: Buffer): string[] =>
  listOf(parseJson(payload), "interfaces", MAX_TAPS).map((name) => interfaceOf(name, "interfaces"));

/** A router advertisement (RFC 4861 §4.2) for the instance behind an interface. */
export interface Advertisement {
  readonly interface: string;
  readonly message: Buffer;
}

const ROUTER_ADVERTISEMENT = 134;
/** The least that every link carries, without the header of IPv6 (RFC 8200 §5). */
const ADVERTISEMENT_OCTETS = { least: 16, most: 1240 } as const;

export const encodeAdvertisements = (
  advertisements: readonly { readonly interface: string; readonly message: Uint8Array }[],
): Buffer =>
  encodeJson(
    advertisements.map(({ interface: name, message }) => [name, Buffer.from(message).toString("base64")]),
  );

/** @throws InvalidCommand */
export const decodeAdvertisements = (payload: Buffer): Advertisement[] =>
  listOf(parseJson(payload), "advertisements", MAX_TAPS).map((row) => {
    const [name, text] = listOf(row, "advertisement", 2);
    const message = Buffer.from(typeof text === "string" ? text : "", "base64");
    const { least, most } = ADVERTISEMENT_OCTETS;
    const isOne = message.length >= least && message.length <= most && message[0] === ROUTER_ADVERTISEMENT;
    if (!isOne) throw new InvalidCommand("not a router advertisement");
    return { interface: interfaceOf(name, "advertisement"), message };
  });
