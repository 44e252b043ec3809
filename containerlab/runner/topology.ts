/**
 * A containerlab file as a value: every node with what its defaults, kind and group say merged in.
 *
 * Precedence is containerlab's: defaults, then kinds, then groups, then the node. Maps are merged key by key, lists
 * are joined, anything else is replaced. What this runner cannot build is an error; what it can leave out without the
 * topology meaning something else is named in {@link Topology.ignored}.
 */

import { isAbsolute, join } from "node:path";
import { Ajv, type ErrorObject } from "ajv";
import { parseDocument } from "yaml";
import { words } from "./words.ts";

export interface Topology {
  readonly name: string;
  readonly nodes: readonly TopologyNode[];
  readonly links: readonly TopologyLink[];
  /** Keys of the file that have no effect here, e.g. "gw: healthcheck". */
  readonly ignored: readonly string[];
}

export interface TopologyNode {
  readonly name: string;
  readonly image: string;
  readonly privileged: boolean;
  /** Without the CAP_ prefix, upper case. */
  readonly capabilities: readonly string[];
  readonly sysctls: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
  readonly binds: readonly Bind[];
  readonly entrypoint: readonly string[] | undefined;
  readonly command: readonly string[];
  /** Run in this order once all links are there. */
  readonly exec: readonly (readonly string[])[];
}

export interface Bind {
  /** Absolute. */
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
}

interface TopologyLink {
  readonly ends: readonly [LinkEnd, LinkEnd];
  readonly mtu: number;
}

interface LinkEnd {
  readonly node: string;
  readonly interface: string;
  readonly mac: string | undefined;
  /** With prefix length. */
  readonly addresses: readonly string[];
}

/** The file cannot be built; each line of the message says where and why. */
export class TopologyError extends Error {
  override readonly name = "TopologyError";
}

/** The parts of a valid file that are read here. */
interface ClabFile {
  readonly name: string;
  readonly topology: {
    readonly defaults?: ClabNode;
    readonly kinds?: Readonly<Record<string, ClabNode>>;
    readonly groups?: Readonly<Record<string, ClabNode>>;
    readonly nodes?: Readonly<Record<string, ClabNode | null>>;
    readonly links?: readonly ClabLink[];
  };
}

interface ClabNode {
  readonly kind?: string;
  readonly image?: string;
  readonly group?: string;
  readonly privileged?: boolean;
  readonly entrypoint?: string;
  readonly cmd?: string;
  readonly "network-mode"?: string;
  readonly "cap-add"?: readonly string[];
  readonly binds?: readonly string[];
  readonly exec?: readonly string[];
  readonly sysctls?: Readonly<Record<string, string | number>>;
  readonly env?: Readonly<Record<string, string | number | boolean>>;
}

interface ClabLink {
  readonly type?: string;
  readonly endpoints: readonly [string | ClabEnd, string | ClabEnd];
  readonly mtu?: number;
  readonly ipv4?: readonly string[];
  readonly ipv6?: readonly string[];
}

interface ClabEnd {
  readonly node: string;
  readonly interface: string;
  readonly mac?: string;
  readonly ipv4?: string;
  readonly ipv6?: string;
}

/** What containerlab gives a veth when the file does not say. */
const DEFAULT_MTU = 9500;
const KNOWN: ReadonlySet<string> = new Set<keyof ClabNode>([
  "kind",
  "image",
  "group",
  "privileged",
  "entrypoint",
  "cmd",
  "network-mode",
  "cap-add",
  "binds",
  "exec",
  "sysctls",
  "env",
]);

/**
 * @param schema - containerlab's own JSON Schema
 * @param directory - absolute; what relative binds are relative to
 * @throws TopologyError when the text is no YAML, breaks the schema, or asks for what cannot be built
 */
export function readTopology(text: string, schema: object, directory: string): Topology {
  const file = parse(text, schema);
  const ignored = Object.keys(file).filter((key) => !["name", "topology"].includes(key));
  const nodes = Object.entries(file.topology.nodes ?? {}).map(([name, own]) => {
    const node = merge(file.topology, own ?? {});
    ignored.push(...Object.keys(node).flatMap((key) => (KNOWN.has(key) ? [] : `${name}: ${key}`)));
    return readNode(name, node, directory);
  });
  const links = (file.topology.links ?? []).map(readLink);
  checkLinks(nodes, links);
  return { name: file.name, nodes, links, ignored };
}

