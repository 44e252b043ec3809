/**
 * `ct timeout` objects for ICMP. The kernel has them, libnftables lists them and lets rules speak of them, but its
 * language makes them for TCP and UDP only (1.0.6, and up to 1.1): they are made here, by a message of our own.
 */

import { NLM_F_CREATE } from "../netlink/netlink.ts";
import type { NetlinkSocket } from "../netlink/netlink-socket.ts";

const NFNL_SUBSYS_NFTABLES = 10;
const NFT_MSG_NEWOBJ = 18;
const NFPROTO_INET = 1;
const NFPROTO_IPV4 = 2;
const IPPROTO_ICMP = 1;
const NFTA_OBJ_TABLE = 1;
const NFTA_OBJ_NAME = 2;
const NFTA_OBJ_TYPE = 3;
const NFTA_OBJ_DATA = 4;
const NFT_OBJECT_CT_TIMEOUT = 7;
const NFTA_CT_TIMEOUT_L3PROTO = 1;
const NFTA_CT_TIMEOUT_L4PROTO = 2;
const NFTA_CT_TIMEOUT_DATA = 3;
const CTA_TIMEOUT_ICMP_TIMEOUT = 1;
const TABLE = "gatewayd";

export interface IcmpTimer {
  readonly name: string;
  readonly seconds: number;
}

/** A text in the order in which it is to be carried out. */
export interface Steps {
  readonly before: string;
  readonly timers: readonly IcmpTimer[];
  /** The rules that set them. */
  readonly after: string;
}

/** Takes the lines about ICMP timers, which diff.ts writes one a line, out of a text. */
export function withoutIcmpTimers(text: string): Steps {
  const timers = [...text.matchAll(LINE)].map(([, name = "", seconds]) => ({
    name,
    seconds: Number(seconds),
  }));
  if (timers.length === 0) return { before: text, timers, after: "" };
  const names = new Set(timers.map(({ name }) => `ct timeout set "${name}"`));
  const lines = text.replace(LINE, "").split("\n");
  const sets = (line: string): boolean => names.has(line.slice(line.indexOf("ct timeout set ")));
  return {
    before: lines.filter((line) => !sets(line)).join("\n"),
    timers,
    after: lines.filter(sets).join("\n"),
  };
}

const LINE =
  /^add ct timeout inet gatewayd (\w{1,31}) \{ protocol icmp; l3proto ip; policy = \{ replied : (\d{1,9}) \}; \}$/gm;

/** @returns what the kernel said against it */
export function addIcmpTimer(socket: NetlinkSocket, { name, seconds }: IcmpTimer): string | undefined {
  const refusal = socket.transact(NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWOBJ, NLM_F_CREATE, (to) => {
    to.u8(NFPROTO_INET);
    to.u8(0);
    to.u8(0);
    to.u8(0);
    to.attributeOctets(NFTA_OBJ_TABLE, Buffer.from(`${TABLE}\0`));
    to.attributeOctets(NFTA_OBJ_NAME, Buffer.from(`${name}\0`));
    to.attributeOctets(NFTA_OBJ_TYPE, networkOrder(NFT_OBJECT_CT_TIMEOUT, 4));
    const data = to.openNest(NFTA_OBJ_DATA);
    to.attributeOctets(NFTA_CT_TIMEOUT_L3PROTO, networkOrder(NFPROTO_IPV4, 2));
    to.attributeOctets(NFTA_CT_TIMEOUT_L4PROTO, Buffer.of(IPPROTO_ICMP));
    const policy = to.openNest(NFTA_CT_TIMEOUT_DATA);
    to.attributeOctets(CTA_TIMEOUT_ICMP_TIMEOUT, networkOrder(seconds, 4));
    to.closeNest(policy);
    to.closeNest(data);
  });
  return refusal && `ct timeout ${name}: ${refusal.message}`;
}

function networkOrder(value: number, octets: number): Buffer {
  const written = Buffer.alloc(octets);
  written.writeUIntBE(value, 0, octets);
  return written;
}
