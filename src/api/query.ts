/** What may stand behind the `?` of each path. Anything else is refused by name. */

import { isIP, SocketAddress } from "node:net";
import { z } from "zod";
import { KINDS } from "../model/model.ts";
import { Refusal } from "./answers.ts";
import type {
  AnnouncementQuery,
  ErrorsQuery,
  ExplainQuery,
  NatBlockQuery,
  NatMappingsQuery,
  NatSessionsQuery,
  NatTraceQuery,
  NatWhoQuery,
  PeerRequest,
  ReceivedQuery,
  RouteQuery,
  RpkiQuery,
  StopRequest,
} from "./source.ts";

/** Items of a page when the query names no limit, and the most that it may ask for. */
const PAGE_DEFAULT = 1000;
const PAGE_MAX = 10_000;

/** Longer than any cursor that a source makes of an address, a prefix and an index. */
const CURSOR_MAX_CHARACTERS = 256;

const peer = z
  .string()
  .refine(isPeerText, { error: "is neither an IP address nor an interface" })
  .transform(canonicalPeer);
const prefix = z
  .string()
  .refine(isPrefixText, { error: "is neither a prefix nor an address" })
  .transform(canonicalPrefix);
const kind = z.enum(KINDS, { error: `is not a kind; kinds are ${KINDS.join(", ")}` });
const flag = z
  .enum(["true", "false"], { error: "must be true or false" })
  .transform((text) => text === "true");
const limit = z
  .string()
  .refine((text) => /^[1-9]\d{0,5}$/.test(text) && Number(text) <= PAGE_MAX, {
    error: `must be a whole number from 1 to ${PAGE_MAX}`,
  })
  .transform(Number);
const after = z.string().min(1).max(CURSOR_MAX_CHARACTERS);
const paging = { limit: limit.optional(), after: after.optional() };

/** Without a zone, a time would be another one wherever gatewayd runs. */
const ISO_TIME = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d))?$/;

const NOTHING = z.strictObject({});
const PAGING = z.strictObject(paging);
const PEERS = z.strictObject({ peer: peer.optional(), ...paging });
const ROUTES = z.strictObject({
  prefix: prefix.optional(),
  kind: kind.optional(),
  local: flag.optional(),
  ...paging,
});
const ANNOUNCEMENTS = z.strictObject({
  peer: peer.optional(),
  prefix: prefix.optional(),
  kind: kind.optional(),
  ...paging,
});
const RECEIVED = z.strictObject({
  peer: z.string({ error: "is missing" }).pipe(peer),
  prefix: prefix.optional(),
  ...paging,
});

const ERRORS = z.strictObject({ peer: z.string({ error: "is missing" }).pipe(peer) });
const RPKI = z.strictObject({
  prefix: z.string({ error: "is missing" }).pipe(prefix),
  asn: z
    .string()
    .refine((text) => /^[1-9]\d{0,9}$/.test(text) && Number(text) <= 0xffff_ffff, {
      error: "must be an AS number, 1 to 4294967295",
    })
    .transform(Number)
    .optional(),
});

const address4 = z
  .string({ error: "is missing" })
  .refine((value) => isIP(value) === 4, { error: "is no IPv4 address" });
const address = z
  .string({ error: "is missing" })
  .refine((value) => isIP(value) !== 0 && !value.includes("%"), { error: "is no address" });
const at = z
  .string()
  .refine((value) => ISO_TIME.test(value) && !Number.isNaN(Date.parse(value)), {
    error: "must be a day such as 2026-11-17 or a time with its zone such as 2026-11-17T12:00:00Z",
  })
  .transform((value) => Date.parse(value))
  .optional();
const PROTOCOLS: Readonly<Record<string, number>> = { icmp: 1, tcp: 6, udp: 17, icmpv6: 58 };
const wholePort = z
  .string({ error: "is missing" })
  .refine((value) => /^\d{1,5}$/.test(value) && Number(value) <= 65_535, {
    error: "must be a port, 0 to 65535",
  })
  .transform(Number);
const protocol = z
  .string()
  .refine((value) => Object.hasOwn(PROTOCOLS, value) || (/^\d{1,3}$/.test(value) && Number(value) <= 255), {
    error: "must be tcp, udp, icmp, icmpv6 or a number up to 255",
  })
  .transform((value) => PROTOCOLS[value] ?? Number(value))
  .optional();
