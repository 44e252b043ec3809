/** The mappings that private hosts asked for and were given: who has which, and until when. */

import type { Address } from "../bgp/net/address.ts";
import type { Endpoint } from "../model/model.ts";
import type { Grant } from "../nat/granted.ts";

/** NAT-PMP has no nonces: who has the address owns what was made from there. */
export const NO_NONCE: string = "0".repeat(24);

/**
 * The kernel forgets a mapping by itself. So long after that its public endpoint is not given to anybody else, so that
 * the kernel never has two.
 */
const REST_SECONDS = 5;

/** One number for protocol, address and port; exact, since it has no more than 53 bits. */
const endpointKey = (protocol: number, { address, port }: Endpoint): number =>
  (protocol * 2 ** 32 + address.w0) * 2 ** 16 + port;

/** Each private endpoint has at most one, and so has each public one. */
export class Grants {
  readonly #byPrivate = new Map<number, Grant>();
  readonly #byPublic = new Map<number, Grant>();
  /** By the word of the private address. */
  readonly #counts = new Map<number, number>();

  get size(): number {
    return this.#byPrivate.size;
  }

  all(): IterableIterator<Grant> {
    return this.#byPrivate.values();
  }

  /** How many this private address has. */
  countOf({ w0 }: Address): number {
    return this.#counts.get(w0) ?? 0;
  }

  of(protocol: number, endpoint: Endpoint): Grant | undefined {
    return this.#byPrivate.get(endpointKey(protocol, endpoint));
  }

  /** Whose a public endpoint is. */
  holderOf(protocol: number, endpoint: Endpoint): Grant | undefined {
    return this.#byPublic.get(endpointKey(protocol, endpoint));
  }

  /** Takes the place of what its private endpoint had. Nobody else may have its public one. */
  put(grant: Grant): void {
    const holder = this.holderOf(grant.protocol, grant.public);
    const before = this.of(grant.protocol, grant.private);
    if (holder !== undefined && holder !== before) throw new RangeError("the public endpoint is another's");
    if (before !== undefined) this.delete(before);
    this.#byPrivate.set(endpointKey(grant.protocol, grant.private), grant);
    this.#byPublic.set(endpointKey(grant.protocol, grant.public), grant);
    const { w0 } = grant.private.address;
    this.#counts.set(w0, (this.#counts.get(w0) ?? 0) + 1);
  }

  delete(grant: Grant): void {
    if (!this.#byPrivate.delete(endpointKey(grant.protocol, grant.private))) return;
    this.#byPublic.delete(endpointKey(grant.protocol, grant.public));
    const { w0 } = grant.private.address;
    const left = (this.#counts.get(w0) ?? 0) - 1;
    if (left > 0) this.#counts.set(w0, left);
    else this.#counts.delete(w0);
  }

  /** Forgets what the kernel has forgotten for sure. Returns how many. */
  expire(nowSeconds: number): number {
    let expired = 0;
    for (const grant of [...this.#byPrivate.values()]) {
      if (grant.endsAt + REST_SECONDS > nowSeconds) continue;
      this.delete(grant);
      expired++;
    }
    return expired;
  }
}

/** 0 when it is over. */
export const secondsLeft = (grant: Grant, nowSeconds: number): number =>
  Math.max(0, Math.round(grant.endsAt - nowSeconds));
