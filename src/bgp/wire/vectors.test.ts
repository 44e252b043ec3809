import { describe, expect, test } from "vitest";
import {
  type Attribute,
  type Context,
  contextOf,
  hexOf,
  type Malformed,
  type Mp,
  malformed,
  octetsOf,
  type Route,
  type Valid,
  type Vector,
  valid,
} from "../../../test/vectors/vectors.ts";
import { formatAddress, formatPrefix, parseAddress } from "../net/text.ts";
import { type DecodedAttributes, decodeAttributes } from "./attribute-block.ts";
import { encodeAttributes } from "./attribute-encode.ts";
import { decodeMessage, encodeMessage } from "./codec.ts";
import { type Fault, type Reaction, Refusal, strongest } from "./fault.ts";
import { checkHeader } from "./header.ts";
import type { Capability, Message, Notification, Open } from "./messages.ts";
import { shutdownCommunication } from "./notification.ts";
import { asnOf } from "./open.ts";
import { checkOpen } from "./open-check.ts";
import type { PathAttributes } from "./path-attributes.ts";
import type { PrefixBatch } from "./prefix-batch.ts";
import { type Announced, decodeUpdate, Update } from "./update.ts";

test("all vectors were found", () => {
  expect(valid).toHaveLength(63);
  expect(malformed).toHaveLength(150);
});

describe("valid messages mean what the RFCs say", () => {
  test.each(valid.map((vector) => [vector.name, vector] as const))("%s", (_, { hex, ctx, expect: want }) => {
    const octets = octetsOf(hex);
    expect(checkHeader(octets, 0, ctx.extendedMessage)).toBe(want.length);
    const message = decodeMessage(octets, contextOf(ctx));
    if (message instanceof Refusal) return expect.fail(message.why);
    expect(message.type.toUpperCase().replace("-", "_")).toBe(want.type);
    if (message.type === "open") checkOpenVector(message.open, octets, want);
    if (message.type === "update") checkUpdateVector(octets, ctx, want);
    if (message.type === "notification") checkNotificationVector(message.notification, want);
    if (message.type === "route-refresh") {
      const subtypes = { request: 0, begin: 1, end: 2, unknown: undefined };
      const { afi, safi, subtype } = message.refresh;
      expect({ afi, safi, subtype: subtypes[subtype] }).toEqual({
        afi: want.afi,
        safi: want.safi,
        subtype: want.subtype,
      });
    }
  });
});

describe("the encoder writes valid messages as the RFCs do", () => {
  // Several parameters for capabilities, or the extended format where it is not needed, are the sender's choice.
  const otherwise = ["constructed-open-cap-per-param", "constructed-open-ext-optparams"];
  const encodable = valid.filter(
    ({ name, expect: want }) => want.type !== "UPDATE" && !otherwise.includes(name),
  );
  test.each(encodable.map((vector) => [vector.name, vector] as const))("%s", (_, { hex, ctx }) => {
    const message = decodeMessage(octetsOf(hex), contextOf(ctx)) as Message;
    expect(hexOf(encodeMessage(message))).toBe(hex);
  });
});

describe("malformed messages cost what the RFCs say", () => {
  test.each(malformed.map((vector) => [vector.name, vector] as const))("%s", (_, vector) => {
    const { expect: want } = vector;
    const seen = receive(vector.ctx, octetsOf(vector.hex), want.withdrawnPrefixes ?? []);
    expect([want.action].flat()).toContain(seen.action);
    if (want.forbid?.includes("session-reset")) expect(seen.action).not.toBe("session-reset");
    if (want.forbid?.includes("asn-from-next-capability")) {
      expect(seen.open && asnOf(seen.open)).toBe(seen.open?.asn);
    }
    if (seen.notification) checkReset(seen.notification, want);
    else checkRoutes(seen, vector);
  });
});

function checkReset({ code, subcode, data }: Notification, { notification }: Malformed): void {
  if (notification) expect(notification.acceptable).toContainEqual([code, subcode]);
  if (notification?.dataHex !== undefined) expect(hexOf(data)).toBe(notification.dataHex);
}

