/**
 * host - inner router - gw - outer router - server, with addresses of both families. The host has a neighbour's addresses
 * beside its own; what runs where is the test's.
 */

import { diff } from "../../src/nat/diff.ts";
import type { NatTable } from "../../src/nat/table.ts";
import { makeNamespace, type Namespace } from "./namespace.ts";

const NAMES = ["host", "inner", "gw", "outer", "server"] as const;

/** What is done in each of them, once the cables are laid. */
const SETUP: Readonly<Record<(typeof NAMES)[number], string>> = {
  host: `
    ip address add 10.65.0.13/24 dev eth0; ip address add 10.65.0.14/32 dev eth0
    ip address add fd00:65::13/64 dev eth0 nodad; ip address add fd00:65::14/128 dev eth0 nodad
    ip route add default via 10.65.0.1; ip route add default via fd00:65::1`,
  inner: `
    ip address add 10.65.0.1/24 dev host; ip address add fd00:65::1/64 dev host nodad
    ip address add 10.66.0.1/24 dev eth0; ip address add fd00:66::1/64 dev eth0 nodad
    ip route add default via 10.66.0.2; ip route add default via fd00:66::2`,
  gw: `
    ip address add 10.66.0.2/24 dev inner; ip address add fd00:66::2/64 dev inner nodad
    ip address add 198.51.100.1/24 dev outer; ip address add 2001:db8:2::1/64 dev outer nodad
    ip route add 10.65.0.0/16 via 10.66.0.1; ip route add fd00:65::/64 via fd00:66::1
    ip route add default via 198.51.100.2; ip route add default via 2001:db8:2::2`,
  outer: `
    ip address add 198.51.100.2/24 dev eth0; ip address add 2001:db8:2::2/64 dev eth0 nodad
    ip address add 203.0.113.254/24 dev server; ip address add 2001:db8:3::fe/64 dev server nodad
    ip route add 192.0.2.0/24 via 198.51.100.1; ip route add 2001:db8:f::/64 via 2001:db8:2::1`,
  server: `
    ip address add 203.0.113.1/24 dev eth0; ip address add 2001:db8:3::1/64 dev eth0 nodad
    ip route add default via 203.0.113.254; ip route add default via 2001:db8:3::fe`,
};
/** Errors are told as often as they happen. */
const ROUTER =
  "sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0";

export type Five = Readonly<Record<(typeof NAMES)[number], Namespace>>;

/** @param name - a few characters of its own for each test file */
export function fiveSpaces(name: string): Five {
  const spaces = Object.fromEntries(NAMES.map((one) => [one, makeNamespace(`${name}-${one}`)])) as Five;
  // Nobody else has their addresses: they need not look first.
  for (const one of NAMES) spaces[one].run("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0");
  for (const router of ["inner", "gw", "outer"] as const) spaces[router].run("sh", "-c", ROUTER);
  spaces.inner.join("host", spaces.host);
  spaces.gw.join("inner", spaces.inner);
  spaces.gw.join("outer", spaces.outer);
  spaces.outer.join("server", spaces.server);
  for (const one of NAMES) spaces[one].run("sh", "-ec", SETUP[one]);
  return spaces;
}

export async function removeFive(spaces: Five | undefined): Promise<void> {
  for (const space of Object.values(spaces ?? {})) await space.remove();
}

/** Writes the whole table, and forgets all flows. */
export async function install({ gw }: Five, table: NatTable): Promise<void> {
  await gw.nft(diff(table, undefined));
  gw.attempt("conntrack", "-F");
}

/** Narrows the last link on one side, or none; the ends learn anew. */
export function narrow(spaces: Five, side: "host" | "server" | undefined, mtu: number): void {
  for (const [router, name] of [
    ["inner", "host"],
    ["outer", "server"],
  ] as const) {
    spaces[router].run("ip", "link", "set", name, "mtu", `${name === side ? mtu : 1500}`);
    spaces[name].run("sh", "-c", "ip route flush cache; ip -6 route flush cache");
  }
}
