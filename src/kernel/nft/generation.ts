/** The number of the ruleset of this network namespace: each transaction that changes any table of it, by anybody, adds one. */

import { attributesIn } from "../netlink/netlink.ts";
import type { NetlinkSocket } from "../netlink/netlink-socket.ts";

const NFT_MSG_GETGEN = (10 << 8) | 16;
const NFGENMSG_OCTETS = 4;
const NFTA_GEN_ID = 1;

/** Undefined where the kernel does not say. */
export function generationOf(socket: NetlinkSocket): number | undefined {
  let generation: number | undefined;
  socket.ask(
    NFT_MSG_GETGEN,
    (to) => {
      for (const octet of [0, 0, 0, 0]) to.u8(octet);
    },
    ({ payload }) => {
      const id = attributesIn(payload, NFGENMSG_OCTETS).get(NFTA_GEN_ID);
      if (id?.length === 4) generation = id.readUInt32BE(0);
    },
  );
  return generation;
}
