/**
 * Mappings that private hosts asked for (RFC 6887): a public endpoint that everybody may send to, and that its private
 * one leaves as, for a time.
 *
 * They stand in two maps, one for each direction, whose elements end by themselves. Like what packets write into maps
 * of theirs they are no part of a table: who serves the requests adds and deletes them, one by one. All that is to be
 * known of one stands in its element, and an element of no endpoint says since when none was lost; so they
 * are there as long as the kernel has them, whoever dies, and when it lost them it lost that too.
 */

import type { Address } from "../bgp/net/address.ts";
import { formatAddress, parseAddress } from "../bgp/net/text.ts";
import type { Endpoint } from "../model/model.ts";
import { type Elements, TABLE } from "./layout.ts";
import type { NatTable } from "./table.ts";

export interface Grant {
  /** TCP or UDP. */
  readonly protocol: 6 | 17;
  /** IPv4, as is `public`. */
  readonly private: Endpoint;
  readonly public: Endpoint;
  /** 12 octets in hexadecimal: who knows them may change it. */
  readonly nonce: string;
  /** In seconds of a clock of the machine's that only goes forward. */
  readonly endsAt: number;
}

const PORTS = "meta l4proto { tcp, udp }";

/** Before all others: whoever sends there, and whatever the pool lets in. */
export const toGranted = ({ grants }: NatTable): readonly string[] =>
  grants ? [`${PORTS} dnat ip to ip daddr . meta l4proto . th dport map @granted`] : [];

/** Before all other ways to leave by a pool. */
export const asGranted = ({ grants }: NatTable): readonly string[] =>
  grants ? [`${PORTS} snat ip to meta l4proto . ip saddr . th sport map @granted_out`] : [];

/** What the kernel must not choose by chance, in a rule that tries a port in the packet's header. */
export const unlessGranted = (grants: boolean): string =>
  grants ? "ip saddr . meta l4proto . th sport != @granted " : "";

/** A flow that was given what was granted to another endpoint: its next packet is given another port. */
export const dropsGranted = ({ grants }: NatTable): readonly string[] =>
  grants
    ? ["tcp", "udp"].map(
        (protocol) =>
          `ct state new meta l4proto ${protocol} ct reply ip daddr . meta l4proto . ct reply proto-dst @granted meta l4proto . ct original ip saddr . ct original proto-src != @granted_out drop`,
      )
    : [];

const nameOf = (protocol: Grant["protocol"]): string => (protocol === 6 ? "tcp" : "udp");

/** Both directions of a grant, as key and value. */
function elementsOf({
  protocol,
  private: inner,
  public: outer,
}: Grant): ["granted" | "granted_out", string, string][] {
  const from = `${formatAddress(inner.address)} . ${inner.port}`;
  const to = `${formatAddress(outer.address)} . ${outer.port}`;
  const name = nameOf(protocol);
  return [
    ["granted", `${formatAddress(outer.address)} . ${name} . ${outer.port}`, from],
    ["granted_out", `${name} . ${formatAddress(inner.address)} . ${inner.port}`, to],
  ];
}

/** The same of all, as the maps have them. */
export function grantElements(
  grants: readonly Grant[],
): Readonly<Record<"granted" | "granted_out", Elements>> {
  const maps = { granted: new Map<string, string>(), granted_out: new Map<string, string>() };
  for (const grant of grants) for (const [map, key, value] of elementsOf(grant)) maps[map].set(key, value);
  return maps;
}

/** Takes both elements away, whether they are there or not: one that is not there cannot be deleted. */
export const releaseText = (grant: Grant): string =>
  elementsOf(grant)
    .map(
      ([map, key, value]) =>
        `add element inet ${TABLE} ${map} { ${key} : ${value} }\ndelete element inet ${TABLE} ${map} { ${key} }\n`,
    )
    .join("");

/** Makes both, or makes them last. @param seconds - from now, at least 1 */
export const grantText = (grant: Grant, seconds: number): string =>
  `${releaseText(grant)}${elementsOf(grant)
    .map(
      ([map, key, value]) =>
        `add element inet ${TABLE} ${map} { ${key} timeout ${seconds}s comment "pcp ${grant.nonce}" : ${value} }\n`,
    )
    .join("")}`;

/** No endpoint: port 0 is nobody's. */
const EPOCH_KEY = "0.0.0.0 . tcp . 0";
const EPOCH_VALUE = "0.0.0.0 . 0";

/** Says that none is kept. */
export const NO_EPOCH: string = `add element inet ${TABLE} granted { ${EPOCH_KEY} : ${EPOCH_VALUE} }
delete element inet ${TABLE} granted { ${EPOCH_KEY} }
`;

/** Says that mappings have been kept since then. @param startedAt - whole seconds of the same clock as grants' */
export const epochText = (startedAt: number): string =>
  `${NO_EPOCH}add element inet ${TABLE} granted { ${EPOCH_KEY} comment "epoch ${startedAt}" : ${EPOCH_VALUE} }
`;

export interface Granted {
  /** Since when none was lost; undefined: all were. */
  readonly startedAt: number | undefined;
  readonly grants: readonly Grant[];
}

/** What the kernel has. @param listing - the map `granted` as nft lists it, with when its elements end */
export function parseGranted(listing: string, nowSeconds: number): Granted {
  const epoch = /comment "epoch (\d{1,10})"/.exec(listing)?.[1];
  const grants = [...listing.matchAll(ELEMENT)].flatMap(
    ([, outer = "", name, outerPort, expires = "", nonce = "", inner = "", innerPort]): Grant[] => {
      const [from, to] = [parseAddress(inner), parseAddress(outer)];
      if (from === undefined || to === undefined) return [];
      return [
        {
          protocol: name === "tcp" ? 6 : 17,
          private: endpoint(from, innerPort),
          public: endpoint(to, outerPort),
          nonce,
          endsAt: nowSeconds + secondsIn(expires),
        },
      ];
    },
  );
  return { startedAt: epoch === undefined ? undefined : Number(epoch), grants };
}

const ELEMENT =
  /([\d.]+) \. (tcp|udp) \. (\d+) timeout \w+ expires (\w+) comment "pcp ([\da-f]{24})" : ([\d.]+) \. (\d+)/g;

const endpoint = (address: Address, port: string | undefined): Endpoint => ({ address, port: Number(port) });

const UNITS: Readonly<Record<string, number>> = { d: 86_400, h: 3600, m: 60, s: 1, ms: 0.001 };

/** "1h59m59s996ms" in seconds. */
const secondsIn = (text: string): number =>
  [...text.matchAll(/(\d+)(ms|[dhms])/g)].reduce(
    (sum, [, count, unit = ""]) => sum + Number(count) * UNITS[unit]!,
    0,
  );