function checkRoutes(seen: Received, { expect: want, ctx, hex }: Vector<Malformed>): void {
  const prefixes = [...seen.held.keys()];
  for (const prefix of want.withdrawnPrefixes ?? []) expect(prefixes).not.toContain(prefix);
  expect(prefixes).toEqual(expect.arrayContaining(want.acceptedPrefixes ?? []));
  for (const code of want.discardedAttributes ?? []) {
    const discarded = { reaction: "attribute-discard", attribute: code };
    expect(seen.faults).toContainEqual(expect.objectContaining(discarded));
    const [first, ...repeated] = rawAttributes(attributesIn(hex)).filter((each) => each.code === code);
    for (const attributes of seen.held.values()) {
      const kept = encoded(attributes!, ctx).find((each) => each.code === code);
      expect(kept?.hex).toBe(repeated.length > 0 ? first?.hex : undefined);
    }
  }
}

interface Received {
  action: Reaction | "accept" | "ignore-message" | "ignore-capability";
  notification?: Notification;
  open?: Open;
  faults: readonly Fault[];
  /** The Adj-RIB-In afterwards. */
  held: Map<string, PathAttributes | undefined>;
}

/** A speaker that has just enough of a RIB to tell what a message does to it. */
function receive(ctx: Context, octets: Uint8Array, seeded: string[]): Received {
  const held = new Map<string, PathAttributes | undefined>(seeded.map((prefix) => [prefix, undefined]));
  const refused = (refusal: Refusal): Received => ({
    action: "session-reset",
    notification: refusal.notification,
    faults: [],
    held: new Map(),
  });
  const length = checkHeader(octets, 0, ctx.extendedMessage);
  if (length instanceof Refusal) return refused(length);
  expect(length).toBe(octets.length);
  const message = decodeMessage(octets, contextOf(ctx));
  if (message instanceof Refusal) return refused(message);
  if (message.type === "open") {
    const refusal = judgeOpen(message.open, ctx);
    return refusal
      ? refused(refusal)
      : {
          action: message.open.capabilities.some(isSpoiled) ? "ignore-capability" : "accept",
          open: message.open,
          faults: [],
          held,
        };
  }
  if (message.type === "route-refresh" && message.refresh.subtype === "unknown") {
    return { action: "ignore-message", faults: [], held };
  }
  return message.type === "update"
    ? receiveUpdate(octets, ctx, held)
    : { action: "accept", faults: [], held };
}

function receiveUpdate(octets: Uint8Array, ctx: Context, held: Received["held"]): Received {
  const context = contextOf(ctx);
  const update = new Update();
  decodeUpdate(octets, context, update);
  const parts = update.announced.filter(({ prefixes }) => prefixes.count > 0);
  const parsed = new Map<Announced, DecodedAttributes>();
  for (const part of parts) parsed.set(part, decodeAttributes(part.block, context));
  const faults = [...update.faults, ...[...parsed.values()].flatMap((each) => each.faults)];
  const worst = strongest(faults);
  if (worst?.reaction === "session-reset") {
    return { action: "session-reset", notification: worst.notification, faults, held: new Map() };
  }
  for (const prefixes of update.withdrawn) for (const { prefix } of routes(prefixes)) held.delete(prefix);
  for (const { prefixes } of parts) for (const { prefix } of routes(prefixes)) held.delete(prefix);
  if (worst?.reaction !== "treat-as-withdraw") {
    for (const [{ prefixes }, { attributes }] of parsed) {
      for (const { prefix } of routes(prefixes)) held.set(prefix, attributes);
    }
  }
  return { action: worst?.reaction ?? "accept", faults, held };
}

function judgeOpen(open: Open, ctx: Context): Refusal | undefined {
  const remoteAsn = ctx.configuredPeerAs ?? asnOf(open);
  const localRouterId = ctx.localRouterId ? parseAddress(ctx.localRouterId)!.w0 : 0x0a0a0a0a;
  return checkOpen(open, {
    localAsn: ctx.peer === "ibgp" ? remoteAsn : remoteAsn + 1,
    remoteAsn,
    localRouterId,
  });
}

/** A capability that we know, in octets that make no sense. */
const isSpoiled = (each: Capability): boolean =>
  each.is === "unknown" && Object.values(CAPABILITY_CODES).includes(each.code);

