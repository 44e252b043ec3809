/** What an MRT file holds as rows of text: a row per path, per prefix of an UPDATE, and per anything else. */

import { formatCommunity, formatLargeCommunity } from "../net/communities.ts";
import { formatAddress, formatPrefix } from "../net/text.ts";
import { formatAsPath } from "../wire/as-path-text.ts";
import { type AttributeBlock, decodeAttributes } from "../wire/attribute-block.ts";
import { type DecodeContext, NOTHING_NEGOTIATED } from "../wire/context.ts";
import { Refusal } from "../wire/fault.ts";
import { checkHeader, HEADER_OCTETS, messageTypeAt } from "../wire/header.ts";
import { MESSAGE_TYPE } from "../wire/messages.ts";
import { decodeNotification, describeNotification } from "../wire/notification.ts";
import type { PathAttributes } from "../wire/path-attributes.ts";
import type { PrefixBatch } from "../wire/prefix-batch.ts";
import { decodeUpdate, Update } from "../wire/update.ts";
import type { MessageRecord, MrtFault, MrtPeer, MrtRecord, MrtTime, RibRecord } from "./record.ts";
import { ribAttributes } from "./rib-attributes.ts";

export interface MrtRow {
  /** Of a path: since when it is there. Else of the record. */
  readonly seconds: number;
  readonly what: "peer" | "path" | "announce" | "withdraw" | "message" | "state" | "unknown" | "malformed";
  readonly peer?: string;
  readonly asn?: number;
  readonly prefix?: string;
  /** Where the record has them (RFC 8050). */
  readonly pathId?: number;
  readonly nextHop?: string;
  readonly asPath?: string;
  readonly origin?: string;
  readonly localPref?: number;
  readonly med?: number;
  readonly communities?: readonly string[];
  readonly largeCommunities?: readonly string[];
  /** What the columns do not say: message, states, what is wrong. */
  readonly text?: string;
}

const ORIGINS = ["igp", "egp", "incomplete"] as const;
const STATES = ["", "Idle", "Connect", "Active", "OpenSent", "OpenConfirm", "Established"];
const MESSAGES = new Map<number, string>(Object.entries(MESSAGE_TYPE).map(([name, type]) => [type, name]));

/** Reads the records of one file in their order, since paths name peers of the table before them. */
export class MrtRows {
  #peers: readonly MrtPeer[] = [];

  *of(record: MrtRecord | MrtFault): Generator<MrtRow> {
    const { seconds } = record;
    switch (record.is) {
      case "peer-index-table":
        this.#peers = record.peers;
        for (const peer of record.peers) yield { seconds, what: "peer", ...nameOf(peer) };
        break;
      case "rib":
        yield* this.#paths(record);
        break;
      case "message":
        yield* messageRows(record);
        break;
      case "state-change": {
        const text = `${stateName(record.before)} -> ${stateName(record.after)}`;
        yield { seconds, what: "state", ...sessionOf(record), text };
        break;
      }
      case "unknown":
        yield { seconds, what: "unknown", text: `type ${record.type}, subtype ${record.subtype}` };
        break;
      case "malformed":
        yield { seconds, what: "malformed", text: record.why };
        break;
      default:
        record satisfies never;
    }
  }

  *#paths({ prefix: of, addPath, entries }: RibRecord): Generator<MrtRow> {
    const prefix = formatPrefix(of);
    for (const { peer: index, originatedSeconds: seconds, pathId, attributes: octets } of entries) {
      const peer = this.#peers[index];
      const attributes = ribAttributes(octets, of.family);
      if (peer === undefined || attributes === undefined) {
        const text =
          peer === undefined
            ? `no peer ${index} in the index`
            : "attributes are malformed, or without next hop";
        yield { seconds, what: "malformed", prefix, text };
      } else {
        const named = { prefix, ...(addPath && { pathId }) };
        yield { seconds, what: "path", ...nameOf(peer), ...named, ...attributeText(attributes) };
      }
    }
  }
}

const nameOf = ({ address, asn }: MrtPeer): { peer: string; asn: number } => ({
  peer: formatAddress(address),
  asn,
});

const sessionOf = ({ peer, peerAsn }: Pick<MessageRecord, "peer" | "peerAsn">) => ({
  peer: formatAddress(peer),
  asn: peerAsn,
});

const stateName = (state: number): string => STATES[state] || String(state);

function* messageRows(record: MessageRecord & MrtTime): Generator<MrtRow> {
  const { seconds, message } = record;
  const session = sessionOf(record);
  const length = message.length < HEADER_OCTETS ? undefined : checkHeader(message, 0, true);
  if (length === undefined || length instanceof Refusal || length !== message.length) {
    const text = length instanceof Refusal ? length.why : `${message.length} octets are no whole message`;
    yield { seconds, what: "malformed", ...session, text };
    return;
  }
  const type = messageTypeAt(message, 0);
  if (type === MESSAGE_TYPE.update) yield* updateRows(record);
  else {
    const text =
      type === MESSAGE_TYPE.notification
        ? `notification: ${describeNotification(decodeNotification(message))}`
        : (MESSAGES.get(type) ?? String(type));
    yield { seconds, what: "message", ...session, text };
  }
}

function* updateRows(record: MessageRecord & MrtTime): Generator<MrtRow> {
  const { seconds, as4, addPath, message } = record;
  const session = sessionOf(record);
  const context: DecodeContext = {
    ...NOTHING_NEGOTIATED,
    as4,
    external: false,
    addPath: addPath ? [4, 6] : [],
    extendedNextHop: true,
  };
  const update = new Update();
  const reaction = decodeUpdate(message, context, update);
  if (reaction !== undefined) {
    const text = update.faults.map(({ why }) => why).join("; ");
    yield { seconds, what: "malformed", ...session, text };
    return;
  }
  for (const batch of update.withdrawn) {
    for (const named of names(batch, addPath)) yield { seconds, what: "withdraw", ...session, ...named };
  }
  for (const { prefixes, block } of update.announced) {
    if (prefixes.count === 0) continue;
    const told = announced(block, context);
    for (const named of names(prefixes, addPath)) yield { seconds, ...session, ...named, ...told };
  }
  if (update.endOfRib !== undefined) {
    yield { seconds, what: "message", ...session, text: `end of RIB, IPv${update.endOfRib}` };
  }
}

function announced(block: AttributeBlock, context: DecodeContext): Omit<MrtRow, "seconds"> {
  const { attributes, faults } = decodeAttributes(block, context);
  if (attributes !== undefined) return { what: "announce", ...attributeText(attributes) };
  return { what: "malformed", text: faults.map(({ why }) => why).join("; ") };
}

function* names(batch: PrefixBatch, addPath: boolean): Generator<Pick<MrtRow, "prefix" | "pathId">> {
  for (let row = 0; row < batch.count; row++) {
    const prefix = formatPrefix(batch.at(row));
    yield addPath ? { prefix, pathId: batch.pathId[row]! } : { prefix };
  }
}

function attributeText(attributes: PathAttributes): Omit<MrtRow, "seconds" | "what"> {
  const { nextHop, asPath, origin, localPref, med, communities, largeCommunities } = attributes;
  return {
    nextHop: formatAddress(nextHop),
    asPath: formatAsPath(asPath),
    origin: ORIGINS[origin],
    ...(localPref !== undefined && { localPref }),
    ...(med !== undefined && { med }),
    communities: communities.map(formatCommunity),
    largeCommunities: largeCommunities.map(formatLargeCommunity),
  };
}
