/**
 * nftables through libnftables, in this process: a transaction costs 0.1 ms against 4 ms for a spawned nft.
 *
 * The library is native code that may crash (`get element` of an absent key does; it is never called): that is
 * why it lives in netd, which can be started again.
 */

import koffi from "koffi";
import type { Address } from "../../bgp/net/address.ts";
import type { PublicPort } from "../conntrack/conntrack.ts";
import { netlinkPort } from "../netlink/ffi.ts";
import { attributesIn, type Message, readText } from "../netlink/netlink.ts";
import { NetlinkSocket } from "../netlink/netlink-socket.ts";
import {
  type EndpointQuery,
  type FoundEndpoint,
  findEndpoint,
  type MappedElement,
  mappedElements,
} from "./endpoints.ts";
import { generationOf } from "./generation.ts";
import { addIcmpTimer, withoutIcmpTimers } from "./icmp-timer.ts";

const NETLINK_NETFILTER = 12;
const NFNL_SUBSYS_NFTABLES = 10;
const NFPROTO_INET = 1;
const NFGENMSG_OCTETS = 4;
/** NFTA_TABLE_NAME, NFTA_CHAIN_TABLE, NFTA_SET_TABLE, ...: every object names its table in its first attribute. */
const NFTA_TABLE = 1;
const NFT_CTX_OUTPUT_STATELESS = 4;
const NFT_CTX_OUTPUT_HANDLE = 1 << 3;
const TABLE = "gatewayd";
/** Elements of one transaction. */
const FORGOTTEN_AT_ONCE = 512;
/** Descriptors that are looked at for the library's socket, which it opens when it starts and keeps. */
const DESCRIPTORS = 256;

/** The library could not be loaded. */
export class NoLibrary extends Error {
  override readonly name: string = "NoLibrary";
}

export class Nft {
  /** The port of the library's own netlink socket, to tell its changes from foreign ones; undefined when not found. */
  readonly port: number | undefined;
  #socket: NetlinkSocket | undefined;
  /** The generation of a ruleset whose table of ours is as it was listed last, and changed by nobody but {@link run} since. */
  #known: number | undefined;
  readonly #context: unknown;
  readonly #run: (context: unknown, commands: Buffer) => number;
  readonly #output: (context: unknown) => string;
  readonly #error: (context: unknown) => string;
  readonly #setFlags: (context: unknown, flags: number) => void;

