/**
 * Application-level gateways, each off unless it is wanted (RFC 4787 REQ-10, RFC 5382 REQ-6). The kernel's helpers read
 * the payload of control connections, translate the addresses in it, and expect the connections that it speaks of. They
 * have to be set before a flow is translated, since they change the length of what was sent.
 */

import type { Alg } from "../model/alg.ts";
import type { NatTable } from "./table.ts";

/** Each with the kernel's name of the helper, and where its control connections go. */
const HELPERS: Readonly<
  Record<Alg, readonly (readonly [type: string, protocol: "tcp" | "udp", port: number])[]>
> = {
  ftp: [["ftp", "tcp", 21]],
  h323: [
    ["Q.931", "tcp", 1720],
    ["RAS", "udp", 1719],
  ],
  irc: [["irc", "tcp", 6667]],
  pptp: [["pptp", "tcp", 1723]],
  sip: [
    ["sip", "tcp", 5060],
    ["sip", "udp", 5060],
  ],
  tftp: [["tftp", "udp", 69]],
};

const helpersOf = ({ algs }: Pick<NatTable, "algs">): { name: string; body: string; match: string }[] =>
  algs.flatMap((alg) =>
    HELPERS[alg].map(([type, protocol, port]) => ({
      name: `${alg}_${protocol}`,
      body: `type "${type}" protocol ${protocol}; l3proto ip;`,
      match: `${protocol} dport ${port}`,
    })),
  );

/** `ct helper` objects: what is in their braces, by name. */
export const helpers = (table: Pick<NatTable, "algs">): ReadonlyMap<string, string> =>
  new Map(helpersOf(table).map(({ name, body }) => [name, body]));

export const helperRules = (table: NatTable): readonly string[] =>
  helpersOf(table).map(({ name, match }) => `${match} ct helper set "${name}"`);

/** New flows of whom we translate, wherever they come from. */
export const toHelpers = ({ algs }: NatTable): readonly string[] =>
  algs.length === 0
    ? []
    : ["ip saddr @private", "ip saddr @own", "ip daddr @floating", "ip daddr @forwarded"].map(
        (who) => `${who} jump helpers`,
      );
