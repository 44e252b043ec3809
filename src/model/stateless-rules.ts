/** Floating IPs without conntrack: nothing is remembered of a flow, so what leaves has to say by itself how it came. */

import { type AddressKey, addressKey, formatAddress } from "../bgp/net/text.ts";
import type { FloatingIp, Model } from "./model.ts";
import { error, type Violation } from "./violation.ts";

export function statelessViolations({ floatingIps = [] }: Partial<Model>): Violation[] {
  const all = [...floatingIps.entries()].filter(([, { stateless }]) => stateless);
  if (all.length === 0) return [];
  const users = usersOf(floatingIps);
  return all.flatMap(([i, floating]) => violationsOf(floating, i, users));
}

function violationsOf(
  { to, egress, forwards }: FloatingIp,
  i: number,
  users: ReadonlyMap<AddressKey, readonly number[]>,
): Violation[] {
  const path = ["floatingIps", i];
  const found: Violation[] = [];
  if (egress === "fixed") {
    const message = "without conntrack all that the fixed address sends leaves as the floating IP";
    found.push(error([...path, "egress"], message, "take this line out, or `stateless`"));
  }
  if (forwards.length > 0) {
    const message = "ports are forwarded by conntrack, which knows the way back";
    found.push(error([...path, "stateless"], message, "take this line out, or say `to: ADDRESS`"));
  }
  const other = to && users.get(addressKey(to))?.find((user) => user !== i);
  if (to !== undefined && other !== undefined) {
    const message = `floatingIps[${other}] leads to ${formatAddress(to)}, too, and without conntrack its answers would leave as this one`;
    found.push(error([...path, "stateless"], message, "take this line out, or the other floating IP"));
  }
  return found;
}

/** Which floating IPs lead to each address, as a whole or by a port. */
function usersOf(floatingIps: readonly FloatingIp[]): ReadonlyMap<AddressKey, readonly number[]> {
  const users = new Map<AddressKey, number[]>();
  for (const [i, { to, forwards }] of floatingIps.entries()) {
    for (const target of to === undefined ? forwards.map((forward) => forward.to) : [to]) {
      const key = addressKey(target);
      const list = users.get(key);
      if (list === undefined) users.set(key, [i]);
      else list.push(i);
    }
  }
  return users;
}
