/** Who a peer is: one address, a range, or what is behind an interface; and of which AS. */

import { z } from "zod";
import type { Address, Prefix } from "../bgp/net/address.ts";
import type { PeerRemote } from "../model/model.ts";
import { asn, choice } from "./scalars.ts";

/** As it stands in the file: one of these. */
interface RemoteKeys {
  readonly address?: Address | undefined;
  readonly range?: Prefix | undefined;
  readonly interface?: string | undefined;
}

interface Fault {
  readonly at: readonly string[];
  readonly message: string;
  readonly hint?: string;
}

const NAMES = { address: "an address", range: "a range", interface: "an interface" } as const;
const KEYS = ["address", "range", "interface"] as const;

export function remoteFaults(entry: RemoteKeys): Fault[] {
  const [first, second] = KEYS.filter((key) => entry[key] !== undefined);
  if (first === undefined) {
    const message = "a peer needs an address, a range or an interface";
    return [{ at: [], message, hint: "add `address: 192.0.2.1`" }];
  }
  if (second === undefined) return [];
  return [{ at: [second], message: `a peer has ${NAMES[first]} or ${NAMES[second]}, not both` }];
}

/** Of an entry without a fault. */
export function remoteOf({ address, range, interface: name }: RemoteKeys): PeerRemote {
  if (name !== undefined) return { interface: name };
  return range === undefined ? { address: address! } : { range };
}

/** By link-local addresses alone. */
export const isOnLink = (remote: PeerRemote): boolean =>
  "interface" in remote || ("address" in remote && remote.address?.zone !== undefined);

export const peerAsn: z.ZodType<number | "external" | "internal"> = z.union(
  [asn, choice(["external", "internal"])],
  { error: "1..4294967295, external or internal" },
);

export const numberOf = (given: number | "external" | "internal", ownAsn: number): number | "external" =>
  given === "internal" ? ownAsn : given;
