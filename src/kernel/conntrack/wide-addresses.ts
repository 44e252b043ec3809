/**
 * Addresses of IPv6 as numbers behind those of IPv4, so that whoever counts flows compares numbers, whatever they are of. A
 * number means nothing beyond the look that it was given in.
 */

import { type Address, ipv4 } from "../../bgp/net/address.ts";
import { addressAt, addressOctets } from "../../bgp/net/text.ts";

const FIRST = 2 ** 32;
const OCTETS = 16;

export class WideAddresses {
  /** By their octets, one a character. */
  readonly #numbers = new Map<string, number>();
  readonly #addresses: string[] = [];

  /** @param at - where 16 octets begin */
  read(octets: Buffer, at: number): number {
    return this.#numberOf(octets.toString("latin1", at, at + OCTETS));
  }

  numberOf(address: Address): number {
    return address.family === 4
      ? address.w0
      : this.#numberOf(Buffer.from(addressOctets(address)).toString("latin1"));
  }

  addressOf(number: number): Address {
    if (number < FIRST) return ipv4(number);
    return addressAt(Buffer.from(this.#addresses[number - FIRST] ?? "", "latin1"), 0, 6);
  }

  #numberOf(octets: string): number {
    const known = this.#numbers.get(octets);
    if (known !== undefined) return known;
    const number = FIRST + this.#addresses.push(octets) - 1;
    this.#numbers.set(octets, number);
    return number;
  }
}
