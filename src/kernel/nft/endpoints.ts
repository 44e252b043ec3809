/**
 * One endpoint of the maps that packets write down which is whose in: by its key, since they may hold a million. It is
 * asked for by a message of our own, since libnftables crashes when there is no such element.
 */

import { type Address, ipv4, sameAddress } from "../../bgp/net/address.ts";
import { formatAddress } from "../../bgp/net/text.ts";
import { addressOf, InvalidCommand, integerOf, parseJson, recordOf } from "../fields.ts";
import { attributesIn } from "../netlink/netlink.ts";
import type { NetlinkSocket } from "../netlink/netlink-socket.ts";

const NFT_MSG_GETSETELEM = (10 << 8) | 13;
const NFGENMSG_OCTETS = 4;
const NFPROTO_INET = 1;
const NFTA_SET_ELEM_LIST_TABLE = 1;
const NFTA_SET_ELEM_LIST_SET = 2;
const NFTA_SET_ELEM_LIST_ELEMENTS = 3;
const NFTA_LIST_ELEM = 1;
const NFTA_SET_ELEM_KEY = 1;
const NFTA_SET_ELEM_DATA = 2;
const NFTA_DATA_VALUE = 1;
const ENOENT = 2;
const TABLE = Buffer.from("gatewayd\0");

export interface FoundEndpoint {
  readonly address: Address;
  readonly port: number;
}

/** Who is asked for: the public endpoint of a private one (`mapping`), or the other way round (`endpoints`). */
export interface EndpointQuery extends FoundEndpoint {
  readonly map: "mapping" | "endpoints";
  /** TCP or UDP. */
  readonly protocol: 6 | 17;
}

/** @throws InvalidCommand */
export function decodeEndpointQuery(payload: Buffer): EndpointQuery {
  const query = recordOf(parseJson(payload), "endpoint");
  const { map, protocol } = query;
  if (map !== "mapping" && map !== "endpoints") throw new InvalidCommand(`endpoint: map ${String(map)}`);
  if (protocol !== 6 && protocol !== 17) throw new InvalidCommand(`endpoint: protocol ${String(protocol)}`);
  const address = addressOf(query.address, "address");
  if (address.family !== 4) throw new InvalidCommand("endpoint: not of IPv4");
  return { map, protocol, address, port: integerOf(query.port, "port", 0, 65_535) };
}

/** @throws InvalidCommand when netd answered something else */
export function decodeFoundEndpoint(value: unknown): FoundEndpoint | undefined {
  if (value === false) return undefined;
  const found = recordOf(value, "endpoint");
  return { address: addressOf(found.address, "address"), port: integerOf(found.port, "port", 0, 65_535) };
}

/** Undefined: there is none, or no such map. @throws Error with the kernel's words */
export function findEndpoint(socket: NetlinkSocket, query: EndpointQuery): FoundEndpoint | undefined {
  let found: FoundEndpoint | undefined;
  const refusal = socket.ask(
    NFT_MSG_GETSETELEM,
    (to) => {
      for (const octet of [NFPROTO_INET, 0, 0, 0]) to.u8(octet);
      to.attributeOctets(NFTA_SET_ELEM_LIST_TABLE, TABLE);
      to.attributeOctets(NFTA_SET_ELEM_LIST_SET, Buffer.from(`${query.map}\0`));
      const elements = to.openNest(NFTA_SET_ELEM_LIST_ELEMENTS);
      const element = to.openNest(NFTA_LIST_ELEM);
      const key = to.openNest(NFTA_SET_ELEM_KEY);
      to.attributeOctets(NFTA_DATA_VALUE, keyOf(query));
      for (const nest of [key, element, elements]) to.closeNest(nest);
    },
    ({ payload }) => {
      found = endpointIn(payload);
    },
  );
  if (refusal !== undefined && refusal.errno !== ENOENT) throw new Error(refusal.message);
  return found;
}

/** An element of such a map, by its key as nft writes it. */
export interface MappedElement {
  readonly map: EndpointQuery["map"];
  readonly key: string;
}

/** The elements of both maps that these public endpoints have. What leads to another endpoint by now is left out. */
export function mappedElements(
  find: (query: EndpointQuery) => FoundEndpoint | undefined,
  outer: Address,
  ports: readonly { readonly protocol: 6 | 17; readonly port: number }[],
): MappedElement[] {
  const known = new Map(ports.map((one) => [`${one.protocol} ${one.port}`, one]));
  return [...known.values()].flatMap(({ protocol, port }): MappedElement[] => {
    const inner = find({ map: "endpoints", protocol, address: outer, port });
    if (inner === undefined) return [];
    const name = protocol === 6 ? "tcp" : "udp";
    const mapped = find({ map: "mapping", protocol, ...inner });
    const isIts = mapped !== undefined && sameAddress(mapped.address, outer) && mapped.port === port;
    return [
      { map: "endpoints", key: `${formatAddress(outer)} . ${name} . ${port}` },
      ...(isIts
        ? [{ map: "mapping" as const, key: `${name} . ${formatAddress(inner.address)} . ${inner.port}` }]
        : []),
    ];
  });
}

/** Each part of a key takes whole words, and begins with its first octet. */
function keyOf({ map, protocol, address, port }: EndpointQuery): Buffer {
  const key = Buffer.alloc(12);
  key[map === "mapping" ? 0 : 4] = protocol;
  key.writeUInt32BE(address.w0, map === "mapping" ? 4 : 0);
  key.writeUInt16BE(port, 8);
  return key;
}

function endpointIn(payload: Buffer): FoundEndpoint | undefined {
  let at: Buffer | undefined = payload;
  let from = NFGENMSG_OCTETS;
  for (const type of [NFTA_SET_ELEM_LIST_ELEMENTS, NFTA_LIST_ELEM, NFTA_SET_ELEM_DATA, NFTA_DATA_VALUE]) {
    at = attributesIn(at, from).get(type);
    if (at === undefined) return undefined;
    from = 0;
  }
  return at.length < 8 ? undefined : { address: ipv4(at.readUInt32BE(0)), port: at.readUInt16BE(4) };
}
