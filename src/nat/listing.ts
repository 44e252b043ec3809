/** Reads back what `nft -s list table inet gatewayd` prints. */

import { type Address, ipv4 } from "../bgp/net/address.ts";
import { formatAddress, formatPrefix, parseAddress, parsePrefix } from "../bgp/net/text.ts";
import { forwardAt } from "./forwards.ts";
import {
  CHAIN_NAMES,
  CHAINS,
  type ChainName,
  type Contents,
  declarationOf,
  type Elements,
  PORT_CHAIN,
  SET_NAMES,
  SETS,
  type SetName,
  TABLE,
} from "./layout.ts";
import type { FloatingMapping, ForwardMapping } from "./table.ts";
import { parseTimer } from "./timers.ts";

/**
 * The contents of our table, or undefined when it does not have exactly our sets, maps and chains, declared as ours:
 * another version of this program made it, or somebody changed it by hand.
 */
export function parseListing(listing: string): Contents | undefined {
  const blocks = blocksOf(listing);
  const timers = blocks?.filter(({ head }) => head.startsWith(TIMER)) ?? [];
  const helpers = blocks?.filter(({ head }) => head.startsWith(HELPER)) ?? [];
  const portChains = blocks?.filter(({ head }) => isPortChain(head)) ?? [];
  const lines = new Map(blocks?.map((block) => [block.head, block.lines]));
  const chainsThere = CHAIN_NAMES.filter((name) => lines.has(`${CHAIN}${name}`)).length;
  const known = SET_NAMES.length + chainsThere + timers.length + helpers.length + portChains.length;
  if (blocks?.length !== known) return undefined;
  const sets: Partial<Record<SetName, Elements>> = {};
  for (const name of SET_NAMES) {
    const elements = parseSet(name, lines.get(`${SETS[name].is} ${name}`));
    if (elements === undefined) return undefined;
    sets[name] = elements;
  }
  const chains: Partial<Record<ChainName, readonly string[]>> = {};
  for (const name of CHAIN_NAMES) {
    const rules = parseChain(name, lines.get(`${CHAIN}${name}`));
    if (rules === undefined) return undefined;
    chains[name] = rules;
  }
  return {
    timers: new Map(timers.map(({ head, lines: body }) => timerOf(head.slice(TIMER.length), body))),
    helpers: new Map(
      helpers.map(({ head, lines: body }) => [
        head.slice(HELPER.length),
        body.map((line) => `${line};`).join(" "),
      ]),
    ),
    sets: sets as Contents["sets"],
    chains: chains as Contents["chains"],
    portChains: new Map(portChains.map(({ head, lines: rules }) => [head.slice(CHAIN.length), rules])),
  };
}

const TIMER = "ct timeout ";
const HELPER = "ct helper ";
const CHAIN = "chain ";

const isPortChain = (head: string): boolean =>
  head.startsWith(CHAIN) && PORT_CHAIN.test(head.slice(CHAIN.length));

/** One that is not as ours are spelled differs from all that is wanted, and is replaced. */
const timerOf = (name: string, lines: readonly string[]): [string, string] => [
  name,
  parseTimer(name, lines) ?? "",
];

/** The translations that the kernel holds. Egress is not told apart: it says nothing about who is who. */
export function floatingOf(listing: string): FloatingMapping[] {
  const mappings: FloatingMapping[] = [];
  for (const [from, to] of [...elementsIn(listing, "floating"), ...elementsIn(listing, "floating6")]) {
    const floating = parseAddress(from) ?? ipv4(0);
    const fixed = parseAddress(to) ?? ipv4(0);
    mappings.push({ floating, fixed, egress: "fixed" });
  }
  return mappings;
}

/** The ports of floating IPs that the kernel forwards, one by one. */
export const forwardsOf = (listing: string): ForwardMapping[] =>
  [...elementsIn(listing, "forwards")].flatMap(([key, value]) => forwardAt(key, value) ?? []);