const CAPABILITY_CODES = {
  multiprotocol: 1,
  "route-refresh": 2,
  "extended-next-hop": 5,
  "extended-message": 6,
  role: 9,
  "graceful-restart": 64,
  "four-octet-as": 65,
  "add-path": 69,
  "enhanced-route-refresh": 70,
  "long-lived-graceful-restart": 71,
  fqdn: 73,
};

function checkOpenVector(open: Open, octets: Uint8Array, want: Valid): void {
  expect(octets[19]).toBe(want.version);
  expect(open.asn).toBe(want.asn);
  expect(open.holdSeconds).toBe(want.holdTime);
  expect(formatAddress({ family: 4, w0: open.routerId, w1: 0, w2: 0, w3: 0 })).toBe(want.routerId);
  expect(open.capabilities).toHaveLength(want.capabilities.length);
  for (const [i, capability] of open.capabilities.entries()) {
    const { code, value, hex } = want.capabilities[i]!;
    if (capability.is === "unknown") {
      expect({ code: capability.code, hex: hexOf(capability.value) }).toEqual({ code, hex });
      continue;
    }
    expect(CAPABILITY_CODES[capability.is]).toBe(code);
    expect(spelledAsVector(capability)).toEqual(value ?? {});
  }
}

/** Our names of a capability's fields, turned into those of the vectors. */
function spelledAsVector({ is: _, ...fields }: Capability): unknown {
  const names: Record<string, string> = {
    restarting: "restartState",
    restartSeconds: "restartTime",
    forwarding: "forwardingPreserved",
    staleSeconds: "staleTime",
  };
  const renamed = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(renamed);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [names[key] ?? key, renamed(inner)]),
    );
  };
  return renamed(fields);
}

function checkNotificationVector(notification: Notification, want: Valid): void {
  expect(notification.code).toBe(want.code);
  expect(notification.subcode).toBe(want.subcode);
  expect(hexOf(notification.data)).toBe(want.dataHex);
  expect(shutdownCommunication(notification)).toBe(want.shutdownCommunication);
}

function checkUpdateVector(octets: Uint8Array, ctx: Context, want: Valid): void {
  const update = new Update();
  expect(decodeUpdate(octets, contextOf(ctx), update)).toBeUndefined();
  const find = (code: number) => want.attributes.find((each) => each.code === code)?.value as Mp | undefined;
  const [reach, unreach] = [find(14), find(15)];
  expect(routes(update.withdrawn[0], ctx)).toEqual(want.withdrawn);
  expect(routes(update.withdrawn[1], ctx)).toEqual(unreach?.withdrawn ?? []);
  expect(routes(update.announced[0].prefixes, ctx)).toEqual(want.nlri);
  expect(routes(update.announced[1].prefixes, ctx)).toEqual(reach?.nlri ?? []);
  expect(update.endOfRib).toBe(want.eor && (want.eor.afi === 1 ? 4 : 6));

  for (const { prefixes, block } of update.announced.filter((part) => part.prefixes.count > 0)) {
    const { attributes, faults } = decodeAttributes(block, contextOf(ctx));
    expect(faults).toEqual([]);
    const mp = block.of === "mp" ? reach : undefined;
    // NEXT_HOP belongs to the body's prefixes, and the MP attributes are not in the block that is encoded.
    const left = mp ? [3, 14, 15] : [14, 15];
    checkValues(attributes!, want.attributes, mp, left);
    const wire = rawAttributes(attributesIn(hexOf(octets))).filter(({ code }) => !left.includes(code));
    const again = encodeAttributes(attributes!, prefixes.family, { as4: ctx.as4, external: false });
    const written = rawAttributes(again.octets).filter(({ code }) => !left.includes(code));
    expect(written).toEqual(wire.sort((a, b) => a.code - b.code));
    expect(again.mpNextHop && hexOf(again.mpNextHop)).toBe(
      mp && formatAddress(attributes!.nextHop).includes(":") ? mp.nextHopHex : undefined,
    );
  }
}

