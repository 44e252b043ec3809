/** Routes of one table as the UPDATEs that would tell them, each in a message of its own (RFC 7854 §4.6). */

import type { Prefix } from "../net/address.ts";
import { encodeAttributes } from "../wire/attribute-encode.ts";
import { MAX_EXTENDED_MESSAGE_OCTETS } from "../wire/context.ts";
import { messageLengthAt } from "../wire/header.ts";
import type { PathAttributes } from "../wire/path-attributes.ts";
import { PrefixBatch } from "../wire/prefix-batch.ts";
import { type Packing, packAnnounced, packWithdrawn } from "../wire/update-pack.ts";
import type { Writing } from "./subject.ts";

export class UpdateWriter {
  readonly #buffer: Uint8Array = new Uint8Array(MAX_EXTENDED_MESSAGE_OCTETS);
  readonly #one: PrefixBatch = new PrefixBatch(1);

  /** The octets are the caller's until the next call. Undefined: they do not fit into any message. */
  announced(
    { as4, addPath }: Writing,
    prefix: Prefix,
    pathId: number,
    attributes: PathAttributes,
  ): Uint8Array | undefined {
    const encoded = encodeAttributes(attributes, prefix.family, { as4, external: false });
    const packing = packingOf(addPath.includes(prefix.family));
    // Attributes that fill a message of this session to the brim may not fit once they are written anew.
    const packed = packAnnounced(this.#buffer, 0, encoded, this.#batchOf(prefix, pathId), 0, packing);
    return packed === 0 ? undefined : this.#written();
  }

  /** As {@link announced}. */
  withdrawn(writing: Writing, prefix: Prefix, pathId: number): Uint8Array {
    packWithdrawn(
      this.#buffer,
      0,
      this.#batchOf(prefix, pathId),
      0,
      packingOf(writing.addPath.includes(prefix.family)),
    );
    return this.#written();
  }

  /** Calls back with the octets of each message that it takes. */
  withdrawAll(writing: Writing, batch: PrefixBatch, each: (update: Uint8Array) => void): void {
    const packing = packingOf(writing.addPath.includes(batch.family));
    for (let from = 0; from < batch.count; ) {
      from = packWithdrawn(this.#buffer, 0, batch, from, packing);
      each(this.#written());
    }
  }

  #batchOf(prefix: Prefix, pathId: number): PrefixBatch {
    this.#one.reset(prefix.family);
    this.#one.push(prefix, pathId);
    return this.#one;
  }

  #written(): Uint8Array {
    return this.#buffer.subarray(0, messageLengthAt(this.#buffer, 0));
  }
}

const packingOf = (addPath: boolean): Packing => ({ addPath, maxOctets: MAX_EXTENDED_MESSAGE_OCTETS });
