/** A monitoring station that knows what it was told, and no more. */

import { expect } from "vitest";
import type { Family } from "../../net/address.ts";
import { formatAddress, formatPrefix } from "../../net/text.ts";
import { decodeAttributes } from "../../wire/attribute-block.ts";
import type { DecodeContext } from "../../wire/context.ts";
import { messageLengthAt, messageTypeAt } from "../../wire/header.ts";
import { MESSAGE_TYPE } from "../../wire/messages.ts";
import type { PathAttributes } from "../../wire/path-attributes.ts";
import { decodeUpdate, Update } from "../../wire/update.ts";
import { BMP_TYPE } from "../messages.ts";
import type { BmpTable } from "../tables.ts";

/** Per-peer header (RFC 7854 §4.2), and where it has what. */
const PEER_AT = 6;
const BODY_AT = PEER_AT + 42;
const LOC_RIB = 3;

const ON_THE_WIRE: readonly BmpTable[] = ["pre-policy", "rib-out-post-policy"];
/** By the L and O flags (RFC 7854 §4.2, RFC 8671 §4). */
const TABLE_BY_FLAGS: ReadonlyMap<number, BmpTable> = new Map([
  [0x00, "pre-policy"],
  [0x40, "post-policy"],
  [0x10, "rib-out-pre-policy"],
  [0x50, "rib-out-post-policy"],
]);

/** One table of one peer: what is compared of each path, by prefix and path identifier. */
export type Told = Map<string, string>;

/** What of a path is compared. */
export const pathText = ({ med, localPref, asPath }: PathAttributes): string =>
  `${asPath.flatMap(({ asns }) => asns).join(" ")} med ${med} pref ${localPref}`;

export class Collector {
  /** By peer, "loc-rib" being one; of those that are up. */
  readonly peers: Map<string, Map<BmpTable, Told>> = new Map();
  readonly types: number[] = [];
  /** Tables that were said to be whole: "TABLE PEER FAMILY". */
  readonly whole: string[] = [];
  readonly #addPath: (peer: string) => boolean;

  /** @param addPath - on the session with this peer both sides send and receive several paths (RFC 7911) */
  constructor(addPath: (peer: string) => boolean) {
    this.#addPath = addPath;
  }

  /** Every table of every peer that is up, as "TABLE PEER"; without those that nothing is in. */
  get tables(): ReadonlyMap<string, Told> {
    const filled = [...this.peers].flatMap(([peer, tables]) =>
      [...tables].map(([table, told]): [string, Told] => [`${table} ${peer}`, told]),
    );
    return new Map(filled.filter(([, told]) => told.size > 0));
  }

  take(octets: Uint8Array): void {
    const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
    expect([view.getUint8(0), view.getUint32(1)]).toEqual([3, octets.length]);
    const type = view.getUint8(5);
    this.types.push(type);
    if (type === BMP_TYPE.initiation || type === BMP_TYPE.termination) return;
    const address = formatAddress({ family: 4, w0: view.getUint32(PEER_AT + 22), w1: 0, w2: 0, w3: 0 });
    const isLocRib = view.getUint8(PEER_AT) === LOC_RIB;
    const peer = isLocRib ? "loc-rib" : address;
    const byFlags = TABLE_BY_FLAGS.get(view.getUint8(PEER_AT + 1))!;
    const body = octets.subarray(BODY_AT);
    if (type === BMP_TYPE.peerUp) this.#up(peer, body);
    else if (type === BMP_TYPE.peerDown) expect(this.peers.delete(peer)).toBe(true);
    else if (type === BMP_TYPE.routeMonitoring) this.#update(peer, isLocRib ? "loc-rib" : byFlags, body);
  }

  #up(peer: string, body: Uint8Array): void {
    expect(this.peers.has(peer)).toBe(false);
    this.peers.set(peer, new Map());
    const opens = body.subarray(20);
    const second = messageLengthAt(opens, 0);
    expect([messageTypeAt(opens, 0), messageTypeAt(opens, second)]).toEqual([1, 1]);
    const rest = opens.subarray(second + messageLengthAt(opens, second));
    // RFC 9069 §5.2.1: the Loc-RIB has a name.
    const name = Buffer.from(rest.subarray(4)).toString();
    expect([rest.length === 0, name]).toEqual(peer === "loc-rib" ? [false, "global"] : [true, ""]);
  }

  #update(peer: string, table: BmpTable, message: Uint8Array): void {
    const families: readonly Family[] = [4, 6];
    const context: DecodeContext = {
      as4: true,
      external: false,
      addPath: this.#addPath(peer) ? families : [],
      extendedNextHop: false,
      extendedMessage: true,
      enhancedRefresh: true,
    };
    const whole = [messageTypeAt(message, 0), messageLengthAt(message, 0)];
    expect(whole).toEqual([MESSAGE_TYPE.update, message.length]);
    const update = new Update();
    expect(decodeUpdate(message, context, update)).toBeUndefined();
    const told = this.#table(peer, table);
    for (const batch of update.withdrawn) {
      for (let row = 0; row < batch.count; row++) told.delete(keyOf(batch, row));
    }
    for (const { prefixes, block } of update.announced) {
      if (prefixes.count === 0) continue;
      // What comes from, or goes to, another AS has no LOCAL_PREF on the wire, which is no fault there.
      const external = ON_THE_WIRE.includes(table);
      const { attributes, faults } = decodeAttributes(block, { ...context, external });
      expect(faults.filter(({ reaction }) => reaction !== "attribute-discard")).toEqual([]);
      for (let row = 0; row < prefixes.count; row++) told.set(keyOf(prefixes, row), pathText(attributes!));
    }
    if (update.endOfRib !== undefined) this.whole.push(`${table} ${peer} ${update.endOfRib}`);
  }

  #table(peer: string, table: BmpTable): Told {
    const tables = this.peers.get(peer)!;
    const known = tables.get(table) ?? new Map<string, string>();
    tables.set(table, known);
    return known;
  }
}

const keyOf = (batch: Update["withdrawn"][number], row: number): string =>
  `${formatPrefix(batch.at(row))} #${batch.pathId[row]}`;
