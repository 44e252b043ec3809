/** The connection tracking table: how full it is, and removing the entries of a translation that is gone. */

import { readFileSync } from "node:fs";
import type { Address } from "../../bgp/net/address.ts";
import { addressOctets } from "../../bgp/net/text.ts";
import type { ConntrackUse, Translation } from "../commands.ts";
import { afOf } from "../links.ts";
import { attributesIn, type MessageWriter, NLA_F_NESTED } from "../netlink/netlink.ts";
import { NetlinkSocket, type OnRefusal } from "../netlink/netlink-socket.ts";
import { emptyEntry, emptySession, readEntry, readSession } from "./conntrack-entry.ts";

const NETLINK_NETFILTER = 12;
const IPCTNL_MSG_CT_GET = (1 << 8) | 1;
const IPCTNL_MSG_CT_DELETE = (1 << 8) | 2;
const NFGENMSG_OCTETS = 4;
const CTA_TUPLE_ORIG = 1;
const CTA_TUPLE_REPLY = 2;
const CTA_ID = 12;
const CTA_ZONE = 18;
const CTA_TUPLE_IP = 1;
const CTA_TUPLE_PROTO = 2;
const CTA_PROTO_NUM = 1;
const CTA_PROTO_DST_PORT = 3;
const CTA_FILTER = 25;
const CTA_FILTER_ORIG_FLAGS = 1;
const CTA_FILTER_REPLY_FLAGS = 2;
const ENOENT = 2;

const PROTOCOLS = { tcp: 6, udp: 17 } as const;

type Ports = NonNullable<Translation["ports"]>;
type Direction = typeof CTA_TUPLE_ORIG | typeof CTA_TUPLE_REPLY;

/** What a tuple must hold to belong to a translation. */
interface Side {
  readonly tuple: Direction;
  readonly field: "source" | "destination";
  readonly address: Address;
}

export class Conntrack {
  readonly #socket = new NetlinkSocket(NETLINK_NETFILTER);

  /**
   * Removes the entries that translate between the two addresses: flows to the public one that were sent on to the
   * private one, and flows of the private one that left as the public one. With ports, only of the former; without a
   * private address, those of all.
   * @param before - told the protocols and ports of the public address that their flows have, before they are removed
   * @returns how many there were
   * @throws Error when the table cannot be read
   */
  forget(
    { public: floating, private: fixed, ports }: Translation,
    before: (endpoints: readonly PublicPort[]) => void = () => undefined,
  ): number {
    const inner = (tuple: Direction): Side[] =>
      fixed === undefined ? [] : [{ tuple, field: "source", address: fixed }];
    const came: Side = { tuple: CTA_TUPLE_ORIG, field: "destination", address: floating };
    const left: Side = { tuple: CTA_TUPLE_REPLY, field: "destination", address: floating };
    const inbound = this.#find([came, ...inner(CTA_TUPLE_REPLY)], ports);
    const outbound = ports === undefined ? this.#find([...inner(CTA_TUPLE_ORIG), left]) : [];
    // A VM that reaches its own floating IP is in both.
    const entries = new Map([...inbound, ...outbound]);
    before([...entries.values()].flatMap(({ publicPort }) => publicPort ?? []));
    let removed = entries.size;
    const refused: OnRefusal = (_tag, { errno, message }) => {
      if (errno !== ENOENT) throw new Error(`a conntrack entry cannot be removed: ${message}`);
      removed--;
    };
    for (const entry of entries.values()) {
      // The tuple finds it, the id makes sure that it is still the same one, the zone is part of the key.
      const to = this.#socket.queue(IPCTNL_MSG_CT_DELETE, 0, 0, refused);
      writeHeader(to, floating);
      to.attributeOctets(CTA_TUPLE_ORIG | NLA_F_NESTED, entry.tuple);
      to.attributeOctets(CTA_ID, entry.id);
      if (entry.zone !== undefined) to.attributeOctets(CTA_ZONE, entry.zone);
      this.#socket.queued();
    }
    this.#socket.flush(refused);
    return removed;
  }

  #find(sides: readonly Side[], ports?: Ports): Map<string, Entry> {
    const found = new Map<string, Entry>();
    const refusal = this.#socket.dump(
      IPCTNL_MSG_CT_GET,
      (to) => {
        const { address } = sides[0]!;
        writeHeader(to, address);
        // The kernel's filter for IPv6 lets through all but the equal ones (seen with 6.18).
        if (address.family === 4) writeFilter(to, sides);
      },
      ({ payload }) => {
        const attributes = attributesIn(payload, NFGENMSG_OCTETS);
        if (!sides.every((side) => holds(attributes, side))) return;
        const tuple = attributes.get(CTA_TUPLE_ORIG);
        if (ports !== undefined && !cameInBy(tuple, ports)) return;
        const id = attributes.get(CTA_ID);
        if (tuple === undefined || id === undefined) return;
        const zone = attributes.get(CTA_ZONE);
        const entry: Entry = {
          tuple: Buffer.from(tuple),
          id: Buffer.from(id),
          zone: zone === undefined ? undefined : Buffer.from(zone),
          publicPort: publicPortOf(payload),
        };
        found.set(`${entry.id.toString("hex")} ${entry.tuple.toString("hex")}`, entry);
      },
      () => found.clear(),
    );
    if (refusal !== undefined) throw new Error(`conntrack cannot be read: ${refusal.message}`);
    return found;
  }
}

