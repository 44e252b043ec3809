/**
 * What a packet would do in our rules: they are read as they are written for nft, so that what is told of a packet is told
 * of the rules that there are. Only what ours are made of is understood.
 *
 * What packets themselves have written (mappings, meters) cannot be known here: a packet is taken for the first of its
 * endpoint, within all limits.
 */

import type { Address } from "../bgp/net/address.ts";
import { contains } from "../bgp/net/address.ts";
import { parseAddress, parsePrefix } from "../bgp/net/text.ts";
import { addressSlot } from "./jhash.ts";
import { type Contents, type Elements, SETS, type SetName } from "./layout.ts";

/** A packet's header as text, as elements of sets are; undefined: it has none, or it is not known. */
export interface Header {
  source: string;
  destination: string;
  readonly protocol: string;
  sourcePort: string | undefined;
  destinationPort: string | undefined;
}

export interface Step {
  readonly chain: string;
  readonly rule: string;
}

export interface Walk {
  readonly contents: Contents;
  /** As it came. */
  readonly original: Readonly<Header>;
  /** As rules have changed it. */
  readonly header: Header;
  tracked: boolean;
  /** Where a rule of translation led it; ports as text, such as "1024-65535". */
  destination: Translated | undefined;
  source: Translated | undefined;
  /** Rules that matched and decided something, in order. */
  readonly steps: Step[];
}

export interface Translated {
  /** Undefined: the address of the interface that it leaves by. */
  readonly address: string | undefined;
  readonly ports: string | undefined;
}

type Verdict = "accept" | "drop" | "refuse";

export function beginWalk(contents: Contents, original: Readonly<Header>): Walk {
  return {
    ...{ contents, original, header: { ...original }, tracked: true },
    ...{ destination: undefined, source: undefined, steps: [] },
  };
}

/** Walks a chain and those that it leads to. Undefined: its end was reached. */
export function walkChain(walk: Walk, name: string): Verdict | undefined {
  const { chains, portChains } = walk.contents;
  const rules = chains[name as keyof typeof chains] ?? portChains.get(name) ?? [];
  for (const rule of rules) {
    const outcome = new RuleReader(walk, name, rule).run();
    if (outcome === undefined) continue;
    if ("verdict" in outcome) return outcome.verdict;
    const verdict = walkChain(walk, outcome.chain);
    if (verdict !== undefined || outcome.leaves) return verdict;
  }
  return undefined;
}

type Outcome =
  | { readonly verdict: Verdict | undefined }
  | { readonly chain: string; readonly leaves: boolean };

/** Says how long conntrack keeps a flow, or what reads its payload; the packet goes on. */
const SET_OBJECT = /ct (?:timeout|helper) set "\w+"/g;

/** Never equal to anything, and in no set. */
const UNKNOWN = Symbol("unknown");
type Value = string | typeof UNKNOWN;

class RuleReader {
  readonly #walk: Walk;
  readonly #chain: string;
  readonly #rule: string;
  readonly #tokens: string[];
  #at = 0;

  constructor(walk: Walk, chain: string, rule: string) {
    this.#walk = walk;
    this.#chain = chain;
    this.#rule = rule;
    // "ip saddr:th sport" is an address and a port, as "192.0.2.1:80" and "map @slots:80" are; "2001:db8::1" is one word.
    this.#tokens =
      rule
        .replaceAll(SET_OBJECT, "")
        .replaceAll(/(?<=saddr|\.\d{1,3}|@slots):(?=[a-z\d])/g, " : ")
        .match(/"[^"]*"|[{},]|[^\s{},]+/g) ?? [];
  }

