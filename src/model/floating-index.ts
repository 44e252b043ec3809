/** Floating IPs of a model by the addresses that they lead to, kept up from one change to the next. */

import type { Address } from "../bgp/net/address.ts";
import { type AddressKey, addressKey } from "../bgp/net/text.ts";
import type { FloatingIp } from "./model.ts";

const NONE: readonly FloatingIp[] = [];

export class FloatingIndex {
  /** Most addresses have one floating IP, of hundreds of thousands: a list for each is too much. */
  readonly #byTarget = new Map<AddressKey, FloatingIp | readonly FloatingIp[]>();

  constructor(floatingIps: Iterable<FloatingIp>) {
    for (const floating of floatingIps) this.add(floating);
  }

  /** Those that lead to an address, as a whole or with some of their ports. */
  leadingTo(target: Address): readonly FloatingIp[] {
    return this.#at(addressKey(target));
  }

  add(floating: FloatingIp): void {
    for (const key of targetsOf(floating)) {
      const others = this.#at(key);
      this.#byTarget.set(key, others.length === 0 ? floating : [...others, floating]);
    }
  }

  delete(floating: FloatingIp): void {
    for (const key of targetsOf(floating)) {
      const [first, ...others] = this.#at(key).filter((each) => each !== floating);
      if (first === undefined) this.#byTarget.delete(key);
      else this.#byTarget.set(key, others.length === 0 ? first : [first, ...others]);
    }
  }

  #at(key: AddressKey): readonly FloatingIp[] {
    const known = this.#byTarget.get(key);
    if (known === undefined) return NONE;
    return "address" in known ? [known] : known;
  }
}

const targetsOf = ({ to, forwards }: FloatingIp): ReadonlySet<AddressKey> =>
  new Set([...(to === undefined ? [] : [to]), ...forwards.map((forward) => forward.to)].map(addressKey));
