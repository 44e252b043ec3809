/** The next hop of a route of our own, for those whom no session tells it: files, monitoring stations. */

import { type Address, ipv4, ipv6, sameAddress } from "../net/address.ts";

/** 0.0.0.0 and :: stand for our own address of whatever session a route is sent on; here the router id takes its place. */
export function nextHopOutside(nextHop: Address, routerId: Address): Address {
  if (sameAddress(nextHop, ipv4(0))) return routerId;
  return sameAddress(nextHop, ipv6(0, 0, 0, 0)) ? ipv6(0, 0, 0xffff, routerId.w0) : nextHop;
}