const WHO = z.strictObject({ address: address4, port: wholePort, at });
const SESSIONS = z.strictObject({
  private: address.optional(),
  public: address.optional(),
  port: wholePort.optional(),
  remote: address.optional(),
  protocol,
  limit: limit.optional(),
});
const MAPPINGS = z.strictObject({ private: address4.optional() });
/** Well below what silence a connection may have. */
const LIVE_MAX_SECONDS = 25;
const TRACE = z.strictObject({
  source: address,
  destination: address,
  protocol,
  sport: wholePort.optional(),
  dport: wholePort.optional(),
  live: z
    .string()
    .refine((value) => /^[1-9]\d?$/.test(value) && Number(value) <= LIVE_MAX_SECONDS, {
      error: `must be a number of seconds, 1 to ${LIVE_MAX_SECONDS}`,
    })
    .transform(Number)
    .optional(),
});
/** As long as the longest name of an object. */
const NAME_MAX_CHARACTERS = 255;
const EXPLAIN = z.strictObject({
  about: z
    .string({ error: "is missing" })
    .refine((value) => /^[^\p{C}]+$/u.test(value) && value.length <= NAME_MAX_CHARACTERS, {
      error: "is no address, no prefix, and no name or id",
    }),
  from: address.optional(),
});
const BLOCK = z.strictObject({ address: address4, at });

/** RFC 9003 §2: more is cut off on the wire; here it is said. */
const TEXT_MAX_OCTETS = 255;
const text = z
  .string()
  .min(1)
  .refine((words) => Buffer.byteLength(words) <= TEXT_MAX_OCTETS, {
    error: `has more than ${TEXT_MAX_OCTETS} octets`,
  })
  .optional();
const STOP = z.strictObject({ graceful: flag.optional(), text });
const ordered = z.string({ error: "is missing" }).pipe(peer);
const ORDER = z.strictObject({ peer: ordered });
const ORDER_WITH_TEXT = z.strictObject({ peer: ordered, text });

const EVENTS = z.strictObject({
  event: z
    .string()
    .regex(/^[\w.-]{1,64}$/, { error: "is no code of an event, and no beginning of one" })
    .optional(),
  follow: flag.optional(),
  limit: limit.optional(),
  after: after.optional(),
});

/** What each path takes, for those who describe it. */
export const QUERIES: {
  readonly [K in
    | ("nothing" | "paging" | "peers" | "routes" | "announcements" | "received" | "errors" | "rpkiPrefix")
    | (
        | "natWho"
        | "natBlock"
        | "natSessions"
        | "natTrace"
        | "natMappings"
        | "explain"
        | "events"
        | "stop"
        | "order"
        | "orderWithText"
      )]: z.ZodObject;
} = {
  nothing: NOTHING,
  paging: PAGING,
  peers: PEERS,
  routes: ROUTES,
  announcements: ANNOUNCEMENTS,
  received: RECEIVED,
  errors: ERRORS,
  rpkiPrefix: RPKI,
  natWho: WHO,
  natBlock: BLOCK,
  natSessions: SESSIONS,
  natTrace: TRACE,
  natMappings: MAPPINGS,
  explain: EXPLAIN,
  events: EVENTS,
  stop: STOP,
  order: ORDER,
  orderWithText: ORDER_WITH_TEXT,
};

export interface EventQuery {
  /** A code, or its first parts: "bgp.session". */
  readonly event?: string;
  /** Go on with what happens from here. */
  readonly follow: boolean;
  /** Of those that have happened, the last so many; 1..{@link PAGE_MAX}. */
  readonly limit: number;
  /** The id of the last one that is known. */
  readonly after?: string;
}

export const readEventQuery = (raw: unknown): EventQuery => ({
  follow: true,
  limit: PAGE_DEFAULT,
  ...read(EVENTS, raw),
});

export interface Paging {
  /** 1..{@link PAGE_MAX}. */
  readonly limit: number;
  readonly after?: string;
}

/** @throws Refusal when there is any parameter */
export const readNothing = (raw: unknown): Record<string, never> => read(NOTHING, raw);

/** @throws Refusal that names the parameter, as all of these do */
export const readPaging = (raw: unknown): Paging => ({ limit: PAGE_DEFAULT, ...read(PAGING, raw) });

export const readPeersQuery = (raw: unknown): Paging & { readonly peer?: string } => ({
  limit: PAGE_DEFAULT,
  ...read(PEERS, raw),
});

export const readRouteQuery = (raw: unknown): RouteQuery => ({ limit: PAGE_DEFAULT, ...read(ROUTES, raw) });

/** The parameter `prefix`, which must be there; others are not looked at. */
export const readPrefix = (raw: unknown): string => read(z.object({ prefix }), raw).prefix;

export const readAnnouncementQuery = (raw: unknown): AnnouncementQuery => ({
  limit: PAGE_DEFAULT,
  ...read(ANNOUNCEMENTS, raw),
});

export const readReceivedQuery = (raw: unknown): ReceivedQuery => ({
  limit: PAGE_DEFAULT,
  ...read(RECEIVED, raw),
});

export const readErrorsQuery = (raw: unknown): ErrorsQuery => read(ERRORS, raw);

export const readRpkiQuery = (raw: unknown): RpkiQuery => read(RPKI, raw);

export const readWhoQuery = (raw: unknown): NatWhoQuery => read(WHO, raw);

