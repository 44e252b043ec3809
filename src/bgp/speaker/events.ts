/** What a speaker tells whoever keeps its log: one stream of typed facts. The library itself logs nothing. */

import type { Address, Family } from "../net/address.ts";
import type { Reaction } from "../wire/fault.ts";
import type { BfdSnapshot } from "./peer-bfd.ts";

export type SpeakerEvent =
  | ({ readonly peer: Address } & PeerEvent)
  | ({ readonly cache: { readonly address: Address; readonly port: number } } & CacheEvent);

/** What happens to an RPKI cache. */
export type CacheEvent =
  /** It has told all that it has; `isFirst`: the first time since it was connected to. */
  | {
      readonly on: "cache-synchronized";
      readonly isFirst: boolean;
      /** Of RTR. */
      readonly version: 0 | 1;
      readonly sessionId: number;
      readonly serial: number;
      readonly vrps: Readonly<Record<"ipv4" | "ipv6", number>>;
    }
  /** No data come of it just now; `retained`: those that it told count on until they expire. */
  | { readonly on: "cache-failed"; readonly reason: string; readonly retained: boolean }
  /** Its data count no longer: they are too old, or of another life of it. */
  | { readonly on: "cache-data-lost"; readonly reason: string };

export type PeerEvent =
  | {
      readonly on: "session-up";
      readonly asn: number;
      readonly families: readonly Family[];
      readonly holdSeconds: number;
      readonly gracefulRestart: boolean;
    }
  /** `retained`: its paths stay, as stale ones, until it is back or its restart time is over (RFC 4724). */
  | { readonly on: "session-down"; readonly reason: string; readonly retained: boolean }
  /** A connection that ended before it was a session. */
  | { readonly on: "connection-failed"; readonly reason: string }
  | {
      readonly on: "notification-sent" | "notification-received";
      readonly code: number;
      readonly subcode: number;
      readonly words: string;
      /** RFC 9003: what the operator of the other side wrote. */
      readonly communication: string | undefined;
    }
  | {
      /** Once per message, with its strongest reaction (RFC 7606). */
      readonly on: "malformed-update";
      readonly reaction: Reaction;
      readonly why: string;
      readonly attribute: number | undefined;
    }
  /** The session ends, and is tried again after `restartSeconds`, or when somebody says so. */
  | {
      readonly on: "max-prefix";
      readonly limit: number;
      readonly received: number;
      readonly restartSeconds: number | undefined;
    }
  | {
      readonly on: "max-prefix-near";
      readonly warnAt: number;
      readonly limit: number;
      readonly received: number;
    }
  /** An operator wants no session, or wants one again. */
  | { readonly on: "shutdown"; readonly text: string | undefined }
  | { readonly on: "started" }
  /** An operator wants what leads over the session to be a last resort (RFC 8326), or no longer. */
  | { readonly on: "drained"; readonly drained: boolean }
  /** Two connections at once; `kept` is who opened the one that stays (RFC 4271 §6.8). */
  | { readonly on: "collision"; readonly kept: "local" | "remote" }
  | { readonly on: "end-of-rib"; readonly family: Family; readonly sweptPaths: number }
  /** The restart time passed and the peer is not back, or it did not end a refresh (RFC 7313). */
  | { readonly on: "stale-expired"; readonly family: Family; readonly sweptPaths: number }
  /** The restart time passed and the peer is not back: its paths stay as a last resort for so long (RFC 9494). */
  | {
      readonly on: "long-lived-stale";
      readonly family: Family;
      readonly paths: number;
      readonly seconds: number;
    }
  /** Its BFD session changed, or cannot run here: `problem`. */
  | ({ readonly on: "bfd" } & BfdSnapshot)
  | { readonly on: "dynamic-peer-created" | "dynamic-peer-gone" }
  /** A connection from an address that is no peer's, or from one peer too many of a range. */
  | { readonly on: "stranger-refused" }
  /** A route whose attributes do not fit into one message of this session. */
  | { readonly on: "unsendable"; readonly family: Family; readonly prefixes: number }
  /** No address of ours in this family is known on the session, so that nothing can be announced in it. */
  | { readonly on: "no-next-hop"; readonly family: Family };
