/**
 * What protects the listeners, kept in step with the peers: the keys of those with a password, and the TTL.
 *
 * A key is there before its peer may connect, and goes when the peer does. Connections that were made before a change
 * wait in the listener's queue and have passed no such check; they are refused, and their peers come again.
 */

import type { Server } from "node:net";
import { type Family, hostPrefix, type Prefix } from "../net/address.ts";
import { formatPrefix } from "../net/text.ts";
import type { Protection } from "../speaker/world.ts";
import {
  descriptorOf,
  hearNeighboursOnly,
  refuseWaiting,
  sendAsNeighbour,
  setSignature,
} from "./socket-options.ts";

interface Key {
  readonly range: Prefix;
  readonly password: string;
}

interface Guarded {
  readonly server: Server;
  readonly family: Family;
  /** By prefix, as the kernel has them. */
  readonly keys: Map<string, Key>;
  ttl: TtlRule;
}

/** sent: our answers to who connects bear 255. required: nothing else is heard either, since all peers agree on it. */
type TtlRule = "none" | "sent" | "required";

export class ListenerGuard {
  readonly #guarded: Guarded[] = [];
  #peers: readonly Protection[] = [];

  /** Takes care of a server that has just begun to listen. @throws Error when the kernel refuses */
  add(server: Server, family: Family): void {
    const guarded: Guarded = { server, family, keys: new Map(), ttl: "none" };
    bring(guarded, this.#peers);
    this.#guarded.push(guarded);
  }

  /** All peers from now on. @throws Error when the kernel refuses; then those from before count */
  protect(peers: readonly Protection[]): void {
    try {
      for (const guarded of this.#guarded) bring(guarded, peers);
    } catch (error) {
      for (const guarded of this.#guarded) bring(guarded, this.#peers);
      throw error;
    }
    this.#peers = peers;
  }
}

/** Makes the difference. Without protected peers, now and before, no native call is made. */
function bring(guarded: Guarded, all: readonly Protection[]): void {
  if (!guarded.server.listening) return;
  const peers = all.filter(({ remote }) => rangeOf(remote).family === guarded.family);
  const keysChanged = bringKeys(guarded, peers);
  const ttlChanged = bringTtl(guarded, ttlRule(peers));
  if (keysChanged || ttlChanged) refuseWaiting(descriptorOf(guarded.server));
}

/** What goes, goes first: it makes room for what comes. */
function bringKeys({ server, keys }: Guarded, peers: readonly Protection[]): boolean {
  const wanted = keysOf(peers);
  let changed = false;
  for (const [name, { range }] of keys) {
    if (wanted.has(name)) continue;
    setSignature(descriptorOf(server), range, undefined);
    keys.delete(name);
    changed = true;
  }
  for (const [name, key] of wanted) {
    if (keys.get(name)?.password === key.password) continue;
    setSignature(descriptorOf(server), key.range, key.password);
    keys.set(name, key);
    changed = true;
  }
  return changed;
}

function bringTtl(guarded: Guarded, wanted: TtlRule): boolean {
  const { server, family, ttl } = guarded;
  if (ttl === wanted) return false;
  const fd = descriptorOf(server);
  // It stays when the last peer that wants it goes: a high TTL hurts nobody.
  if (wanted !== "none") sendAsNeighbour(fd, family);
  hearNeighboursOnly(fd, family, wanted === "required");
  guarded.ttl = wanted;
  return true;
}

/** A listener cannot tell peers apart by TTL: until a connection is accepted, it asks for what all have in common. */
function ttlRule(peers: readonly Protection[]): TtlRule {
  if (!peers.some(({ ttlSecurity }) => ttlSecurity)) return "none";
  return peers.every(({ ttlSecurity }) => ttlSecurity) ? "required" : "sent";
}

function keysOf(peers: readonly Protection[]): Map<string, Key> {
  const keys = new Map<string, Key>();
  for (const { remote, password } of peers) {
    if (password === undefined) continue;
    const range = rangeOf(remote);
    keys.set(formatPrefix(range), { range, password });
  }
  return keys;
}

const rangeOf = (remote: Protection["remote"]): Prefix =>
  "range" in remote ? remote.range : hostPrefix(remote.address);