/** Empty when there is no such map. */
export function elementsIn(listing: string, name: SetName): Elements {
  const block = blocksOf(listing)?.find((b) => b.head === `map ${name}`);
  return (block && parseSet(name, block.lines)) ?? new Map();
}

/** The addresses of pools that the kernel holds. */
export function pooledOf(listing: string): Address[] {
  const block = blocksOf(listing)?.find((b) => b.head === "set pooled");
  const found = (block && parseSet("pooled", block.lines)) ?? [];
  return [...found].flatMap(([text]) => parseAddress(text) ?? []);
}

interface Block {
  /** "map floating", "chain raw". */
  readonly head: string;
  readonly lines: readonly string[];
}

function blocksOf(listing: string): Block[] | undefined {
  const lines = listing.split("\n");
  if (lines[0]?.trim() !== `table inet ${TABLE} {`) return undefined;
  const blocks: Block[] = [];
  let open: { head: string; lines: string[] } | undefined;
  for (const line of lines.slice(1)) {
    const depth = line.length - line.trimStart().length;
    const text = line.trim();
    if (open === undefined && text.endsWith("{")) open = { head: text.slice(0, -1).trim(), lines: [] };
    // A block's own closing brace is one tab in; those of its contents are further in, or end a longer line.
    else if (open !== undefined && text === "}" && depth === 1) {
      blocks.push(open);
      open = undefined;
    } else if (open !== undefined && text !== "") open.lines.push(text);
  }
  return blocks;
}

function parseSet(name: SetName, lines: readonly string[] | undefined): Elements | undefined {
  if (lines === undefined) return undefined;
  const start = lines.findIndex((line) => line.startsWith("elements = {"));
  const declared = start < 0 ? lines : lines.slice(0, start);
  if (declared.join("\n") !== declarationOf(name).join("\n")) return undefined;
  const elements = new Map<string, string>();
  if (start < 0 || SETS[name].filled !== undefined) return elements;
  const text = lines.slice(start).join(" ");
  for (const element of text.slice(text.indexOf("{") + 1, text.lastIndexOf("}")).split(",")) {
    // A comment or a timeout on an element is nothing that we wrote.
    const [, key, value = ""] = ELEMENT.exec(element.trim()) ?? [];
    if (key === undefined) return undefined;
    elements.set(respelled(key), respelled(value));
  }
  return elements;
}

/** nft spells ::/96 as the C library does, with the last 32 bits as an IPv4 address; RFC 5952 §5 does not. */
const respelled = (value: string): string =>
  value.includes("::") ? value.split(" . ").map(respelledAddress).join(" . ") : value;

function respelledAddress(text: string): string {
  const prefix = text.startsWith("::") ? parsePrefix(text) : undefined;
  if (prefix === undefined) return text;
  return text.includes("/") ? formatPrefix(prefix) : formatAddress(prefix);
}

const ELEMENT =
  /^("[^"]*"|[\w.:/-]+(?: \. [\w.:]+)*)(?: : (0x[\da-f]+|[\da-f.:]+(?: \. [\d-]+)?|(?:goto|jump) \w+))?$/;

/** A chain with a hook is there while it has rules. */
function parseChain(name: ChainName, lines: readonly string[] | undefined): readonly string[] | undefined {
  const hook = CHAINS[name];
  if (hook === undefined) return lines;
  if (lines === undefined) return [];
  const [first, ...rules] = lines;
  return first !== undefined && numericPriority(first) === hook ? rules : undefined;
}

/** Which standard priorities are listed by name differs between versions of nft, and by hook. */
function numericPriority(hook: string): string {
  return hook.replace(
    /priority (raw|dstnat|filter|srcnat)(?: ([+-]) (\d+))?;/,
    (_, name: string, sign = "+", by = "0") => `priority ${PRIORITIES[name]! + Number(`${sign}${by}`)};`,
  );
}

const PRIORITIES: Readonly<Record<string, number>> = { raw: -300, dstnat: -100, filter: 0, srcnat: 100 };
