/** 169.254.169.254:80 of the ports of this host. */

import { formatAddress } from "../bgp/net/text.ts";
import type { NatTable } from "./table.ts";

const METADATA_ADDRESS = "169.254.169.254";

export function toMetadata({ metadata }: NatTable): readonly string[] {
  if (metadata === undefined) return [];
  const to = `${formatAddress(metadata.to.address)}:${metadata.to.port}`;
  return [`iifname @taps ip daddr ${METADATA_ADDRESS} tcp dport 80 dnat ip to ${to}`];
}

/** The metadata service is reached by translation, also from addresses that otherwise are not tracked. */
export function trackMetadata({ metadata }: NatTable): readonly string[] {
  if (metadata === undefined) return [];
  return [
    `ip daddr ${METADATA_ADDRESS} accept`,
    `ip saddr ${formatAddress(metadata.to.address)} tcp sport ${metadata.to.port} accept`,
  ];
}
