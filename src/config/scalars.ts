/**
 * The spellings of single values in gateway.yaml, each as a zod schema from text or number to the model's value.
 *
 * The message of every schema is the end of the sentence "expected …"; issues.ts writes the rest. A hint that only
 * this value can give travels in the issue's `params`.
 */

import { z } from "zod";
import { type Address, ipv4, type Prefix, widthOf } from "../bgp/net/address.ts";
import { parseAsn } from "../bgp/net/asn.ts";
import {
  type CommunityPattern,
  parseAnyCommunity,
  parseCommunityPattern,
  WELL_KNOWN_COMMUNITIES,
} from "../bgp/net/communities.ts";
import { parseAddress, parsePrefix, parseScopedAddress } from "../bgp/net/text.ts";
import type { Endpoint, PortRange, PrefixRange } from "../model/model.ts";

type Json = Readonly<Record<string, unknown>>;

interface Spelling {
  readonly expected: string;
  readonly hint?: string;
  /** What editors check and show. Accepts all that is parsed, and a little more. */
  readonly json: Json;
}

/** A text value that `parse` understands, or undefined when it does not. */
export function text<T>(spelling: Spelling, parse: (value: string) => T | undefined): z.ZodType<T> {
  const { expected, hint, json } = spelling;
  return z
    .unknown()
    .transform((value, context) => {
      const parsed = typeof value === "string" ? parse(value) : undefined;
      if (parsed !== undefined) return parsed;
      context.addIssue({ code: "custom", message: expected, params: { hint }, input: value });
      return z.NEVER;
    })
    .meta({ type: "string", ...json });
}

/** A mapping that knows all its keys. Its message for an unknown key is the list of the known ones. */
export function mapping<S extends z.core.$ZodLooseShape>(shape: S): z.ZodObject<S, z.core.$strict> {
  const keys = Object.keys(shape).join(" ");
  return z.strictObject(shape, {
    error: (issue) => (issue.code === "unrecognized_keys" ? keys : "a mapping"),
  });
}

export const list = <T extends z.ZodType>(of: T): z.ZodArray<T> => z.array(of, { error: "a list" });

/** One value or a list of them, at least `least`; always a list inside. */
export function oneOrMany<T>(one: z.ZodType<T>, least: 0 | 1): z.ZodType<readonly T[]> {
  const several = z.array(one, { error: "one or a list" }).min(least, { error: "at least one" });
  return z.union([several, one.transform((value) => [value])], { error: "one or a list" });
}

export const choice = <const V extends readonly string[]>(
  values: V,
): z.ZodEnum<z.core.util.ToEnum<V[number]>> => z.enum(values, { error: `one of ${values.join(", ")}` });

export function integer(min: number, max: number): z.ZodInt {
  const error = `${min}..${max}`;
  return z.int({ error }).min(min, { error }).max(max, { error });
}

export const flag: z.ZodBoolean = z.boolean({ error: "true or false" });

const ASNS = "1..4294967295";

export const port: z.ZodType<number> = integer(1, 65535);

/** As a number, or as text: "64512", and "1.10" (RFC 5396 §2), which YAML would take for a fraction. */
export const asn: z.ZodType<number> = z.union(
  [integer(1, 4294967295), text({ expected: ASNS, json: { pattern: "^\\d+(\\.\\d+)?$" } }, parseAsn)],
  { error: ASNS },
);

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Milliseconds of "500ms", "90s", "2m" or "1h", within both bounds. */
export function duration(min: string, max: string): z.ZodType<number> {
  const [least, most] = [durationMs(min) ?? 0, durationMs(max) ?? 0];
  return text(
    {
      expected: `a duration of ${min} to ${max}`,
      hint: "a duration carries its unit: 500ms, 90s, 2m or 1h",
      json: { pattern: "^\\d+(ms|s|m|h)$", examples: [min] },
    },
    (value) => {
      const ms = durationMs(value);
      return ms !== undefined && ms >= least && ms <= most ? ms : undefined;
    },
  );
}