function parse(text: string, schema: object): ClabFile {
  const document = parseDocument(text);
  if (document.errors.length > 0) throw new TopologyError(document.errors.map((e) => e.message).join("\n"));
  const file: unknown = document.toJS();
  const check = new Ajv({ strict: false, allErrors: true, unicodeRegExp: false }).compile<ClabFile>(schema);
  if (!check(file)) throw new TopologyError((check.errors ?? []).map(told).join("\n"));
  return file;
}

function told({ instancePath, message, params: { additionalProperty: extra } }: ErrorObject): string {
  return `${instancePath || "/"}: ${message ?? "is wrong"}${extra === undefined ? "" : `: ${String(extra)}`}`;
}

function merge({ defaults = {}, kinds = {}, groups = {} }: ClabFile["topology"], own: ClabNode): ClabNode {
  const group = groups[own.group ?? defaults.group ?? ""] ?? {};
  const kind = kinds[own.kind ?? group.kind ?? defaults.kind ?? ""] ?? {};
  const layers: readonly ClabNode[] = [defaults, kind, group, own];
  const joined = (key: "cap-add" | "binds" | "exec"): string[] => layers.flatMap((layer) => layer[key] ?? []);
  return {
    ...Object.assign({}, ...layers),
    "cap-add": [...new Set(joined("cap-add"))],
    binds: joined("binds"),
    exec: joined("exec"),
    sysctls: Object.assign({}, ...layers.map((layer) => layer.sysctls)),
    env: Object.assign({}, ...layers.map((layer) => layer.env)),
  };
}

function readNode(name: string, node: ClabNode, directory: string): TopologyNode {
  const { kind, image, entrypoint, "network-mode": mode = "none" } = node;
  if (kind !== "linux")
    throw new TopologyError(`node ${name}: only kind linux can be built here, not ${kind}`);
  if (mode !== "none") throw new TopologyError(`node ${name}: only network-mode none can be built here`);
  if (image === undefined) throw new TopologyError(`node ${name}: has no image`);
  return {
    name,
    image,
    privileged: node.privileged ?? true,
    capabilities: (node["cap-add"] ?? []).map((capability) => capability.replace(/^CAP_/i, "").toUpperCase()),
    sysctls: texts(node.sysctls),
    env: texts(node.env),
    binds: (node.binds ?? []).map((bind) => readBind(bind, directory)),
    entrypoint: entrypoint === undefined ? undefined : words(entrypoint),
    command: words(node.cmd ?? ""),
    exec: (node.exec ?? []).map(words),
  };
}

function readBind(text: string, directory: string): Bind {
  const [source = "", target, options = ""] = text.split(":");
  if (target === undefined || !isAbsolute(target))
    throw new TopologyError(`bind ${text}: no absolute target`);
  return {
    source: isAbsolute(source) ? source : join(directory, source),
    target,
    readOnly: options.split(",").includes("ro"),
  };
}

function readLink(link: ClabLink): TopologyLink {
  const { type = "veth", endpoints, mtu = DEFAULT_MTU } = link;
  if (type !== "veth") throw new TopologyError(`only links of type veth can be built here, not ${type}`);
  return { ends: [readEnd(link, endpoints[0], 0), readEnd(link, endpoints[1], 1)], mtu };
}

/** Brief form: "node:interface", with addresses listed by the link. Extended form: an object with its own, too. */
function readEnd(link: ClabLink, end: string | ClabEnd, at: 0 | 1): LinkEnd {
  const given = (...addresses: (string | undefined)[]): string[] =>
    addresses.filter((address) => address !== undefined && address !== "") as string[];
  const listed = given(link.ipv4?.[at], link.ipv6?.[at]);
  if (typeof end !== "string") {
    const { node, interface: name, mac, ipv4, ipv6 } = end;
    return { node, interface: name, mac, addresses: [...listed, ...given(ipv4, ipv6)] };
  }
  const colon = end.indexOf(":");
  return { node: end.slice(0, colon), interface: end.slice(colon + 1), mac: undefined, addresses: listed };
}

function checkLinks(nodes: readonly TopologyNode[], links: readonly TopologyLink[]): void {
  const names = new Set(nodes.map((node) => node.name));
  const taken = new Set<string>();
  for (const end of links.flatMap((link) => link.ends)) {
    const text = `${end.node}:${end.interface}`;
    if (!names.has(end.node)) throw new TopologyError(`link to ${text}: there is no such node`);
    if (taken.has(text)) throw new TopologyError(`link to ${text}: that interface has a link already`);
    // IFNAMSIZ is 16 with the closing zero.
    if (end.interface.length > 15)
      throw new TopologyError(`link to ${text}: the name is longer than 15 letters`);
    taken.add(text);
  }
}

function texts(map: Readonly<Record<string, string | number | boolean>> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, String(value)]));
}
