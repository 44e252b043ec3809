/** The networks that our links are on. */

import { type Prefix, prefixOf } from "../bgp/net/address.ts";
import type { Link } from "./intent.ts";

export interface Connected {
  readonly prefix: Prefix;
  readonly interface: string;
}

/** Those of the links that are up. */
export const connectedOf = (links: readonly Link[]): Connected[] =>
  links
    .filter(({ up }) => up)
    .flatMap(({ addresses, name }) =>
      addresses.map(({ address, length }) => ({ prefix: prefixOf(address, length), interface: name })),
    );
