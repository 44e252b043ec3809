/** A table as an MRT file (RFC 6396 §4.3), made piece by piece, so that whoever writes it can stop in between. */

import { type Address, ipv4, type Prefix } from "../net/address.ts";
import { formatAddress } from "../net/text.ts";
import { nextHopOutside } from "../wire/next-hop-outside.ts";
import type { PathAttributes } from "../wire/path-attributes.ts";
import { encodeRecord } from "./encode.ts";
import type { MrtPeer, RibEntry } from "./record.ts";
import { ribAttributeOctets } from "./rib-attributes.ts";

export interface TableDump {
  /** Of the speaker itself, which is the first peer of the table: its own routes are said to be from there. */
  readonly self: { readonly routerId: Address; readonly asn: number };
  /** When the dump is made, in seconds since 1970. */
  readonly seconds: number;
  readonly viewName: string;
  /** `sinceSeconds`: when its session came up, which stands for when its paths did. */
  readonly peers: readonly (MrtPeer & { readonly sinceSeconds: number })[];
  readonly routes: Iterable<DumpedRoute>;
}

export interface DumpedRoute {
  readonly prefix: Prefix;
  readonly paths: readonly DumpedPath[];
}

export interface DumpedPath {
  /** Undefined: a route of our own. */
  readonly peer: Address | undefined;
  /** 0 without ADD-PATH. */
  readonly pathId: number;
  readonly attributes: PathAttributes;
}

/** Routes of one piece. */
const PIECE_ROUTES = 256;

/**
 * Paths of peers that came while the dump was made are not in its index, and left out; so are those that no record can
 * hold.
 */
export function* tableDump(dump: TableDump): Generator<Uint8Array> {
  const { self, seconds, viewName, peers, routes } = dump;
  const time = { seconds, microseconds: undefined };
  const own: MrtPeer = { routerId: self.routerId.w0, address: ipv4(0), asn: self.asn };
  const indexed = [{ ...own, sinceSeconds: seconds }, ...peers];
  const collectorId = self.routerId.w0;
  yield encodeRecord({ ...time, is: "peer-index-table", collectorId, viewName, peers: indexed });
  const indexByAddress = new Map(peers.map(({ address }, i) => [formatAddress(address), i + 1]));
  let piece: Uint8Array[] = [];
  let sequence = 0;
  for (const { prefix, paths } of routes) {
    const entries = paths.flatMap(({ peer, pathId, attributes }): RibEntry[] => {
      const index = peer === undefined ? 0 : indexByAddress.get(formatAddress(peer));
      if (index === undefined) return [];
      const told = { ...attributes, nextHop: nextHopOutside(attributes.nextHop, self.routerId) };
      const octets = ribAttributeOctets(told, prefix.family);
      const originatedSeconds = indexed[index]!.sinceSeconds;
      return octets === undefined ? [] : [{ peer: index, originatedSeconds, pathId, attributes: octets }];
    });
    if (entries.length === 0) continue;
    // RFC 8050 §4: identifiers where there are any; readers that do not know them skip such a record and no other.
    const addPath = entries.some(({ pathId }) => pathId !== 0);
    piece.push(encodeRecord({ ...time, is: "rib", sequence: sequence++, prefix, addPath, entries }));
    if (piece.length < PIECE_ROUTES) continue;
    yield joined(piece);
    piece = [];
  }
  if (piece.length > 0) yield joined(piece);
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((octets, piece) => octets + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