/** Undefined where the kernel has no connection tracking. */
export function conntrackUse(): ConntrackUse | undefined {
  const read = (name: string): number => Number(readFileSync(`/proc/sys/net/netfilter/${name}`, "utf8"));
  try {
    const failures = failuresIn(readFileSync("/proc/net/stat/nf_conntrack", "utf8"));
    return { count: read("nf_conntrack_count"), max: read("nf_conntrack_max"), ...failures };
  } catch {
    return undefined;
  }
}

/** @param text - a line of names, then one of hexadecimal numbers for each processor */
export function failuresIn(text: string): Pick<ConntrackUse, "insertFailed" | "dropped"> {
  const [head = "", ...processors] = text.trim().split("\n");
  const names = head.trim().split(/\s+/);
  const sum = (name: string): number =>
    processors.reduce(
      (all, line) => all + Number.parseInt(line.trim().split(/\s+/)[names.indexOf(name)] ?? "0", 16),
      0,
    );
  // What clashes counts as dropped, too; what finds too many others in its place of the hash (chainlength) does not.
  const [insertFailed, crowded] = [sum("insert_failed"), sum("chainlength")];
  return { insertFailed, dropped: Math.max(0, sum("drop") + crowded - insertFailed) };
}

/** Of TCP or UDP. */
export interface PublicPort {
  readonly protocol: 6 | 17;
  readonly port: number;
}

/** Undefined: it is of another protocol, or not translated. */
function publicPortOf(payload: Buffer): PublicPort | undefined {
  const [entry, session] = [emptyEntry(), emptySession()];
  readEntry(payload, entry);
  if (!readSession(entry, session)) return undefined;
  const { protocol, publicPort: port } = session;
  return protocol === PROTOCOLS.tcp || protocol === PROTOCOLS.udp ? { protocol, port } : undefined;
}

interface Entry {
  readonly publicPort: PublicPort | undefined;
  readonly tuple: Buffer;
  readonly id: Buffer;
  readonly zone: Buffer | undefined;
}

/** struct nfgenmsg: family, version 0, resource id 0. */
function writeHeader(to: MessageWriter, { family }: Address): void {
  to.u8(afOf(family));
  to.u8(0);
  to.u8(0);
  to.u8(0);
}

/** Has the kernel leave the other entries out (since 5.8), of which there may be a million. */
function writeFilter(to: MessageWriter, sides: readonly Side[]): void {
  for (const side of sides) {
    const tuple = to.openNest(side.tuple);
    const ip = to.openNest(CTA_TUPLE_IP);
    to.attributeOctets(addressType(side), addressOctets(side.address));
    to.closeNest(ip);
    to.closeNest(tuple);
  }
  const filter = to.openNest(CTA_FILTER);
  for (const side of sides)
    to.attributeU32(
      side.tuple === CTA_TUPLE_ORIG ? CTA_FILTER_ORIG_FLAGS : CTA_FILTER_REPLY_FLAGS,
      side.field === "source" ? 1 : 2,
    );
  to.closeNest(filter);
}

/** CTA_IP_V4_SRC 1, CTA_IP_V4_DST 2, CTA_IP_V6_SRC 3, CTA_IP_V6_DST 4. */
const addressType = ({ address, field }: Side): number =>
  (address.family === 4 ? 1 : 3) + (field === "source" ? 0 : 1);

function holds(attributes: Map<number, Buffer>, side: Side): boolean {
  const whole = attributes.get(side.tuple);
  const ip = whole === undefined ? undefined : attributesIn(whole, 0).get(CTA_TUPLE_IP);
  const octets = ip === undefined ? undefined : attributesIn(ip, 0).get(addressType(side));
  return octets?.equals(addressOctets(side.address)) ?? false;
}

function cameInBy(original: Buffer | undefined, { protocol, first, last }: Ports): boolean {
  const side = original && attributesIn(original, 0).get(CTA_TUPLE_PROTO);
  if (side === undefined) return false;
  const parts = attributesIn(side, 0);
  const port = parts.get(CTA_PROTO_DST_PORT)?.readUInt16BE(0) ?? -1;
  return parts.get(CTA_PROTO_NUM)?.[0] === PROTOCOLS[protocol] && first <= port && port <= last;
}