  /** @throws NoLibrary */
  constructor() {
    const library = openLibrary();
    const create = library.func("void *nft_ctx_new(uint32_t flags)");
    this.#setFlags = library.func("void nft_ctx_output_set_flags(void *context, uint flags)");
    const bufferOutput = library.func("int nft_ctx_buffer_output(void *context)");
    const bufferError = library.func("int nft_ctx_buffer_error(void *context)");
    this.#run = library.func("int nft_run_cmd_from_buffer(void *context, void *commands)");
    this.#output = library.func("str nft_ctx_get_output_buffer(void *context)");
    this.#error = library.func("str nft_ctx_get_error_buffer(void *context)");
    const before = netfilterPorts();
    this.#context = create(0);
    bufferOutput(this.#context);
    bufferError(this.#context);
    this.#setFlags(this.#context, NFT_CTX_OUTPUT_STATELESS);
    // Its socket has no port before it first asks something.
    this.#runText("list tables inet");
    this.port = [...netfilterPorts()].find((port) => port !== 0 && !before.has(port));
  }

  /**
   * Runs commands as one transaction: all of them or none. What speaks of timers of ICMP follows behind the others.
   * @returns what the kernel or the library said against it
   */
  run(commands: string): string | undefined {
    const { before, timers, after } = withoutIcmpTimers(commands);
    const isKnown = this.isUntouched && timers.length === 0;
    let failed = this.#runText(before);
    for (const timer of timers) failed ??= addIcmpTimer(this.#ownSocket(), timer);
    failed ??= after === "" ? undefined : this.#runText(after);
    // One more is our transaction and no other.
    const next = (this.#known ?? 0) + 1;
    this.#known = isKnown && failed === undefined && this.#generation() === next ? next : undefined;
    return failed;
  }

  /** False: somebody else may have changed our table since it was listed. */
  get isUntouched(): boolean {
    return this.#known !== undefined && this.#generation() === this.#known;
  }

  /** Whether a message of the kernel's tells of what {@link run} did. */
  caused({ port }: Message): boolean {
    return port !== 0 && (port === this.port || port === this.#socket?.port);
  }

  /** Those that the kernel does not have; its modules are loaded where they can be. */
  lackedHelpers(bodies: readonly string[]): string[] {
    return bodies.filter((body) => this.run(helperProbe(body)) !== undefined);
  }

  /** Undefined: there is none. @throws Error with the kernel's words */
  findEndpoint(query: EndpointQuery): FoundEndpoint | undefined {
    return findEndpoint(this.#ownSocket(), query);
  }

  /** Takes the mappings of a public address away that have these ports, from both maps of them. */
  forgetMappings(outer: Address, ports: readonly PublicPort[]): void {
    const elements = mappedElements((query) => this.findEndpoint(query), outer, ports);
    const failedIn = (list: readonly MappedElement[]): boolean =>
      this.run(list.map(({ map, key }) => `delete element inet ${TABLE} ${map} { ${key} }\n`).join("")) !==
      undefined;
    for (let first = 0; first < elements.length; first += FORGOTTEN_AT_ONCE) {
      const some = elements.slice(first, first + FORGOTTEN_AT_ONCE);
      // One may end by itself at that moment, and all of a transaction fails with it.
      if (failedIn(some)) for (const one of some) failedIn([one]);
    }
  }

  #ownSocket(): NetlinkSocket {
    this.#socket ??= new NetlinkSocket(NETLINK_NETFILTER);
    return this.#socket;
  }

  #runText(commands: string): string | undefined {
    // Old versions refuse a last line without its end.
    if (this.#run(this.#context, Buffer.from(`${commands}\n\0`)) === 0) return undefined;
    return this.#error(this.#context).trim() || "nftables refused it without a reason";
  }

  /** A chain of our table as nft lists it with its counters, or a map with when its elements end. Undefined when there is none. */
  listState(kind: "chain" | "map", name: string): string | undefined {
    this.#setFlags(this.#context, 0);
    const failed = this.#runText(`list ${kind} inet ${TABLE} ${name}`);
    const listed = this.#output(this.#context);
    this.#setFlags(this.#context, NFT_CTX_OUTPUT_STATELESS);
    return failed === undefined ? listed : undefined;
  }

  /** The rules of a chain of ours by their handles, without counters and other state. Empty when there is none. */
  listRules(chain: string): ReadonlyMap<bigint, string> {
    this.#setFlags(this.#context, NFT_CTX_OUTPUT_STATELESS | NFT_CTX_OUTPUT_HANDLE);
    const failed = this.#runText(`list chain inet ${TABLE} ${chain}`);
    const listed = failed === undefined ? this.#output(this.#context) : "";
    this.#setFlags(this.#context, NFT_CTX_OUTPUT_STATELESS);
    const lines = [...listed.matchAll(/^\t\t(.*) # handle (\d+)$/gm)];
    return new Map(lines.map(([, rule = "", handle = "0"]) => [BigInt(handle), rule]));
  }

  /** A set of our table as nft lists it, without counters and other state. Undefined when there is none. */
  listSet(name: string): string | undefined {
    const failed = this.#runText(`list set inet ${TABLE} ${name}`);
    return failed === undefined ? this.#output(this.#context) : undefined;
  }

  /** Our table as nft lists it, without counters and other state. Undefined when there is none. */
  list(): string | undefined {
    const generation = this.#generation();
    const failed = this.#runText("list tables inet");
    if (failed !== undefined) throw new Error(`tables cannot be listed: ${failed}`);
    this.#known = undefined;
    if (!this.#output(this.#context).split("\n").includes(`table inet ${TABLE}`)) return undefined;
    const failedTable = this.#runText(`list table inet ${TABLE}`);
    if (failedTable !== undefined) throw new Error(`table inet ${TABLE} cannot be listed: ${failedTable}`);
    this.#known = this.#generation() === generation ? generation : undefined;
    return this.#output(this.#context);
  }

  #generation(): number | undefined {
    return generationOf(this.#ownSocket());
  }
}

/** Whether an nftables event tells of our table. */
export function concernsOurTable({ type, payload }: Message): boolean {
  if (type >> 8 !== NFNL_SUBSYS_NFTABLES || payload.length < NFGENMSG_OCTETS) return false;
  const name = attributesIn(payload, NFGENMSG_OCTETS).get(NFTA_TABLE);
  return payload[0] === NFPROTO_INET && name !== undefined && readText(name) === TABLE;
}

/** @throws NoLibrary */
export function openLibrary(): ReturnType<typeof koffi.load> {
  try {
    return koffi.load("libnftables.so.1");
  } catch (error) {
    throw new NoLibrary(error instanceof Error ? error.message : String(error));
  }
}

/** Makes one in a table of its own and deletes that, in one transaction: nobody ever sees it. */
const helperProbe = (body: string): string => `add table inet gatewayd_probe
add ct helper inet gatewayd_probe probe { ${body} }
delete table inet gatewayd_probe
`;

function netfilterPorts(): Set<number> {
  const ports = new Set<number>();
  for (let fd = 0; fd < DESCRIPTORS; fd++) {
    const port = netlinkPort(fd, NETLINK_NETFILTER);
    if (port !== undefined) ports.add(port);
  }
  return ports;
}