  /** Undefined: it does not match, or decides nothing. */
  run(): Outcome | undefined {
    while (this.#at < this.#tokens.length) {
      const word = this.#tokens[this.#at]!;
      const statement = STATEMENTS[word];
      if (statement === undefined) {
        if (!this.#matches()) return undefined;
        continue;
      }
      this.#at++;
      const outcome = statement(this);
      if (outcome === "continue") continue;
      if (outcome !== "mismatch") this.#walk.steps.push({ chain: this.#chain, rule: this.#rule });
      return outcome === "mismatch" ? undefined : outcome;
    }
    return undefined;
  }

  get walk(): Walk {
    return this.#walk;
  }

  next(): string {
    return this.#tokens[this.#at++] ?? "";
  }

  peek(): string | undefined {
    return this.#tokens[this.#at];
  }

  /** Whether a meter is asked for more than is left: taken for no. Everything else that packets write is passed over. */
  passesMeter(): boolean {
    const from = this.#at;
    while (this.peek() !== "}" && this.peek() !== undefined) this.#at++;
    this.#at++;
    return !this.#tokens.slice(from, this.#at).includes("over");
  }

  /** An address, perhaps with ports: given, computed, or found in a map. Undefined: the map lacks it. */
  target(): Translated | undefined {
    const found = this.#throughMap(this.#operand());
    if (found === undefined) return undefined;
    const [address, mapped] = found === UNKNOWN ? [] : found.split(" . ");
    if (this.peek() !== ":") return { address, ports: mapped };
    this.#at++;
    const ports = this.#operand();
    return { address, ports: ports === UNKNOWN ? undefined : ports };
  }

  /** The value itself, or what a map that follows has for it; undefined: the map lacks it. */
  #throughMap(value: Value): Value | undefined {
    if (this.peek() !== "map") return value;
    this.#at++;
    return this.#find(this.next().slice(1), value);
  }

  /** A constant, or what stands in the packet. */
  #operand(): Value {
    const word = this.peek() ?? "";
    return /^[\da-f]*[\d:]/.test(word) ? this.next() : (this.#value() ?? UNKNOWN);
  }

  /** Sets a field of the header; false: what is set cannot be found. */
  #set(field: string): boolean {
    const value = this.#operand();
    const found = this.#throughMap(value);
    if (found === undefined) return false;
    const text = found === UNKNOWN ? undefined : found;
    if (/^ip6? saddr$/.test(field)) this.#walk.header.source = text ?? "";
    else if (/^ip6? daddr$/.test(field)) this.#walk.header.destination = text ?? "";
    else this.#walk.header.sourcePort = text;
    return true;
  }

  #matches(): boolean {
    const from = this.#at;
    const value = this.#value();
    if (value === undefined) return false;
    const field = this.#tokens.slice(from, this.#at).join(" ");
    const word = this.next();
    if (word === "set") return this.#set(field);
    if (word === "vmap") return this.#verdictMap(value);
    if (word === "!=") return !this.#isOneOf(value, this.next());
    if (word === ">") {
      this.#at++;
      return false;
    }
    return this.#isOneOf(value, word);
  }

  /** What the map says is put in the place of the words that were read. */
  #verdictMap(value: Value): boolean {
    const found = this.#find(this.next().slice(1), value);
    if (found === undefined) return false;
    this.#tokens.splice(this.#at, 0, ...found.split(" "));
    return true;
  }

  #isOneOf(value: Value, word: string): boolean {
    if (word.startsWith("@")) return this.#find(word.slice(1), value) !== undefined;
    if (word !== "{") return value !== UNKNOWN && isWithin(value, word);
    let found = false;
    for (let one = this.next(); one !== "}" && one !== ""; one = this.next())
      found ||= value !== UNKNOWN && isWithin(value, one);
    return found;
  }

  #find(name: string, value: Value): string | undefined {
    const elements = this.#walk.contents.sets[name as SetName];
    if (value === UNKNOWN || elements === undefined) return undefined;
    return elements.get(value) ?? (SETS[name as SetName].interval ? within(elements, value) : undefined);
  }

  /** One expression, or several in a row. Undefined: packets of this kind do not have it. */
  #value(): Value | undefined {
    let value = this.#single();
    while (this.peek() === ".") {
      this.#at++;
      const more = this.#single();
      if (value === undefined || more === undefined) value = undefined;
      else value = value === UNKNOWN || more === UNKNOWN ? UNKNOWN : `${value} . ${more}`;
    }
    return value;
  }

  #single(): Value | undefined {
    const word = this.next();
    if (word === "jhash") return this.#hash();
    if (word === "numgen") return this.#chance();
    if (word === "fib") return this.#local();
    const header = word === "ct" ? this.#tracked() : this.#walk.header;
    if (word === "iifname") return UNKNOWN;
    if (typeof header === "string" || header === undefined) return header;
    if (word !== "ct") return fieldOf(header, word, this.next());
    const kind = this.next();
    // "ct original ip saddr", and "ct original proto-src".
    return kind.startsWith("ip") ? fieldOf(header, kind, this.next()) : fieldOf(header, word, kind);
  }

  /** What conntrack knows of the first packet of a flow: a header, or an answer. */
  #tracked(): Readonly<Header> | string | undefined {
    const what = this.next();
    if (what === "original") return this.#walk.original;
    if (what === "state") return this.#walk.tracked ? "new" : "untracked";
    if (what === "direction") return "original";
    if (what === "status") return this.#walk.destination === undefined ? undefined : "dnat";
    return undefined;
  }

  /** Of 32 bits, the upper half of which becomes a port: all that it can be. */
  #chance(): Value {
    const [, , modulus, , offset] = Array.from({ length: 5 }, () => Number(this.next()));
    const first = (offset ?? 0) / 65_536;
    return `${first}-${first + (modulus ?? 0) / 65_536 - 1}`;
  }

  /** "daddr type": whether it is one of the machine itself is not known here. */
  #local(): Value {
    this.#at += 2;
    return UNKNOWN;
  }

  #hash(): Value {
    const value = this.#value();
    const [, modulus, , seed] = [this.next(), this.next(), this.next(), this.next()];
    const address = typeof value === "string" ? parseAddress(value) : undefined;
    return address === undefined ? UNKNOWN : String(addressSlot(address.w0, Number(modulus), Number(seed)));
  }
}