export function readSessionsQuery(raw: unknown): NatSessionsQuery {
  const { protocol, ...query } = read(SESSIONS, raw);
  const about = query.private ?? query.public ?? query.remote;
  return {
    limit: PAGE_DEFAULT,
    ...query,
    ...(protocol !== undefined && { protocol: protocolAt(about, protocol) }),
  };
}

/** Whoever writes icmp means that of the addresses: no packet of IPv6 has the other. */
const protocolAt = (address: string | undefined, protocol: number): number =>
  protocol === PROTOCOLS["icmp"] && isIP(address ?? "") === 6 ? (PROTOCOLS["icmpv6"] ?? 58) : protocol;

/** Without a protocol it is TCP. @throws Refusal for ports of what has none, and for addresses of two families */
export function readTraceQuery(raw: unknown): NatTraceQuery {
  const query = { protocol: PROTOCOLS["tcp"] ?? 6, ...read(TRACE, raw) };
  const ported = query.protocol === PROTOCOLS["tcp"] || query.protocol === PROTOCOLS["udp"];
  if (!ported && (query.sport !== undefined || query.dport !== undefined))
    throw new Refusal(
      "request.invalid",
      "only packets of TCP and UDP have ports",
      "leave sport and dport out",
    );
  if (isIP(query.source) !== isIP(query.destination))
    throw new Refusal(
      "request.invalid",
      `a packet from ${query.source} cannot go to ${query.destination}`,
      "both are IPv4, or both IPv6",
    );
  return { ...query, protocol: protocolAt(query.source, query.protocol) };
}

export const readExplainQuery = (raw: unknown): ExplainQuery => read(EXPLAIN, raw);
export const readMappingsQuery = (raw: unknown): NatMappingsQuery => read(MAPPINGS, raw);
export const readBlockQuery = (raw: unknown): NatBlockQuery => read(BLOCK, raw);

export const readStopQuery = (raw: unknown): StopRequest => ({ graceful: false, ...read(STOP, raw) });

/** @param takesText - the order has words for the other side */
export const readOrderQuery = (raw: unknown, takesText: boolean): Omit<PeerRequest, "order"> =>
  takesText ? read(ORDER_WITH_TEXT, raw) : read(ORDER, raw);

/** What was given; what was not is no key at all. */
type Given<T> = { [K in keyof T]: Exclude<T[K], undefined> };

function read<S extends z.ZodObject>(schema: S, raw: unknown): Given<z.output<S>> {
  const read = schema.safeParse(raw);
  if (read.success) return read.data as Given<z.output<S>>;
  const known = Object.keys(schema.shape);
  const hint = known.length === 0 ? "this path takes no parameters" : `parameters are ${known.join(", ")}`;
  const issue = read.error.issues[0];
  if (issue?.code === "unrecognized_keys") {
    throw new Refusal("request.invalid", `unknown query parameter ${JSON.stringify(issue.keys[0])}`, hint);
  }
  const name = String(issue?.path[0] ?? "query");
  throw new Refusal("request.invalid", `query parameter ${name} ${wordsOf(issue)}`, hint);
}

/** Zod's own words for a parameter given twice speak of arrays; ours of what was sent. */
function wordsOf(issue: z.core.$ZodIssue | undefined): string {
  if (issue?.code === "invalid_type") {
    return issue.message === "is missing" ? "must be given, once" : "may be given once";
  }
  if (issue?.code === "too_small") return "must not be empty";
  if (issue?.code === "too_big") return "is too long";
  return issue?.message ?? "is invalid";
}

/** The spelling of RFC 5952, which is how answers spell addresses. */
function canonicalAddress(text: string): string {
  if (isIP(text) === 4) return text;
  return new SocketAddress({ address: text, family: "ipv6" }).address;
}

function canonicalPrefix(text: string): string {
  const [bare = "", length] = text.split("/");
  return length === undefined ? canonicalAddress(bare) : `${canonicalAddress(bare)}/${length}`;
}

/** An address, where link-local with its interface (fe80::1%eth0), or the name of an interface. */
function isPeerText(text: string): boolean {
  return isIP(text) !== 0 || /^(?!\d+$)[^\s/:%]{1,15}$/.test(text);
}

function canonicalPeer(text: string): string {
  const [bare = "", zone] = text.split("%");
  if (isIP(bare) === 0) return text;
  return zone === undefined ? canonicalAddress(bare) : `${canonicalAddress(bare)}%${zone}`;
}

function isPrefixText(text: string): boolean {
  const [bare = "", length, ...rest] = text.split("/");
  const family = isIP(bare);
  // A zone (fe80::1%eth0) passes isIP and is no part of a prefix.
  if (family === 0 || bare.includes("%") || rest.length > 0) return false;
  return (
    length === undefined || (/^(0|[1-9]\d{0,2})$/.test(length) && Number(length) <= (family === 4 ? 32 : 128))
  );
}