function durationMs(value: string): number | undefined {
  const parts = /^(\d{1,9})(ms|s|m|h)$/.exec(value);
  return parts === null ? undefined : Number(parts[1]) * UNIT_MS[parts[2]!]!;
}

/** RFC 4271 §4.2: the hold time is zero, or at least three seconds; two octets on the wire. */
export const holdTime: z.ZodType<number> = text(
  {
    expected: "0s, or a duration of 3s to 65535s",
    hint: "a hold time carries its unit: 9s, 90s or 2m; 0s means that a dead peer is never noticed",
    json: { pattern: "^\\d+(ms|s|m|h)$", examples: ["9s", "90s"] },
  },
  (value) => {
    const ms = durationMs(value);
    if (ms === undefined || ms % 1000 !== 0 || ms > 65_535_000) return undefined;
    return ms === 0 || ms >= 3000 ? ms : undefined;
  },
);

export const address: z.ZodType<Address> = text(
  { expected: "an IPv4 or IPv6 address", json: { examples: ["192.0.2.1", "2001:db8::1"] } },
  parseAddress,
);

/** Of a peer: a link-local one says the interface that it is behind. */
export const scopedAddress: z.ZodType<Address> = text(
  {
    expected: "an IPv4 or IPv6 address",
    json: { examples: ["192.0.2.1", "2001:db8::1", "fe80::1%eth0"] },
  },
  parseScopedAddress,
);

/** RFC 6286 §2.1: any four octets but zero. */
export const routerId: z.ZodType<Address> = text(
  {
    expected: "an IPv4 address other than 0.0.0.0",
    hint: "any IPv4 address of this machine that no other BGP speaker uses as its identifier",
    json: { format: "ipv4", examples: ["192.0.2.1"] },
  },
  (value) => {
    const id = parseAddress(value);
    return id?.family === 4 && id.w0 !== 0 ? id : undefined;
  },
);

export const prefix: z.ZodType<Prefix> = text(
  {
    expected: "a prefix such as 10.65.0.0/16, its host bits zero",
    json: { examples: ["10.65.0.0/16", "2001:db8::/32"] },
  },
  parsePrefix,
);

/** Names reach nftables comments, metric labels and terminals, so that they are plain. */
export const name: z.ZodType<string> = text(
  {
    expected: "a name: 1 to 63 of a-z, A-Z, 0-9, dot, dash, underscore",
    json: { pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$" },
  },
  (value) => (/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(value) ? value : undefined),
);

export const hostname: z.ZodType<string> = text(
  {
    expected: "a host name: 1 to 253 of a-z, A-Z, 0-9, dot, dash, underscore",
    json: { pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$" },
  },
  (value) => (/^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$/.test(value) ? value : undefined),
);

export const description: z.ZodType<string> = text(
  { expected: "a text of 1 to 255 printable characters", json: { minLength: 1, maxLength: 255 } },
  (value) => (value !== "" && value.length <= 255 && !/\p{C}/u.test(value) ? value : undefined),
);

/** RFC 9003 §2: at most 255 octets of UTF-8 on the wire. */
export const shutdownText: z.ZodType<string> = text(
  { expected: "true, false, or a text of at most 255 octets", json: { minLength: 1, maxLength: 255 } },
  (value) =>
    value !== "" && new TextEncoder().encode(value).length <= 255 && !/\p{C}/u.test(value)
      ? value
      : undefined,
);

/** Linux: dev_valid_name of net/core/dev.c. */
export const interfaceName: z.ZodType<string> = text(
  {
    expected: "a Linux interface name: 1 to 15 characters without space, slash or colon",
    json: { pattern: "^[^\\s/:]{1,15}$", examples: ["tap9a7e0868-da"] },
  },
  (value) =>
    /^[!-~]{1,15}$/.test(value) && !/[/:]/.test(value) && value !== "." && value !== ".." ? value : undefined,
);

/** "1024-65535", both ends included. */
export const portRange: z.ZodType<PortRange> = text(
  {
    expected: "a port range such as 1024-65535",
    json: { pattern: "^\\d{1,5}-\\d{1,5}$" },
  },
  (value) => {
    const parts = /^(\d{1,5})-(\d{1,5})$/.exec(value);
    if (parts === null) return undefined;
    const [first, last] = [Number(parts[1]), Number(parts[2])];
    return first >= 1 && first <= last && last <= 65535 ? { first, last } : undefined;
  },
);

const PORTS = "1..65535, or a port range such as 8000-8010";

/** 443, or "8000-8010". */
export const portOrRange: z.ZodType<PortRange> = z.union(
  [integer(1, 65535).transform((only) => ({ first: only, last: only })), portRange],
  { error: PORTS },
);

/** "127.0.0.1:8775" or "[::1]:8775". */
function parseEndpoint(value: string): Endpoint | undefined {
  const parts = /^(?:\[([^\]]*:[^\]]*)\]|([^:[\]]*)):(\d{1,5})$/.exec(value);
  if (parts === null) return undefined;
  const at = parseAddress(parts[1] ?? parts[2] ?? "");
  const number = Number(parts[3]);
  return at !== undefined && number >= 1 && number <= 65535 ? { address: at, port: number } : undefined;
}