type Statement = (reader: RuleReader) => Outcome | "continue" | "mismatch";

const leadsTo =
  (leaves: boolean): Statement =>
  (reader) => ({ chain: reader.next(), leaves });

const translation =
  (side: "source" | "destination"): Statement =>
  (reader) => {
    reader.next();
    reader.next();
    const target = reader.target();
    if (target === undefined) return "mismatch";
    reader.walk[side] = target;
    if (side === "destination") {
      const { header } = reader.walk;
      header.destination = target.address ?? header.destination;
      header.destinationPort = target.ports ?? header.destinationPort;
    }
    return { verdict: "accept" };
  };

const meter: Statement = (reader) => {
  reader.next();
  return reader.passesMeter() ? "continue" : "mismatch";
};

const STATEMENTS: Readonly<Record<string, Statement>> = {
  accept: () => ({ verdict: "accept" }),
  drop: () => ({ verdict: "drop" }),
  reject: () => ({ verdict: "refuse" }),
  return: () => ({ verdict: undefined }),
  goto: leadsTo(true),
  jump: leadsTo(false),
  dnat: translation("destination"),
  snat: translation("source"),
  masquerade: ({ walk }) => {
    walk.source = { address: undefined, ports: undefined };
    return { verdict: "accept" };
  },
  notrack: ({ walk }) => {
    walk.tracked = false;
    return { verdict: "accept" };
  },
  counter: () => "continue",
  update: meter,
  add: meter,
};

const isIpv6 = ({ source }: Readonly<Header>): boolean => source.includes(":");

/** Which packets have fields of what is named so; of what is not here, all have them. */
const IN_HEADER: Readonly<Record<string, (header: Readonly<Header>) => boolean>> = {
  ip: (header) => !isIpv6(header),
  ip6: isIpv6,
  tcp: ({ protocol }) => protocol === "tcp",
  udp: ({ protocol }) => protocol === "udp",
};

/** Fields by the words before them. A field of another protocol is none of this packet's. */
function fieldOf(header: Readonly<Header>, kind: string, field: string): Value | undefined {
  if (IN_HEADER[kind]?.(header) === false) return undefined;
  switch (field) {
    case "saddr":
      return header.source;
    case "daddr":
      return header.destination;
    case "l4proto":
      return header.protocol;
    case "sport":
    case "proto-src":
      return header.sourcePort ?? UNKNOWN;
    case "dport":
    case "proto-dst":
      return header.destinationPort ?? UNKNOWN;
    default:
      return UNKNOWN;
  }
}

/** "1024-65535", a prefix, or the value itself. */
function isWithin(value: string, range: string): boolean {
  if (range.includes("/")) {
    const address = parseAddress(value);
    return address !== undefined && isIn(address, range);
  }
  const [, first, last] = /^(\d+)-(\d+)$/.exec(range) ?? [];
  if (first === undefined) return value === range;
  return Number(value) >= Number(first) && Number(value) <= Number(last);
}

/** The value of the interval that an address is in. */
function within(elements: Elements, value: string): string | undefined {
  const address = parseAddress(value);
  if (address === undefined) return undefined;
  for (const [key, found] of elements) if (isIn(address, key)) return found;
  return undefined;
}

function isIn(address: Address, interval: string): boolean {
  const prefix = parsePrefix(interval);
  if (prefix !== undefined) return contains(prefix, address);
  const [first, last] = interval.split("-").map((end) => parseAddress(end));
  return first !== undefined && last !== undefined && address.w0 >= first.w0 && address.w0 <= last.w0;
}