function checkValues(attributes: PathAttributes, all: Attribute[], mp: Mp | undefined, left: number[]): void {
  if (mp) {
    expect(formatAddress(attributes.nextHop)).toBe(mp.nextHop);
    expect(attributes.linkLocalNextHop && formatAddress(attributes.linkLocalNextHop)).toBe(
      mp.linkLocalNextHop,
    );
  }
  const named = new Map(all.map((each) => [each.name, each]));
  for (const { code, name, value, hex } of all.filter((each) => !left.includes(each.code))) {
    if (name === "UNKNOWN") {
      expect(attributes.unknown.map((raw) => [raw.code, hexOf(raw.value)])).toContainEqual([code, hex]);
      continue;
    }
    // The merge of RFC 6793 §4.2.3: in these vectors the 4-octet attribute says all that the other says, and more.
    if (!named.has(MERGED_INTO[name] ?? "")) expect(VALUES[name]!(attributes)).toEqual(value);
  }
}

const MERGED_INTO: Record<string, string> = { AS_PATH: "AS4_PATH", AGGREGATOR: "AS4_AGGREGATOR" };

const dotted = (w0: number): string => formatAddress({ family: 4, w0, w1: 0, w2: 0, w3: 0 });
const SEGMENTS = {
  set: "AS_SET",
  sequence: "AS_SEQUENCE",
  "confed-sequence": "AS_CONFED_SEQUENCE",
  "confed-set": "AS_CONFED_SET",
};

/** Attribute values as the vectors spell them. */
const VALUES: Record<string, (attributes: PathAttributes) => unknown> = {
  ORIGIN: (a) => ["IGP", "EGP", "INCOMPLETE"][a.origin],
  AS_PATH: (a) => a.asPath.map(({ type, asns }) => ({ type: SEGMENTS[type], asns })),
  AS4_PATH: (a) => a.asPath.map(({ type, asns }) => ({ type: SEGMENTS[type], asns })),
  NEXT_HOP: (a) => formatAddress(a.nextHop),
  MULTI_EXIT_DISC: (a) => a.med,
  LOCAL_PREF: (a) => a.localPref,
  ATOMIC_AGGREGATE: (a) => a.atomicAggregate,
  AGGREGATOR: (a) => a.aggregator && { asn: a.aggregator.asn, address: dotted(a.aggregator.address) },
  AS4_AGGREGATOR: (a) => a.aggregator && { asn: a.aggregator.asn, address: dotted(a.aggregator.address) },
  COMMUNITIES: (a) => a.communities.map((c) => `${c >>> 16}:${c & 0xffff}`),
  ORIGINATOR_ID: (a) => a.originatorId !== undefined && dotted(a.originatorId),
  CLUSTER_LIST: (a) => a.clusterList.map(dotted),
  EXTENDED_COMMUNITIES: (a) =>
    a.extendedCommunities.map((pair) => pair.map((w) => w.toString(16).padStart(8, "0")).join("")),
  LARGE_COMMUNITIES: (a) => a.largeCommunities.map((parts) => parts.join(":")),
  ONLY_TO_CUSTOMER: (a) => a.onlyToCustomer,
};

function routes(prefixes: PrefixBatch, ctx?: Context): Route[] {
  const withIds = ctx?.addPath.includes(prefixes.family === 4 ? "1/1" : "2/1");
  return Array.from({ length: prefixes.count }, (_, row) => ({
    prefix: formatPrefix(prefixes.at(row)),
    ...(withIds ? { pathId: prefixes.pathId[row]! } : {}),
  }));
}

interface Raw {
  code: number;
  flags: number;
  hex: string;
}

/** The attributes of a well-formed block, by another way than the decoder's; Extended Length cleared. */
function rawAttributes(block: Uint8Array): Raw[] {
  if (block.length === 0) return [];
  const [flags, code] = [block[0]!, block[1]!];
  const wide = (flags & 0x10) !== 0;
  const start = wide ? 4 : 3;
  const end = start + (wide ? block[2]! * 256 + block[3]! : block[2]!);
  const one = { code, flags: flags & 0xef, hex: hexOf(block.subarray(start, end)) };
  return [one, ...rawAttributes(block.subarray(end))];
}

function attributesIn(hex: string): Uint8Array {
  const body = octetsOf(hex).subarray(19);
  const withdrawn = body[0]! * 256 + body[1]!;
  const start = withdrawn + 4;
  return body.subarray(start, start + body[start - 2]! * 256 + body[start - 1]!);
}

const encoded = (attributes: PathAttributes, ctx: Context): Raw[] =>
  rawAttributes(
    encodeAttributes(attributes, attributes.nextHop.family, { as4: ctx.as4, external: false }).octets,
  );