export const endpoint: z.ZodType<Endpoint> = text(
  {
    expected: "an address and a port such as 127.0.0.1:8775 or [::1]:8775",
    json: { examples: ["127.0.0.1:8775"] },
  },
  parseEndpoint,
);

/** sun_path has 108 octets, the last of them zero (unix(7)); while it is made, the socket's name has ".PID" at its end. */
export const socketPath: z.ZodType<string> = text(
  { expected: "an absolute path of at most 99 octets", json: { pattern: "^/", maxLength: 99 } },
  (value) =>
    /^\/[^\p{C}]+$/u.test(value) && new TextEncoder().encode(value).length <= 99 ? value : undefined,
);

export const absolutePath: z.ZodType<string> = text(
  { expected: "an absolute path", json: { pattern: "^/" } },
  (value) => (/^\/[^\p{C}]{1,4095}$/u.test(value) ? value : undefined),
);

/** A path with the time in its name, as strftime(3) has it. */
export const filePattern: z.ZodType<string> = text(
  {
    expected: "an absolute path, in whose last part %Y %m %d %H %M %S may stand",
    json: { pattern: "^/", examples: ["/var/lib/gatewayd/updates.%Y%m%d.%H%M.mrt"] },
  },
  (value) =>
    /^\/(?:[^\p{C}%/]+\/)*(?:[^\p{C}%/]|%[YmdHMS])+$/u.test(value) && value.length < 4096 ? value : undefined,
);

/** The path of an HTTP request: RFC 9112 §3.2.1, origin-form. */
export const requestTarget: z.ZodType<string> = text(
  { expected: "a request target such as /health", json: { pattern: "^/[!-~]*$", maxLength: 1024 } },
  (value) => (/^\/[!-~]{0,1023}$/.test(value) ? value : undefined),
);

const KNOWN_COMMUNITIES = `well-known: ${Object.keys(WELL_KNOWN_COMMUNITIES).join(", ")}`;

/** As words: one is standard, two extended, three large. */
export const anyCommunity: z.ZodType<readonly number[]> = text(
  {
    expected: `a community such as "64512:100", "64512:1:2" or "rt:64512:100", or the name of a well-known one`,
    hint: KNOWN_COMMUNITIES,
    json: { examples: ["64512:100", "no-export", "64512:1:2", "rt:64512:100"] },
  },
  parseAnyCommunity,
);

