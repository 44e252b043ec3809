/** Port blocks in the NAT table: one element of a hash for each private address, and one rule for all of them. */

import { formatAddress } from "../bgp/net/text.ts";
import { allBlocks, type BlockPlan } from "../model/blocks.ts";
import type { Elements } from "./layout.ts";
import { portText } from "./members.ts";

/** Private address to its block, by the text that nft lists. */
export function blockElements(plan: BlockPlan | undefined): Elements {
  const elements = new Map<string, string>();
  if (plan === undefined) return elements;
  for (const [holder, { address, ports }] of allBlocks(plan))
    elements.set(formatAddress(holder), `${formatAddress(address)} . ${portText(ports)}`);
  return elements;
}

/**
 * ICMP identifiers and GRE keys are taken from the block as ports are, so that they tell whose they were; ESP has
 * neither, and leaves from the address of the block. What else there is cannot be told apart by anything: sent out, it
 * would have the private address, or somebody else's block.
 */
export const BLOCK_RULE =
  "meta l4proto { icmp, tcp, udp, dccp, gre, esp, sctp, udplite } snat ip to ip saddr map @blocks";

/** Both give every private address the same block. */
export const sameBlocks = (a: BlockPlan | undefined, b: BlockPlan | undefined): boolean =>
  a === b || JSON.stringify(a) === JSON.stringify(b);
