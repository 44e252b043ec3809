/** As much of nft as the texts of this folder need: takes a transaction, lists what is there as nft 1.0.6 does. */

export class MemoryNft {
  #tables = new Map<string, Table>();

  /** All of it or nothing. @throws Error as nft would refuse it */
  apply(text: string): void {
    const tables = structuredClone(this.#tables);
    for (const line of text.split("\n")) if (line !== "") execute(tables, line);
    this.#tables = tables;
  }

  /** Our table; undefined when there is none. */
  listing(): string | undefined {
    const table = this.#tables.get("gatewayd");
    if (table === undefined) return undefined;
    const sets = [...table.sets].map(([name, set]) => listSet(name, set));
    const timers = [...table.timers].map(([name, body]) => listTimer(name, body));
    const helpers = [...table.helpers].map(([name, body]) => listHelper(name, body));
    const chains = [...table.chains].map(([name, chain]) => listChain(name, chain));
    return `table inet gatewayd {\n${[...helpers, ...timers, ...sets, ...chains].join("\n")}}\n`;
  }

  /** The value of a map's element, or "" for a set's; undefined when it is not there. */
  element(set: string, key: string): string | undefined {
    return this.#tables.get("gatewayd")?.sets.get(set)?.elements.get(key);
  }

  elements(set: string): ReadonlyMap<string, string> {
    return this.#tables.get("gatewayd")?.sets.get(set)?.elements ?? new Map();
  }
}

interface Table {
  /** The body of each `ct timeout`. */
  timers: Map<string, string>;
  /** The same of each `ct helper`. */
  helpers: Map<string, string>;
  sets: Map<string, NftSet>;
  chains: Map<string, Chain>;
}
interface NftSet {
  head: string;
  /** What stands in its braces, line by line. */
  declared: string[];
  elements: Map<string, string>;
}
interface Chain {
  hook: string | undefined;
  rules: string[];
}

function execute(tables: Map<string, Table>, line: string): void {
  const [, verb = "", what = "", name = "", rest = ""] =
    /^(\w+) (\w+|ct timeout|ct helper) inet (\w+)(?: (.*))?$/.exec(line) ?? refuse(line);
  if (what === "table") {
    if (verb === "delete") tables.delete(name);
    else if (!tables.has(name))
      tables.set(name, { timers: new Map(), helpers: new Map(), sets: new Map(), chains: new Map() });
    return;
  }
  const table = tables.get(name) ?? refuse(line);
  const space = rest.indexOf(" ");
  const [object, body] = space < 0 ? [rest, ""] : [rest.slice(0, space), rest.slice(space + 1)];
  if (what === "element") changeElements(table, verb, object, body, line);
  else if (what === "rule") (table.chains.get(object) ?? refuse(line)).rules.push(listedRule(body));
  else if (what.startsWith("ct ")) changeObject(table, what, verb, object, body);
  else if (what === "chain") changeChain(table, verb, object, body);
  else if (verb === "flush") flushSet(table, object);
  else declareSet(table, what, object, body);
}

/** What has a name in nft is listed by it, and a protocol that a port of the header says is not said again. */
const listedRule = (rule: string): string =>
  rule
    .replace("@nh,72,8 set 0x3a", "ip protocol set ipv6-icmp")
    .replace("@nh,72,8 set 0x1", "ip protocol set icmp")
    .replace(/^meta l4proto (tcp|udp) (?=.*\b\1 [sd]port\b)/, "");

function changeChain(table: Table, verb: string, name: string, body: string): void {
  if (verb === "flush") (table.chains.get(name) ?? refuse(name)).rules = [];
  else if (verb === "delete") table.chains.delete(name);
  else if (!table.chains.has(name))
    table.chains.set(name, { hook: body === "" ? undefined : body.slice(2, -2), rules: [] });
}

function changeObject(table: Table, what: string, verb: string, name: string, body: string): void {
  const objects = what === "ct timeout" ? table.timers : table.helpers;
  const held = [...table.chains.values()].some(({ rules }) =>
    rules.some((rule) => rule.endsWith(`${what} set "${name}"`)),
  );
  if (verb === "add") objects.set(name, body.slice(2, -2));
  else if (held || !objects.delete(name)) refuse(name);
}

const listHelper = (name: string, body: string): string =>
  `\tct helper ${name} {\n${body
    .split(/; ?/)
    .filter((line) => line !== "")
    .map((line) => `\t\t${line}\n`)
    .join("")}\t}\n`;

/** Without the values that nft does not list. */
function listTimer(name: string, body: string): string {
  const [protocol = "", family = "", policy = ""] = body.split("; ");
  const listed = protocol.endsWith("icmp") ? "policy = {  }" : policy.replace(/;$/, "");
  return `\tct timeout ${name} {\n${[protocol, family, listed].map((line) => `\t\t${line}\n`).join("")}\t}\n`;
}

function flushSet(table: Table, name: string): void {
  (table.sets.get(name) ?? refuse(name)).elements.clear();
}

function declareSet(table: Table, what: string, name: string, body: string): void {
  const declared = body
    .slice(2, -2)
    .split(/; ?/)
    .filter((line) => line !== "");
  table.sets.set(name, { head: what, declared, elements: new Map() });
}

function changeElements(table: Table, verb: string, name: string, body: string, line: string): void {
  const { elements } = table.sets.get(name) ?? refuse(line);
  for (const element of body.slice(2, -2).split(", ")) {
    const colon = element.indexOf(" : ");
    const key = colon < 0 ? element : element.slice(0, colon);
    const value = colon < 0 ? "" : element.slice(colon + 3);
    if (verb === "delete") {
      if (!elements.delete(key)) refuse(line);
    } else if ((elements.get(key) ?? value) !== value) refuse(line);
    else elements.set(key, value);
  }
}

function listSet(name: string, { head, declared, elements }: NftSet): string {
  const all = [...elements].map(([key, value]) => (value === "" ? key : `${key} : ${value}`));
  const listed = all.length === 0 ? "" : `\t\telements = { ${all.join(",\n\t\t\t     ")} }\n`;
  return `\t${head} ${name} {\n${declared.map((line) => `\t\t${line}\n`).join("")}${listed}\t}\n`;
}

function listChain(name: string, { hook, rules }: Chain): string {
  const lines = [...(hook === undefined ? [] : [hook]), ...rules];
  return `\tchain ${name} {\n${lines.map((line) => `\t\t${line}\n`).join("")}\t}\n`;
}

function refuse(line: string): never {
  throw new Error(`Could not process: ${line}`);
}