export const communityPattern: z.ZodType<CommunityPattern> = text(
  {
    expected: `a community such as "64512:100", "64512:*", "64512:1:*" or "rt:64512:*", or the name of a well-known one`,
    hint: KNOWN_COMMUNITIES,
    json: { examples: ["64512:100", "64512:*", "no-export", "64512:1:*", "rt:64512:*"] },
  },
  parseCommunityPattern,
);

/** "10.0.0.0/8": exactly this. "10.0.0.0/8 le 24", "10.0.0.0/8 ge 16 le 24": what lies within, of such lengths. */
export const prefixRange: z.ZodType<PrefixRange> = text(
  {
    expected: "a prefix such as 10.0.0.0/8, with lengths 10.0.0.0/8 le 24 or 10.0.0.0/8 ge 16 le 24",
    json: { examples: ["10.65.0.0/16", "10.0.0.0/8 le 24", "10.0.0.0/8 ge 16 le 24"] },
  },
  (value) => {
    const parts = /^(\S+)(?: ge (\d{1,3}))?(?: le (\d{1,3}))?$/.exec(value);
    const parsed = parsePrefix(parts?.[1] ?? "");
    if (parts === null || parsed === undefined) return undefined;
    const [, , ge, le] = parts;
    const minLength = ge === undefined ? parsed.length : Number(ge);
    const most = ge === undefined ? parsed.length : widthOf(parsed.family);
    const maxLength = le === undefined ? most : Number(le);
    const fits = parsed.length <= minLength && minLength <= maxLength && maxLength <= widthOf(parsed.family);
    return fits ? { prefix: parsed, minLength, maxLength } : undefined;
  },
);

const LENGTHS = "a prefix length 0..128, or a range such as 24-32";

/** "24-32" or 24: prefix lengths, both ends included. */
export const lengthRange: z.ZodType<{ min: number; max: number }> = z.union(
  [
    integer(0, 128).transform((only) => ({ min: only, max: only })),
    text({ expected: LENGTHS, json: { pattern: "^\\d{1,3}-\\d{1,3}$" } }, parseLengths),
  ],
  { error: LENGTHS },
);

function parseLengths(value: string): { min: number; max: number } | undefined {
  const parts = /^(\d{1,3})-(\d{1,3})$/.exec(value);
  if (parts === null) return undefined;
  const [min, max] = [Number(parts[1]), Number(parts[2])];
  return min <= max && max <= 128 ? { min, max } : undefined;
}

/** Addresses that one pool may have: they are an nftables map, built anew at every change. */
export const POOL_ADDRESSES = 65_536;

/** "198.51.100.10", "198.51.100.16/30" (all four) or "198.51.100.30-198.51.100.33". IPv4 only. */
export const poolItem: z.ZodType<readonly Address[]> = text(
  {
    expected: `an IPv4 address, a prefix, or a range a-b, of at most ${POOL_ADDRESSES} addresses`,
    json: { examples: ["198.51.100.10", "198.51.100.16/30", "198.51.100.30-198.51.100.33"] },
  },
  (value) => {
    const span = value.includes("-") ? rangeOf(value) : prefixSpan(value);
    if (span === undefined || span.count < 1 || span.count > POOL_ADDRESSES) return undefined;
    return Array.from({ length: span.count }, (_, i) => ipv4(span.first + i));
  },
);

interface Span {
  readonly first: number;
  readonly count: number;
}

function rangeOf(value: string): Span | undefined {
  const [from, to, ...rest] = value.split("-").map((end) => parseAddress(end.trim()));
  if (from?.family !== 4 || to?.family !== 4 || rest.length > 0) return undefined;
  return { first: from.w0, count: to.w0 - from.w0 + 1 };
}

function prefixSpan(value: string): Span | undefined {
  const parsed = parsePrefix(value);
  return parsed?.family === 4 ? { first: parsed.w0, count: 2 ** (32 - parsed.length) } : undefined;
}
